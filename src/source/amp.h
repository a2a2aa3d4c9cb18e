/* Where a workspace of Amazon Managed Service for Prometheus is. */
#ifndef AMPQL_SRC_SOURCE_AMP_H
#define AMPQL_SRC_SOURCE_AMP_H

#include "base/arena.h"
#include "base/error.h"

/* The base URL of a workspace, without a slash at its end:
 * "https://aps-workspaces.REGION.amazonaws.com/workspaces/WORKSPACE", in China's regions
 * ".amazonaws.com.cn".
 *
 *   endpoint  instead of the part before /workspaces; empty: none
 *   out       in the arena, NUL-terminated
 *   err       AMPQL_BAD_DATA: not the id of a workspace ("ws-" and letters, digits, dashes), not a
 *             region ("eu-central-1"); AMPQL_NOMEM
 *   see       AWS general reference, "Amazon Managed Service for Prometheus endpoints" */
enum ampql_code amp_url(struct arena *arena, struct str workspace, struct str region,
                        struct str endpoint, struct str *out, struct ampql_error *err);

/* The region in the host of an AMP URL ("https://aps-workspaces.eu-west-1.amazonaws.com/...");
 * empty when it is no such host. */
struct str amp_region_of(struct str url);

#endif
