/* Walks over the trees of a test script's expressions. */
#include "tool/expression.h"

#include "base/array.h"
#include "base/buf.h"
#include "base/regex.h"
#include "eval/function.h"
#include "lang/printer.h"

enum { TEXT_MAX_BYTES = 1 << 24 };

/* One walk: collects selectors, or fixes times. */
struct walk {
    struct arena *arena;
    struct {
        ARRAY(struct matchers);
    } selectors;
    bool fixes;
    int64_t t_ms;
    bool reads_time;
    bool failed; /* no memory */
};

static void fix(const struct walk *walk, struct at *at)
{
    if (walk->fixes && at->kind != AT_TIME) /* start() and end() too, as that harness has it */
        *at = (struct at){AT_TIME, walk->t_ms};
}

/* is_fixed: inside a subquery with an @, where nothing is changed and nothing depends on the time.
 * Recursion is bounded by the parser's depth limit. */
static void visit(struct walk *walk, struct ast *ast, bool is_fixed)
{
    switch (ast->kind) {
    case AST_NUMBER:
    case AST_STRING:
        return;
    case AST_SELECTOR:
        if (!is_fixed)
            fix(walk, &ast->u.selector.at);
        if (!walk->fixes && !array_push(&walk->selectors, walk->arena, ast->u.selector.matchers))
            walk->failed = true;
        return;
    case AST_SUBQUERY:
        if (!is_fixed)
            fix(walk, &ast->u.subquery.at);
        visit(walk, ast->u.subquery.expr, ast->u.subquery.at.kind == AT_TIME || is_fixed);
        return;
    case AST_CALL:
        if (!is_fixed && (ast->u.call.function->reads_time || ast->u.call.function->reads_query ||
                          ast->u.call.function->kernel == KERNEL_TIMESTAMP))
            walk->reads_time = true;
        for (size_t i = 0; i < ast->u.call.nargs; i++)
            visit(walk, ast->u.call.args[i], is_fixed);
        return;
    case AST_AGGREGATE:
        if (ast->u.aggregate.param)
            visit(walk, ast->u.aggregate.param, is_fixed);
        visit(walk, ast->u.aggregate.expr, is_fixed);
        return;
    case AST_BINARY:
        visit(walk, ast->u.binary.first->u.binary.lhs, is_fixed);
        for (struct ast *op = ast->u.binary.first; op; op = ast_next(op, ast))
            visit(walk, op->u.binary.rhs, is_fixed);
        return;
    case AST_UNARY:
        visit(walk, ast->u.unary.expr, is_fixed);
        return;
    case AST_PAREN:
        visit(walk, ast->u.paren, is_fixed);
        return;
    }
}

enum ampql_code expression_parse(struct str text, enum ampql_dialect dialect, bool experimental,
                                 struct arena *arena, struct expression *out,
                                 struct ampql_error *err)
{
    struct parse_options options = {
        .find_function = function_find, .dialect = dialect, .experimental = experimental};
    *out = (struct expression){0};
    struct ast *ast;
    TRY(parse_expr(text, &options, arena, &ast, err));
    struct walk walk = {.arena = arena};
    visit(&walk, ast, false);
    if (walk.failed)
        return fail_nomem(err, "the selectors of an expression");
    *out = (struct expression){ast, walk.selectors.at, walk.selectors.n};
    return AMPQL_OK;
}

static bool matcher_accepts(const struct matcher *matcher, const struct ampql_label *labels,
                            size_t nlabels, enum ampql_dialect dialect)
{
    struct str value = {"", 0};
    for (size_t i = 0; i < nlabels; i++)
        if (str_equal(str_view(labels[i].name), matcher->name))
            value = str_view(labels[i].value);
    if (matcher->op == MATCH_EQUAL || matcher->op == MATCH_NOT_EQUAL)
        return (matcher->op == MATCH_EQUAL) == str_equal(value, matcher->value);
    struct regex *regex = NULL;
    enum regex_dot dot = dialect == AMPQL_PROM2 ? REGEX_DOT_NO_NEWLINE : REGEX_DOT_ALL;
    if (regex_new(&alloc_default, matcher->value, dot, &regex, NULL) != AMPQL_OK)
        return false;
    bool is_match = regex_match(regex, value);
    regex_free(regex);
    return (matcher->op == MATCH_REGEX) == is_match;
}

bool expression_selects(const struct expression *expression, const struct ampql_label *labels,
                        size_t nlabels, enum ampql_dialect dialect)
{
    for (size_t i = 0; i < expression->nselectors; i++) {
        struct matchers matchers = expression->selectors[i];
        size_t n = 0;
        while (n < matchers.n && matcher_accepts(&matchers.at[n], labels, nlabels, dialect))
            n++;
        if (n == matchers.n)
            return true;
    }
    return false;
}

static bool is_known(struct str name, const struct ampql_label *labels, size_t nlabels)
{
    for (size_t i = 0; i < nlabels; i++)
        if (str_equal(str_view(labels[i].name), name))
            return true;
    return false;
}

bool selector_allows(struct matchers matchers, const struct ampql_label *labels, size_t nlabels,
                     enum ampql_dialect dialect)
{
    for (size_t i = 0; i < matchers.n; i++)
        if (is_known(matchers.at[i].name, labels, nlabels) &&
            !matcher_accepts(&matchers.at[i], labels, nlabels, dialect))
            return false;
    return true;
}

enum ampql_code expression_fix(struct expression *expression, int64_t t_ms, struct arena *arena,
                               struct str *out, struct ampql_error *err)
{
    struct walk walk = {.arena = arena, .fixes = true, .t_ms = t_ms};
    struct buf text;
    visit(&walk, expression->ast, false);
    *out = (struct str){"", 0};
    if (walk.reads_time)
        return AMPQL_OK;
    buf_init(&text, arena->alc, TEXT_MAX_BYTES);
    print_expr(&text, expression->ast);
    if (!text.failed)
        *out = arena_copy(arena, buf_view(&text));
    enum ampql_code code =
        text.failed || !out->p ? fail_nomem(err, "an expression's text") : AMPQL_OK;
    buf_done(&text);
    return code;
}
