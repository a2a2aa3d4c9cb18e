/* Redaction: which values become tokens, what matchers become, what can still be asked. */
#include "base/regex.h"
#include "source/capture_source.h"
#include "source/capture_take.h"
#include "support/captures.h"
#include "support/collect.h"
#include "support/scratch.h"
#include "support/series.h"
#include "support/test.h"
#include "support/torture.h"
#include "tool/redact.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t t[] = {MINUTES(1), MINUTES(2)};
static const double v[] = {1, 2};

/* Tokens of the key below, by HMAC-SHA-256 of `openssl dgst -hmac`. */
#define KEY "a key of this test alone"
#define TOKEN_PROD "r_039529a5b39650c9"
#define TOKEN_TEST "r_0dedc8e02db9a7ad"
#define TOKEN_TEN "r_7ee28ebb12021b2f"
#define TOKEN_OTHER "r_548807d0b2d8d835"

static void write_key(const char *key)
{
    FILE *file = fopen(scratch_path("key"), "wb");
    assert_non_null(file);
    assert_true(fputs(key, file) >= 0 && fclose(file) == 0);
}

static enum ampql_code redact_with(const struct ampql_allocator *alc, struct redact_options options,
                                   struct redact_report *report, struct ampql_error *err)
{
    options.key_file = scratch_path("key");
    return tool_capture_redact(alc, scratch_path("a.aqc"), scratch_path("b.aqc"), &options, report,
                               err);
}

static struct redact_report redact_well(struct redact_options options)
{
    struct ampql_error err = {0};
    struct redact_report report;
    if (redact_with(&alloc_default, options, &report, &err) != AMPQL_OK)
        fail_msg("%s", err.message);
    return report;
}

/* ---- matchers */

struct asked {
    const char *name;
    enum match_op op;
    const char *value;
};

/* A select for "up" with one more matcher, and what that becomes. */
static const struct row {
    struct asked asked;
    const char *series[3]; /* labels, up to NULL */
    enum match_op op;
    const char *becomes; /* NULL: the select is left out */
    uint64_t expanded;
} rows[] = {
    {{"ns", MATCH_EQUAL, "prod"}, {"ns=prod"}, MATCH_EQUAL, TOKEN_PROD, 0},
    {{"ns", MATCH_NOT_EQUAL, "prod"}, {"ns=test"}, MATCH_NOT_EQUAL, TOKEN_PROD, 0},
    {{"ns", MATCH_EQUAL, ""}, {""}, MATCH_EQUAL, "", 0},
    {{"ns", MATCH_NOT_EQUAL, "POD"}, {"ns=test"}, MATCH_NOT_EQUAL, "POD", 0},
    {{"le", MATCH_EQUAL, "prod"}, {"le=prod"}, MATCH_EQUAL, "prod", 0},
    {{"le", MATCH_REGEX, "p.*d"}, {"le=prod"}, MATCH_REGEX, "p.*d", 0},
    {{"ns", MATCH_REGEX, ".+"}, {"ns=prod"}, MATCH_REGEX, ".+", 0},
    {{"ns", MATCH_REGEX, ".*"}, {"ns=prod"}, MATCH_REGEX, ".*", 0},
    /* lists of values, whether they were found or not */
    {{"ns", MATCH_REGEX, "prod|test|"}, {"ns=prod"}, MATCH_REGEX, "|" TOKEN_PROD "|" TOKEN_TEST, 0},
    {{"ns", MATCH_NOT_REGEX, "test|prod"}, {"ns=x"}, MATCH_NOT_REGEX, TOKEN_PROD "|" TOKEN_TEST, 0},
    {{"ns", MATCH_REGEX, "POD|prod"}, {"ns=prod"}, MATCH_REGEX, "POD|" TOKEN_PROD, 0},
    /* others become what they matched */
    {{"ns", MATCH_REGEX, "pr.*"}, {"ns=prod", "ns=prod,x=1"}, MATCH_REGEX, TOKEN_PROD, 1},
    {{"ns", MATCH_REGEX, ".*[td]"},
     {"ns=prod", "ns=test"},
     MATCH_REGEX,
     TOKEN_PROD "|" TOKEN_TEST,
     1},
    {{"ns", MATCH_NOT_REGEX, "x.*"}, {"ns=prod", "x=1"}, MATCH_REGEX, "|" TOKEN_PROD, 1},
    {{"ns", MATCH_REGEX, "nothing.*"}, {NULL}, MATCH_REGEX, NULL, 0},
};

/* asked NULL: nothing but the name */
static void make(const struct asked *asked, const char *const *labels)
{
    struct matcher matchers[2] = {{STR("__name__"), MATCH_EQUAL, STR("up")}};
    if (asked)
        matchers[1] = (struct matcher){str_of(asked->name), asked->op, str_of(asked->value)};
    struct capture_entry entry = {.held = {.kind = AMPQL_SELECT_RAW,
                                           .matchers = {matchers, asked ? 2 : 1},
                                           .after_ms = 0,
                                           .upto_ms = MINUTES(5)}};
    struct captured series[3];
    struct capture_log log;
    size_t n = 0;
    for (; n < 3 && labels[n]; n++)
        series[n] = (struct captured){"up", labels[n], {t, v, 2}};
    captures_begin(&log, scratch_path("a.aqc"), AMPQL_SOURCE_ANSWERS, AMPQL_PROM3);
    captures_append(&log, &entry, series, n);
    captures_finish(&log);
}

static void check_matcher(const struct row *row)
{
    struct capture capture;
    struct ampql_error err = {0};
    if (capture_open(&capture, &alloc_default, scratch_path("b.aqc"), &err) != AMPQL_OK)
        fail_msg("%s", err.message);
    assert_int_equal(capture.entries.n, row->becomes ? 1 : 0);
    for (size_t i = 0; row->becomes && i < capture.entries.at[0].held.matchers.n; i++) {
        const struct matcher *m = &capture.entries.at[0].held.matchers.at[i];
        if (str_equal(m->name, STR("__name__")))
            continue;
        if (m->op != row->op || !str_equal(m->value, str_of(row->becomes)))
            fail_msg("%s became %.*s, expected %s", row->asked.value, STR_ARGS(m->value),
                     row->becomes);
    }
    capture_done(&capture);
}

static void test_matchers(void **state)
{
    (void)state;
    write_key(KEY "\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        make(&rows[i].asked, rows[i].series);
        struct redact_report report = redact_well((struct redact_options){0});
        assert_int_equal(report.expanded, rows[i].expanded);
        assert_int_equal(report.dropped, rows[i].becomes == NULL);
        check_matcher(&rows[i]);
    }
}

/* ---- values */

static const char *const three[] = {"ns=prod,le=0.5,node=10", "ns=test,instance=10,POD=POD",
                                    "ns=other"};

static struct ampql_source *open_redacted(void)
{
    struct ampql_source *source = NULL;
    struct ampql_error err = {0};
    if (source_capture_open(&alloc_default, scratch_path("b.aqc"), false, &source, &err) !=
        AMPQL_OK)
        fail_msg("%s", err.message);
    return source;
}

static const char *const keep_ns[] = {"ns"}, *const keep_other[] = {"other", "prod"};

static const struct kept {
    struct redact_options options;
    const char *text; /* of "up", as collect.h has it */
    uint64_t nvalues; /* with that of the source's name */
} kept[] = {
    /* the same value has one token in every label */
    {{0},
     "up{POD=\"POD\", instance=\"" TOKEN_TEN "\", ns=\"" TOKEN_TEST "\"} 1@60000 2@120000\n"
     "up{le=\"0.5\", node=\"" TOKEN_TEN "\", ns=\"" TOKEN_PROD "\"} 1@60000 2@120000\n"
     "up{ns=\"" TOKEN_OTHER "\"} 1@60000 2@120000\n",
     5},
    {{.keep_labels = keep_ns, .nkeep_labels = 1},
     "up{POD=\"POD\", instance=\"" TOKEN_TEN "\", ns=\"test\"} 1@60000 2@120000\n"
     "up{le=\"0.5\", node=\"" TOKEN_TEN "\", ns=\"prod\"} 1@60000 2@120000\n"
     "up{ns=\"other\"} 1@60000 2@120000\n",
     2},
    {{.keep_values = keep_other, .nkeep_values = 2},
     "up{POD=\"POD\", instance=\"" TOKEN_TEN "\", ns=\"" TOKEN_TEST "\"} 1@60000 2@120000\n"
     "up{le=\"0.5\", node=\"" TOKEN_TEN "\", ns=\"prod\"} 1@60000 2@120000\n"
     "up{ns=\"other\"} 1@60000 2@120000\n",
     3},
    /* in order: "", 0.5, 10, POD, three that symbols begin with, a test, le, other, prod, ... */
    {{.keeps_order = true},
     "up{POD=\"POD\", instance=\"r_00000002_7ee28ebb12021b2f\", "
     "ns=\"r_0000000b_0dedc8e02db9a7ad\"} 1@60000 2@120000\n"
     "up{le=\"0.5\", node=\"r_00000002_7ee28ebb12021b2f\", ns=\"r_0000000a_039529a5b39650c9\"} "
     "1@60000 2@120000\n"
     "up{ns=\"r_00000009_548807d0b2d8d835\"} 1@60000 2@120000\n",
     5},
};

static void test_values(void **state)
{
    (void)state;
    write_key(KEY);
    make(NULL, three);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        struct ampql_matcher matchers[16];
        struct ampql_select select = collect_raw("up", matchers, 0, MINUTES(5));
        struct collect c;
        struct ampql_error err = {0};
        enum ampql_code code;
        assert_int_equal(redact_well(kept[i].options).values, kept[i].nvalues);
        struct ampql_source *source = open_redacted();
        collect_init(&c, &alloc_default, false);
        assert_string_equal(collect_select(&c, source, &select, &code, &err), kept[i].text);
        collect_done(&c);
        source_free(source);
    }
}

/* Where it comes from and what was warned of are tokens, too; the map undoes it. */
static void test_head(void **state)
{
    (void)state;
    struct capture capture;
    struct ampql_error err = {0};
    struct stat st;
    write_key(KEY);
    captures_answers(scratch_path("a.aqc"));
    redact_well((struct redact_options){.map_file = scratch_path("map")});
    assert_int_equal(capture_open(&capture, &alloc_default, scratch_path("b.aqc"), &err), AMPQL_OK);
    assert_true(str_equal(capture.origin.source, STR("redacted r_ad1152ad9f6d76fd")));
    assert_true(capture.origin.redaction.is_redacted);
    assert_int_equal(capture.entries.n, 5);
    for (size_t i = 0; i < capture.entries.n; i++) {
        const struct capture_entry *entry = &capture.entries.at[i];
        for (size_t w = 0; w < entry->nwarnings; w++)
            assert_true(str_has_prefix(entry->warnings[w], STR("a warning, redacted: r_")));
        assert_int_equal(entry->billed, entry->held.kind == AMPQL_SELECT_RAW ? 1234567 : 0);
    }
    capture_done(&capture);
    assert_memory_equal(scratch_read(scratch_path("map")), "token,value\n", 12);
    assert_non_null(strstr(scratch_read(scratch_path("map")), "\nr_ad1152ad9f6d76fd,a test\n"));
    assert_int_equal(stat(scratch_path("map"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    unlink(scratch_path("map"));
}

/* A regex that matched more values than tokens fit in one: nobody could ask by that. */
static void test_too_long(void **state)
{
    (void)state;
    enum { MANY = REGEX_MAX_BYTES / 19 + 1 }; /* a token and what stands between two */
    static char labels[MANY][16];
    static struct captured series[MANY];
    struct matcher matchers[] = {{STR("__name__"), MATCH_EQUAL, STR("up")},
                                 {STR("ns"), MATCH_REGEX, STR("n.*")}};
    struct capture_entry entry = {.held = {.matchers = {matchers, 2}, .upto_ms = MINUTES(5)}};
    for (size_t i = 0; i < MANY; i++) {
        snprintf(labels[i], sizeof labels[i], "ns=n%zu", i);
        series[i] = (struct captured){"up", labels[i], {t, v, 1}};
    }
    for (size_t n = MANY - 1; n <= MANY; n++) {
        struct capture_log log;
        captures_begin(&log, scratch_path("a.aqc"), AMPQL_SOURCE_ANSWERS, AMPQL_PROM3);
        captures_append(&log, &entry, series, n);
        captures_finish(&log);
        assert_int_equal(redact_well((struct redact_options){0}).too_long, n == MANY);
        struct capture capture;
        struct ampql_error err = {0};
        struct regex *regex = NULL;
        assert_int_equal(capture_open(&capture, &alloc_default, scratch_path("b.aqc"), &err),
                         AMPQL_OK);
        assert_int_equal(capture.entries.n, n < MANY);
        for (size_t i = 0; i < capture.entries.n; i++) { /* __name__, ns */
            struct str listed = capture.entries.at[i].held.matchers.at[1].value;
            assert_int_equal(regex_new(&alloc_default, listed, REGEX_DOT_ALL, &regex, &err),
                             AMPQL_OK);
            assert_int_equal(regex_literals(regex), n);
            regex_free(regex);
        }
        capture_done(&capture);
    }
}

/* ---- nothing leaks */

#define SECRET "s3cret"

/* A capture with the word wherever words can be: values, every kind of matcher, warnings, and where
 * it is from. */
static void make_secrets(void)
{
    static const struct asked asked[] = {
        {"ns", MATCH_EQUAL, SECRET "-a"},           {"ns", MATCH_NOT_EQUAL, SECRET "-b"},
        {"ns", MATCH_REGEX, SECRET "-a|" SECRET},   {"ns", MATCH_NOT_REGEX, SECRET "-b|x"},
        {"ns", MATCH_REGEX, SECRET "-[a-c].*"},     {"ns", MATCH_NOT_REGEX, SECRET ".?"},
        {"ns", MATCH_REGEX, "nothing-" SECRET ".*"}};
    struct ampql_error err = {0};
    struct str warning = STR("the server warned of " SECRET);
    struct capture_origin origin = {.source = STR("https://" SECRET ".example/"),
                                    .caps = AMPQL_SOURCE_ANSWERS};
    struct capture_log log;
    assert_int_equal(
        capture_log_open(&log, &alloc_default, scratch_path("a.aqc"), &origin, false, &err),
        AMPQL_OK);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        struct matcher matchers[2] = {{STR("__name__"), MATCH_EQUAL, STR("up")}};
        matchers[1] = (struct matcher){str_of(asked[i].name), asked[i].op, str_of(asked[i].value)};
        struct capture_entry entry = {.held = {.matchers = {matchers, 2}, .upto_ms = MINUTES(5)},
                                      .warnings = &warning,
                                      .nwarnings = 1};
        captures_append(&log, &entry,
                        &(struct captured){"up", "ns=" SECRET "-a,pod=web-" SECRET "-0", {t, v, 2}},
                        i + 1 < sizeof asked / sizeof *asked);
    }
    captures_finish(&log);
}

/* How often a word is in the blocks of a capture, unpacked, and in the file's own bytes. */
static size_t count_word(const char *path, const char *word)
{
    struct capture capture;
    struct ampql_error err = {0};
    size_t found = 0, length = strlen(word);
    assert_int_equal(capture_open(&capture, &alloc_default, path, &err), AMPQL_OK);
    char *raw = malloc(capture.file.size);
    assert_non_null(raw);
    assert_int_equal(capture_file_read(&capture.file, 0, raw, capture.file.size, &err), AMPQL_OK);
    found += memmem(raw, capture.file.size, word, length) != NULL;
    free(raw);
    uint64_t at = CAPTURE_HEADER;
    while (at < capture.file.size - CAPTURE_TRAILER) {
        struct capture_block block;
        assert_int_equal(capture_read_block(&capture.file, at, &block, &err), AMPQL_OK);
        found += memmem(block.plain.p, bytes_left(&block.plain), word, length) != NULL;
        at += block.bytes;
    }
    capture_done(&capture);
    return found;
}

static void test_leaks(void **state)
{
    (void)state;
    write_key(KEY);
    make_secrets();
    assert_true(count_word(scratch_path("a.aqc"), SECRET) > 1);
    for (int keeps_order = 0; keeps_order < 2; keeps_order++) {
        struct redact_report report =
            redact_well((struct redact_options){.keeps_order = keeps_order});
        assert_int_equal(report.expanded, 2);
        assert_int_equal(report.dropped, 1);
        assert_int_equal(count_word(scratch_path("b.aqc"), SECRET), 0);
        assert_int_equal(count_word(scratch_path("b.aqc"), "web-"), 0);
        assert_int_equal(count_word(scratch_path("b.aqc"), "example"), 0);
        assert_int_equal(count_word(scratch_path("b.aqc"), KEY), 0);
        assert_true(count_word(scratch_path("b.aqc"), "r_") >
                    1); /* the search finds what is there */
    }
}

/* ---- asking a redacted capture */

static const struct question {
    const char *selector;
    const char *message; /* NULL: it is answered */
} questions[] = {
    {"up", NULL},
    {"up{ns=\"" TOKEN_PROD "\"}", NULL},
    {"up{ns=\"\"}", NULL},
    {"up{ns!=\"POD\"}", NULL},
    {"up{ns=~\".+\"}", NULL},
    {"up{ns=~\"" TOKEN_PROD "|" TOKEN_TEST "|\"}", NULL},
    {"up{le=~\"0.*\"}", NULL},
    {"up{ns=\"prod\"}",
     "b.aqc is redacted: it has tokens for the values of \"ns\", and cannot tell which are "
     "=\"prod\"; ask for tokens, such as \"r_0123456789abcdef\""},
    {"up{ns!=\"prod\"}", "cannot tell which are !=\"prod\""},
    {"up{ns=~\"pr.*\"}",
     "cannot tell which are =~\"pr.*\"; ask for tokens, such as \"r_0123456789abcdef\", or "
     "alternatives of them, or .+"},
    {"up{ns!~\"" TOKEN_PROD "|test\"}", "cannot tell which are !~"},
    {"up{ns=~\"r_.*\"}", "cannot tell which are =~\"r_.*\""},
    {"up{ns=\"r_0123456789abcdeg\"}", "cannot tell"},
    {"up{ns=\"r_0123456_0123456789abcdef\"}", "cannot tell"},
    {"up{ns=\"r_01234567_0123456789abcdef\"}", NULL},
};

static void test_questions(void **state)
{
    (void)state;
    struct collect c;
    write_key(KEY);
    make(NULL, three);
    redact_well((struct redact_options){0});
    struct ampql_source *source = open_redacted();
    collect_init(&c, &alloc_default, false);
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        const struct question *q = &questions[i];
        struct ampql_matcher matchers[16];
        struct ampql_select select = collect_raw(q->selector, matchers, 0, MINUTES(5));
        struct ampql_error err = {0};
        enum ampql_code code;
        const char *text = collect_select(&c, source, &select, &code, &err);
        if (q->message ? text || code != AMPQL_UNSUPPORTED || !strstr(err.message, q->message)
                       : !text)
            fail_msg("%s: expected %s, found %s", q->selector, q->message ? q->message : "answers",
                     err.message);
        if (text) {
            assert_int_equal(c.sink.warnings.n, 1);
            assert_true(str_has_prefix(c.sink.warnings.at[0], STR("label values are redacted")));
        }
    }
    collect_done(&c);
    source_free(source);
}

/* ---- refused */

static void refused(struct redact_options options, enum ampql_code code, const char *message)
{
    struct ampql_error err = {0};
    struct redact_report report;
    size_t n = scratch_count(scratch_folder);
    assert_int_equal(redact_with(&alloc_default, options, &report, &err), code);
    if (!strstr(err.message, message))
        fail_msg("expected %s, found %s", message, err.message);
    assert_int_equal(scratch_count(scratch_folder), n);
}

static void test_refusals(void **state)
{
    (void)state;
    static const char *const token[] = {TOKEN_PROD};
    char *long_key = malloc(70000);
    assert_non_null(long_key);
    memset(long_key, 'k', 69999);
    long_key[69999] = '\0';
    unlink(scratch_path("b.aqc"));
    make(NULL, three);
    write_key("fifteen bytes..\n");
    refused((struct redact_options){0}, AMPQL_BAD_DATA,
            "/key: a key of 15 bytes, expected 16 to 65536");
    write_key(long_key);
    refused((struct redact_options){0}, AMPQL_BAD_DATA,
            "/key: a key of at least 65538 bytes, expected 16 to 65536");
    free(long_key);
    unlink(scratch_path("key"));
    refused((struct redact_options){0}, AMPQL_NOT_FOUND, "/key: No such file or directory");
    write_key(KEY);
    refused((struct redact_options){.keep_values = token, .nkeep_values = 1}, AMPQL_BAD_DATA,
            "two values have the token " TOKEN_PROD);
    /* without its map it is not there either */
    refused((struct redact_options){.map_file = scratch_path("no/map")}, AMPQL_OUTPUT,
            "/no/map.new: No such file or directory");
    /* another name of what is read */
    assert_int_equal(link(scratch_path("a.aqc"), scratch_path("b.aqc")), 0);
    refused((struct redact_options){0}, AMPQL_BAD_DATA,
            "/b.aqc: the capture itself, expected another file: redaction cannot be undone");
    assert_int_equal(unlink(scratch_path("b.aqc")), 0);
    redact_well((struct redact_options){0});
    assert_int_equal(rename(scratch_path("b.aqc"), scratch_path("a.aqc")), 0);
    refused((struct redact_options){0}, AMPQL_BAD_DATA, "a.aqc: it is redacted already");
}

/* ---- memory */

static bool redact_works(const struct ampql_allocator *alc)
{
    struct ampql_error err = {0};
    struct redact_report report;
    enum ampql_code code = redact_with(
        alc, (struct redact_options){.keeps_order = true, .map_file = scratch_path("map")}, &report,
        &err);
    if (code != AMPQL_OK && code != AMPQL_NOMEM)
        fail_msg("%s", err.message);
    return code == AMPQL_OK;
}

static void test_memory(void **state)
{
    (void)state;
    write_key(KEY);
    captures_answers(scratch_path("a.aqc"));
    torture_all_lenient(redact_works);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matchers), cmocka_unit_test(test_values),
        cmocka_unit_test(test_head),     cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_leaks),    cmocka_unit_test(test_questions),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_drop);
}
