/* What the measurements without a server share. */
#ifndef AMPQL_TESTS_QUICK_H
#define AMPQL_TESTS_QUICK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* The CPU time of this process, ns. */
static inline double quick_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* A row of the results, as a line of JSON behind those in the file that QUICK_RESULTS names.
 *
 *   ns       CPU time of all samples
 *   nbytes   what was read or written of them, for the GB/s */
static inline void quick_result(const char *name, double nsamples, double nbytes, double ns)
{
    const char *path = getenv("QUICK_RESULTS");
    FILE *f = path ? fopen(path, "a") : NULL;
    if (!f)
        return;
    fprintf(f, "{\"name\":\"%s\",\"samples\":%.0f,\"ns_per_sample\":%.3f,\"gb_per_s\":%.3f}\n",
            name, nsamples, ns / nsamples, nbytes / ns);
    fclose(f);
}

_Noreturn static inline void quick_die(const char *program, const char *what)
{
    fprintf(stderr, "%s: %s\n", program, what);
    exit(1);
}

/* Bytes a nanosecond that this machine reads from memory, on one core. */
static inline double quick_read_bandwidth(void)
{
    enum { WORDS = 1 << 24, TRIES = 5 }; /* 128 MiB */
    uint64_t *p = calloc(WORDS, sizeof *p), sum = 0;
    double best = 1e300;
    if (!p)
        quick_die("bandwidth", "no memory");
    for (size_t i = 0; i < WORDS; i++)
        p[i] = i;
    for (int pass = 0; pass < TRIES; pass++) {
        double begin = quick_now_ns();
        for (size_t i = 0; i < WORDS; i++)
            sum += p[i];
        double ns = quick_now_ns() - begin;
        best = ns < best ? ns : best;
    }
    free(p);
    return sum ? WORDS * sizeof *p / best : 0;
}

#endif
