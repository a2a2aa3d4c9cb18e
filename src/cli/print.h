/* Results as tables, JSON, CSV, promtool's text and OpenMetrics. */
#ifndef AMPQL_SRC_CLI_PRINT_H
#define AMPQL_SRC_CLI_PRINT_H

#include <ampql/query.h>

#include "cli/command.h"

/* The places of the words in -o "table|json|csv|promql|openmetrics", of which a command may have
 * the first ones only. */
enum print_format { PRINT_TABLE = 1, PRINT_JSON, PRINT_CSV, PRINT_PROMQL, PRINT_OPENMETRICS };

/* The row for -o. */
/* clang-format off */
#define PRINT_OPTION(type, member, formats, help) \
    {"output", 'o', OPTION_ENUM, offsetof(type, member), formats, help}
/* clang-format on */

/* Print a result:
 *   table   a column a label, then TIME (of matrices) and VALUE
 *   json    the HTTP API's body
 *   csv     metric,labels,timestamp,value: a line a sample, labels as a JSON object, Unix seconds,
 *           fields quoted as RFC 4180 says, lines ended by a line feed
 *   promql  as promtool prints it: `up{job="a"} => 1 @[1709403009]`
 *   openmetrics  text that promtool makes blocks of; series without a name are an error
 * Failing to write is found when the output is closed; memory is reported here. */
enum exit_status print_result(struct cli *cli, const struct ampql_result *result,
                              enum print_format format);

/* One sample, as `print_result` has it in its csv and promql forms. */
void print_csv_head(struct output *out);
void print_csv_sample(struct cli *cli, const struct ampql_label *labels, size_t nlabels,
                      int64_t t_ms, double v);
void print_promql_sample(struct cli *cli, const struct ampql_label *labels, size_t nlabels,
                         int64_t t_ms, double v);

/* A label set as Prometheus writes it: `up{job="a"}`, `up`, `{job="a"}`, `{}`. */
struct str print_labels(struct arena *arena, const struct ampql_label *labels, size_t nlabels);

/* One CSV field, quoted when it has to be. */
void print_csv_field(struct output *out, struct str field);

/* The same as a JSON object, {"__name__":"up","job":"a"}. Both: p is NULL when memory is out. */
struct str print_labels_json(struct arena *arena, const struct ampql_label *labels, size_t nlabels);

/* The value of a label; empty when it is absent. */
struct str label_value(const struct ampql_label *labels, size_t nlabels, struct str name);

#endif
