/* Results as flat arrays: Go asks once how long they are, and once to have them filled, instead of
 * once for each sample. */
#ifndef AMPQL_EXAMPLES_GO_FLAT_H
#define AMPQL_EXAMPLES_GO_FLAT_H

#include <ampql.h>

/* How much there is of a result. */
struct flat_size {
    size_t nseries, nlabels, nsamples;
    size_t ntext; /* bytes of all names and values of labels, one after the other */
};

struct flat_size flat_measure(const struct ampql_result *result);

/* Fill arrays of those sizes.
 *   counts  [nseries][2] labels and samples of each series
 *   ends    [nlabels][2] where the name and the value of each label end in text
 *   t_ms, v [nsamples]   of one series after the other, in ascending time; steps without a value
 * are left out */
void flat_fill(const struct ampql_result *result, uint64_t *counts, uint64_t *ends, char *text,
               int64_t *t_ms, double *v);

enum {
#define NUMBER(name, member) FLAT_##name,
#define TEXT(name, member)
#include "allocation.def"
    FLAT_NNUMBERS
};

enum {
#define NUMBER(name, member)
#define TEXT(name, member) FLAT_##name,
#include "allocation.def"
    FLAT_NTEXTS
};

/* The lines of a bill, and its total as the last one.
 *   text of all lines, one after the other: bytes */
size_t flat_bill_text(const struct ampql_allocations *bill);

/*   numbers [n + 1][FLAT_NNUMBERS]; ends [n + 1][FLAT_NTEXTS] */
void flat_bill(const struct ampql_allocations *bill, double *numbers, uint64_t *ends, char *text);

#endif
