/* Filters: which allocations to look at, in the language of OpenCost's API ("filter v2").
 *
 *   namespace:"kube-system"+(controllerKind:"job"|label[app]~:"batch")
 *
 *   filter     := element (("+" element)* | ("|" element)*)
 *   element    := comparison | "(" filter ")"
 *   comparison := field ["[" name "]"] operator value ("," value)*
 *   operator   := ":" | "~:" | "<~:" | "~>:", each also with "!" before it
 *   value      := '"' any bytes but '"' '"'
 *
 * Blanks are free between these. An empty filter lets all pass. */
#ifndef AMPQL_SRC_COST_FILTER_H
#define AMPQL_SRC_COST_FILTER_H

#include "cost/field.h"

enum filter_kind { FILTER_AND, FILTER_OR, FILTER_TEST };
enum filter_op { FILTER_EQUALS, FILTER_CONTAINS, FILTER_STARTS, FILTER_ENDS };

struct filter {
    enum filter_kind kind;
    const struct filter *first, *next; /* operands of AND and OR; the next one of the parent's */

    /* of a test */
    const struct field *field;
    enum filter_op op;
    bool is_negated;         /* no value may match; else one must */
    struct label_names keys; /* of a label, an annotation or an alias: n 0, of all of them */
    const struct str *values;
    size_t nvalues;
};

enum { FILTER_DEPTH_MAX = 64 };

/* Read a filter; *out is NULL when it is empty. Everything is in the arena, but for values, which
 * are views of the text.
 *   aliases  [ALIAS_COUNT] labels that stand for departments and so on
 *   err      AMPQL_BAD_DATA with the span: what was expected there; "+" and "|" mixed; an unknown
 *            field; nested deeper than FILTER_DEPTH_MAX; AMPQL_NOMEM */
enum ampql_code filter_parse(struct str text, const struct label_names *aliases,
                             struct arena *arena, const struct filter **out,
                             struct ampql_error *err);

/* Does an allocation pass? NULL lets all pass. */
bool filter_matches(const struct filter *filter, const struct ampql_allocation *allocation);

#endif
