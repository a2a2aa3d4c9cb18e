/* What reading from a source would take, as a table: for `ampql fetch --dry-run` and `ampql
 * explain`.
 */
#ifndef AMPQL_SRC_CLI_FORECAST_H
#define AMPQL_SRC_CLI_FORECAST_H

#include "cli/command.h"
#include "tool/fetch.h"

/* Dollars for a billion samples that are read: what AMP asks. */
#define FORECAST_PRICE 0.10

/* Print a row for each select, and when the server was asked for its series what all together would
 * be billed, on standard error. */
enum exit_status forecast_print(struct cli *cli, const struct fetch_plan *plan, double price);

#endif
