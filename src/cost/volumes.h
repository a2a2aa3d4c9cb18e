/* What the files of volumes share: volumes, claims on them, and which pods use those. */
#ifndef AMPQL_SRC_COST_VOLUMES_H
#define AMPQL_SRC_COST_VOLUMES_H

#include "cost/model.h"

struct volume {
    struct str cluster, name, provider_id;
    int64_t start_ms, end_ms;
    double bytes;
    double gib_hour_price; /* $ */
    bool is_seen;          /* it has times */
    bool is_priced, is_claimed;
};

struct claim {
    struct str cluster, namespace_name, name;
    int64_t start_ms, end_ms;
    size_t volume;
    double bytes; /* requested */
    bool is_used;
    struct {
        ARRAY(size_t);
    } users; /* numbers of pods, some perhaps twice */
};

struct storage {
    struct {
        ARRAY(struct volume);
    } volumes;
    struct {
        ARRAY(struct claim);
    } claims;
    struct index volume_index, claim_index;
};

/* Give each container its part of the claims that its pod uses, and the rest to what stands for the
 * namespace. err  AMPQL_NOMEM */
enum ampql_code claims_share(struct model *model, const struct storage *storage,
                             struct ampql_error *err);

/* A container's part of a volume. err  AMPQL_NOMEM */
enum ampql_code volume_add(struct model *model, struct container *container,
                           const struct volume *volume, double byte_hours, double cost,
                           struct ampql_error *err);

#endif
