/* Member by member. The parser bounds the depth. */
#include "support/ast_equal.h"

#include "series/sample.h"

static bool names_equal(struct names a, struct names b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (!str_equal(a.at[i], b.at[i]))
            return false;
    return true;
}

static bool time_equal(const struct ast_time_expr *a, const struct ast_time_expr *b)
{
    if (!a || !b)
        return a == b;
    return a->kind == b->kind && bits_of(a->seconds) == bits_of(b->seconds) &&
           a->is_duration == b->is_duration && a->is_paren == b->is_paren &&
           (a->kind != TIME_BINARY || a->op == b->op) && time_equal(a->lhs, b->lhs) &&
           time_equal(a->rhs, b->rhs);
}

static bool durations_equal(struct ast_duration a, struct ast_duration b)
{
    return time_equal(a.expr, b.expr) && (a.expr || a.ms == b.ms);
}

static bool at_equal(struct at a, struct at b)
{
    return a.kind == b.kind && (a.kind != AT_TIME || a.ms == b.ms);
}

static size_t count_matcher(struct matchers in, const struct matcher *what)
{
    size_t n = 0;
    for (size_t i = 0; i < in.n; i++)
        n += in.at[i].op == what->op && str_equal(in.at[i].name, what->name) &&
             str_equal(in.at[i].value, what->value);
    return n;
}

static bool same_matchers(struct matchers a, struct matchers b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (count_matcher(a, &a.at[i]) != count_matcher(b, &a.at[i]))
            return false;
    return true;
}

static bool selectors_equal(const struct ast_selector *a, const struct ast_selector *b)
{
    return str_equal(a->name, b->name) && same_matchers(a->matchers, b->matchers) &&
           a->has_range == b->has_range && durations_equal(a->range, b->range) &&
           durations_equal(a->offset, b->offset) && at_equal(a->at, b->at) &&
           a->extension == b->extension;
}

static bool subqueries_equal(const struct ast_subquery *a, const struct ast_subquery *b)
{
    return durations_equal(a->range, b->range) && a->has_step == b->has_step &&
           durations_equal(a->step, b->step) && durations_equal(a->offset, b->offset) &&
           at_equal(a->at, b->at) && ast_equal(a->expr, b->expr);
}

static bool calls_equal(const struct ast_call *a, const struct ast_call *b)
{
    if (a->function != b->function || a->nargs != b->nargs)
        return false;
    for (size_t i = 0; i < a->nargs; i++)
        if (!ast_equal(a->args[i], b->args[i]))
            return false;
    return true;
}

static bool aggregates_equal(const struct ast_aggregate *a, const struct ast_aggregate *b)
{
    return a->op == b->op && a->has_grouping == b->has_grouping && a->is_without == b->is_without &&
           names_equal(a->grouping, b->grouping) && !a->param == !b->param &&
           (!a->param || ast_equal(a->param, b->param)) && ast_equal(a->expr, b->expr);
}

static bool fills_equal(struct fill a, struct fill b)
{
    return a.is_given == b.is_given && bits_of(a.value) == bits_of(b.value);
}

static bool binaries_equal(const struct ast_binary *a, const struct ast_binary *b)
{
    return a->op == b->op && a->returns_bool == b->returns_bool &&
           a->has_matching == b->has_matching && a->is_on == b->is_on &&
           names_equal(a->matching, b->matching) && a->card == b->card &&
           names_equal(a->include, b->include) && fills_equal(a->fill_left, b->fill_left) &&
           fills_equal(a->fill_right, b->fill_right) && ast_equal(a->rhs, b->rhs);
}

static bool chains_equal(const struct ast *a, const struct ast *b)
{
    const struct ast *x = a->u.binary.first, *y = b->u.binary.first;
    if (!ast_equal(x->u.binary.lhs, y->u.binary.lhs))
        return false;
    for (; x && y; x = ast_next(x, a), y = ast_next(y, b))
        if (x->type != y->type || x->height != y->height ||
            !binaries_equal(&x->u.binary, &y->u.binary))
            return false;
    return !x && !y;
}

bool ast_equal(const struct ast *a, const struct ast *b)
{
    if (a->kind != b->kind || a->type != b->type || a->height != b->height)
        return false;
    switch (a->kind) {
    case AST_NUMBER:
        return bits_of(a->u.number.value) == bits_of(b->u.number.value) &&
               a->u.number.is_duration == b->u.number.is_duration;
    case AST_STRING:
        return str_equal(a->u.string, b->u.string);
    case AST_SELECTOR:
        return selectors_equal(&a->u.selector, &b->u.selector);
    case AST_SUBQUERY:
        return subqueries_equal(&a->u.subquery, &b->u.subquery);
    case AST_CALL:
        return calls_equal(&a->u.call, &b->u.call);
    case AST_AGGREGATE:
        return aggregates_equal(&a->u.aggregate, &b->u.aggregate);
    case AST_BINARY:
        return chains_equal(a, b);
    case AST_UNARY:
        return a->u.unary.is_minus == b->u.unary.is_minus &&
               ast_equal(a->u.unary.expr, b->u.unary.expr);
    case AST_PAREN:
        break;
    }
    return ast_equal(a->u.paren, b->u.paren);
}
