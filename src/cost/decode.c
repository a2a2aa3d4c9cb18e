/* Results to rows, with the corrections that OpenCost makes to every answer before it uses it:
 * values that are no numbers become 0, times go to the nearest 10 s. */
#include "cost/model.h"
#include "series/label_set.h"

#include <math.h>
#include <stdlib.h>

int64_t round_time(int64_t ms)
{
    enum { STEP_MS = 10000 };
    int64_t rest = ms % STEP_MS;
    int64_t down = ms - rest;
    if (rest >= STEP_MS / 2)
        return down <= INT64_MAX - STEP_MS ? down + STEP_MS : down;
    if (rest <= -STEP_MS / 2)
        return down >= INT64_MIN + STEP_MS ? down - STEP_MS : down;
    return down;
}

struct str row_label(const struct cost_row *row, const char *name)
{
    struct str wanted = str_of(name);
    for (size_t i = 0; i < row->nlabels; i++)
        if (str_equal(str_view(row->labels[i].name), wanted))
            return str_view(row->labels[i].value);
    return (struct str){NULL, 0};
}

struct str row_cluster(const struct cost_row *row, const struct params *params)
{
    for (size_t i = 0; i < row->nlabels; i++)
        if (str_equal(str_view(row->labels[i].name), params->cluster_label))
            return str_view(row->labels[i].value);
    return params->cluster_id;
}

struct str label_or(const struct cost_row *row, const char *name, const char *older)
{
    struct str value = row_label(row, name);
    return value.n || !older ? value : row_label(row, older);
}

static int compare_rows(const void *a, const void *b)
{
    const struct cost_row *x = a, *y = b;
    return label_sets_compare(x->labels, x->nlabels, y->labels, y->nlabels);
}

enum ampql_code answer_decode(const struct ampql_result *result, bool rounds_times,
                              struct arena *arena, struct answer *out, struct ampql_error *err)
{
    enum ampql_result_kind kind = ampql_result_kind(result);
    int64_t start_ms, step_ms;
    size_t nsteps, n = ampql_result_count(result);
    *out = (struct answer){.result = result};
    if (kind != AMPQL_RESULT_VECTOR && kind != AMPQL_RESULT_MATRIX)
        return fail(err, AMPQL_EXECUTION, "the answer is no list of series");
    out->rows = arena_alloc(arena, n, sizeof *out->rows);
    if (!out->rows)
        return fail_nomem(err, "an answer's rows");
    ampql_result_grid(result, &start_ms, &step_ms, &nsteps);
    for (size_t i = 0; i < n; i++) {
        struct ampql_series series = ampql_result_series(result, i);
        if (series.n == 0)
            continue;
        struct cost_row *row = &out->rows[out->n++];
        bool is_number = isfinite(series.values[0]);
        *row = (struct cost_row){
            .labels = series.labels,
            .nlabels = series.nlabels,
            .value = is_number ? series.values[0] : 0,
            .first_ms = series.t_ms ? series.t_ms[0] : start_ms,
            .last_ms = series.t_ms ? series.t_ms[series.n - 1] : start_ms,
        };
        if (rounds_times) {
            row->first_ms = round_time(row->first_ms);
            row->last_ms = round_time(row->last_ms);
        }
        out->nreplaced += !is_number;
    }
    qsort(out->rows, out->n, sizeof *out->rows, compare_rows);
    return AMPQL_OK;
}
