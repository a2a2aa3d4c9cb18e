/* Jobs on several threads, whose results are taken in order. */
#ifndef AMPQL_SRC_BASE_PARALLEL_H
#define AMPQL_SRC_BASE_PARALLEL_H

#include "base/alloc.h"
#include "base/error.h"

/* Job i, on any thread, several at once, begun in their order; *made is what it made, NULL also
 * when it failed. */
typedef enum ampql_code parallel_make(void *payload, size_t i, void **made,
                                      struct ampql_error *err);

/* What job i made, on the caller's thread, in the order of jobs, one at a time; it is take's from
 * then on, also when it fails. */
typedef enum ampql_code parallel_take(void *payload, size_t i, void *made, struct ampql_error *err);

struct parallel {
    size_t njobs, nthreads; /* the caller's thread among them; 0 and 1: no other */
    parallel_make *make;
    parallel_take *take;
    void (*drop)(void *payload, void *made); /* free what nobody took, since a job or take before it
                                                failed */
    void *payload;
};

/* The failure is that of the first job, or take, that failed, as one thread would have met it: what
 * comes of it does not depend on the number of threads. No more than two jobs a thread wait to be
 * taken. Where no thread can be had, there are fewer.
 *   err  what make and take say; AMPQL_NOMEM */
enum ampql_code parallel_run(const struct parallel *jobs, const struct ampql_allocator *alc,
                             struct ampql_error *err);

#endif
