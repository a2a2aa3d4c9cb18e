/* Bills as tables and CSV. */
#include "cli/cost_print.h"

#include "base/number.h"
#include "base/time.h"
#include "cli/print.h"
#include "cli/report.h"
#include "cli/table.h"

#include <math.h>
#include <stdio.h>

enum { MONEY_DECIMALS = 6, PERCENT_DECIMALS = 1 };

/* ---- tables */

/* A column of numbers. */
struct figure {
    const char *head;
    size_t offset;
    double scale;
    int decimals;
    bool is_kept; /* also when all are 0 */
};

#define MEMBER(name) offsetof(struct ampql_allocation, name)
static const struct figure figures[] = {
    {"CPU", MEMBER(cpu_cost), 1, MONEY_DECIMALS, true},
    {"CPU EFF. %", MEMBER(cpu_efficiency), 100, PERCENT_DECIMALS, true},
    {"MEMORY", MEMBER(ram_cost), 1, MONEY_DECIMALS, true},
    {"MEMORY EFF. %", MEMBER(ram_efficiency), 100, PERCENT_DECIMALS, true},
    {"GPU", MEMBER(gpu_cost), 1, MONEY_DECIMALS, false},
    {"PV", MEMBER(pv_cost), 1, MONEY_DECIMALS, false},
    {"NETWORK", MEMBER(network_cost), 1, MONEY_DECIMALS, false},
    {"LOAD BALANCER", MEMBER(load_balancer_cost), 1, MONEY_DECIMALS, false},
    {"SHARED", MEMBER(shared_cost), 1, MONEY_DECIMALS, false},
    {"TOTAL", MEMBER(total_cost), 1, MONEY_DECIMALS, true},
    {"EFFICIENCY %", MEMBER(total_efficiency), 100, PERCENT_DECIMALS, true},
};
#undef MEMBER
enum { NFIGURES = sizeof figures / sizeof *figures };

static double value_of(const struct figure *figure, const struct ampql_allocation *a)
{
    return *(const double *)((const char *)a + figure->offset);
}

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

struct columns {
    bool has_windows;
    bool is_shown[NFIGURES];
    size_t n;
};

static struct columns columns_of(const struct ampql_allocations *bill)
{
    struct columns columns = {0};
    struct ampql_cost_window window;
    columns.has_windows = ampql_allocations_window(bill, 1, &window);
    columns.n = 1 + columns.has_windows;
    for (size_t k = 0; k < NFIGURES; k++) {
        bool is_shown = figures[k].is_kept;
        for (size_t i = 0; i < ampql_allocations_count(bill); i++)
            is_shown = is_shown || value_of(&figures[k], ampql_allocations_at(bill, i)) != 0;
        columns.is_shown[k] = is_shown;
        columns.n += is_shown;
    }
    return columns;
}

static void add_heads(struct table *table, const struct columns *columns, const char *by)
{
    size_t n = 0;
    if (columns->has_windows)
        table_head(table, n++, STR("WINDOW"), false);
    table_head(table, n++, str_of(by ? by : "cluster/node/namespace/pod/container"), false);
    for (size_t k = 0; k < NFIGURES; k++)
        if (columns->is_shown[k])
            table_head(table, n++, str_of(figures[k].head), true);
}

static void add_row(struct table *table, const struct columns *columns, struct str window,
                    struct str name, const struct ampql_allocation *a)
{
    if (columns->has_windows)
        table_cell(table, window);
    table_cell(table, name);
    for (size_t k = 0; k < NFIGURES; k++)
        if (columns->is_shown[k])
            cell_number(table, value_of(&figures[k], a) * figures[k].scale, figures[k].decimals);
}

static enum exit_status print_table(struct cli *cli, const struct ampql_allocations *bill,
                                    const char *by)
{
    struct columns columns = columns_of(bill);
    struct ampql_cost_window window;
    struct table table;
    table_init(&table, &cli->arena, columns.n);
    add_heads(&table, &columns, by);
    for (size_t w = 0; ampql_allocations_window(bill, w, &window); w++) {
        char time[TIME_TEXT_MAX];
        struct str start = str_make(time, time_format(window.start_ms, time));
        for (size_t i = 0; i < window.n; i++)
            add_row(&table, &columns, start, str_view(window.items[i].name), &window.items[i]);
    }
    add_row(&table, &columns, STR(""), STR("SUMMED"), ampql_allocations_total(bill));
    table.nrows_total = 1;
    return table_print(&table, &cli->out) ? STATUS_OK : report_nomem(cli);
}

/* ---- CSV */

#define CSV_NUMBERS(X)                                                                             \
    X(minutes)                                                                                     \
    X(cpu_core_hours)                                                                              \
    X(cpu_cores)                                                                                   \
    X(cpu_core_request_average)                                                                    \
    X(cpu_core_usage_average)                                                                      \
    X(ram_byte_hours)                                                                              \
    X(ram_bytes)                                                                                   \
    X(ram_byte_request_average)                                                                    \
    X(ram_byte_usage_average)                                                                      \
    X(gpu_hours)                                                                                   \
    X(gpu_count)                                                                                   \
    X(gpu_request_average)                                                                         \
    X(gpu_usage_average)                                                                           \
    X(pv_byte_hours)                                                                               \
    X(pv_bytes)                                                                                    \
    X(network_transfer_bytes)                                                                      \
    X(network_receive_bytes)                                                                       \
    X(cpu_cost)                                                                                    \
    X(cpu_cost_idle)                                                                               \
    X(ram_cost)                                                                                    \
    X(ram_cost_idle)                                                                               \
    X(gpu_cost)                                                                                    \
    X(gpu_cost_idle)                                                                               \
    X(pv_cost)                                                                                     \
    X(network_cost)                                                                                \
    X(network_cross_zone_cost)                                                                     \
    X(network_cross_region_cost)                                                                   \
    X(network_internet_cost)                                                                       \
    X(load_balancer_cost)                                                                          \
    X(shared_cost)                                                                                 \
    X(external_cost)                                                                               \
    X(total_cost)                                                                                  \
    X(cpu_efficiency)                                                                              \
    X(ram_efficiency)                                                                              \
    X(gpu_efficiency)                                                                              \
    X(total_efficiency)

static void csv_time(struct output *out, int64_t ms)
{
    char time[TIME_TEXT_MAX];
    output_byte(out, ',');
    output_bytes(out, time, time_format(ms, time));
}

static void csv_number(struct output *out, double v)
{
    char number[NUMBER_MAX];
    output_byte(out, ',');
    output_bytes(out, number, number_format(v, number));
}

static void print_csv_row(struct output *out, const struct ampql_cost_window *window,
                          const struct ampql_allocation *a)
{
    const struct ampql_string texts[] = {
        a->name,       a->cluster, a->node,     a->namespace_name, a->controller_kind,
        a->controller, a->pod,     a->container};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (i)
            output_byte(out, ',');
        print_csv_field(out, str_view(texts[i]));
    }
    csv_time(out, window->start_ms);
    csv_time(out, window->end_ms);
    csv_time(out, a->start_ms);
    csv_time(out, a->end_ms);
#define PUT(name) csv_number(out, a->name);
    CSV_NUMBERS(PUT)
#undef PUT
    output_byte(out, '\n');
}

static void print_csv(struct output *out, const struct ampql_allocations *bill)
{
    struct ampql_cost_window window;
#define HEAD(name) "," #name
    output_text(out, "name,cluster,node,namespace,controller_kind,controller,pod,container,"
                     "window_start,window_end,start,end" CSV_NUMBERS(HEAD) "\n");
#undef HEAD
    for (size_t w = 0; ampql_allocations_window(bill, w, &window); w++)
        for (size_t i = 0; i < window.n; i++)
            print_csv_row(out, &window, &window.items[i]);
}

/* ---- all of them */

typedef enum ampql_code to_json(const struct ampql_allocations *bill, ampql_write write,
                                void *payload);

enum exit_status cost_print(struct cli *cli, const struct ampql_allocations *bill, const char *by,
                            enum cost_format format)
{
    to_json *json = format == COST_NDJSON    ? ampql_allocations_ndjson
                    : format == COST_SUMMARY ? ampql_allocations_summary_json
                                             : ampql_allocations_json;
    if (format == COST_CSV) {
        print_csv(&cli->out, bill);
        return STATUS_OK;
    }
    if (format != COST_JSON && format != COST_NDJSON && format != COST_SUMMARY)
        return print_table(cli, bill, by);
    enum ampql_code code = json(bill, output_write, &cli->out);
    if (format != COST_NDJSON)
        output_byte(&cli->out, '\n');
    return code == AMPQL_NOMEM ? report_nomem(cli) : STATUS_OK;
}
