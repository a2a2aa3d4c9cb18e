/* ampql allocate: what each namespace, pod, ... cost in a window. */
#include <ampql/cost.h>

#include "base/duration.h"
#include "base/error.h"
#include "base/number.h"
#include "base/time.h"
#include "cli/print.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/table.h"

#include <math.h>

enum { MONEY_DECIMALS = 6, HOURS_DECIMALS = 3, PERCENT_DECIMALS = 1 };

struct flags {
    struct source_flags source;
    const char *window, *aggregate, *cluster_label, *cluster_id, *node_labels;
    const char *discount, *negotiated_discount;
    struct option_ms now, resolution, max_duration;
    int queries, provider;
    bool filter_cluster, pod_uids, custom_prices, idle, split_idle, strict, print_queries;
    struct option_list prices, quirks;
    struct run_flags run;
    int format;
};

static const struct option options[] = {
    {"window", 'w', OPTION_STRING, offsetof(struct flags, window), "WINDOW",
     "START,END (RFC 3339 or Unix seconds), or a duration that ends now"},
    {"now", 0, OPTION_TIME, offsetof(struct flags, now), "TIME", "what now means"},
    {"aggregate", 'a', OPTION_STRING, offsetof(struct flags, aggregate), "LIST",
     "of cluster,node,namespace,pod,container, or all; all five when not given"},
    {"resolution", 0, OPTION_DURATION, offsetof(struct flags, resolution), "DURATION",
     "of pod run times; 5m when not given"},
    {"max-duration", 0, OPTION_DURATION, offsetof(struct flags, max_duration), "DURATION",
     "of one computation: longer windows are added up from pieces; 1d when not given"},
    {"idle", 0, OPTION_BOOL, offsetof(struct flags, idle), NULL,
     "what nodes cost beyond what was allocated, as __idle__"},
    {"split-idle", 0, OPTION_BOOL, offsetof(struct flags, split_idle), NULL,
     "one __idle__ a node, not one for all"},
    {"cluster-label", 0, OPTION_STRING, offsetof(struct flags, cluster_label), "LABEL",
     "the label that tells clusters apart; cluster_id when not given"},
    {"cluster-id", 0, OPTION_STRING, offsetof(struct flags, cluster_id), "ID",
     "the cluster of series without that label"},
    {"filter-cluster", 0, OPTION_BOOL, offsetof(struct flags, filter_cluster), NULL,
     "read only series of that cluster"},
    {"default-price", 0, OPTION_LIST, offsetof(struct flags, prices), "NAME=DOLLARS",
     "an hour of cpu, ram (a GiB), gpu, spot-cpu, spot-ram or spot-gpu, for nodes without prices"},
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
    SOURCE_OPTIONS(struct flags, source),
    RECORD_OPTION(struct flags, source),
    PRINT_OPTION(struct flags, format, "table|json|csv",
                 "table when not given; json is OpenCost's /allocation"),
    LIMIT_OPTIONS(struct flags, run),
};

/* ---- the window */

static enum ampql_code parse_window(struct str text, int64_t now_ms, struct ampql_cost_options *out,
                                    struct ampql_error *err)
{
    const char *comma = text.n ? memchr(text.p, ',', text.n) : NULL;
    if (!comma) {
        int64_t length_ms;
        TRY(duration_parse(text, &length_ms, err));
        out->end_ms = now_ms;
        out->start_ms = now_ms - length_ms;
        return AMPQL_OK;
    }
    size_t n = (size_t)(comma - text.p);
    TRY(time_parse(str_make(text.p, n), now_ms, &out->start_ms, err));
    return time_parse(str_from(text, n + 1), now_ms, &out->end_ms, err);
}

static enum exit_status read_window(struct cli *cli, const struct flags *flags,
                                    struct ampql_cost_options *out)
{
    struct ampql_error err = {0};
    int64_t now_ms = flags->now.is_set ? flags->now.ms : cli->now_ms / 1000 * 1000;
    out->now_ms = now_ms;
    if (!flags->window)
        return report_usage(cli, NULL, "expected --window");
    if (parse_window(str_of(flags->window), now_ms, out, &err) != AMPQL_OK)
        return report_usage(cli, NULL, "--window: %s", err.message);
    if (out->start_ms >= out->end_ms)
        return report_usage(cli, NULL, "--window: the end is not after the start");
    return STATUS_OK;
}

/* ---- output */

/* Rounded for people; what is no number is said as such. */
static void cell_number(struct table *table, double v, int decimals)
{
    char text[NUMBER_MAX];
    if (isfinite(v))
        snprintf(text, sizeof text, "%.*f", decimals, v);
    else
        number_format(v, text);
    table_text(table, text);
}

static void add_row(struct table *table, struct str name, const struct ampql_allocation *a)
{
    static const double GIB = 1024.0 * 1024 * 1024;
    table_cell(table, name);
    cell_number(table, a->cpu_core_hours, HOURS_DECIMALS);
    cell_number(table, a->ram_byte_hours / GIB, HOURS_DECIMALS);
    cell_number(table, a->cpu_cost, MONEY_DECIMALS);
    cell_number(table, a->ram_cost, MONEY_DECIMALS);
    cell_number(table, a->gpu_cost, MONEY_DECIMALS);
    cell_number(table, a->total_cost, MONEY_DECIMALS);
    cell_number(table, a->total_efficiency * 100, PERCENT_DECIMALS);
}

static enum exit_status print_table(struct cli *cli, const struct flags *flags,
                                    const struct ampql_allocations *allocations)
{
    static const char *const heads[] = {"",         "CPU CORE-H", "RAM GIB-H",  "CPU COST",
                                        "RAM COST", "GPU COST",   "TOTAL COST", "EFFICIENCY %"};
    enum { NHEADS = sizeof heads / sizeof *heads };
    struct table table;
    table_init(&table, &cli->arena, NHEADS);
    table_head(&table, 0,
               flags->aggregate ? str_of(flags->aggregate)
                                : STR("cluster/node/namespace/pod/container"),
               false);
    for (size_t i = 1; i < NHEADS; i++)
        table_head(&table, i, str_of(heads[i]), true);
    for (size_t i = 0; i < ampql_allocations_count(allocations); i++) {
        const struct ampql_allocation *a = ampql_allocations_at(allocations, i);
        add_row(&table, str_view(a->name), a);
    }
    add_row(&table, STR("SUMMED"), ampql_allocations_total(allocations));
    table.nrows_total = 1;
    return table_print(&table, &cli->out) ? STATUS_OK : report_nomem(cli);
}

static void csv_number(struct output *out, double v)
{
    char number[NUMBER_MAX];
    output_byte(out, ',');
    output_bytes(out, number, number_format(v, number));
}

static void print_csv_row(struct output *out, const struct ampql_allocation *a)
{
    char time[TIME_TEXT_MAX];
    const struct ampql_string texts[] = {a->name,           a->cluster, a->node,
                                         a->namespace_name, a->pod,     a->container};
    const double numbers[] = {a->minutes,        a->cpu_core_hours,  a->ram_byte_hours,
                              a->gpu_hours,      a->cpu_cost,        a->ram_cost,
                              a->gpu_cost,       a->total_cost,      a->cpu_efficiency,
                              a->ram_efficiency, a->total_efficiency};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (i)
            output_byte(out, ',');
        print_csv_field(out, str_view(texts[i]));
    }
    output_byte(out, ',');
    output_bytes(out, time, time_format(a->start_ms, time));
    output_byte(out, ',');
    output_bytes(out, time, time_format(a->end_ms, time));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        csv_number(out, numbers[i]);
    output_byte(out, '\n');
}

static enum exit_status print(struct cli *cli, const struct flags *flags,
                              const struct ampql_allocations *allocations)
{
    if (flags->format == PRINT_JSON) {
        enum ampql_code code = ampql_allocations_json(allocations, output_write, &cli->out);
        output_byte(&cli->out, '\n');
        return code == AMPQL_NOMEM ? report_nomem(cli) : STATUS_OK;
    }
    if (flags->format != PRINT_CSV)
        return print_table(cli, flags, allocations);
    output_text(&cli->out, "name,cluster,node,namespace,pod,container,start,end,minutes,"
                           "cpu_core_hours,ram_byte_hours,gpu_hours,cpu_cost,ram_cost,gpu_cost,"
                           "total_cost,cpu_efficiency,ram_efficiency,total_efficiency\n");
    for (size_t i = 0; i < ampql_allocations_count(allocations); i++)
        print_csv_row(&cli->out, ampql_allocations_at(allocations, i));
    return STATUS_OK;
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

/* NAME=DOLLARS of each flag, over the default prices. */
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
                 {"spot-gpu", offsetof(struct ampql_prices, spot_gpu)}};
    enum { NNAMES = sizeof names / sizeof *names };
    *out = ampql_default_prices();
    for (size_t i = 0; i < flags.n; i++) {
        const char *equals = strchr(flags.at[i], '=');
        size_t n = equals ? (size_t)(equals - flags.at[i]) : 0, k = 0;
        double price;
        while (k < NNAMES && !str_equal(str_of(names[k].name), str_make(flags.at[i], n)))
            k++;
        if (k == NNAMES || !number_parse(str_of(equals + 1), &price))
            return report_usage(cli, NULL,
                                "--default-price %s: expected cpu, ram, gpu, spot-cpu, spot-ram or "
                                "spot-gpu, = and a number",
                                flags.at[i]);
        *(double *)((char *)out + names[k].offset) = price;
    }
    return STATUS_OK;
}

static enum exit_status read_discount(struct cli *cli, const char *flag, const char *text,
                                      double *out)
{
    if (!text || number_parse(str_of(text), out))
        return STATUS_OK;
    return report_usage(cli, NULL, "--%s %s: expected a number, such as 0.3", flag, text);
}

static enum exit_status read_numbers(struct cli *cli, const struct flags *flags,
                                     struct ampql_prices *prices, struct ampql_cost_options *cost)
{
    enum exit_status status = read_prices(cli, flags->prices, prices);
    cost->prices = prices;
    if (!status)
        status = read_discount(cli, "discount", flags->discount, &cost->discount);
    if (!status)
        status = read_discount(cli, "negotiated-discount", flags->negotiated_discount,
                               &cost->negotiated_discount);
    return status;
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
    cost->custom_prices = flags->custom_prices;
    cost->max_duration_ms = flags->max_duration.ms;
    cost->idle = flags->idle;
    cost->split_idle = flags->split_idle;
    cost->strict = flags->strict;
    cost->aggregate = flags->aggregate;
    cost->dialect = session->options.dialect;
    cost->timeout_ms = session->options.timeout_ms;
    cost->max_samples = session->options.max_samples;
    cost->max_series = session->options.max_series;
    cost->cancel = session->cancel;
    return cost->quirks ? STATUS_OK : report_nomem(cli);
}

/* Tried without any series first: what fails there is a mistake in the flags. */
static enum exit_status check_options(struct cli *cli, const struct session *session,
                                      const struct ampql_cost_options *cost)
{
    struct ampql_error err = {0};
    struct ampql_source *nothing = NULL;
    struct ampql_allocations *allocations = NULL;
    struct ampql_cost_options lax = *cost;
    enum exit_status status = STATUS_OK;
    enum ampql_code code = ampql_source_memory(session->engine, NULL, &nothing, &err);
    lax.strict = false;
    if (code == AMPQL_OK)
        code = ampql_allocate(session->engine, nothing, &lax, &allocations, &err);
    if (code == AMPQL_BAD_DATA || code == AMPQL_UNSUPPORTED)
        status = report_usage(cli, NULL, "%s", err.message);
    else if (code != AMPQL_OK)
        status = report_error(cli, &err, (struct report){0});
    ampql_allocations_free(allocations);
    ampql_source_free(nothing);
    return status;
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
    enum exit_status status = print(cli, flags, allocations);
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
    struct ampql_cost_options cost = {0};
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
        status = read_numbers(cli, flags, &prices, &cost);
    if (!status)
        status = session_source(cli, &flags->source, &flags->run, &session);
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
               "json are not rounded further than the model does.\n"
               "\n"
               "To bill later what a server has now:\n"
               "  ampql allocate --window START,END --print-queries |\n"
               "    xargs -d '\\n' ampql fetch -s SERVER --time END --out FILE.aqc\n",
    COMMAND_OPTIONS(options, struct flags),
    .run = run,
};
