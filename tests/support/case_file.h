/* A case as a test script: what a comparison found, in the language in which cases are kept. */
#ifndef AMPQL_TESTS_CASE_FILE_H
#define AMPQL_TESTS_CASE_FILE_H

#include "support/expr_gen.h"

/* What the server answered. */
struct case_answer {
    enum ampql_code code; /* AMPQL_OK, or it failed */
    struct str message;   /* of the failure; empty: not compared */
    const struct outcome *outcome;
};

/* Write the case with the answer as its expectation; `origin` is a line that says where it comes
 * from. The script's values are exact, its dialect and name removal the case's. False, and nothing
 * written, when the language cannot say it: a lookback of its own, a text that does not parse,
 * samples before Unix 0 or so many steps apart that a script may not hold them. */
bool case_write(const struct expr_case *c, const struct case_answer *answer, const char *origin,
                struct buf *out);

/* The same to FOLDER/NAME.test, which is made when it is not there. Says on stdout where it lies,
 * or that there is none. */
void case_save(const struct expr_case *c, const struct case_answer *answer, const char *origin,
               const char *folder, const char *name);

/* Move a case in time: samples, times of the query, and those after @. False: its text does not
 * parse. Memory is the arena's. */
bool case_move(struct expr_case *c, int64_t by_ms, struct arena *arena);

/* Does the value of the expression depend on when it is evaluated, and not only on the samples
 * around then? */
bool case_reads_time(const struct expr_case *c);

#endif
