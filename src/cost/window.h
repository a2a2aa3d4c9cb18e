/* Windows as people and OpenCost's API write them. */
#ifndef AMPQL_SRC_COST_WINDOW_H
#define AMPQL_SRC_COST_WINDOW_H

#include <ampql/cost.h>

#include "base/error.h"

/* As ampql_cost_window. */
enum ampql_code cost_window_parse(struct str text, int64_t now_ms, int64_t *start_ms,
                                  int64_t *end_ms, struct ampql_error *err);

#endif
