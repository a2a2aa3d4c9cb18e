/* The texts of alerts: labels and annotations with actions in them, as Prometheus expands them by
 * Go's text/template.
 *
 *   {{ $labels.instance }} is at {{ $value | humanizePercentage }} of {{ printf "%.1f" .Value }}
 *
 * What is known here: $labels, $externalLabels, $externalURL, $value and their fields of the dot,
 * strings and numbers, parentheses, pipelines, comments, trimmed white space, and the functions
 * humanize, humanize1024, humanizeDuration, humanizePercentage, title, toUpper, toLower, printf,
 * externalURL. All else (if, range, with, query, variables of one's own, ...) is refused by name.
 *   see  Prometheus docs, "Template reference"; Go's text/template */
#ifndef AMPQL_SRC_TOOL_TEMPLATE_H
#define AMPQL_SRC_TOOL_TEMPLATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

struct template_data {
    const struct ampql_label *labels; /* [nlabels], sorted by name */
    size_t nlabels;
    const struct ampql_label *external_labels; /* [nexternal_labels], sorted by name */
    size_t nexternal_labels;
    struct str external_url;
    double value;
};

/* Expand text into out. work holds values on the way.
 *   err  AMPQL_UNSUPPORTED: "template {{ ... }}: why"; AMPQL_NOMEM; AMPQL_LIMIT: out is full */
enum ampql_code template_expand(struct str text, const struct template_data *data,
                                struct arena *work, struct buf *out, struct ampql_error *err);

/* Does every action end? What does not, no template reader takes. */
bool template_is_closed(struct str text);

#endif
