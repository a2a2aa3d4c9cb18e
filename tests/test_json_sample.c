/* Samples that are read at once: every number text gives what the library gives, and a document
 * tells the same samples and offsets token by token. */
#include "base/json_sample.h"

#include "base/json.h"
#include "base/number.h"
#include "base/time.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBERS = 3000000, SAMPLES = 3000 };

static uint64_t state = 88172645463325252;

static uint64_t draw(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * UINT64_C(2685821657736338717) >> 11;
}

static size_t put_digits(char *out, size_t max)
{
    size_t n = draw() % (max + 1);
    for (size_t i = 0; i < n; i++)
        out[i] = (char)('0' + draw() % 10);
    return n;
}

/* Texts of numbers, or nearly: digits with a point anywhere, next to 2^53, what %.17g prints of any
 * bits, exponents, words, leading zeros. */
static size_t number_text(char *out)
{
    static const char *const words[] = {"NaN", "+Inf", "-Inf",    "0",   "-0",    "-",
                                        ".",   "1.",   ".5",      "1_0", "0x1p",  "1e5",
                                        "--1", "1..2", "",        "1 ",  "1e",    "00.1",
                                        "1-2", "\\n1", "-1.5e-7", "+5",  "1e400", "1e-400"};
    uint64_t bits = draw() << 11 ^ draw();
    double v;
    size_t n = 0;
    switch (draw() % 8) {
    case 0:
        return (size_t)sprintf(out, "%s", words[draw() % (sizeof words / sizeof *words)]);
    case 1:
        memcpy(&v, &bits, sizeof v);
        return (size_t)sprintf(out, "%.17g", v);
    case 2:
        return (size_t)sprintf(out, "%llu",
                               (unsigned long long)((UINT64_C(1) << 53) + draw() % 9 - 4));
    case 3:
        return (size_t)sprintf(out, "%.*f", (int)(draw() % 24), (double)(bits >> 32) / 4096);
    }
    if (draw() % 4 == 0)
        out[n++] = '-';
    n += put_digits(out + n, 1 + draw() % 26);
    if (draw() % 2) {
        out[n++] = '.';
        n += put_digits(out + n, 1 + draw() % 24);
    }
    if (draw() % 16 == 0)
        n += (size_t)sprintf(out + n, "e%d", (int)(draw() % 80) - 40);
    return n;
}

static void test_values(void **unused)
{
    (void)unused;
    size_t ntaken = 0;
    for (size_t i = 0; i < NUMBERS; i++) {
        char text[512], number[256];
        memset(text, '"', sizeof text);
        size_t n = number_text(number);
        memcpy(text, "[1700006400,\"", 13);
        memcpy(text + 13, number, n);
        memcpy(text + 13 + n, "\"]", 2);
        double want = 0, got = 0;
        int64_t t = 0;
        struct str value;
        bool is_number = number_parse(str_make(number, n), &want);
        const char *end = json_scan_sample(text, sizeof text, &t, &got, &value);
        if (!end) /* left to the reader; but what is short and valid is not */
            assert_false(is_number && n < 64);
        else if (!is_number || memcmp(&want, &got, sizeof got) != 0 || t != 1700006400000 ||
                 value.n != n || end != text + 15 + n)
            fail_msg("%.*s: %.17g instead of %.17g", (int)n, number, got, want);
        ntaken += end != NULL;
    }
    assert_true(ntaken > NUMBERS / 2);
}

static void test_times(void **unused)
{
    (void)unused;
    size_t ntaken = 0;
    for (size_t i = 0; i < NUMBERS / 4; i++) {
        char text[512], number[64];
        size_t n = draw() % 64 == 0 ? number_text(number) : put_digits(number, 13);
        if (draw() % 2) {
            number[n++] = '.';
            n += put_digits(number + n, 5);
        }
        memset(text, '"', sizeof text);
        int head = sprintf(text, "[%.*s,\"1\"]", (int)n, number);
        double v;
        int64_t want = 0, got = 0;
        struct str value;
        if (!json_scan_sample(text, sizeof text, &got, &v, &value))
            continue;
        ntaken++;
        assert_true(time_parse_seconds(str_make(number, n), &want));
        assert_int_equal(got, want);
        assert_int_equal(value.p + 3 - text, head);
        assert_true(number[0] >= '1' && number[0] <= '9'); /* else it is no JSON number */
        assert_true(number[n - 1] != '.');
    }
    assert_true(ntaken > NUMBERS / 64);
}

/* What a document says: each sample with the offset of its value, and the error at its end. */
struct told {
    int64_t t[SAMPLES];
    double v[SAMPLES];
    uint64_t at[SAMPLES];
    size_t n, ntaken;
    struct ampql_error err;
};

static void tell(const char *text, size_t n, bool at_once, struct told *out)
{
    struct json json;
    struct json_token token;
    *out = (struct told){0};
    assert_int_equal(json_init(&json, &alloc_default, (struct json_limits){0}, &out->err),
                     AMPQL_OK);
    json_feed(&json, text, n, true);
    assert_int_equal(json_next(&json, &token, &out->err), AMPQL_OK);
    for (;;) {
        while (at_once && json_take_sample(&json, &token, &out->t[out->n], &out->v[out->n])) {
            out->at[out->n++] = token.offset;
            out->ntaken++;
        }
        if (json_next(&json, &token, &out->err) != AMPQL_OK || token.kind == JSON_END)
            break;
        if (token.kind == JSON_NUMBER)
            assert_true(time_parse_seconds(token.text, &out->t[out->n]));
        if (token.kind == JSON_STRING && number_parse(token.text, &out->v[out->n]))
            out->at[out->n++] = token.offset;
    }
    json_done(&json);
}

static void test_documents(void **unused)
{
    (void)unused;
    static char text[SAMPLES * 64];
    static struct told one, other;
    for (size_t round = 0; round < 300; round++) {
        size_t n = 1;
        text[0] = '[';
        for (size_t i = 0; i < SAMPLES / 10; i++)
            n += (size_t)sprintf(text + n, "%s[%llu.%03u,%s\"%.*g\"]", i ? "," : "",
                                 (unsigned long long)(1700000000 + i), (unsigned)(draw() % 1000),
                                 draw() % 50 ? "" : " ", (int)(1 + draw() % 17),
                                 (double)draw() / 1e6);
        text[n++] = ']';
        if (round % 2) /* damaged somewhere */
            text[draw() % n] = "]}\",.-0x "[draw() % 9];
        tell(text, n, true, &one);
        tell(text, n, false, &other);
        if (round % 2 == 0)
            assert_true(one.n == SAMPLES / 10 && one.ntaken > one.n / 2);
        assert_int_equal(one.n, other.n);
        assert_memory_equal(one.t, other.t, one.n * sizeof *one.t);
        assert_memory_equal(one.v, other.v, one.n * sizeof *one.v);
        assert_memory_equal(one.at, other.at, one.n * sizeof *one.at);
        assert_string_equal(one.err.message, other.err.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
