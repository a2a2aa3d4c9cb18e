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

/* ---- united: pieces that overlap, in any order */

static enum ampql_code unite(struct hold *hold, const int64_t *t, const double *v, size_t n,
                             struct ampql_error *err)
{
    struct ampql_label name = {{"__name__", 8}, {"up", 2}};
    size_t number;
    TRY(hold_find_or_add_text(hold, &name, 1, &number, err));
    return hold_unite(hold, number, &(struct samples){t, v, n}, err);
}

enum { UNITED = 5000 };

/* Every piece is in some other; none, one and many blocks long. */
static bool unite_pieces(const struct ampql_allocator *alc)
{
    static const size_t pieces[][2] = {{3000, 1200}, {0, 1}, {4000, 1000}, {1, 2999},
                                       {2500, 0},    {2, 7}, {4199, 1},    {0, UNITED}};
    static int64_t t[UNITED];
    static double v[UNITED];
    struct ampql_error err = {0};
    struct hold hold;
    for (size_t i = 0; i < UNITED; i++) {
        t[i] = (int64_t)i * 15000 + (int64_t)(i % 3);
        v[i] = value_of(i / 1000, i);
    }
    if (hold_init(&hold, alc, &err) != AMPQL_OK)
        return false;
    enum ampql_code code = AMPQL_OK;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces && code == AMPQL_OK; i++)
        code = unite(&hold, t + pieces[i][0], v + pieces[i][0], pieces[i][1], &err);
    struct samples all;
    if (code == AMPQL_OK)
        code = hold_unpack(&hold, 0, &all, &err);
    if (code == AMPQL_OK) {
        assert_int_equal(all.n, UNITED);
        assert_memory_equal(all.t, t, sizeof t);
        assert_memory_equal(all.v, v, sizeof v);
    } else {
        assert_int_equal(code, AMPQL_NOMEM);
    }
    hold_done(&hold);
    return code == AMPQL_OK;
}

static void unites(void **state)
{
    (void)state;
    assert_true(unite_pieces(&alloc_default));
    torture_all_lenient(unite_pieces);
}

static void conflicts(void **state)
{
    (void)state;
    static const int64_t t[] = {0, 1000, 2000};
    static const double v[] = {1, 0.0, 3}, other[] = {1, -0.0, 3};
    struct ampql_error err = {0};
    struct hold hold;
    struct samples all;
    assert_int_equal(hold_init(&hold, &alloc_default, &err), AMPQL_OK);
    assert_int_equal(unite(&hold, t, v, 3, &err), AMPQL_OK);
    assert_int_equal(unite(&hold, t, other, 3, &err), AMPQL_BAD_DATA);
    assert_string_equal(err.message, "up{} has two values at 1970-01-01T00:00:01Z: 0 and -0");
    assert_int_equal(hold_unpack(&hold, 0, &all, &err), AMPQL_OK); /* still what it was */
    assert_memory_equal(all.v, v, sizeof v);
    hold_done(&hold);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(joins),
    cmocka_unit_test(refuses),
    cmocka_unit_test(unites),
    cmocka_unit_test(conflicts),
};
TEST_MAIN(tests)
