/* The aggregation operator: a group for each key, folded series by series, or gathered and handed
 * over whole. */
#include "eval/aggregate.h"
#include "eval/group.h"
#include "eval/stage.h"

extern const struct aggregate aggregate_sum, aggregate_avg, aggregate_min, aggregate_max,
    aggregate_count, aggregate_group;

static const struct aggregate *const aggregates[] = {
    &aggregate_sum, &aggregate_avg,   &aggregate_min,
    &aggregate_max, &aggregate_count, &aggregate_group,
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
};

/* The group's first series: a copy, and perhaps what it counts for. */
static enum ampql_code fold_first(struct aggregation_stage *a, const struct row *row)
{
    struct stage *stage = &a->stage;
    struct state state = {0};
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
    if (a->aggregate->whole) {
        TRY(eval_keep(stage->eval, &a->rows, labels, row, stage_err(stage)));
        return array_push(&a->group, &stage->eval->work, group)
                   ? AMPQL_OK
                   : fail_nomem(stage_err(stage), "a group");
    }
    return is_new ? fold_first(a, row) : fold_further(a, &a->states.at[group], row);
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
    return a->aggregate->whole(&gathered, stage_err(stage));
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
        TRY(stage_emit(stage, a->groups.keys.at[g], &row[0]));
        for (size_t i = 0; i < a->aggregate->nstate; i++)
            eval_give(stage->eval, &row[i]);
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
    if (!a->aggregate) {
        fail_at(&query->err, AMPQL_UNSUPPORTED, node->ast->span.start, node->ast->span.end,
                "aggregation %s is not supported yet", aggregation_info[ast->op].text);
        return NULL;
    }
    return stage_expect_params(&a->stage, node->nchild, 0) == AMPQL_OK ? &a->stage : NULL;
}
