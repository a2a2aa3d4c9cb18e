/* start end step range: what the query's own grid is, in seconds. Outside of durations, where the
 * words mean the same without a function. */
#include "eval/function.h"
#include "eval/stage.h"

static const struct labels no_labels = {.at = &(const struct label){0, 0}, .n = 0};

/* As Go's Duration.Seconds rounds. */
static double seconds_of(int64_t ms)
{
    return (double)(ms / 1000) + (double)(ms % 1000 * 1000000) / 1e9;
}

static enum ampql_code constant(struct call *call, double value, struct ampql_error *err)
{
    struct row *row = NULL;
    TRY(call_row(call, &row, err));
    for (size_t i = 0; i < row->n; i++)
        row->v[i] = value;
    row_fill(row);
    return call_emit(call, no_labels, row);
}

static const struct plan_options *query_of(const struct call *call)
{
    return &call->stage->eval->plan->options;
}

static enum ampql_code start(struct call *call, struct ampql_error *err)
{
    return constant(call, (double)query_of(call)->grid.start_ms / 1000, err);
}

static enum ampql_code end(struct call *call, struct ampql_error *err)
{
    return constant(call, (double)query_of(call)->end_ms / 1000, err);
}

static enum ampql_code range(struct call *call, struct ampql_error *err)
{
    const struct plan_options *query = query_of(call);
    return constant(call, seconds_of(query->end_ms - query->grid.start_ms), err);
}

/* 0 in an instant query, and in a range query that ends where it starts. */
static enum ampql_code step(struct call *call, struct ampql_error *err)
{
    const struct plan_options *query = query_of(call);
    bool is_instant = query->end_ms == query->grid.start_ms;
    return constant(call, is_instant ? 0 : seconds_of(query->grid.step_ms), err);
}

static const struct function rows[] = {
    CALL("end", end, "The end of the query in Unix seconds.", .result = VALUE_SCALAR,
         .experimental = true, .reads_query = true),
    CALL("range", range, "The seconds from start to end of the query.", .result = VALUE_SCALAR,
         .experimental = true, .reads_query = true),
    CALL("start", start, "The start of the query in Unix seconds.", .result = VALUE_SCALAR,
         .experimental = true, .reads_query = true),
    CALL("step", step, "The query's step in seconds, 0 when it has none.", .result = VALUE_SCALAR,
         .experimental = true, .reads_query = true),
};
const struct function_table functions_query = {rows, sizeof rows / sizeof *rows};
