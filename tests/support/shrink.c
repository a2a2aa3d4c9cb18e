/* Greedy: each kind of change is tried until none passes, then all again until a whole round
 * changes nothing. */
#include "support/shrink.h"

#include "lang/lexer.h"
#include "lang/parser.h"
#include "series/label_set.h"
#include "series/sample.h"
#include "support/signatures.h"
#include "tool/compare.h"

#include <math.h>
#include <stdlib.h>

enum { MAX_TOKENS = 400, MAX_OPERANDS = 8, LONGEST_CUT = 12 };

struct shrink {
    struct expr_case *c;
    const struct shrink_options *options;
    shrink_test *test;
    void *payload;
    struct arena *arena;
    size_t ntests;
};

static void *take(struct shrink *s, size_t n, size_t size)
{
    void *p = arena_zeroed(s->arena, n + 1, size);
    if (!p)
        abort();
    return p;
}

static bool is_over(const struct shrink *s)
{
    return s->ntests >= s->options->max_tests;
}

/* Take the smaller case when it passes. */
static bool try_case(struct shrink *s, const struct expr_case *smaller)
{
    if (is_over(s))
        return false;
    s->ntests++;
    if (!s->test(s->payload, smaller))
        return false;
    *s->c = *smaller;
    return true;
}

/* ---- the expression */

static struct ast *parse(struct shrink *s, struct str text)
{
    struct ast *ast = NULL;
    const struct parse_options options = {
        .find_function = signatures_find, .dialect = s->options->dialect, .experimental = true};
    return parse_expr(text, &options, s->arena, &ast, NULL) == AMPQL_OK ? ast : NULL;
}

/* The text with [start, end) replaced by part of it. */
static struct str splice(struct shrink *s, struct str text, size_t start, size_t end,
                         struct str part)
{
    char *out = take(s, text.n - (end - start) + part.n, 1);
    memcpy(out, text.p, start);
    if (part.n)
        memcpy(out + start, part.p, part.n);
    memcpy(out + start + part.n, text.p + end, text.n - end);
    return str_make(out, text.n - (end - start) + part.n);
}

static bool try_text(struct shrink *s, struct str text)
{
    struct expr_case smaller = *s->c;
    smaller.text = text;
    return parse(s, text) && try_case(s, &smaller);
}

static size_t operands(const struct ast *ast, const struct ast *out[MAX_OPERANDS])
{
    size_t n = 0;
    switch (ast->kind) {
    case AST_SUBQUERY:
        out[n++] = ast->u.subquery.expr;
        break;
    case AST_CALL:
        for (size_t i = 0; i < ast->u.call.nargs && n < MAX_OPERANDS; i++)
            out[n++] = ast->u.call.args[i];
        break;
    case AST_AGGREGATE:
        out[n++] = ast->u.aggregate.expr;
        if (ast->u.aggregate.param)
            out[n++] = ast->u.aggregate.param;
        break;
    case AST_BINARY:
        out[n++] = ast->u.binary.lhs;
        out[n++] = ast->u.binary.rhs;
        break;
    case AST_UNARY:
        out[n++] = ast->u.unary.expr;
        break;
    case AST_PAREN:
        out[n++] = ast->u.paren;
        break;
    default:
        break;
    }
    return n;
}

/* An operand in the place of an expression, here or further down. */
static bool lift_operand(struct shrink *s, const struct ast *ast)
{
    const struct ast *below[MAX_OPERANDS];
    struct str text = s->c->text;
    size_t n = operands(ast, below);
    for (size_t i = 0; i < n; i++) {
        struct str part =
            str_make(text.p + below[i]->span.start, below[i]->span.end - below[i]->span.start);
        if (try_text(s, splice(s, text, ast->span.start, ast->span.end, part)))
            return true;
    }
    for (size_t i = 0; i < n; i++)
        if (lift_operand(s, below[i]))
            return true;
    return false;
}

static bool lift_operands(struct shrink *s)
{
    bool has_shrunk = false;
    for (const struct ast *ast; (ast = parse(s, s->c->text)) && lift_operand(s, ast);)
        has_shrunk = true;
    return has_shrunk;
}

static size_t read_tokens(struct shrink *s, struct span *out)
{
    struct lexer lexer;
    struct token token;
    size_t n = 0;
    lexer_init(&lexer, s->c->text, s->options->dialect, true);
    while (n < MAX_TOKENS && lexer_next(&lexer, &token, NULL) == AMPQL_OK &&
           token.kind != TOKEN_END)
        out[n++] = token.span;
    return n;
}

/* Runs of words that can go: matchers, modifiers, grouping, arguments. */
static bool cut_words(struct shrink *s)
{
    struct span tokens[MAX_TOKENS];
    bool has_shrunk = false;
    size_t n = read_tokens(s, tokens);
    for (size_t length = LONGEST_CUT; length > 0; length--)
        for (size_t i = 0; i + length <= n && !is_over(s);) {
            size_t start = tokens[i].start, end = tokens[i + length - 1].end;
            if (start > 0 && s->c->text.p[start - 1] == ' ')
                start--; /* one blank is enough */
            else if (start == 0 && i + length < n)
                end = tokens[i + length].start;
            if (try_text(s, splice(s, s->c->text, start, end, STR("")))) {
                has_shrunk = true;
                n = read_tokens(s, tokens);
            } else {
                i++;
            }
        }
    return has_shrunk;
}

/* ---- times */

static bool one_step(struct shrink *s)
{
    const struct ampql_run_options *o = &s->c->options;
    int64_t n = o->step_ms ? (o->end_ms - o->start_ms) / o->step_ms : 0;
    struct expr_case smaller = *s->c;
    for (int64_t i = 0; o->step_ms && i <= n; i++) {
        smaller.options.start_ms = smaller.options.end_ms = o->start_ms + i * o->step_ms;
        smaller.options.step_ms = 0;
        if (try_case(s, &smaller))
            return true;
    }
    for (int64_t i = 0; n > 0 && i <= n; i++) {
        smaller.options.start_ms = smaller.options.end_ms = o->start_ms + i * o->step_ms;
        smaller.options.step_ms = o->step_ms;
        if (try_case(s, &smaller))
            return true;
    }
    return false;
}

/* Steps fewer by half, at either end. */
static bool fewer_steps(struct shrink *s)
{
    bool has_shrunk = false;
    for (int64_t part = 2; part <= 16; part *= 2) {
        const struct ampql_run_options *o = &s->c->options;
        int64_t n = o->step_ms ? (o->end_ms - o->start_ms) / o->step_ms : 0, cut = n / part;
        struct expr_case smaller = *s->c;
        if (cut == 0)
            break;
        smaller.options.end_ms -= cut * o->step_ms;
        bool ok = try_case(s, &smaller);
        if (!ok) {
            smaller = *s->c;
            smaller.options.start_ms += cut * o->step_ms;
            ok = try_case(s, &smaller);
        }
        has_shrunk |= ok;
        part = ok ? 1 : part;
    }
    return has_shrunk;
}

static bool plain_options(struct shrink *s)
{
    bool has_shrunk = one_step(s) || fewer_steps(s);
    struct expr_case smaller = *s->c;
    if (smaller.options.lookback_ms) {
        smaller.options.lookback_ms = 0;
        has_shrunk |= try_case(s, &smaller);
    }
    smaller = *s->c;
    if (smaller.options.delayed_name_removal) {
        smaller.options.delayed_name_removal = false;
        has_shrunk |= try_case(s, &smaller);
    }
    return has_shrunk;
}

/* ---- data */

static bool drop_series(struct shrink *s)
{
    bool has_shrunk = false;
    for (size_t length = s->c->nseries; length > 0; length /= 2)
        for (size_t i = 0; i + length <= s->c->nseries && !is_over(s);) {
            struct expr_case smaller = *s->c;
            smaller.nseries -= length;
            memmove(&smaller.series[i], &smaller.series[i + length],
                    (smaller.nseries - i) * sizeof *smaller.series);
            if (try_case(s, &smaller))
                has_shrunk = true;
            else
                i++;
        }
    return has_shrunk;
}

/* Series number i without samples [from, from + length). */
static struct test_series without_samples(struct shrink *s, size_t i, size_t from, size_t length)
{
    struct test_series series = s->c->series[i];
    int64_t *t = take(s, series.n, sizeof *t);
    double *v = take(s, series.n, sizeof *v);
    size_t n = 0;
    for (size_t k = 0; k < series.n; k++) {
        if (k >= from && k < from + length)
            continue;
        t[n] = series.t_ms[k];
        v[n++] = series.v[k];
    }
    series.t_ms = t;
    series.v = v;
    series.n = n;
    return series;
}

static bool drop_samples(struct shrink *s)
{
    bool has_shrunk = false;
    for (size_t i = 0; i < s->c->nseries; i++)
        for (size_t length = s->c->series[i].n; length > 0; length /= 2)
            for (size_t from = 0; from + length <= s->c->series[i].n && !is_over(s);) {
                struct expr_case smaller = *s->c;
                smaller.series[i] = without_samples(s, i, from, length);
                if (try_case(s, &smaller))
                    has_shrunk = true;
                else
                    from += length;
            }
    return has_shrunk;
}

static bool has_twins(const struct expr_case *c)
{
    for (size_t i = 0; i < c->nseries; i++)
        for (size_t k = 0; k < i; k++)
            if (label_sets_compare(c->series[i].labels, c->series[i].nlabels, c->series[k].labels,
                                   c->series[k].nlabels) == 0)
                return true;
    return false;
}

static void remove_label(struct shrink *s, struct test_series *series, struct ampql_string name)
{
    struct ampql_label *labels = take(s, series->nlabels, sizeof *labels);
    size_t n = 0;
    for (size_t k = 0; k < series->nlabels; k++)
        if (!str_equal(str_view(series->labels[k].name), str_view(name)))
            labels[n++] = series->labels[k];
    series->labels = labels;
    series->nlabels = n;
}

/* A label of one series, or its name on all of them; the metric's stays. */
static bool drop_label(struct shrink *s, size_t i, size_t k, bool of_all)
{
    struct expr_case smaller = *s->c;
    struct ampql_string name = smaller.series[i].labels[k].name;
    if (str_equal(str_view(name), STR("__name__")))
        return false;
    for (size_t j = 0; j < smaller.nseries; j++)
        if (of_all || j == i)
            remove_label(s, &smaller.series[j], name);
    return !has_twins(&smaller) && try_case(s, &smaller);
}

static bool drop_labels(struct shrink *s)
{
    bool has_shrunk = false;
    for (int of_all = 1; of_all >= 0; of_all--)
        for (size_t i = 0; i < s->c->nseries; i++)
            for (size_t k = 0; k < s->c->series[i].nlabels && !is_over(s);) {
                if (drop_label(s, i, k, of_all))
                    has_shrunk = true;
                else
                    k++;
            }
    return has_shrunk;
}

static bool set_value(struct shrink *s, size_t i, size_t k, double value)
{
    struct expr_case smaller = *s->c;
    struct test_series *series = &smaller.series[i];
    double *v = take(s, series->n, sizeof *v);
    memcpy(v, series->v, series->n * sizeof *v);
    v[k] = value;
    series->v = v;
    return try_case(s, &smaller);
}

/* How much a value is to read. */
static unsigned weight_of(double v)
{
    if (is_stale(v) || !isfinite(v))
        return 2;
    if (v == floor(v) && fabs(v) < 10)
        return signbit(v) ? 1 : 0;
    if (v == floor(v) && fabs(v) < 1e6)
        return 3;
    return v * 8 == floor(v * 8) ? 4 : 5;
}

static bool simplify_value(struct shrink *s, size_t i, size_t k)
{
    double v = s->c->series[i].v[k];
    const double simpler[] = {1, 0, 2, 5, 9, floor(v), round(v * 8) / 8};
    for (size_t n = 0; n < sizeof simpler / sizeof *simpler; n++)
        if (weight_of(simpler[n]) < weight_of(v) && set_value(s, i, k, simpler[n]))
            return true;
    return false;
}

static bool simplify_values(struct shrink *s)
{
    bool has_shrunk = false;
    for (size_t i = 0; i < s->c->nseries; i++)
        for (size_t k = 0; k < s->c->series[i].n && !is_over(s); k++)
            has_shrunk |= simplify_value(s, i, k);
    return has_shrunk;
}

/* Times of one series on whole units, where they stay ascending. */
static bool round_times(struct shrink *s, size_t i, int64_t unit_ms)
{
    struct expr_case smaller = *s->c;
    struct test_series *series = &smaller.series[i];
    int64_t *t = take(s, series->n, sizeof *t);
    bool changes = false;
    for (size_t k = 0; k < series->n; k++) {
        t[k] = (series->t_ms[k] + unit_ms / 2) / unit_ms * unit_ms;
        changes |= t[k] != series->t_ms[k];
        if (k > 0 && t[k] <= t[k - 1])
            return false;
    }
    series->t_ms = t;
    return changes && try_case(s, &smaller);
}

static bool round_query(struct shrink *s, int64_t unit_ms)
{
    struct expr_case smaller = *s->c;
    struct ampql_run_options *o = &smaller.options;
    int64_t moved = (o->start_ms + unit_ms / 2) / unit_ms * unit_ms - o->start_ms;
    o->start_ms += moved;
    o->end_ms += moved;
    return moved && try_case(s, &smaller);
}

static bool plain_times(struct shrink *s)
{
    static const int64_t units_ms[] = {60000, 15000, 1000, 100};
    bool has_shrunk = false;
    for (size_t u = 0; u < sizeof units_ms / sizeof *units_ms; u++) {
        has_shrunk |= round_query(s, units_ms[u]);
        for (size_t i = 0; i < s->c->nseries; i++)
            has_shrunk |= round_times(s, i, units_ms[u]);
    }
    return has_shrunk;
}

size_t shrink_case(struct expr_case *c, const struct shrink_options *options, shrink_test *test,
                   void *payload, struct arena *arena)
{
    static bool (*const changes[])(struct shrink * s) = {
        lift_operands, plain_options, drop_series,     drop_samples,
        cut_words,     drop_labels,   simplify_values, plain_times};
    struct shrink s = {c, options, test, payload, arena, 0};
    for (bool has_shrunk = true; has_shrunk && !is_over(&s);) {
        has_shrunk = false;
        for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
            has_shrunk |= changes[i](&s);
    }
    return s.ntests;
}
