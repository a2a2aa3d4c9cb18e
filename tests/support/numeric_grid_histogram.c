/* Histograms: every kind of bounds with every kind of counts. */
#include "support/numeric_grid_parts.h"

#include "base/double.h"

#include <float.h>
#include <math.h>

enum { MAX_BUCKETS = 8 };

static const char *const bounds[][MAX_BUCKETS] = {
    {"0.1", "0.5", "1", "+Inf"},
    {"1", "2", "3", "4", "5", "6", "+Inf"},
    {"1", "2"}, /* none without an end */
    {"+Inf"},
    {"1"},
    {"1", "+Inf"},
    {"-1", "0", "1", "+Inf"},
    {"-2", "-1", "+Inf"},
    {"-3", "-2", "-1"},
    {"0", "+Inf"},
    {"-0", "1", "+Inf"},
    {"NaN", "1", "+Inf"},
    {"1", "NaN"},
    {"-Inf", "1", "+Inf"},
    {"-Inf", "+Inf"},
    {"1", "1.0", "1e0", "+Inf"}, /* one bound three times */
    {"1", "+Inf", "Inf", "inf"},
    {"1e-320", "1", "+Inf"},
    {"1e308", "1.7e308", "+Inf"},
    {"-1e308", "1e308", "+Inf"},
    {"0.1", "0.2", "0.30000000000000004", "0.3", "+Inf"},
    {"x", "1", "+Inf"},
    {"0x10", "32", "+Inf"},
    {"1_000", "1", "+Inf"},
    {" 1", "2", "+Inf"},
    {"1", "", "+Inf"},
    {"9", "10", "+Inf"}, /* another order as text */
};

/* Bucket i of n. */
static double rising(int i, int n)
{
    (void)n;
    return i + 1;
}

static double nothing(int i, int n)
{
    (void)i;
    (void)n;
    return 0;
}

static double no_number(int i, int n)
{
    return i == n / 2 ? double_of(NAN_BITS) : i + 1;
}

static double only_nan(int i, int n)
{
    (void)i;
    (void)n;
    return double_of(NAN_BITS);
}

static double flat(int i, int n)
{
    (void)i;
    (void)n;
    return 5;
}

static double falling(int i, int n)
{
    return n - i;
}

static double saw(int i, int n)
{
    (void)n;
    return i % 2 ? 3 : 4 + i;
}

static double just_below(int i, int n)
{
    (void)n;
    return i % 2 ? 100 * (1 - 1.9e-12) : 100; /* within the tolerance */
}

static double below(int i, int n)
{
    (void)n;
    return i % 2 ? 100 * (1 - 2.1e-12) : 100; /* just outside of it */
}

static double endless(int i, int n)
{
    return i == n - 1 ? INFINITY : i;
}

static double endless_first(int i, int n)
{
    (void)n;
    return i == 0 ? INFINITY : i;
}

static double negative(int i, int n)
{
    return i - n;
}

static double late(int i, int n)
{
    return i == n - 1 ? 7 : 0;
}

static double huge(int i, int n)
{
    return i == n - 1 ? DBL_MAX : 1e300 * (i + 1);
}

static double tiny(int i, int n)
{
    (void)n;
    return 5e-324 * (i + 1);
}

static double tenths(int i, int n)
{
    (void)n;
    return 0.1 * (i + 1);
}

static double (*const counts[])(int i, int n) = {
    rising, nothing, no_number,     only_nan, flat, falling, saw,  just_below,
    below,  endless, endless_first, negative, late, huge,    tiny, tenths};

static void add_buckets(struct grid *g, struct expr_case *c, const char *const *les,
                        double (*count)(int i, int n))
{
    int n = 0;
    while (n < MAX_BUCKETS && les[n])
        n++;
    for (int i = 0; i < n; i++) {
        double v = count(i, n);
        grid_add(g, c, "b", les[i][0] ? "le" : NULL, str_of(les[i]), &v, 1);
    }
}

/* Each text over each histogram. */
static void each_histogram(struct grid *g, const char *name, const char *const *texts, size_t n)
{
    for (size_t t = 0; t < n; t++)
        for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++)
            for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
                struct expr_case c = {.text = grid_text(g, texts[t])};
                add_buckets(g, &c, bounds[b], counts[k]);
                grid_finish(g, name, false, &c);
            }
}

static void each_quantile(struct grid *g)
{
    static const char *const texts[] = {
        "histogram_quantile(-1, b)",
        "histogram_quantile(-0, b)",
        "histogram_quantile(0, b)",
        "histogram_quantile(1e-300, b)",
        "histogram_quantile(0.1, b)",
        "histogram_quantile(1/3, b)",
        "histogram_quantile(0.5, b)",
        "histogram_quantile(0.9, b)",
        "histogram_quantile(0.9999999999999999, b)",
        "histogram_quantile(1, b)",
        "histogram_quantile(1.0000000000000002, b)",
        "histogram_quantile(Inf, b)",
        "histogram_quantile(-Inf, b)",
        "histogram_quantile(NaN, b)",
        "histogram_quantiles(b, \"q\", 0, 0.25, NaN, 1, 2)",
    };
    each_histogram(g, "histogram_quantile", texts, sizeof texts / sizeof *texts);
}

static void each_fraction(struct grid *g)
{
    static const char *const texts[] = {
        "histogram_fraction(-Inf, Inf, b)", "histogram_fraction(-1, 1, b)",
        "histogram_fraction(0, 0.5, b)",    "histogram_fraction(0.5, 0.5, b)",
        "histogram_fraction(1, 0, b)",      "histogram_fraction(NaN, 1, b)",
        "histogram_fraction(0, NaN, b)",    "histogram_fraction(-Inf, 0, b)",
        "histogram_fraction(0, Inf, b)",    "histogram_fraction(0.25, 0.75, b)",
        "histogram_fraction(1, 1.5, b)",    "histogram_fraction(-2, -1, b)",
        "histogram_fraction(-0, 0, b)",     "histogram_fraction(5, 1e308, b)",
        "histogram_fraction(Inf, Inf, b)"};
    each_histogram(g, "histogram_fraction", texts, sizeof texts / sizeof *texts);
}

void grid_histograms(struct grid *g)
{
    each_quantile(g);
    each_fraction(g);
}
