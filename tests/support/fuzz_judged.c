/* The judge is made once; the rest is new for each input. */
#include "support/fuzz_judged.h"

#include <stdio.h>
#include <stdlib.h>

int fuzz_judged(const uint8_t *data, size_t size, fuzz_judge *judge_input)
{
    static struct judge *judge; /* lives as long as the fuzzer */
    static struct expr_names names;
    if (!judge) {
        judge = judge_new();
        expr_names_of_engine(&names);
    }
    struct fuzz_judged input = {.data = data, .size = size, .judge = judge, .names = &names};
    arena_init(&input.arena, &alloc_default);
    buf_init(&input.why, &alloc_default, 1 << 22);
    if (judge_input(&input) == VERDICT_DIFFERENT) {
        fprintf(stderr, "%.*s", (int)input.why.n, input.why.p);
        abort();
    }
    buf_done(&input.why);
    arena_done(&input.arena);
    return 0;
}
