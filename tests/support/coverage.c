/* Walking the trees. */
#include "support/coverage.h"

#include "eval/function.h"
#include "lang/parser.h"

#include <stdlib.h>
#include <string.h>

static struct coverage_item *item(struct coverage *coverage, const char *name)
{
    for (size_t i = 0; i < coverage->n; i++)
        if (strcmp(coverage->at[i].name, name) == 0)
            return &coverage->at[i];
    if (coverage->n == COVERAGE_ITEMS || strlen(name) >= COVERAGE_NAME)
        abort();
    struct coverage_item *new = &coverage->at[coverage->n++];
    strcpy(new->name, name);
    return new;
}

struct walk {
    struct coverage *coverage;
    bool has_values, in_subquery;
};

/* Once a case. */
static void see(struct walk *w, const char *name)
{
    struct coverage_item *i = item(w->coverage, name);
    if (i->last == w->coverage->ncases)
        return;
    i->last = w->coverage->ncases;
    i->asked++;
    i->with_values += w->has_values;
}

static void see_place(struct walk *w, const struct ast_duration *offset, struct at at)
{
    static const char *const ats[] = {NULL, "@ time", "@ start()", "@ end()"};
    if (at.kind != AT_NONE)
        see(w, ats[at.kind]);
    if (offset->ms)
        see(w, offset->ms < 0 ? "offset back" : "offset");
}

static void see_selector(struct walk *w, const struct ast_selector *s)
{
    static const char *const matches[] = {[MATCH_EQUAL] = "{a=}",
                                          [MATCH_NOT_EQUAL] = "{a!=}",
                                          [MATCH_REGEX] = "{a=~}",
                                          [MATCH_NOT_REGEX] = "{a!~}"};
    for (size_t i = s->name.n > 0; i < s->matchers.n; i++)
        see(w, matches[s->matchers.at[i].op]);
    if (s->extension != EXTENSION_NONE)
        see(w, s->extension == EXTENSION_ANCHORED ? "anchored" : "smoothed");
    if (s->has_range && s->range.expr)
        see(w, "[expression]");
    see_place(w, &s->offset, s->at);
}

static void see_binary(struct walk *w, const struct ast_binary *b)
{
    see(w, op_info[b->op].text);
    if (b->returns_bool)
        see(w, "bool");
    if (b->has_matching)
        see(w, b->is_on ? "on" : "ignoring");
    if (b->card == MANY_TO_ONE || b->card == ONE_TO_MANY)
        see(w, b->card == MANY_TO_ONE ? "group_left" : "group_right");
    if (b->include.n)
        see(w, "group_x(label)");
    if (b->fill_left.is_given || b->fill_right.is_given)
        see(w, "fill");
}

static void see_tree(struct walk *w, const struct ast *ast)
{
    bool in_subquery = w->in_subquery;
    switch (ast->kind) {
    case AST_SELECTOR:
        see_selector(w, &ast->u.selector);
        break;
    case AST_SUBQUERY:
        see(w, in_subquery ? "subquery in subquery" : "subquery");
        if (!ast->u.subquery.has_step)
            see(w, "[d:]");
        see_place(w, &ast->u.subquery.offset, ast->u.subquery.at);
        w->in_subquery = true;
        see_tree(w, ast->u.subquery.expr);
        w->in_subquery = in_subquery;
        break;
    case AST_CALL:
        see(w, ast->u.call.function->name);
        for (size_t i = 0; i < ast->u.call.nargs; i++)
            see_tree(w, ast->u.call.args[i]);
        break;
    case AST_AGGREGATE:
        see(w, aggregation_info[ast->u.aggregate.op].text);
        if (ast->u.aggregate.has_grouping)
            see(w, ast->u.aggregate.is_without ? "without" : "by");
        see_tree(w, ast->u.aggregate.expr);
        if (ast->u.aggregate.param)
            see_tree(w, ast->u.aggregate.param);
        break;
    case AST_BINARY:
        see_binary(w, &ast->u.binary);
        see_tree(w, ast->u.binary.lhs);
        see_tree(w, ast->u.binary.rhs);
        break;
    case AST_UNARY:
        see(w, ast->u.unary.is_minus ? "unary -" : "unary +");
        see_tree(w, ast->u.unary.expr);
        break;
    case AST_PAREN:
        see_tree(w, ast->u.paren);
        break;
    default:
        break;
    }
}

void coverage_count(struct coverage *coverage, const struct expr_case *c, bool has_values)
{
    struct arena arena;
    struct ast *ast = NULL;
    struct walk w = {coverage, has_values, false};
    const struct parse_options options = {.find_function = function_find,
                                          .dialect = c->options.dialect,
                                          .experimental = c->options.dialect != AMPQL_PROM2};
    coverage->ncases++;
    see(&w, c->options.step_ms ? "range query" : "instant query");
    arena_init(&arena, &alloc_default);
    if (parse_expr(c->text, &options, &arena, &ast, NULL) == AMPQL_OK)
        see_tree(&w, ast);
    arena_done(&arena);
}

void coverage_add(struct coverage *into, const struct coverage *from)
{
    into->ncases += from->ncases;
    for (size_t i = 0; i < from->n; i++) {
        struct coverage_item *to = item(into, from->at[i].name);
        to->asked += from->at[i].asked;
        to->with_values += from->at[i].with_values;
    }
}

static int by_rarity(const void *a, const void *b)
{
    const struct coverage_item *x = a, *y = b;
    if (x->with_values != y->with_values)
        return x->with_values > y->with_values ? 1 : -1;
    return strcmp(x->name, y->name);
}

/* Of native histograms, which there are none of, and 2.x's name of double_exponential_smoothing. */
static bool is_for_others(const char *name)
{
    static const char *const names[] = {"histogram_avg",  "histogram_stddev", "histogram_stdvar",
                                        "histogram_sum",  "histogram_count",  "holt_winters",
                                        "start_timestamp"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

bool coverage_print(struct coverage *coverage, const struct expr_names *names, FILE *out)
{
    static const char *const all[] = {"+",
                                      "-",
                                      "*",
                                      "/",
                                      "%",
                                      "^",
                                      "==",
                                      "!=",
                                      ">",
                                      "<",
                                      ">=",
                                      "<=",
                                      "and",
                                      "or",
                                      "unless",
                                      "bool",
                                      "on",
                                      "ignoring",
                                      "group_left",
                                      "group_right",
                                      "group_x(label)",
                                      "by",
                                      "without",
                                      "unary -",
                                      "offset",
                                      "offset back",
                                      "@ time",
                                      "@ start()",
                                      "@ end()",
                                      "subquery",
                                      "[d:]",
                                      "{a=}",
                                      "{a!=}",
                                      "{a=~}",
                                      "{a!~}",
                                      "subquery in subquery",
                                      "range query",
                                      "instant query"};
    bool ok = true;
    if (coverage->ncases < 1000) /* says nothing */
        return true;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        item(coverage, all[i]);
    for (size_t i = 0; i < names->n; i++)
        if (!is_for_others(names->at[i]))
            item(coverage, names->at[i]);
    qsort(coverage->at, coverage->n, sizeof *coverage->at, by_rarity);
    fprintf(out, "made of (with values, in all):");
    for (size_t i = 0; i < coverage->n; i++)
        fprintf(out, "%s %s %zu %zu", i ? "," : "", coverage->at[i].name,
                coverage->at[i].with_values, coverage->at[i].asked);
    fprintf(out, "\n");
    for (size_t i = 0; i < coverage->n; i++) {
        if (coverage->at[i].asked >= coverage->ncases / 10000)
            continue;
        fprintf(out, "too rare: %s, in %zu of %zu cases\n", coverage->at[i].name,
                coverage->at[i].asked, coverage->ncases);
        ok = false;
    }
    return ok;
}
