/* Functions over whole values, and absent: operators that see all rows together. */
#include "eval/stage.h"

struct call_stage {
    struct stage stage;
    struct kept_list *args; /* [nchild] */
    struct unique unique;
    struct row row; /* what call_row lends */
};

static enum ampql_code call_push(struct stage *stage, size_t slot, struct labels labels,
                                 struct row *row)
{
    struct call_stage *c = (struct call_stage *)stage;
    return eval_keep(stage->eval, &c->args[slot], labels, row, stage_err(stage));
}

static enum ampql_code call_own(struct stage *stage, size_t slot, struct labels labels,
                                struct row *row)
{
    struct call_stage *c = (struct call_stage *)stage;
    return eval_keep_own(stage->eval, &c->args[slot], labels, row, stage_err(stage));
}

static enum ampql_code call_finish(struct stage *stage)
{
    struct call_stage *c = (struct call_stage *)stage;
    struct call call = {.stage = stage,
                        .ast = stage->node->ast,
                        .args = c->args,
                        .nargs = stage->node->nchild,
                        .grid = stage->node->grid,
                        .symbols = stage->eval->symbols,
                        .dialect = stage->eval->dialect};
    TRY(((const struct function *)stage->node->function)->u.call(&call, stage_err(stage)));
    for (size_t i = 0; i < call.nargs; i++)
        eval_give_all(stage->eval, &c->args[i]);
    eval_give(stage->eval, &c->row);
    return unique_emit(&c->unique, stage);
}

static void call_release(struct stage *stage)
{
    struct call_stage *c = (struct call_stage *)stage;
    unique_done(&c->unique);
}

struct stage *stage_call(struct eval_query *query, const struct node *node)
{
    static const struct stage_kind kind = {
        .push = call_push, .own = call_own, .finish = call_finish, .release = call_release};
    struct call_stage *c = (struct call_stage *)stage_new(query, &kind, node, sizeof *c);
    if (!c)
        return NULL;
    unique_init(&c->unique, query->eval);
    c->args = arena_zeroed(&query->eval->work, node->nchild, sizeof *c->args);
    const struct function *f = (const struct function *)node->function;
    if (!c->args ||
        (f->check && stage_is_checked(node) &&
         stage_settle_early(&c->stage, f->check(&node->ast->u.call, query->eval->dialect,
                                                query->eval->alc, &query->err)) != AMPQL_OK))
        return NULL;
    return &c->stage;
}

enum ampql_code call_row(struct call *call, struct row **out, struct ampql_error *err)
{
    struct call_stage *c = (struct call_stage *)call->stage;
    if (!c->row.v)
        TRY(eval_take(call->stage->eval, call->grid->n, &c->row, err));
    row_clear(&c->row);
    *out = &c->row;
    return AMPQL_OK;
}

const double *call_scalar(const struct call *call, size_t arg)
{
    return call->args[arg].at[0].row.v;
}

enum ampql_code call_emit(struct call *call, struct labels labels, struct row *row)
{
    struct call_stage *c = (struct call_stage *)call->stage;
    if (row_is_empty(row))
        return AMPQL_OK;
    return row == &c->row ? stage_emit_own(call->stage, labels, row)
                          : stage_emit(call->stage, labels, row);
}

enum ampql_code call_emit_unique(struct call *call, struct labels labels, struct row *row)
{
    struct call_stage *c = (struct call_stage *)call->stage;
    return row_is_empty(row) ? AMPQL_OK
                             : unique_add(&c->unique, call->stage, labels, row, UNIQUE_STEPS);
}

enum ampql_code call_emit_nameless(struct call *call, struct labels labels, struct row *row)
{
    struct call_stage *c = (struct call_stage *)call->stage;
    if (row_is_empty(row))
        return AMPQL_OK;
    labels = stage_drop_name(call->stage, labels);
    return labels.at
               ? unique_add(&c->unique, call->stage, labels, row, stage_step_rule(call->stage))
               : fail_nomem(stage_err(call->stage), "a series' labels");
}

const struct ampql_allocator *call_alc(const struct call *call)
{
    return call->stage->eval->alc;
}

struct arena *call_arena(const struct call *call)
{
    return &call->stage->eval->work;
}

/* ---- absent */

struct absent {
    struct stage stage;
    struct row row; /* present where any series is */
};

static enum ampql_code absent_push(struct stage *stage, size_t slot, struct labels labels,
                                   struct row *row)
{
    struct absent *absent = (struct absent *)stage;
    (void)slot;
    (void)labels;
    for (size_t w = 0; w < row_words(row->n); w++)
        absent->row.present[w] |= row->present[w];
    return AMPQL_OK;
}

static const struct ast_selector *selector_of(const struct ast *arg)
{
    arg = ast_unwrap(arg);
    return arg->kind == AST_SELECTOR ? &arg->u.selector : NULL;
}

/* Does matcher i fix its label? Matchers are gone through in order: the first `=` of a name sets
 * the label, every other matcher of that name takes it away again. */
static bool fixes_label(const struct matchers *matchers, size_t i)
{
    const struct matcher *m = &matchers->at[i];
    bool fixes = m->op == MATCH_EQUAL && !str_equal(m->name, STR("__name__"));
    for (size_t k = 0; k < matchers->n && fixes; k++)
        if (k != i && str_equal(matchers->at[k].name, m->name))
            fixes = k < i && matchers->at[k].op != MATCH_EQUAL;
    return fixes;
}

/* The labels that a missing series would have had: those that a bare selector fixes. Type and unit
 * go with the name in prom3. */
static enum ampql_code absent_labels(struct stage *stage, struct labels *out)
{
    const struct ast_selector *selector = selector_of(stage->node->ast->u.call.args[0]);
    size_t n = 0, nmatchers = selector ? selector->matchers.n : 0;
    struct label *label = arena_zeroed(&stage->eval->work, nmatchers, sizeof *label);
    if (!label)
        return fail_nomem(stage_err(stage), "a series' labels");
    for (size_t i = 0; i < nmatchers; i++) {
        const struct matcher *m = &selector->matchers.at[i];
        if (!fixes_label(&selector->matchers, i))
            continue;
        label[n].name = symbols_intern(stage->eval->symbols, m->name);
        label[n].value = symbols_intern(stage->eval->symbols, m->value);
        if (label[n].name == SYMBOL_NONE || label[n].value == SYMBOL_NONE)
            return fail_nomem(stage_err(stage), "a series' labels");
        bool is_metadata = label[n].name == SYMBOL_TYPE || label[n].name == SYMBOL_UNIT;
        n += !is_metadata || stage->eval->dialect == AMPQL_PROM2;
    }
    n = labels_sort(stage->eval->symbols, label, n);
    *out = (struct labels){.at = label, .n = n};
    return AMPQL_OK;
}

static enum ampql_code absent_finish(struct stage *stage)
{
    struct absent *absent = (struct absent *)stage;
    struct row *row = &absent->row;
    for (size_t w = 0; w < row_words(row->n); w++)
        row->present[w] = ~row->present[w] & row_full_word(row->n, w);
    for (size_t i = 0; i < row->n; i++)
        row->v[i] = 1;
    if (row_is_empty(row))
        return AMPQL_OK;
    struct labels labels;
    TRY(absent_labels(stage, &labels));
    return stage_emit(stage, labels, row);
}

struct stage *stage_absent(struct eval_query *query, const struct node *node)
{
    static const struct stage_kind kind = {.push = absent_push, .finish = absent_finish};
    struct absent *absent = (struct absent *)stage_new(query, &kind, node, sizeof *absent);
    if (!absent || eval_take(query->eval, node->grid->n, &absent->row, &query->err) != AMPQL_OK)
        return NULL;
    return &absent->stage;
}
