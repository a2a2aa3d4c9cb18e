/* What the capture tools print alike: selects, numbers, where a capture comes from. */
#ifndef AMPQL_SRC_TOOL_CAPTURE_PRINT_H
#define AMPQL_SRC_TOOL_CAPTURE_PRINT_H

#include <ampql/base.h>

#include "base/buf.h"
#include "source/held.h"
#include "source/redaction.h"

void capture_put_number(struct buf *out, const char *before, uint64_t n);

/* What was asked, and for which times; quoted for JSON. */
void capture_put_held(struct buf *out, const struct held *held, bool as_json);

/* Which values stayed: "no", or "all label values but of le, unit, and \"POD\"". */
void capture_put_redaction(struct buf *out, const struct redaction *redaction);

/* What a capture's origin says, in words: "prom2", "answers of a server". */
const char *capture_dialect_text(enum ampql_dialect dialect);
const char *capture_caps_text(uint32_t caps);

#endif
