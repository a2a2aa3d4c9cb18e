/* Packed series that wait: appended in pieces, joined chunk by chunk, handed on in label order. */
#include "source/hold.h"
#include "support/test.h"
#include "support/torture.h"

#include <stdio.h>

enum { NSERIES = 5, NCHUNKS = 3, CHUNK = 700, STEP_MS = 60000 };

static double value_of(size_t series, size_t i)
{
    if (i % 97 == 13)
        return double_of(STALE_BITS);
    return series == 1 ? 1 : (double)(i * (series + 1)) / (series == 2 ? 8 : 1);
}

static enum ampql_code add(struct hold *hold, size_t series, size_t first, size_t n,
                           struct ampql_error *err)
{
    static int64_t t[CHUNK];
    static double v[CHUNK];
    char text[8];
    size_t number, length = (size_t)snprintf(text, sizeof text, "%zu", NSERIES - series);
    struct ampql_label labels[] = {{{"n", 1}, {text, length}}, {{"__name__", 8}, {"up", 2}}};
    for (size_t i = 0; i < n; i++) {
        t[i] = (int64_t)(first + i) * STEP_MS;
        v[i] = value_of(series, first + i);
    }
    TRY(hold_find_or_add_text(hold, labels, 2, &number, err));
    return hold_append(hold, number, &(struct samples){t, v, n}, err);
}

struct expected {
    size_t seen, first, n;
};

static enum ampql_code check(void *payload, const struct store *store, struct labels labels,
                             const struct samples *samples)
{
    struct expected *e = payload;
    char name[64], wanted[64];
    e->seen++;
    snprintf(wanted, sizeof wanted, "up{n=\"%zu\"}", e->seen);
    assert_string_equal(store_describe(store, labels, name, sizeof name), wanted);
    assert_int_equal(samples->n, e->n);
    for (size_t i = 0; i < e->n; i++) {
        assert_int_equal(samples->t[i], (int64_t)(e->first + i) * STEP_MS);
        assert_int_equal(bits_of(samples->v[i]),
                         bits_of(value_of(NSERIES - e->seen, i + e->first)));
    }
    return AMPQL_OK;
}

/* Chunks come as holds of their own, with their series in another order each time. */
static bool join_chunks(const struct ampql_allocator *alc)
{
    struct ampql_error err = {0};
    struct hold whole, chunk;
    if (hold_init(&whole, alc, &err) != AMPQL_OK)
        return false;
    enum ampql_code code = AMPQL_OK;
    for (size_t c = 0; c < NCHUNKS && code == AMPQL_OK; c++) {
        code = hold_init(&chunk, alc, &err);
        if (code != AMPQL_OK)
            break;
        for (size_t s = 0; s < NSERIES && code == AMPQL_OK; s++)
            code = add(&chunk, (s * 2 + c) % NSERIES, c * CHUNK, CHUNK, &err);
        if (code == AMPQL_OK)
            code = hold_join(&whole, &chunk, &err);
        hold_done(&chunk);
    }
    struct expected e = {.n = NCHUNKS * CHUNK};
    if (code == AMPQL_OK)
        code = hold_scan(&whole, check, &e, &err);
    if (code == AMPQL_OK) {
        assert_int_equal(e.seen, NSERIES);
        assert_int_equal(hold_samples(&whole), NSERIES * NCHUNKS * CHUNK);
        assert_true(hold_bytes(&whole) < 17 * NSERIES * NCHUNKS * CHUNK + 100000);
    } else {
        assert_int_equal(code, AMPQL_NOMEM);
    }
    hold_done(&whole);
    return code == AMPQL_OK;
}

static void joins(void **state)
{
    (void)state;
    assert_true(join_chunks(&alloc_default));
    torture_all_lenient(join_chunks);
}

static void refuses(void **state)
{
    (void)state;
    struct ampql_error err = {0};
    struct hold hold, again;
    assert_int_equal(hold_init(&hold, &alloc_default, &err), AMPQL_OK);
    assert_int_equal(hold_init(&again, &alloc_default, &err), AMPQL_OK);
    assert_int_equal(add(&hold, 0, 100, 50, &err), AMPQL_OK);
    assert_int_equal(add(&hold, 0, 149, 2, &err), AMPQL_BAD_DATA);
    assert_memory_equal(err.message, "up{n=\"5\"}: ", 11);
    assert_int_equal(add(&again, 0, 120, 50, &err), AMPQL_OK);
    assert_int_equal(hold_join(&hold, &again, &err), AMPQL_BAD_DATA);
    struct expected e = {.seen = NSERIES - 1, .first = 100, .n = 50}; /* what was there still is */
    assert_int_equal(hold_scan(&hold, check, &e, &err), AMPQL_OK);
    assert_int_equal(e.seen, NSERIES);
    hold_done(&again);
    hold_done(&hold);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(joins), cmocka_unit_test(refuses)};
TEST_MAIN(tests)
