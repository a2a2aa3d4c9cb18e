/* A source of as many series as a test wants, or of series for ever. */
#ifndef AMPQL_TESTS_ENDLESS_H
#define AMPQL_TESTS_ENDLESS_H

#include <ampql/source.h>

/* Series x{n="0"}, x{n="1"}, ... up to nseries or for ever, each with nsamples, a second apart from
 * 0 on, all of different values. */
struct endless {
    size_t nseries; /* 0: for ever */
    size_t nsamples;
    size_t nlabels;     /* more than those two: l0, l1, ... */
    size_t value_bytes; /* of the first of these; 0: 1 */
    size_t npushed;     /* series, until it was told to stop */
};

enum { ENDLESS_SAMPLES = 10000, ENDLESS_LABELS = 1000, ENDLESS_VALUE_BYTES = 100000 };

/* ampql_source_ops.select; payload is a struct endless. */
enum ampql_code endless_push(void *payload, const struct ampql_select *select,
                             struct ampql_sink *sink, struct ampql_error *err);

#endif
