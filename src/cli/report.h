/* Standard error: errors, warnings and statistics, as lines for people or (--error-format json) one
 * JSON object each. */
#ifndef AMPQL_SRC_CLI_REPORT_H
#define AMPQL_SRC_CLI_REPORT_H

#include <ampql/query.h>

#include "cli/command.h"

/* The rows that make --error-format a flag; report_format_scan reads it before all others. */
/* clang-format off */
#define REPORT_OPTIONS(type, member) \
    {"error-format", 0, OPTION_ENUM, offsetof(type, member), "text|json", \
     "errors and warnings as lines of text, or one JSON object each"}
/* clang-format on */

/* Does the command line or the environment ask for JSON errors? Looked at first, so that also a
 * usage error is reported as asked. */
bool report_format_scan(int argc, char **argv);

/* What is known about an error besides the message. */
struct report {
    const char *what;        /* file or flag at fault; NULL */
    struct str text;         /* the query text that err's span points into */
    bool says_where;         /* the message has line and column itself: show the caret only */
    const char *hint;        /* what to do about it; NULL */
    enum exit_status status; /* 0: what the code stands for */
};

/* Print the error:
 *
 *   ampql: error: 1:10: parse error: unexpected ")"
 *     rate(up[5m)
 *               ^
 *     hint: ...
 *
 * and return the status to exit with. */
enum exit_status report_error(struct cli *cli, const struct ampql_error *err, struct report report);

/* A mistake in how the command was called: STATUS_USAGE. */
enum exit_status report_usage(struct cli *cli, const char *hint, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "ampql: warning: ..." */
void report_warning(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same of text that somebody else wrote, of any length. */
void report_warning_text(struct cli *cli, struct str text);

/* "ampql: note: ...": nothing wrong, and no data. */
void report_note(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Annotations of a result as warnings and infos. */
void report_annotations(struct cli *cli, const struct ampql_result *result);

/* "ampql: stats: selects=1 series=3 samples=180" */
void report_stats(struct cli *cli, struct ampql_stats stats);

/* What a source has cost since it was opened, in that form. */
void report_source_stats(struct cli *cli, const struct ampql_source *source);

/* Of a query that asked a server, a line a select that it read: "ampql: stats: select
 * up{job="a"}[5m]: series=3 samples=180 requests=1 ..." */
void report_selects(struct cli *cli, const struct ampql_result *result);

/* Of a query of a batch that asked a server: "ampql: stats: query NAME: series=3 ...; shared with
 * others: series=..." */
void report_costs(struct cli *cli, const char *name, struct ampql_stats alone,
                  struct ampql_stats shared);

/* Memory ran out in the command itself. */
enum exit_status report_nomem(struct cli *cli);

#endif
