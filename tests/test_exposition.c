/* Series as OpenMetrics text: what is written, what is refused, and that our reader and
 * Prometheus's arithmetic get the same samples back. */
#include "support/collect.h"
#include "support/sample_gen.h"
#include "support/series.h"
#include "support/test.h"
#include "support/torture.h"

#include "base/number.h"
#include "base/time.h"
#include "series/exposition.h"
#include "source/openmetrics.h"

#include <stdio.h>

/* ---- single texts */

struct given {
    const char *labels; /* "a=b,c=d", with __name__ */
    struct samples samples;
};

static const int64_t t2[] = {1000, 1709403009123};
static const double v2[] = {1, -0.0};
static const struct samples both = {t2, v2, 2}, one = {t2, v2, 1}, none = {0};

static const struct row {
    struct given given[4];
    const char *expected; /* the text; */
    const char *message;  /* or the whole message */
    enum ampql_code code;
} rows[] = {
    {.expected = "# EOF\n"},
    {{{"__name__=up", both}},
     .expected = "# TYPE up unknown\nup 1 1\nup -0 1709403009.123\n# EOF\n"},
    {{{"__name__=up,job=a,zone=", one}, {"__name__=up,job=b", none}, {"__name__=:r", one}},
     .expected = "# TYPE up unknown\nup{job=\"a\"} 1 1\n# TYPE :r unknown\n:r 1 1\n# EOF\n"},
    /* the name may stand anywhere; names that are no words are quoted */
    {{{"A=1,__name__=m,b.c=\"\\\n", one}},
     .expected = "# TYPE m unknown\nm{A=\"1\",\"b.c\"=\"\\\"\\\\\\n\"} 1 1\n# EOF\n"},
    {{{"__name__=a.b", one}, {"__name__=a.b,x=1", one}, {"__name__=1a", one}, {"__name__=le", one}},
     .expected = "# TYPE \"a.b\" unknown\n{\"a.b\"} 1 1\n{\"a.b\",x=\"1\"} 1 1\n# TYPE \"1a\" "
                 "unknown\n{\"1a\"} 1 1\n"
                 "# TYPE le unknown\nle 1 1\n# EOF\n"},
    {{{"__name__=m,a:b=1", one}}, .expected = "# TYPE m unknown\nm{\"a:b\"=\"1\"} 1 1\n# EOF\n"},
    /* refused */
    {{{"", one}},
     .message = "OpenMetrics needs a metric name, and {} has none: label_replace(EXPR, "
                "\"__name__\", \"NAME\", \"\", \"\") gives one",
     .code = AMPQL_UNSUPPORTED},
    {{{"job=a", one}},
     .message = "OpenMetrics needs a metric name, and {job=\"a\"} has none: label_replace(EXPR, "
                "\"__name__\", \"NAME\", \"\", \"\") gives one",
     .code = AMPQL_UNSUPPORTED},
    {{{"__name__=,job=a", one}},
     .code = AMPQL_UNSUPPORTED,
     .message = "OpenMetrics needs a metric name, and {__name__=\"\", ...} has none: label_replace("
                "EXPR, \"__name__\", \"NAME\", \"\", \"\") gives one"},
    {{{"__name__=m,a=\xff", one}},
     .message = "OpenMetrics is UTF-8 without NUL bytes, and a label value is not: \"\\xff\"",
     .code = AMPQL_UNSUPPORTED},
    {{{"__name__=m,\xff=a", one}},
     .message = "OpenMetrics is UTF-8 without NUL bytes, and a label name is not: \"\\xff\"",
     .code = AMPQL_UNSUPPORTED},
    {{{"__name__=a", one}, {"__name__=b", one}, {"__name__=a", one}},
     .message = "a metric's series must follow each other: \"a\"",
     .code = AMPQL_BAD_DATA},
    {{{"__name__=le", one}, {"__name__=b", one}, {"__name__=le", one}},
     .message = "a metric's series must follow each other: \"le\"",
     .code = AMPQL_BAD_DATA},
};

static enum ampql_code write_given(const struct given *given, size_t n, struct test_text *out,
                                   struct ampql_error *err)
{
    struct exposition x;
    enum ampql_code code = AMPQL_OK;
    out->n = 0;
    out->at[0] = '\0';
    exposition_init(&x, &alloc_default, test_write, out);
    for (size_t i = 0; i < n && given[i].labels && code == AMPQL_OK; i++) {
        struct ampql_label labels[TEST_LABELS_MAX];
        size_t nlabels = test_labels(NULL, given[i].labels, labels);
        if (given[i].samples.n)
            code = exposition_series(&x, labels, nlabels, &given[i].samples, err);
    }
    return exposition_end(&x, code, err);
}

static void test_texts(void **state)
{
    (void)state;
    static struct test_text out;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        struct ampql_error err = {0};
        assert_int_equal(write_given(row->given, 4, &out, &err), row->code);
        if (row->code == AMPQL_OK)
            assert_string_equal(out.at, row->expected);
        else
            assert_string_equal(err.message, row->message);
    }
}

/* A NUL byte has no place in the table's strings. */
static void test_nul(void **state)
{
    (void)state;
    struct ampql_label labels[] = {{{"__name__", 8}, {"m", 1}}, {{"a", 1}, {"x\0y", 3}}};
    struct ampql_error err = {0};
    assert_int_equal(exposition_check(labels, 2, &err), AMPQL_UNSUPPORTED);
    assert_string_equal(err.message, "OpenMetrics is UTF-8 without NUL bytes, and a label value is "
                                     "not: \"x\\x00y\"");
}

/* An end cannot be written: it is counted, and no NaN takes its place. */
static void test_ends(void **state)
{
    (void)state;
    static struct test_text out = {.n = 0};
    struct exposition x;
    struct ampql_error err = {0};
    int64_t t[] = {1, 2, 3, 4};
    double v[] = {double_of(STALE_BITS), 5, double_of(NAN_BITS), double_of(STALE_BITS)};
    struct ampql_label name = {{"__name__", 8}, {"m", 1}};
    struct samples samples = {t, v, 4};
    exposition_init(&x, &alloc_default, test_write, &out);
    enum ampql_code code = exposition_series(&x, &name, 1, &samples, &err);
    assert_int_equal(x.nends, 2);
    assert_int_equal(exposition_end(&x, code, &err), AMPQL_OK);
    assert_string_equal(out.at, "# TYPE m unknown\nm 5 0.002\nm NaN 0.003\n# EOF\n");
}

static int refuse(void *payload, const char *data, size_t size)
{
    (void)payload, (void)data, (void)size;
    return 1;
}

static void test_output(void **state)
{
    (void)state;
    struct exposition x;
    struct ampql_error err = {0};
    struct ampql_label name = {{"__name__", 8}, {"m", 1}};
    exposition_init(&x, &alloc_default, refuse, NULL);
    enum ampql_code code = exposition_series(&x, &name, 1, &both, &err);
    assert_int_equal(code, AMPQL_OK);
    assert_int_equal(exposition_end(&x, code, &err), AMPQL_OUTPUT);
    assert_string_equal(err.message, "the OpenMetrics text could not be written");
}

/* ---- times */

static void check_time(int64_t t_ms)
{
    char text[NUMBER_MAX];
    size_t n = exposition_time(t_ms, text);
    double seconds;
    int64_t read;
    if (!number_parse(str_make(text, n), &seconds) || (int64_t)(seconds * 1000) != t_ms)
        fail_msg("Prometheus reads %.*s as another time than %lld", (int)n, text, (long long)t_ms);
    if (!time_parse_seconds(str_make(text, n), &read) || read != t_ms)
        fail_msg("%.*s is not %lld", (int)n, text, (long long)t_ms);
}

static void test_times(void **state)
{
    (void)state;
    char text[NUMBER_MAX];
    uint64_t random = 1;
    size_t n = exposition_time(INT64_C(8703692526835), text);
    assert_string_equal(text, "8703692526.835001");
    assert_int_equal(n, strlen(text));
    for (int i = 0; i < 200000; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        check_time((int64_t)(random >> 11) % (TIME_LAST_MS + 1));
        check_time(-((int64_t)(random >> 11) % -TIME_FIRST_MS));
        check_time(INT64_C(1709403009000) + i);
    }
    check_time(TIME_FIRST_MS);
    check_time(TIME_LAST_MS);
    assert_int_equal(exposition_check_time(TIME_LAST_MS + 1, NULL), AMPQL_UNSUPPORTED);
    assert_int_equal(exposition_check_time(TIME_FIRST_MS - 1, NULL), AMPQL_UNSUPPORTED);
}

/* ---- written and read again */

enum { NSAMPLES = 200 };

struct generated {
    int64_t t[NSAMPLES];
    double v[NSAMPLES];
};

/* NaNs of one kind, and no ends: what the format can hold. */
static void generate(enum sample_times times, enum sample_values values, struct generated *out)
{
    sample_gen_times(times, 7, out->t, NSAMPLES);
    sample_gen_values(values, 7, out->v, NSAMPLES);
    for (size_t i = 0; i < NSAMPLES; i++)
        if (out->v[i] != out->v[i])
            out->v[i] = double_of(NAN_BITS);
}

static void check_read(const struct test_text *text, const struct generated *wanted)
{
    struct bytes bytes = {text->at, text->n, 0};
    struct input input;
    struct store store;
    struct ampql_error err = {0};
    struct openmetrics_options options = {.needs_eof = true};
    assert_int_equal(store_init(&store, &alloc_default, false, &err), AMPQL_OK);
    assert_int_equal(input_init(&input, &alloc_default, "f", bytes_read, &bytes, 0, &err),
                     AMPQL_OK);
    if (openmetrics_read(&input, &store, &options, &err) != AMPQL_OK)
        fail_msg("%s", err.message);
    assert_int_equal(store.series.n, 1);
    assert_int_equal(store.series.at[0].n, NSAMPLES);
    assert_memory_equal(store.series.at[0].t, wanted->t, sizeof wanted->t);
    assert_memory_equal(store.series.at[0].v, wanted->v, sizeof wanted->v);
    input_done(&input);
    store_done(&store);
}

static void test_round_trip(void **state)
{
    (void)state;
    static struct test_text out;
    static struct generated g;
    struct ampql_label labels[TEST_LABELS_MAX];
    size_t nlabels = test_labels("a metric", "a=\" \\ {},b=\n#,c d=e", labels);
    for (int times = 0; times < TIMES_KINDS; times++) {
        for (int values = 0; values < VALUES_KINDS; values++) {
            struct exposition x;
            struct ampql_error err = {0};
            if (times == TIMES_EXTREME)
                continue; /* past the year 9999 */
            generate((enum sample_times)times, (enum sample_values)values, &g);
            struct samples samples = {g.t, g.v, NSAMPLES};
            out.n = 0;
            exposition_init(&x, &alloc_default, test_write, &out);
            enum ampql_code code = exposition_series(&x, labels, nlabels, &samples, &err);
            if (exposition_end(&x, code, &err) != AMPQL_OK)
                fail_msg("%s %s: %s", sample_times_names[times], sample_values_names[values],
                         err.message);
            check_read(&out, &g);
        }
    }
}

/* ---- memory */

static bool write_some(const struct ampql_allocator *alc)
{
    static struct test_text out;
    struct exposition x;
    struct ampql_error err = {0};
    enum ampql_code code = AMPQL_OK;
    out.n = 0;
    exposition_init(&x, alc, test_write, &out);
    for (int i = 0; i < 40 && code == AMPQL_OK; i++) {
        char name[16];
        struct ampql_label labels[TEST_LABELS_MAX];
        snprintf(name, sizeof name, "m%d", i);
        size_t nlabels = test_labels(name, "job=a", labels);
        code = exposition_series(&x, labels, nlabels, &both, &err);
    }
    code = exposition_end(&x, code, &err);
    assert_true(code == AMPQL_OK || (code == AMPQL_NOMEM && err.code == AMPQL_NOMEM));
    return code == AMPQL_OK;
}

static void test_memory(void **state)
{
    (void)state;
    assert_true(torture_all(write_some) > 5);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_texts),  cmocka_unit_test(test_nul),   cmocka_unit_test(test_ends),
    cmocka_unit_test(test_output), cmocka_unit_test(test_times), cmocka_unit_test(test_round_trip),
    cmocka_unit_test(test_memory),
};
TEST_MAIN(tests)
