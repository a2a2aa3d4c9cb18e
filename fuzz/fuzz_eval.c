/* Bytes drive a grammar to a well-typed expression and small series: the engine's result equals the
 * reference evaluator's in every bit (values, presence, labels, order), or both fail with the same
 * code. */
#include "support/fuzz_judged.h"

static enum verdict judge_input(struct fuzz_judged *in)
{
    struct expr_case c;
    expr_generate(in->data, in->size, in->names, &in->arena, &c);
    enum verdict verdict = judge_case(in->judge, &c, &in->why);
    if (verdict == VERDICT_DIFFERENT)
        expr_case_print(&c, &in->why);
    return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_judged(data, size, judge_input);
}
