/* Bills worked out by hand (tests/data/cost), and every stage of the model without memory. */
#include "cost/accumulate.h"
#include "cost/aggregate.h"
#include "cost/ask.h"
#include "cost/coverage.h"

#include "support/bills.h"
#include "support/everything.h"
#include "support/series.h"
#include "support/test.h"
#include "support/torture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ampql_engine *new_engine(const struct ampql_allocator *alc)
{
    struct ampql_engine_options options = {.size = sizeof options, .allocator = alc};
    struct ampql_engine *engine = NULL;
    return ampql_engine_new(&options, &engine, NULL) == AMPQL_OK ? engine : NULL;
}

/* ---- bills by hand */

static void test_bills(void **state)
{
    struct ampql_engine *engine = new_engine(NULL);
    struct dirent **files;
    size_t ncases = 0;
    (void)state;
    int n = scandir("tests/data/cost", &files, NULL, alphasort);
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        char path[512];
        const char *name = files[i]->d_name;
        size_t len = strlen(name);
        if (len > 4 && strcmp(name + len - 4, ".txt") == 0 && strcmp(name, "queries.txt") != 0) {
            snprintf(path, sizeof path, "tests/data/cost/%s", name);
            bills_check(engine, path);
            ncases++;
        }
        free(files[i]);
    }
    free(files);
    assert_true(ncases >= 15);
    ampql_engine_free(engine);
}

/* ---- torture */

/* What a source says, asked once; the fold is then run again and again. */
struct folding {
    struct params params;
    struct asked asked;
};

static bool fold_all(const struct ampql_allocator *alc, void *payload)
{
    static struct test_text text;
    const struct folding *f = payload;
    struct answer answers[COST_QUERY_COUNT] = {0};
    struct aggregate by_namespace = {0};
    struct ampql_aggregate_options by = {.size = sizeof by,
                                         .aggregate = "namespace,label:app,team",
                                         .filter = "pod<~:\"p\"|(label~:\"app\"+team:\"t\",\"u\")",
                                         .share_namespaces = "kube-system",
                                         .share_labels = "app:other",
                                         .share_monthly_cost = 730};
    struct ampql_allocations *bill = NULL;
    struct cost_set *set = NULL, *whole = NULL;
    struct pieces pieces;
    struct arena arena;
    bool ok;
    arena_init(&arena, alc);
    text.n = 0;
    ok = asked_decode(&f->asked, &f->params, &arena, answers, NULL) == AMPQL_OK &&
         aggregate_read(&by, &arena, &by_namespace, NULL) == AMPQL_OK &&
         set_new(alc, &f->params, &set, NULL) == AMPQL_OK &&
         set_new(alc, &f->params, &whole, NULL) == AMPQL_OK &&
         model_fold(set, &f->params, answers, NULL) == AMPQL_OK &&
         assets_fold(whole, &f->params, answers, NULL) == AMPQL_OK;
    if (ok) {
        pieces_init(&pieces, whole);
        ok = pieces_add(&pieces, set, NULL) == AMPQL_OK &&
             pieces_add(&pieces, set, NULL) == AMPQL_OK && pieces_end(&pieces, NULL) == AMPQL_OK;
        pieces_done(&pieces);
    }
    ok = ok && cost_coverage_warn(whole, NULL) == AMPQL_OK && idle_fold(whole, NULL) == AMPQL_OK &&
         allocations_make(whole, &by_namespace, &bill, NULL) == AMPQL_OK &&
         allocations_json(bill, test_write, &text) == AMPQL_OK;
    if (ok) { /* nothing was left out on the way here */
        assert_non_null(strstr(text.at, "lbAllocations\":{"));
        assert_non_null(strstr(text.at, "{\"__idle__\":{"));
    }
    allocations_free(bill);
    set_release(whole);
    set_release(set);
    arena_done(&arena);
    return ok;
}

static void test_torture_fold(void **state)
{
    struct ampql_cost_options options = {
        .size = sizeof options, .end_ms = 3600000, .pod_uids = true, .idle = true};
    struct ampql_engine *engine = new_engine(NULL);
    struct ampql_source *source = NULL;
    static struct folding folding;
    size_t nrows;
    const struct everything_row *rows = everything(&nrows);
    (void)state;
    assert_int_equal(ampql_source_memory(engine, NULL, &source, NULL), AMPQL_OK);
    for (size_t i = 0; i < nrows; i++)
        assert_true(test_add(source, rows[i].name, rows[i].labels, 0, 60000, rows[i].values));
    assert_int_equal(params_make(&options, &folding.params, NULL), AMPQL_OK);
    assert_int_equal(ask_source(engine, source, &folding.params, &folding.asked, NULL), AMPQL_OK);
    torture_with(fold_all, &folding, false);
    asked_done(&folding.asked);
    ampql_source_free(source);
    ampql_engine_free(engine);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_bills),
    cmocka_unit_test(test_torture_fold),
};
TEST_MAIN(tests)
