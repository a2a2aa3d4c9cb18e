/* Jobs on several threads: results are taken in order, and a failure is the one that a single
 * thread would have met. */
#include "base/parallel.h"

#include "support/test.h"

#include <sched.h>
#include <stdatomic.h>
#include <string.h>

enum { NJOBS = 60, NONE = 1000 };

struct work {
    size_t fails_at, refuses_at; /* a job, taking one; NONE */
    size_t slow;                 /* a job that lets others go first; NONE */
    size_t ntaken, sum;          /* so far */
    atomic_size_t nmade, ndropped;
    int made[NJOBS];
};

static enum ampql_code make(void *payload, size_t i, void **made, struct ampql_error *err)
{
    struct work *work = payload;
    for (int k = 0; i == work->slow && k < 200; k++)
        sched_yield();
    if (i == work->fails_at || i == work->fails_at + 2)
        return (fail)(err, AMPQL_BAD_DATA, "job %zu", i);
    atomic_fetch_add(&work->nmade, 1);
    work->made[i] = (int)i;
    *made = &work->made[i];
    return AMPQL_OK;
}

static enum ampql_code take(void *payload, size_t i, void *made, struct ampql_error *err)
{
    struct work *work = payload;
    assert_int_equal(i, work->ntaken);
    assert_ptr_equal(made, &work->made[i]);
    work->ntaken++;
    work->sum += i;
    return i == work->refuses_at ? (fail)(err, AMPQL_LIMIT, "no more than %zu", i) : AMPQL_OK;
}

static void drop(void *payload, void *made)
{
    struct work *work = payload;
    assert_non_null(made);
    atomic_fetch_add(&work->ndropped, 1);
}

static const struct row {
    const char *what;
    size_t fails_at, refuses_at, slow;
    enum ampql_code code;
    const char *message;
    size_t ntaken;
} rows[] = {
    {"all", NONE, NONE, NONE, AMPQL_OK, "", NJOBS},
    {"the first is slow", NONE, NONE, 0, AMPQL_OK, "", NJOBS},
    {"a job fails, and one after it before", 7, NONE, 7, AMPQL_BAD_DATA, "job 7", 7},
    {"the first fails", 0, NONE, 0, AMPQL_BAD_DATA, "job 0", 0},
    {"the last fails", NJOBS - 1, NONE, NONE, AMPQL_BAD_DATA, "job 59", NJOBS - 1},
    {"taking fails, before a job that fails", 20, 19, 5, AMPQL_LIMIT, "no more than 19", 20},
    {"taking the first fails", NONE, 0, NONE, AMPQL_LIMIT, "no more than 0", 1},
};

static void check(const struct row *row, size_t nthreads)
{
    struct work work = {
        .fails_at = row->fails_at, .refuses_at = row->refuses_at, .slow = row->slow};
    struct ampql_error err = {0};
    struct parallel jobs = {.njobs = NJOBS,
                            .nthreads = nthreads,
                            .make = make,
                            .take = take,
                            .drop = drop,
                            .payload = &work};
    enum ampql_code code = parallel_run(&jobs, &alloc_default, &err);
    if (code != row->code || strcmp(err.message, row->message) != 0 || work.ntaken != row->ntaken ||
        work.sum != row->ntaken * (row->ntaken - 1) / 2 ||
        work.nmade != work.ntaken + work.ndropped)
        fail_msg("%s, %zu threads: %d \"%s\", %zu taken, %zu made, %zu dropped", row->what,
                 nthreads, code, err.message, work.ntaken, (size_t)work.nmade,
                 (size_t)work.ndropped);
}

static void test_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t n = 0; n <= 8; n++)
            check(&rows[i], n);
}

static void test_none(void **state)
{
    struct work work = {.fails_at = NONE, .refuses_at = NONE, .slow = NONE};
    struct parallel jobs = {
        .nthreads = 4, .make = make, .take = take, .drop = drop, .payload = &work};
    (void)state;
    assert_int_equal(parallel_run(&jobs, &alloc_default, NULL), AMPQL_OK);
    assert_int_equal(work.nmade, 0);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(test_order),
                                          cmocka_unit_test(test_none)};
TEST_MAIN(tests)
