/* The allocation-failure harness: run the same work with its first, second, ... allocation failing.
 *
 *   static bool work(const struct ampql_allocator *alc) { ... }    // true: done; false: a clean
 * error torture_all(work);
 *
 * Checks each time that nothing is left allocated, that sizes given back are the sizes taken, and
 * that the work says it failed when an allocation did - unless it can do without that piece
 * (torture_all_lenient). */
#ifndef AMPQL_TESTS_TORTURE_H
#define AMPQL_TESTS_TORTURE_H

#include <ampql/base.h>

struct torture {
    struct ampql_allocator alc; /* hand this to the code under test */
    size_t fail_at;             /* the n-th allocation fails; 0: none */
    bool keep_failing;          /* and all after it */
    size_t calls;               /* allocations asked for */
    size_t live;                /* blocks held */
    size_t live_bytes, peak_bytes;
};

void torture_init(struct torture *torture, size_t fail_at);

/* Returns how many allocations the work makes. Fails the running cmocka test otherwise. */
size_t torture_all(bool (*work)(const struct ampql_allocator *alc));
size_t torture_all_lenient(bool (*work)(const struct ampql_allocator *alc));
size_t torture_with(bool (*work)(const struct ampql_allocator *alc, void *payload), void *payload,
                    bool lenient);

#endif
