/* Where the history of recording rules goes: OpenMetrics text that promtool makes blocks of, the
 * HTTP API's JSON, or a capture that can be queried as if a ruler had written it. */
#ifndef AMPQL_SRC_TOOL_BACKFILL_H
#define AMPQL_SRC_TOOL_BACKFILL_H

#include <ampql/rules.h>

#include "base/error.h"
#include "base/writer.h"
#include "series/exposition.h"

enum backfill_form { BACKFILL_OPENMETRICS, BACKFILL_JSON, BACKFILL_CAPTURE };

struct backfill {
    enum backfill_form form;
    const struct ampql_allocator *alc;
    struct exposition text;
    struct writer json;
    bool has_head;              /* of the JSON is written */
    struct ampql_source *store; /* of a capture: until all is there */
    const char *path;
    struct str name;   /* where the series come from, to be kept in the capture */
    uint64_t nmarkers; /* stale markers that the form cannot hold */
};

/* Begin. path and name are a capture's, write and payload take the text of the others; all must
 * outlive it.  err  AMPQL_NOMEM */
enum ampql_code backfill_open(struct backfill *out, enum backfill_form form,
                              const struct ampql_allocator *alc, const char *path, struct str name,
                              enum ampql_dialect dialect, ampql_write write, void *payload,
                              struct ampql_error *err);

/* Add a series; those of one name come one after the other, as ampql_rules_backfill gives them: an
 * ampql_take_recorded, whose payload is the backfill.
 *   err  AMPQL_UNSUPPORTED: what OpenMetrics cannot say; AMPQL_NOMEM */
enum ampql_code backfill_take(void *backfill, size_t rule, const struct ampql_series *series,
                              struct ampql_error *err);

/* End it. Only when code is AMPQL_OK is a text closed, and a capture there.
 *   returns  code; else err AMPQL_OUTPUT, AMPQL_NOMEM */
enum ampql_code backfill_close(struct backfill *backfill, enum ampql_code code,
                               struct ampql_error *err);

#endif
