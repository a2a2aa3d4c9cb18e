/* Several sources as one. */
#include "support/collect.h"
#include "support/test.h"
#include "support/torture.h"

#define L(name, value)                                                                             \
    {                                                                                              \
        {"" name, sizeof(name) - 1},                                                               \
        {                                                                                          \
            "" value, sizeof(value) - 1                                                            \
        }                                                                                          \
    }

static const int64_t T[] = {1000, 2000, 3000, 4000};
static const double V[] = {1, 2, 3, 4}, OTHER[] = {9, 9, 9, 9};

/* A memory source with up{job="JOB"} of samples [from, to) and, when there is room, "own{}". */
static struct ampql_source *make(const struct ampql_allocator *alc, const char *job, size_t from,
                                 size_t to, const double *v)
{
    struct ampql_source *source = NULL;
    const struct ampql_label up[] = {L("__name__", "up"), {{"job", 3}, {job, strlen(job)}}};
    if (source_memory_new(alc, NULL, &source, NULL) != AMPQL_OK)
        return NULL;
    if (source_memory_add(source, up, 2, T + from, v + from, to - from, NULL) != AMPQL_OK) {
        source_free(source);
        return NULL;
    }
    return source;
}

static const struct row {
    struct {
        const char *job;
        size_t from, to;
        bool has_other_values;
    } parts[3];
    bool last_wins;
    const char *expected; /* the series, or a part of the message */
    enum ampql_code code;
} rows[] = {
    {{{"a", 0, 4, false}}, .expected = "up{job=\"a\"} 1@1000 2@2000 3@3000 4@4000\n"},
    {{{"b", 0, 2, false}, {"a", 2, 4, false}},
     .expected = "up{job=\"a\"} 3@3000 4@4000\nup{job=\"b\"} 1@1000 2@2000\n"},
    {{{"a", 0, 2, false}, {"a", 2, 4, false}},
     .expected = "up{job=\"a\"} 1@1000 2@2000 3@3000 4@4000\n"},
    {{{"a", 2, 4, false}, {"a", 0, 2, false}, {"a", 1, 3, false}},
     .expected = "up{job=\"a\"} 1@1000 2@2000 3@3000 4@4000\n"},
    {{{"a", 0, 3, false}, {"a", 2, 4, true}},
     .expected = "up{job=\"a\"} has two values at 1970-01-01T00:00:03Z: 3 and 9",
     .code = AMPQL_BAD_DATA},
    {{{"a", 0, 3, false}, {"a", 2, 4, true}},
     .last_wins = true,
     .expected = "up{job=\"a\"} 1@1000 2@2000 9@3000 9@4000\n"},
    {{{"a", 2, 4, true}, {"a", 0, 3, false}},
     .last_wins = true,
     .expected = "up{job=\"a\"} 1@1000 2@2000 3@3000 9@4000\n"},
};

static enum ampql_code run(const struct row *row, const struct ampql_allocator *alc)
{
    struct ampql_source *sources[3], *merged = NULL;
    size_t n = 0;
    for (; n < 3 && row->parts[n].job; n++) {
        sources[n] = make(alc, row->parts[n].job, row->parts[n].from, row->parts[n].to,
                          row->parts[n].has_other_values ? OTHER : V);
        if (sources[n])
            continue;
        while (n-- > 0)
            source_free(sources[n]);
        return AMPQL_NOMEM;
    }
    struct ampql_error err = {0};
    enum ampql_code code = source_merge(alc, sources, n, row->last_wins, &merged, &err);
    if (code != AMPQL_OK)
        return code;
    assert_int_equal(ampql_source_caps(merged),
                     AMPQL_SOURCE_SAMPLES | AMPQL_SOURCE_SORTED | AMPQL_SOURCE_PARALLEL);
    struct collect c;
    collect_init(&c, alc, false);
    struct ampql_matcher matchers[16];
    struct ampql_select select = collect_raw("up", matchers, 0, 9000);
    const char *text = collect_select(&c, merged, &select, &code, &err);
    if (code != AMPQL_NOMEM) {
        assert_int_equal(code, row->code);
        if (text)
            assert_string_equal(text, row->expected);
        else
            assert_non_null(strstr(err.message, row->expected));
    }
    collect_done(&c);
    source_free(merged);
    return code;
}

static bool works(const struct ampql_allocator *alc, void *payload)
{
    return run(payload, alc) != AMPQL_NOMEM;
}

static void merging(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct row row = rows[i];
        assert_int_equal(run(&row, &alloc_default), row.code);
        torture_with(works, &row, true);
    }
}

static enum ampql_code open_file(const char *path, struct ampql_source **out)
{
    return source_file_open(&alloc_default, path, NULL, &collect_parser, out, NULL);
}

static void kinds(void **state)
{
    (void)state;
    struct ampql_error err = {0};
    struct ampql_source *sources[2] = {0}, *merged = NULL;
    assert_int_equal(source_merge(&alloc_default, sources, 0, false, &merged, &err),
                     AMPQL_BAD_DATA);

    /* samples and answers do not mix; both are taken over all the same */
    assert_int_equal(open_file("tests/data/source/vector.json", &sources[0]), AMPQL_OK);
    assert_int_equal(open_file("tests/data/source/samples.om", &sources[1]), AMPQL_OK);
    assert_int_equal(source_merge(&alloc_default, sources, 2, false, &merged, &err),
                     AMPQL_UNSUPPORTED);

    /* a source without markers makes all of it one */
    sources[0] = make(&alloc_default, "x", 0, 4, V);
    assert_int_equal(open_file("tests/data/source/samples.om", &sources[1]), AMPQL_OK);
    assert_int_equal(source_merge(&alloc_default, sources, 2, false, &merged, &err), AMPQL_OK);
    assert_int_equal(ampql_source_caps(merged), AMPQL_SOURCE_SAMPLES | AMPQL_SOURCE_SORTED |
                                                    AMPQL_SOURCE_ENDLESS | AMPQL_SOURCE_PARALLEL);
    struct collect c;
    collect_init(&c, &alloc_default, false);
    struct ampql_matcher matchers[16];
    struct ampql_select select = collect_raw("up", matchers, 0, INT64_MAX);
    assert_int_equal(merged->ops.series(merged->payload, &select, &c.sink, &err), AMPQL_OK);
    buf_byte(&c.text, '\0');
    assert_string_equal(c.text.p, "up{job=\"a\"}\nup{job=\"x\"}\n");
    source_free(merged);

    /* answers: all must hold the select, or a part would pass for the whole */
    enum ampql_code code;
    assert_int_equal(open_file("tests/data/source/vector.json", &sources[0]), AMPQL_OK);
    assert_int_equal(open_file("tests/data/source/vector.json", &sources[1]), AMPQL_OK);
    assert_int_equal(source_merge(&alloc_default, sources, 2, false, &merged, &err), AMPQL_OK);
    select = collect_grid("up{job=\"b\"}", matchers, 1709403009000, 1709403009000, 1);
    assert_string_equal(collect_select(&c, merged, &select, &code, &err),
                        "up{instance=\"1\", job=\"b\"} NaN@1709403009000\n");
    source_free(merged);

    assert_int_equal(open_file("tests/data/source/vector.json", &sources[0]), AMPQL_OK);
    assert_int_equal(open_file("tests/data/source/folder", &sources[1]), AMPQL_OK);
    assert_int_equal(source_merge(&alloc_default, sources, 2, false, &merged, &err), AMPQL_OK);
    assert_int_equal(ampql_source_dialect(merged), AMPQL_PROM2);
    select = collect_grid("up{job=\"b\"}", matchers, 120000, 120000, 1);
    assert_null(collect_select(&c, merged, &select, &code, &err));
    assert_int_equal(code, AMPQL_NOT_FOUND);
    assert_non_null(strstr(err.message, "vector.json does not hold up{job=\"b\"} at"));
    collect_done(&c);
    source_free(merged);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(merging),
    cmocka_unit_test(kinds),
};
TEST_MAIN(tests)
