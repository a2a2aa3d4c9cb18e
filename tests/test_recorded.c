/* Queries over recording rules: engine and reference agree in every bit on many random rule files
 * and queries. test_recorded SEED COUNT runs others; a difference prints the case. */
#include "support/same.h"

#include <stdio.h>
#include <stdlib.h>

/* last: cmocka has a macro named fail */
#include "support/test.h"

enum { CASES = 2000, BYTES = 2000 };

static uint64_t next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15)); /* splitmix64 */
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

struct tally {
    size_t of[VERDICT_DIFFERENT + 1];
};

static void run_case(struct judge *judge, const struct expr_names *names, uint64_t seed,
                     struct tally *tally)
{
    uint8_t bytes[BYTES];
    uint64_t state = seed;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(next(&state) >> 56);
    struct arena arena;
    struct rules_case c;
    struct buf why;
    arena_init(&arena, &alloc_default);
    buf_init(&why, &alloc_default, 1 << 20);
    rules_generate(bytes, sizeof bytes, names, &arena, &c);
    enum verdict verdict = judge_rules_case(judge, &c, &why);
    tally->of[verdict]++;
    if (verdict == VERDICT_DIFFERENT ||
        (getenv("SHOW") && verdict == (enum verdict)atoi(getenv("SHOW")))) {
        rules_case_print(&c, &why);
        printf("seed %llu\n%.*s\n", (unsigned long long)seed, (int)why.n, why.p);
    }
    buf_done(&why);
    arena_done(&arena);
}

static struct tally run(uint64_t first, size_t count)
{
    struct expr_names names;
    struct tally tally = {{0}};
    struct judge *judge = judge_new();
    expr_names_of_engine(&names);
    for (size_t i = 0; i < count && tally.of[VERDICT_DIFFERENT] < 5; i++)
        run_case(judge, &names, first + i, &tally);
    judge_free(judge);
    printf("%zu with values, %zu empty, %zu failed alike, %zu refused, %zu different\n",
           tally.of[VERDICT_VALUES], tally.of[VERDICT_EMPTY], tally.of[VERDICT_FAILED],
           tally.of[VERDICT_REFUSED], tally.of[VERDICT_DIFFERENT]);
    return tally;
}

static void random_rules(void **state)
{
    (void)state;
    struct tally tally = run(1, CASES);
    assert_int_equal(tally.of[VERDICT_DIFFERENT], 0);
    /* and the generator makes cases worth having */
    assert_true(tally.of[VERDICT_VALUES] > CASES / 4);
    assert_true(tally.of[VERDICT_FAILED] > 0);
    assert_true(tally.of[VERDICT_REFUSED] < CASES / 2);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(random_rules)};
    if (argc == 3)
        return run(strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10)).of[VERDICT_DIFFERENT] >
               0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
