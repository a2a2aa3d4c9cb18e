/* What the measurements without a server share. */
#ifndef AMPQL_TESTS_QUICK_H
#define AMPQL_TESTS_QUICK_H

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

_Noreturn static inline void quick_die(const char *program, const char *what)
{
    fprintf(stderr, "%s: %s\n", program, what);
    exit(1);
}

#endif
