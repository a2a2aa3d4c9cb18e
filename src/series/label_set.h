/* Label sets as strings, as the public API has them: sorted, compared, hashed, copied, written. */
#ifndef AMPQL_SRC_SERIES_LABEL_SET_H
#define AMPQL_SRC_SERIES_LABEL_SET_H

#include <ampql/base.h>

#include "base/arena.h"
#include "base/buf.h"

/* Sort by the bytes of the names. */
void label_set_sort(struct ampql_label *labels, size_t n);

/* Of sorted sets, in Prometheus's order: pairwise name then value as bytes, a prefix before the
 * longer set. */
int label_sets_compare(const struct ampql_label *a, size_t na, const struct ampql_label *b,
                       size_t nb);

/* Of a sorted set. */
uint64_t label_set_hash(const struct ampql_label *labels, size_t n);

/* The value of a label; empty when it is absent. */
struct str label_set_get(const struct ampql_label *labels, size_t n, struct str name);

/* Set a label of labels [*n] in any order, which has room for it; an empty value removes it. */
void label_set_put(struct ampql_label *labels, size_t *n, struct ampql_label label);

/* With its strings in the arena; NULL: no memory. */
struct ampql_label *label_set_copy(struct arena *arena, const struct ampql_label *labels, size_t n);

/* name{a="b", c="d"}. */
void label_set_write(struct buf *out, const struct ampql_label *labels, size_t n);

#endif
