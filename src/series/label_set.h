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

/* With its strings in the arena; NULL: no memory. */
struct ampql_label *label_set_copy(struct arena *arena, const struct ampql_label *labels, size_t n);

/* name{a="b", c="d"}, long values clipped. */
void label_set_write(struct buf *out, const struct ampql_label *labels, size_t n);

#endif
