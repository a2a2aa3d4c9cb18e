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
 *   unit_run.c     a test: series, ticks, and what is expected
 *   unit_alert.c   alerts: pending, firing, kept, gone */
#ifndef AMPQL_SRC_TOOL_UNIT_H
#define AMPQL_SRC_TOOL_UNIT_H

#include "base/yaml.h"
#include "tool/runner.h"
#include "tool/script.h"

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

#endif
