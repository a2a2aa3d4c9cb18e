/* stddev stdvar: spread around the mean, in one pass (Welford), not compensated. */
#include "eval/aggregate.h"

#include <math.h>

/* State rows: mean, sum of squares around it, count. */
static inline void next(struct row *state, size_t i, double v)
{
    double *mean = &state[0].v[i], *squares = &state[1].v[i], *n = &state[2].v[i];
    double away = v - *mean;
    *n += 1;
    *mean += away / *n;
    *squares += away * (v - *mean);
}

static void widen(struct row *state)
{
    for (size_t i = 0; i < state->n; i++) {
        state[1].v[i] = 0;
        state[2].v[i] = 1;
    }
}

static void add(struct row *state, const struct row *in, enum ampql_dialect dialect)
{
    (void)dialect;
#define FIRST(i) (state[0].v[i] = in->v[i], state[1].v[i] = 0, state[2].v[i] = 1)
#define NEXT(i) next(state, i, in->v[i])
    AGGREGATE_STEPS(&state[0], in, FIRST, NEXT);
#undef NEXT
#undef FIRST
}

static void finish_stdvar(struct row *state, enum ampql_dialect dialect)
{
    for (size_t i = 0; i < state->n; i++) {
        bool is_single = !state[1].v || state[2].v[i] == 1;
        if (!is_single)
            state[0].v[i] = state[1].v[i] / state[2].v[i];
        else if (dialect == AMPQL_PROM2 || isfinite(state[0].v[i]))
            state[0].v[i] = 0;
        else
            state[0].v[i] = double_of(NAN_BITS); /* a single NaN or Inf has no spread in 3.x */
    }
}

static void finish_stddev(struct row *state, enum ampql_dialect dialect)
{
    finish_stdvar(state, dialect);
    for (size_t i = 0; i < state->n; i++)
        state[0].v[i] = sqrt(state[0].v[i]);
}

const struct aggregate aggregate_stddev = {
    .op = AGGREGATION_STDDEV, .nstate = 3, .widen = widen, .add = add, .finish = finish_stddev};
const struct aggregate aggregate_stdvar = {
    .op = AGGREGATION_STDVAR, .nstate = 3, .widen = widen, .add = add, .finish = finish_stdvar};
