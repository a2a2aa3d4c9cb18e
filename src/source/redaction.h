/* Captures whose label values are tokens: which values stayed, what can still be asked.
 *
 * A token stands for one value, the same one in every label, so that what compares values for being
 * equal (joins, grouping, = and !=) works as before. What looks into their text does not: a select
 * that would is refused. */
#ifndef AMPQL_SRC_SOURCE_REDACTION_H
#define AMPQL_SRC_SOURCE_REDACTION_H

#include <ampql/source.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"

struct redaction {
    bool is_redacted;
    bool keeps_order;         /* tokens sort as the values did */
    const struct str *labels; /* [nlabels] whose values all stayed */
    size_t nlabels;
    const struct str *values; /* [nvalues] that stayed in every label */
    size_t nvalues;
};

/* Did the values of this label stay? Did this value, in any label? An empty one always does: it is
 * an absent label. */
bool redaction_keeps_label(const struct redaction *redaction, struct str name);
bool redaction_keeps_value(const struct redaction *redaction, struct str value);

bool redactions_equal(const struct redaction *a, const struct redaction *b);

/* token := "r_" 16 hex digits | "r_" 8 hex digits "_" 16 hex digits */
enum { REDACTION_TOKEN_MAX = 2 + 8 + 1 + 16 };
bool redaction_is_token(struct str text);

/* Is it a regex that says no more than whether there is a value: .* or .+? */
bool redaction_is_any(struct str regex);

/* Can it be told which series a select asks for?
 *   name  of the capture, for messages
 *   err   AMPQL_UNSUPPORTED: a matcher asks for values that are tokens now, or looks into them;
 *         AMPQL_PARSE: a regex; AMPQL_NOMEM */
enum ampql_code redaction_check(const struct redaction *redaction,
                                const struct ampql_select *select, const char *name,
                                const struct ampql_allocator *alc, struct ampql_error *err);

/* Append what whoever gets an answer must know; nothing when nothing is redacted. */
void redaction_warning(struct buf *out, const struct redaction *redaction);

#endif
