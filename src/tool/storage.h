/* Series that grow sample by sample, as Prometheus's head takes them, and a source of what is there
 * so far. */
#ifndef AMPQL_SRC_TOOL_STORAGE_H
#define AMPQL_SRC_TOOL_STORAGE_H

#include <ampql/source.h>

#include "base/array.h"
#include "base/error.h"
#include "base/index.h"

struct stored_series {
    const struct ampql_label *labels; /* [nlabels], sorted by name */
    size_t nlabels;
    struct {
        ARRAY(int64_t);
    } t;
    struct {
        ARRAY(double);
    } v; /* as many, with stale markers */
};

/* The numbers of the series that have a `__name__`; the empty one is that of those without. */
struct stored_name {
    struct str name;
    ARRAY(size_t);
};

/* Start from storage_init; everything lives in its arena until storage_done. */
struct storage {
    struct arena arena;
    struct index by_labels, by_name;
    struct {
        ARRAY(struct stored_series);
    } series;
    struct {
        ARRAY(struct stored_name);
    } names;
};

void storage_init(struct storage *storage, const struct ampql_allocator *alc);
void storage_done(struct storage *storage);

/* Add a sample. labels [nlabels] are sorted by name, without empty values, and copied. A sample
 * that is the series' last one, said again, changes nothing.
 *   number  which series it is, also when the sample is refused; may be NULL
 *   err     AMPQL_EXECUTION: "duplicate sample for timestamp", "out of order sample"; AMPQL_NOMEM
 */
enum ampql_code storage_add(struct storage *storage, const struct ampql_label *labels,
                            size_t nlabels, int64_t t_ms, double v, size_t *number,
                            struct ampql_error *err);

/* The same to a series that is there. */
enum ampql_code storage_append(struct storage *storage, size_t number, int64_t t_ms, double v,
                               struct ampql_error *err);

/* A source of it, with stale markers; free it before the storage. Samples may be added between
 * runs.
 *   err  AMPQL_NOMEM */
enum ampql_code storage_source(struct storage *storage, struct ampql_source **out,
                               struct ampql_error *err);

#endif
