/* Price files. */
#ifndef AMPQL_SRC_COST_PRICES_H
#define AMPQL_SRC_COST_PRICES_H

#include <ampql/cost.h>

#include "base/arena.h"
#include "base/error.h"

/* As ampql_cost_prices_read; what is read on the way stays in the arena. */
enum ampql_code prices_read(struct str text, struct arena *arena,
                            struct ampql_cost_options *options, struct ampql_prices *prices,
                            struct ampql_error *err);

#endif
