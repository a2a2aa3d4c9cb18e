/* What reaches a terminal: label values cannot drive it, however they are cut; and words that are
 * nearly right are recognised. */
#include "cli/escape.h"
#include "cli/output.h"
#include "cli/table.h"
#include "tool/suggest.h"

#include "support/test.h"
#include "support/torture.h"

#include <stdlib.h>

static const struct row {
    const char *text;
    const char *escaped; /* in a table; "\"" and "\\" stay */
    const char *quoted;  /* as Go's %q; NULL: escaped, in quotes */
} rows[] = {
    {"", "", NULL},
    {"plain text_1-2", "plain text_1-2", NULL},
    {"a\"b\\c", "a\"b\\c", "\"a\\\"b\\\\c\""},
    {"a\nb\tc\rd\ae", "a\\nb\\tc\\rd\\ae", NULL},
    {"\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m", NULL},
    {"\x7f", "\\x7f", NULL},
    {"Zürich 東京 😀", "Zürich 東京 😀", NULL},
    {"\xc2\x9b"
     "31m",
     "\\u009b31m", NULL}, /* C1: a CSI in two bytes */
    {"a\xe2\x80\xae"
     "b",
     "a\\u202eb", NULL}, /* right-to-left override */
    {"a\xe2\x81\xa6"
     "b",
     "a\\u2066b", NULL},                                /* isolate */
    {"\xef\xbb\xbfx", "\\ufeffx", NULL},                /* byte order mark */
    {"\xff\xfe", "\\xff\\xfe", NULL},                   /* not UTF-8 */
    {"\xc0\x80", "\\xc0\\x80", NULL},                   /* NUL spelt too long */
    {"\xe0\x80\x9b", "\\xe0\\x80\\x9b", NULL},          /* too long */
    {"\xed\xa0\x80", "\\xed\\xa0\\x80", NULL},          /* a surrogate */
    {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", NULL}, /* past U+10FFFF */
    {"ab\xe2\x80", "ab\\xe2\\x80", NULL},               /* cut by the end */
};

static void escapes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf plain, quoted;
        char expected[128];
        buf_init(&plain, &alloc_default, 4096);
        buf_init(&quoted, &alloc_default, 4096);
        escape_str(&plain, str_of(rows[i].text));
        print_quoted(&quoted, str_of(rows[i].text));
        if (!str_equal(buf_view(&plain), str_of(rows[i].escaped)))
            fail_msg("row %zu: %.*s", i, STR_ARGS(buf_view(&plain)));
        snprintf(expected, sizeof expected, "\"%s\"", rows[i].escaped);
        if (!str_equal(buf_view(&quoted), str_of(rows[i].quoted ? rows[i].quoted : expected)))
            fail_msg("row %zu: %.*s", i, STR_ARGS(buf_view(&quoted)));
        buf_done(&plain);
        buf_done(&quoted);
    }
}

/* What a terminal is sent when text arrives in two pieces, cut at `at`. */
static void send(const char *text, size_t at, bool is_tty, char *sent, size_t size)
{
    struct output out;
    FILE *file = tmpfile();
    assert_non_null(file);
    output_init(&out, file, is_tty);
    output_bytes(&out, text, at);
    output_bytes(&out, text + at, strlen(text) - at);
    fflush(file);
    rewind(file);
    sent[fread(sent, 1, size - 1, file)] = '\0';
    assert_true(output_close(&out));
}

static void terminal_gets_the_same_however_cut(void **state)
{
    static const char text[] = "a\x1b[2J\tb\n東\xe2\x80\xae\xff\xe2\x82x\xf0\x9f\x98\x80.";
    static const char expected[] = "a\\x1b[2J\tb\n東\\u202e\\xff\\xe2\\x82x\xf0\x9f\x98\x80.";
    char sent[256];
    (void)state;
    for (size_t at = 0; at < sizeof text; at++) {
        send(text, at, true, sent, sizeof sent);
        assert_string_equal(sent, expected);
        send(text, at, false, sent, sizeof sent); /* a pipe gets the bytes as they are */
        assert_string_equal(sent, text);
    }
}

static void full_device_is_an_error(void **state)
{
    struct output out;
    FILE *file = fopen("/dev/full", "w");
    (void)state;
    if (!file)
        skip();
    output_init(&out, file, false);
    output_text(&out, "data");
    assert_false(output_close(&out));
    assert_int_not_equal(out.error, 0);
}

static bool print_tortured(const struct ampql_allocator *alc)
{
    struct arena arena;
    struct table table;
    struct output out;
    FILE *file = tmpfile();
    char sent[256];
    static const char expected[] = "NAME    VALUE\n"
                                   "東\\n         1\n"
                                   "longer  -12.5\n"
                                   "-------------\n"
                                   "sum     -11.5\n";
    assert_non_null(file);
    arena_init(&arena, alc);
    table_init(&table, &arena, 2);
    table_head(&table, 0, STR("NAME"), false);
    table_head(&table, 1, STR("VALUE"), true);
    table_text(&table, "東\n");
    table_text(&table, "1");
    table_text(&table, "longer");
    table_text(&table, "-12.5");
    table_text(&table, "sum");
    table_text(&table, "-11.5");
    table.nrows_total = 1;
    output_init(&out, file, false);
    bool ok = table_print(&table, &out);
    fflush(file);
    rewind(file);
    sent[fread(sent, 1, sizeof sent - 1, file)] = '\0';
    assert_string_equal(sent, ok ? expected : "");
    assert_true(output_close(&out));
    arena_done(&arena);
    return ok;
}

static void tables_survive_without_memory(void **state)
{
    (void)state;
    assert_true(torture_all(print_tortured) > 0);
}

static void suggests(void **state)
{
    static const char *const known[] = {"rate", "irate", "increase", "sum_over_time", "abs"};
    static const char *const cases[][2] = {
        {"rat", "rate"},
        {"raet", "rate"},
        {"incraese", "increase"},
        {"absx", "abs"},
        {"sum_over", "sum_over_time"},
        {"xyz", NULL},
        {"", NULL},
        {"a", NULL},
        {"completely_different", NULL},
        {"rate", "rate"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct suggest suggest = {.word = str_of(cases[i][0])};
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            suggest_try(&suggest, known[k]);
        if (!cases[i][1])
            assert_null(suggest.best);
        else if (!suggest.best)
            fail_msg("nothing for %s", cases[i][0]);
        else
            assert_string_equal(suggest.best, cases[i][1]);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(escapes),
    cmocka_unit_test(terminal_gets_the_same_however_cut),
    cmocka_unit_test(full_device_is_an_error),
    cmocka_unit_test(tables_survive_without_memory),
    cmocka_unit_test(suggests),
};
TEST_MAIN(tests)
