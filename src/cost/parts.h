/* Parts of assets: what an allocation costs of each node, volume and load balancer, beside what
 * that costs as a whole; or of each cluster. */
#ifndef AMPQL_SRC_COST_PARTS_H
#define AMPQL_SRC_COST_PARTS_H

#include "cost/aggregate.h"

void parts_add_costs(struct ampql_asset_costs *sum, const struct ampql_asset_costs *more);

/* Give an allocation its parts, in the arena: of its node, its load balancers, its volumes, in this
 * order; the whole is not known yet. Idle costs that it carries are no part of it, so this comes
 * first. err  AMPQL_NOMEM */
enum ampql_code parts_of(struct ampql_allocation *allocation, bool by_node, struct arena *arena,
                         struct ampql_error *err);

/* Fill in the whole of each part, from the assets of a window: of the set, or where it has none for
 * that window, of its steps in it. err  AMPQL_NOMEM */
enum ampql_code parts_fill(struct ampql_allocations *bill, const struct aggregate *by,
                           struct bill_window *window, struct ampql_error *err);

/* Warn of parts whose asset was not found. err  AMPQL_NOMEM */
enum ampql_code parts_warn(struct ampql_allocations *bill, struct ampql_error *err);

/* AMPQL_BAD_DATA: there are no idle costs. */
enum ampql_code parts_refuse(struct ampql_error *err);

/* Does the set have what assets cost in its steps? */
bool parts_are_known(const struct cost_set *set);

#endif
