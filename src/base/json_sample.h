/* A sample of a Prometheus answer, [1700006400.123,"12.5"], read at once: what the JSON reader
 * gives as four tokens. */
#ifndef AMPQL_SRC_BASE_JSON_SAMPLE_H
#define AMPQL_SRC_BASE_JSON_SAMPLE_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum { JSON_SAMPLE_ROOM = 128 /* fewer bytes are left to the reader */ };

/* The sample that begins at p [n], in the form that servers write: no blanks, seconds above 0 with
 * at most three decimals, a value without escapes. The value is what number_parse gives.
 *
 *   value    out: the value's text, a view
 *   returns  the byte behind the sample; NULL when it is anything else, of which nothing is said */
const char *json_scan_sample(const char *p, size_t n, int64_t *t_ms, double *v, struct str *value);

#endif
