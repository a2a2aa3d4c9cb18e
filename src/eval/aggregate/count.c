/* count group: the number of series, or 1. */
#include "eval/aggregate.h"

#define FIRST(i) (state->v[i] = 1)

static void add_count(struct row *state, const struct row *in, enum ampql_dialect dialect)
{
    (void)dialect;
#define NEXT(i) (state->v[i]++)
    AGGREGATE_STEPS(state, in, FIRST, NEXT);
#undef NEXT
}

static void add_group(struct row *state, const struct row *in, enum ampql_dialect dialect)
{
    (void)dialect;
#define NEXT(i) ((void)i)
    AGGREGATE_STEPS(state, in, FIRST, NEXT);
#undef NEXT
}

const struct aggregate aggregate_count = {AGGREGATION_COUNT, 1, add_count, NULL, NULL};
const struct aggregate aggregate_group = {AGGREGATION_GROUP, 1, add_group, NULL, NULL};
