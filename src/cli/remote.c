/* Opening a receiver from flags, and telling what was written. */
#include "cli/remote.h"

#include "base/error.h"

enum { HOUR_MS = 3600000 };

static enum ampql_code target(const struct remote_flags *flags, const struct server_flags *aws,
                              struct arena *arena, struct ampql_http_options *http,
                              const char **url, struct ampql_error *err)
{
    static const struct ampql_http_options none;
    const char *workspace, *region;
    struct server_flags own = *aws;
    own.headers.n = 0; /* and what else is between us and the source */
    own.config_file = flags->config_file;
    own.cert_file = own.key_file = NULL;
    own.sign = false;
    own.max_billed_samples = 0;
    TRY(server_options(&own, &none, arena, http, err));
    *url = flags->to;
    if (!str_has_prefix(str_of(flags->to), STR("amp:")))
        return is_server_source(str_of(flags->to))
                   ? AMPQL_OK
                   : fail_quote(err, AMPQL_BAD_DATA,
                                "--remote-write: expected http(s)://... or amp:WORKSPACE@REGION",
                                str_of(flags->to));
    TRY(server_amp_parts(flags->to, http, arena, &workspace, &region, err));
    http->sign = true;
    http->region = region;
    return remote_write_amp_url(arena, workspace, region, aws->endpoint, url, err);
}

enum exit_status remote_open(struct cli *cli, const struct remote_flags *flags,
                             const struct server_flags *aws, struct str job,
                             struct ampql_cancel *cancel, struct remote *out)
{
    struct ampql_http_options http;
    struct ampql_error err = {0};
    *out = (struct remote){.is_dry = flags->dry_run};
    if (!flags->to)
        return flags->state || flags->config_file || flags->max_samples || flags->dry_run
                   ? report_usage(cli, NULL,
                                  "--dry-run and --remote-write.* are about --remote-write, which "
                                  "was not given")
                   : STATUS_OK;
    struct remote_write_options options = {
        .http = &http,
        .max_samples = flags->max_samples < SIZE_MAX ? (size_t)flags->max_samples : SIZE_MAX,
        .is_dry = flags->dry_run,
        .state_path = flags->state,
        .job = job,
        .cancel = cancel,
    };
    enum ampql_code code = target(flags, aws, &cli->arena, &http, &options.url, &err);
    if (code == AMPQL_OK)
        code = remote_write_open(&alloc_default, &options, &out->write, &err);
    return code == AMPQL_OK ? STATUS_OK : remote_failed(cli, &err);
}

/* What a receiver refused was not written, as what standard output does not take. */
enum exit_status remote_failed(struct cli *cli, const struct ampql_error *err)
{
    struct ampql_error shown = *err;
    struct report report = {.what = "remote write"};
    if (err->code == AMPQL_OUTPUT) {
        shown.code = AMPQL_BAD_DATA;
        report.status = STATUS_OUTPUT;
    }
    return report_error(cli, &shown, report);
}

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static void tell(struct cli *cli, const struct remote *remote)
{
    struct remote_write_stats stats = remote_write_stats(remote->write);
    if (!remote->is_dry) {
        report_note(cli,
                    "wrote %llu sample%s in %llu request%s, %llu again; %llu had arrived before",
                    (unsigned long long)stats.samples, plural(stats.samples),
                    (unsigned long long)stats.requests, plural(stats.requests),
                    (unsigned long long)stats.retries, (unsigned long long)stats.skipped);
        return;
    }
    report_note(
        cli,
        "would write %llu sample%s in %llu request%s: $%.6f at $%.2f for 10 million; %llu had "
        "arrived before",
        (unsigned long long)stats.samples, plural(stats.samples),
        (unsigned long long)stats.requests, plural(stats.requests),
        (double)stats.samples * REMOTE_WRITE_PRICE / 1e7, REMOTE_WRITE_PRICE,
        (unsigned long long)stats.skipped);
    if (stats.oldest_ms < cli->now_ms - HOUR_MS)
        report_note(cli, "some are older than an hour: AMP takes none of those, a Prometheus only "
                         "what is not far behind its newest sample");
}

enum exit_status remote_finish(struct cli *cli, const struct remote *remote)
{
    struct ampql_error err = {0};
    if (!remote->write)
        return STATUS_OK;
    if (remote_write_send(remote->write, &err) != AMPQL_OK)
        return remote_failed(cli, &err);
    tell(cli, remote);
    return STATUS_OK;
}

void remote_close(struct remote *remote)
{
    remote_write_close(remote->write);
    *remote = (struct remote){0};
}
