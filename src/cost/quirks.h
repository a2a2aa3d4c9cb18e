/* Quirks: what is done only because OpenCost does it, each by a name. */
#ifndef AMPQL_SRC_COST_QUIRKS_H
#define AMPQL_SRC_COST_QUIRKS_H

#include <ampql/cost.h>

#include "base/error.h"

enum quirk {
#define QUIRK(id, ...) QUIRK_##id,
#include "cost/quirks.def"
    QUIRK_COUNT
};

struct quirks {
    bool is_on[QUIRK_COUNT];
};

/* The defaults, changed by a list such as "round-times=off,gpu-usage-now=on".
 *   err  AMPQL_BAD_DATA: no such quirk, or neither on nor off */
enum ampql_code quirks_parse(struct str text, struct quirks *out, struct ampql_error *err);

#endif
