/* Prometheus's test language: scripts that load series, evaluate expressions and say what comes
 * out.
 *
 *   load 1m
 *     requests_total{job="api"}  0 10 20 30 _ 50
 *
 *   eval instant at 5m sum_over_time(requests_total[5m])
 *     {job="api"} 110
 *
 * See Prometheus, promql/promqltest/README.md. Time begins at Unix 0. A comment `# dialect: prom2`
 * says for which Prometheus a script was written, `# name removal: immediate` that metric names go
 * at once and not at the end, `# values: exact` that values must have the same bits from there on;
 * anybody else's reader skips them. */
#ifndef AMPQL_SRC_TOOL_SCRIPT_H
#define AMPQL_SRC_TOOL_SCRIPT_H

#include "base/arena.h"
#include "base/error.h"

/* When the names go that operations drop: at once, or at the end of the query. */
enum name_removal { NAME_REMOVAL_DEFAULT, NAME_REMOVAL_DELAYED, NAME_REMOVAL_IMMEDIATE };

enum script_value_kind { SCRIPT_GAP, SCRIPT_NUMBER, SCRIPT_HISTOGRAM };

struct script_value {
    enum script_value_kind kind;
    double v; /* of a number; the stale marker has its own bits */
};

/* A line `name{label="value"} 1 2 _ 4`. */
struct script_series {
    size_t line, column;
    const struct ampql_label *labels; /* [nlabels], sorted by name, no empty values */
    size_t nlabels;
    const struct script_value *values; /* [nvalues] */
    size_t nvalues;
    bool has_histograms;
    bool has_start_times; /* of a line `name{...}@st` before it; only that they are there is kept */
};

/* What an error, warning or info must be. */
enum script_text_kind { SCRIPT_ANY_TEXT, SCRIPT_EXACT_TEXT, SCRIPT_REGEX_TEXT };

struct script_text {
    enum script_text_kind kind;
    struct str text;
};

struct script_texts {
    const struct script_text *at; /* [n]: each must be met, and everything said must meet one */
    size_t n;
};

struct script_grid {
    int64_t start_ms, end_ms, step_ms; /* an instant: step 0 */
};

enum script_result { SCRIPT_SERIES, SCRIPT_SCALAR, SCRIPT_STRING, SCRIPT_RANGE_VECTOR };

struct script_eval {
    struct str text; /* of the expression */
    size_t column;   /* where it begins on the command's line, from 1 */
    struct script_grid grid;
    bool is_ordered;
    bool is_exact; /* values are compared as bits */
    bool fails;
    struct script_text failure;
    struct script_texts warnings, infos;
    bool no_warnings, no_infos;
    enum script_result result;
    struct script_grid window;    /* RANGE_VECTOR: where the values lie */
    double scalar;                /* SCALAR */
    struct str string;            /* STRING */
    struct script_series *series; /* [nseries] of SERIES and RANGE_VECTOR */
    size_t nseries;
    bool has_histograms; /* expects them */
};

enum script_command_kind { SCRIPT_CLEAR, SCRIPT_LOAD, SCRIPT_EVAL };

struct script_command {
    enum script_command_kind kind;
    size_t line;                  /* from 1 */
    int64_t interval_ms;          /* LOAD: point i lies at i times this */
    bool converts_histograms;     /* LOAD: load_with_nhcb, native histograms of classic ones too */
    struct script_series *series; /* [nseries] of LOAD */
    size_t nseries;
    struct script_eval eval; /* EVAL */
};

struct script {
    const struct script_command *at; /* [n] */
    size_t n;
    enum ampql_dialect dialect;     /* of a `# dialect:` comment, or AMPQL_DIALECT_DEFAULT */
    enum name_removal name_removal; /* of a `# name removal:` comment, or NAME_REMOVAL_DEFAULT */
};

enum { SCRIPT_MAX_VALUES = 10000000 };

/* Parse a script; it refers to text and lives in the arena. Expressions are not looked into.
 *   err  AMPQL_BAD_DATA "FILE:LINE:COLUMN: ..."; AMPQL_LIMIT: over SCRIPT_MAX_VALUES values;
 *        AMPQL_NOMEM */
enum ampql_code script_parse(struct str text, const char *file, struct arena *arena,
                             struct script *out, struct ampql_error *err);

#endif
