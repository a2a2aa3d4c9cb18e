/* What a source pushes, as text to compare with: one line a series,
 *
 *   up{instance="i1", job="a"} 1@1000 NaN@2000 stale@3000
 *
 * labels as pushed, times in ms. Label names are not quoted, values are. */
#ifndef AMPQL_TESTS_COLLECT_H
#define AMPQL_TESTS_COLLECT_H

#include "base/buf.h"
#include "source/sink.h"
#include "source/source.h"
#include "source/store.h"

struct collect {
    struct buf text;
    struct ampql_sink sink;
};

void collect_init(struct collect *collect, const struct ampql_allocator *alc, bool is_trusted);
void collect_done(struct collect *collect);

/* Run one select on a source and give the text, valid until collect_done or the next call; NULL
 * when it failed, with the code in *code. */
const char *collect_select(struct collect *collect, struct ampql_source *source,
                           const struct ampql_select *select, enum ampql_code *code,
                           struct ampql_error *err);

/* Matchers of `up{job="a",x!="b",y=~"c|d"}`, in the style of a selector, without escapes; [16]
 * room; returns their number, SIZE_MAX when it is none. The views point into text. */
size_t collect_matchers(const char *text, struct ampql_matcher *out);

/* The same as a RAW or GRID select. matchers [16] is the caller's. */
struct ampql_select collect_raw(const char *selector, struct ampql_matcher *matchers,
                                int64_t mint_ms, int64_t maxt_ms);
struct ampql_select collect_grid(const char *selector, struct ampql_matcher *matchers,
                                 int64_t start_ms, int64_t end_ms, int64_t step_ms);

/* A selector_parser for such texts, with [W] behind them. */
extern const struct selector_parser collect_parser;

/* Bytes as an input, for input_init; set its piece_bytes to cut them. */
struct bytes {
    const char *p;
    size_t n, at;
};
enum ampql_code bytes_read(void *payload, char *buffer, size_t size, size_t *out,
                           struct ampql_error *err);

/* The whole of a store as text; NULL without memory. What holds for every sealed store is checked:
 * series in label order, unique, times strictly ascending. */
const char *collect_store(struct collect *collect, struct store *store);

#endif
