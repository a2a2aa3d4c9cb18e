/* One line of a test script: words, times, label sets, value sequences. */
#ifndef AMPQL_SRC_TOOL_SCRIPT_LINE_H
#define AMPQL_SRC_TOOL_SCRIPT_LINE_H

#include "base/yaml.h"
#include "tool/script.h"

struct script_place {
    const char *file;
    size_t line;
    struct str text; /* of the line, as it is in the script */
    /* In a unit test the text is a scalar's value, and its place is that in the YAML document. */
    const struct yaml_scalar *scalar; /* NULL: in a script */
    struct str document;
    struct arena *arena;
    struct ampql_error *err;
    size_t nvalues; /* so far in the whole script */
};

/* The column of p, from 1; 1 when it is not on the line. */
size_t script_column(const struct script_place *place, const char *p);

/* "FILE:LINE:COLUMN: message: "text"" with AMPQL_BAD_DATA; the column is where text lies. An empty
 * text is not quoted. */
enum ampql_code script_fail(const struct script_place *place, const char *message, struct str text);

struct str str_trim(struct str s);
/* Cut the first word off s; empty when there is none. */
struct str take_word(struct str *s);

/* "50m", "-1m", "0", "90". */
enum ampql_code parse_time(const struct script_place *place, struct str word, int64_t *out);

/* `name{a="b"} 1 2 _ 4+1x3`. */
enum ampql_code parse_series(struct script_place *place, struct str line,
                             struct script_series *out);

/* The two halves of it, each a text of its own. */
enum ampql_code parse_series_labels(struct script_place *place, struct str text,
                                    struct script_series *out);
enum ampql_code parse_series_values(struct script_place *place, struct str text,
                                    struct script_series *out);

/* Is it the line of start times of the next line's samples, `name{a="b"}@st -1m _ -30s+1sx3`? */
bool is_start_times(struct str line);

/* Its labels, and as many values as it has times. */
enum ampql_code parse_start_times(struct script_place *place, struct str line,
                                  struct script_series *out);

/* A quoted string. */
enum ampql_code parse_string(const struct script_place *place, struct str text, struct str *out);

#endif
