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
    const char *window, *aggregate, *cluster_label, *cluster_id;
    struct option_ms now, resolution;
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
    {"cluster-label", 0, OPTION_STRING, offsetof(struct flags, cluster_label), "LABEL",
     "the label that tells clusters apart; cluster_id when not given"},
    {"cluster-id", 0, OPTION_STRING, offsetof(struct flags, cluster_id), "ID",
     "the cluster of series without that label"},
    SOURCE_OPTIONS(struct flags, source),
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

static void fill_options(const struct flags *flags, const struct session *session,
                         struct ampql_cost_options *cost)
{
    cost->size = sizeof *cost;
    cost->resolution_ms = flags->resolution.ms;
    cost->cluster_label = flags->cluster_label;
    cost->cluster_id = flags->cluster_id;
    cost->aggregate = flags->aggregate;
    cost->dialect = session->options.dialect;
    cost->timeout_ms = session->options.timeout_ms;
    cost->max_samples = session->options.max_samples;
    cost->cancel = session->cancel;
}

/* Tried without any series first: what fails there is a mistake in the flags. */
static enum exit_status check_options(struct cli *cli, const struct session *session,
                                      const struct ampql_cost_options *cost)
{
    struct ampql_error err = {0};
    struct ampql_source *nothing = NULL;
    struct ampql_allocations *allocations = NULL;
    enum exit_status status = STATUS_OK;
    enum ampql_code code = ampql_source_memory(session->engine, NULL, &nothing, &err);
    if (code == AMPQL_OK)
        code = ampql_allocate(session->engine, nothing, cost, &allocations, &err);
    if (code == AMPQL_BAD_DATA || code == AMPQL_UNSUPPORTED)
        status = report_usage(cli, NULL, "%s", err.message);
    else if (code != AMPQL_OK)
        status = report_error(cli, &err, (struct report){0});
    ampql_allocations_free(allocations);
    ampql_source_free(nothing);
    return status;
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
        report_stats(cli, ampql_allocations_stats(allocations));
    ampql_allocations_free(allocations);
    return status;
}

static enum exit_status run(struct cli *cli, const void *payload, struct option_list operands)
{
    const struct flags *flags = payload;
    struct ampql_cost_options cost = {0};
    struct session session;
    (void)operands;
    enum exit_status status = session_open(cli, &flags->run, &session);
    if (!status)
        status = read_window(cli, flags, &cost);
    if (!status)
        status = session_source(cli, &flags->source, &flags->run, &session);
    fill_options(flags, &session, &cost);
    if (!status)
        status = check_options(cli, &session, &cost);
    if (!status)
        status = allocate(cli, flags, &session, &cost);
    session_close(&session);
    return status;
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
               "json are not rounded further than the model does.\n",
    COMMAND_OPTIONS(options, struct flags),
    .run = run,
};
