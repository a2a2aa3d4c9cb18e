/* The numeric grids give what they gave when the newest Prometheus gave the same to the bit: `make
 * grids` compares each case there and writes the checksums. */
#include "support/numeric_grid.h"

#include <stdio.h>

#include "support/test.h"

enum { MAX_ANSWER = 1 << 26, MAX_FILE = 4096 };

struct run {
    struct engine_evaluator engine;
    struct grid_sums sums;
};

static void take(const struct grid_case *c, void *payload)
{
    struct run *run = payload;
    struct evaluator *e = &run->engine.evaluator;
    struct outcome outcome = {0};
    struct ampql_error err = {0};
    struct arena arena;
    struct buf answer;
    arena_init(&arena, &alloc_default);
    buf_init(&answer, &alloc_default, MAX_ANSWER);
    if (c->is_json) {
        numeric_grid_json(&c->c, &answer);
    } else {
        assert_int_equal(e->load(e->payload, c->c.series, c->c.nseries, &err), AMPQL_OK);
        enum ampql_code code =
            e->evaluate(e->payload, c->c.text, &c->c.options, &arena, &outcome, &err);
        numeric_grid_write(&outcome, code, err.message, &answer);
    }
    assert_int_equal(answer.failed, AMPQL_OK);
    grid_sums_add(&run->sums, c->grid, buf_view(&answer));
    buf_done(&answer);
    arena_done(&arena);
}

static void test_grids(void **state)
{
    static struct run run;
    char wanted[MAX_FILE];
    struct buf got;
    (void)state;
    FILE *f = fopen("tests/data/numeric_grid.tsv", "r");
    assert_non_null(f);
    size_t n = fread(wanted, 1, sizeof wanted - 1, f);
    wanted[n] = '\0';
    assert_int_equal(fclose(f), 0);
    assert_int_equal(engine_evaluator_init(&run.engine, &alloc_default, NULL), AMPQL_OK);
    numeric_grid_each(take, &run);
    engine_evaluator_done(&run.engine);
    buf_init(&got, &alloc_default, MAX_FILE);
    grid_sums_print(&run.sums, &got);
    buf_byte(&got, '\0');
    assert_string_equal(got.p, wanted);
    buf_done(&got);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(test_grids)};
TEST_MAIN(tests)
