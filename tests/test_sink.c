/* The sink: what it takes, what it refuses, and that pieces and whole series give the same. */
#include "support/collect.h"
#include "support/test.h"
#include "support/torture.h"

#include <stdio.h>
#include <stdlib.h>

#define L(name, value)                                                                             \
    {                                                                                              \
        {"" name, sizeof(name) - 1},                                                               \
        {                                                                                          \
            "" value, sizeof(value) - 1                                                            \
        }                                                                                          \
    }

static const int64_t T[] = {1000, 2000, 3000};
static const double V[] = {1, 2.5, 3};

static void expect(struct collect *c, enum ampql_code code, const char *text)
{
    struct ampql_error err = {0};
    assert_int_equal(sink_finish(&c->sink, AMPQL_OK, &err), code);
    if (code == AMPQL_OK) {
        buf_byte(&c->text, '\0');
        assert_string_equal(c->text.p, text);
    } else {
        assert_int_equal(err.code, code);
        assert_non_null(strstr(err.message, text));
    }
}

static void whole_and_pieces(void **state)
{
    (void)state;
    const struct ampql_label a[] = {L("job", "a"), L("__name__", "up")};
    const struct ampql_label b[] = {L("__name__", "up"), L("job", "b")};
    struct collect c;
    collect_init(&c, &alloc_default, false);
    assert_int_equal(ampql_sink_push(&c.sink, a, 2, T, V, 3), AMPQL_OK);
    assert_int_equal(ampql_sink_series(&c.sink, b, 2), AMPQL_OK);
    assert_int_equal(ampql_sink_samples(&c.sink, T, V, 1), AMPQL_OK);
    assert_int_equal(ampql_sink_samples(&c.sink, T, V, 0), AMPQL_OK);
    assert_int_equal(ampql_sink_samples(&c.sink, T + 1, V + 1, 2), AMPQL_OK);
    assert_int_equal(ampql_sink_series(&c.sink, NULL, 0), AMPQL_OK);
    expect(&c, AMPQL_OK,
           "up{job=\"a\"} 1@1000 2.5@2000 3@3000\nup{job=\"b\"} 1@1000 2.5@2000 3@3000\n{}\n");
    collect_done(&c);
}

/* A label set of n names, the last the same as the first when is_twice. */
static void many_labels(size_t n, bool is_twice)
{
    struct ampql_label *labels = calloc(n, sizeof *labels);
    char(*names)[16] = calloc(n, sizeof *names);
    assert_true(labels && names);
    for (size_t i = 0; i < n; i++) {
        int length = snprintf(names[i], sizeof names[i], "l%zu", is_twice && i == n - 1 ? 0 : i);
        labels[i] = (struct ampql_label){{names[i], (size_t)length}, {"x", 1}};
    }
    struct collect c;
    collect_init(&c, &alloc_default, false);
    assert_int_equal(ampql_sink_push(&c.sink, labels, n, T, V, 1),
                     is_twice ? AMPQL_BAD_DATA : AMPQL_OK);
    collect_done(&c);
    free(labels);
    free(names);
}

static void refusals(void **state)
{
    (void)state;
    const struct ampql_label empty[] = {L("", "a")},
                             twice[] = {L("job", "a"), L("x", ""), L("job", "")};
    const int64_t same[] = {1000, 1000}, back[] = {2000, 1000};
    struct collect c;

    collect_init(&c, &alloc_default, false);
    assert_int_equal(ampql_sink_push(&c.sink, empty, 1, T, V, 3), AMPQL_BAD_DATA);
    assert_int_equal(ampql_sink_push(&c.sink, NULL, 0, T, V, 3), AMPQL_BAD_DATA); /* stays failed */
    assert_int_equal(ampql_sink_series(&c.sink, NULL, 0), AMPQL_BAD_DATA);
    assert_int_equal(ampql_sink_samples(&c.sink, T, V, 3), AMPQL_BAD_DATA);
    assert_int_equal(c.text.n, 0);
    expect(&c, AMPQL_BAD_DATA, "empty label name");
    collect_done(&c);

    collect_init(&c, &alloc_default, false);
    assert_int_equal(ampql_sink_series(&c.sink, twice, 3), AMPQL_BAD_DATA);
    expect(&c, AMPQL_BAD_DATA, "label name twice: \"job\"");
    collect_done(&c);

    collect_init(&c, &alloc_default, false);
    assert_int_equal(ampql_sink_push(&c.sink, NULL, 0, same, V, 2), AMPQL_BAD_DATA);
    expect(&c, AMPQL_BAD_DATA, "must ascend");
    collect_done(&c);

    collect_init(&c, &alloc_default, false);
    assert_int_equal(ampql_sink_series(&c.sink, NULL, 0), AMPQL_OK);
    assert_int_equal(ampql_sink_samples(&c.sink, back, V, 1), AMPQL_OK);
    assert_int_equal(ampql_sink_samples(&c.sink, back + 1, V, 1), AMPQL_BAD_DATA);
    expect(&c, AMPQL_BAD_DATA, "at 1970-01-01T00:00:01Z after one at 1970-01-01T00:00:02Z");
    collect_done(&c);

    collect_init(&c, &alloc_default, false);
    assert_int_equal(ampql_sink_samples(&c.sink, T, V, 1), AMPQL_BAD_DATA);
    expect(&c, AMPQL_BAD_DATA, "before it opened a series");
    collect_done(&c);

    many_labels(49, true);
    many_labels(5000, true);
    many_labels(5000, false);
}

static enum ampql_code refuse(void *payload, const struct ampql_label *labels, size_t nlabels,
                              const struct samples *samples)
{
    (void)labels, (void)nlabels, (void)samples;
    ++*(int *)payload;
    return AMPQL_LIMIT;
}

static void failing_taker(void **state)
{
    (void)state;
    int calls = 0;
    struct ampql_sink sink;
    struct ampql_error err = {0};
    (fail)(&err, AMPQL_LIMIT, "over 10 series");
    sink_init(&sink, &alloc_default, refuse, &calls, false);
    assert_int_equal(ampql_sink_series(&sink, NULL, 0), AMPQL_OK);
    assert_int_equal(ampql_sink_series(&sink, NULL, 0), AMPQL_LIMIT);
    assert_int_equal(ampql_sink_push(&sink, NULL, 0, T, V, 1), AMPQL_LIMIT);
    assert_int_equal(calls, 1);
    assert_int_equal(sink_finish(&sink, AMPQL_OK, &err), AMPQL_LIMIT);
    assert_string_equal(err.message, "over 10 series"); /* the taker's own message stays */
    sink_done(&sink);
}

static const struct samples *passed;

static enum ampql_code look(void *payload, const struct ampql_label *labels, size_t nlabels,
                            const struct samples *samples)
{
    (void)payload, (void)labels, (void)nlabels;
    passed = samples;
    assert_ptr_equal(samples->t, T);
    assert_ptr_equal(samples->v, V);
    return AMPQL_OK;
}

static void no_copies(void **state)
{
    (void)state;
    struct torture t;
    torture_init(&t, 1);
    struct ampql_sink sink;
    sink_init(&sink, &t.alc, look, NULL, false);
    assert_int_equal(ampql_sink_push(&sink, NULL, 0, T, V, 3), AMPQL_OK);
    assert_non_null(passed);
    assert_int_equal(t.calls, 0);
    sink_done(&sink);
}

static bool push_pieces(const struct ampql_allocator *alc)
{
    const struct ampql_label a[] = {L("job", "a"), L("__name__", "up")};
    struct ampql_label many[60];
    char names[60][4];
    for (size_t i = 0; i < 60; i++) {
        snprintf(names[i], sizeof names[i], "l%zu", i);
        many[i] = (struct ampql_label){{names[i], strlen(names[i])}, {"v", 1}};
    }
    struct collect c;
    collect_init(&c, alc, false);
    ampql_sink_series(&c.sink, a, 2);
    for (int64_t i = 0; i < 20; i++)
        ampql_sink_samples(&c.sink, &i, V, 1);
    ampql_sink_push(&c.sink, many, 60, T, V, 3);
    enum ampql_code code = sink_finish(&c.sink, AMPQL_OK, NULL);
    assert_true(code == AMPQL_OK || code == AMPQL_NOMEM);
    collect_done(&c);
    return code == AMPQL_OK;
}

static void torture(void **state)
{
    (void)state;
    torture_all(push_pieces);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(whole_and_pieces), cmocka_unit_test(refusals), cmocka_unit_test(failing_taker),
    cmocka_unit_test(no_copies),        cmocka_unit_test(torture),
};
TEST_MAIN(tests)
