/* Random series: counters that reset, gauges, constants, strange numbers; gaps and stale markers.
 */
#include "support/data_gen.h"

#include "series/label_set.h"
#include "series/sample.h"
#include "tool/compare.h"

#include <math.h>
#include <stdlib.h>

enum { MAX_SAMPLES = 40, MAX_LABELS = 6 };

static void *take(struct arena *arena, size_t n, size_t size)
{
    void *p = arena_zeroed(arena, n, size);
    if (!p)
        abort();
    return p;
}

static double strange(struct gen_bytes *g)
{
    static const double values[] = {0.0,    -0.0,    NAN,      INFINITY, -INFINITY, 5e-324,
                                    1e-300, 1.7e308, -1.7e308, 1e16,     0.1,       1e100};
    if (!gen_chance(g, 30))
        return GEN_OF(g, values);
    double v = double_of(gen_word(g));
    return isnan(v) ? double_of(NAN_BITS) : v; /* no stale markers by chance */
}

enum shape { COUNTER, FRACTIONS, SMALL, CONSTANT, STRANGE, SHAPES };

static double next_value(struct gen_bytes *g, enum shape shape, double last)
{
    switch (shape) {
    case COUNTER:
        return gen_chance(g, 12) ? gen_pick(g, 20) : last + gen_pick(g, 60);
    case FRACTIONS:
        return gen_byte(g) * 0.37 + gen_pick(g, 7) * 1e-9;
    case SMALL:
        return (double)gen_pick(g, 9) - 3;
    case CONSTANT:
        return gen_chance(g, 5) ? last + 1 : last;
    default:
        return strange(g);
    }
}

static void make_samples(struct gen_bytes *g, struct arena *arena, struct test_series *s)
{
    static const int64_t spacings[] = {60000, 30000, 60000, 15000, 120000, 60000, 20001, 60000};
    int64_t spacing = GEN_OF(g, spacings);
    int64_t t = (int64_t)gen_pick(g, 8) * 60000 + (gen_chance(g, 25) ? gen_byte(g) * 100 : 0);
    size_t n = gen_pick(g, MAX_SAMPLES);
    enum shape shape = gen_chance(g, 12) ? STRANGE : (enum shape)gen_pick(g, STRANGE);
    bool is_jittered = gen_chance(g, 20), is_gappy = gen_chance(g, 30);
    int64_t *times = take(arena, n + 1, sizeof *times);
    double *values = take(arena, n + 1, sizeof *values);
    double v = gen_pick(g, 30);
    for (size_t i = 0; i < n; i++) {
        v = next_value(g, shape, v);
        times[s->n] = t + (is_jittered ? (int64_t)gen_byte(g) * 7 : 0);
        bool is_end = is_gappy && gen_chance(g, 8);
        values[s->n++] = is_end                                 ? double_of(STALE_BITS)
                         : shape != STRANGE && gen_chance(g, 2) ? strange(g)
                                                                : v;
        t += spacing;
        if (is_gappy && gen_chance(g, 15))
            t += (int64_t)gen_pick(g, 9) * 60000;
    }
    s->t_ms = times;
    s->v = values;
}

static void add_label(struct test_series *s, struct ampql_label *labels, const char *name,
                      const char *value)
{
    if (value[0])
        labels[s->nlabels++] = (struct ampql_label){{name, strlen(name)}, {value, strlen(value)}};
}

/* In order of name: __name__, __type__, le, node, ns, pod, region. */
static void make_labels(struct gen_bytes *g, struct arena *arena, struct test_series *s)
{
    static const char *const metrics[] = {"cpu_total", "mem",      "price",     "info",
                                          "up",        "d_bucket", "cpu_total", "mem"};
    static const char *const les[] = {"0.1", "1", "2.5", "+Inf", "1.0", "x", "-1", "10"};
    static const char *const nodes[] = {"n", "m", "", "n"};
    static const char *const spaces[] = {"a", "b", "a", "", "c"};
    static const char *const pods[] = {"p", "q", "r", "p-1", ""};
    static const char *const regions[] = {"eu", "us", ""};
    const char *metric = GEN_OF(g, metrics);
    struct ampql_label *labels = take(arena, MAX_LABELS + 1, sizeof *labels);
    add_label(s, labels, "__name__", metric);
    if (gen_chance(g, 3))
        add_label(s, labels, "__type__", "gauge");
    if (metric[0] == 'd')
        add_label(s, labels, "le", GEN_OF(g, les));
    add_label(s, labels, "node", GEN_OF(g, nodes));
    if (metric[0] == 'p') {
        add_label(s, labels, "region", GEN_OF(g, regions));
    } else {
        add_label(s, labels, "ns", GEN_OF(g, spaces));
        if (metric[0] != 'd')
            add_label(s, labels, "pod", GEN_OF(g, pods));
    }
    s->labels = labels;
}

static bool is_known(const struct expr_case *c, const struct test_series *s)
{
    for (size_t i = 0; i < c->nseries; i++)
        if (label_sets_compare(c->series[i].labels, c->series[i].nlabels, s->labels, s->nlabels) ==
            0)
            return true;
    return false;
}

void data_generate_labels(struct gen_bytes *g, struct arena *arena, struct expr_case *c)
{
    size_t n = gen_chance(g, 90) ? 4 + gen_pick(g, EXPR_GEN_SERIES - 3) : gen_pick(g, 4);
    for (size_t i = 0; i < n; i++) {
        struct test_series s = {0};
        make_labels(g, arena, &s);
        if (!is_known(c, &s))
            c->series[c->nseries++] = s;
    }
}

void data_generate_samples(struct gen_bytes *g, struct arena *arena, struct expr_case *c)
{
    for (size_t i = 0; i < c->nseries; i++)
        make_samples(g, arena, &c->series[i]);
}
