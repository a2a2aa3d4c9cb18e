/* Series held in memory: what memory and file sources keep, and how selects find them.
 *
 * Filled in any order (store_find_or_add, then store_append or store_lend), then sealed: samples
 * sorted, series put in label order and found by metric name. Selects push pointers into the
 * columns, nothing is copied. */
#ifndef AMPQL_SRC_SOURCE_STORE_H
#define AMPQL_SRC_SOURCE_STORE_H

#include <ampql/source.h>

#include "base/array.h"
#include "base/error.h"
#include "base/index.h"
#include "series/labels.h"
#include "series/matcher.h"
#include "series/sample.h"

struct store_series {
    struct labels labels; /* in the store's arena */
    int64_t *t;           /* [n], room for cap; strictly ascending once sealed */
    double *v;
    size_t n, cap;
    bool is_lent;     /* the columns are the caller's */
    bool is_whole;    /* a memory source has all its samples: it takes no second ones */
    bool is_unsorted; /* a sample came that was not after the one before it */
};

/* A series under its metric name, by its place in label order. */
struct store_name {
    symbol name;
    size_t place;
};

struct store {
    const struct ampql_allocator *alc;
    bool last_wins; /* of equal times with different values the one appended last, else an error */
    struct symbols symbols;
    struct arena sets;
    struct index by_labels;
    struct {
        ARRAY(struct store_series);
    } series;

    bool is_sealed;
    size_t *order;            /* [series.n] numbers of series in label order; NULL before */
    struct store_name *names; /* [series.n] by name id, then place */
    size_t nordered;
};

/* err  AMPQL_NOMEM; then nothing is held */
enum ampql_code store_init(struct store *store, const struct ampql_allocator *alc, bool last_wins,
                           struct ampql_error *err);
void store_done(struct store *store);

/* The id of a string, for label sets of this store.
 *   err  AMPQL_NOMEM */
enum ampql_code store_intern(struct store *store, struct str text, symbol *out,
                             struct ampql_error *err);

/* The series of a label set, added when it is new.
 *
 *   label   [nlabels] in any order, ids of this store; sorted in place, empty values dropped
 *   out     its number, which stays the same
 *   err     AMPQL_BAD_DATA: a name empty or twice; AMPQL_LIMIT: over STORE_MAX_LABELS; AMPQL_NOMEM
 */
enum { STORE_MAX_LABELS = 4096 };
enum ampql_code store_find_or_add(struct store *store, struct label *label, size_t nlabels,
                                  size_t *out, struct ampql_error *err);

/* The same from strings. */
enum ampql_code store_find_or_add_text(struct store *store, const struct ampql_label *labels,
                                       size_t nlabels, size_t *out, struct ampql_error *err);

/* Add a sample, in any order of time.
 *   err  AMPQL_BAD_DATA: the sample before has the same time and other bits (found here when the
 *        samples come in order, else by store_seal); AMPQL_NOMEM */
enum ampql_code store_append(struct store *store, size_t series, int64_t t_ms, double v,
                             struct ampql_error *err);

/* Add samples at the end of the series, all after what it has: strictly ascending.
 *   err  AMPQL_NOMEM */
enum ampql_code store_append_columns(struct store *store, size_t series,
                                     const struct samples *samples, struct ampql_error *err);

/* Give a series without samples its columns, borrowed until store_done. */
void store_lend(struct store *store, size_t series, const struct samples *samples);

/* Make it ready for selects: sort samples (equal ones dropped), sort series, trim. Does nothing
 * when nothing was added since. err  AMPQL_BAD_DATA: different values at one time, naming series
 * and time; AMPQL_NOMEM */
enum ampql_code store_seal(struct store *store, struct ampql_error *err);

/* In a sealed store: wherever a series is silent for longer than stale_after_ms, also after its
 * last sample, put a stale marker that long after the sample before. err  AMPQL_NOMEM */
enum ampql_code store_mark_ends(struct store *store, int64_t stale_after_ms,
                                struct ampql_error *err);

/* Takes one series of a scan; samples are views into the store. */
typedef enum ampql_code store_visit(void *payload, const struct store *store, struct labels labels,
                                    const struct samples *samples);

/* Hand on each series that matches select and has a sample in (mint, maxt], in label order, with
 * those samples. The store is sealed first when need be.
 *   err  AMPQL_PARSE: a regex; AMPQL_NOMEM; what visit returned, or what store_seal said */
enum ampql_code store_scan(struct store *store, const struct ampql_select *select, int64_t mint_ms,
                           int64_t maxt_ms, store_visit *visit, void *payload,
                           struct ampql_error *err);

/* Answer a RAW select (or with is_labels_only a series call) from the store. */
enum ampql_code store_select(struct store *store, const struct ampql_select *select,
                             bool is_labels_only, struct ampql_sink *sink, struct ampql_error *err);

/* The same in shares, of a sealed store: how many series are looked at, and share `share` of
 * `nshares`, of which several threads may each ask for one. */
size_t store_count_places(const struct store *store, const struct ampql_select *select);
enum ampql_code store_select_share(struct store *store, const struct ampql_select *select,
                                   size_t share, size_t nshares, struct ampql_sink *sink,
                                   struct ampql_error *err);

/* A series of a scan pushed into a sink. */
enum ampql_code store_push(const struct store *store, struct labels labels,
                           const struct samples *samples, struct ampql_sink *sink);

/* Fail with AMPQL_BAD_DATA: a series has two values at one time. */
enum ampql_code store_refuse_conflict(const struct store *store, struct labels labels, int64_t t_ms,
                                      double first, double second, struct ampql_error *err);

/* `name{a="b"}` for messages, escaped and clipped to size. Returns out. */
char *store_describe(const struct store *store, struct labels labels, char *out, size_t size);

#endif
