/* Sharing idle costs: by what allocations cost themselves, of each resource on its own. */
#ifndef AMPQL_SRC_COST_SHARE_H
#define AMPQL_SRC_COST_SHARE_H

#include "base/index.h"
#include "cost/aggregate.h"

enum resource { RESOURCE_CPU, RESOURCE_RAM, RESOURCE_GPU, RESOURCE_COUNT };

/* Where idle costs belong: a cluster, or a node of it. */
struct share_group {
    struct str cluster, node;
    bool has_costs;                    /* allocations are in it, be they free */
    double cost[RESOURCE_COUNT];       /* $ of its allocations */
    double kept[RESOURCE_COUNT];       /* the part of that which passes the filter, 0 to 1 */
    double idle_cost[RESOURCE_COUNT];  /* to be carried by them, $ */
    double idle_hours[RESOURCE_COUNT]; /* core-hours, byte-hours, GPU-hours */
};

struct share {
    struct arena *arena;
    bool by_node;
    struct {
        ARRAY(struct share_group);
    } groups;
    struct index index;
};

/* share_done also after failures of the others. */
void share_init(struct share *share, bool by_node, const struct ampql_allocator *alc,
                struct arena *arena);
void share_done(struct share *share);

/* Count what an allocation costs in its group. err  AMPQL_NOMEM */
enum ampql_code share_count(struct share *share, const struct ampql_allocation *allocation,
                            struct ampql_error *err);

/* Idle costs that the allocations of their group carry. err  AMPQL_NOMEM */
enum ampql_code share_idle(struct share *share, const struct ampql_allocation *idle,
                           struct ampql_error *err);

/* After all were counted: give an allocation its part of the idle costs; returns what that is, $.
 */
double share_give(const struct share *share, struct ampql_allocation *allocation);

/* After all were counted: this one passes the filter. */
void share_keep(struct share *share, const struct ampql_allocation *allocation);

/* Idle costs that are not carried by others, less the part of those who do not pass the filter. */
void share_scale(const struct share *share, struct ampql_allocation *idle);

/* Leave of idle costs what nobody carries, because nothing of the resource was allocated; false
 * when there is nothing left. Its name is not changed. */
bool share_leave(const struct share *share, struct ampql_allocation *idle);

#endif
