/* A source that answers as a server does, from series with stale markers: instant selectors come
 * as values on the grid, lookback and staleness applied; raw samples come without markers. */
#ifndef AMPQL_TESTS_ANSWERS_H
#define AMPQL_TESTS_ANSWERS_H

#include "tool/evaluator.h"

struct answers {
    const struct test_series *series; /* [n], the caller's; not filtered: the engine sifts */
    size_t n;
};

/* `answers` stays the caller's until the source is freed.
 *   err  as ampql_source_new */
enum ampql_code answers_source(struct ampql_engine *engine, struct answers *answers,
                               struct ampql_source **out, struct ampql_error *err);

#endif
