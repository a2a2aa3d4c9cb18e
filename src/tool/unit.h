/* promtool's rule unit tests: a YAML file that names rule files, gives input series, and says what
 * expressions and alerts come to at some time.
 *
 *   rule_files: [rules.yml]
 *   evaluation_interval: 1m
 *   tests:
 *   - interval: 1m
 *     input_series:
 *     - {series: 'requests_total{job="a"}', values: '0+60x10'}
 *     promql_expr_test:
 *     - {expr: 'job:requests:rate5m', eval_time: 10m, exp_samples: [{labels: ..., value: 1}]}
 *     alert_rule_test:
 *     - {alertname: Busy, eval_time: 10m, exp_alerts: [{exp_labels: {job: a}}]}
 *
 * At each evaluation_interval from 0 on all rules are evaluated, group by group, over what the
 * series and earlier rules have until then, and what they give goes into the same storage; then the
 * expressions run over it.
 *   see  Prometheus docs, "Unit testing for rules"
 *
 *   unit_read.c    the YAML
 *   unit_load.c    the rule files that it names
 *   unit_run.c     a test: series, ticks, all rules
 *   unit_check.c   what is expected against what is there
 *   unit_record.c  what a recording rule gives
 *   unit_alert.c   alerts: pending, firing, kept, gone */
#ifndef AMPQL_SRC_TOOL_UNIT_H
#define AMPQL_SRC_TOOL_UNIT_H

#include "base/array.h"
#include "base/buf.h"
#include "base/yaml.h"
#include "rules/rules.h"
#include "tool/runner.h"
#include "tool/script.h"
#include "tool/storage.h"

/* An alert that is expected to fire; labels and annotations sorted by name. */
struct unit_alert {
    const struct ampql_label *labels; /* [nlabels], without alertname */
    size_t nlabels;
    const struct ampql_label *annotations; /* [nannotations] */
    size_t nannotations;
};

struct unit_alert_test {
    size_t line;
    int64_t t_ms; /* since the start */
    struct str name;
    const struct unit_alert *alerts; /* [nalerts] */
    size_t nalerts;
};

struct unit_expr_test {
    size_t line;
    int64_t t_ms; /* since the start */
    struct yaml_scalar expr;
    struct script_series *samples; /* [nsamples], one value each */
    size_t nsamples;
    bool has_histograms; /* expects them */
};

struct unit_test {
    size_t line;
    struct str name;              /* may be empty */
    int64_t interval_ms;          /* between the values of its series, > 0 */
    int64_t start_ms;             /* Unix ms */
    struct script_series *series; /* [nseries] */
    size_t nseries;
    const struct unit_expr_test *exprs; /* [nexprs] */
    size_t nexprs;
    const struct unit_alert_test *alerts; /* [nalerts] */
    size_t nalerts;
    const struct ampql_label *external_labels; /* [nexternal_labels], sorted by name */
    size_t nexternal_labels;
    struct str external_url;
};

struct unit_file {
    const struct yaml_scalar *rule_files; /* [nrule_files] paths or patterns */
    size_t nrule_files;
    int64_t interval_ms;             /* between evaluations, > 0 */
    const struct yaml_scalar *order; /* [norder] names of groups */
    size_t norder;
    bool is_fuzzy;                 /* neighbouring doubles are equal */
    const struct unit_test *tests; /* [ntests] */
    size_t ntests;
};

/* Read a file into the arena; it refers to text. Expressions are not looked into.
 *   err  AMPQL_BAD_DATA "FILE:LINE:COLUMN: ..."; AMPQL_LIMIT: too many values; AMPQL_NOMEM */
enum ampql_code unit_read(struct str text, const char *file, struct arena *arena,
                          struct unit_file *out, struct ampql_error *err);

/* ---- runs */

/* The rules of a file's rule files, in the order in which their groups are evaluated. */
struct unit_group {
    const char *path;
    const struct ampql_rules *rules;
    size_t group;         /* of those rules */
    size_t place, number; /* in group_eval_order, else 0; as it was loaded */
};

struct unit_rules {
    struct {
        ARRAY(struct ampql_rules *);
    } loaded;
    struct {
        ARRAY(struct unit_group);
    } groups;
};

/* Load the rule files that a unit test file names. Groups that group_eval_order names come after
 * the others (promtool takes these in any order; here it is that of the files), in its order.
 *   dir   of the file, with its slash, or empty
 *   warn  told of patterns that match nothing, and of names that no group has
 *   err   AMPQL_BAD_DATA, AMPQL_PARSE and others as ampql_rules_load, with the rule file's name;
 *         free the rules also then */
enum ampql_code unit_load(const struct unit_file *file, struct str dir, struct ampql_engine *engine,
                          struct arena *arena, void (*warn)(void *payload, const char *message),
                          void *payload, struct unit_rules *out, struct ampql_error *err);
void unit_unload(struct unit_rules *rules);

/* What a test is run with. */
struct unit_context {
    struct ampql_engine *engine; /* of the dialect */
    const struct unit_file *file;
    struct str text; /* of the file, for places in it */
    const struct unit_rules *rules;
    const struct run_options *options; /* name_removal is that of the run: default is immediate */
    struct run_counts *counts;
};

/* Run one test of the file. Adds to counts.
 *   err  AMPQL_LIMIT: too many evaluations; AMPQL_NOMEM */
enum ampql_code unit_run(const struct unit_context *context, const struct unit_test *test,
                         struct ampql_error *err);

/* ---- rules, between the files of unit tests */

/* A sample that an evaluation gives. */
struct unit_sample {
    const struct ampql_label *labels; /* [nlabels], sorted by name */
    size_t nlabels;
    double v;
};

struct unit_samples {
    ARRAY(struct unit_sample);
};

/* What a recording rule makes of its expression's result, in the arena.
 *   limit  of series; 0: none
 *   err    AMPQL_EXECUTION as Prometheus has it; AMPQL_NOMEM */
enum ampql_code record_evaluate(const struct rule *rule, uint64_t limit,
                                const struct ampql_result *result, struct arena *arena,
                                struct unit_samples *out, struct ampql_error *err);

enum alert_state { ALERT_PENDING, ALERT_FIRING, ALERT_INACTIVE };

struct active_alert {
    const struct ampql_label *labels; /* [nlabels], sorted by name, alertname among them */
    size_t nlabels;
    const struct ampql_label *annotations; /* [nannotations], sorted by name */
    size_t nannotations;
    enum alert_state state;
    int64_t active_at_ms;
    int64_t keep_since_ms; /* since when it is only kept firing */
    bool is_kept;
    uint64_t seen; /* the evaluation that last gave it */
};

/* An alerting rule over time. Start from zero. */
struct alert_rule {
    const struct rule *rule;
    uint64_t limit; /* of its group; 0: none */
    struct {
        ARRAY(struct active_alert);
    } active;
    uint64_t nevaluations;
    struct str unsupported; /* why annotations could not be made; p NULL: they could */
};

/* Go on to time t, at which the rule's expression gave this result; ALERTS and ALERTS_FOR_STATE
 * into out. What stays is in `keep`, what is needed for this evaluation in `work`.
 *   err  AMPQL_EXECUTION as Prometheus has it; AMPQL_UNSUPPORTED: a label's template; AMPQL_NOMEM
 */
enum ampql_code alert_evaluate(struct alert_rule *alert, const struct unit_test *test, int64_t t_ms,
                               const struct ampql_result *result, struct arena *keep,
                               struct arena *work, struct unit_samples *out,
                               struct ampql_error *err);

/* ---- a test on its way, between unit_run.c and unit_check.c */

/* A rule of the test: what it gave last, for the series that end. */
struct unit_rule {
    const struct rule *rule;
    const struct unit_group *group;
    struct {
        ARRAY(size_t); /* numbers of series in the storage */
    } before;
    struct alert_rule alert;
};

struct unit_test_run {
    const struct unit_context *context;
    const struct unit_test *test;
    struct arena keep;      /* until the end of the test */
    struct arena work;      /* until the end of a step */
    struct storage storage; /* what the series and rules have given so far */
    struct ampql_source *source;
    size_t *next; /* [nseries] of each input series: its first value that is not in yet */
    struct unit_rule *rules; /* [nrules] */
    size_t nrules;
    struct {
        ARRAY(uint64_t);
    } seen; /* by series of the storage: the last evaluation that gave it */
    uint64_t nevaluations;
    struct buf diff;        /* of the case at hand */
    struct str unsupported; /* why nothing more can be said; p NULL: it can */
    bool is_over;           /* a rule failed: what follows would mean nothing */
    struct ampql_error *err;
};

/* How to evaluate at a time. */
struct ampql_run_options unit_options_at(const struct unit_test_run *run, int64_t t_ms);

/* Count a case and tell of it; what differs is in run->diff. The text is "TEST: KIND WHAT at 5m".
 */
void unit_report(struct unit_test_run *run, size_t line, const char *kind, struct str what,
                 int64_t t_ms, enum verdict verdict, struct str reason);

/* The tests of alerts whose time is from this tick on and before the next; all tests of
 * expressions.
 *   err  AMPQL_NOMEM */
enum ampql_code unit_check_alerts(struct unit_test_run *run, int64_t tick_ms);
enum ampql_code unit_check_exprs(struct unit_test_run *run);

/* Tell of the tests that are not looked at: alerts from a time on (since the start), and all
 * expressions. */
void unit_skip_rest(struct unit_test_run *run, int64_t from_ms, struct str reason);

#endif
