/* Assets as they are gathered: nodes, disks and load balancers, which may share a name. */
#ifndef AMPQL_SRC_COST_ASSETS_H
#define AMPQL_SRC_COST_ASSETS_H

#include "base/index.h"
#include "cost/model.h"

struct assets {
    struct cost_set *set;
    struct arena *work;
    struct {
        ARRAY(struct cost_asset);
    } items;
    struct index index; /* by cluster and name */
};

/* The asset of that name, made when it is new, with these times. err  AMPQL_NOMEM */
enum ampql_code asset_of(struct assets *assets, struct str cluster, struct str name,
                         int64_t start_ms, int64_t end_ms, struct cost_asset **out,
                         struct ampql_error *err);

/* Load balancers, and disks, which come after the nodes. err  AMPQL_NOMEM */
enum ampql_code balancer_assets_fold(struct assets *assets, const struct params *params,
                                     const struct answer *answers, struct ampql_error *err);
enum ampql_code disk_assets_fold(struct assets *assets, const struct params *params,
                                 const struct answer *answers, struct ampql_error *err);

#endif
