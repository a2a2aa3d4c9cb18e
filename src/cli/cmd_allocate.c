/* ampql allocate: what each namespace, pod, ... cost in a window. */
#include <ampql/cost.h>

#include "base/error.h"
#include "base/number.h"
#include "cli/cost_print.h"
#include "cli/print.h"
#include "cli/report.h"
#include "cli/rules.h"
#include "cli/session.h"
#include "cli/table.h"
#include "tool/new_file.h"
#include "tool/text_file.h"

struct flags {
    struct source_flags source;
    const char *window, *aggregate, *cluster_label, *cluster_id, *node_labels;
    const char *filter, *share_namespaces, *share_labels, *share_cost, *html, *price_file;
    const char *discount, *negotiated_discount;
    struct option_ms now, resolution, max_duration, step;
    int queries, provider, accumulate, share_split;
    bool filter_cluster, pod_uids, custom_prices, strict, print_queries;
    bool idle, split_idle, share_idle, idle_by_node, share_breakdown, aggregated_metadata;
    bool proportional_assets, share_balancers;
    uint64_t threads;
    struct option_list prices, quirks, aliases;
    struct rules_flags rules;
    struct run_flags run;
    int format;
};

static const struct option options[] = {
    {"window", 'w', OPTION_STRING, offsetof(struct flags, window), "WINDOW",
     "7d, today, lastweek, month, 12h offset 1d, START,END (RFC 3339 or Unix seconds), ..."},
    {"now", 0, OPTION_TIME, offsetof(struct flags, now), "TIME", "what now means"},
    {"aggregate", 'a', OPTION_STRING, offsetof(struct flags, aggregate), "LIST",
     "of cluster,node,namespace,pod,container,controller,service,label:NAME,team,..., or all"},
    {"filter", 'f', OPTION_STRING, offsetof(struct flags, filter), "FILTER",
     "OpenCost's filter v2, such as 'namespace:\"a\",\"b\"+label[app]!:\"web\"'"},
    {"step", 0, OPTION_DURATION, offsetof(struct flags, step), "DURATION",
     "a bill for each of these; one for the window when not given"},
    {"accumulate", 0, OPTION_ENUM, offsetof(struct flags, accumulate), "all|hour|day|week|month",
     "add steps up; they are an hour or a day when --step is not given"},
    {"resolution", 0, OPTION_DURATION, offsetof(struct flags, resolution), "DURATION",
     "of pod run times; 5m when not given"},
    {"max-duration", 0, OPTION_DURATION, offsetof(struct flags, max_duration), "DURATION",
     "of one computation: longer windows are added up from pieces; 1d when not given"},
    {"threads", 0, OPTION_INTEGER, offsetof(struct flags, threads), "N",
     "work by so many threads, where the sources are captures and files; the bill is the same"},
    {"idle", 0, OPTION_BOOL, offsetof(struct flags, idle), NULL,
     "what nodes cost beyond what was allocated, as __idle__"},
    {"split-idle", 0, OPTION_BOOL, offsetof(struct flags, split_idle), NULL,
     "one __idle__ a node, not one for all"},
    {"share-idle", 0, OPTION_BOOL, offsetof(struct flags, share_idle), NULL,
     "idle costs go to the allocations of their cluster, by cost"},
    {"idle-by-node", 0, OPTION_BOOL, offsetof(struct flags, idle_by_node), NULL,
     "to those of their node"},
    {"share-namespaces", 0, OPTION_STRING, offsetof(struct flags, share_namespaces), "LIST",
     "whose costs all others share"},
    {"share-labels", 0, OPTION_STRING, offsetof(struct flags, share_labels), "NAME:VALUE,...",
     "likewise"},
    {"share-cost", 0, OPTION_STRING, offsetof(struct flags, share_cost), "DOLLARS",
     "a month, to be shared too"},
    {"share-split", 0, OPTION_ENUM, offsetof(struct flags, share_split), "weighted|even",
     "what is shared goes by cost, or evenly to all lines"},
    {"share-breakdown", 0, OPTION_BOOL, offsetof(struct flags, share_breakdown), NULL,
     "with -o json or ndjson: of what is shared, how much is of each namespace and label"},
    {"aggregated-metadata", 0, OPTION_BOOL, offsetof(struct flags, aggregated_metadata), NULL,
     "lines keep labels and annotations that all their pods have, in one namespace"},
    {"proportional-assets", 0, OPTION_BOOL, offsetof(struct flags, proportional_assets), NULL,
     "with -o json or ndjson, and --idle: the part that each line has of each cluster; with "
     "--idle-by-node of each node, volume and load balancer"},
    {"share-balancers", 0, OPTION_BOOL, offsetof(struct flags, share_balancers), NULL,
     "of these: clusters on Azure have one public load balancer and one private"},
    {"labels-of", 0, OPTION_LIST, offsetof(struct flags, aliases), "WORD=LABEL,...",
     "labels that stand for department, environment, owner, product or team"},
    {"cluster-label", 0, OPTION_STRING, offsetof(struct flags, cluster_label), "LABEL",
     "the label that tells clusters apart; cluster_id when not given"},
    {"cluster-id", 0, OPTION_STRING, offsetof(struct flags, cluster_id), "ID",
     "the cluster of series without that label"},
    {"filter-cluster", 0, OPTION_BOOL, offsetof(struct flags, filter_cluster), NULL,
     "read only series of that cluster"},
    {"default-price", 0, OPTION_LIST, offsetof(struct flags, prices), "NAME=DOLLARS",
     "an hour of cpu, ram (a GiB), gpu, spot-cpu, spot-ram or spot-gpu, for nodes without prices; "
     "storage (a GiB)"},
    {"prices", 0, OPTION_STRING, offsetof(struct flags, price_file), "FILE",
     "prices and discounts as OpenCost's default.json has them, JSON or YAML"},
    {"custom-prices", 0, OPTION_BOOL, offsetof(struct flags, custom_prices), NULL,
     "use these prices for every node"},
    {"discount", 0, OPTION_STRING, offsetof(struct flags, discount), "0-1",
     "of CPU and RAM prices; 0.3 is 30%"},
    {"negotiated-discount", 0, OPTION_STRING, offsetof(struct flags, negotiated_discount), "0-1",
     "of what is left then"},
    {"queries", 0, OPTION_ENUM, offsetof(struct flags, queries), "2024|2026",
     "which of OpenCost's query sets; 2024 when not given"},
    {"provider", 0, OPTION_ENUM, offsetof(struct flags, provider), "aws|gcp",
     "whose discounts; aws, which all but gcp have, when not given"},
    {"pod-uids", 0, OPTION_BOOL, offsetof(struct flags, pod_uids), NULL,
     "tell pods of one name apart by uid"},
    {"node-labels", 0, OPTION_STRING, offsetof(struct flags, node_labels), "LIST",
     "labels of nodes to give to allocations, or none; OpenCost's when not given"},
    {"quirk", 0, OPTION_LIST, offsetof(struct flags, quirks), "NAME=on|off",
     "do as OpenCost does, or not; list: print them"},
    {"strict", 0, OPTION_BOOL, offsetof(struct flags, strict), NULL,
     "fail where there would be a warning: when anything is missing in the bill"},
    {"print-queries", 0, OPTION_BOOL, offsetof(struct flags, print_queries), NULL,
     "no bill, but what it asks, one query a line: to fetch at the window's end"},
    RULES_OPTIONS(struct flags, rules),
    SOURCE_OPTIONS(struct flags, source),
    RECORD_OPTION(struct flags, source),
    {"html", 0, OPTION_STRING, offsetof(struct flags, html), "FILE",
     "also write a page for a browser: costs over time, and a table"},
    PRINT_OPTION(struct flags, format, "table|json|csv|ndjson|summary",
                 "table when not given; json is OpenCost's /allocation, ndjson its lines, summary "
                 "its /allocation/summary"),
    LIMIT_OPTIONS(struct flags, run),
};

/* ---- the window */

static enum exit_status read_window(struct cli *cli, const struct flags *flags,
                                    struct ampql_cost_options *out)
{
    struct ampql_error err = {0};
    int64_t now_ms = flags->now.is_set ? flags->now.ms : cli->now_ms / 1000 * 1000;
    out->now_ms = now_ms;
    if (!flags->window)
        return report_usage(cli, NULL, "expected --window");
    if (ampql_cost_window(flags->window, strlen(flags->window), now_ms, &out->start_ms,
                          &out->end_ms, &err) == AMPQL_OK)
        return STATUS_OK;
    return report_error(
        cli, &err,
        (struct report){.what = "--window", .text = str_of(flags->window), .status = STATUS_USAGE});
}

/* ---- the run */

/* "a=off,b=on" of the flags given; NULL when memory is out. */
static const char *join_quirks(struct cli *cli, struct option_list quirks)
{
    size_t size = 1, used = 0;
    for (size_t i = 0; i < quirks.n; i++)
        size += strlen(quirks.at[i]) + 1;
    char *text = arena_zeroed(&cli->arena, size, 1);
    for (size_t i = 0; text && i < quirks.n; i++) {
        size_t n = strlen(quirks.at[i]);
        if (i)
            text[used++] = ',';
        memcpy(text + used, quirks.at[i], n);
        used += n;
    }
    return text;
}

/* NAME=DOLLARS of each flag, over those that are there. */
static enum exit_status read_prices(struct cli *cli, struct option_list flags,
                                    struct ampql_prices *out)
{
    static const struct {
        const char *name;
        size_t offset;
    } names[] = {{"cpu", offsetof(struct ampql_prices, cpu)},
                 {"ram", offsetof(struct ampql_prices, ram)},
                 {"gpu", offsetof(struct ampql_prices, gpu)},
                 {"spot-cpu", offsetof(struct ampql_prices, spot_cpu)},
                 {"spot-ram", offsetof(struct ampql_prices, spot_ram)},
                 {"spot-gpu", offsetof(struct ampql_prices, spot_gpu)},
                 {"storage", offsetof(struct ampql_prices, storage)}};
    enum { NNAMES = sizeof names / sizeof *names };
    for (size_t i = 0; i < flags.n; i++) {
        const char *equals = strchr(flags.at[i], '=');
        size_t n = equals ? (size_t)(equals - flags.at[i]) : 0, k = 0;
        double price;
        while (k < NNAMES && !str_equal(str_of(names[k].name), str_make(flags.at[i], n)))
            k++;
        if (k == NNAMES || !number_parse(str_of(equals + 1), &price))
            return report_usage(cli, NULL,
                                "--default-price %s: expected cpu, ram, gpu, spot-cpu, spot-ram, "
                                "spot-gpu or storage, = and a number",
                                flags.at[i]);
        *(double *)((char *)out + names[k].offset) = price;
    }
    return STATUS_OK;
}

static enum exit_status read_number(struct cli *cli, const char *flag, const char *text,
                                    const char *example, double *out)
{
    if (!text || number_parse(str_of(text), out))
        return STATUS_OK;
    return report_usage(cli, NULL, "--%s %s: expected a number, such as %s", flag, text, example);
}

/* --prices FILE, or the default prices. */
static enum exit_status read_price_file(struct cli *cli, const struct flags *flags,
                                        const struct session *session, struct ampql_prices *prices,
                                        struct ampql_cost_options *cost)
{
    struct ampql_error err = {0};
    struct str text = {NULL, 0};
    *prices = ampql_default_prices();
    cost->prices = prices;
    if (!flags->price_file)
        return STATUS_OK;
    if (text_file_read(&cli->arena, flags->price_file, &text, &err) == AMPQL_OK &&
        ampql_cost_prices_read(session->engine, text.p, text.n, cost, prices, &err) == AMPQL_OK)
        return STATUS_OK;
    return report_error(
        cli, &err, (struct report){.what = flags->price_file, .text = text, .says_where = true});
}

static enum exit_status read_numbers(struct cli *cli, const struct flags *flags,
                                     const struct session *session, struct ampql_prices *prices,
                                     struct ampql_cost_options *cost)
{
    enum exit_status status = read_price_file(cli, flags, session, prices, cost);
    if (!status)
        status = read_prices(cli, flags->prices, prices);
    if (!status)
        status = read_number(cli, "discount", flags->discount, "0.3", &cost->discount);
    if (!status)
        status = read_number(cli, "negotiated-discount", flags->negotiated_discount, "0.3",
                             &cost->negotiated_discount);
    return status;
}

/* ---- how lines are made */

/* WORD=LABEL,... of each flag */
static enum exit_status read_aliases(struct cli *cli, struct option_list flags,
                                     struct ampql_aggregate_options *out)
{
    const struct {
        const char *word;
        const char **labels;
    } rows[] = {{"department", &out->department_labels},
                {"environment", &out->environment_labels},
                {"owner", &out->owner_labels},
                {"product", &out->product_labels},
                {"team", &out->team_labels}};
    enum { NROWS = sizeof rows / sizeof *rows };
    for (size_t i = 0; i < flags.n; i++) {
        const char *equals = strchr(flags.at[i], '=');
        size_t n = equals ? (size_t)(equals - flags.at[i]) : 0, k = 0;
        while (k < NROWS && !str_equal(str_of(rows[k].word), str_make(flags.at[i], n)))
            k++;
        if (k == NROWS)
            return report_usage(cli, NULL,
                                "--labels-of %s: expected department, environment, owner, product "
                                "or team, = and a list of labels",
                                flags.at[i]);
        *rows[k].labels = equals + 1;
    }
    return STATUS_OK;
}

static enum exit_status read_lines(struct cli *cli, const struct flags *flags,
                                   struct ampql_aggregate_options *out)
{
    *out = (struct ampql_aggregate_options){
        .size = sizeof *out,
        .aggregate = flags->aggregate,
        .split_idle = flags->split_idle,
        .filter = flags->filter,
        .share_idle = flags->share_idle,
        .idle_by_node = flags->idle_by_node,
        .share_namespaces = flags->share_namespaces,
        .share_labels = flags->share_labels,
        .share_evenly = flags->share_split == 2,
        .share_breakdown = flags->share_breakdown,
        .aggregated_metadata = flags->aggregated_metadata,
        .proportional_assets = flags->proportional_assets,
        .share_balancers = flags->share_balancers,
        .accumulate = (enum ampql_cost_accumulate)flags->accumulate, /* in the same order */
    };
    if ((flags->share_idle || flags->idle_by_node) && !flags->idle)
        return report_usage(cli, NULL, "--share-idle and --idle-by-node need --idle");
    if (flags->proportional_assets && !flags->idle)
        return report_usage(cli, NULL, "--proportional-assets needs --idle");
    if (flags->share_balancers && !flags->proportional_assets)
        return report_usage(cli, NULL, "--share-balancers needs --proportional-assets");
    enum exit_status status =
        read_number(cli, "share-cost", flags->share_cost, "30.42", &out->share_monthly_cost);
    return status ? status : read_aliases(cli, flags->aliases, out);
}

static enum exit_status fill_options(struct cli *cli, const struct flags *flags,
                                     const struct session *session, struct ampql_cost_options *cost)
{
    bool wants_no_labels = flags->node_labels && strcmp(flags->node_labels, "none") == 0;
    cost->size = sizeof *cost;
    cost->queries = flags->queries == 2 ? AMPQL_COST_2026 : AMPQL_COST_2024;
    cost->provider = flags->provider == 2 ? AMPQL_COST_GCP : AMPQL_COST_AWS;
    cost->pod_uids = flags->pod_uids;
    cost->no_node_labels = wants_no_labels;
    cost->node_labels = flags->node_labels;
    cost->quirks = join_quirks(cli, flags->quirks);
    cost->resolution_ms = flags->resolution.ms;
    cost->cluster_label = flags->cluster_label;
    cost->cluster_id = flags->cluster_id;
    cost->filter_cluster = flags->filter_cluster;
    cost->custom_prices = cost->custom_prices || flags->custom_prices;
    cost->max_duration_ms = flags->max_duration.ms;
    cost->idle = flags->idle;
    cost->strict = flags->strict;
    cost->step_ms = flags->step.ms;
    cost->threads = flags->threads;
    cost->dialect = session->options.dialect;
    cost->timeout_ms = session->options.timeout_ms;
    cost->max_samples = session->options.max_samples;
    cost->max_series = session->options.max_series;
    cost->max_bytes = session->options.max_bytes;
    cost->max_labels = session->options.max_labels;
    cost->max_label_bytes = session->options.max_label_bytes;
    cost->cancel = session->cancel;
    cost->rules = session->options.rules;
    cost->recorded = session->options.recorded;
    cost->rule_phase_ms = session->options.rule_phase_ms;
    cost->rule_file = session->options.rule_file;
    return cost->quirks ? STATUS_OK : report_nomem(cli);
}

/* Tried without any series: what fails there is a mistake in the flags. text  what the error's
 * place is in */
static enum exit_status try_options(struct cli *cli, const struct session *session,
                                    struct ampql_cost_options cost,
                                    struct ampql_aggregate_options lines, const char *flag,
                                    const char *text)
{
    struct ampql_error err = {0};
    struct ampql_source *nothing = NULL;
    struct ampql_allocations *allocations = NULL;
    enum exit_status status = STATUS_OK;
    enum ampql_code code = ampql_source_memory(session->engine, NULL, &nothing, &err);
    cost.strict = false;
    cost.lines = &lines;
    if (code == AMPQL_OK)
        code = ampql_allocate(session->engine, nothing, &cost, &allocations, &err);
    if (code == AMPQL_BAD_DATA && err.has_span)
        status = report_error(
            cli, &err, (struct report){.what = flag, .text = str_of(text), .status = STATUS_USAGE});
    else if (code == AMPQL_BAD_DATA)
        status = report_usage(cli, NULL, "%s", err.message);
    else if (code != AMPQL_OK)
        status = report_error(cli, &err, (struct report){0});
    ampql_allocations_free(allocations);
    ampql_source_free(nothing);
    return status;
}

/* First without the filter, so that a place in a text is one of the other. */
static enum exit_status check_options(struct cli *cli, const struct session *session,
                                      const struct ampql_cost_options *cost)
{
    struct ampql_aggregate_options lines = *cost->lines, without = lines;
    without.filter = NULL;
    enum exit_status status = try_options(cli, session, *cost, without, "--aggregate",
                                          lines.aggregate ? lines.aggregate : "");
    if (status || !lines.filter)
        return status;
    return try_options(cli, session, *cost, lines, "--filter", lines.filter);
}

static void tell_stats(struct cli *cli, const struct ampql_allocations *allocations)
{
    struct ampql_cost_query query;
    struct ampql_stats alone, shared;
    report_stats(cli, ampql_allocations_stats(allocations));
    for (size_t i = 0; ampql_allocations_costs(allocations, i, &alone, &shared); i++)
        if (ampql_cost_query_at(i, &query))
            report_costs(cli, query.name, alone, shared);
}

/* --html FILE: there only when it is whole. */
static enum exit_status write_page(struct cli *cli, const struct flags *flags,
                                   const struct ampql_allocations *allocations)
{
    struct ampql_error err = {0};
    struct new_file file;
    if (!flags->html)
        return STATUS_OK;
    enum ampql_code code = new_file_open(&file, &alloc_default, flags->html, &err);
    if (code == AMPQL_OK) {
        code =
            cost_print_html(allocations, flags->aggregate, &alloc_default, new_file_write, &file);
        code = new_file_finish(&file, code, &err);
    }
    return code == AMPQL_OK ? STATUS_OK
                            : report_error(cli, &err, (struct report){.what = "--html"});
}

static enum exit_status allocate(struct cli *cli, const struct flags *flags,
                                 const struct session *session,
                                 const struct ampql_cost_options *cost)
{
    struct ampql_error err = {0};
    struct ampql_allocations *allocations = NULL;
    if (ampql_allocate(session->engine, session->source, cost, &allocations, &err) != AMPQL_OK)
        return session_error(cli, session, &err, (struct report){0});
    for (size_t i = 0; i < ampql_allocations_warning_count(allocations); i++)
        report_warning_text(cli, str_view(ampql_allocations_warning(allocations, i)));
    enum exit_status status = write_page(cli, flags, allocations);
    if (!status)
        status = cost_print(cli, allocations, flags->aggregate, flags->format);
    if (flags->run.stats)
        tell_stats(cli, allocations);
    ampql_allocations_free(allocations);
    return status;
}

/* What --quirk list prints. */
static enum exit_status list_quirks(struct cli *cli)
{
    struct ampql_cost_quirk quirk;
    struct table table;
    table_init(&table, &cli->arena, 3);
    table_head(&table, 0, STR("QUIRK"), false);
    table_head(&table, 1, STR("IS"), false);
    table_head(&table, 2, STR("WHAT IT DOES"), false);
    for (size_t i = 0; ampql_cost_quirk_at(i, &quirk); i++) {
        table_text(&table, quirk.name);
        table_text(&table, quirk.is_on ? "on" : "off");
        table_text(&table, quirk.help);
    }
    return table_print(&table, &cli->out) ? STATUS_OK : report_nomem(cli);
}

/* A query's text comes in one piece. */
static int print_query(void *payload, const char *data, size_t size)
{
    output_bytes(payload, data, size);
    output_byte(payload, '\n');
    return 0;
}

static enum exit_status print_queries(struct cli *cli, const struct session *session,
                                      const struct ampql_cost_options *cost)
{
    enum { DAY_MS = 86400000 };
    struct ampql_cost_query query;
    struct ampql_error err = {0};
    enum ampql_code code = AMPQL_OK;
    if (cost->end_ms - cost->start_ms > (cost->max_duration_ms ? cost->max_duration_ms : DAY_MS))
        return report_usage(cli, NULL,
                            "--print-queries: the window is longer than --max-duration, so that "
                            "each of its pieces has queries of its own");
    for (size_t i = 0; ampql_cost_query_at(i, &query) && code == AMPQL_OK; i++)
        code = ampql_cost_query_text(session->engine, i, cost, print_query, &cli->out, &err);
    return code == AMPQL_OK ? STATUS_OK : report_error(cli, &err, (struct report){0});
}

static enum exit_status run(struct cli *cli, const void *payload, struct option_list operands)
{
    const struct flags *flags = payload;
    struct ampql_aggregate_options lines;
    struct ampql_cost_options cost = {.lines = &lines};
    struct ampql_prices prices;
    struct session session;
    (void)operands;
    for (size_t i = 0; i < flags->quirks.n; i++)
        if (strcmp(flags->quirks.at[i], "list") == 0)
            return list_quirks(cli);
    enum exit_status status = session_open(cli, &flags->run, &session);
    if (!status)
        status = read_window(cli, flags, &cost);
    if (!status)
        status = read_numbers(cli, flags, &session, &prices, &cost);
    if (!status)
        status = read_lines(cli, flags, &lines);
    if (!status)
        status = rules_read_flags(cli, &flags->rules, &flags->run, &session);
    if (!status)
        status = session_source(cli, &flags->source, &flags->run, &session);
    if (!status)
        status = rules_open(cli, &flags->rules, &session);
    if (!status)
        status = fill_options(cli, flags, &session, &cost);
    if (!status)
        status = check_options(cli, &session, &cost);
    if (!status)
        status = flags->print_queries ? print_queries(cli, &session, &cost)
                                      : allocate(cli, flags, &session, &cost);
    return session_finish(cli, &session, status);
}

const struct command command_allocate = {
    .name = "allocate",
    .summary = "what each namespace, pod, ... cost: OpenCost's allocations",
    .examples =
        "  ampql allocate -s examples/data/cluster_day.aqc --aggregate namespace \\\n"
        "    --window 2026-03-01T00:00:00Z,2026-03-02T00:00:00Z\n"
        "  ampql allocate -s examples/data/cluster_day.aqc -w 1d --now 2026-03-02T00:00:00Z "
        "-o csv\n",
    .details = "The table is rounded, and its costs are in the currency of the prices; csv and\n"
               "json are not rounded further than the model does. Windows are of UTC; 7d and the\n"
               "like end with the unit that is now, as OpenCost has it. What is shared is in no\n"
               "line of its own.\n"
               "\n"
               "To bill later what a server has now:\n"
               "  ampql allocate --window START,END --print-queries |\n"
               "    xargs -d '\\n' ampql fetch -s SERVER --time END --out FILE.aqc\n",
    COMMAND_OPTIONS(options, struct flags),
    .run = run,
};
