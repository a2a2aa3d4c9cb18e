/* What the measurements share that need no server. */
#ifndef AMPQL_TESTS_BENCH_QUICK_H
#define AMPQL_TESTS_BENCH_QUICK_H

#include "bench/cluster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* A day of a small cluster, a sample a minute. */
static const struct cluster_options quick_day = {.seed = 1,
                                                 .ncontainers = 200,
                                                 .start_ms = INT64_C(1700006400000),
                                                 .duration_ms = INT64_C(86400000),
                                                 .interval_ms = 60000};

/* CPU time of all threads so far, ns. */
static inline double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline _Noreturn void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
    exit(1);
}

#endif
