/* Range functions over the generated cluster's day, held as plain columns: CPU ns a sample, once
 * over the day and as a range query, and what part that is of the speed at which this core reads
 * memory. Needs no server. Usage: kernels [CONTAINERS] */
#include "bench/cluster.h"
#include "bench/quick.h"
#include "eval/function.h"

#include <string.h>

#define MINUTE_MS INT64_C(60000)
#define DAY_MS (1440 * MINUTE_MS)
#define START_MS INT64_C(1700006400000)

enum { PASSES = 5 };

static void die(const char *what)
{
    quick_die("kernels", what);
}

/* ---- the series of a metric, without stale markers, which leaves take out */

struct metric {
    const char *name;
    struct samples *series; /* [n] */
    size_t n, nsamples;
};

static void keep(struct metric *m, const int64_t *t, const double *v, size_t n)
{
    struct samples *s = &m->series[m->n++];
    int64_t *times = malloc((n + 1) * sizeof *times);
    double *values = malloc((n + 1) * sizeof *values);
    if (!times || !values)
        die("no memory");
    *s = (struct samples){times, values, 0};
    for (size_t i = 0; i < n; i++) {
        if (is_stale(v[i]))
            continue;
        times[s->n] = t[i];
        values[s->n++] = v[i];
    }
    m->nsamples += s->n;
}

static void fill(struct metric *m, size_t ncontainers)
{
    struct cluster_options options = {.seed = 1,
                                      .ncontainers = ncontainers,
                                      .start_ms = START_MS,
                                      .duration_ms = DAY_MS,
                                      .interval_ms = MINUTE_MS,
                                      .only = m->name};
    struct cluster *c = cluster_new(&options);
    m->series = calloc(cluster_nseries(c), sizeof *m->series);
    if (!m->series)
        die("no memory");
    for (size_t i = 0; i < cluster_nseries(c); i++) {
        const int64_t *t;
        const double *v;
        size_t n = cluster_read(c, i, INT64_MAX, &t, &v);
        keep(m, t, v, n);
    }
    cluster_free(c);
}

/* ---- runs */

enum { COUNTER, GAUGE };

/* Over the whole day, or a window of `minutes` at each minute of it. */
static const struct {
    const char *function;
    int metric;
    int minutes;
    enum ampql_dialect dialect;
} cases[] = {
    {"max_over_time", GAUGE, 0, AMPQL_PROM3},
    {"min_over_time", GAUGE, 0, AMPQL_PROM3},
    {"sum_over_time", GAUGE, 0, AMPQL_PROM3},
    {"avg_over_time", GAUGE, 0, AMPQL_PROM3},
    {"avg_over_time", GAUGE, 0, AMPQL_PROM2},
    {"count_over_time", GAUGE, 0, AMPQL_PROM3},
    {"stddev_over_time", GAUGE, 0, AMPQL_PROM3},
    {"changes", GAUGE, 0, AMPQL_PROM3},
    {"rate", COUNTER, 0, AMPQL_PROM3},
    {"deriv", GAUGE, 0, AMPQL_PROM3},
    {"rate", COUNTER, 5, AMPQL_PROM3},
    {"irate", COUNTER, 5, AMPQL_PROM3},
    {"increase", COUNTER, 5, AMPQL_PROM3},
    {"delta", GAUGE, 5, AMPQL_PROM3},
    {"max_over_time", GAUGE, 5, AMPQL_PROM3},
    {"sum_over_time", GAUGE, 5, AMPQL_PROM3},
    {"avg_over_time", GAUGE, 5, AMPQL_PROM3},
    {"last_over_time", GAUGE, 5, AMPQL_PROM3},
    {"quantile_over_time", GAUGE, 5, AMPQL_PROM3},
};

static const struct function *find(const char *name)
{
    const struct signature *sig = function_find(str_of(name));
    if (!sig)
        die("no such function");
    return (const struct function *)sig;
}

static enum ampql_code goes_on(const void *payload, struct ampql_error *err)
{
    (void)payload, (void)err;
    return AMPQL_OK;
}

/* All series once; the rows are overwritten. */
static double run(const struct function *function, const struct metric *m,
                  const struct windows *windows, struct row *row, struct scratch *scratch)
{
    double begin = quick_now_ns();
    for (size_t i = 0; i < m->n; i++) {
        row_clear(row);
        function_run_range(function, &m->series[i], windows, row, scratch);
    }
    if (scratch->failed)
        die("a kernel failed");
    return quick_now_ns() - begin;
}

static void measure(size_t k, const struct metric *m, double bandwidth)
{
    static double v[1440], half[1440];
    static uint64_t present[1440 / 64 + 1], all[1440 / 64 + 1];
    struct ampql_error err;
    struct poll poll = {.check = goes_on};
    bool is_range = cases[k].minutes > 0;
    struct windows windows = {.end_ms = is_range ? START_MS + MINUTE_MS : START_MS + DAY_MS,
                              .step_ms = is_range ? MINUTE_MS : 1,
                              .range_ms = is_range ? cases[k].minutes * MINUTE_MS : DAY_MS,
                              .n = is_range ? 1440 : 1,
                              .left_closed = cases[k].dialect == AMPQL_PROM2};
    windows.eval_ms = windows.end_ms;
    struct grid grid = {windows.end_ms, windows.step_ms, windows.n};
    struct row row = {v, present, windows.n}, param = {half, all, windows.n};
    for (size_t i = 0; i < windows.n; i++)
        half[i] = 0.5;
    row_fill(&param);
    struct params params = {&param, 1, cases[k].dialect, &grid};
    struct scratch scratch = {.alc = &alloc_default, .poll = &poll, .params = &params, .err = &err};
    double best = 1e300;
    for (int pass = 0; pass < PASSES; pass++) {
        double ns = run(find(cases[k].function), m, &windows, &row, &scratch);
        best = ns < best ? ns : best;
    }
    alloc_put(&alloc_default, scratch.v, scratch.nv, sizeof *scratch.v);
    char name[64];
    snprintf(name, sizeof name, "%s[%s]%s%s", cases[k].function, is_range ? "5m" : "1d",
             is_range ? ", each minute" : "", windows.left_closed ? ", prom2" : "");
    double n = (double)m->nsamples;
    printf("%-36s %8.2f ns a sample %6.1f GB/s %5.0f%%\n", name, best / n, n * 16 / best,
           100 * n * 16 / best / bandwidth);
    quick_result(name, n, n * 16, best);
}

int main(int argc, char **argv)
{
    struct metric metrics[] = {[COUNTER] = {.name = "container_cpu_usage_seconds_total"},
                               [GAUGE] = {.name = "container_memory_working_set_bytes"}};
    size_t ncontainers = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
    double bandwidth = quick_read_bandwidth();
    for (size_t i = 0; i < 2; i++)
        fill(&metrics[i], ncontainers);
    printf("Range functions over a day of %zu containers in memory: %zu and %zu samples, of a "
           "counter and a gauge; of the %.1f GB/s that this core reads\n",
           ncontainers, metrics[COUNTER].nsamples, metrics[GAUGE].nsamples, bandwidth);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        measure(k, &metrics[cases[k].metric], bandwidth);
    for (size_t i = 0; i < 2; i++) {
        for (size_t s = 0; s < metrics[i].n; s++) {
            free((void *)metrics[i].series[s].t);
            free((void *)metrics[i].series[s].v);
        }
        free(metrics[i].series);
    }
    return 0;
}
