/* Queries made to take as much as they can: wide joins, rows of many steps, subqueries in
 * subqueries, labels that double, thousands of selectors, regexes of many states. */
#ifndef AMPQL_TESTS_HOSTILE_QUERY_H
#define AMPQL_TESTS_HOSTILE_QUERY_H

#include <ampql/query.h>

#include "base/buf.h"

struct hostile_data {
    struct ampql_engine *engine;
    struct ampql_source *source; /* in memory, PARALLEL */
    int64_t *t;
    double *v;
};

/* Series y{g,i} and z{i}, buckets b{i,le}, and x of a million samples, a second apart from 0 on. */
enum { HOSTILE_SECONDS = 1000000 };
void hostile_data_init(struct hostile_data *data);
void hostile_data_done(struct hostile_data *data);

struct hostile_query {
    struct buf text;
    struct ampql_run_options options; /* whose sizes, steps and threads fit the query */
};

/* Query i, the same ever again; to be freed with buf_done. */
void hostile_query_make(size_t i, struct hostile_query *out);

#endif
