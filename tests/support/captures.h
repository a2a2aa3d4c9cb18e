/* Captures for tests, made select by select. */
#ifndef AMPQL_TESTS_CAPTURES_H
#define AMPQL_TESTS_CAPTURES_H

#include "source/capture_log.h"

#define MINUTES(n) (INT64_C(60000) * (n))

/* In a scratch folder, which the set-up makes: a capture, its log, another capture. */
extern char captures_path[96], captures_part[104], captures_other[96];
int captures_set_up(void **state);

/* A series that an answer holds; labels as test_labels has them. */
struct captured {
    const char *name, *labels;
    struct samples samples;
};

/* Begin the log of a capture of "a test", append answers, and finish it. Whatever fails fails the
 * test. */
void captures_begin(struct capture_log *log, const char *path, uint32_t caps,
                    enum ampql_dialect dialect);
void captures_append(struct capture_log *log, const struct capture_entry *entry,
                     const struct captured *series, size_t n);
void captures_finish(struct capture_log *log);

/* Samples with known ends, all of any time. */
void captures_samples(const char *path, const struct captured *series, size_t n);

/* A server's answers: of each kind of select one or two, with warnings, samples billed, a regex, an
 * unknown lookback. captured_minutes and captured_values [4] are their samples. */
extern const int64_t captured_minutes[4];
extern const double captured_values[4];
void captures_answers(const char *path);

/* Make the checksums right of bytes that were changed, and what a capture begins and ends with. */
void captures_repair(uint8_t *bytes, size_t n);

void captures_content_id(const char *path, uint8_t out[SHA256_BYTES]);

#endif
