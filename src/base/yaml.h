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
    size_t depth;                         /* mappings and lists that are open */
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

/* For documents that are told by their name: "line L, column C: ..." becomes "NAME:L:C: ...", and
 * the span goes. Returns code. */
enum ampql_code yaml_name(struct str name, enum ampql_code code, struct ampql_error *err);

/* Is the current value absent: an empty scalar, ~ or null? */
bool yaml_is_null(const struct yaml *yaml);

/* Go from the start of the stream to the document's value; *is_there is false when there is none or
 * it is null. After the value: there must be no second document. */
enum ampql_code yaml_begin_document(struct yaml *yaml, bool *is_there, struct ampql_error *err);
enum ampql_code yaml_end_document(struct yaml *yaml, struct ampql_error *err);

/* Begin a mapping or list: the current event must be its start. what  "a rule", for messages */
enum ampql_code yaml_begin(struct yaml *yaml, yaml_event_type_t type, const char *what,
                           struct ampql_error *err);

/* The next field of a mapping: its number in names [NULL-terminated], its value current; or -1 at
 * the end, and also when it fails before the value. seen  bits of the fields so far
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

/* Is the text no YAML from here on? */
static inline bool yaml_is_broken(const struct yaml *yaml)
{
    return yaml->parser.error != YAML_NO_ERROR;
}

/* After a failure inside the mapping or list that is open at this depth, for those who go on to
 * find what else is wrong: pass over what is left of the item or field, so that the next one can be
 * read. value_too  it failed at a field's name, and the value is yet to come err  as yaml_next,
 * when yaml_is_broken */
enum ampql_code yaml_pass(struct yaml *yaml, size_t depth, bool value_too, struct ampql_error *err);

/* The place in the text of byte `at` of a scalar's value, through quotes, escapes and folding. */
struct yaml_place yaml_inside(struct str text, const struct yaml_scalar *scalar, size_t at);

#endif
