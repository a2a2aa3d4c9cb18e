/* How two answers to a case compare, and what of a difference is an order that Prometheus does not
 * keep from run to run, or known. */
#include "oracle/newest.h"

#include "lang/parser.h"
#include "series/label_set.h"
#include "support/same.h"
#include "support/signatures.h"
#include "tool/compare.h"

#include <math.h>
#include <stdlib.h>

enum { ATTEMPTS = 40 };

static const char *const who[2] = {"engine    ", "prometheus"};

/* ---- comparing */

static bool is_close(double a, double b, double bound)
{
    if (values_same(a, b))
        return true;
    return isfinite(a) && isfinite(b) && fabs(a - b) <= bound * fmax(fabs(a), fabs(b));
}

/* Everything but values is the same. */
static bool same_frame(const struct outcome *a, const struct outcome *b)
{
    if (a->kind != b->kind || a->nseries != b->nseries)
        return false;
    for (size_t i = 0; i < a->nseries; i++) {
        const struct outcome_series *s = &a->series[i], *t = &b->series[i];
        if (s->n != t->n || label_sets_compare(s->labels, s->nlabels, t->labels, t->nlabels) != 0 ||
            (s->n && memcmp(s->t_ms, t->t_ms, s->n * sizeof *s->t_ms) != 0))
            return false;
    }
    return true;
}

static bool is_refusal(enum ampql_code code)
{
    return code == AMPQL_PARSE || code == AMPQL_BAD_DATA;
}

static bool has_note(const struct outcome *o, struct str text)
{
    for (size_t i = 0; i < o->nnotes; i++)
        if (str_equal(o->notes[i].text, text))
            return true;
    return false;
}

static size_t print_missing(const struct outcome *of, const struct outcome *other, const char *name,
                            struct buf *out)
{
    size_t n = 0;
    for (size_t i = 0; i < of->nnotes; i++) {
        if (has_note(other, of->notes[i].text))
            continue;
        n++;
        if (out) {
            buf_format(out, "  only %s ", name);
            buf_str(out, of->notes[i].text);
            buf_byte(out, '\n');
        }
    }
    return n;
}

void newest_print_notes(const struct outcome *ours, const struct outcome *theirs, struct buf *out)
{
    print_missing(ours, theirs, who[0], out);
    print_missing(theirs, ours, who[1], out);
}

/* The words of errors, or of annotations, and the places that they name. */
static bool same_words(struct str text, const struct answer *ours,
                       const struct newest_answer *theirs)
{
    char placed[AMPQL_MESSAGE_MAX + 64];
    size_t line, column;
    if (ours->code == AMPQL_OK && theirs->code == AMPQL_OK)
        return print_missing(&ours->outcome, &theirs->outcome, who[0], NULL) +
                   print_missing(&theirs->outcome, &ours->outcome, who[1], NULL) ==
               0;
    if (ours->code != AMPQL_PARSE)
        return str_equal(str_of(ours->err.message), theirs->message);
    text_position(text, ours->err.start, &line, &column);
    snprintf(placed, sizeof placed, "%zu:%zu: parse error: %s", line, column, ours->err.message);
    return str_equal(str_of(placed), theirs->message);
}

static bool same_values(const struct answer *ours, const struct newest_answer *theirs)
{
    if (theirs->code == AMPQL_PARSE)
        return is_refusal(ours->code);
    return ours->code == theirs->code &&
           (ours->code != AMPQL_OK || outcomes_same(&ours->outcome, &theirs->outcome, who, NULL));
}

static bool same_answer(struct str text, const struct answer *ours,
                        const struct newest_answer *theirs)
{
    return same_values(ours, theirs) && same_words(text, ours, theirs);
}

static const double *value_at(const struct outcome *o, const struct outcome_series *like,
                              int64_t t_ms)
{
    for (size_t i = 0; i < o->nseries; i++) {
        const struct outcome_series *s = &o->series[i];
        if (label_sets_compare(s->labels, s->nlabels, like->labels, like->nlabels) != 0)
            continue;
        for (size_t k = 0; k < s->n; k++)
            if (s->t_ms[k] == t_ms)
                return &s->v[k];
    }
    return NULL;
}

/* Mark those of our values that are in `theirs`, too. */
static void mark_seen(const struct outcome *ours, const struct outcome *theirs, bool *seen)
{
    size_t at = 0;
    for (size_t i = 0; i < ours->nseries; i++)
        for (size_t k = 0; k < ours->series[i].n; k++, at++) {
            const double *v = value_at(theirs, &ours->series[i], ours->series[i].t_ms[k]);
            seen[at] |= v && values_same(*v, ours->series[i].v[k]);
        }
}

static size_t count_values(const struct outcome *o)
{
    size_t n = 0;
    for (size_t i = 0; i < o->nseries; i++)
        n += o->series[i].n;
    return n;
}

static bool all_of(const bool *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!p[i])
            return false;
    return true;
}

/* Mark the values in which `again` contradicts `first`; false when more than values differs. */
static bool mark_unstable(const struct outcome *first, const struct outcome *again, bool *unstable)
{
    size_t at = 0;
    if (!same_frame(first, again))
        return false;
    for (size_t i = 0; i < first->nseries; i++)
        for (size_t k = 0; k < first->series[i].n; k++, at++)
            unstable[at] |= !values_same(first->series[i].v[k], again->series[i].v[k]);
    return true;
}

static bool differs_only_where(const struct outcome *ours, const struct outcome *theirs,
                               const bool *unstable)
{
    size_t at = 0;
    if (!same_frame(ours, theirs))
        return false;
    for (size_t i = 0; i < ours->nseries; i++)
        for (size_t k = 0; k < ours->series[i].n; k++, at++)
            if (!unstable[at] && !values_same(ours->series[i].v[k], theirs->series[i].v[k]))
                return false;
    return true;
}

static int by_labels(const void *a, const void *b)
{
    const struct outcome_series *s = a, *t = b;
    return label_sets_compare(s->labels, s->nlabels, t->labels, t->nlabels);
}

/* An instant vector's order may be a hash map's: put it in order of labels. */
static void sort_vector(struct outcome *o, struct arena *arena)
{
    struct outcome_series *sorted = arena_alloc(arena, o->nseries, sizeof *sorted);
    if (!sorted)
        abort();
    for (size_t i = 0; i < o->nseries; i++)
        sorted[i] = o->series[i];
    qsort(sorted, o->nseries, sizeof *sorted, by_labels);
    o->series = sorted;
}

/* Does Prometheus, asked again, give the same series in another order? Then all are sorted. */
static bool sort_if_unordered(struct driver *d, const struct expr_case *c, struct answer *ours,
                              struct newest_answer *first, struct arena *arena)
{
    bool is_unordered = false;
    if (ours->code != AMPQL_OK || first->code != AMPQL_OK ||
        first->outcome.kind != AMPQL_RESULT_VECTOR)
        return false;
    for (int i = 0; i < ATTEMPTS && !is_unordered; i++) {
        struct newest_answer again;
        newest_evaluate(&d->newest, c, arena, &again);
        is_unordered = again.outcome.nseries == first->outcome.nseries;
        size_t same = 0;
        for (size_t k = 0; is_unordered && k < again.outcome.nseries; k++)
            same += by_labels(&again.outcome.series[k], &first->outcome.series[k]) == 0;
        is_unordered = is_unordered && same < again.outcome.nseries;
    }
    if (!is_unordered)
        return false;
    sort_vector(&ours->outcome, arena);
    sort_vector(&first->outcome, arena);
    return true;
}

/* How far two orders may lead apart: stddev and stdvar over series are not compensated. */
static double bound_of(struct str text)
{
    bool is_spread = memmem(text.p, text.n, "stddev", 6) || memmem(text.p, text.n, "stdvar", 6);
    return is_spread ? 1e-6 : 1e-12;
}

static bool *flags(size_t n, struct arena *arena)
{
    bool *p = arena_zeroed(arena, n + 1, sizeof *p);
    if (!p)
        abort();
    return p;
}

static bool text_has(struct str text, const char *part)
{
    return memmem(text.p, text.n, part, strlen(part));
}

/* Something over several steps is added up. */
static bool adds_up(const struct expr_case *c)
{
    static const char *const names[] = {"sum", "avg", "stddev", "stdvar"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (text_has(c->text, names[i]))
            return c->options.step_ms > 0 || text_has(c->text, ":");
    return false;
}

static bool is_near(const struct outcome *ours, const struct outcome *theirs, double bound)
{
    if (!same_frame(ours, theirs))
        return false;
    for (size_t i = 0; i < ours->nseries; i++)
        for (size_t k = 0; k < ours->series[i].n; k++)
            if (!is_close(ours->series[i].v[k], theirs->series[i].v[k], bound))
                return false;
    return true;
}

/* Does it give something else for a step alone than for that step among others? */
static bool asks_for_range(struct str text)
{
    static const char *const names[] = {"start()", "end()", "step()", "range()"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (text_has(text, names[i]))
            return true;
    return false;
}

/* A map of a few series is only rotated, so that some orders never come: then each step alone must
 * be the same, where that asks for the same and no subquery has maps of its own. */
static bool steps_are_same(struct driver *d, const struct expr_case *c)
{
    struct expr_case one = *c;
    if (text_has(c->text, ":") || asks_for_range(c->text))
        return true;
    one.options.step_ms = 0;
    for (int64_t t = c->options.start_ms; t <= c->options.end_ms; t += c->options.step_ms) {
        struct arena arena;
        struct answer ours;
        struct newest_answer theirs;
        one.options.start_ms = one.options.end_ms = t;
        arena_init(&arena, &alloc_default);
        enum outcome_class class = newest_judge(d, &one, &arena, &ours, &theirs);
        arena_done(&arena);
        if (class == DIFFERENT)
            return false;
    }
    return true;
}

/* Does limitk, topk or bottomk keep some of what an operator, a function or an aggregation gives?
 */
static bool keeps_some(const struct ast *ast)
{
    const struct ast *below[MAX_BELOW];
    size_t n = ast_children(ast, below, MAX_BELOW);
    if (ast->kind == AST_AGGREGATE && ast_unwrap(ast->u.aggregate.expr)->kind != AST_SELECTOR)
        switch (ast->u.aggregate.op) {
        case AGGREGATION_LIMITK:
        case AGGREGATION_TOPK:
        case AGGREGATION_BOTTOMK:
            return true;
        default:
            break;
        }
    for (size_t i = 0; i < n; i++)
        if (keeps_some(below[i]))
            return true;
    return false;
}

/* The values at one time, as the vector that an instant query gives, in order of labels. */
static struct outcome vector_at(const struct outcome *matrix, int64_t t_ms, struct arena *arena)
{
    struct outcome out = {.kind = AMPQL_RESULT_VECTOR};
    struct outcome_series *at = arena_alloc(arena, matrix->nseries + 1, sizeof *at);
    if (!at)
        abort();
    for (size_t i = 0; i < matrix->nseries; i++) {
        const struct outcome_series *s = &matrix->series[i];
        size_t k = 0;
        while (k < s->n && s->t_ms[k] != t_ms)
            k++;
        if (k == s->n)
            continue;
        at[out.nseries] = *s;
        at[out.nseries].t_ms += k;
        at[out.nseries].v += k;
        at[out.nseries++].n = 1;
    }
    out.series = at;
    sort_vector(&out, arena);
    return out;
}

/* Does Prometheus, asked for one step alone, say what ours say of it in a range, bit for bit? */
static bool is_step_alone(struct driver *d, const struct expr_case *c, const struct outcome *ours,
                          int64_t t_ms, struct arena *arena)
{
    struct expr_case one = *c;
    struct outcome want = vector_at(ours, t_ms, arena);
    one.options.start_ms = one.options.end_ms = t_ms;
    one.options.step_ms = 0;
    for (int i = 0; i < ATTEMPTS; i++) {
        struct newest_answer theirs;
        newest_evaluate(&d->newest, &one, arena, &theirs);
        if (theirs.code != AMPQL_OK || theirs.outcome.kind != AMPQL_RESULT_VECTOR)
            return false;
        sort_vector(&theirs.outcome, arena);
        if (outcomes_same(&want, &theirs.outcome, who, NULL))
            return true;
    }
    return false;
}

/* A range in which some of several series are kept. Prometheus takes the first ones of a hash map,
 * at all steps of the same map, and a map of up to eight series is only rotated: which begins to
 * have values after others stands after them. Ours are the first in order of labels at each step,
 * as Prometheus's are when it is asked for that step alone; together they need not be the first in
 * any rotation. So each step is compared with that. */
static bool keeps_as_steps_alone(struct driver *d, const struct expr_case *c,
                                 const struct outcome *ours, struct arena *arena)
{
    const struct ast *ast = parse_prom3(c->text, arena);
    if (!ast || !keeps_some(ast) || c->options.step_ms == 0 || asks_for_range(c->text))
        return false;
    for (int64_t t = c->options.start_ms; t <= c->options.end_ms; t += c->options.step_ms)
        if (!is_step_alone(d, c, ours, t, arena))
            return false;
    return true;
}

/* Which two series of a match group are named is a matter of their order: the same group, and
 * Prometheus names others when it is asked again. */
static bool names_others(const struct answer *ours, const struct newest_answer *first,
                         const struct newest_answer *again)
{
    static const char start[] = "found duplicate series for the match group";
    struct str message = str_of(ours->err.message);
    const char *series = ours->code == AMPQL_EXECUTION ? strchr(ours->err.message, '[') : NULL;
    if (!series || first->code != AMPQL_EXECUTION || again->code != AMPQL_EXECUTION ||
        !str_has_prefix(message, str_of(start)))
        return false;
    struct str group = str_make(message.p, (size_t)(series - message.p));
    return str_has_prefix(first->message, group) && str_has_prefix(again->message, group) &&
           !str_equal(first->message, again->message);
}

static enum outcome_class ask_again(struct driver *d, const struct expr_case *c,
                                    struct answer *ours, struct newest_answer *first,
                                    struct arena *arena)
{
    bool is_unordered = sort_if_unordered(d, c, ours, first, arena);
    bool has_values = ours->code == AMPQL_OK && first->code == AMPQL_OK, same_series = true;
    size_t n = has_values ? count_values(&ours->outcome) : 0;
    bool *unstable = flags(count_values(&first->outcome), arena), *seen = flags(n, arena);
    bool has_words = same_words(c->text, ours, first), has_others = false;
    for (int i = 0; i < ATTEMPTS; i++) {
        struct newest_answer again;
        newest_evaluate(&d->newest, c, arena, &again);
        if (is_unordered)
            sort_vector(&again.outcome, arena);
        if (same_answer(c->text, ours, &again))
            return REORDERED;
        has_others = has_others || names_others(ours, first, &again);
        has_words = has_words || same_words(c->text, ours, &again);
        has_values = has_values && again.code == AMPQL_OK;
        if (!has_values)
            continue;
        same_series = mark_unstable(&first->outcome, &again.outcome, unstable) && same_series;
        mark_seen(&ours->outcome, &again.outcome, seen);
    }
    if (has_others)
        return UNORDERED;
    if (!has_values || !has_words)
        return DIFFERENT;
    const struct outcome *o = &ours->outcome, *t = &first->outcome;
    bool is_where = same_series && differs_only_where(o, t, unstable);
    if (!same_series && all_of(seen, n) && n == count_values(t))
        return UNORDERED; /* topk between equals, in another order at each step */
    if (same_series && is_near(o, t, bound_of(c->text)) &&
        (is_where || (adds_up(c) && steps_are_same(d, c))))
        return UNORDERED;
    bool has_contradicted = is_where || !same_series;
    return has_contradicted && keeps_as_steps_alone(d, c, o, arena) ? UNORDERED : DIFFERENT;
}

size_t ast_children(const struct ast *ast, const struct ast **out, size_t max)
{
    size_t n = 0;
    switch (ast->kind) {
    case AST_SUBQUERY:
        out[n++] = ast->u.subquery.expr;
        break;
    case AST_CALL:
        for (size_t i = 0; i < ast->u.call.nargs && n < max; i++)
            out[n++] = ast->u.call.args[i];
        break;
    case AST_AGGREGATE:
        out[n++] = ast->u.aggregate.expr;
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

/* ---- a fault of theirs, which we do not copy */

static bool has_at(const struct ast *ast);

/* timestamp() of a selector with both @ and an offset: the offset is forgotten. */
static bool forgets_offset(const struct ast *ast)
{
    if (ast->kind != AST_CALL || strcmp(ast->u.call.function->name, "timestamp") != 0)
        return false;
    const struct ast *arg = ast_unwrap(ast->u.call.args[0]);
    return arg->kind == AST_SELECTOR && arg->u.selector.at.kind != AT_NONE &&
           (arg->u.selector.offset.ms != 0 || arg->u.selector.offset.expr);
}

/* Does a subquery that has an offset, or is pinned itself, hold an @? When it begins where the
 * query does, Prometheus 3.16 evaluates what is pinned inside at another time. */
static bool is_their_fault(const struct ast *ast)
{
    const struct ast *below[MAX_BELOW];
    size_t n = ast_children(ast, below, MAX_BELOW);
    if (forgets_offset(ast))
        return true;
    if (ast->kind == AST_SUBQUERY &&
        (ast->u.subquery.offset.ms != 0 || ast->u.subquery.at.kind != AT_NONE) &&
        has_at(ast->u.subquery.expr))
        return true;
    for (size_t i = 0; i < n; i++)
        if (is_their_fault(below[i]))
            return true;
    return false;
}

/* Over several steps 3.16 keeps the labels of pairs under both label sets' bytes in a row: what
 * fill puts in has none, so that another pair's labels may come. */
static bool has_fill(const struct ast *ast)
{
    const struct ast *below[MAX_BELOW];
    size_t n = ast_children(ast, below, MAX_BELOW);
    if (ast->kind == AST_BINARY &&
        (ast->u.binary.fill_left.is_given || ast->u.binary.fill_right.is_given))
        return true;
    for (size_t i = 0; i < n; i++)
        if (has_fill(below[i]))
            return true;
    return false;
}

static bool has_at(const struct ast *ast)
{
    const struct ast *below[MAX_BELOW];
    size_t n = ast_children(ast, below, MAX_BELOW);
    if (ast->kind == AST_SELECTOR && ast->u.selector.at.kind != AT_NONE)
        return true;
    if (ast->kind == AST_SUBQUERY && ast->u.subquery.at.kind != AT_NONE)
        return true;
    for (size_t i = 0; i < n; i++)
        if (has_at(below[i]))
            return true;
    return false;
}

struct ast *parse_prom3(struct str text, struct arena *arena)
{
    struct ast *ast = NULL;
    const struct parse_options options = {.find_function = signatures_find, .experimental = true};
    return parse_expr(text, &options, arena, &ast, NULL) == AMPQL_OK ? ast : NULL;
}

static enum outcome_class judge_difference(struct driver *d, const struct expr_case *c,
                                           struct answer *ours, struct newest_answer *first,
                                           struct arena *arena)
{
    enum outcome_class class = ask_again(d, c, ours, first, arena);
    const struct ast *ast = class == DIFFERENT ? parse_prom3(c->text, arena) : NULL;
    if (!ast)
        return class;
    bool has_steps = c->options.step_ms > 0 || text_has(c->text, ":");
    return is_their_fault(ast) || (has_steps && has_fill(ast)) ? THEIR_FAULT : class;
}

enum outcome_class newest_judge(struct driver *d, const struct expr_case *c, struct arena *arena,
                                struct answer *ours, struct newest_answer *theirs)
{
    struct evaluator *e = &d->engine.evaluator;
    *ours = (struct answer){0};
    if (e->load(e->payload, c->series, c->nseries, NULL) != AMPQL_OK)
        abort();
    ours->code = e->evaluate(e->payload, c->text, &c->options, arena, &ours->outcome, &ours->err);
    newest_evaluate(&d->newest, c, arena, theirs);
    if (!same_answer(c->text, ours, theirs))
        return judge_difference(d, c, ours, theirs, arena);
    if (theirs->code != AMPQL_OK)
        return theirs->code == AMPQL_PARSE ? REFUSED : FAILED;
    bool has_series =
        theirs->outcome.kind == AMPQL_RESULT_VECTOR || theirs->outcome.kind == AMPQL_RESULT_MATRIX;
    return has_series && theirs->outcome.nseries == 0 ? EMPTY : SAME;
}
