/* The table of what would be read. */
#include "cli/forecast.h"

#include "base/time.h"
#include "cli/report.h"
#include "cli/table.h"

#include <stdio.h>

static const char *kind_text(enum ampql_select_kind kind)
{
    return kind == AMPQL_SELECT_RAW ? "RAW" : kind == AMPQL_SELECT_GRID ? "GRID" : "GRID_TIMESTAMP";
}

static void time_cell(struct table *table, int64_t ms)
{
    char text[TIME_TEXT_MAX];
    table_cell(table, str_make(text, time_format(ms, text)));
}

static void count_cell(struct table *table, bool is_known, uint64_t n)
{
    char text[32] = "?";
    if (is_known)
        snprintf(text, sizeof text, "%llu", (unsigned long long)n);
    table_text(table, text);
}

static void add_row(struct table *table, const struct fetch_select *s)
{
    char step[32] = "";
    if (s->step_ms)
        snprintf(step, sizeof step, s->step_ms % 1000 ? "%lldms" : "%llds",
                 (long long)(s->step_ms % 1000 ? s->step_ms : s->step_ms / 1000));
    table_text(table, kind_text(s->kind));
    time_cell(table, s->from_ms);
    time_cell(table, s->to_ms);
    table_text(table, step);
    count_cell(table, s->is_known, s->series);
    count_cell(table, true, s->is_known ? s->samples : s->samples_a_series);
    count_cell(table, s->is_known, s->requests);
    table_cell(table, s->query);
}

/* The last row: all together. */
static void add_total(struct table *table, const struct fetch_plan *plan)
{
    table->nrows_total = 1;
    for (size_t i = 0; i < 4; i++)
        table_text(table, i ? "" : "total");
    count_cell(table, true, plan->series);
    count_cell(table, true, plan->samples);
    count_cell(table, true, plan->requests);
    table_text(table, "");
}

enum exit_status forecast_print(struct cli *cli, const struct fetch_plan *plan, double price)
{
    static const char *const heads[] = {"KIND",   "FROM", "TO",       "STEP",
                                        "SERIES", NULL,   "REQUESTS", "QUERY"};
    enum { NHEADS = sizeof heads / sizeof *heads };
    struct table table;
    table_init(&table, &cli->arena, NHEADS);
    for (size_t i = 0; i < NHEADS; i++) {
        const char *head = heads[i] ? heads[i] : plan->is_known ? "SAMPLES" : "SAMPLES/SERIES";
        table_head(&table, i, str_of(head), i >= 3 && i <= 6);
    }
    for (size_t i = 0; i < plan->n; i++)
        add_row(&table, &plan->at[i]);
    if (plan->is_known && plan->n > 1)
        add_total(&table, plan);
    if (!table_print(&table, &cli->out))
        return report_nomem(cli);
    if (plan->is_known)
        report_note(cli, "predicted: %llu samples billed, %llu requests, $%.6f at $%.2f a billion",
                    (unsigned long long)plan->samples, (unsigned long long)plan->requests,
                    (double)plan->samples * price / 1e9, price);
    return STATUS_OK;
}
