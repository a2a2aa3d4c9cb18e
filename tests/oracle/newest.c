/* The engine against the newest Prometheus, over random queries and series: `make newest`.
 *
 *   newest ORACLE SEED COUNT          cases SEED, SEED + 1, ...
 *   newest ORACLE damage SEED COUNT   only the parsers, over damaged expressions
 *   newest ORACLE parse FILE...       the same over files: an expression each, or a C file with
 *                                     tables of them
 *
 * Values are compared bit for bit, and labels, order, times and the kind of failure; the words of
 * errors and annotations are counted and shown, but never fail the run. Prometheus keeps some
 * series in hash maps whose order changes from run to run, so a value that differs is asked for
 * again: it counts as equal when one of those orders gives ours, and as unordered when Prometheus
 * contradicts itself on that very value, within 1e-12 of ours. What is left is a difference; it is
 * made small and printed. */
#include "oracle/newest.h"

#include "lang/parser.h"
#include "support/same.h"
#include "support/signatures.h"
#include "tool/compare.h"

#include <math.h>
#include <stdlib.h>

enum { ATTEMPTS = 40, MAX_DIFFERENT = 20, MAX_SHOWN = 40, SHOWN_PREFIX = 24, MAX_BELOW = 8 };

enum outcome_class {
    SAME,
    EMPTY,
    FAILED,
    REFUSED,
    REORDERED,
    UNORDERED,
    THEIR_FAULT,
    DIFFERENT,
    CLASSES
};
static const char *const class_names[CLASSES] = {
    "with values",
    "empty",
    "failed alike",
    "refused alike",
    "equal in one of its orders",
    "unordered",
    "known faults of Prometheus",
    "different",
};

struct driver {
    struct newest newest;
    struct engine_evaluator engine;
    size_t of[CLASSES], words, notes;
    char shown[MAX_SHOWN][SHOWN_PREFIX]; /* how messages begin that were shown */
    size_t nshown;
};

struct answer {
    enum ampql_code code;
    struct outcome outcome;
    struct ampql_error err;
};

static const char *const who[2] = {"engine    ", "prometheus"};

/* ---- comparing */

static bool is_close(double a, double b)
{
    if (values_same(a, b))
        return true;
    return isfinite(a) && isfinite(b) && fabs(a - b) <= 1e-12 * fmax(fabs(a), fabs(b));
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

static bool same_answer(const struct answer *ours, const struct newest_answer *theirs)
{
    if (theirs->code == AMPQL_PARSE)
        return is_refusal(ours->code);
    return ours->code == theirs->code &&
           (ours->code != AMPQL_OK || outcomes_same(&ours->outcome, &theirs->outcome, who, NULL));
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
        for (size_t k = 0; k < ours->series[i].n; k++, at++) {
            double a = ours->series[i].v[k], b = theirs->series[i].v[k];
            if (!values_same(a, b) && (!unstable[at] || !is_close(a, b)))
                return false;
        }
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

static bool *flags(size_t n, struct arena *arena)
{
    bool *p = arena_zeroed(arena, n + 1, sizeof *p);
    if (!p)
        abort();
    return p;
}

static enum outcome_class ask_again(struct driver *d, const struct expr_case *c,
                                    struct answer *ours, struct newest_answer *first,
                                    struct arena *arena)
{
    bool is_unordered = sort_if_unordered(d, c, ours, first, arena);
    bool has_values = ours->code == AMPQL_OK && first->code == AMPQL_OK, same_series = true;
    size_t n = has_values ? count_values(&ours->outcome) : 0;
    bool *unstable = flags(count_values(&first->outcome), arena), *seen = flags(n, arena);
    for (int i = 0; i < ATTEMPTS; i++) {
        struct newest_answer again;
        newest_evaluate(&d->newest, c, arena, &again);
        if (is_unordered)
            sort_vector(&again.outcome, arena);
        if (same_answer(ours, &again))
            return REORDERED;
        has_values = has_values && again.code == AMPQL_OK;
        if (!has_values)
            continue;
        same_series = mark_unstable(&first->outcome, &again.outcome, unstable) && same_series;
        mark_seen(&ours->outcome, &again.outcome, seen);
    }
    if (has_values && !same_series) /* topk between equals, in another order at each step */
        return all_of(seen, n) && n == count_values(&first->outcome) ? UNORDERED : DIFFERENT;
    return has_values && differs_only_where(&ours->outcome, &first->outcome, unstable) ? UNORDERED
                                                                                       : DIFFERENT;
}

static size_t children(const struct ast *ast, const struct ast **out, size_t max)
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

/* Does a subquery that looks forward hold an @? When it begins where the query does, Prometheus
 * 3.16 evaluates what is pinned at another time. */
static bool is_their_fault(const struct ast *ast)
{
    const struct ast *below[MAX_BELOW];
    size_t n = children(ast, below, MAX_BELOW);
    if (ast->kind == AST_SUBQUERY && ast->u.subquery.offset.ms < 0 && has_at(ast->u.subquery.expr))
        return true;
    for (size_t i = 0; i < n; i++)
        if (is_their_fault(below[i]))
            return true;
    return false;
}

static bool has_at(const struct ast *ast)
{
    const struct ast *below[MAX_BELOW];
    size_t n = children(ast, below, MAX_BELOW);
    if (ast->kind == AST_SELECTOR && ast->u.selector.at.kind != AT_NONE)
        return true;
    if (ast->kind == AST_SUBQUERY && ast->u.subquery.at.kind != AT_NONE)
        return true;
    for (size_t i = 0; i < n; i++)
        if (has_at(below[i]))
            return true;
    return false;
}

static struct ast *parse(struct str text, struct arena *arena)
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
    const struct ast *ast = class == DIFFERENT ? parse(c->text, arena) : NULL;
    return ast && is_their_fault(ast) ? THEIR_FAULT : class;
}

static enum outcome_class judge(struct driver *d, const struct expr_case *c, struct arena *arena,
                                struct answer *ours, struct newest_answer *theirs)
{
    struct evaluator *e = &d->engine.evaluator;
    *ours = (struct answer){0};
    if (e->load(e->payload, c->series, c->nseries, NULL) != AMPQL_OK)
        abort();
    ours->code = e->evaluate(e->payload, c->text, &c->options, arena, &ours->outcome, &ours->err);
    newest_evaluate(&d->newest, c, arena, theirs);
    if (!same_answer(ours, theirs))
        return judge_difference(d, c, ours, theirs, arena);
    if (theirs->code != AMPQL_OK)
        return theirs->code == AMPQL_PARSE ? REFUSED : FAILED;
    bool has_series =
        theirs->outcome.kind == AMPQL_RESULT_VECTOR || theirs->outcome.kind == AMPQL_RESULT_MATRIX;
    return has_series && theirs->outcome.nseries == 0 ? EMPTY : SAME;
}

/* ---- words: of errors and annotations */

/* The first of each kind is shown; a kind is how it begins. */
static bool is_new(struct driver *d, struct str message)
{
    char start[SHOWN_PREFIX] = "";
    memcpy(start, message.p, message.n < sizeof start - 1 ? message.n : sizeof start - 1);
    for (size_t i = 0; i < d->nshown; i++)
        if (strcmp(d->shown[i], start) == 0)
            return false;
    if (d->nshown == MAX_SHOWN)
        return false;
    memcpy(d->shown[d->nshown++], start, sizeof start);
    return true;
}

static void show_words(struct driver *d, uint64_t seed, const struct expr_case *c, struct str ours,
                       struct str theirs)
{
    if (is_new(d, ours.n ? ours : theirs))
        printf("words, seed %llu: %.*s\n  engine     %.*s\n  prometheus %.*s\n",
               (unsigned long long)seed, STR_ARGS(c->text), STR_ARGS(ours), STR_ARGS(theirs));
}

static bool has_note(const struct outcome *o, struct str text)
{
    for (size_t i = 0; i < o->nnotes; i++)
        if (str_equal(o->notes[i].text, text))
            return true;
    return false;
}

static void compare_notes(struct driver *d, uint64_t seed, const struct expr_case *c,
                          const struct outcome *ours, const struct outcome *theirs)
{
    bool is_same = true;
    for (size_t i = 0; i < theirs->nnotes; i++)
        if (!has_note(ours, theirs->notes[i].text)) {
            show_words(d, seed, c, str_of(""), theirs->notes[i].text);
            is_same = false;
        }
    for (size_t i = 0; i < ours->nnotes; i++)
        if (!has_note(theirs, ours->notes[i].text)) {
            show_words(d, seed, c, ours->notes[i].text, str_of(""));
            is_same = false;
        }
    d->notes += !is_same;
}

static void compare_words(struct driver *d, uint64_t seed, const struct expr_case *c,
                          const struct answer *ours, const struct newest_answer *theirs)
{
    struct str message = str_of(ours->err.message);
    char placed[AMPQL_MESSAGE_MAX + 64];
    if (ours->code == AMPQL_OK && theirs->code == AMPQL_OK) {
        compare_notes(d, seed, c, &ours->outcome, &theirs->outcome);
        return;
    }
    if (ours->code == AMPQL_PARSE) {
        size_t line, column;
        text_position(c->text, ours->err.start, &line, &column);
        snprintf(placed, sizeof placed, "%zu:%zu: parse error: %s", line, column,
                 ours->err.message);
        message = str_of(placed);
    }
    if (!str_equal(message, theirs->message)) {
        d->words++;
        show_words(d, seed, c, message, theirs->message);
    }
}

/* ---- making a difference small */

static bool still_differs(struct driver *d, const struct expr_case *c)
{
    struct arena arena;
    struct answer ours;
    struct newest_answer theirs;
    arena_init(&arena, &alloc_default);
    bool differs = judge(d, c, &arena, &ours, &theirs) == DIFFERENT;
    arena_done(&arena);
    return differs;
}

static bool drop_series(struct driver *d, struct expr_case *c)
{
    bool has_shrunk = false;
    for (size_t i = 0; i < c->nseries;) {
        struct expr_case less = *c;
        less.nseries--;
        memmove(&less.series[i], &less.series[i + 1], (less.nseries - i) * sizeof *less.series);
        if (still_differs(d, &less)) {
            *c = less;
            has_shrunk = true;
        } else {
            i++;
        }
    }
    return has_shrunk;
}

/* From either end. */
static bool drop_samples(struct driver *d, struct expr_case *c)
{
    bool has_shrunk = false;
    for (size_t i = 0; i < c->nseries; i++)
        for (size_t n = c->series[i].n; n > 0; n /= 2)
            for (int is_end = 0; is_end < 2 && n <= c->series[i].n; is_end++) {
                struct expr_case less = *c;
                struct test_series *s = &less.series[i];
                s->n -= n;
                s->t_ms += is_end ? 0 : n;
                s->v += is_end ? 0 : n;
                if (still_differs(d, &less)) {
                    *c = less;
                    has_shrunk = true;
                }
            }
    return has_shrunk;
}

static bool drop_steps(struct driver *d, struct expr_case *c)
{
    struct ampql_run_options *o = &c->options;
    int64_t n = o->step_ms ? (o->end_ms - o->start_ms) / o->step_ms : 0;
    for (int64_t i = 0; o->step_ms && i <= n; i++) {
        struct expr_case less = *c;
        less.options.start_ms = less.options.end_ms = o->start_ms + i * o->step_ms;
        less.options.step_ms = 0;
        if (still_differs(d, &less)) {
            *c = less;
            return true;
        }
        less.options.step_ms = o->step_ms;
        if (n > 0 && still_differs(d, &less)) {
            *c = less;
            return true;
        }
    }
    return false;
}

/* Put the text of an operand in the place of an expression, here or further down. */
static bool lift_operand(struct driver *d, struct expr_case *c, const struct ast *ast,
                         struct arena *arena)
{
    const struct ast *below[MAX_BELOW];
    size_t n = children(ast, below, MAX_BELOW);
    for (size_t i = 0; i < n; i++) {
        struct expr_case less = *c;
        struct span all = ast->span, part = below[i]->span;
        struct buf buf;
        buf_init(&buf, &alloc_default, 1 << 20);
        buf_bytes(&buf, c->text.p, all.start);
        buf_bytes(&buf, c->text.p + part.start, part.end - part.start);
        buf_bytes(&buf, c->text.p + all.end, c->text.n - all.end);
        less.text = arena_copy(arena, buf_view(&buf));
        bool differs = !buf.failed && still_differs(d, &less);
        buf_done(&buf);
        if (differs) {
            *c = less;
            return true;
        }
    }
    for (size_t i = 0; i < n; i++)
        if (lift_operand(d, c, below[i], arena))
            return true;
    return false;
}

static bool drop_operators(struct driver *d, struct expr_case *c, struct arena *arena)
{
    const struct ast *ast = parse(c->text, arena);
    return ast && lift_operand(d, c, ast, arena);
}

static void shrink(struct driver *d, struct expr_case *c, struct arena *arena)
{
    while (drop_operators(d, c, arena) || drop_steps(d, c) || drop_series(d, c) ||
           drop_samples(d, c))
        ;
}

/* ---- running */

static void print_difference(struct driver *d, uint64_t seed, struct expr_case *c,
                             struct arena *arena)
{
    struct buf why;
    struct answer ours;
    struct newest_answer theirs;
    shrink(d, c, arena);
    judge(d, c, arena, &ours, &theirs);
    buf_init(&why, &alloc_default, 1 << 20);
    expr_case_print(c, &why);
    if (ours.code != AMPQL_OK || theirs.code != AMPQL_OK)
        buf_format(&why, "  engine     %d %s\n  prometheus %d %.*s\n", (int)ours.code,
                   ours.err.message, (int)theirs.code, STR_ARGS(theirs.message));
    else
        outcomes_same(&ours.outcome, &theirs.outcome, who, &why);
    printf("different, seed %llu\n%.*s\n", (unsigned long long)seed, STR_ARGS(buf_view(&why)));
    fflush(stdout);
    buf_done(&why);
}

static uint64_t next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15)); /* splitmix64 */
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

void gen_seed(uint8_t *bytes, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(next(&seed) >> 56);
}

static void run_case(struct driver *d, const struct expr_names *names, uint64_t seed)
{
    uint8_t bytes[GEN_CASE_BYTES];
    struct arena arena;
    struct expr_case c;
    struct answer ours;
    struct newest_answer theirs;
    gen_seed(bytes, sizeof bytes, seed);
    arena_init(&arena, &alloc_default);
    expr_generate(bytes, sizeof bytes, names, &arena, &c);
    c.options.dialect = AMPQL_PROM3;
    enum outcome_class class = judge(d, &c, &arena, &ours, &theirs);
    d->of[class]++;
    if (class == DIFFERENT)
        print_difference(d, seed, &c, &arena);
    else
        compare_words(d, seed, &c, &ours, &theirs);
    arena_done(&arena);
}

static int run(struct driver *d, uint64_t first, size_t count)
{
    struct expr_names names;
    expr_names_of_engine(&names);
    for (size_t i = 0; i < count && d->of[DIFFERENT] < MAX_DIFFERENT; i++)
        run_case(d, &names, first + i);
    for (int i = 0; i < CLASSES; i++)
        printf("%zu %s%s", d->of[i], class_names[i], i + 1 < CLASSES ? ", " : "\n");
    printf("other words: %zu errors, %zu annotations\n", d->words, d->notes);
    return d->of[DIFFERENT] > 0;
}

int main(int argc, char **argv)
{
    struct driver d = {0};
    int status = 2;
    if (argc < 4) {
        fprintf(
            stderr,
            "usage: newest ORACLE SEED COUNT | ORACLE damage SEED COUNT | ORACLE parse FILE...\n");
        return 2;
    }
    newest_start(&d.newest, argv[1]);
    if (engine_evaluator_init(&d.engine, &alloc_default, NULL) != AMPQL_OK)
        abort();
    if (strcmp(argv[2], "damage") == 0)
        status = newest_parse_random(&d.newest, strtoull(argv[3], NULL, 10),
                                     argc > 4 ? strtoull(argv[4], NULL, 10) : 1000);
    else if (strcmp(argv[2], "parse") == 0)
        status = newest_parse_files(&d.newest, argv + 3, (size_t)argc - 3);
    else
        status = run(&d, strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
    engine_evaluator_done(&d.engine);
    newest_end(&d.newest);
    return status;
}
