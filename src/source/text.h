/* What the line formats share: lines with numbers, label sets, values. */
#ifndef AMPQL_SRC_SOURCE_TEXT_H
#define AMPQL_SRC_SOURCE_TEXT_H

#include "base/buf.h"
#include "source/input.h"
#include "source/store.h"

/* How a quoted label value is escaped. */
enum text_escapes {
    TEXT_ESCAPES_THREE, /* \\ \" \n; any other backslash stands for itself */
    TEXT_ESCAPES_GO     /* as Go's strconv.Quote writes */
};

struct text {
    struct input *input;
    struct store *store;
    enum text_escapes escapes;

    struct str piece; /* not yet used */
    bool is_read;
    struct buf partial; /* a line over several pieces */
    struct str line;    /* the line read last, without its end */
    size_t number;      /* of that line, from 1 */
    bool has_newline;   /* it ended in a line feed */

    struct {
        ARRAY(struct label);
    } labels;
    struct buf value; /* a label value without its escapes */
    struct buf known; /* the text of the label set read last, */
    size_t series;    /* and its series */
    bool has_series;
};

enum { TEXT_MAX_LINE = 1 << 20 };

void text_init(struct text *text, struct input *input, struct store *store,
               enum text_escapes escapes);
void text_done(struct text *text);

/* Read the next line; *is_end when there is none.
 *   err  AMPQL_BAD_DATA "NAME:LINE:COLUMN: ...": a NUL byte, invalid UTF-8; AMPQL_LIMIT: a line
 * over TEXT_MAX_LINE; and of input_next */
enum ampql_code text_next(struct text *text, bool *is_end, struct ampql_error *err);

/* labelset := [name] ["{" [item {"," item} [","]] "}"]
 * item     := (name | quoted) "=" quoted | quoted      (a quoted metric name)
 *
 * Read one from rest, go to what follows it, and find its series.
 *   err  AMPQL_BAD_DATA "NAME:LINE:COLUMN: ..."; AMPQL_LIMIT; AMPQL_NOMEM */
enum ampql_code text_series(struct text *text, struct str *rest, size_t *series,
                            struct ampql_error *err);

/* Add a label to those that are being read.
 *   err  AMPQL_LIMIT "NAME:LINE: ..."; AMPQL_NOMEM */
enum ampql_code text_add_label(struct text *text, symbol name, struct str value,
                               struct ampql_error *err);

/* Skip blanks and take what comes before the next one; empty at the end of the line. */
struct str text_word(struct str *rest);

/* A sample's value.
 *   err  AMPQL_BAD_DATA: no value, not a number; AMPQL_UNSUPPORTED: a native histogram */
enum ampql_code text_value(const struct text *text, struct str word, size_t series, double *out,
                           struct ampql_error *err);

/* Does the value of a native histogram begin here, `{count:...`? */
bool text_is_histogram(struct str rest);

/* Fail at a place in the line, "NAME:LINE:COLUMN: ...", where columns count bytes from 1; at NULL:
 * at all of it, "NAME:LINE: ...". */
enum ampql_code text_fail(const struct text *text, const char *at, enum ampql_code code,
                          struct ampql_error *err, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Put the same in front of err's message, and return code. */
enum ampql_code text_name(const struct text *text, const char *at, enum ampql_code code,
                          struct ampql_error *err);

#endif
