/* One scenario, run again and again: each time another allocation fails. */
#ifndef AMPQL_TESTS_POINTS_H
#define AMPQL_TESTS_POINTS_H

#include "faults/ledger.h"
#include "faults/scene.h"

/* How far it has come; lies where the process that waits can read it, also after a crash. */
struct points {
    enum ledger_whose whose;
    uint64_t at;                 /* the allocation that fails */
    bool keeps;                  /* and all after it */
    uint64_t calls;              /* allocations of a run that does not fail */
    uint64_t n;                  /* runs in which one failed, of them */
    uint64_t nomem;              /*     ended with AMPQL_NOMEM, */
    uint64_t other;              /*     with another code, */
    uint64_t same;               /*     as if nothing had failed */
    uint64_t nheld;              /*     with a library holding what it took meanwhile */
    char why[AMPQL_MESSAGE_MAX]; /* what is wrong; empty: nothing */
};

struct points_options {
    const char *folder; /* a fresh one */
    const char *data, *server;
    uint64_t stride, offset; /* of long scenarios only every stride-th allocation fails */
    bool shows_held;
};

void points_run(const struct scenario *scenario, const struct points_options *options,
                struct points *out);

#endif
