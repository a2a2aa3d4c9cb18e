/* Bills as tables, CSV, and pages for a browser. */
#ifndef AMPQL_SRC_CLI_COST_PRINT_H
#define AMPQL_SRC_CLI_COST_PRINT_H

#include <ampql/cost.h>

#include "cli/command.h"

/* The places of the words in -o "table|json|csv|ndjson|summary". */
enum cost_format { COST_TABLE = 1, COST_JSON, COST_CSV, COST_NDJSON, COST_SUMMARY };

/* Print a bill:
 *   table    a line each with costs and efficiency, rounded, and their sum; costs that nobody has
 *            are left out; with several windows, when each starts
 *   json     OpenCost's /allocation     ndjson  its objects, one a line
 *   summary  its /allocation/summary
 *   csv      a line each, not rounded
 * by  what heads the names. Failing to write is found when the output is closed; memory is reported
 * here. */
enum exit_status cost_print(struct cli *cli, const struct ampql_allocations *bill, const char *by,
                            enum cost_format format);

/* The same as one HTML page that needs nothing else: costs over time, idle costs, efficiency, and a
 * table that a browser with JavaScript sorts. err  AMPQL_OUTPUT: write said so; AMPQL_NOMEM */
enum ampql_code cost_print_html(const struct ampql_allocations *bill, const char *by,
                                const struct ampql_allocator *alc, ampql_write write,
                                void *payload);

#endif
