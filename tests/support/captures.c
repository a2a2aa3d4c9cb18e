/* Captures for tests. */
#include "support/captures.h"

#include "support/scratch.h"
#include "support/series.h"
#include "support/test.h"

#include <stdio.h>

char captures_path[96], captures_part[104], captures_other[96];

int captures_set_up(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    snprintf(captures_path, sizeof captures_path, "%s/a.aqc", scratch_folder);
    snprintf(captures_part, sizeof captures_part, "%s/a.aqc.part", scratch_folder);
    snprintf(captures_other, sizeof captures_other, "%s/b.aqc", scratch_folder);
    return 0;
}

static const struct held everything = {
    .kind = AMPQL_SELECT_RAW, .after_ms = -CAPTURE_FOREVER, .upto_ms = CAPTURE_FOREVER};

void captures_append(struct capture_log *log, const struct capture_entry *entry,
                     const struct captured *series, size_t n)
{
    struct ampql_error err = {0};
    struct hold hold;
    assert_int_equal(hold_init(&hold, &alloc_default, &err), AMPQL_OK);
    for (size_t i = 0; i < n; i++) {
        struct ampql_label labels[TEST_LABELS_MAX];
        size_t nlabels = test_labels(series[i].name, series[i].labels, labels), number;
        assert_int_equal(hold_find_or_add_text(&hold, labels, nlabels, &number, &err), AMPQL_OK);
        assert_int_equal(hold_append(&hold, number, &series[i].samples, &err), AMPQL_OK);
    }
    if (capture_log_append(log, entry, &hold, &err) != AMPQL_OK)
        fail_msg("%s", err.message);
    hold_done(&hold);
}

void captures_begin(struct capture_log *log, const char *path, uint32_t caps,
                    enum ampql_dialect dialect)
{
    struct ampql_error err = {0};
    struct capture_origin origin = {.source = STR("a test"), .caps = caps, .dialect = dialect};
    if (capture_log_open(log, &alloc_default, path, &origin, false, &err) != AMPQL_OK)
        fail_msg("%s", err.message);
}

void captures_finish(struct capture_log *log)
{
    struct ampql_error err = {0};
    if (capture_log_finish(log, false, NULL, &err) != AMPQL_OK)
        fail_msg("%s", err.message);
    capture_log_done(log);
}

void captures_samples(const char *path, const struct captured *series, size_t n)
{
    struct capture_log log;
    captures_begin(&log, path, AMPQL_SOURCE_SAMPLES, AMPQL_DIALECT_DEFAULT);
    captures_append(&log, &(struct capture_entry){.held = everything}, series, n);
    captures_finish(&log);
}

const int64_t captured_minutes[4] = {MINUTES(0), MINUTES(1), MINUTES(2), MINUTES(3)};
const double captured_values[4] = {1, 2.5, -0.0, 4};

static struct captured up(const char *labels, size_t first, size_t n)
{
    return (struct captured){"up", labels, {captured_minutes + first, captured_values + first, n}};
}

/* Of each kind one, with all that can be said of it. */
void captures_answers(const char *path)
{
    const struct matcher named[] = {{STR("__name__"), MATCH_EQUAL, STR("up")},
                                    {STR("job"), MATCH_REGEX, STR("a|b\\.c")}};
    const struct str warnings[] = {STR("the server warned: \"slow\"\n"), STR("again")};
    struct matchers one = {named, 1}, two = {named, 2};
    struct capture_log log;
    struct captured series[] = {up("job=a", 0, 4), up("job=b.c,z=\"", 1, 3)};
    captures_begin(&log, path, AMPQL_SOURCE_ANSWERS, AMPQL_PROM2);
    struct capture_entry raw = {
        .held = {.kind = AMPQL_SELECT_RAW, .matchers = two, .after_ms = -1, .upto_ms = MINUTES(3)},
        .warnings = warnings,
        .nwarnings = 2,
        .billed = 1234567};
    captures_append(&log, &raw, series, 2);
    struct capture_entry grid = {.held = {.kind = AMPQL_SELECT_GRID,
                                          .matchers = one,
                                          .start_ms = 0,
                                          .end_ms = MINUTES(3),
                                          .step_ms = MINUTES(1),
                                          .lookback_ms = MINUTES(5),
                                          .dialect = AMPQL_PROM2}};
    captures_append(&log, &grid, series, 2);
    grid.held.end_ms = grid.held.start_ms = MINUTES(3); /* an instant query, of unknown lookback */
    grid.held.step_ms = 1;
    grid.held.lookback_ms = 0;
    captures_append(
        &log, &grid,
        &(struct captured){"up", "job=a", {captured_minutes + 3, captured_values + 3, 1}}, 1);
    grid.held.kind = AMPQL_SELECT_GRID_TIMESTAMP;
    grid.held.lookback_ms = MINUTES(7);
    captures_append(
        &log, &grid,
        &(struct captured){"up", "job=a", {captured_minutes + 3, captured_values + 3, 1}}, 1);
    raw.held.after_ms = MINUTES(10); /* a window of one ms, and nothing in it */
    raw.held.upto_ms = MINUTES(10) + 1;
    captures_append(&log, &raw, NULL, 0);
    captures_finish(&log);
}

void captures_content_id(const char *path, uint8_t out[SHA256_BYTES])
{
    struct capture capture;
    struct ampql_error err = {0};
    if (capture_open(&capture, &alloc_default, path, &err) != AMPQL_OK)
        fail_msg("%s", err.message);
    memcpy(out, capture.content_id, SHA256_BYTES);
    capture_done(&capture);
}

void captures_repair(uint8_t *p, size_t n)
{
    memcpy(p, capture_magic, sizeof capture_magic);
    for (size_t at = CAPTURE_HEADER; at + CAPTURE_BLOCK_HEAD <= n;) {
        size_t stored = le_get(p + at + 4, 4);
        if (stored > n - at - CAPTURE_BLOCK_HEAD)
            break;
        le_put(p + at + 16, 8, checksum(p + at, 16, p + at + CAPTURE_BLOCK_HEAD, stored));
        at += CAPTURE_BLOCK_HEAD + stored;
    }
    if (n < CAPTURE_HEADER + CAPTURE_TRAILER)
        return;
    uint8_t *end = p + n - CAPTURE_TRAILER;
    le_put(end + 48, 8, checksum(end, 48, NULL, 0));
    memcpy(end + 56, capture_end_magic, sizeof capture_end_magic);
}
