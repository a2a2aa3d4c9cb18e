/* Fields of allocations: what they are named by, and found by. */
#ifndef AMPQL_SRC_COST_FIELD_H
#define AMPQL_SRC_COST_FIELD_H

#include <ampql/cost.h>

#include "base/arena.h"
#include "base/error.h"

enum field_kind {
    FIELD_TEXT,            /* a string of every allocation, perhaps empty */
    FIELD_CONTROLLER,      /* "KIND:NAME" */
    FIELD_CONTROLLER_KIND, /* a string, unallocated when empty */
    FIELD_NAMESPACED,      /* "KIND:NAMESPACE:NAME" */
    FIELD_OF_KIND,         /* the controller, of one kind only */
    FIELD_SERVICES,        /* a list */
    FIELD_LABEL,           /* a label by its name */
    FIELD_ANNOTATION,
    FIELD_ALIAS,  /* a label or else an annotation that stands for the word */
    FIELD_NOTHING /* OpenCost knows it, and has no names for it */
};

struct field {
    const char *aggregate; /* what it is called in a list of aggregates; NULL: not there */
    const char *filter;    /* in a filter; NULL: not there */
    enum field_kind kind;
    size_t offset;     /* of a string in struct ampql_allocation */
    const char *label; /* of an alias, which labels unless options say others */
};

enum { FIELD_COUNT = 24, ALIAS_COUNT = 5 };
extern const struct field fields[FIELD_COUNT];

/* The field called so in a list of aggregates, in any case of letters, or in a filter; NULL: there
 * is none. */
const struct field *field_of_aggregate(struct str word);
const struct field *field_of_filter(struct str word);

/* The number of an alias, 0 to ALIAS_COUNT - 1. */
size_t field_alias(const struct field *field);

/* All names, ", " between them, for messages; out is NUL-terminated. */
enum { FIELD_NAMES_MAX = 400 };
const char *field_names(bool of_filter, char *out);

/* The string of FIELD_TEXT, FIELD_CONTROLLER... */
struct str field_text(const struct field *field, const struct ampql_allocation *allocation);

/* A label as Prometheus would have it: what is no ASCII letter, digit or "_" becomes "_", a
 * character each. In the arena; p is NULL when memory is out. */
struct str field_sanitize(struct str name, struct arena *arena);

/* Several, from a comma list; blanks around them go, and so do empty ones. err  AMPQL_NOMEM */
struct label_names {
    struct str *at;
    size_t n;
};
enum ampql_code field_label_names(struct str list, struct arena *arena, struct label_names *out,
                                  struct ampql_error *err);

/* The label's value in the order of names; NULL: there is none. */
const struct ampql_string *field_label(const struct ampql_label *labels, size_t n, struct str name);

/* s without blanks at its ends. */
struct str field_trim(struct str s);

#endif
