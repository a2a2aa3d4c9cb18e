/* `ampql capture redact`: a capture with tokens in place of label values, to attach to a bug
 * report.
 *
 * A token is a keyed hash (HMAC-SHA-256, cut to 64 bits) of the value alone: the same value has the
 * same token in every label, so that joins and groupings stay, also after label_replace has copied
 * a value from one label into another (node = instance). Whoever has the key can find a value's
 * token, nobody can turn one back. Metric names, numbers, and the values of labels with a fixed
 * vocabulary (le, quantile, resource, unit, ...) stay. */
#ifndef AMPQL_SRC_TOOL_REDACT_H
#define AMPQL_SRC_TOOL_REDACT_H

#include "base/error.h"

struct redact_options {
    const char *key_file; /* 16 bytes to 64 KiB; one line feed at its end is not the key's */
    const char *const *keep_labels; /* [nkeep_labels] whose values stay too */
    size_t nkeep_labels;
    const char *const *keep_values; /* [nkeep_values] that stay in every label */
    size_t nkeep_values;
    bool keeps_order;     /* tokens sort as the values do: sums add in the same order */
    const char *map_file; /* NULL: none; "token,value" lines, for the owner alone */
};

struct redact_report {
    uint64_t values;   /* that have tokens now */
    uint64_t expanded; /* regexes that became the values they had matched */
    uint64_t dropped;  /* selects whose regex had matched nothing: no token stands for it */
    uint64_t too_long; /* selects left out whose regex lists more tokens than a regex can */
};

/* Write the capture at `from` to `to`. Matchers ask for tokens, too: = and != for the value's, a
 * regex that is a list of values for those; any other regex, which tokens cannot match, becomes the
 * list of the values that it matched. What a server warned of and the source's name become tokens.
 *
 *   err  of capture_open and capture_log_finish; AMPQL_BAD_DATA: already redacted, `to` is the file
 *        that is read, a key that is too short or too long, two values with one token;
 *        AMPQL_NOT_FOUND: the key file; AMPQL_OUTPUT; AMPQL_NOMEM. Then there is neither output nor
 *        map, but for a map whose capture could not be put in place */
enum ampql_code tool_capture_redact(const struct ampql_allocator *alc, const char *from,
                                    const char *to, const struct redact_options *options,
                                    struct redact_report *report, struct ampql_error *err);

#endif
