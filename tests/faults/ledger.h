/* Memory that runs out on purpose: an allocator for engines whose k-th allocation fails, and the
 * door to malloc_shim.c, which does the same to malloc itself where it is loaded. */
#ifndef AMPQL_TESTS_LEDGER_H
#define AMPQL_TESTS_LEDGER_H

#include <ampql/base.h>

#include <stdio.h>

/* Whose allocations are counted and fail. */
enum ledger_whose {
    LEDGER_HOOK,    /* those that come through our hook */
    LEDGER_OWN,     /* malloc called by our own code, which is not from an engine */
    LEDGER_LIBRARY, /* malloc called by anything else: libcurl, RE2, zstd, libyaml, cJSON, glibc,
                       ... */
    LEDGER_WHOSE
};

/* Give this to engines. Any thread. A size that is not the one that was taken ends the process. */
extern const struct ampql_allocator ledger_allocator;

/* Is malloc_shim.c loaded? Without it only LEDGER_HOOK works. */
bool ledger_has_shim(void);

/* From now on the allocation number `at` fails, from 1; 0: none, they are only counted. keeps: and
 * all after it. */
void ledger_arm(enum ledger_whose whose, uint64_t at, bool keeps);

/* Where allocation `at` of the hook fails, the stack is written to standard error, for addr2line.
 */
void ledger_trace(uint64_t at);

/* Nothing fails any more. Returns how many allocations were asked for since ledger_arm. */
uint64_t ledger_disarm(void);

/* This thread's calls of malloc do not count meanwhile: a test's own. */
void ledger_pause(bool is_paused);

/* Blocks that are held: of the hook since the program began; of the others those that were taken
 * while armed, and not given back. */
uint64_t ledger_live(enum ledger_whose whose);

/* A line for each place that has taken blocks while armed that are still held. */
void ledger_print_live(enum ledger_whose whose, FILE *out);

#endif
