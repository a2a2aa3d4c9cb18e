/* Bytes drive a grammar to a rule file, a query that reads what it records, and small series: the
 * engine's result equals in every bit the reference evaluator's over a store into which a slow
 * ruler has written every rule's result at every tick, stale markers included; or both fail with
 * the same code. */
#include "support/same.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct judge *judge; /* lives as long as the fuzzer */
    static struct expr_names names;
    if (!judge) {
        judge = judge_new();
        expr_names_of_engine(&names);
    }
    struct arena arena;
    struct rules_case c;
    struct buf why;
    arena_init(&arena, &alloc_default);
    buf_init(&why, &alloc_default, 1 << 22);
    rules_generate(data, size, &names, &arena, &c);
    if (judge_rules_case(judge, &c, &why) == VERDICT_DIFFERENT) {
        rules_case_print(&c, &why);
        fprintf(stderr, "%.*s", (int)why.n, why.p);
        abort();
    }
    buf_done(&why);
    arena_done(&arena);
    return 0;
}
