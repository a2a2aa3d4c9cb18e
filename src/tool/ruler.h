/* A small ruler: evaluates the recording rules of a file on their groups' clock, and writes what
 * they record to a receiver.
 *
 * A group is due at the multiples of its interval, past its phase. Whatever became due since the
 * last evaluation that arrived is evaluated at its own time, also when that is past: after a pause
 * the gap is filled, as far back as catch_up_ms says; what lies before counts as missed. Where a
 * series is no longer there, a stale marker is written: the evaluation before is made up for that
 * (ampql_rules_backfill), so nothing but one time has to be known after a restart.
 *
 * A source that fails, or a receiver that cannot be reached, is asked again at the next tick, for
 * all that is due by then. What a receiver refuses is dropped, and counted. */
#ifndef AMPQL_SRC_TOOL_RULER_H
#define AMPQL_SRC_TOOL_RULER_H

#include <ampql/rules.h>

#include "tool/remote_write.h"

/* The time, and waiting for it. */
struct ruler_clock {
    int64_t (*now_ms)(void *payload); /* Unix ms */
    /* Return at that time, or earlier when it is to stop. */
    void (*wait_until_ms)(void *payload, int64_t t_ms);
    bool (*is_stopped)(void *payload);
    void *payload;
};

/* One evaluation, for whoever watches. */
struct ruler_tick {
    int64_t from_ms, to_ms;                  /* what was due: times from, to */
    uint64_t nticks;                         /* of groups */
    uint64_t nsamples;                       /* written */
    const struct ampql_rules_result *result; /* what became of the rules; NULL: nothing was
                                                evaluated */
    const struct ampql_error *error;         /* of the source or the receiver; NULL: none */
    bool is_refused;                         /* the receiver will never take it: not tried again */
};

struct ruler_options {
    const struct ampql_rules *rules;
    struct ampql_source *source;
    const struct ampql_run_options *run; /* rule_phase_ms, rule_interval_ms; times are not read */
    struct remote_write *write;
    int64_t done_ms;     /* everything up to here has been written; INT64_MIN: nothing is known,
                            begin with what is due now */
    int64_t delay_ms;    /* evaluate so long after a tick, when its data have arrived */
    int64_t catch_up_ms; /* evaluate what was due at most so long ago */
    bool is_once;        /* what is due now, and no more */
    struct ruler_clock clock;
    void (*watch)(void *payload, const struct ruler_tick *tick);
    void *watch_payload;
};

/* All evaluations together. */
struct ruler_stats {
    uint64_t nticks;        /* of groups, evaluated */
    uint64_t nlate;         /*    of them more than one interval late */
    uint64_t nmissed;       /* never evaluated: too long ago */
    uint64_t nfailed_rules; /* of each evaluation, rules */
    uint64_t nfailed;       /* runs that will be made up for */
    uint64_t nrefused;      /* runs that the receiver refused */
};

/* Run until the clock is stopped.
 *   err  AMPQL_BAD_DATA: no recording rules; AMPQL_NOMEM, AMPQL_CANCELED; with is_once also what
 *        the source and the receiver say */
enum ampql_code ruler_run(const struct ruler_options *options, struct ruler_stats *stats,
                          struct ampql_error *err);

#endif
