/* Label sets over the symbols of a run.
 *
 * A set is sorted by the bytes of its names, has each name once and no empty value (an empty value
 * is an absent label). Two sets of one run are equal when their ids are equal. */
#ifndef AMPQL_SRC_SERIES_LABELS_H
#define AMPQL_SRC_SERIES_LABELS_H

#include <ampql/base.h>

#include "base/symbols.h"

struct label {
    symbol name, value;
};

struct labels {
    const struct label *at; /* [n] */
    size_t n;
    bool loses_name; /* delayed name removal: the name goes when the query ends. No part of what
                      * makes two sets equal */
};

/* The value of a label, SYMBOL_EMPTY when it is absent. */
symbol labels_get(struct labels labels, symbol name);

bool labels_equal(struct labels a, struct labels b);
uint64_t labels_hash(struct labels labels);

/* Prometheus's order: pairwise name then value as bytes, a prefix before the longer set. */
int labels_compare(const struct symbols *symbols, struct labels a, struct labels b);

/* Sort label [n] by name bytes, drop empty values; returns the new length, or SIZE_MAX when a name
 * occurs twice. */
size_t labels_sort(const struct symbols *symbols, struct label *label, size_t n);

/* May it be written as a label's name? In 2.42 [a-zA-Z_][a-zA-Z0-9_]*; in 3.x any UTF-8 that is not
 * empty. */
bool label_name_is_valid(struct str name, enum ampql_dialect dialect);

/* `name{a="b"}` for messages, escaped and clipped to size. Returns out. */
char *labels_describe(const struct symbols *symbols, struct labels labels, char *out, size_t size);

/* The same labels over another table, into out [labels.n]; see symbols_translate. False when memory
 * is out. */
bool labels_translate(struct symbols *to, const struct symbols *from, struct labels labels,
                      struct label *out);

/* Copies that live in an arena, loses_name as it was; at is NULL when memory is out.
 *   labels_copy     the set itself
 *   labels_keep     only the labels whose name is in names [nnames]           by(...), on(...)
 *   labels_drop     all but those                                             without(...),
 * ignoring(...) labels_set      with name = value; SYMBOL_EMPTY removes label_replace */
struct labels labels_copy(struct arena *arena, struct labels labels);
struct labels labels_keep(struct arena *arena, struct labels labels, const symbol *names,
                          size_t nnames);
struct labels labels_drop(struct arena *arena, struct labels labels, const symbol *names,
                          size_t nnames);
struct labels labels_set(struct arena *arena, const struct symbols *symbols, struct labels labels,
                         symbol name, symbol value);

#endif
