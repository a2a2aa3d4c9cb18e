/* Series for tests, written as "name{a="b"} 1 2 _ 3" would be: a name, labels as "a=b,c=d", and a
 * value a step. */
#ifndef AMPQL_TESTS_SERIES_H
#define AMPQL_TESTS_SERIES_H

#include <ampql.h>

enum { TEST_LABELS_MAX = 12 };

/* Split "a=b,c=d" (name first when not NULL) into labels [TEST_LABELS_MAX]; returns their number.
 * Views of the arguments. */
size_t test_labels(const char *name, const char *text, struct ampql_label *out);

/* Add a series of n samples: values from `text`, separated by blanks: numbers, "_" for none,
 * "stale", "VxN" (N more of the same, as promqltest has it: N + 1 in all) and "V+DxN"; the first at
 * start_ms. False when it does not fit or memory is out; a text that cannot be read fails the test.
 */
bool test_add(struct ampql_source *source, const char *name, const char *labels, int64_t start_ms,
              int64_t step_ms, const char *text);

/* Does a string view hold this text? */
bool test_is(struct ampql_string s, const char *text);

/* An ampql_write that collects into a NUL-terminated text; stops when it is full. */
struct test_text {
    char at[1 << 16];
    size_t n;
};
int test_write(void *payload, const char *data, size_t size);

#endif
