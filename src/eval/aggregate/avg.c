/* avg: the sum by the count, with a running mean from where the sum overflows; in 2.42 always a
 * running mean. */
#include "eval/aggregate.h"
#include "eval/mean.h"

/* State rows: sum (or mean), compensation, count, 1 where running. */
static inline void next(struct row *state, size_t i, double v)
{
    struct mean m = {state[0].v[i], state[1].v[i], state[2].v[i], state[3].v[i] != 0};
    mean_add(&m, v);
    state[0].v[i] = m.sum;
    state[1].v[i] = m.c;
    state[2].v[i] = m.n;
    state[3].v[i] = m.is_running;
}

static void add(struct row *state, const struct row *in, enum ampql_dialect dialect)
{
    double *mean = state[0].v, *n = state[2].v;
    const double *v = in->v;
#define FIRST(i) (mean[i] = v[i], state[1].v[i] = 0, n[i] = 1, state[3].v[i] = 0)
    if (dialect == AMPQL_PROM2) {
#define NEXT(i)                                                                                    \
    (n[i]++, mean[i] = mean_stays_infinite(mean[i], v[i])                                          \
                           ? mean[i]                                                               \
                           : mean[i] + (v[i] / n[i] - mean[i] / n[i]))
        AGGREGATE_STEPS(&state[0], in, FIRST, NEXT);
#undef NEXT
        return;
    }
#define NEXT(i) next(state, i, v[i])
    AGGREGATE_STEPS(&state[0], in, FIRST, NEXT);
#undef NEXT
#undef FIRST
}

static void widen(struct row *state)
{
    for (size_t i = 0; i < state->n; i++) {
        state[1].v[i] = state[3].v[i] = 0;
        state[2].v[i] = 1;
    }
}

static void finish(struct row *state, enum ampql_dialect dialect)
{
    if (dialect == AMPQL_PROM2)
        return;
    for (size_t i = 0; i < state->n; i++) {
        struct mean m = {.sum = state[0].v[i], .n = 1};
        if (state[1].v)
            m = (struct mean){state[0].v[i], state[1].v[i], state[2].v[i], state[3].v[i] != 0};
        state[0].v[i] = mean_value(&m);
    }
}

const struct aggregate aggregate_avg = {
    .op = AGGREGATION_AVG, .nstate = 4, .widen = widen, .add = add, .finish = finish};
