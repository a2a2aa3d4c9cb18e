/* A server that answers from a formula and counts what it is asked, and captures that are recorded
 * of it. */
#ifndef AMPQL_TESTS_FAKE_SERVER_H
#define AMPQL_TESTS_FAKE_SERVER_H

#include "source/capture_record.h"
#include "support/collect.h"

enum { FAKE_EVERY_MS = 15000, HOUR_MS = 3600000, FAKE_PODS = 5, FAKE_MAX_ASKED = 400 };

struct fake_asked {
    int64_t from_ms, to_ms;
};

struct fake_server {
    int64_t now_ms;   /* later samples are not there yet */
    int64_t late_ms;  /* samples so fresh are not there yet either, but for those of pod 0 */
    bool is_generous; /* series backwards, samples before and after the window */
    size_t fail_at;   /* the n-th select fails; 0: none */
    size_t ncalls, nprepared;
    struct fake_asked asked[FAKE_MAX_ASKED];
};

/* What the tests ask begins here. */
static const int64_t FAKE_START_MS = 1000 * (int64_t)HOUR_MS + 1234567;

/* It has samples every 15 s of pods 0 to 4. window_ms: how much time the source wants to be asked
 * of at once; 0: all. */
struct ampql_source *fake_server_source(const struct ampql_allocator *alc, struct fake_server *fake,
                                        int64_t window_ms);

/* A recording of it at captures_path; extends: a capture that is there. NULL without memory. */
struct ampql_source *fake_server_record(const struct ampql_allocator *alc, struct fake_server *fake,
                                        int64_t window_ms, bool extends);

/* What the tests ask: raw samples, a grid, one point, up to end_ms. */
void fake_server_questions(struct ampql_matcher matchers[3][16], struct ampql_select out[3],
                           int64_t end_ms);
enum ampql_code fake_server_take(struct ampql_source *recording, int64_t end_ms,
                                 struct ampql_error *err);

/* All of them recorded, and the capture finished. id [SHA256_BYTES], or NULL */
void fake_server_capture(struct fake_server *fake, int64_t window_ms, int64_t end_ms, bool extends,
                         uint8_t *id);

#endif
