/* Files as sources: those that the library reads, and the unit tests that only the command knows.
 */
#ifndef AMPQL_SRC_TOOL_FILE_SOURCE_H
#define AMPQL_SRC_TOOL_FILE_SOURCE_H

#include <ampql/source.h>

/* Open a file or folder as ampql_source_file does, and `.yml` and `.yaml` as promtool's unit tests:
 * the input_series of the one test that has any, from its start_timestamp, or from 0 on. All that
 * there is of them is in the file, so that they are samples whose ends are known.
 *   err  of ampql_source_file; of unit tests "FILE:LINE:COLUMN: ...": AMPQL_BAD_DATA: no unit test,
 *        a series twice; AMPQL_UNSUPPORTED: native histograms, several tests with series;
 *        AMPQL_LIMIT; AMPQL_NOT_FOUND; AMPQL_NOMEM */
enum ampql_code file_source_open(struct ampql_engine *engine, const char *path,
                                 const struct ampql_file_options *options,
                                 struct ampql_source **out, struct ampql_error *err);

#endif
