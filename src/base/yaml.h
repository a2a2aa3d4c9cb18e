/* YAML for rule files and configuration: libyaml's events with places, aliases and tags refused,
 * and readers for the few shapes that occur: mappings with known fields, lists, and scalars.
 * Nothing here recurses: the shape of a file is known, and what does not fit it is refused where it
 * begins. */
#ifndef AMPQL_SRC_BASE_YAML_H
#define AMPQL_SRC_BASE_YAML_H

#include "base/arena.h"
#include "base/error.h"

#include <yaml.h>

/* The current event is always the first of the value that is to be read next; reading a value
 * leaves its last event current. */
struct yaml {
    const char *document; /* what is read, for messages: "a rule file" */
    bool hides_text;      /* values may be secrets: nothing of them is quoted */
    struct str text;
    yaml_parser_t parser;
    yaml_event_t event;
    size_t known_characters, known_bytes; /* where the current event begins, in both */
};

/* A place in the text: line and column from 1, the column in characters; byte offset. */
struct yaml_place {
    size_t line, column, offset;
};

/* A scalar's text and where it is written. */
struct yaml_scalar {
    struct str value; /* in the arena; empty when null */
    struct yaml_place place;
    size_t end; /* byte offset after it */
    yaml_scalar_style_t style;
    bool is_null; /* empty, ~ or null, without quotes */
};

/* Start reading `document` ("a rule file", for messages); close also after a failure.
 *   err  AMPQL_NOMEM */
enum ampql_code yaml_open(struct yaml *yaml, const char *document, struct str text,
                          struct ampql_error *err);
void yaml_close(struct yaml *yaml);

/* Make the next event current.
 *   err  AMPQL_BAD_DATA "line L, column C: ...": not YAML, an alias, an anchor, a tag; AMPQL_NOMEM
 */
enum ampql_code yaml_next(struct yaml *yaml, struct ampql_error *err);

/* Where the current event begins; the byte after it. */
struct yaml_place yaml_here(const struct yaml *yaml);
size_t yaml_here_end(const struct yaml *yaml);

/* Fail with AMPQL_BAD_DATA and "line L, column C: " before the message; the span is [offset, end).
 */
enum ampql_code yaml_fail(struct ampql_error *err, struct yaml_place place, size_t end,
                          const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Is the current value absent: an empty scalar, ~ or null? */
bool yaml_is_null(const struct yaml *yaml);

/* Begin a mapping or list: the current event must be its start. what  "a rule", for messages */
enum ampql_code yaml_begin(struct yaml *yaml, yaml_event_type_t type, const char *what,
                           struct ampql_error *err);

/* The next field of a mapping: its number in names [NULL-terminated], its value current; or -1 at
 * the end. seen  bits of the fields so far
 *   err  AMPQL_BAD_DATA: unknown, repeated, no string */
enum ampql_code yaml_field(struct yaml *yaml, const char *what, const char *const *names,
                           unsigned *seen, int *field, struct ampql_error *err);

/* The next key of a mapping with free names, its value current; *more is false at the end. */
enum ampql_code yaml_key(struct yaml *yaml, struct arena *arena, const char *what,
                         struct yaml_scalar *key, bool *more, struct ampql_error *err);

/* The next item of a list, current; *more is false at the end. */
enum ampql_code yaml_item(struct yaml *yaml, bool *more, struct ampql_error *err);

/* The current value as a scalar. what  "expr", for messages */
enum ampql_code yaml_scalar(struct yaml *yaml, struct arena *arena, const char *what,
                            struct yaml_scalar *out, struct ampql_error *err);

/* The place in the text of byte `at` of a scalar's value, through quotes, escapes and folding. */
struct yaml_place yaml_inside(struct str text, const struct yaml_scalar *scalar, size_t at);

#endif
