/* Comparing, and asking again. */
#include "oracle/order.h"

#include "base/number.h"
#include "oracle/api.h"
#include "oracle/known.h"
#include "series/label_set.h"
#include "series/sample.h"
#include "tool/compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { REPEATS = 40 };

const char *const order_verdict_text[ORDER_VERDICTS] = {
    "with values", "empty",    "failed alike", "refused alike", "in an order of its own",
    "known",       "different"};

struct order {
    struct api *api;
    struct engine_evaluator engine;
};

struct answer {
    enum ampql_code code;
    struct outcome outcome;
    struct ampql_error err;
};

struct order *order_new(const char *url)
{
    struct order *order = calloc(1, sizeof *order);
    if (!order || !(order->api = api_new(url)) ||
        engine_evaluator_init(&order->engine, &alloc_default, NULL) != AMPQL_OK)
        abort();
    return order;
}

void order_free(struct order *order)
{
    api_free(order->api);
    engine_evaluator_done(&order->engine);
    free(order);
}

void order_load(struct order *order, const struct expr_case *data)
{
    const struct evaluator *e = &order->engine.evaluator;
    if (e->load(e->payload, data->series, data->nseries, NULL) != AMPQL_OK)
        abort();
}

/* ---- asking both */

static int by_labels(const void *a, const void *b)
{
    const struct outcome_series *x = a, *y = b;
    return label_sets_compare(x->labels, x->nlabels, y->labels, y->nlabels);
}

/* By labels, and without series that have no points: the server gives such from a subquery without
 * steps. */
static void arrange(struct answer *answer, struct arena *arena)
{
    struct outcome *o = &answer->outcome;
    if (answer->code != AMPQL_OK || o->nseries == 0)
        return;
    struct outcome_series *sorted = arena_alloc(arena, o->nseries, sizeof *sorted);
    if (!sorted)
        abort();
    size_t n = 0;
    for (size_t i = 0; i < o->nseries; i++)
        if (o->series[i].n > 0)
            sorted[n++] = o->series[i];
    qsort(sorted, n, sizeof *sorted, by_labels);
    o->series = sorted;
    o->nseries = n;
}

static void ask_server(struct order *order, const struct expr_case *c, struct arena *arena,
                       struct answer *out)
{
    *out = (struct answer){0};
    out->code = api_ask(order->api, c->text, &c->options, arena, &out->outcome, &out->err);
    if (out->code == AMPQL_UNAVAILABLE || out->code == AMPQL_NOMEM) {
        fprintf(stderr, "random: %s\n", out->err.message);
        exit(2);
    }
    arrange(out, arena);
}

enum ampql_code order_answer(struct order *order, const struct expr_case *c, struct arena *arena,
                             struct outcome *out)
{
    struct answer answer;
    ask_server(order, c, arena, &answer);
    *out = answer.outcome;
    return answer.code;
}

static void ask_engine(struct order *order, const struct expr_case *c, struct arena *arena,
                       struct answer *out)
{
    const struct evaluator *e = &order->engine.evaluator;
    *out = (struct answer){0};
    out->code = e->evaluate(e->payload, c->text, &c->options, arena, &out->outcome, &out->err);
    if (out->code == AMPQL_BAD_DATA)
        out->code = AMPQL_PARSE; /* bad_data, both */
    arrange(out, arena);
}

/* ---- comparing */

/* The API's text of a NaN says nothing about its bits. */
static bool same_bits(double a, double b)
{
    return (isnan(a) && isnan(b)) || bits_of(a) == bits_of(b);
}

/* What another order of adding up explains. */
static bool is_near(double a, double b)
{
    return same_bits(a, b) || fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b));
}

/* A point of an answer: series and time. */
struct point {
    const struct outcome_series *series; /* its labels */
    int64_t t_ms;
    bool is_here; /* the engine has it, with this value */
    double v;
    bool is_there; /* the server has it, with this value */
    double wanted;
    bool is_doubted;  /* the server has said something else */
    double low, high; /* of what the server said */
};

struct points {
    struct point *at; /* [n] */
    size_t n, capacity;
};

static const struct outcome_series *find_series(const struct outcome *o,
                                                const struct outcome_series *like)
{
    return o->nseries ? bsearch(like, o->series, o->nseries, sizeof *like, by_labels) : NULL;
}

static bool find_value(const struct outcome_series *s, int64_t t_ms, double *out)
{
    for (size_t i = 0; s && i < s->n; i++)
        if (s->t_ms[i] == t_ms) {
            *out = s->v[i];
            return true;
        }
    return false;
}

static void add_point(struct points *points, struct arena *arena, const struct point *p)
{
    if (points->n == points->capacity) {
        points->capacity = points->capacity ? 2 * points->capacity : 16;
        struct point *grown = arena_alloc(arena, points->capacity, sizeof *grown);
        if (!grown)
            abort();
        if (points->n)
            memcpy(grown, points->at, points->n * sizeof *grown);
        points->at = grown;
    }
    points->at[points->n++] = *p;
}

/* Every point of `of` that `other` has not with the same bits; when is_reverse, only those that it
 * has not at all: `of` is the server's then. */
static void gather(const struct outcome *of, const struct outcome *other, bool is_reverse,
                   struct arena *arena, struct points *out)
{
    for (size_t i = 0; i < of->nseries; i++) {
        const struct outcome_series *s = &of->series[i], *twin = find_series(other, s);
        for (size_t k = 0; k < s->n; k++) {
            double v = 0;
            bool has = find_value(twin, s->t_ms[k], &v);
            if (has && (is_reverse || same_bits(s->v[k], v)))
                continue;
            struct point p = {.series = s, .t_ms = s->t_ms[k]};
            p.is_here = !is_reverse;
            p.is_there = is_reverse || has;
            p.v = is_reverse ? 0 : s->v[k];
            p.wanted = is_reverse ? s->v[k] : v;
            p.low = p.high = p.wanted;
            add_point(out, arena, &p);
        }
    }
}

static bool has_twins(const struct outcome *o)
{
    for (size_t i = 1; i < o->nseries; i++)
        if (by_labels(&o->series[i - 1], &o->series[i]) == 0)
            return true;
    return false;
}

/* The points that differ; false: they differ in more than points. */
static bool compare(const struct answer *engine, const struct answer *server, struct arena *arena,
                    struct points *out)
{
    *out = (struct points){0};
    if (engine->code != server->code)
        return false;
    if (engine->code != AMPQL_OK)
        return true;
    const struct outcome *got = &engine->outcome, *wanted = &server->outcome;
    if (got->kind != wanted->kind || has_twins(got) != has_twins(wanted))
        return false;
    if (got->kind == AMPQL_RESULT_SCALAR)
        return same_bits(got->scalar, wanted->scalar);
    gather(got, wanted, false, arena, out);
    gather(wanted, got, true, arena, out);
    return true;
}

/* ---- asking again */

static void hear(struct point *p, bool is_there, double v)
{
    if (is_there != p->is_there || (is_there && !same_bits(v, p->wanted)))
        p->is_doubted = true;
    if (!is_there || !p->is_there)
        return;
    p->low = v < p->low ? v : p->low;
    p->high = v > p->high ? v : p->high;
}

/* Numbers that are near each other excuse only numbers that are near them too. They need not differ
 * where something is added up: a map of a few series is only rotated, so that some orders never
 * come. */
static bool is_excused(const struct point *p, bool may_reorder)
{
    if (!p->is_here || !p->is_there || !is_near(p->low, p->high))
        return p->is_doubted;
    return is_near(p->v, p->low) && (p->is_doubted || may_reorder);
}

static bool are_excused(const struct points *points, bool may_reorder)
{
    for (size_t k = 0; k < points->n; k++)
        if (!is_excused(&points->at[k], may_reorder))
            return false;
    return true;
}

static void ask_again(struct order *order, const struct expr_case *c, struct points *points)
{
    for (size_t i = 0; i < REPEATS; i++) {
        struct arena arena;
        struct answer again;
        arena_init(&arena, &alloc_default);
        ask_server(order, c, &arena, &again);
        for (size_t k = 0; again.code == AMPQL_OK && k < points->n; k++) {
            double v = 0;
            bool is_there = find_value(find_series(&again.outcome, points->at[k].series),
                                       points->at[k].t_ms, &v);
            hear(&points->at[k], is_there, v);
        }
        arena_done(&arena);
    }
}

/* One step alone: equal in bits. */
static bool step_is_same(struct order *order, const struct expr_case *c, int64_t t_ms,
                         struct points *points)
{
    struct arena arena;
    struct expr_case instant = *c;
    struct answer engine, server;
    instant.options.start_ms = instant.options.end_ms = t_ms;
    instant.options.step_ms = 0;
    arena_init(&arena, &alloc_default);
    ask_engine(order, &instant, &arena, &engine);
    ask_server(order, &instant, &arena, &server);
    struct points alone;
    bool ok = engine.code == AMPQL_OK && compare(&engine, &server, &arena, &alone);
    if (ok && alone.n > 0) { /* histogram_quantile has a map even for one step */
        ask_again(order, &instant, &alone);
        ok = are_excused(&alone, false);
    }
    for (size_t k = 0; ok && k < points->n; k++) {
        double v = 0;
        if (points->at[k].t_ms == t_ms) {
            bool is_there =
                find_value(find_series(&server.outcome, points->at[k].series), t_ms, &v);
            hear(&points->at[k], is_there, v);
        }
    }
    arena_done(&arena);
    return ok;
}

static bool text_has(struct str text, const char *part)
{
    return memmem(text.p, text.n, part, strlen(part));
}

static bool is_stepwise(const struct expr_case *c)
{
    return c->options.step_ms > 0 && !text_has(c->text, ":") && !text_has(c->text, "start()") &&
           !text_has(c->text, "end()");
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

static bool settle(struct order *order, const struct expr_case *c, struct points *points)
{
    bool may_reorder = adds_up(c);
    ask_again(order, c, points);
    for (int64_t t = c->options.start_ms; is_stepwise(c) && t <= c->options.end_ms;
         t += c->options.step_ms)
        if (!step_is_same(order, c, t, points))
            return false;
    return are_excused(points, may_reorder);
}

/* ---- saying */

static void say_point(struct buf *why, const struct point *p)
{
    char here[NUMBER_MAX] = "nothing", there[NUMBER_MAX] = "nothing";
    if (p->is_here)
        number_format(p->v, here);
    if (p->is_there)
        number_format(p->wanted, there);
    buf_text(why, "  {");
    for (size_t k = 0; k < p->series->nlabels; k++)
        buf_format(why, "%s%.*s=\"%.*s\"", k ? ", " : "", (int)p->series->labels[k].name.size,
                   p->series->labels[k].name.data, (int)p->series->labels[k].value.size,
                   p->series->labels[k].value.data);
    buf_format(why, "} at %lld: engine %s, server %s%s\n", (long long)p->t_ms, here, there,
               p->is_doubted ? ", which contradicts itself" : "");
}

static void say(struct buf *why, const struct answer *engine, const struct answer *server,
                const struct points *points)
{
    const struct answer *answers[] = {engine, server};
    static const char *const names[] = {"engine", "server"};
    for (size_t i = 0; i < 2; i++) {
        buf_format(why, "%s: code %d, kind %d ", names[i], (int)answers[i]->code,
                   (int)answers[i]->outcome.kind);
        buf_text(why, answers[i]->err.message);
        buf_byte(why, '\n');
    }
    if (engine->code == AMPQL_OK && engine->outcome.kind == AMPQL_RESULT_SCALAR)
        buf_format(why, "  engine %.17g, server %.17g\n", engine->outcome.scalar,
                   server->outcome.scalar);
    for (size_t k = 0; k < points->n && k < 20; k++)
        say_point(why, &points->at[k]);
}

static enum order_verdict verdict_of(const struct answer *a)
{
    if (a->code == AMPQL_PARSE)
        return ORDER_REFUSED;
    if (a->code != AMPQL_OK)
        return ORDER_FAILED;
    return a->outcome.nseries > 0 || a->outcome.kind == AMPQL_RESULT_SCALAR ? ORDER_VALUES
                                                                            : ORDER_EMPTY;
}

static bool is_known(const struct expr_case *c, bool fails_alone, struct arena *arena)
{
    const struct ast *ast = known_parse(c->text, arena);
    return ast && (known_difference(ast, c->options.step_ms > 0) ||
                   (fails_alone && known_failure(ast, c->options.step_ms > 0)));
}

enum order_verdict order_judge(struct order *order, const struct expr_case *c, struct buf *why)
{
    struct arena arena;
    struct answer engine, server;
    struct points points;
    arena_init(&arena, &alloc_default);
    ask_engine(order, c, &arena, &engine);
    ask_server(order, c, &arena, &server);
    bool is_comparable = compare(&engine, &server, &arena, &points);
    enum order_verdict verdict = verdict_of(&server);
    if (!is_comparable || points.n > 0) {
        bool is_settled = is_comparable && settle(order, c, &points);
        bool fails_alone = server.code == AMPQL_EXECUTION && engine.code == AMPQL_OK;
        verdict = is_settled                         ? ORDER_EXCUSED
                  : is_known(c, fails_alone, &arena) ? ORDER_KNOWN
                                                     : ORDER_DIFFERENT;
        say(why, &engine, &server, &points);
    }
    arena_done(&arena);
    return verdict;
}
