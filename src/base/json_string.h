/* The inside of JSON strings: what the reader and the writer share. */
#ifndef AMPQL_SRC_BASE_JSON_STRING_H
#define AMPQL_SRC_BASE_JSON_STRING_H

#include "base/str.h"

/* A string as far as it was looked at. */
struct json_scan {
    enum { SCAN_OPEN, SCAN_CLOSED, SCAN_WRONG, SCAN_TOO_LONG } end;
    size_t at;       /* of the closing quote, or of what is wrong */
    bool is_raw;     /* no escapes in it */
    const char *why; /* what was expected */
};

/* Look at a string's bytes after its opening quote, in order, up to the closing one. The order
 * makes the first thing that is wrong the same however the string was cut into pieces.
 *
 *   max_string  bytes that it may have when it is unescaped */
struct json_scan json_scan_string(struct str s, size_t max_string);

/* Unescape p [n], a string that json_scan_string accepted, in place: it only gets shorter. Returns
 * the new length. */
size_t json_unescape(char *p, size_t n);

#endif
