/* How much there was of what queries need: steps of the window in which a metric had samples. */
#ifndef AMPQL_SRC_COST_COVERAGE_H
#define AMPQL_SRC_COST_COVERAGE_H

#include "cost/model.h"

/* Is a query's data counted, and by a query of its own? */
bool cost_coverage_is_kept(enum cost_query query, const struct params *params);
bool cost_coverage_is_asked(enum cost_query query, const struct params *params);

/* Append the PromQL that says, by cluster, at which steps a query's series have samples: the
 * selects are the query's own, so nothing more is read. buf->failed says AMPQL_NOMEM. */
void cost_coverage_render(struct buf *out, enum cost_query query, const struct params *params);

/* Count steps into the set. err  AMPQL_NOMEM */
enum ampql_code cost_coverage_fold(struct model *model, struct ampql_error *err);

/* Add what a piece of the window has to the whole's. err  AMPQL_NOMEM */
enum ampql_code cost_coverage_add(struct cost_set *set, const struct cost_set *piece,
                                  struct ampql_error *err);

/* Warn where data that the bill needs is missing. err  AMPQL_NOMEM */
enum ampql_code cost_coverage_warn(struct cost_set *set, struct ampql_error *err);

#endif
