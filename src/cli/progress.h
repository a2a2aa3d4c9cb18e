/* How far fetching has come: a line on a terminal's standard error that is written over, or with
 * --progress json a line of JSON each second. */
#ifndef AMPQL_SRC_CLI_PROGRESS_H
#define AMPQL_SRC_CLI_PROGRESS_H

#include <ampql/source.h>

enum { PROGRESS_AUTO = 1, PROGRESS_JSON, PROGRESS_NONE };

struct progress {
    int mode; /* of the flag; 0: auto */
    bool is_tty;
    bool is_shown;      /* the line is there now */
    int64_t written_ms; /* when it was last written, by elapsed_ms */
};

/* An ampql_progress_report whose payload is a struct progress. */
void progress_report(void *payload, const struct ampql_progress *progress);

/* One line of it, for people: "12/48 windows, 1.2M samples/s, 14.2 MB/s, 3 retries, 9s left".
 * NUL-terminated in out [size]. */
void progress_line(const struct ampql_progress *progress, char *out, size_t size);

#endif
