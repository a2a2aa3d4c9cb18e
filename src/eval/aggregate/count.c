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

static void first(struct row *state)
{
    for (size_t i = 0; i < state->n; i++)
        state->v[i] = 1;
}

const struct aggregate aggregate_count = {
    .op = AGGREGATION_COUNT, .nstate = 1, .first = first, .add = add_count};
const struct aggregate aggregate_group = {
    .op = AGGREGATION_GROUP, .nstate = 1, .first = first, .add = add_group};
