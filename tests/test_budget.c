/* A run holds no more than its budget, whatever it is asked: hostile queries, each with a budget
 * between 64 KiB and 64 MiB, end in an answer, or in an error that names the limit, and neither
 * what was taken from the allocator nor what the process came to hold is more than a tenth above
 * it.
 *
 * test_budget N: so many queries instead of 100. */
#include "support/hostile_query.h"
#include "support/test.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KIB = 1 << 10, MIB = 1 << 20 };

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

/* With sanitizers some of the later ones take minutes. */
#ifdef SANITIZED
static size_t nqueries = 40;
#else
static size_t nqueries = 100;
#endif

/* ---- what is held */

/* Counts what malloc hands out, which is a little more than it was asked for, and while a block
 * moves the old one, too. */
static struct {
    atomic_size_t live, peak;
} counted;

static void *resize(void *payload, void *ptr, size_t old_size, size_t new_size)
{
    size_t old = ptr ? malloc_usable_size(ptr) : 0;
    (void)payload, (void)old_size;
    if (new_size == 0) {
        atomic_fetch_sub(&counted.live, old);
        free(ptr);
        return NULL;
    }
    void *p = realloc(ptr, new_size);
    if (!p)
        return NULL;
    size_t size = malloc_usable_size(p), moved = p != ptr ? old : 0;
    size_t live = atomic_fetch_add(&counted.live, size - old) + size - old + moved;
    size_t peak = atomic_load(&counted.peak);
    while (live > peak && !atomic_compare_exchange_weak(&counted.peak, &peak, live))
        continue;
    return p;
}

/* A line of /proc/self/status in bytes; 0 when it is not there. */
static size_t status(const char *name)
{
    char line[256];
    size_t kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, name, strlen(name)))
            kib = strtoul(line + strlen(name), NULL, 10);
    if (f)
        fclose(f);
    return kib * KIB;
}

/* Let the peak of what is resident begin anew. */
static bool begin_resident(void)
{
    int fd = open("/proc/self/clear_refs", O_WRONLY);
    bool ok = fd >= 0 && write(fd, "5", 1) == 1;
    if (fd >= 0)
        close(fd);
    return ok;
}

/* ---- one run */

struct worst {
    double ratio;
    size_t query;
};

static struct {
    size_t nanswers, nbudget, nother;
    struct worst counted, resident;
} sums;

static void note(struct worst *worst, size_t query, size_t held, size_t budget)
{
    double ratio = (double)held / (double)budget;
    if (ratio > worst->ratio)
        *worst = (struct worst){ratio, query};
}

static void judge(size_t i, enum ampql_code code, const struct ampql_error *err, size_t budget)
{
    char message[100];
    snprintf(message, sizeof message, "the run would hold more than %zu bytes at once", budget);
    if (code == AMPQL_OK)
        sums.nanswers++;
    else if (code == AMPQL_LIMIT && !strcmp(err->message, message))
        sums.nbudget++;
    else if (code == AMPQL_LIMIT || code == AMPQL_EXECUTION)
        sums.nother++; /* of samples, or of a join */
    else
        fail_msg("query %zu: code %d, %s", i, (int)code, err->message);
}

static void run_one(const struct hostile_data *data, size_t i, size_t budget)
{
    const struct ampql_allocator alc = {resize, NULL};
    const struct ampql_engine_options with = {.allocator = &alc, .experimental = true};
    struct ampql_engine *engine = NULL;
    struct ampql_query *query = NULL;
    struct ampql_result *result = NULL;
    struct ampql_error err = {0};
    struct hostile_query hostile;
    hostile_query_make(i, &hostile);
    hostile.options.max_bytes = budget;
    assert_int_equal(ampql_engine_new(&with, &engine, NULL), AMPQL_OK);
    enum ampql_code code =
        ampql_query_compile(engine, buf_view(&hostile.text).p, hostile.text.n, &query, &err);
    if (code != AMPQL_OK)
        fail_msg("query %zu: %s", i, err.message);
    malloc_trim(0);
    size_t live = atomic_load(&counted.live), resident = status("VmRSS:");
    atomic_store(&counted.peak, live);
    bool is_measured = begin_resident();
    code = ampql_query_run(query, data->source, &hostile.options, &result, &err);
    size_t peak = status("VmHWM:");
    judge(i, code, &err, budget);
    note(&sums.counted, i, atomic_load(&counted.peak) - live, budget);
    if (is_measured && peak > resident && budget >= 16 * MIB)
        note(&sums.resident, i, peak - resident, budget);
    ampql_result_free(result);
    ampql_query_free(query);
    ampql_engine_free(engine);
    buf_done(&hostile.text);
    assert_int_equal(atomic_load(&counted.live), 0);
}

static void budgets(void **state)
{
    static const size_t sizes[] = {64 * KIB, MIB, 4 * MIB, 16 * MIB, 32 * MIB, 64 * MIB};
    struct hostile_data data;
    (void)state;
    hostile_data_init(&data);
    for (size_t i = 0; i < nqueries; i++)
        run_one(&data, i, sizes[i / 2 % (sizeof sizes / sizeof *sizes)]);
    hostile_data_done(&data);
    printf("  %zu hostile queries: %zu answers, %zu over their budget, %zu other errors\n",
           nqueries, sums.nanswers, sums.nbudget, sums.nother);
    printf("  most held, of the budget: %.4f of the allocator (query %zu), %.4f of the process "
           "(query %zu)\n",
           sums.counted.ratio, sums.counted.query, sums.resident.ratio, sums.resident.query);
    assert_true(sums.nanswers > nqueries / 10 && sums.nbudget > nqueries / 10);
    assert_true(sums.counted.ratio <= 1.1);
#ifndef SANITIZED
    assert_true(sums.resident.ratio <= 1.1);
#endif
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(budgets)};
    if (argc > 1)
        nqueries = strtoul(argv[1], NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
