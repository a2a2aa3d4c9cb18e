/* Correcting an expression: its tree is changed by what was found, and printed. */
#include "tool/rule_check.h"

#include "engine/engine.h"
#include "lang/printer.h"
#include "series/label_set.h"
#include "tool/expression.h"

enum { TEXT_MAX = 1 << 20 };

/* One pass over a tree: names and windows, or the cluster label. */
struct fix {
    struct rule_case *c;
    bool adds_cluster;
    bool gives_up; /* the cluster label cannot just be added: the sides of a join differ */
};

static enum ampql_code no_memory(const struct fix *fix)
{
    return fail_nomem(fix->c->err, "a corrected expression");
}

static bool has_name(struct names names, struct str name)
{
    for (size_t i = 0; i < names.n; i++)
        if (str_equal(names.at[i], name))
            return true;
    return false;
}

/* ---- names */

/* Any metric of cAdvisor will do: old names in a grouping belong to the selectors inside. */
static struct str renamed(const struct fix *fix, struct str label)
{
    const char *now = fix->c->has_old_label ? label_now(STR("container_"), label) : NULL;
    return now ? str_of(now) : label;
}

static enum ampql_code rename_all(const struct fix *fix, struct names *names)
{
    struct str *out = arena_alloc(fix->c->checker->arena, names->n, sizeof *out);
    struct names kept = {out, 0, names->is_wide};
    if (!out)
        return no_memory(fix);
    for (size_t i = 0; i < names->n; i++) {
        struct str name = renamed(fix, names->at[i]);
        if (!has_name(kept, name))
            out[kept.n++] = name;
    }
    *names = kept;
    return AMPQL_OK;
}

/* Put the cluster label before the names, or take it from them. */
static enum ampql_code set_cluster(const struct fix *fix, struct names *names, bool is_in)
{
    struct str label = fix->c->checker->data.cluster_label;
    struct str *out = arena_alloc(fix->c->checker->arena, names->n + 1, sizeof *out);
    struct names kept = {out, 0, names->is_wide};
    if (!out)
        return no_memory(fix);
    if (is_in)
        out[kept.n++] = label;
    for (size_t i = 0; i < names->n; i++)
        if (!str_equal(names->at[i], label))
            out[kept.n++] = names->at[i];
    *names = kept;
    return AMPQL_OK;
}

/* ---- nodes */

static enum ampql_code fix_selector(const struct fix *fix, struct ast_selector *selector)
{
    struct matcher *out = arena_alloc(fix->c->checker->arena, selector->matchers.n, sizeof *out);
    if (!out)
        return no_memory(fix);
    for (size_t i = 0; i < selector->matchers.n; i++) {
        out[i] = selector->matchers.at[i];
        const char *now =
            fix->c->has_old_label ? label_now(selector_name(selector), out[i].name) : NULL;
        if (now)
            out[i].name = str_of(now);
    }
    selector->matchers.at = out;
    return AMPQL_OK;
}

static enum ampql_code fix_window(const struct fix *fix, struct ast *arg)
{
    struct ast_selector *selector = &arg->u.selector;
    struct metric *metric;
    TRY(metric_find(fix->c->checker, selector_name(selector), &metric, fix->c->err));
    if (!selector->range.expr && is_too_short(selector->range.ms, metric->interval_ms))
        selector->range.ms = window_for(metric->interval_ms);
    return AMPQL_OK;
}

static enum ampql_code fix_node(struct fix *fix, struct ast *ast);

static enum ampql_code fix_call(struct fix *fix, struct ast *ast)
{
    for (size_t i = 0; i < ast->u.call.nargs; i++) {
        struct ast *arg = ast->u.call.args[i];
        TRY(fix_node(fix, arg));
        while (arg->kind == AST_PAREN)
            arg = arg->u.paren;
        if (!fix->adds_cluster && fix->c->has_short_window && arg->kind == AST_SELECTOR &&
            arg->u.selector.has_range && needs_two_samples(ast->u.call.function))
            TRY(fix_window(fix, arg));
    }
    return AMPQL_OK;
}

static enum ampql_code fix_aggregate(struct fix *fix, struct ast *ast)
{
    struct ast_aggregate *a = &ast->u.aggregate;
    const struct ast *dropped = NULL;
    bool keeps;
    TRY(fix_node(fix, a->expr));
    if (!fix->adds_cluster)
        return rename_all(fix, &a->grouping);
    TRY(keeps_label(fix->c, a->expr, &keeps, &dropped));
    if (!keeps || a->op == AGGREGATION_TOPK || a->op == AGGREGATION_BOTTOMK)
        return AMPQL_OK;
    if (!a->has_grouping) {
        a->has_grouping = true;
        a->is_without = false;
    }
    return set_cluster(fix, &a->grouping, !a->is_without);
}

/* The right side of an operator, and what it matches by.  keeps  does its left side keep the
 * cluster label; then: does its result? */
static enum ampql_code fix_operator(struct fix *fix, struct ast *op, bool *keeps)
{
    struct ast_binary *b = &op->u.binary;
    const struct ast *dropped = NULL;
    bool lhs = *keeps, rhs;
    TRY(fix_node(fix, b->rhs));
    if (!fix->adds_cluster) {
        TRY(rename_all(fix, &b->matching));
        return rename_all(fix, &b->include);
    }
    TRY(keeps_label(fix->c, b->rhs, &rhs, &dropped));
    if (b->lhs->type != VALUE_SCALAR && b->rhs->type != VALUE_SCALAR) {
        fix->gives_up = fix->gives_up || lhs != rhs;
        if (lhs && rhs && b->has_matching)
            TRY(set_cluster(fix, &b->matching, b->is_on));
    }
    *keeps = operator_keeps(fix->c, op, lhs, rhs);
    return AMPQL_OK;
}

static enum ampql_code fix_chain(struct fix *fix, struct ast *last)
{
    struct ast *first = last->u.binary.first;
    const struct ast *dropped = NULL;
    bool keeps = false;
    TRY(fix_node(fix, first->u.binary.lhs));
    if (fix->adds_cluster)
        TRY(keeps_label(fix->c, first->u.binary.lhs, &keeps, &dropped));
    for (struct ast *op = first; op; op = ast_next(op, last))
        TRY(fix_operator(fix, op, &keeps));
    return AMPQL_OK;
}

/* Recursion is bounded by the parser's depth limit. */
static enum ampql_code fix_node(struct fix *fix, struct ast *ast)
{
    switch (ast->kind) {
    case AST_NUMBER:
    case AST_STRING:
        return AMPQL_OK;
    case AST_SELECTOR:
        return fix->adds_cluster ? AMPQL_OK : fix_selector(fix, &ast->u.selector);
    case AST_SUBQUERY:
        return fix_node(fix, ast->u.subquery.expr);
    case AST_CALL:
        return fix_call(fix, ast);
    case AST_AGGREGATE:
        return fix_aggregate(fix, ast);
    case AST_BINARY:
        return fix_chain(fix, ast);
    case AST_UNARY:
        return fix_node(fix, ast->u.unary.expr);
    case AST_PAREN:
        return fix_node(fix, ast->u.paren);
    }
    return AMPQL_OK;
}

/* ---- the expression */

static enum ampql_code print(const struct fix *fix, const struct ast *ast, struct str *out)
{
    struct buf text;
    buf_init(&text, fix->c->checker->arena->alc, TEXT_MAX);
    print_expr(&text, ast);
    if (!text.failed)
        *out = arena_copy(fix->c->checker->arena, buf_view(&text));
    enum ampql_code code = text.failed || !out->p ? no_memory(fix) : AMPQL_OK;
    buf_done(&text);
    return code;
}

/* The cluster label goes into a tree of its own, which is thrown away where that does not work. */
static enum ampql_code add_cluster(struct rule_case *c, struct str *text)
{
    struct fix fix = {.c = c, .adds_cluster = true};
    struct expression expression;
    const struct ast *dropped = NULL;
    bool keeps;
    struct rule_checker *checker = c->checker;
    TRY(expression_parse(*text, checker->dialect, checker->data.engine->experimental,
                         checker->arena, &expression, c->err));
    TRY(fix_node(&fix, expression.ast));
    TRY(keeps_label(c, expression.ast, &keeps, &dropped));
    if (fix.gives_up || !keeps)
        return AMPQL_OK;
    return print(&fix, expression.ast, text);
}

enum ampql_code rule_fix(struct rule_case *c, struct str *out)
{
    struct fix fix = {.c = c};
    struct str before = {0}, text = {0};
    *out = STR("");
    TRY(print(&fix, c->ast, &before));
    TRY(fix_node(&fix, c->ast));
    TRY(print(&fix, c->ast, &text));
    if (c->merges)
        TRY(add_cluster(c, &text));
    if (!str_equal(before, text))
        *out = text;
    return AMPQL_OK;
}
