/* Inside the reference evaluator: tables of rows, label sets as strings, and what a run holds. */
#ifndef AMPQL_TESTS_REFERENCE_TABLE_H
#define AMPQL_TESTS_REFERENCE_TABLE_H

#include "reference/reference.h"

#include "base/array.h"

#include <setjmp.h>

struct ref_labels {
    const struct reference_label *at; /* [n] */
    size_t n;
    bool loses_name; /* at the end of the query; no part of what makes two sets equal */
};

/* Steps start, start + step, ... [n]; n may be 0 inside a subquery that reaches no multiple of its
 * step. */
struct ref_grid {
    int64_t start, step;
    size_t n;
};

/* One series over the steps of a grid. */
struct ref_row {
    struct ref_labels labels;
    double *v;  /* [nsteps] */
    bool *here; /* [nsteps] has a value */
};

/* What an expression is at every step. A row that is nowhere present is left out. */
struct ref_table {
    enum value_type type; /* VALUE_SCALAR, VALUE_VECTOR or VALUE_STRING */
    size_t nsteps;
    double *scalar; /* [nsteps] of VALUE_SCALAR */
    struct str string;
    ARRAY(struct ref_row); /* of VALUE_VECTOR, in order */
};

/* A series of samples without stale markers. */
struct ref_points {
    struct ref_labels labels;
    int64_t *t; /* [n] */
    double *v;  /* [n] */
    size_t n;
};

/* What a range selector or subquery is: whole series, and where each step's window lies. */
struct ref_matrix {
    struct ref_points *at; /* [n] */
    size_t n;
    int64_t *end; /* [nsteps] each step's window ends here, inclusive */
    int64_t range_ms;
};

/* The samples of one window. */
struct ref_window {
    const int64_t *t;
    const double *v;
    size_t n;
    int64_t end, range_ms; /* the window; its left end is end - range_ms */
    int64_t eval_ms;       /* evaluation time of the step, without offset */
    double param2;         /* the second scalar argument */
    bool prom2;
};

struct ref_run {
    struct arena *arena;
    const struct reference_series **series; /* [n], in label order */
    size_t n;
    struct reference_options options;
    bool prom2, delays_names;
    int64_t query_start, query_end;
    struct ampql_error *err;
    jmp_buf failed;
};

/* ---- table.c */

/* End the run with AMPQL_EXECUTION (or another code) and a message. */
_Noreturn void ref_fail(struct ref_run *run, enum ampql_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Zeroed; never NULL. */
void *ref_alloc(struct ref_run *run, size_t n, size_t size);

int64_t ref_minus(int64_t a, int64_t b); /* stops at the ends of int64 */
int64_t ref_grid_time(const struct ref_grid *grid, size_t step);

struct str ref_get(struct ref_labels labels, struct str name); /* "" when absent */
bool ref_same(struct ref_labels a, struct ref_labels b);
struct ref_labels ref_keep(struct ref_run *run, struct ref_labels labels,
                           const struct names *names);
struct ref_labels ref_drop(struct ref_run *run, struct ref_labels labels,
                           const struct names *names);
struct ref_labels ref_set(struct ref_run *run, struct ref_labels labels, struct str name,
                          struct str value);
/* Without __name__, and in prom3 without __type__ and __unit__. */
struct ref_labels ref_remove_name(struct ref_run *run, struct ref_labels labels);
/* The same, or where names go at the end, marked. */
struct ref_labels ref_drop_name(struct ref_run *run, struct ref_labels labels);
/* {a="b", c="d"} as messages have it. */
const char *ref_labels_text(struct ref_run *run, struct ref_labels labels);

bool ref_is_label_name(const struct ref_run *run, struct str name);

struct ref_table *ref_table_new(struct ref_run *run, enum value_type type, size_t nsteps);
struct ref_row *ref_row_new(struct ref_run *run, struct ref_table *table, struct ref_labels labels);
/* Rows with equal labels become one, at the place of the first. Both present at one step is
 * `vector cannot contain metrics with the same labelset`; with whole, any two are. Rows without a
 * value are removed first. */
struct ref_table *ref_merge(struct ref_run *run, struct ref_table *table, bool whole);
/* The same after an operator of one step each, but where names go at the end, rows with equal
 * labels of a query of one step stay as they are. */
struct ref_table *ref_merge_steps(struct ref_run *run, struct ref_table *table,
                                  struct ref_grid grid);

/* ---- eval.c */
struct ref_table *ref_eval(struct ref_run *run, const struct ast *ast, struct ref_grid grid);
/* An instant selector; timestamps: the samples' own times in seconds instead of their values. */
struct ref_table *ref_select(struct ref_run *run, const struct ast *ast, struct ref_grid grid,
                             bool timestamps);
/* A range selector or subquery. */
struct ref_matrix ref_eval_matrix(struct ref_run *run, const struct ast *ast, struct ref_grid grid);
/* Samples of series i inside the window of a step. */
struct ref_window ref_window(struct ref_run *run, const struct ref_matrix *matrix, size_t i,
                             struct ref_grid grid, size_t step);

/* ---- extended.c: anchored and smoothed selectors */

/* Is the expression a range selector with anchored or smoothed? */
bool ref_is_extended(const struct ast *ast);
/* A function of one; ends the run with those that take none. */
struct ref_table *ref_extended_call(struct ref_run *run, const struct ast *ast,
                                    struct ref_grid grid);
/* The samples of one as the whole query, for the range (start, end]. */
struct ref_points ref_extended_points(struct ref_run *run, const struct ast *ast,
                                      const struct ref_points *points, int64_t start, int64_t end);
/* A smoothed instant selector's value at t; false: none. */
bool ref_smooth(struct ref_run *run, const struct ref_points *points, int64_t t, double *out);

/* ---- one file each */
/* start, end, step, range, max_of, min_of; NULL when it is none of these. */
struct ref_table *ref_query_call(struct ref_run *run, const struct ast *ast, struct ref_grid grid);
struct ref_table *ref_binary(struct ref_run *run, const struct ast *ast, struct ref_grid grid);
struct ref_table *ref_aggregate(struct ref_run *run, const struct ast *ast, struct ref_grid grid);
struct ref_table *ref_call(struct ref_run *run, const struct ast *ast, struct ref_grid grid);
/* A function of a range vector; NULL when this is none. */
struct ref_table *ref_range_call(struct ref_run *run, const struct ast *ast, struct ref_grid grid);
struct ref_table *ref_histogram_quantile(struct ref_run *run, const struct ast *ast,
                                         struct ref_grid grid);
struct ref_table *ref_histogram_quantiles(struct ref_run *run, const struct ast *ast,
                                          struct ref_grid grid);
struct ref_table *ref_histogram_fraction(struct ref_run *run, const struct ast *ast,
                                         struct ref_grid grid);
double ref_date(const char *function, double seconds);
/* Labels of absent() and absent_over_time(): from the `=` matchers of a bare selector. */
struct ref_labels ref_absent_labels(struct ref_run *run, const struct ast *ast);

/* ---- numeric.c */
/* As Go's Duration.Seconds: whole seconds plus a fraction. */
double ref_seconds(int64_t ms);
double ref_operator(enum op op, double a, double b); /* comparisons give 1 or 0 */
double ref_quantile(struct ref_run *run, double q, const double *v, size_t n);
/* Neumaier's compensated add; prom3 forgets the compensation when the sum is infinite. */
void ref_add(double x, double *sum, double *c, bool prom2);
double ref_min(double a, double b); /* Go's math.Min and math.Max */
double ref_max(double a, double b);
double ref_exp(double x);
double ref_ln(double x);
double ref_log2(double x);
double ref_log10(double x);
double ref_pow(double x, double y);

#endif
