/* ampql whoami: where AWS credentials come from, and who AWS takes them for. */
#include "base/json.h"
#include "base/time.h"
#include "cli/print.h"
#include "cli/report.h"
#include "cli/server.h"
#include "cli/table.h"
#include "tool/whoami.h"

#include <stdio.h>

struct flags {
    const char *source, *profile, *region, *role_arn, *external_id, *session_name;
    int format, error_format;
};

/* clang-format off */
static const struct option options[] = {
    {"source", 's', OPTION_STRING, offsetof(struct flags, source), "amp:WORKSPACE@REGION",
     "the workspace to ask; its region is the one that counts"},
    {"profile", 0, OPTION_STRING, offsetof(struct flags, profile), "NAME",
     "of the AWS configuration files; AWS_PROFILE when not given"},
    {"region", 0, OPTION_STRING, offsetof(struct flags, region), "REGION",
     "AWS_REGION when not given, else the profile's"},
    {"role-arn", 0, OPTION_STRING, offsetof(struct flags, role_arn), "ARN",
     "a role to assume, as for workspaces of other accounts"},
    {"external-id", 0, OPTION_STRING, offsetof(struct flags, external_id), "ID",
     "what that role's trust policy asks for"},
    {"session-name", 0, OPTION_STRING, offsetof(struct flags, session_name), "NAME",
     "how the role's session is called"},
    PRINT_OPTION(struct flags, format, "table|json", "table when not given"),
    REPORT_OPTIONS(struct flags, error_format),
};
/* clang-format on */

static struct str text_of(const char *text)
{
    return text ? str_of(text) : STR("");
}

/* ---- what is printed, as names and values */

struct facts {
    struct table table; /* of people */
    struct buf json;    /* of machines */
};

/* label: for people; NULL: not for them. name: in JSON */
static void fact(struct facts *facts, const char *label, const char *name, struct str value)
{
    if (label && value.n) {
        table_text(&facts->table, label);
        table_cell(&facts->table, value);
    }
    buf_text(&facts->json, facts->json.n > 1 ? "," : "");
    json_quote(&facts->json, str_of(name));
    buf_byte(&facts->json, ':');
    if (value.n)
        json_quote(&facts->json, value);
    else
        buf_text(&facts->json, "null");
}

static void expiry(struct facts *facts, const struct whoami *w, int64_t now_ms)
{
    char text[TIME_TEXT_MAX + 48], when[TIME_TEXT_MAX] = "";
    int64_t at = w->description.expires_ms, minutes = (at - now_ms) / 60000;
    size_t n = at ? time_format(at, when) : 0;
    snprintf(text, sizeof text, "%s, in %lld min", when, (long long)minutes);
    if (w->has_keys) {
        table_text(&facts->table, "expires");
        table_text(&facts->table, n ? text : "never");
    }
    fact(facts, NULL, "expires", str_make(when, n));
}

static void describe(struct facts *facts, struct arena *arena, const struct whoami *w,
                     int64_t now_ms)
{
    const struct credentials_description *d = &w->description;
    struct buf region;
    fact(facts, "provider", "provider", d->provider);
    fact(facts, "because", "reason", d->reason);
    fact(facts, "role", "role", d->role_arn);
    fact(facts, "access key", "accessKeyId", d->access_key_id);
    expiry(facts, w, now_ms);
    buf_init(&region, arena->alc, 1024);
    buf_str(&region, d->region);
    buf_format(&region, d->region.n ? " (%.*s)" : "%.*s", STR_ARGS(d->region_reason));
    table_text(&facts->table, "region");
    table_cell(&facts->table, d->region.n ? buf_view(&region) : STR("none: set AWS_REGION"));
    buf_done(&region);
    fact(facts, NULL, "region", d->region);
    fact(facts, NULL, "regionFrom", d->region_reason);
    fact(facts, "account", "account", w->identity.account);
    fact(facts, "identity", "arn", w->identity.arn);
    fact(facts, NULL, "userId", w->identity.user_id);
    buf_text(&facts->json, ",\"notUsed\":[");
    for (size_t i = 0; i < d->nshadowed; i++) {
        table_text(&facts->table, "not used");
        table_cell(&facts->table, d->shadowed[i]);
        buf_text(&facts->json, i ? "," : "");
        json_quote(&facts->json, d->shadowed[i]);
    }
    buf_byte(&facts->json, ']');
    fact(facts, "note", "note", d->note);
}

static enum exit_status print(struct cli *cli, const struct whoami *w, bool as_json)
{
    struct facts facts;
    bool ok = true;
    if (!w->has_description)
        return STATUS_OK;
    table_init(&facts.table, &cli->arena, 2);
    buf_init(&facts.json, cli->arena.alc, SIZE_MAX / 2);
    buf_byte(&facts.json, '{');
    describe(&facts, &cli->arena, w, cli->now_ms);
    buf_text(&facts.json, "}\n");
    if (!as_json)
        ok = table_print(&facts.table, &cli->out);
    else if (facts.json.failed)
        ok = false;
    else
        output_str(&cli->out, buf_view(&facts.json));
    buf_done(&facts.json);
    return ok ? STATUS_OK : report_nomem(cli);
}

/* ---- the command */

/* The region of amp:WORKSPACE@REGION; of other sources nothing is needed. */
static bool source_region(struct str source, struct str *out)
{
    if (!str_has_prefix(source, STR("amp:")))
        return true;
    const char *at = memchr(source.p, '@', source.n);
    *out = at ? str_from(source, (size_t)(at - source.p) + 1) : STR("");
    return out->n > 0;
}

static enum exit_status run(struct cli *cli, const void *payload, struct option_list operands)
{
    const struct flags *flags = payload;
    struct whoami_options asked = {
        .profile = text_of(flags->profile),
        .region = text_of(flags->region),
        .role_arn = text_of(flags->role_arn),
        .external_id = text_of(flags->external_id),
        .session_name = text_of(flags->session_name),
        .now_ms = cli->now_ms,
    };
    struct whoami found;
    struct ampql_error err = {0};
    (void)operands;
    if (flags->source && !source_region(str_of(flags->source), &asked.region))
        return report_usage(cli, NULL, "--source: expected amp:WORKSPACE@REGION");
    server_hold_secrets();
    enum ampql_code code = whoami(&asked, &cli->arena, &found, &err);
    enum exit_status status = print(cli, &found, flags->format == PRINT_JSON);
    if (status)
        return status;
    if (code != AMPQL_OK)
        return report_error(cli, &err, (struct report){0});
    if (found.has_identity)
        return STATUS_OK;
    if (found.identity_code == AMPQL_UNAUTHORIZED && found.description.region.n)
        return report_error(cli, &found.identity_error, (struct report){0});
    report_warning(cli, "%s", found.identity_error.message);
    return STATUS_OK;
}

const struct command command_whoami = {
    .name = "whoami",
    .summary = "where AWS credentials come from, and who AWS takes them for",
    .examples = "  ampql whoami\n"
                "  ampql whoami --source amp:ws-12345678-abcd-1234-efgh-123456789012@us-east-1\n"
                "  ampql whoami --profile audit -o json\n",
    .details =
        "Credentials are looked for as AWS's own tools do: environment, profile with a role, web\n"
        "identity (IRSA), profile, container endpoint (Pod Identity, ECS), instance metadata. The\n"
        "first that is configured is the one, and others that are as well are told. No secret is\n"
        "ever printed; of an access key's id the last four characters are.\n",
    COMMAND_OPTIONS(options, struct flags),
    .run = run,
};
