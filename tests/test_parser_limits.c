/* Texts that are deep, long or wide: refused at once, or parsed in time and memory that grow with
 * them. */
#include "lang/parser.h"
#include "support/ast_equal.h"
#include "support/parsed.h"
#include "support/signatures.h"
#include "support/test.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

static const struct parse_options prom3 = {.dialect = AMPQL_PROM3};
static const struct parse_options everything = {.experimental = true};

/* piece n times between head and tail */
static struct str repeat(const char *head, const char *piece, const char *tail, size_t n)
{
    size_t a = strlen(head), b = strlen(piece), c = strlen(tail);
    char *text = malloc(a + n * b + c + 1);
    assert_non_null(text);
    memcpy(text, head, a);
    for (size_t i = 0; i < n; i++)
        memcpy(text + a + i * b, piece, b);
    memcpy(text + a + n * b, tail, c + 1);
    return str_make(text, a + n * b + c);
}

static enum ampql_code code_of(struct str text, const struct parse_options *options)
{
    struct parsed parsed;
    parse_text(&parsed, text, options);
    enum ampql_code code = parsed.code;
    parsed_done(&parsed);
    return code;
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLOW_BUILD
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || !defined(__OPTIMIZE__)
#define SLOW_BUILD
#endif

/* Sanitizers and unoptimised code take many times as long. */
#ifdef SLOW_BUILD
enum { SLOWNESS = 20 };
#else
enum { SLOWNESS = 1 };
#endif

/* What would overflow a stack or take for ever ends at once. */
static void test_deep(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"", "(", ""},        {"", "-", "1"},           {"1", "+1", ""},    {"a", " or a", ""},
        {"1", "^1", ""},      {"", "sum(", "a"},        {"", "abs(", "a"},  {"a", "[5m:]", ""},
        {"", "1+(", ""},      {"a[", "(", "5m]"},       {"a[", "-", "5m]"}, {"a[5m", "+5m", "]"},
        {"a[5m", "^5m", "]"}, {"a offset ", "(", "5m"}, {"", "(-", "a"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str text =
            repeat(rows[i][0], rows[i][1], rows[i][2], ((1 << 20) - 20) / strlen(rows[i][1]));
        clock_t before = clock();
        if (code_of(text, &prom3) != AMPQL_LIMIT)
            fail_msg("row %zu was not refused for its depth", i);
        assert_true(clock() - before < SLOWNESS * CLOCKS_PER_SEC / 4);
        free((char *)text.p);
    }
}

/* What is wrong at once, or only at its end, is refused in no time either. */
static void test_long_refusals(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"a", "[5m]", ""},
        {"a", "[5m", ""},
        {"", "{", ""},
        {"a", "{}", ""},
        {"a{b=\"c\"", "}", ""},
        {"", ")", ""},
        {"", "]", ""},
        {"", "+-", ""},
        {"a", " offset 5m", ""},
        {"a", " @ 1", ""},
        {"a + ", "fill(", ""},
        {"a", " + fill(0) a", ""},
        {"a + ", "fill(1) ", ""},
        {"a", " anchored", " +"},
        {"a", " smoothed anchored", ""},
        {"a + on(b) ", "group_left ", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str text =
            repeat(rows[i][0], rows[i][1], rows[i][2], ((1 << 20) - 20) / strlen(rows[i][1]));
        clock_t before = clock();
        enum ampql_code code = code_of(text, &everything);
        if (code != AMPQL_PARSE && code != AMPQL_LIMIT)
            fail_msg("row %zu ended as %d", i, (int)code);
        assert_true(clock() - before < SLOWNESS * CLOCKS_PER_SEC / 5);
        free((char *)text.p);
    }
}

static void test_depth_is_exact(void **state)
{
    (void)state;
    const struct parse_options options = {.max_depth = 10};
    struct str nine = repeat("", "(", "1)))))))))", 9), ten = repeat("", "(", "1", 10);
    assert_int_equal(code_of(nine, &options), AMPQL_OK);
    assert_int_equal(code_of(ten, &options), AMPQL_LIMIT);
    assert_int_equal(code_of(STR("1^1^1^1^1^1^1^1^1^1"), &options), AMPQL_OK);
    assert_int_equal(code_of(STR("1^1^1^1^1^1^1^1^1^1^1"), &options), AMPQL_LIMIT);
    /* a chain is one level, whatever is between its operators */
    assert_int_equal(code_of(STR("1+1-1*1+1*1/1-1 == bool 1+1+1+1+1+1"), &options), AMPQL_OK);
    assert_int_equal(code_of(STR("1+((((((((1))))))))+1"), &options), AMPQL_OK);
    assert_int_equal(code_of(STR("1+1+(((((((((1)))))))))"), &options), AMPQL_LIMIT);
    free((char *)nine.p);
    free((char *)ten.p);
}

/* A chain may be long: as many operators as are counted, and no more. */
static void test_chain(void **state)
{
    (void)state;
    enum { MOST = 65536 };
    static const char *const rows[][2] = {{"1", "+1"}, {"a", " or a"}, {"a", " + a"}, {"1", "-1"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str most = repeat(rows[i][0], rows[i][1], "", MOST);
        struct str over = repeat(most.p, rows[i][1], "", 1);
        clock_t before = clock();
        assert_int_equal(code_of(most, &prom3), AMPQL_OK);
        assert_int_equal(code_of(over, &prom3), AMPQL_LIMIT);
        assert_true(clock() - before < SLOWNESS * 2 * CLOCKS_PER_SEC);
        free((char *)most.p);
        free((char *)over.p);
    }
}

static void test_length(void **state)
{
    (void)state;
    const struct parse_options options = {.max_bytes = 5};
    assert_int_equal(code_of(STR("abcde"), &options), AMPQL_OK);
    assert_int_equal(code_of(STR("abcdef"), &options), AMPQL_LIMIT);
    struct str large = repeat("a", " ", "", 1 << 20);
    assert_int_equal(code_of(large, &prom3), AMPQL_LIMIT);
    free((char *)large.p);
}

/* Time and memory grow with the text, not with its square: wide inputs of a mebibyte. */
static void test_wide(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"sum by (a", ",a", ") (x)"},
        {"{a=\"b\"", ",a=\"b\"", "}"},
        {"label_join(x,\"\",\"\"", ",\"\"", ")"},
        {"a + on(a", ",a", ") b"},
        {"\"", "\\n", "\""},
        {"a #", "#", "\n"},
        {"a", " ", ""},
        {"", "a", ""},
        {"label_join(x,\"\",\"\"", ",(\"\")", ")"},
    };
    enum { BYTES_EACH = 400 };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str text =
            repeat(rows[i][0], rows[i][1], rows[i][2], ((1 << 20) - 40) / strlen(rows[i][1]));
        struct arena arena;
        struct ast *ast;
        struct ampql_error err = {0};
        struct parse_options options = {.find_function = signatures_find};
        arena_init(&arena, &alloc_default);
        clock_t before = clock();
        if (parse_expr(text, &options, &arena, &ast, &err) != AMPQL_OK)
            fail_msg("row %zu: %s", i, err.message);
        assert_true(clock() - before < SLOWNESS * 2 * CLOCKS_PER_SEC);
        assert_true(arena.total <= BYTES_EACH * text.n);
        arena_done(&arena);
        free((char *)text.p);
    }
    struct str square = repeat("a + on(", "a,", ") group_left(", 1000);
    struct str text = repeat(square.p, "b,", ") c", 1000);
    assert_int_equal(code_of(text, &prom3), AMPQL_LIMIT);
    free((char *)square.p);
    free((char *)text.p);
}

/* The deepest trees fit in a small thread's stack: parse, check, print, compare. */
static void *walk_deep(void *unused)
{
    (void)unused;
    static const char *const rows[][3] = {
        {"", "(", "1"},
        {"", "-", "a"},
        {"a", "^a", ""},
        {"", "sum(", "{a=~\"b.*c|d+\"}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool closes = strchr(rows[i][1], '(') != NULL;
        struct str open = repeat(rows[i][0], rows[i][1], rows[i][2], 255);
        struct str text = repeat(open.p, ")", "", closes ? 255 : 0);
        struct parsed parsed;
        parse_text(&parsed, text, &prom3);
        assert_non_null(parsed.ast);
        assert_int_equal(parsed.ast->height, 256);
        assert_prints_back(parsed.ast, &prom3);
        parsed_done(&parsed);
        free((char *)open.p);
        free((char *)text.p);
    }
    struct str chain = repeat("a", " + a", "", 500);
    struct parsed parsed;
    parse_text(&parsed, chain, &prom3);
    assert_non_null(parsed.ast);
    assert_int_equal(parsed.ast->height, 2);
    assert_prints_back(parsed.ast, &prom3);
    parsed_done(&parsed);
    free((char *)chain.p);
    return NULL;
}

/* Frames of a sanitizer and of unoptimised code are several times as large. */
#ifdef SLOW_BUILD
enum { STACK = 2 << 20 };
#else
enum { STACK = 192 << 10 };
#endif

static void test_small_stack(void **state)
{
    (void)state;
    pthread_t thread;
    pthread_attr_t attr;
    assert_int_equal(pthread_attr_init(&attr), 0);
    assert_int_equal(pthread_attr_setstacksize(&attr, STACK), 0);
    assert_int_equal(pthread_create(&thread, &attr, walk_deep, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attr);
}
static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_deep),           cmocka_unit_test(test_long_refusals),
    cmocka_unit_test(test_depth_is_exact), cmocka_unit_test(test_chain),
    cmocka_unit_test(test_length),         cmocka_unit_test(test_wide),
    cmocka_unit_test(test_small_stack),
};
TEST_MAIN(tests)
