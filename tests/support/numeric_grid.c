/* The cases are loops over lists of what is special. */
#include "support/numeric_grid_parts.h"

#include "base/digest.h"
#include "base/double.h"
#include "series/sample.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SECOND_MS = 1000 };

static void push(struct list *list, double v)
{
    if (!array_add(list, &alloc_default, v))
        abort();
}

/* ---- numbers */

/* v and its neighbours, both signs. */
static void push_around(struct list *list, double v)
{
    const double all[] = {nextafter(nextafter(v, -INFINITY), -INFINITY), nextafter(v, -INFINITY), v,
                          nextafter(v, INFINITY), nextafter(nextafter(v, INFINITY), INFINITY)};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        push(list, all[i]);
        push(list, -all[i]);
    }
}

static uint64_t next_bits(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15)); /* splitmix64 */
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    return z ^ (z >> 27);
}

/* Each exponent with an even mantissa, both ends of it, and two that are drawn. */
static void push_exponents(struct list *list)
{
    uint64_t state = 1;
    for (int e = -1074; e <= 1023; e++) {
        const double mantissas[] = {1, 1 + DBL_EPSILON, 2 - DBL_EPSILON,
                                    1 + ldexp((double)(next_bits(&state) >> 12), -52),
                                    1 + ldexp((double)(next_bits(&state) >> 12), -52)};
        for (size_t i = 0; i < sizeof mantissas / sizeof *mantissas; i++) {
            push(list, ldexp(mantissas[i], e));
            push(list, -ldexp(mantissas[i], e));
        }
    }
}

/* Multiples of a quarter turn, near and far: where angles are reduced. */
static void push_angles(struct list *list)
{
    static const double eighth = 0x1.921fb54442d18p-1;
    for (int k = 1; k <= 200; k++)
        push_around(list, k * eighth);
    for (int e = 8; e <= 1020; e += 3)
        push_around(list, ldexp(eighth, e));
}

/* Where recipes change from one formula to another, or overflow. */
static void push_edges(struct list *list)
{
    /* clang-format off */
    static const double edges[] = {
        0, 1, 0.5, 0.7071067811865476, 0.66, 2.414213562373095, 0.0625, 0.625, 21, 22,
        44.014845965556525, 709.782712893384, 710.4758600739439, 708.3964, 745.13321, 744.44007,
        1074, 1022, 0x1p28, 0x1p-28, 0x1p29, 0x1p30, 0x1p53, 0x1p63, 0x1p64, 253402300799,
        62135596800, 951782400, 4107542400, 1e-6, 1e21, DBL_MAX / 2, DBL_MIN, 0x1p-1022};
    /* clang-format on */
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
        push_around(list, edges[i]);
    for (int e = -323; e <= 308; e++) {
        char text[16];
        snprintf(text, sizeof text, "1e%d", e);
        push_around(list, strtod(text, NULL));
    }
    const double alone[] = {INFINITY, -INFINITY, double_of(NAN_BITS), DBL_MAX, -DBL_MAX, -0.0};
    for (size_t i = 0; i < sizeof alone / sizeof *alone; i++)
        push(list, alone[i]);
}

/* clang-format off */
static const double pairs[] = {
    0, 0.5, 1, 1.5, 2, 2.5, 3, 1.0 / 3, 0.1, 0.9999999999999999, 1.0000000000000002, 7, 10,
    63, 64, 100, 308.5, 1023, 1024, 1074.5, 4503599627370497.5, 9007199254740991,
    9007199254740992, 9007199254740994, 9223372036854775808.0, 18446744073709551616.0,
    1e-300, 1e-5, 1e5, 1e15, 1e100, 1e300, DBL_MAX, DBL_MIN, 5e-324, 4e-310, 6.02214076e23,
    2.718281828459045, 3.141592653589793, 0.7071067811865476, 1.4142135623730951, INFINITY};
/* clang-format on */

/* ---- cases */

struct str grid_text(struct grid *g, const char *text)
{
    struct str copy = arena_copy(&g->arena, str_of(text));
    if (!copy.p)
        abort();
    return copy;
}

static void *room(struct grid *g, size_t n, size_t size)
{
    void *p = arena_alloc(&g->arena, n, size);
    if (!p)
        abort();
    return p;
}

void grid_add(struct grid *g, struct expr_case *c, const char *name, const char *label,
              struct str value, const double *v, size_t n)
{
    struct test_series *s = &c->series[c->nseries++];
    struct ampql_label *labels = room(g, 2, sizeof *labels);
    int64_t *t = room(g, n, sizeof *t);
    double *copy = room(g, n, sizeof *copy);
    labels[0] = (struct ampql_label){{"__name__", 8}, {name, strlen(name)}};
    if (label)
        labels[1] = (struct ampql_label){{label, strlen(label)}, {value.p, value.n}};
    for (size_t i = 0; i < n; i++) {
        t[i] = (int64_t)i * SECOND_MS;
        copy[i] = v[i];
    }
    *s = (struct test_series){labels, label ? 2 : 1, t, copy, n};
}

void grid_finish(struct grid *g, const char *name, bool is_json, struct expr_case *c)
{
    struct grid_case done = {name, is_json, *c};
    done.c.options.size = sizeof done.c.options;
    done.c.options.dialect = AMPQL_PROM3;
    g->take(&done, g->payload);
    arena_reset(&g->arena);
}

struct expr_case grid_over(struct grid *g, const char *text, const double *v, size_t n)
{
    struct expr_case c = {.text = grid_text(g, text),
                          .options = {.end_ms = (int64_t)(n - 1) * SECOND_MS,
                                      .step_ms = SECOND_MS,
                                      .lookback_ms = SECOND_MS,
                                      .max_points = UINT64_MAX}};
    grid_add(g, &c, "x", NULL, STR(""), v, n);
    return c;
}

static void each_function(struct grid *g)
{
    static const char *const texts[] = {"abs(x)",
                                        "ceil(x)",
                                        "floor(x)",
                                        "sqrt(x)",
                                        "sgn(x)",
                                        "exp(x)",
                                        "ln(x)",
                                        "log2(x)",
                                        "log10(x)",
                                        "sin(x)",
                                        "cos(x)",
                                        "tan(x)",
                                        "asin(x)",
                                        "acos(x)",
                                        "atan(x)",
                                        "sinh(x)",
                                        "cosh(x)",
                                        "tanh(x)",
                                        "asinh(x)",
                                        "acosh(x)",
                                        "atanh(x)",
                                        "deg(x)",
                                        "rad(x)",
                                        "round(x)",
                                        "round(x, 0.1)",
                                        "round(x, 3)",
                                        "round(x, 1e-300)",
                                        "-x",
                                        "x % 3",
                                        "3 % x",
                                        "x % 0.1",
                                        "x ^ 2",
                                        "x ^ 0.5",
                                        "x ^ -1",
                                        "x ^ 0.333",
                                        "x ^ -2.5",
                                        "2 ^ x",
                                        "10 ^ x",
                                        "0.5 ^ x",
                                        "1.0000000000000002 ^ x",
                                        "clamp(x, -1, 1)",
                                        "clamp_max(x, NaN)",
                                        "minute(x)",
                                        "hour(x)",
                                        "day_of_week(x)",
                                        "day_of_month(x)",
                                        "day_of_year(x)",
                                        "days_in_month(x)",
                                        "month(x)",
                                        "year(x)",
                                        "sin(x / 1e8)",
                                        "x atan2 2"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct expr_case c = grid_over(g, texts[i], g->values.at, g->values.n);
        grid_finish(g, "functions", false, &c);
    }
}

/* All pairs of the list, each with both signs, and NaN. */
static void each_operator(struct grid *g)
{
    static const char *const texts[] = {"x ^ y", "x atan2 y", "x % y",       "x / y",
                                        "x * y", "x + y",     "x <= bool y", "round(x, scalar(y))"};
    enum { N = 2 * sizeof pairs / sizeof *pairs + 1 };
    double one[N], *x = malloc(N * N * sizeof *x), *y = malloc(N * N * sizeof *y);
    if (!x || !y)
        abort();
    for (size_t i = 0; i < N - 1; i++)
        one[i] = i % 2 ? -pairs[i / 2] : pairs[i / 2];
    one[N - 1] = double_of(NAN_BITS);
    for (size_t i = 0; i < N * N; i++) {
        x[i] = one[i / N];
        y[i] = one[i % N];
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct expr_case c = grid_over(g, texts[i], x, (size_t)N * N);
        grid_add(g, &c, "y", NULL, STR(""), y, (size_t)N * N);
        grid_finish(g, "operators", false, &c);
    }
    free(x);
    free(y);
}

void numeric_grid_each(void (*take)(const struct grid_case *c, void *payload), void *payload)
{
    struct grid g = {.take = take, .payload = payload};
    arena_init(&g.arena, &alloc_default);
    push_exponents(&g.values);
    push_angles(&g.values);
    push_edges(&g.values);
    each_function(&g);
    each_operator(&g);
    grid_histograms(&g);
    grid_json(&g);
    array_done(&g.values, &alloc_default);
    arena_done(&g.arena);
}

/* ---- answers */

static void write_string(struct buf *out, struct ampql_string s)
{
    buf_format(out, "%zu ", s.size);
    buf_bytes(out, s.data, s.size);
}

static void write_value(struct buf *out, double v)
{
    uint64_t bits = isnan(v) && !is_stale(v) ? NAN_BITS : bits_of(v);
    buf_bytes(out, &bits, sizeof bits);
}

void numeric_grid_write(const struct outcome *outcome, enum ampql_code code, const char *message,
                        struct buf *out)
{
    buf_format(out, "%d ", (int)code);
    if (code != AMPQL_OK) {
        buf_text(out, message);
        return;
    }
    buf_format(out, "%d ", (int)outcome->kind);
    write_value(out, outcome->scalar);
    for (size_t i = 0; i < outcome->nseries; i++) {
        const struct outcome_series *s = &outcome->series[i];
        for (size_t k = 0; k < s->nlabels; k++) {
            write_string(out, s->labels[k].name);
            write_string(out, s->labels[k].value);
        }
        for (size_t k = 0; k < s->n; k++) {
            buf_bytes(out, &s->t_ms[k], sizeof s->t_ms[k]);
            write_value(out, s->v[k]);
        }
    }
    for (size_t i = 0; i < outcome->nnotes; i++)
        write_string(out,
                     (struct ampql_string){outcome->notes[i].text.p, outcome->notes[i].text.n});
}

/* ---- checksums */

void grid_sums_add(struct grid_sums *sums, const char *grid, struct str answer)
{
    struct grid_sum *last = sums->n ? &sums->at[sums->n - 1] : NULL;
    if (!last || strcmp(last->grid, grid) != 0) {
        if (sums->n == sizeof sums->at / sizeof *sums->at)
            abort();
        last = &sums->at[sums->n++];
        *last = (struct grid_sum){.grid = grid};
    }
    last->ncases++;
    last->sum = checksum(&last->sum, sizeof last->sum, answer.p, answer.n);
}

void grid_sums_print(const struct grid_sums *sums, struct buf *out)
{
    for (size_t i = 0; i < sums->n; i++)
        buf_format(out, "%s\t%zu\t%016" PRIx64 "\n", sums->at[i].grid, sums->at[i].ncases,
                   sums->at[i].sum);
}
