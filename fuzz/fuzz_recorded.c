/* Bytes drive a grammar to a rule file, a query that reads what it records, and small series: the
 * engine's result equals in every bit the reference evaluator's over a store into which a slow
 * ruler has written every rule's result at every tick, stale markers included; or both fail with
 * the same code. */
#include "support/fuzz_judged.h"

static enum verdict judge_input(struct fuzz_judged *in)
{
    struct rules_case c;
    rules_generate(in->data, in->size, in->names, &in->arena, &c);
    enum verdict verdict = judge_rules_case(in->judge, &c, &in->why);
    if (verdict == VERDICT_DIFFERENT)
        rules_case_print(&c, &in->why);
    return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_judged(data, size, judge_input);
}
