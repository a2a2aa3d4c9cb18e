/* The type rules. The order of the checks is Prometheus's, since only the first error is told. */
#include "lang/typecheck.h"

#include "base/quote.h"
#include "lang/frame.h"

struct checker {
    enum ampql_dialect dialect;
    const struct ampql_allocator *alc;
    struct ampql_error *err;
};

static enum ampql_code check(const struct checker *c, struct ast *ast);

static enum ampql_code complain(const struct checker *c, struct span span, const char *what)
{
    return fail_at(c->err, AMPQL_PARSE, span.start, span.end, "%s", what);
}

static bool is_scalar_or_vector(enum value_type type)
{
    return type == VALUE_SCALAR || type == VALUE_VECTOR;
}

/* ---- selectors */

static enum ampql_code matches_empty(const struct checker *c, const struct matcher *matcher,
                                     bool *out)
{
    bool negates = matcher->op == MATCH_NOT_EQUAL || matcher->op == MATCH_NOT_REGEX;
    bool matches = matcher->value.n == 0;
    if (!matches && (matcher->op == MATCH_REGEX || matcher->op == MATCH_NOT_REGEX)) {
        struct regex *regex;
        TRY(regex_new(c->alc, matcher->value,
                      c->dialect == AMPQL_PROM2 ? REGEX_DOT_NO_NEWLINE : REGEX_DOT_ALL, &regex,
                      c->err));
        matches = regex_match(regex, STR(""));
        bool failed = regex_failed(regex);
        regex_free(regex);
        if (failed)
            return fail_nomem(c->err, "matching a regular expression");
    }
    *out = matches != negates;
    return AMPQL_OK;
}

static OWN_FRAME enum ampql_code check_name(const struct checker *c, const struct ast *ast)
{
    const struct ast_selector *s = &ast->u.selector;
    char first[200], second[200];
    for (size_t i = 1; i < s->matchers.n; i++) /* the first is the name's own */
        if (str_equal(s->matchers.at[i].name, STR("__name__")))
            return fail_at(c->err, AMPQL_PARSE, ast->span.start, ast->span.end,
                           "metric name must not be set twice: %s or %s",
                           quote_text(first, sizeof first, s->name),
                           quote_text(second, sizeof second, s->matchers.at[i].value));
    return AMPQL_OK;
}

static OWN_FRAME enum ampql_code check_selector(const struct checker *c, struct ast *ast)
{
    const struct ast_selector *s = &ast->u.selector;
    bool is_empty = true;
    ast->type = s->has_range ? VALUE_MATRIX : VALUE_VECTOR;
    ast->is_invariant = s->at.kind != AT_NONE;
    if (s->name.n)
        return check_name(c, ast);
    for (size_t i = 0; i < s->matchers.n && is_empty; i++)
        TRY(matches_empty(c, &s->matchers.at[i], &is_empty));
    return is_empty ? complain(c, ast->span,
                               "vector selector must contain at least one non-empty matcher")
                    : AMPQL_OK;
}

static enum ampql_code check_subquery(const struct checker *c, struct ast *ast)
{
    static const char *const names[] = {"none", "scalar", "vector", "matrix", "string"};
    struct ast *expr = ast->u.subquery.expr;
    ast->type = VALUE_MATRIX;
    ast->is_invariant = ast->u.subquery.at.kind != AT_NONE;
    TRY(check(c, expr));
    if (expr->type == VALUE_VECTOR)
        return AMPQL_OK;
    return fail_at(c->err, AMPQL_PARSE, ast->span.start, ast->span.end,
                   "subquery is only allowed on instant vector, got %s instead", names[expr->type]);
}

/* ---- calls */

static OWN_FRAME enum ampql_code check_count(const struct checker *c, const struct ast *ast)
{
    const struct ast_call *call = &ast->u.call;
    const struct signature *f = call->function;
    bool is_open = f->optional == SIGNATURE_ANY;
    int most = f->nargs, least = is_open ? most - 1 : most - f->optional;
    size_t n = call->nargs;
    const char *how = "";
    int bound = most;
    if (f->optional == 0) {
        if (n == (size_t)most)
            return AMPQL_OK;
    } else if (n < (size_t)least) {
        how = "at least ";
        bound = least;
    } else if (!is_open && n > (size_t)most) {
        how = "at most ";
    } else {
        return AMPQL_OK;
    }
    return fail_at(c->err, AMPQL_PARSE, ast->span.start, ast->span.end,
                   "expected %s%d argument(s) in call to \"%s\", got %zu", how, bound, f->name, n);
}

/* The second argument of info() is a bare set of matchers, which may match everything. */
static enum ampql_code check_info(const struct checker *c, const struct ast *ast)
{
    struct ast *data = ast->u.call.args[1];
    if (data->kind != AST_SELECTOR)
        return complain(c, data->span, "expected label selectors only");
    if (data->u.selector.name.n)
        return complain(c, data->span,
                        "expected label selectors only, got vector selector instead");
    data->type = data->u.selector.has_range ? VALUE_MATRIX : VALUE_VECTOR;
    return AMPQL_OK;
}

static enum ampql_code check_call(const struct checker *c, struct ast *ast)
{
    const struct ast_call *call = &ast->u.call;
    const struct signature *f = call->function;
    bool is_info = strcmp(f->name, "info") == 0 && call->nargs > 1;
    ast->type = f->result;
    ast->is_invariant = !f->reads_time;
    TRY(check_count(c, ast));
    if (is_info)
        TRY(check_info(c, ast));
    for (size_t i = 0; i < call->nargs; i++) {
        struct ast *arg = call->args[i];
        size_t last = (f->nargs < SIGNATURE_ARGS ? f->nargs : SIGNATURE_ARGS) - 1u;
        enum value_type wanted = f->args[i < last ? i : last];
        if (!is_info || i != 1)
            TRY(check(c, arg));
        ast->is_invariant = ast->is_invariant && arg->is_invariant;
        if (arg->type != wanted)
            return fail_at(c->err, AMPQL_PARSE, arg->span.start, arg->span.end,
                           "expected type %s in call to function \"%s\", got %s",
                           value_type_text(wanted), f->name, value_type_text(arg->type));
    }
    return AMPQL_OK;
}

/* ---- aggregations */

static enum ampql_code expect_type(const struct checker *c, struct ast *ast, enum value_type wanted,
                                   const char *where)
{
    TRY(check(c, ast));
    if (ast->type == wanted)
        return AMPQL_OK;
    return fail_at(c->err, AMPQL_PARSE, ast->span.start, ast->span.end,
                   "expected type %s in aggregation %s, got %s", value_type_text(wanted), where,
                   value_type_text(ast->type));
}

static enum ampql_code check_aggregate(const struct checker *c, struct ast *ast)
{
    const struct ast_aggregate *a = &ast->u.aggregate;
    ast->type = VALUE_VECTOR;
    TRY(expect_type(c, a->expr, VALUE_VECTOR, "expression"));
    /* Prometheus does not look at the parameter, and takes the first step's */
    ast->is_invariant = a->expr->is_invariant;
    if (!a->param)
        return AMPQL_OK;
    return expect_type(c, a->param, aggregation_info[a->op].param, "parameter");
}

/* ---- operators */

static OWN_FRAME enum ampql_code check_clauses(const struct checker *c, const struct ast_binary *b)
{
    enum { MOST_PAIRS = 1 << 16 };
    char quoted[320];
    if (!b->is_on || b->matching.n == 0)
        return AMPQL_OK;
    if (b->include.n > MOST_PAIRS / b->matching.n)
        return fail_at(c->err, AMPQL_LIMIT, b->op_span.start, b->op_span.end,
                       "too many labels in on and group clauses: %zu and %zu", b->matching.n,
                       b->include.n);
    for (size_t i = 0; i < b->matching.n; i++)
        for (size_t k = 0; k < b->include.n; k++)
            if (str_equal(b->matching.at[i], b->include.at[k]))
                return fail_at(c->err, AMPQL_PARSE, b->op_span.start, b->op_span.end,
                               "label %s must not occur in ON and GROUP clause at once",
                               quote_text(quoted, sizeof quoted, b->matching.at[i]));
    return AMPQL_OK;
}

/* What matching may be asked for, given the sides' types. */
static enum ampql_code check_matching(const struct checker *c, struct ast *ast)
{
    struct ast_binary *b = &ast->u.binary;
    bool is_set = op_info[b->op].kind == OP_KIND_SET;
    bool is_filled = b->fill_left.is_given || b->fill_right.is_given;
    if (b->lhs->type == VALUE_VECTOR && b->rhs->type == VALUE_VECTOR) {
        if (is_set && b->card != MANY_TO_MANY)
            return fail_at(c->err, AMPQL_PARSE, ast->span.start, ast->span.end,
                           "no grouping allowed for \"%s\" operation", op_info[b->op].text);
        if (is_set && is_filled)
            return complain(c, ast->span,
                            "filling in missing series not allowed for set operators");
        return AMPQL_OK;
    }
    if (b->matching.n)
        return complain(c, ast->span, "vector matching only allowed between instant vectors");
    if (is_filled)
        return complain(c, ast->span,
                        "filling in missing series only allowed between instant vectors");
    b->has_matching = b->is_on = false;
    b->card = ONE_TO_ONE;
    b->include = (struct names){0};
    return AMPQL_OK;
}

/* An operator whose sides have been checked. */
static OWN_FRAME enum ampql_code check_operator(const struct checker *c, struct ast *ast)
{
    struct ast_binary *b = &ast->u.binary;
    enum value_type left = b->lhs->type, right = b->rhs->type;
    enum op_kind kind = op_info[b->op].kind;
    bool is_comparison = kind == OP_KIND_COMPARISON;
    ast->type = left == VALUE_SCALAR && right == VALUE_SCALAR ? VALUE_SCALAR : VALUE_VECTOR;
    ast->is_invariant = b->lhs->is_invariant && b->rhs->is_invariant;
    if (b->returns_bool && !is_comparison)
        return complain(c, b->op_span, "bool modifier can only be used on comparison operators");
    if (is_comparison && !b->returns_bool && ast->type == VALUE_SCALAR)
        return complain(c, b->op_span, "comparisons between scalars must use BOOL modifier");
    if (kind == OP_KIND_SET && b->card == ONE_TO_ONE)
        b->card = MANY_TO_MANY;
    TRY(check_clauses(c, b));
    if (!is_scalar_or_vector(left) || !is_scalar_or_vector(right))
        return complain(c, is_scalar_or_vector(left) ? b->rhs->span : b->lhs->span,
                        "binary expression must contain only scalar and instant vector types");
    TRY(check_matching(c, ast));
    if (kind == OP_KIND_SET && (left == VALUE_SCALAR || right == VALUE_SCALAR))
        return fail_at(c->err, AMPQL_PARSE, ast->span.start, ast->span.end,
                       "set operator \"%s\" not allowed in binary scalar expression",
                       op_info[b->op].text);
    return AMPQL_OK;
}

static enum ampql_code check_chain(const struct checker *c, struct ast *ast)
{
    struct ast *first = ast->u.binary.first;
    TRY(check(c, first->u.binary.lhs));
    for (struct ast *op = first; op; op = ast_next(op, ast)) {
        TRY(check(c, op->u.binary.rhs));
        TRY(check_operator(c, op));
    }
    return AMPQL_OK;
}

static enum ampql_code check_unary(const struct checker *c, struct ast *ast)
{
    struct ast *expr = ast->u.unary.expr;
    TRY(check(c, expr));
    ast->type = expr->type;
    ast->is_invariant = expr->is_invariant;
    if (is_scalar_or_vector(expr->type))
        return AMPQL_OK;
    return fail_at(c->err, AMPQL_PARSE, ast->span.start, ast->span.end,
                   "unary expression only allowed on expressions of type scalar or instant vector, "
                   "got \"%s\"",
                   value_type_text(expr->type));
}

static enum ampql_code check(const struct checker *c, struct ast *ast)
{
    switch (ast->kind) {
    case AST_NUMBER:
    case AST_STRING:
        ast->type = ast->kind == AST_NUMBER ? VALUE_SCALAR : VALUE_STRING;
        ast->is_invariant = true;
        return AMPQL_OK;
    case AST_SELECTOR:
        return check_selector(c, ast);
    case AST_SUBQUERY:
        return check_subquery(c, ast);
    case AST_CALL:
        return check_call(c, ast);
    case AST_AGGREGATE:
        return check_aggregate(c, ast);
    case AST_BINARY:
        return check_chain(c, ast);
    case AST_UNARY:
        return check_unary(c, ast);
    case AST_PAREN:
        break;
    }
    TRY(check(c, ast->u.paren));
    ast->type = ast->u.paren->type;
    ast->is_invariant = ast->u.paren->is_invariant;
    return AMPQL_OK;
}

enum ampql_code typecheck(struct ast *ast, enum ampql_dialect dialect,
                          const struct ampql_allocator *alc, struct ampql_error *err)
{
    const struct checker checker = {dialect, alc, err};
    return check(&checker, ast);
}
