/* Argument and result types as Prometheus's documentation of functions gives them. */
#include "support/signatures.h"

#include <stddef.h>

#define S VALUE_SCALAR
#define V VALUE_VECTOR
#define M VALUE_MATRIX
#define T VALUE_STRING
#define ANY SIGNATURE_ANY
#define ARGS(...)                                                                                  \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

/* name, arguments, how many, how many of them optional, result */
#define ROW(f, a, n, o, r, x)                                                                      \
    {                                                                                              \
        .name = f, .help = "", .args = a, .nargs = n, .optional = o, .result = r,                  \
        .experimental = x                                                                          \
    }
#define F(f, a, n, o, r) ROW(f, ARGS a, n, o, r, false)
#define X(f, a, n, o, r) ROW(f, ARGS a, n, o, r, true) /* experimental */

static const struct signature rows[] = {
    F("abs", (V), 1, 0, V),
    F("absent", (V), 1, 0, V),
    F("absent_over_time", (M), 1, 0, V),
    F("acos", (V), 1, 0, V),
    F("acosh", (V), 1, 0, V),
    F("asin", (V), 1, 0, V),
    F("asinh", (V), 1, 0, V),
    F("atan", (V), 1, 0, V),
    F("atanh", (V), 1, 0, V),
    F("avg_over_time", (M), 1, 0, V),
    F("ceil", (V), 1, 0, V),
    F("changes", (M), 1, 0, V),
    F("clamp", (V, S, S), 3, 0, V),
    F("clamp_max", (V, S), 2, 0, V),
    F("clamp_min", (V, S), 2, 0, V),
    F("cos", (V), 1, 0, V),
    F("cosh", (V), 1, 0, V),
    F("count_over_time", (M), 1, 0, V),
    F("day_of_month", (V), 1, 1, V),
    F("day_of_week", (V), 1, 1, V),
    F("day_of_year", (V), 1, 1, V),
    F("days_in_month", (V), 1, 1, V),
    F("deg", (V), 1, 0, V),
    F("delta", (M), 1, 0, V),
    F("deriv", (M), 1, 0, V),
    F("exp", (V), 1, 0, V),
    F("first_over_time", (M), 1, 0, V),
    F("floor", (V), 1, 0, V),
    F("histogram_avg", (V), 1, 0, V),
    F("histogram_count", (V), 1, 0, V),
    F("histogram_fraction", (S, S, V), 3, 0, V),
    F("histogram_quantile", (S, V), 2, 0, V),
    F("histogram_stddev", (V), 1, 0, V),
    F("histogram_stdvar", (V), 1, 0, V),
    F("histogram_sum", (V), 1, 0, V),
    {.name = "holt_winters",
     .help = "",
     .args = {M, S, S},
     .nargs = 3,
     .result = V,
     .only_prom2 = true},
    F("hour", (V), 1, 1, V),
    F("idelta", (M), 1, 0, V),
    F("increase", (M), 1, 0, V),
    F("irate", (M), 1, 0, V),
    F("label_join", (V, T, T, T), 4, ANY, V),
    F("label_replace", (V, T, T, T, T), 5, 0, V),
    F("last_over_time", (M), 1, 0, V),
    F("ln", (V), 1, 0, V),
    F("log10", (V), 1, 0, V),
    F("log2", (V), 1, 0, V),
    F("max_over_time", (M), 1, 0, V),
    F("min_over_time", (M), 1, 0, V),
    F("minute", (V), 1, 1, V),
    F("month", (V), 1, 1, V),
    F("pi", (VALUE_NONE), 0, 0, S),
    F("predict_linear", (M, S), 2, 0, V),
    F("present_over_time", (M), 1, 0, V),
    F("quantile_over_time", (S, M), 2, 0, V),
    F("rad", (V), 1, 0, V),
    F("rate", (M), 1, 0, V),
    F("resets", (M), 1, 0, V),
    F("round", (V, S), 2, 1, V),
    F("scalar", (V), 1, 0, S),
    F("sgn", (V), 1, 0, V),
    F("sin", (V), 1, 0, V),
    F("sinh", (V), 1, 0, V),
    F("sort", (V), 1, 0, V),
    F("sort_desc", (V), 1, 0, V),
    F("sqrt", (V), 1, 0, V),
    F("stddev_over_time", (M), 1, 0, V),
    F("stdvar_over_time", (M), 1, 0, V),
    F("sum_over_time", (M), 1, 0, V),
    F("tan", (V), 1, 0, V),
    F("tanh", (V), 1, 0, V),
    F("time", (VALUE_NONE), 0, 0, S),
    F("timestamp", (V), 1, 0, V),
    F("vector", (S), 1, 0, V),
    F("year", (V), 1, 1, V),
    X("double_exponential_smoothing", (M, S, S), 3, 0, V),
    X("end", (VALUE_NONE), 0, 0, S),
    X("histogram_quantiles", (V, T, S, S, S, S), 12, 9, V),
    X("info", (V, V), 2, 1, V),
    X("integral", (M, S), 2, 1, V),
    X("mad_over_time", (M), 1, 0, V),
    X("max_of", (S, S), 2, 0, S),
    X("min_of", (S, S), 2, 0, S),
    X("range", (VALUE_NONE), 0, 0, S),
    X("sort_by_label", (V, T), 2, ANY, V),
    X("sort_by_label_desc", (V, T), 2, ANY, V),
    X("start", (VALUE_NONE), 0, 0, S),
    X("start_timestamp", (V), 1, 0, V),
    X("step", (VALUE_NONE), 0, 0, S),
    X("ts_of_first_over_time", (M), 1, 0, V),
    X("ts_of_last_over_time", (M), 1, 0, V),
    X("ts_of_max_over_time", (M), 1, 0, V),
    X("ts_of_min_over_time", (M), 1, 0, V),
};

const struct signature *signatures_find(struct str name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (str_equal(name, str_of(rows[i].name)))
            return &rows[i];
    return NULL;
}

const struct signature *signatures_all(size_t *n)
{
    *n = sizeof rows / sizeof *rows;
    return rows;
}
