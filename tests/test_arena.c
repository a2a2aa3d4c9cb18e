/* Memory: the allocator's checks, arenas, growing arrays, the block pool. */
#include "base/array.h"
#include "base/pool.h"
#include "support/test.h"
#include "support/torture.h"

#include <string.h>

static void test_alloc(void **state)
{
    (void)state;
    struct torture t;
    torture_init(&t, 0);
    assert_null(alloc_get(&t.alc, 0, 8));
    assert_null(alloc_get(&t.alc, SIZE_MAX / 2, 3)); /* wraps */
    assert_null(alloc_get(&t.alc, SIZE_MAX, 1));     /* over PTRDIFF_MAX */
    assert_int_equal(t.calls, 0);
    int64_t *p = alloc_get(&t.alc, 3, sizeof *p);
    assert_non_null(p);
    p[2] = 42;
    assert_null(alloc_resize(&t.alc, p, 3, SIZE_MAX / 4, sizeof *p)); /* p stays */
    p = alloc_resize(&t.alc, p, 3, 100, sizeof *p);
    assert_int_equal(p[2], 42);
    alloc_put(&t.alc, p, 100, sizeof *p);
    alloc_put(&t.alc, NULL, 5, 8);
    assert_int_equal(t.live, 0);
}

static void test_arena(void **state)
{
    (void)state;
    struct torture t;
    struct arena arena;
    torture_init(&t, 0);
    arena_init(&arena, &t.alc);
    assert_int_equal(t.calls, 0); /* nothing is taken before it is asked for */
    struct piece {
        unsigned char *p;
        size_t n;
    } pieces[200];
    for (size_t i = 0; i < 200; i++) {
        pieces[i].n = i * i % 3001;
        pieces[i].p = arena_alloc(&arena, pieces[i].n, 1);
        assert_non_null(pieces[i].p);
        assert_int_equal((uintptr_t)pieces[i].p % 16, 0);
        memset(pieces[i].p, (int)i, pieces[i].n);
    }
    for (size_t i = 0; i < 200; i++) /* none overlaps another */
        for (size_t k = 0; k < pieces[i].n; k++)
            assert_int_equal(pieces[i].p[k], i);
    assert_int_equal(arena.total, t.live_bytes);
    assert_true(t.calls < 15); /* blocks grow */

    assert_null(arena_alloc(&arena, SIZE_MAX, 2));
    assert_null(arena_alloc(&arena, SIZE_MAX, 1));
    assert_null(arena_zeroed(&arena, SIZE_MAX / 8, 16));

    struct pair {
        uint64_t a, b;
    } *pair = arena_new(&arena, struct pair);
    assert_true(pair->a == 0 && pair->b == 0);
    const unsigned char *zeros = arena_zeroed(&arena, 1 << 21, 1); /* larger than any block */
    for (size_t i = 0; i < 1 << 21; i++)
        assert_int_equal(zeros[i], 0);

    struct str copy = arena_copy(&arena, STR("a\0b"));
    assert_int_equal(copy.n, 3);
    assert_memory_equal(copy.p, "a\0b", 4);
    copy = arena_copy(&arena, (struct str){NULL, 0});
    assert_true(copy.p && copy.n == 0 && copy.p[0] == '\0');
    assert_null(arena_copy(&arena, (struct str){"", SIZE_MAX}).p);

    arena_done(&arena);
    assert_int_equal(t.live, 0);
    assert_non_null(arena_alloc(&arena, 1, 1)); /* may be used again */
    arena_done(&arena);
    assert_int_equal(t.live, 0);
}

static void test_arena_reset(void **state)
{
    (void)state;
    struct torture t;
    struct arena arena;
    torture_init(&t, 0);
    arena_init(&arena, &t.alc);
    arena_reset(&arena); /* of nothing */
    for (size_t i = 0; i < 100; i++)
        assert_non_null(arena_alloc(&arena, 100, 1));
    arena_reset(&arena);
    assert_int_equal(t.live, 1);
    assert_int_equal(arena.total, t.live_bytes);
    size_t calls = t.calls;
    for (size_t i = 0; i < 20; i++)
        memset(arena_alloc(&arena, 100, 1), 1, 100);
    assert_int_equal(t.calls, calls);
    arena_done(&arena);
    assert_int_equal(t.live, 0);
}

static bool fill_arena(const struct ampql_allocator *alc)
{
    struct arena arena;
    struct {
        ARRAY(size_t);
    } numbers = {0};
    bool ok = true;
    arena_init(&arena, alc);
    for (size_t i = 0; ok && i < 1000; i++)
        ok = array_push(&numbers, &arena, i);
    for (size_t i = 0; i < numbers.n; i++)
        assert_int_equal(numbers.at[i], i); /* also after a failure */
    ok = ok && arena_new(&arena, struct str) && arena_copy(&arena, STR("text")).p &&
         arena_alloc(&arena, 100000, 8);
    arena_done(&arena);
    return ok;
}

static bool fill_array(const struct ampql_allocator *alc)
{
    struct {
        ARRAY(size_t);
    } numbers = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < 1000; i++)
        ok = array_add(&numbers, alc, i);
    for (size_t i = 0; i < numbers.n; i++)
        assert_int_equal(numbers.at[i], i);
    assert_true(!ok || numbers.n == 1000);
    array_done(&numbers, alc);
    assert_true(numbers.at == NULL && numbers.n == 0 && numbers.cap == 0);
    return ok;
}

static bool fill_pool(const struct ampql_allocator *alc)
{
    enum { BLOCK = 1000, N = 50 };
    struct pool pool;
    unsigned char *blocks[N] = {NULL};
    bool ok = true;
    pool_init(&pool, alc, BLOCK);
    for (size_t i = 0; ok && i < N; i++) {
        ok = (blocks[i] = pool_take(&pool)) != NULL;
        if (!ok)
            break;
        assert_int_equal((uintptr_t)blocks[i] % 64, 0);
        memset(blocks[i], (int)i, BLOCK);
    }
    for (size_t i = 0; i < N && blocks[i]; i++)
        for (size_t k = 0; k < BLOCK; k++)
            assert_int_equal(blocks[i][k], i);
    if (ok) {
        pool_give(&pool, blocks[7]);
        pool_give(&pool, blocks[9]);
        pool_give(&pool, NULL);
        assert_ptr_equal(pool_take(&pool), blocks[9]); /* used again, the warmest first */
        assert_ptr_equal(pool_take(&pool), blocks[7]);
        assert_int_equal(pool.nblocks, N);
    }
    pool_done(&pool); /* also what was not given back */
    return ok;
}

static void test_too_large_blocks(void **state)
{
    (void)state;
    struct pool pool;
    pool_init(&pool, &alloc_default, SIZE_MAX - 50);
    assert_null(pool_take(&pool));
    pool_done(&pool);
}

static void test_torture(void **state)
{
    (void)state;
    assert_true(torture_all(fill_arena) > 3);
    assert_true(torture_all(fill_array) > 3);
    assert_int_equal(torture_all(fill_pool), 6);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_alloc),       cmocka_unit_test(test_arena),
    cmocka_unit_test(test_arena_reset), cmocka_unit_test(test_too_large_blocks),
    cmocka_unit_test(test_torture),
};
TEST_MAIN(tests)
