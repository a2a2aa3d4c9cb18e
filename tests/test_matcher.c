/* Label matchers: bound to a run's symbols, and asked of series. */
#include "series/matcher.h"
#include "support/test.h"
#include "support/torture.h"

#include <stdio.h>
#include <string.h>

/* {job="api", instance="a:1\nb"} with __name__ up */
static struct labels make_series(struct symbols *symbols, struct label *label)
{
    label[0] = (struct label){symbols_intern(symbols, STR("instance")),
                              symbols_intern(symbols, STR("a:1\nb"))};
    label[1] =
        (struct label){symbols_intern(symbols, STR("job")), symbols_intern(symbols, STR("api"))};
    label[2] = (struct label){SYMBOL_NAME, symbols_intern(symbols, STR("up"))};
    return (struct labels){.at = label, .n = labels_sort(symbols, label, 3)};
}

static const struct row {
    const char *name;
    enum match_op op;
    const char *value;
    bool prom3, prom2;
} rows[] = {
    {"__name__", MATCH_EQUAL, "up", true, true},
    {"__name__", MATCH_EQUAL, "down", false, false},
    {"__name__", MATCH_REGEX, "u.", true, true},
    {"job", MATCH_EQUAL, "api", true, true},
    {"job", MATCH_NOT_EQUAL, "api", false, false},
    {"job", MATCH_NOT_EQUAL, "web", true, true},
    {"job", MATCH_REGEX, "api|web", true, true},
    {"job", MATCH_REGEX, "ap", false, false}, /* anchored */
    {"job", MATCH_NOT_REGEX, "a.*", false, false},
    {"job", MATCH_NOT_REGEX, "b.*", true, true},
    {"instance", MATCH_REGEX, "a.*b", true, false}, /* `.` and line feed */
    {"instance", MATCH_NOT_REGEX, "a.*b", false, true},
    {"absent", MATCH_EQUAL, "", true, true},
    {"absent", MATCH_NOT_EQUAL, "", false, false},
    {"absent", MATCH_NOT_EQUAL, "x", true, true},
    {"absent", MATCH_REGEX, "", true, true},
    {"absent", MATCH_REGEX, ".+", false, false},
    {"absent", MATCH_REGEX, "x|", true, true},
    {"absent", MATCH_NOT_REGEX, ".+", true, true},
    {"job", MATCH_EQUAL, "", false, false},
};

static void test_match(void **state)
{
    (void)state;
    struct symbols symbols;
    struct arena arena;
    struct label label[3];
    assert_true(symbols_init(&symbols, &alloc_default));
    arena_init(&arena, &alloc_default);
    struct labels series = make_series(&symbols, label);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct matcher m = {str_of(rows[i].name), rows[i].op, str_of(rows[i].value)};
        for (int dialect = AMPQL_PROM2; dialect <= AMPQL_PROM3; dialect++) {
            struct bound_matchers bound;
            bool expected = dialect == AMPQL_PROM3 ? rows[i].prom3 : rows[i].prom2;
            assert_int_equal(matchers_bind((struct matchers){&m, 1}, &symbols,
                                           (enum ampql_dialect)dialect, &arena, &bound, NULL),
                             AMPQL_OK);
            for (int again = 0; again < 2; again++) /* the second time from the memo */
                if (matchers_match(&bound, &symbols, series, &arena) != expected)
                    fail_msg("%s%s\"%s\" in dialect %d", rows[i].name, match_op_text(rows[i].op),
                             rows[i].value, dialect);
            assert_false(matchers_failed(&bound));
            matchers_unbind(&bound);
        }
    }
    arena_done(&arena);
    symbols_done(&symbols);
}

static void test_all_must_match(void **state)
{
    (void)state;
    struct symbols symbols;
    struct arena arena;
    struct label label[3];
    struct bound_matchers bound;
    assert_true(symbols_init(&symbols, &alloc_default));
    arena_init(&arena, &alloc_default);
    struct labels series = make_series(&symbols, label);
    struct matcher m[] = {{STR("job"), MATCH_EQUAL, STR("api")},
                          {STR("__name__"), MATCH_REGEX, STR("u[pq]")},
                          {STR("instance"), MATCH_NOT_EQUAL, STR("b:1")}};
    for (size_t n = 0; n <= 3; n++) { /* none at all: every series */
        assert_int_equal(
            matchers_bind((struct matchers){m, n}, &symbols, AMPQL_PROM3, &arena, &bound, NULL),
            AMPQL_OK);
        assert_true(matchers_match(&bound, &symbols, series, &arena));
        matchers_unbind(&bound);
    }
    m[1].value = STR("x");
    assert_int_equal(
        matchers_bind((struct matchers){m, 3}, &symbols, AMPQL_PROM3, &arena, &bound, NULL),
        AMPQL_OK);
    assert_false(matchers_match(&bound, &symbols, series, &arena));
    matchers_unbind(&bound);
    arena_done(&arena);
    symbols_done(&symbols);
}

static void test_bad_regex(void **state)
{
    (void)state;
    struct symbols symbols;
    struct arena arena;
    struct bound_matchers bound;
    struct ampql_error err = {0};
    struct matcher m[] = {{STR("a"), MATCH_REGEX, STR("[a]+")}, {STR("b"), MATCH_REGEX, STR("(")}};
    assert_true(symbols_init(&symbols, &alloc_default));
    arena_init(&arena, &alloc_default);
    assert_int_equal(
        matchers_bind((struct matchers){m, 2}, &symbols, AMPQL_PROM3, &arena, &bound, &err),
        AMPQL_PARSE);
    assert_string_equal(err.message, "error parsing regexp: missing closing ): `(`");
    matchers_unbind(&bound); /* frees the first */
    arena_done(&arena);
    symbols_done(&symbols);
}

static void test_equal(void **state)
{
    (void)state;
    struct matcher ab[] = {{STR("a"), MATCH_EQUAL, STR("1")}, {STR("b"), MATCH_REGEX, STR("2")}};
    struct matcher ba[] = {{STR("b"), MATCH_REGEX, STR("2")}, {STR("a"), MATCH_EQUAL, STR("1")}};
    struct matcher other[] = {{STR("a"), MATCH_EQUAL, STR("1")}, {STR("b"), MATCH_EQUAL, STR("2")}};
    struct matcher twice[] = {ab[0], ab[1], ab[0]};
    assert_true(matchers_equal((struct matchers){ab, 2}, (struct matchers){ba, 2}));
    assert_true(matchers_equal((struct matchers){ab, 2}, (struct matchers){twice, 3}));
    uint64_t hash = matchers_hash((struct matchers){ab, 2}); /* equal ones have the same */
    assert_true(hash == matchers_hash((struct matchers){ba, 2}));
    assert_true(hash == matchers_hash((struct matchers){twice, 3}));
    assert_true(hash != matchers_hash((struct matchers){ab, 1}));
    assert_true(matchers_equal((struct matchers){NULL, 0}, (struct matchers){NULL, 0}));
    assert_false(matchers_equal((struct matchers){ab, 2}, (struct matchers){ab, 1}));
    assert_false(matchers_equal((struct matchers){ab, 1}, (struct matchers){ab, 2}));
    assert_false(matchers_equal((struct matchers){ab, 2}, (struct matchers){other, 2}));
    assert_string_equal(match_op_text(MATCH_EQUAL), "=");
    assert_string_equal(match_op_text(MATCH_NOT_EQUAL), "!=");
    assert_string_equal(match_op_text(MATCH_REGEX), "=~");
    assert_string_equal(match_op_text(MATCH_NOT_REGEX), "!~");
}

/* Many values, so that the memo grows; a memo that cannot grow changes no answer. */
static bool match_many(const struct ampql_allocator *alc, bool *was_wrong)
{
    struct symbols symbols;
    struct arena arena;
    struct bound_matchers bound = {0};
    bool ok = false;
    if (!symbols_init(&symbols, alc))
        return false;
    arena_init(&arena, alc);
    struct matcher m[] = {{STR("v"), MATCH_REGEX, STR("[0-9]*[02468]")},
                          {STR("w"), MATCH_NOT_EQUAL, STR("x")}};
    if (matchers_bind((struct matchers){m, 2}, &symbols, AMPQL_PROM3, &arena, &bound, NULL) !=
        AMPQL_OK)
        goto done;
    for (int i = 0; i < 600; i++) {
        char text[16];
        struct str value = {text, (size_t)snprintf(text, sizeof text, "%d", i)};
        struct label label = {symbols_intern(&symbols, STR("v")), symbols_intern(&symbols, value)};
        if (label.name == SYMBOL_NONE || label.value == SYMBOL_NONE)
            goto done;
        struct labels series = {.at = &label, .n = 1};
        for (int again = 0; again < 2; again++)
            *was_wrong |= matchers_match(&bound, &symbols, series, &arena) != (i % 2 == 0);
    }
    ok = true;
done:
    matchers_unbind(&bound);
    arena_done(&arena);
    symbols_done(&symbols);
    return ok;
}

static bool match_many_rightly(const struct ampql_allocator *alc)
{
    bool was_wrong = false;
    bool ok = match_many(alc, &was_wrong);
    assert_false(was_wrong);
    return ok;
}

static void test_torture(void **state)
{
    (void)state;
    assert_true(torture_all_lenient(match_many_rightly) >= 8);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_match),     cmocka_unit_test(test_all_must_match),
    cmocka_unit_test(test_bad_regex), cmocka_unit_test(test_equal),
    cmocka_unit_test(test_torture),
};
TEST_MAIN(tests)
