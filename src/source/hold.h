/* Series that wait as packed columns: the chunks of a split fetch until the last has come, the
 * windows of a capture until it is written.
 *
 * A store names and orders the series; their samples lie beside it, in about two bytes each. */
#ifndef AMPQL_SRC_SOURCE_HOLD_H
#define AMPQL_SRC_SOURCE_HOLD_H

#include "series/column.h"
#include "source/store.h"

struct hold {
    struct store sets; /* label sets only */
    struct {
        ARRAY(struct columns); /* [sets.series.n] */
    } columns;
    struct sample_room room; /* one series unpacked, used again and again */
};

/* err  AMPQL_NOMEM; then nothing is held */
enum ampql_code hold_init(struct hold *hold, const struct ampql_allocator *alc,
                          struct ampql_error *err);
void hold_done(struct hold *hold);

/* The number of a label set, new or known, as store_find_or_add and store_find_or_add_text. */
enum ampql_code hold_find_or_add(struct hold *hold, struct label *label, size_t nlabels,
                                 size_t *out, struct ampql_error *err);
enum ampql_code hold_find_or_add_text(struct hold *hold, const struct ampql_label *labels,
                                      size_t nlabels, size_t *out, struct ampql_error *err);

/* Add samples at the end of a series, all after what it has.
 *   err  of columns_append, naming the series */
enum ampql_code hold_append(struct hold *hold, size_t series, const struct samples *samples,
                            struct ampql_error *err);

/* What a sink calls so that its series join what is held of them; payload is a struct hold_push. */
struct hold_push {
    struct hold *hold;
    struct ampql_error *err;
};
enum ampql_code hold_push(void *payload, const struct ampql_label *labels, size_t nlabels,
                          const struct samples *samples);

/* Add samples wherever they belong; where the series has a time already, it has the same bits.
 *   err  AMPQL_BAD_DATA: it has others, naming series, time and both values; of columns_append */
enum ampql_code hold_unite(struct hold *hold, size_t series, const struct samples *samples,
                           struct ampql_error *err);

/* Move everything in `from` behind what `to` has of the same series. After a failure both are still
 * whole, but what was moved is moved: throw both away.
 *   err  of hold_append, hold_find_or_add */
enum ampql_code hold_join(struct hold *to, struct hold *from, struct ampql_error *err);

/* One series unpacked; valid until the next call or hold_done.
 *   err  AMPQL_NOMEM; AMPQL_BAD_DATA: memory was damaged */
enum ampql_code hold_unpack(struct hold *hold, size_t series, struct samples *out,
                            struct ampql_error *err);

/* The same into room of the caller's, sample_room_done it: nothing of the hold changes, so that
 * other threads may read it, too. */
enum ampql_code hold_read(const struct hold *hold, size_t series, struct sample_room *room,
                          struct samples *out, struct ampql_error *err);

/* Give back the room that was kept for more: nothing will be added. */
void hold_trim(struct hold *hold);

/* Put series in label order: hold->sets.order. err AMPQL_NOMEM */
enum ampql_code hold_sort(struct hold *hold, struct ampql_error *err);

/* Hand on each series that has samples, in label order.
 *   err  of hold_sort, hold_unpack; what visit returned */
enum ampql_code hold_scan(struct hold *hold, store_visit *visit, void *payload,
                          struct ampql_error *err);

/* Samples, and bytes held for them and for their label sets. */
uint64_t hold_samples(const struct hold *hold);
size_t hold_bytes(const struct hold *hold);

#endif
