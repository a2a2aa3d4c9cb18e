/* What the type check must know of a function. The kernels are rows of tables in eval/function,
 * whose first member is a signature; the parser is handed a finder and so knows no kernel. */
#ifndef AMPQL_SRC_LANG_SIGNATURE_H
#define AMPQL_SRC_LANG_SIGNATURE_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* PromQL's value types; "matrix" is the range vector. */
enum value_type { VALUE_NONE, VALUE_SCALAR, VALUE_VECTOR, VALUE_MATRIX, VALUE_STRING };

/* "none", "scalar", "instant vector", "range vector", "string": as Prometheus's messages say them.
 */
const char *value_type_text(enum value_type type);

enum { SIGNATURE_ARGS = 6, SIGNATURE_ANY = -1 };

/* How a call is planned and evaluated. The kernels themselves are in eval/function. */
enum kernel {
    KERNEL_MAP,       /* row by row: the vector argument streams, scalar arguments are parameters */
    KERNEL_RANGE,     /* series by series over windows of samples */
    KERNEL_CALL,      /* whole values in, whole values out */
    KERNEL_TIMESTAMP, /* timestamp(): of a bare selector the sample's own time */
    KERNEL_ABSENT,    /* absent(): needs the selector's matchers */
    KERNEL_ABSENT_OVER_TIME
};

struct signature {
    const char *name;
    const char *help;             /* one line for `ampql functions` */
    uint8_t args[SIGNATURE_ARGS]; /* enum value_type of each argument, the last one repeats when
                                     variadic */
    uint8_t nargs;                /* declared arguments */
    int8_t optional; /* how many of them may be left out; SIGNATURE_ANY: the last one 0..n times */
    uint8_t result;  /* enum value_type */
    bool experimental; /* refused unless experimental functions are on */
    uint8_t kernel;    /* enum kernel */
    bool keeps_name;   /* the result keeps __name__ */
    bool reads_time;   /* depends on the evaluation time: never step-invariant */
    bool reads_query;  /* depends on the query's start, end or step: another query has another value
                        */
    bool only_prom2;   /* holt_winters */
    bool is_refused;   /* known by name only: has no kernel */
};

/* Finds by exact, case-sensitive name; NULL when there is no such function. */
typedef const struct signature *(*signature_finder)(struct str name);

#endif
