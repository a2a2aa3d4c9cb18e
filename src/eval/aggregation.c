/* The aggregation operator: a group for each key, folded series by series, or gathered and handed
 * over whole. */
#include "eval/aggregate.h"
#include "eval/group.h"
#include "eval/stage.h"

#include "base/number.h"

#include <math.h>

#define AGGREGATES                                                                                 \
    AGGREGATE(avg)                                                                                 \
    AGGREGATE(bottomk)                                                                             \
    AGGREGATE(count)                                                                               \
    AGGREGATE(count_values)                                                                        \
    AGGREGATE(group)                                                                               \
    AGGREGATE(limit_ratio)                                                                         \
    AGGREGATE(limitk)                                                                              \
    AGGREGATE(max)                                                                                 \
    AGGREGATE(min)                                                                                 \
    AGGREGATE(quantile)                                                                            \
    AGGREGATE(stddev)                                                                              \
    AGGREGATE(stdvar)                                                                              \
    AGGREGATE(sum)                                                                                 \
    AGGREGATE(topk)

#define AGGREGATE(name) extern const struct aggregate aggregate_##name;
AGGREGATES
#undef AGGREGATE

static const struct aggregate *const aggregates[] = {
#define AGGREGATE(name) &aggregate_##name,
    AGGREGATES
#undef AGGREGATE
};

const struct aggregate *aggregate_find(enum aggregation op)
{
    for (size_t i = 0; i < sizeof aggregates / sizeof *aggregates; i++)
        if (aggregates[i]->op == op)
            return aggregates[i];
    return NULL;
}

struct state {
    struct row row[AGGREGATE_STATE];
};

struct aggregation_stage {
    struct stage stage;
    const struct aggregate *aggregate;
    struct groups groups;
    struct {
        ARRAY(struct state);
    } states;              /* one a group, when folding */
    struct kept_list rows; /* when gathering */
    struct {
        ARRAY(size_t);
    } group; /* of each gathered row */
    size_t
        *newest; /* [nsteps] when it watches its order: the last group to begin at each step + 1 */
};

/* At one step alone the groups come in the order of their first series there. Do they over all? */
static void watch_order(struct aggregation_stage *a, size_t group, const struct row *row)
{
    const struct row *state = group < a->states.n ? &a->states.at[group].row[0] : NULL;
    for (size_t w = 0; w < row_words(row->n); w++) {
        uint64_t begins = row->present[w] & ~(state ? state->present[w] : 0);
        for (; begins; begins &= begins - 1) {
            size_t *newest = &a->newest[w * 64 + (size_t)__builtin_ctzll(begins)];
            a->stage.query->order_varies |= *newest > group + 1;
            *newest = group + 1;
        }
    }
}

/* The group's first series: a copy, and perhaps what it counts for. */
static enum ampql_code fold_first(struct aggregation_stage *a, const struct row *row)
{
    struct stage *stage = &a->stage;
    struct state state = {0};
    TRY(eval_fits(stage->eval, a->states.n, stage_err(stage)));
    TRY(eval_take(stage->eval, row->n, &state.row[0], stage_err(stage)));
    row_copy(&state.row[0], row);
    if (a->aggregate->first)
        a->aggregate->first(state.row);
    return array_push(&a->states, &stage->eval->work, state)
               ? AMPQL_OK
               : fail_nomem(stage_err(stage), "a group");
}

static enum ampql_code fold_further(struct aggregation_stage *a, struct state *state,
                                    const struct row *row)
{
    struct stage *stage = &a->stage;
    if (a->aggregate->nstate > 1 && !state->row[1].v) {
        for (size_t i = 1; i < a->aggregate->nstate; i++)
            TRY(eval_take(stage->eval, row->n, &state->row[i], stage_err(stage)));
        a->aggregate->widen(state->row);
    }
    a->aggregate->add(state->row, row, stage->eval->dialect);
    return AMPQL_OK;
}

static enum ampql_code push(struct stage *stage, size_t slot, struct labels labels, struct row *row)
{
    struct aggregation_stage *a = (struct aggregation_stage *)stage;
    size_t group = 0;
    bool is_new = false;
    (void)slot;
    TRY(groups_find(&a->groups, stage->eval, labels, &group, &is_new, stage_err(stage)));
    a->groups.keys.at[group].loses_name |= labels.loses_name;
    if (a->newest)
        watch_order(a, group, row);
    if (a->aggregate->whole) {
        TRY(eval_keep(stage->eval, &a->rows, labels, row, stage_err(stage)));
        return array_push(&a->group, &stage->eval->work, group)
                   ? AMPQL_OK
                   : fail_nomem(stage_err(stage), "a group");
    }
    return is_new ? fold_first(a, row) : fold_further(a, &a->states.at[group], row);
}

/* Row numbers group by group. */
static enum ampql_code order_rows(const struct aggregation_stage *a, struct gathered *out)
{
    struct arena *work = &a->stage.eval->work;
    size_t *order = arena_alloc(work, a->rows.n, sizeof *order);
    size_t *start = arena_zeroed(work, out->ngroups + 2, sizeof *start);
    if (!order || !start)
        return fail_nomem(stage_err(out->stage), "a list of series");
    /* start[g + 2] counts group g, then start[g + 1] is where its next row goes */
    for (size_t i = 0; i < a->rows.n; i++)
        start[a->group.at[i] + 2]++;
    for (size_t g = 2; g < out->ngroups + 2; g++)
        start[g] += start[g - 1];
    for (size_t i = 0; i < a->rows.n; i++)
        order[start[a->group.at[i] + 1]++] = i;
    out->order = order;
    out->start = start;
    return AMPQL_OK;
}

static enum ampql_code finish_whole(struct aggregation_stage *a)
{
    struct stage *stage = &a->stage;
    struct gathered gathered = {.stage = stage,
                                .ast = stage->node->ast,
                                .rows = &a->rows,
                                .group = a->group.at,
                                .groups = a->groups.keys.at,
                                .ngroups = a->groups.keys.n,
                                .param = stage->node->nchild > 1 ? &stage->params[0] : NULL,
                                .grid = stage->node->grid,
                                .dialect = stage->eval->dialect};
    TRY(order_rows(a, &gathered));
    TRY(a->aggregate->whole(&gathered, stage_err(stage)));
    eval_give_all(stage->eval, &a->rows);
    return AMPQL_OK;
}

static enum ampql_code finish(struct stage *stage)
{
    struct aggregation_stage *a = (struct aggregation_stage *)stage;
    if (a->aggregate->whole)
        return finish_whole(a);
    for (size_t g = 0; g < a->states.n; g++) {
        struct row *row = a->states.at[g].row;
        if (a->aggregate->finish)
            a->aggregate->finish(row, stage->eval->dialect);
        for (size_t i = 1; i < a->aggregate->nstate; i++)
            eval_give(stage->eval, &row[i]);
        TRY(stage_emit_own(stage, a->groups.keys.at[g], &row[0]));
    }
    return AMPQL_OK;
}

static void release(struct stage *stage)
{
    groups_done(&((struct aggregation_stage *)stage)->groups);
}

struct stage *stage_aggregate(struct eval_query *query, const struct node *node)
{
    static const struct stage_kind kind = {.push = push, .finish = finish, .release = release};
    const struct ast_aggregate *ast = &node->ast->u.aggregate;
    struct aggregation_stage *a =
        (struct aggregation_stage *)stage_new(query, &kind, node, sizeof *a);
    if (!a)
        return NULL;
    a->aggregate = aggregate_find(ast->op);
    if (groups_init(&a->groups, query->eval, ast->grouping, ast->is_without, &query->err) !=
        AMPQL_OK)
        return NULL;
    if (a->aggregate->check && stage_is_checked(node) &&
        stage_settle_early(&a->stage,
                           a->aggregate->check(ast, query->eval->dialect, &query->err)) != AMPQL_OK)
        return NULL;
    if (node->watches_order) {
        a->newest = arena_zeroed(&query->eval->work, node->grid->n, sizeof *a->newest);
        if (!a->newest)
            return NULL;
    }
    return stage_expect_params(&a->stage, node->nchild, 0) == AMPQL_OK ? &a->stage : NULL;
}

/* ---- picking series */

#define MAX_COUNT 9223372036854774784.0 /* the largest double that an int64 can be */

/* As Go's %v writes a number that large. */
static enum ampql_code fail_count(double count, const char *how, struct ampql_error *err)
{
    char digits[NUMBER_MAX];
    size_t n = number_format_fixed(fabs(count), digits), last = n;
    if (!isfinite(count))
        return fail(err, AMPQL_EXECUTION, "Scalar value %s %s int64",
                    isnan(count) ? "NaN"
                    : count < 0  ? "-Inf"
                                 : "+Inf",
                    how);
    while (last > 1 && digits[last - 1] == '0')
        last--;
    return fail(err, AMPQL_EXECUTION, "Scalar value %s%c%s%.*se+%zu %s int64", count < 0 ? "-" : "",
                digits[0], last > 1 ? "." : "", (int)(last - 1), digits + 1, n - 1, how);
}

/* 2.42 looks at step after step and has one message. */
static enum ampql_code check_counts_prom2(const struct row *param, struct ampql_error *err)
{
    for (size_t i = 0; i < param->n; i++)
        if (!(param->v[i] <= MAX_COUNT && param->v[i] >= -9223372036854775808.0))
            return fail_count(param->v[i], "overflows", err);
    return AMPQL_OK;
}

enum ampql_code gathered_check_counts(const struct gathered *gathered, struct ampql_error *err)
{
    const struct row *param = gathered->param;
    double least = param->v[0], most = param->v[0];
    if (gathered->dialect == AMPQL_PROM2)
        return check_counts_prom2(param, err);
    for (size_t i = 0; i < param->n; i++) {
        if (isnan(param->v[i]))
            return fail(err, AMPQL_EXECUTION, "Parameter value is NaN");
        least = fmin(least, param->v[i]);
        most = fmax(most, param->v[i]);
    }
    if (most < 1) /* nothing is picked, whatever it is */
        return AMPQL_OK;
    if (least <= -9223372036854775808.0)
        return fail_count(least, "underflows", err);
    return most >= MAX_COUNT ? fail_count(most, "overflows", err) : AMPQL_OK;
}

size_t gathered_count(const struct gathered *gathered, size_t step)
{
    double count = gathered->param->v[step];
    size_t nrows = gathered->rows->n;
    return !(count >= 1) ? 0 : count < (double)nrows ? (size_t)count : nrows;
}

enum ampql_code gathered_polls(const struct gathered *gathered, size_t group)
{
    struct stage *stage = gathered->stage;
    return poll_work(&stage->eval->poll, gathered->start[group + 1] - gathered->start[group] + 1,
                     stage_err(stage));
}

/* What limitk and limit_ratio pick at one step comes as Go's container/heap leaves it, the smallest
 * value first. order [n] are row numbers; returns how many are there, moved to the front. */
static size_t heap_order(const struct gathered *gathered, size_t *order, size_t n)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        const struct row *row = &gathered->rows->at[order[i]].row;
        if (!row_has(row, 0))
            continue;
        size_t number = order[i], at = m++;
        for (; at > 0; at = (at - 1) / 2) {
            double parent = gathered->rows->at[order[(at - 1) / 2]].row.v[0];
            if (!(isnan(row->v[0]) || row->v[0] < parent))
                break;
            order[at] = order[(at - 1) / 2];
        }
        order[at] = number;
    }
    return m;
}

enum ampql_code gathered_emit_heaps(const struct gathered *gathered)
{
    if (gathered->grid->n > 1)
        return gathered_emit_rows(gathered);
    for (size_t g = 0; g < gathered->ngroups; g++) {
        size_t start = gathered->start[g], n = gathered->start[g + 1] - start;
        n = heap_order(gathered, gathered->order + start, n);
        for (size_t i = start; i < start + n; i++) {
            struct kept *kept = &gathered->rows->at[gathered->order[i]];
            TRY(stage_emit(gathered->stage, kept->labels, &kept->row));
        }
    }
    return AMPQL_OK;
}

enum ampql_code gathered_emit_rows(const struct gathered *gathered)
{
    for (size_t i = 0; i < gathered->rows->n; i++) {
        struct kept *kept = &gathered->rows->at[gathered->order[i]];
        if (!row_is_empty(&kept->row))
            TRY(stage_emit(gathered->stage, kept->labels, &kept->row));
    }
    return AMPQL_OK;
}
