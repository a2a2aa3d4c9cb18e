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

static void widen(struct row *state)
{
    memset(state[1].v, 0, state[1].n * sizeof *state[1].v);
}

static void finish(struct row *state, enum ampql_dialect dialect)
{
    if (dialect == AMPQL_PROM2)
        return;
    for (size_t i = 0; i < state->n; i++)
        state[0].v[i] += state[1].v ? state[1].v[i] : 0; /* + 0 turns -0 into 0 */
}

const struct aggregate aggregate_sum = {
    .op = AGGREGATION_SUM, .nstate = 2, .widen = widen, .add = add, .finish = finish};
