/* OpenMetrics and Prometheus text: times in seconds or milliseconds, lines that are refused. */
#include "support/collect.h"
#include "support/test.h"
#include "support/torture.h"

#include "source/openmetrics.h"

#include <stdlib.h>

static const struct row {
    const char *text;
    const char *expected; /* the series; */
    const char *message;  /* or a part of the message */
    enum ampql_code code;
    bool needs_eof, skip_histograms, last_wins;
} rows[] = {
    {"", .expected = ""},
    {"# EOF", .expected = ""},
    {"# EOF\n", .expected = ""},
    {"\n\n  \n# a comment\n#\n# HELP x y\n", .expected = ""},
    /* Prometheus text: ms */
    {"up 1 1709403009123\nup{job=\"a\",} 0 1709403009124\r\n",
     .expected = "up{} 1@1709403009123\nup{job=\"a\"} 0@1709403009124\n"},
    {"# TYPE m counter\nm{a=\"\\\\ \\\" \\n \\x {}\"}\t+Inf\t-5\n",
     .expected = "m{a=\"\\ \" \n \\x {}\"} +Inf@-5\n"},
    {"m 1 1000\nm 2 2000\nm 1 1000\nm 3 1500\n", .expected = "m{} 1@1000 3@1500 2@2000\n"},
    {"m { a = \"b\" , c = \"\" } 1 1000\n", .expected = "m{a=\"b\"} 1@1000\n"},
    {"m 1 1000\nm 2 1000\n", .expected = "m{} 2@1000\n", .last_wins = true},
    {"m{a=\"1\"} 1 1000\nm 2 1000\nm{a=\"1\"} 2 2000\nm {a=\"1\"} 3 3000\nm 3 2000\nmm 1 1000\n",
     .expected = "m{} 2@1000 3@2000\nm{a=\"1\"} 1@1000 2@2000 3@3000\nmm{} 1@1000\n"},
    /* OpenMetrics: seconds */
    {"# TYPE a counter\n# UNIT a seconds\na_total 17 1520879607.789\na_created 1 1520430000.123\n# "
     "EOF\n",
     .expected = "a_created{} 1@1520430000123\na_total{} 17@1520879607789\n"},
    {"m 1 1\nm NaN 1.5\nm 3 2e0\n# EOF", .expected = "m{} 1@1000 NaN@1500 3@2000\n"},
    {"a_bucket{le=\"1.0\"} 11 1520879607 # {trace_id=\"KOO5S4vxi0o\"} 0.67 1520879607.7\n# EOF\n",
     .expected = "a_bucket{le=\"1.0\"} 11@1520879607000\n"},
    {"{\"with.dot\",\"b c\"=\"d\"} 1 1\n{__name__=\"n\",a=\"b\"} 1 1\n# EOF\n",
     .expected = "n{a=\"b\"} 1@1000\nwith.dot{b c=\"d\"} 1@1000\n"},
    {"m 1 1\n# EOF\n", .expected = "m{} 1@1000\n", .needs_eof = true},
    {"m {count:1,sum:2} 1\nx 1 1\n# EOF\n", .expected = "x{} 1@1000\n", .skip_histograms = true},
    /* refused */
    {"m {count:1,sum:2} 1\n# EOF\n", .message = "f:1:3: m{} has native histogram samples",
     .code = AMPQL_UNSUPPORTED},
    {"# x\n\nm 1\n", .message = "f:3:4: a sample without a timestamp", .code = AMPQL_BAD_DATA},
    {"m 1 # {a=\"b\"} 1\n# EOF\n", .message = "f:1:5: a sample without a timestamp",
     .code = AMPQL_BAD_DATA},
    {"m 1 1000\nm 1 20", .message = "f:2: the last line has no line feed", .code = AMPQL_BAD_DATA},
    {"m 1 1.5\nm 1 2\n", .message = "f:1: a timestamp with a fraction", .code = AMPQL_BAD_DATA},
    {"m 1 1\n", .message = "no \"# EOF\"", .code = AMPQL_BAD_DATA, .needs_eof = true},
    {"# TYPE m info\nm 1 1\n", .message = "f:1: this is OpenMetrics", .code = AMPQL_BAD_DATA},
    {"m 1 1 # {} 1\n", .message = "f:1: this is OpenMetrics", .code = AMPQL_BAD_DATA},
    {"m 1 1709403009123\n# EOF\n", .message = "f:1: a timestamp after the year 9999",
     .code = AMPQL_BAD_DATA},
    {"# EOF\nm 1 1\n", .message = "f:2: something follows", .code = AMPQL_BAD_DATA},
    {"# EOF\n\n", .message = "f:2: something follows", .code = AMPQL_BAD_DATA},
    {"m 1 1000\nm 2 1000\n", .message = "f:2: m{} has two values at \"1000\"",
     .code = AMPQL_BAD_DATA},
    {"m 1 2000\nm 3 1000\nm 2 2000\n",
     .message = "m{} has two values at 1970-01-01T00:00:02Z: 1 and 2", .code = AMPQL_BAD_DATA},
    {"m 1 1 2\n", .message = "f:1:7: expected nothing behind the timestamp, found \"2\"",
     .code = AMPQL_BAD_DATA},
    {"m x 1\n", .message = "f:1:3: not a number: \"x\"", .code = AMPQL_BAD_DATA},
    {"m 1_0\n", .message = "f:1:3: not a number: \"1_0\"", .code = AMPQL_BAD_DATA},
    {"m 0x1p1\n", .message = "f:1:3: not a number: \"0x1p1\"", .code = AMPQL_BAD_DATA},
    {"m\n", .message = "f:1:2: expected a value", .code = AMPQL_BAD_DATA},
    {"m 1 x\n", .message = "f:1:5: not a timestamp: \"x\"", .code = AMPQL_BAD_DATA},
    {"m 1 1e30\n", .message = "f:1:5: not a timestamp", .code = AMPQL_BAD_DATA},
    {"1m 1 1\n", .message = "f:1:1: expected a metric name or {, found \"1m 1 1\"",
     .code = AMPQL_BAD_DATA},
    {"m{a} 1 1\n", .message = "f:1:4: expected = after a label name", .code = AMPQL_BAD_DATA},
    {"m{a=b} 1 1\n", .message = "f:1:5: expected quotes, found \"b} 1 1\"", .code = AMPQL_BAD_DATA},
    {"m{a=\"b} 1 1\n", .message = "f:1:5: the quotes around a label value are not closed",
     .code = AMPQL_BAD_DATA},
    {"m{a=\"b\\\n", .message = "f:1:7: no such escape", .code = AMPQL_BAD_DATA},
    {"m{a=\"b\" c=\"d\"} 1 1\n", .message = "f:1:9: expected , or } after a label",
     .code = AMPQL_BAD_DATA},
    {"m{,} 1 1\n", .message = "f:1:3: expected a label name", .code = AMPQL_BAD_DATA},
    {"m{a=\"b\"", .message = "f:1: the last line", .code = AMPQL_BAD_DATA},
    {"m{a=\"b\"\n", .message = "found the end of the line", .code = AMPQL_BAD_DATA},
    {"m{a=\"b\",a=\"c\"} 1 1\n", .message = "f:1: a label name occurs twice: \"a\"",
     .code = AMPQL_BAD_DATA},
    {"m{\"\"=\"c\"} 1 1\n", .message = "f:1: a label name is empty", .code = AMPQL_BAD_DATA},
    {"m{__name__=\"n\"} 1 1\n", .message = "a label name occurs twice: \"__name__\"",
     .code = AMPQL_BAD_DATA},
    {"m{a=\"\xff\"} 1 1\n", .message = "f:1: not valid UTF-8", .code = AMPQL_BAD_DATA},
};

static enum ampql_code read_bytes(const struct row *row, const char *text, size_t n,
                                  size_t piece_bytes, struct collect *c, struct store *store,
                                  struct ampql_error *err)
{
    struct bytes bytes = {text, n, 0};
    struct input input;
    TRY(input_init(&input, c->text.alc, "f", bytes_read, &bytes, 0, err));
    input.piece_bytes = piece_bytes;
    struct openmetrics_options options = {row->needs_eof, row->skip_histograms};
    enum ampql_code code = openmetrics_read(&input, store, &options, err);
    if (code == AMPQL_OK)
        code = store_seal(store, err);
    if (code == AMPQL_OK && !collect_store(c, store))
        code = AMPQL_NOMEM;
    input_done(&input);
    return code;
}

static void run(const struct row *row, const char *text, size_t n, size_t piece_bytes)
{
    struct ampql_error err = {0};
    struct collect c;
    struct store store;
    collect_init(&c, &alloc_default, false);
    assert_int_equal(store_init(&store, &alloc_default, row->last_wins, &err), AMPQL_OK);
    enum ampql_code code = read_bytes(row, text, n, piece_bytes, &c, &store, &err);
    if (code != row->code || (code != AMPQL_OK && !strstr(err.message, row->message)))
        fail_msg("%.200s\npieces of %zu: %d %s", text, piece_bytes, code, err.message);
    if (code == AMPQL_OK && row->expected)
        assert_string_equal(c.text.p, row->expected);
    store_done(&store);
    collect_done(&c);
}

static void texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        run(&rows[i], rows[i].text, strlen(rows[i].text), INPUT_PIECE);
        run(&rows[i], rows[i].text, strlen(rows[i].text), 3);
        run(&rows[i], rows[i].text, strlen(rows[i].text), 1);
    }
    struct row nul = {.message = "f:2:6: a NUL byte", .code = AMPQL_BAD_DATA};
    run(&nul, "m 1 1\nm{a=\"\0\"} 1 1\n", 19, 5);
}

/* Readers that recurse once a skipped line have died of these. */
static void big(void **state)
{
    (void)state;
    size_t n = 10000000;
    char *text = malloc(n);
    assert_non_null(text);
    struct row blank = {.expected = ""}, comment = {.expected = ""};
    memset(text, '\n', n);
    run(&blank, text, n, INPUT_PIECE);
    for (size_t i = 0; i + 1 < n; i += 2)
        text[i] = '#';
    run(&comment, text, n, INPUT_PIECE);
    struct row line = {.message = "f:1: a line of more than", .code = AMPQL_LIMIT};
    memset(text, 'm', n);
    run(&line, text, n, INPUT_PIECE);
    memset(text, '{', n);
    run(&line, text, n, INPUT_PIECE);
    free(text);
}

static bool read_works(const struct ampql_allocator *alc, void *payload)
{
    const struct row *row = payload;
    struct ampql_error err = {0};
    struct collect c;
    struct store store;
    collect_init(&c, alc, false);
    enum ampql_code code = store_init(&store, alc, row->last_wins, &err);
    if (code == AMPQL_OK) {
        code = read_bytes(row, row->text, strlen(row->text), 3, &c, &store, &err);
        store_done(&store);
    }
    collect_done(&c);
    assert_true(code == AMPQL_OK || code == AMPQL_NOMEM);
    return code == AMPQL_OK;
}

static void torture(void **state)
{
    (void)state;
    for (size_t i = 4; i < 16; i++) {
        struct row row = rows[i];
        torture_with(read_works, &row, true);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(texts),
    cmocka_unit_test(big),
    cmocka_unit_test(torture),
};
TEST_MAIN(tests)
