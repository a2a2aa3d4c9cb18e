/* Saved API answers: every row is read whole, in pieces of 7 bytes and byte by byte. */
#include "support/collect.h"
#include "support/test.h"
#include "support/torture.h"

#include "source/answers.h"

#include <stdlib.h>

#define MATRIX(series)                                                                             \
    "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[" series "]}}"
#define VECTOR(series)                                                                             \
    "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[" series "]}}"
#define M "\"metric\":{\"__name__\":\"m\"}"

static const struct row {
    const char *body;
    const char *expected; /* the series; */
    const char *message;  /* or a part of the message */
    enum ampql_code code;
    bool skip_histograms;
} rows[] = {
    {MATRIX(""), .expected = ""},
    {VECTOR(""), .expected = ""},
    {MATRIX("{\"metric\":{\"__name__\":\"up\",\"job\":\"a\"},\"values\":[[1709403009.123,\"3.5\"],["
            "1709403010,\"NaN\"],"
            "[1709403011.5,\"+Inf\"],[1709403012,\"-Inf\"],[1709403013,\"1e-7\"]]}"),
     .expected =
         "up{job=\"a\"} 3.5@1709403009123 NaN@1709403010000 +Inf@1709403011500 -Inf@1709403012000 "
         "1e-07@1709403013000\n"},
    {VECTOR("{\"metric\":{},\"value\":[1.0005,\"-0\"]}"), .expected = "{} -0@1001\n"},
    /* keys in any order, unknown ones, series sorted */
    {" {\"infos\":[\"x\"],\"data\":{\"stats\":{\"a\":[1,{\"b\":null}]},\"result\":[{\"values\":[[2,"
     "\"2\"],[1,\"1\"]],\"x\":[[]],"
     "\"metric\":{\"b\":\"2\"}},{\"values\":[],\"metric\":{\"a\":\"1\"}},{\"metric\":{\"a\":\"0\"},"
     "\"values\":[[1,\"1\"]]}],"
     "\"resultType\":\"matrix\"},\"status\":\"success\",\"warnings\":null}\n",
     .expected = "{a=\"0\"} 1@1000\n{b=\"2\"} 1@1000 2@2000\n"},
    {MATRIX("{" M ",\"values\":[[1,\"1\"]]},{" M ",\"values\":[[1,\"1\"],[2,\"2\"]]}"),
     .expected = "m{} 1@1000 2@2000\n"},
    {MATRIX("{\"metric\":{\"a\":\"\"},\"values\":[[1,\"1\"]]}"), .expected = "{} 1@1000\n"},
    {MATRIX("{\"metric\":{\"\\u00e9\":\"a\\\\\\\"\\n\"},\"values\":[[1,\"1\"]]}"),
     .expected = "{\xc3\xa9=\"a\\\"\n\"} 1@1000\n"},
    {MATRIX("{" M ",\"values\":[[1,\"1\"]],\"histograms\":[[1,{\"count\":\"1\"}]]}"),
     "m{} 1@1000\n", .skip_histograms = true},
    {MATRIX("{" M ",\"histograms\":[[1,{\"count\":\"1\"}]]}"), "", .skip_histograms = true},
    /* refused by name */
    {MATRIX("{" M ",\"histograms\":[[1,{\"count\":\"1\"}]]}"), NULL,
     "m{} has native histogram samples", .code = AMPQL_UNSUPPORTED},
    {VECTOR("{\"histogram\":[1,{}]}"), NULL, "native histogram", .code = AMPQL_UNSUPPORTED},
    {"{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":[1,\"1\"]}}", NULL,
     "\"scalar\" answer", .code = AMPQL_UNSUPPORTED},
    {"{\"status\":\"success\",\"data\":{\"result\":[1,\"1\"],\"resultType\":\"scalar\"}}", NULL,
     "\"scalar\" answer", .code = AMPQL_UNSUPPORTED},
    {"{\"status\":\"success\",\"data\":{\"resultType\":\"string\",\"result\":[1,\"x\"]}}", NULL,
     "\"string\" answer", .code = AMPQL_UNSUPPORTED},
    {"{\"status\":\"success\",\"data\":{\"resultType\":\"streams\",\"result\":[]}}", NULL,
     "\"streams\" answer", .code = AMPQL_BAD_DATA},
    /* errors as answers */
    {"{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"query \\\"x\\\" failed\"}",
     NULL, "the answer is an error: \"execution\": \"query \\\"x\\\" failed\"",
     .code = AMPQL_BAD_DATA},
    {"{\"status\":\"error\",\"data\":null}", NULL, "the answer is an error",
     .code = AMPQL_BAD_DATA},
    {"{\"message\":\"The request signature we calculated\"}", NULL,
     "the answer is an error: \"The request", .code = AMPQL_BAD_DATA},
    {"{\"status\":\"success\",\"warnings\":[\"results truncated due to "
     "limit\"],\"data\":{\"resultType\":\"vector\",\"result\":[]}}",
     NULL, "not whole", .code = AMPQL_BAD_DATA},
    /* not answers */
    {"", NULL, "x.json: ", .code = AMPQL_BAD_DATA},
    {"null", NULL, "offset 0: expected an answer of the query API", .code = AMPQL_BAD_DATA},
    {"[]", NULL, "offset 0", .code = AMPQL_BAD_DATA},
    {"{}", NULL, "no \"status\"", .code = AMPQL_BAD_DATA},
    {"<html>502</html>", NULL, "x.json: offset 0", .code = AMPQL_BAD_DATA},
    {"{\"status\":\"success\"}", NULL, "no \"data\"", .code = AMPQL_BAD_DATA},
    {"{\"status\":\"success\",\"data\":[]}", NULL, "offset 27: expected the data",
     .code = AMPQL_BAD_DATA},
    {"{\"status\":\"success\",\"data\":{\"resultType\":\"vector\"}}", NULL, "no \"result\"",
     .code = AMPQL_BAD_DATA},
    {"{\"status\":\"success\",\"data\":{\"result\":[]}}", NULL, "no \"resultType\"",
     .code = AMPQL_BAD_DATA},
    {"{\"status\":1}", NULL, "expected a status", .code = AMPQL_BAD_DATA},
    {"{\"status\":\"fine\"}", NULL, "expected the status", .code = AMPQL_BAD_DATA},
    {"{\"status\":\"success\",\"status\":\"error\"}", NULL, "two \"status\"",
     .code = AMPQL_BAD_DATA},
    {VECTOR("{" M ",\"values\":[[1,\"1\"]]}"), NULL, "a vector whose series have \"values\"",
     .code = AMPQL_BAD_DATA},
    {MATRIX("{" M ",\"value\":[1,\"1\"]}"), NULL, "a matrix whose series have \"value\"",
     .code = AMPQL_BAD_DATA},
    /* truncated, or more than one document */
    {"{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[", NULL,
     "x.json: ", .code = AMPQL_BAD_DATA},
    {VECTOR("") "x", NULL, "offset 63", .code = AMPQL_BAD_DATA},
    {VECTOR("") VECTOR(""), NULL, "offset 63", .code = AMPQL_BAD_DATA},
    /* wrong types */
    {MATRIX("1"), NULL, "expected a series", .code = AMPQL_BAD_DATA},
    {MATRIX("{\"metric\":[],\"values\":[]}"), NULL, "an object with the labels",
     .code = AMPQL_BAD_DATA},
    {MATRIX("{\"metric\":{\"a\":1},\"values\":[]}"), NULL, "the value of a label",
     .code = AMPQL_BAD_DATA},
    {MATRIX("{\"metric\":{\"a\":\"1\",\"a\":\"2\"},\"values\":[]}"), NULL,
     "a label name occurs twice: \"a\"", .code = AMPQL_BAD_DATA},
    {MATRIX("{\"metric\":{\"\":\"1\"},\"values\":[]}"), NULL, "a label name is empty",
     .code = AMPQL_BAD_DATA},
    {MATRIX("{" M "," M ",\"values\":[]}"), NULL, "two \"metric\"", .code = AMPQL_BAD_DATA},
    {MATRIX("{" M ",\"values\":[],\"values\":[]}"), NULL, "two \"value\"", .code = AMPQL_BAD_DATA},
    {MATRIX("{" M "}"), NULL, "no \"value\"", .code = AMPQL_BAD_DATA},
    {MATRIX("{\"values\":[[1,\"1\"]]}"), NULL, "no \"metric\"", .code = AMPQL_BAD_DATA},
    {MATRIX("{" M ",\"values\":{}}"), NULL, "an array of [time, value]", .code = AMPQL_BAD_DATA},
    {MATRIX("{" M ",\"values\":[1,\"1\"]}"), NULL, "expected a [time, value] pair",
     .code = AMPQL_BAD_DATA},
    {MATRIX("{" M ",\"values\":[[\"1\",\"1\"]]}"), NULL, "expected a time in seconds",
     .code = AMPQL_BAD_DATA},
    {MATRIX("{" M ",\"values\":[[1,1]]}"), NULL, "expected a value, as a string",
     .code = AMPQL_BAD_DATA},
    {MATRIX("{" M ",\"values\":[[1,\"1\",2]]}"), NULL, "the end of a [time, value] pair",
     .code = AMPQL_BAD_DATA},
    {MATRIX("{" M ",\"values\":[[1,\"one\"]]}"), NULL, "not a number: \"one\"",
     .code = AMPQL_BAD_DATA},
    {MATRIX("{" M ",\"values\":[[1,\"1e400\"]]}"), NULL, "not a number", .code = AMPQL_BAD_DATA},
    {MATRIX("{" M ",\"values\":[[1e30,\"1\"]]}"), NULL, "out of range", .code = AMPQL_BAD_DATA},
    {MATRIX("{" M ",\"values\":[[1,\"1\"],[1,\"2\"]]}"), NULL,
     "m{} has two values at 1970-01-01T00:00:01Z: 1 and 2", .code = AMPQL_BAD_DATA},
    {MATRIX("{" M ",\"values\":[[1,\"1\"],[2,\"2\"],[1,\"3\"]]}"), NULL,
     "m{} has two values at 1970-01-01T00:00:01Z", .code = AMPQL_BAD_DATA},
    {MATRIX("{\"metric\":{\"a\":\"\xff\"},\"values\":[]}"), NULL, "x.json: offset",
     .code = AMPQL_BAD_DATA},
    {MATRIX("{\"metric\":{\"a\":\"\x01\"},\"values\":[]}"), NULL, "x.json: offset",
     .code = AMPQL_BAD_DATA},
};

static enum ampql_code read_row(const struct row *row, size_t piece_bytes, struct collect *c,
                                struct store *store, struct ampql_error *err)
{
    struct bytes bytes = {row->body, strlen(row->body), 0};
    struct input input;
    TRY(input_init(&input, c->text.alc, "x.json", bytes_read, &bytes, 0, err));
    input.piece_bytes = piece_bytes;
    struct answer answer;
    struct answer_options options = {.skip_histograms = row->skip_histograms};
    enum ampql_code code = answers_read(&input, store, &options, &answer, err);
    if (code == AMPQL_OK)
        code = store_seal(store, err);
    if (code == AMPQL_OK && !collect_store(c, store))
        code = AMPQL_NOMEM;
    input_done(&input);
    return code;
}

static void run_row(const struct row *row, size_t piece_bytes)
{
    struct ampql_error err = {0};
    struct collect c;
    struct store store;
    collect_init(&c, &alloc_default, false);
    assert_int_equal(store_init(&store, &alloc_default, false, &err), AMPQL_OK);
    enum ampql_code code = read_row(row, piece_bytes, &c, &store, &err);
    if (code != row->code || (code != AMPQL_OK && !strstr(err.message, row->message)))
        fail_msg("%s\npieces of %zu: %d %s", row->body, piece_bytes, code, err.message);
    if (code == AMPQL_OK)
        assert_string_equal(c.text.p, row->expected);
    store_done(&store);
    collect_done(&c);
}

static void bodies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        run_row(&rows[i], INPUT_PIECE);
        run_row(&rows[i], 7);
        run_row(&rows[i], 1);
    }
}

/* Every prefix of a good body is refused. */
static void prefixes(void **state)
{
    (void)state;
    const char *body = rows[4].body;
    size_t whole = strlen(body) - 1; /* without the line feed */
    for (size_t n = 0; n < whole; n++) {
        char *cut = strndup(body, n);
        struct row row = {cut, NULL, "x.json: ", AMPQL_BAD_DATA, false};
        run_row(&row, 5);
        free(cut);
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
        code = read_row(payload, 7, &c, &store, &err);
        store_done(&store);
    }
    collect_done(&c);
    assert_true(code == AMPQL_OK || code == AMPQL_NOMEM);
    return code == AMPQL_OK;
}

static void torture(void **state)
{
    (void)state;
    for (size_t i = 2; i < 9; i++) {
        struct row row = rows[i];
        torture_with(read_works, &row, true); /* a trim can be done without */
    }
}

static void time_of_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        struct answer expected;
    } vectors[] = {
        {VECTOR(""), {.has_time = false}},
        {VECTOR("{\"metric\":{},\"value\":[5,\"1\"]}"), {.has_time = true, .time_ms = 5000}},
        {VECTOR("{\"metric\":{},\"value\":[5,\"1\"]},{" M ",\"value\":[6,\"1\"]}"),
         {.has_time = true, .time_ms = 6000, .times_differ = true}},
        {MATRIX(""), {.is_matrix = true}},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct bytes bytes = {vectors[i].body, strlen(vectors[i].body), 0};
        struct input input;
        struct store store;
        struct answer answer;
        struct answer_options options = {.metric_name = STR("named")};
        assert_int_equal(store_init(&store, &alloc_default, false, NULL), AMPQL_OK);
        assert_int_equal(input_init(&input, &alloc_default, "x", bytes_read, &bytes, 0, NULL),
                         AMPQL_OK);
        assert_int_equal(answers_read(&input, &store, &options, &answer, NULL), AMPQL_OK);
        assert_int_equal(answer.is_matrix, vectors[i].expected.is_matrix);
        assert_int_equal(answer.has_time, vectors[i].expected.has_time);
        assert_int_equal(answer.time_ms, vectors[i].expected.time_ms);
        assert_int_equal(answer.times_differ, vectors[i].expected.times_differ);
        input_done(&input);
        store_done(&store);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(bodies),
    cmocka_unit_test(prefixes),
    cmocka_unit_test(time_of_vectors),
    cmocka_unit_test(torture),
};
TEST_MAIN(tests)
