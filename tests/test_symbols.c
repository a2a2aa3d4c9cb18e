/* Symbols, the hash index, and label sets over them. */
#include "base/hash.h"
#include "base/index.h"
#include "series/labels.h"
#include "support/test.h"
#include "support/torture.h"

#include <stdio.h>
#include <string.h>

static void test_symbols(void **state)
{
    (void)state;
    enum { N = 5000 };
    struct symbols symbols;
    assert_true(symbols_init(&symbols, &alloc_default));
    assert_int_equal(symbols_find(&symbols, STR("")), SYMBOL_EMPTY);
    assert_int_equal(symbols_find(&symbols, STR("__name__")), SYMBOL_NAME);
    assert_int_equal(symbols_find(&symbols, STR("le")), SYMBOL_LE);
    assert_int_equal(symbols_find(&symbols, STR("l")), SYMBOL_NONE);
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < N; i++) {
            char text[16];
            size_t n = (size_t)snprintf(text, sizeof text, "value-%u", i);
            assert_int_equal(symbols_intern(&symbols, str_make(text, n)), SYMBOL_FIRST_FREE + i);
        }
    }
    assert_int_equal(symbols.n, SYMBOL_FIRST_FREE + N);
    assert_true(str_equal(symbols_text(&symbols, SYMBOL_FIRST_FREE + 77), STR("value-77")));
    assert_true(symbols_text(&symbols, SYMBOL_EMPTY).p != NULL);
    symbol nul = symbols_intern(&symbols, STR("a\0b"));
    assert_int_not_equal(nul, symbols_intern(&symbols, STR("a\0c")));
    assert_int_not_equal(nul, symbols_intern(&symbols, STR("a")));
    assert_int_equal(nul, symbols_intern(&symbols, STR("a\0b")));
    assert_int_equal(symbols_intern(&symbols, (struct str){NULL, 0}), SYMBOL_EMPTY);
    symbols_done(&symbols);
}

static bool intern_many(const struct ampql_allocator *alc)
{
    struct symbols symbols;
    bool ok = true;
    if (!symbols_init(&symbols, alc)) {
        assert_int_equal(symbols.n, 0);
        return false;
    }
    for (uint32_t i = 0; ok && i < 1000; i++) {
        uint32_t before = symbols.n;
        symbol id = symbols_intern(&symbols, str_make((const char *)&i, sizeof i));
        ok = id != SYMBOL_NONE;
        assert_int_equal(symbols.n, ok ? before + 1 : before);
    }
    for (uint32_t i = 0; i + SYMBOL_FIRST_FREE < symbols.n; i++) /* whole, also after a failure */
        assert_int_equal(symbols_find(&symbols, str_make((const char *)&i, sizeof i)),
                         i + SYMBOL_FIRST_FREE);
    symbols_done(&symbols);
    return ok;
}

static size_t count_under(const struct index *index, uint64_t hash)
{
    size_t n = 0, at = 0;
    for (size_t i = index_first(index, hash, &at); i != INDEX_NONE;
         i = index_next(index, hash, &at))
        n++;
    return n;
}

/* Hashes that all fall on few slots, some of them equal. */
static bool fill_index(const struct ampql_allocator *alc)
{
    enum { N = 500 };
    struct index index;
    size_t added = 0, at = 0;
    index_init(&index, alc);
    assert_int_equal(index_first(&index, 1, &at), INDEX_NONE);
    while (added < N && index_add(&index, (uint64_t)(added % 100) << 32, added))
        added++;
    assert_int_equal(index.n, added);
    for (size_t i = 0; i < added; i++) {
        size_t found = index_first(&index, (uint64_t)(i % 100) << 32, &at);
        while (found != i && found != INDEX_NONE)
            found = index_next(&index, (uint64_t)(i % 100) << 32, &at);
        assert_int_equal(found, i);
    }
    if (added == N) {
        assert_int_equal(count_under(&index, (uint64_t)7 << 32), 5);
        assert_int_equal(count_under(&index, 8), 0);
        size_t nslots = index.nslots;
        index_clear(&index);
        assert_int_equal(index.nslots, nslots);
        assert_int_equal(count_under(&index, (uint64_t)7 << 32), 0);
        assert_true(index_add(&index, 5, 0)); /* number 0 too */
        assert_int_equal(index_first(&index, 5, &at), 0);
    }
    index_done(&index);
    return added == N;
}

static void test_hash(void **state)
{
    (void)state;
    assert_true(hash_seed() != 0);
    assert_true(hash_seed() == hash_seed());
    assert_true(hash_bytes("abc", 3) == hash_bytes("abc", 3));
    assert_true(hash_bytes("abc", 3) != hash_bytes("abd", 3));
    assert_true(hash_bytes(NULL, 0) == hash_bytes("", 0));
}

/* ---- labels: sets written as "name value name value" */

static struct labels make(struct symbols *symbols, struct arena *arena, const char *text)
{
    struct label *at = arena_alloc(arena, 16, sizeof *at);
    char copy[256], *words[32];
    size_t nwords = 0, n = 0;
    snprintf(copy, sizeof copy, "%s", text);
    for (char *p = copy; *p;) {
        words[nwords++] = p;
        while (*p && *p != ' ')
            p++;
        if (*p)
            *p++ = '\0';
    }
    for (; n < nwords / 2; n++)
        at[n] = (struct label){symbols_intern(symbols, str_of(words[2 * n])),
                               symbols_intern(symbols, str_of(words[2 * n + 1]))};
    return (struct labels){.at = at, .n = labels_sort(symbols, at, n)};
}

static void expect(const struct symbols *symbols, struct labels labels, const char *text)
{
    char written[256] = "";
    size_t n = 0;
    for (size_t i = 0; i < labels.n; i++) {
        struct str name = symbols_text(symbols, labels.at[i].name);
        struct str value = symbols_text(symbols, labels.at[i].value);
        n += (size_t)snprintf(written + n, sizeof written - n, "%s%.*s %.*s", i ? " " : "",
                              STR_ARGS(name), STR_ARGS(value));
    }
    assert_non_null(labels.at);
    assert_string_equal(written, text);
}

static void test_sort_and_compare(void **state)
{
    (void)state;
    struct symbols symbols;
    struct arena arena;
    assert_true(symbols_init(&symbols, &alloc_default));
    arena_init(&arena, &alloc_default);
    expect(&symbols, make(&symbols, &arena, "job api __name__ up az 1 B 2"),
           "B 2 __name__ up az 1 job api");
    struct label twice[] = {
        {SYMBOL_NAME, SYMBOL_LE}, {SYMBOL_LE, SYMBOL_NAME}, {SYMBOL_NAME, SYMBOL_LE}};
    assert_true(labels_sort(&symbols, twice, 3) == SIZE_MAX);
    struct label empty[] = {{SYMBOL_LE, SYMBOL_EMPTY}, {SYMBOL_NAME, SYMBOL_LE}};
    assert_int_equal(labels_sort(&symbols, empty, 2), 1);
    assert_int_equal(empty[0].name, SYMBOL_NAME);
    assert_int_equal(labels_sort(&symbols, NULL, 0), 0);

    /* many go another way */
    enum { MANY = 300 };
    struct label many[MANY];
    symbol value = symbols_intern(&symbols, STR("v"));
    for (int i = 0; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof name, "l%03d", (i * 7) % MANY);
        many[i] = (struct label){.name = symbols_intern(&symbols, str_of(name)), .value = value};
    }
    many[5].value = SYMBOL_EMPTY;
    many[6] = many[5]; /* twice, and no label */
    assert_int_equal(labels_sort(&symbols, many, MANY), MANY - 2);
    for (int i = 1; i < MANY - 2; i++)
        assert_true(str_compare(symbols_text(&symbols, many[i - 1].name),
                                symbols_text(&symbols, many[i].name)) < 0);
    many[0].name = many[200].name;
    assert_true(labels_sort(&symbols, many, MANY - 2) == SIZE_MAX);

    /* in Prometheus's order */
    static const char *const sets[] = {"",     "a 1", "a 1 b 1", "a 1 b 2", "a 1 c 0",
                                       "a 10", "a 2", "aa 0",    "b 0"};
    enum { N = sizeof sets / sizeof *sets };
    for (size_t i = 0; i < N; i++) {
        for (size_t k = 0; k < N; k++) {
            struct labels a = make(&symbols, &arena, sets[i]), b = make(&symbols, &arena, sets[k]);
            int order = labels_compare(&symbols, a, b);
            assert_true(i < k ? order < 0 : i > k ? order > 0 : order == 0);
            assert_true(labels_equal(a, b) == (i == k));
            assert_true((labels_hash(a) == labels_hash(b)) == (i == k));
        }
    }
    arena_done(&arena);
    symbols_done(&symbols);
}

static void test_make_others(void **state)
{
    (void)state;
    struct symbols symbols;
    struct arena arena;
    assert_true(symbols_init(&symbols, &alloc_default));
    arena_init(&arena, &alloc_default);
    struct labels set = make(&symbols, &arena, "__name__ up a 1 b 2 c 3");
    symbol a = symbols_find(&symbols, STR("a")), b = symbols_find(&symbols, STR("b"));
    symbol z = symbols_intern(&symbols, STR("z")), bb = symbols_intern(&symbols, STR("bb"));
    symbol names[] = {b, z, a};
    assert_int_equal(labels_get(set, a), symbols_find(&symbols, STR("1")));
    assert_int_equal(labels_get(set, z), SYMBOL_EMPTY);
    assert_int_equal(labels_get((struct labels){.n = 0}, a), SYMBOL_EMPTY);
    expect(&symbols, labels_copy(&arena, set), "__name__ up a 1 b 2 c 3");
    expect(&symbols, labels_copy(&arena, (struct labels){.n = 0}), "");
    expect(&symbols, labels_keep(&arena, set, names, 3), "a 1 b 2");
    expect(&symbols, labels_keep(&arena, set, NULL, 0), "");
    expect(&symbols, labels_drop(&arena, set, names, 3), "__name__ up c 3");
    expect(&symbols, labels_drop(&arena, set, NULL, 0), "__name__ up a 1 b 2 c 3");
    expect(&symbols, labels_set(&arena, &symbols, set, bb, z), "__name__ up a 1 b 2 bb z c 3");
    expect(&symbols, labels_set(&arena, &symbols, set, z, z), "__name__ up a 1 b 2 c 3 z z");
    expect(&symbols, labels_set(&arena, &symbols, set, b, z), "__name__ up a 1 b z c 3");
    expect(&symbols, labels_set(&arena, &symbols, set, b, SYMBOL_EMPTY), "__name__ up a 1 c 3");
    expect(&symbols, labels_set(&arena, &symbols, set, z, SYMBOL_EMPTY), "__name__ up a 1 b 2 c 3");
    expect(&symbols, labels_set(&arena, &symbols, (struct labels){.n = 0}, a, z), "a z");
    arena_done(&arena);
    symbols_done(&symbols);
}

static bool make_label_sets(const struct ampql_allocator *alc)
{
    struct label label[] = {{SYMBOL_NAME, SYMBOL_LE}, {SYMBOL_LE, SYMBOL_NAME}};
    struct labels set = {.at = label, .n = 2};
    struct symbols symbols;
    struct arena arena;
    if (!symbols_init(&symbols, alc))
        return false;
    arena_init(&arena, alc);
    bool ok = true;
    for (size_t i = 0; ok && i < 100; i++)
        ok = labels_copy(&arena, set).at && labels_drop(&arena, set, NULL, 0).at &&
             labels_set(&arena, &symbols, set, SYMBOL_LE, SYMBOL_LE).at;
    arena_done(&arena);
    symbols_done(&symbols);
    return ok;
}

static void test_torture(void **state)
{
    (void)state;
    assert_true(torture_all(intern_many) > 10);
    assert_true(torture_all(fill_index) > 5);
    assert_true(torture_all(make_label_sets) > 3);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_symbols),          cmocka_unit_test(test_hash),
    cmocka_unit_test(test_sort_and_compare), cmocka_unit_test(test_make_others),
    cmocka_unit_test(test_torture),
};
TEST_MAIN(tests)
