/* sum: compensated in 3.x, plain from left to right in 2.42. */
#include "eval/aggregate.h"
#include "eval/kahan.h"

static void add(struct row *state, const struct row *in, enum ampql_dialect dialect)
{
    double *sum = state[0].v, *c = state[1].v;
    const double *v = in->v;
#define FIRST(i) (sum[i] = v[i], c[i] = 0)
    if (dialect == AMPQL_PROM2) {
#define NEXT(i) (sum[i] += v[i])
        AGGREGATE_STEPS(&state[0], in, FIRST, NEXT);
#undef NEXT
        return;
    }
#define NEXT(i) kahan_add(v[i], &sum[i], &c[i])
    AGGREGATE_STEPS(&state[0], in, FIRST, NEXT);
#undef NEXT
#undef FIRST
}

static void finish(struct row *state, enum ampql_dialect dialect)
{
    if (dialect == AMPQL_PROM2)
        return;
    for (size_t i = 0; i < state->n; i++)
        state[0].v[i] += state[1].v[i];
}

const struct aggregate aggregate_sum = {AGGREGATION_SUM, 2, add, finish, NULL};
