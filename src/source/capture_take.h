/* Asking a source, and keeping what it answers in the log of a capture. */
#ifndef AMPQL_SRC_SOURCE_CAPTURE_TAKE_H
#define AMPQL_SRC_SOURCE_CAPTURE_TAKE_H

#include "source/capture_log.h"
#include "source/source.h"

struct capture_question {
    const struct ampql_select *select;
    bool is_listing;       /* which series there are in (mint, maxt], asked of ops.series */
    uint64_t known_billed; /* samples that were billed for it before */
    int64_t step_ms; /* of the grid that it is a part of, which it may be one point of; 0: it is no
                        part */
};

/* Ask a source and append the answer. After a failure the log is as before.
 *
 *   hold    empty; out: the answer
 *   warned  is told what the source warned of, and what it cost; NULL is fine
 *   err     what the source says; of capture_log_append */
enum ampql_code capture_ask(struct capture_log *log, struct ampql_source *source,
                            const struct capture_question *question, struct hold *hold,
                            struct ampql_sink *warned, struct ampql_error *err);

/* Ask for a select and append the answer, when the log does not hold it yet.
 *
 *   is_new  out: it was asked for
 *   err     of capture_ask */
enum ampql_code capture_take(struct capture_log *log, struct ampql_source *source,
                             const struct ampql_select *select, bool *is_new,
                             struct ampql_error *err);

/* Append everything that a source holds: what a folder of answers has, or all of a source of
 * samples. err  also AMPQL_UNSUPPORTED: a server, which holds more than anybody can ask for */
enum ampql_code capture_take_all(struct capture_log *log, struct ampql_source *source,
                                 struct ampql_error *err);

/* The select that asks for exactly what is held; matchers [held->matchers.n] is room for its own.
 */
struct ampql_select capture_select_of(const struct held *held, struct ampql_matcher *matchers);

/* What a capture of this source will say it is of: what the source says itself, else name, which is
 * how it was opened, without secrets. */
struct capture_origin capture_origin_of(const struct ampql_source *source, struct str name);

#endif
