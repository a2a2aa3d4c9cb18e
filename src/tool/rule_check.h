/* `ampql rules check`: what is wrong with rules that load, and what they cost: labels that match
 * nothing, clusters that are merged, windows that are too short.
 *
 *   rule_check.c          the table of checks; files, rules, and what needs no data
 *   rule_check_expr.c     an expression against the data
 *   rule_check_metric.c   what the source has of a metric
 *   rule_fix.c            the corrected expression */
#ifndef AMPQL_SRC_TOOL_RULE_CHECK_H
#define AMPQL_SRC_TOOL_RULE_CHECK_H

#include <ampql/query.h>

#include "base/array.h"
#include "base/error.h"
#include "lang/ast.h"
#include "rules/rules.h"

enum rule_severity { RULE_INFO, RULE_WARNING, RULE_ERROR };

/* CHECK(name, text, severity, needs a source, what it finds) */
enum rule_check_id {
#define CHECK(name, ...) CHECK_##name,
#include "tool/rule_check.def"
    CHECK_COUNT
};

struct rule_check {
    const char *name;
    enum rule_severity severity; /* the worst that it gives */
    bool needs_source;
    const char *help;
};
extern const struct rule_check rule_checks[CHECK_COUNT];

/* "info", "warning", "error" */
const char *rule_severity_name(enum rule_severity severity);

struct rule_finding {
    enum rule_check_id check;
    enum rule_severity severity;
    size_t file;             /* of the checker's */
    size_t rule;             /* of its rules; SIZE_MAX: none that loaded */
    struct yaml_place place; /* in the file */
    size_t end;              /* byte after it */
    enum ampql_code code;    /* of CHECK_SYNTAX: why it does not load */
    struct str message;      /* what was found */
    struct str advice;       /* what to do; empty: the message says it */
    struct str fixed;        /* the corrected expression, with all that can be corrected in the
                                rule; empty: none. In the rule's first finding only */
};

/* A rule file. */
struct checked_file {
    const char *path;
    struct str text;
    struct ampql_rules *rules; /* what loads of it */
};

/* Where the data are; source NULL: nowhere. */
struct rule_check_data {
    struct ampql_engine *engine;
    struct ampql_source *source;
    const struct ampql_run_options *options; /* start_ms, end_ms: where series are looked for */
    struct str cluster_label;
};

struct metric;

/* Start from rule_checker_init. Everything lives in the arena, but for the rules. */
struct rule_checker {
    struct arena *arena;
    struct rule_check_data data;
    enum ampql_dialect dialect;
    struct {
        ARRAY(struct checked_file);
    } files;
    struct {
        ARRAY(struct rule_finding);
    } findings; /* by file, then by place */
    struct {
        ARRAY(struct metric);
    } metrics;
};

void rule_checker_init(struct rule_checker *checker, struct arena *arena,
                       const struct rule_check_data *data, enum ampql_dialect dialect);
void rule_checker_done(struct rule_checker *checker);

/* Read a file and note everything in it that does not load. text and path stay the caller's.
 *   err  AMPQL_LIMIT, AMPQL_NOMEM */
enum ampql_code rule_checker_add(struct rule_checker *checker, const char *path, struct str text,
                                 struct ampql_error *err);

/* Check all that loaded, across the files.
 *   err  what the source says, but that it does not hold what is asked; AMPQL_NOMEM */
enum ampql_code rule_checker_run(struct rule_checker *checker, struct ampql_error *err);

/* ---- between the files of the checker */

/* What the source has of a metric. */
struct metric {
    struct str name;
    bool is_unknown; /* the source cannot say */
    struct metric_series {
        const struct ampql_label *labels; /* [nlabels], sorted by name */
        size_t nlabels;
    } * series; /* [nseries] */
    size_t nseries;
    bool is_measured;
    int64_t interval_ms; /* between its samples; 0: not known */
};

/* A metric by name, looked up once. err  as rule_checker_run */
enum ampql_code metric_find(struct rule_checker *checker, struct str name, struct metric **out,
                            struct ampql_error *err);

/* How often a metric has samples, measured once, from a few of its series: those that a selector
 * text with a range selects when nothing else can be read.
 *   err  as rule_checker_run */
enum ampql_code metric_measure(struct rule_checker *checker, struct metric *metric,
                               struct str selector, struct ampql_error *err);

/* Does any of its series have the label? */
bool metric_has_label(const struct metric *metric, struct str label);

/* One rule that is checked. */
struct rule_case {
    struct rule_checker *checker;
    size_t file, index;
    const struct rule *rule;
    struct ast *ast;    /* its own tree, which may be changed */
    size_t first;       /* finding of the rule */
    bool has_old_label; /* what a fix has to do */
    bool merges;
    bool has_short_window;
    struct ampql_error *err;
};

/* Note a finding at a span of the rule's expression. */
enum ampql_code rule_note(struct rule_case *c, enum rule_check_id check,
                          enum rule_severity severity, struct span span, const char *advice,
                          const char *format, ...) __attribute__((format(printf, 6, 7)));

/* Does a rule of any file record that name? */
bool is_recorded(const struct rule_checker *checker, struct str name);

/* Walk the expression. err  as rule_checker_run */
enum ampql_code rule_check_expr(struct rule_case *c);

/* The name that a selector asks for by "="; empty: it does not say. */
struct str selector_name(const struct ast_selector *selector);

/* What a label of a metric was called before, and is called now; NULL: the same. */
const char *label_now(struct str metric, struct str label);

/* Change the rule's tree by what was found, and print it; *out is empty when that cannot be done.
 *   err  AMPQL_NOMEM */
enum ampql_code rule_fix(struct rule_case *c, struct str *out);

/* Does the function need two samples of a window: rate and its like? */
bool needs_two_samples(const struct signature *function);

/* Is a window shorter than two scrape intervals, jitter aside? One that holds four samples, in
 * whole seconds or minutes. */
bool is_too_short(int64_t window_ms, int64_t interval_ms);
int64_t window_for(int64_t interval_ms);

/* Does the result of an operator have the cluster label, when its sides have it, or not? */
bool operator_keeps(const struct rule_case *c, const struct ast *op, bool lhs, bool rhs);

/* Does the result of an expression have the label, when all selectors of metrics that have it do?
 * *dropped: the first aggregation that loses it. */
enum ampql_code keeps_label(struct rule_case *c, const struct ast *ast, bool *out,
                            const struct ast **dropped);

#endif
