/* min max: NaN only when all values are. */
#include "eval/aggregate.h"

#include <math.h>

#define FIRST(i) (best[i] = v[i])

static void add_min(struct row *state, const struct row *in, enum ampql_dialect dialect)
{
    double *best = state->v;
    const double *v = in->v;
    (void)dialect;
#define NEXT(i) (best[i] = v[i] < best[i] || isnan(best[i]) ? v[i] : best[i])
    AGGREGATE_STEPS(state, in, FIRST, NEXT);
#undef NEXT
}

static void add_max(struct row *state, const struct row *in, enum ampql_dialect dialect)
{
    double *best = state->v;
    const double *v = in->v;
    (void)dialect;
#define NEXT(i) (best[i] = v[i] > best[i] || isnan(best[i]) ? v[i] : best[i])
    AGGREGATE_STEPS(state, in, FIRST, NEXT);
#undef NEXT
}

const struct aggregate aggregate_min = {.op = AGGREGATION_MIN, .nstate = 1, .add = add_min};
const struct aggregate aggregate_max = {.op = AGGREGATION_MAX, .nstate = 1, .add = add_max};
