/* tsdb dumps: Go's escapes, names in quotes, NaN that stays NaN. */
#include "support/collect.h"
#include "support/test.h"
#include "support/torture.h"

#include "source/dump.h"

static const struct row {
    const char *text;
    const char *expected; /* the series; */
    const char *message;  /* or a part of the message */
    enum ampql_code code;
    bool skip_histograms;
} rows[] = {
    {"", .expected = ""},
    {"{__name__=\"up\", job=\"a\"} 1 1709403009123\n{__name__=\"up\", job=\"a\"} NaN "
     "1709403069123\n",
     .expected = "up{job=\"a\"} 1@1709403009123 NaN@1709403069123\n"},
    {"{} 1e+06 -7\n", .expected = "{} 1000000@-7\n"},
    {"{__name__=\"m\", a=\"q\\\"\\\\\\n\\t\\x41\\u00e9\\U0001f600\\101\"} -Inf 0\n\n",
     .expected = "m{a=\"q\"\\\n\tA\xc3\xa9\xf0\x9f\x98\x80"
                 "A\"} -Inf@0\n"},
    {"{\"A.b\"=\"1\", __name__=\"m.n\"} 2 5\n", .expected = "m.n{A.b=\"1\"} 2@5\n"},
    {"{__name__=\"m\"} {count:3, sum:5, [1,2):1} 5\n{__name__=\"m\"} 1 6\n",
     .expected = "m{} 1@6\n", .skip_histograms = true},
    {"{__name__=\"m\"} 1 9223372036854775807\n", .expected = "m{} 1@9223372036854775807\n"},
    {"{__name__=\"m\"} {count:3, sum:5, [1,2):1} 5\n",
     .message = "d:1:16: m{} has native histogram samples", .code = AMPQL_UNSUPPORTED},
    {"{__name__=\"m\"} 1 9223372036854775808\n",
     .message = "d:1:18: not a timestamp in milliseconds", .code = AMPQL_BAD_DATA},
    {"{__name__=\"m\"} 1 1.5\n", .message = "d:1:18: not a timestamp in milliseconds: \"1.5\"",
     .code = AMPQL_BAD_DATA},
    {"{__name__=\"m\"} 1 -\n", .message = "d:1:18: not a timestamp", .code = AMPQL_BAD_DATA},
    {"{__name__=\"m\"} 1\n", .message = "d:1:17: a sample without a timestamp",
     .code = AMPQL_BAD_DATA},
    {"{__name__=\"m\"} 1 1 1\n", .message = "d:1:20: expected nothing behind",
     .code = AMPQL_BAD_DATA},
    {"{__name__=\"m\"} 1 1\n{__name__=\"m\"} 2 1\n",
     .message = "d:2: m{} has two values at 1970-01-01T00:00:00.001Z: 1 and 2",
     .code = AMPQL_BAD_DATA},
    {"{__name__=\"m\"} 1 1\n{__name__=\"m\"} 2 17", .message = "d:2: the last line",
     .code = AMPQL_BAD_DATA},
    {"# EOF\n", .message = "d:1:1: expected a metric name or {", .code = AMPQL_BAD_DATA},
    {"{a=\"\\q\"} 1 1\n", .message = "no such escape: \"\\\\q", .code = AMPQL_BAD_DATA},
    {"{a=\"\\ud800\"} 1 1\n", .message = "no such escape", .code = AMPQL_BAD_DATA},
    {"{a=\"\\x4\"} 1 1\n", .message = "no such escape", .code = AMPQL_BAD_DATA},
    {"{a=\"\\777\"} 1 1\n", .message = "no such escape", .code = AMPQL_BAD_DATA},
    {"{a=\"\\xff\"} 1 1\n", .message = "a label value is not valid UTF-8", .code = AMPQL_BAD_DATA},
};

static enum ampql_code read_row(const struct row *row, size_t piece_bytes, struct collect *c,
                                struct store *store, struct ampql_error *err)
{
    struct bytes bytes = {row->text, strlen(row->text), 0};
    struct input input;
    TRY(input_init(&input, c->text.alc, "d", bytes_read, &bytes, 0, err));
    input.piece_bytes = piece_bytes;
    enum ampql_code code = dump_read(&input, store, row->skip_histograms, err);
    if (code == AMPQL_OK)
        code = store_seal(store, err);
    if (code == AMPQL_OK && !collect_store(c, store))
        code = AMPQL_NOMEM;
    input_done(&input);
    return code;
}

static void run(const struct row *row, size_t piece_bytes)
{
    struct ampql_error err = {0};
    struct collect c;
    struct store store;
    collect_init(&c, &alloc_default, false);
    assert_int_equal(store_init(&store, &alloc_default, false, &err), AMPQL_OK);
    enum ampql_code code = read_row(row, piece_bytes, &c, &store, &err);
    if (code != row->code || (code != AMPQL_OK && !strstr(err.message, row->message)))
        fail_msg("%s\npieces of %zu: %d %s", row->text, piece_bytes, code, err.message);
    if (code == AMPQL_OK)
        assert_string_equal(c.text.p, row->expected);
    store_done(&store);
    collect_done(&c);
}

static void texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        run(&rows[i], INPUT_PIECE);
        run(&rows[i], 3);
        run(&rows[i], 1);
    }
}

static bool read_works(const struct ampql_allocator *alc, void *payload)
{
    struct ampql_error err = {0};
    struct collect c;
    struct store store;
    collect_init(&c, alc, false);
    enum ampql_code code = store_init(&store, alc, false, &err);
    if (code == AMPQL_OK) {
        code = read_row(payload, 3, &c, &store, &err);
        store_done(&store);
    }
    collect_done(&c);
    assert_true(code == AMPQL_OK || code == AMPQL_NOMEM);
    return code == AMPQL_OK;
}

static void torture(void **state)
{
    (void)state;
    for (size_t i = 1; i < 7; i++) {
        struct row row = rows[i];
        torture_with(read_works, &row, true);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(texts),
    cmocka_unit_test(torture),
};
TEST_MAIN(tests)
