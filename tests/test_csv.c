/* CSV of samples: what is read, and lines that are refused. */
#include "support/collect.h"
#include "support/test.h"
#include "support/torture.h"

#include "source/csv.h"

#define HEAD "metric,labels,timestamp,value\n"

static const struct row {
    const char *text;
    const char *expected; /* the series; */
    const char *message;  /* or the whole message */
    enum ampql_code code;
    bool has_ends, last_wins;
} rows[] = {
    {HEAD, .expected = ""},
    {HEAD "up,{},1.5,1\n", .expected = "up{} 1@1500\n"},
    {HEAD "up,\"{\"\"job\"\":\"\"a, b\"\"}\",1,1\nup,\"{\"\"job\"\":\"\"a, b\"\"}\",2,NaN\r\n",
     .expected = "up{job=\"a, b\"} 1@1000 NaN@2000\n"},
    {HEAD "\"up\",{},\"-1\",\"+Inf\"\n,{},3,-0\n", .expected = "{} -0@3000\nup{} +Inf@-1000\n"},
    {HEAD "a\"\"\n",
     .message = "f:2:1: a quote inside a field that does not begin with one: \"a\\\"\\\"\"",
     .code = AMPQL_BAD_DATA},
    {HEAD "\"a\"\"\",{},0,1\n", .expected = "a\"{} 1@0\n"},
    {HEAD "up,\"{\"\"a\"\":\"\"\\n\"\",\"\"b\"\":\"\"\"\"}\",0,1\n",
     .expected = "up{a=\"\n\"} 1@0\n"},
    /* the same two fields, and others that begin as they do */
    {HEAD "up,{},2,2\nup,{},1,1\nupper,{},1,1\nup,{},1,1\nup, {},3,3\n",
     .expected = "up{} 1@1000 2@2000 3@3000\nupper{} 1@1000\n"},
    {HEAD "up,{},1,1\nup,{},1.060,stale\n", .expected = "up{} 1@1000 stale@1060\n",
     .has_ends = true},
    {HEAD "up,{},1,1\nup,{},1,2\n", .expected = "up{} 2@1000\n", .last_wins = true},
    /* refused */
    {"", .message = "f:1: expected the head metric,labels,timestamp,value, found: \"\"",
     .code = AMPQL_BAD_DATA},
    {"metric,labels,value,timestamp\n", .code = AMPQL_BAD_DATA,
     .message = "f:1: expected the head metric,labels,timestamp,value, found: "
                "\"metric,labels,value,timestamp\""},
    {"metric,labels,timestamp,value",
     .message = "f:1: the last line has no line feed: the file is truncated",
     .code = AMPQL_BAD_DATA},
    {HEAD "up,{},1,1\nup,{},2,2",
     .message = "f:3: the last line has no line feed: the file is truncated",
     .code = AMPQL_BAD_DATA},
    {HEAD "up\n", .code = AMPQL_BAD_DATA,
     .message =
         "f:2:3: expected 4 fields, metric,labels,timestamp,value, found the end of the line "
         "after metric"},
    {HEAD "\n", .code = AMPQL_BAD_DATA,
     .message =
         "f:2:1: expected 4 fields, metric,labels,timestamp,value, found the end of the line "
         "after metric"},
    {HEAD "up,{},1,1,\n", .code = AMPQL_BAD_DATA,
     .message = "f:2:10: expected 4 fields, metric,labels,timestamp,value, found something behind "
                "value"},
    {HEAD "up,{},1,\"1\",\n", .code = AMPQL_BAD_DATA,
     .message = "f:2:12: expected 4 fields, metric,labels,timestamp,value, found something behind "
                "value"},
    {HEAD "\"up\"x,{},1,1\n", .code = AMPQL_BAD_DATA,
     .message = "f:2:5: expected 4 fields, metric,labels,timestamp,value, found something behind "
                "metric"},
    {HEAD "\"up\n\",{},1,1\n", .code = AMPQL_BAD_DATA,
     .message = "f:2:1: a quoted field does not end on its line: label values have a line break as "
                "\\n"},
    {HEAD "up,,1,1\n", .message = "f:2:4: labels: the document is empty", .code = AMPQL_BAD_DATA},
    {HEAD "up,[],1,1\n", .code = AMPQL_BAD_DATA,
     .message = "f:2:4: labels: expected a JSON object such as {\"job\":\"a\"}"},
    {HEAD "up,\"{\"\"a\"\":1}\",1,1\n", .code = AMPQL_BAD_DATA,
     .message = "f:2:4: labels: offset 5: expected a label value, as a string"},
    {HEAD "up,{}{},1,1\n", .code = AMPQL_BAD_DATA,
     .message = "f:2:4: labels: offset 2: unexpected"},
    {HEAD "up,\"{\"\"a\"\":\"\"1\"\",\"\"a\"\":\"\"2\"\"}\",1,1\n",
     .message = "f:2: a label name occurs twice: \"a\"", .code = AMPQL_BAD_DATA},
    {HEAD "up,\"{\"\"__name__\"\":\"\"x\"\"}\",1,1\n",
     .message = "f:2: a label name occurs twice: \"__name__\"", .code = AMPQL_BAD_DATA},
    {HEAD "up,{},x,1\n", .message = "f:2:7: not a timestamp in Unix seconds: \"x\"",
     .code = AMPQL_BAD_DATA},
    {HEAD "up,{},1709403009123,1\n", .code = AMPQL_BAD_DATA,
     .message = "f:2:7: not in the years 1 to 9999: timestamps are seconds, not ms: "
                "\"1709403009123\""},
    {HEAD "up,{},1,Stale\n", .message = "f:2:9: not a number: \"Stale\"", .code = AMPQL_BAD_DATA},
    {HEAD "up,{},1,\n", .message = "f:2:9: not a number: \"\"", .code = AMPQL_BAD_DATA},
    {HEAD ",{},\"\",\n", .code = AMPQL_BAD_DATA,
     .message = "f:2:5: not a timestamp in Unix seconds: \"\""},
    {HEAD "\"\",\"\",1,1\n", .code = AMPQL_BAD_DATA,
     .message = "f:2:4: labels: the document is empty"},
    {HEAD "up,{},1,1\nup,{},1,2\n", .message = "f:3: up{} has two values", .code = AMPQL_BAD_DATA},
    {HEAD "\xff,{},1,1\n", .message = "f:2: not valid UTF-8", .code = AMPQL_BAD_DATA},
};

static enum ampql_code read_bytes(const char *text, size_t piece_bytes, struct collect *c,
                                  struct store *store, bool *has_ends, struct ampql_error *err)
{
    struct bytes bytes = {text, strlen(text), 0};
    struct input input;
    TRY(input_init(&input, store->alc, "f", bytes_read, &bytes, 0, err));
    input.piece_bytes = piece_bytes;
    enum ampql_code code = csv_read(&input, store, has_ends, err);
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
    bool has_ends;
    collect_init(&c, &alloc_default, false);
    assert_int_equal(store_init(&store, &alloc_default, row->last_wins, &err), AMPQL_OK);
    enum ampql_code code = read_bytes(row->text, piece_bytes, &c, &store, &has_ends, &err);
    if (code != row->code || (code != AMPQL_OK && !strstr(err.message, row->message)))
        fail_msg("%s\npieces of %zu: %d %s", row->text, piece_bytes, code, err.message);
    if (code == AMPQL_OK) {
        assert_string_equal(c.text.n ? c.text.p : "", row->expected);
        assert_int_equal(has_ends, row->has_ends);
    }
    store_done(&store);
    collect_done(&c);
}

static void test_texts(void **state)
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
    const struct row *row = payload;
    struct ampql_error err = {0};
    struct collect c;
    struct store store;
    bool has_ends;
    collect_init(&c, alc, false);
    enum ampql_code code = store_init(&store, alc, row->last_wins, &err);
    if (code == AMPQL_OK) {
        code = read_bytes(row->text, 3, &c, &store, &has_ends, &err);
        store_done(&store);
    }
    collect_done(&c);
    if (code != row->code && code != AMPQL_NOMEM)
        fail_msg("%s: %d %d %s", row->text, code, err.code, err.message);
    return code != AMPQL_NOMEM;
}

static void test_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        torture_with(read_works, (void *)(uintptr_t)&rows[i], true);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_texts),
    cmocka_unit_test(test_memory),
};
TEST_MAIN(tests)
