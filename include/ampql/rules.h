/* Recording rules: Prometheus rule files, evaluated without a ruler.
 *
 * Threads: loaded rules are immutable and may be run from any number of threads; a result by one
 * thread at a time. */
#ifndef AMPQL_RULES_H
#define AMPQL_RULES_H

#include <ampql/query.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ampql_rules;
struct ampql_rules_result;

/* Read a rule file: text [len], UTF-8 YAML, one document. Groups have name, interval, query_offset,
 * limit, labels and rules; rules have record or alert, expr and labels, alerts also for,
 * keep_firing_for and annotations. Every expression is compiled. Alerts are kept, counted and
 * named, but not evaluated. Label names and record names are the classic ones ([a-zA-Z_:]...), as
 * AMP has them.
 *
 *   err  "line L, column C: what, and what was expected", from 1, the column in characters; the
 * span is in bytes of this text. AMPQL_BAD_DATA: not YAML, a second document, aliases and anchors,
 * unknown or repeated fields, wrong types, groups with one name, durations, names; AMPQL_PARSE: an
 * expression; AMPQL_UNSUPPORTED: one that works on native histograms; AMPQL_LIMIT: over 8 MiB,
 * 10,000 groups or rules or 256 labels in one place, or an expression over the engine's limits;
 * AMPQL_NOMEM */
AMPQL_API enum ampql_code ampql_rules_load(struct ampql_engine *engine, const char *text,
                                           size_t len, struct ampql_rules **out,
                                           struct ampql_error *err);

/* NULL is fine. Not while a run uses them; free results before. */
AMPQL_API void ampql_rules_free(struct ampql_rules *rules);

/* ---- what a file says: views are valid until the rules are freed */

struct ampql_rule_group {
    struct ampql_string name;
    int64_t interval_ms;              /* 0: not given */
    int64_t query_offset_ms;          /* 0: not given */
    uint64_t limit;                   /* series that one rule may record; 0: none */
    const struct ampql_label *labels; /* [nlabels] for all its rules, in the order written; a value
                                         may be empty: it removes the label */
    size_t nlabels;
    size_t first_rule, nrules; /* its rules, among all rules of the file */
    size_t line;               /* where it begins, from 1 */
};

struct ampql_rule {
    size_t group;
    bool is_alert;
    struct ampql_string name;         /* of record or alert */
    struct ampql_string expr;         /* as written */
    const struct ampql_label *labels; /* [nlabels] the group's and the rule's own, which win; in the
                                         order written, a value may be empty */
    size_t nlabels;
    size_t line; /* where it begins, from 1 */
};

/* How many there are, and item i: zeroes past the last. Any thread. */
AMPQL_API size_t ampql_rules_group_count(const struct ampql_rules *rules);
AMPQL_API struct ampql_rule_group ampql_rules_group(const struct ampql_rules *rules, size_t i);
AMPQL_API size_t ampql_rules_count(const struct ampql_rules *rules); /* alerts included */
AMPQL_API struct ampql_rule ampql_rules_rule(const struct ampql_rules *rules, size_t i);
AMPQL_API size_t ampql_rules_alert_count(const struct ampql_rules *rules);

/* ---- runs */

/* Evaluate every recording rule once, at options->start_ms less its group's query_offset: what a
 * ruler would record whose groups are all evaluated at that time. step_ms must be 0.
 *
 * Inside a group rules run from top to bottom, and a rule sees what rules above it record at the
 * same time. Of itself, of rules below it and of other groups it sees what they recorded at the
 * evaluations before; those are made up as far as they matter. Each rule is evaluated once, and
 * each raw series read once. A record has the rule's name as its `__name__`, and the rule's labels
 * override; an empty label value removes the label. A scalar is one sample without labels.
 *
 * A rule that fails has its own error, which names it, and does not stop the others:
 *   AMPQL_EXECUTION    the query; two results with equal labels; more series than the group's
 * limit; neither vector nor scalar
 *   AMPQL_UNSUPPORTED  it reads itself, perhaps through others, and so has no first value
 * The run as a whole fails when the source does, or is cancelled, late or out of memory.
 *   err  AMPQL_BAD_DATA (a step; a time out of range), AMPQL_CANCELED, AMPQL_TIMEOUT, AMPQL_NOMEM,
 * AMPQL_LIMIT and what the source says */
AMPQL_API enum ampql_code ampql_rules_run(const struct ampql_rules *rules,
                                          struct ampql_source *source,
                                          const struct ampql_run_options *options,
                                          struct ampql_rules_result **out, struct ampql_error *err);

/* A series of the record that rule `rule` of ampql_rules_rule is the first to write: its samples in
 * ascending time, t_ms and values [n], stale markers among them (NaN of bits 0x7FF0000000000002).
 * Views, valid during the call. A code other than AMPQL_OK ends the run with it; err may be filled
 * in. */
struct ampql_series;
typedef enum ampql_code (*ampql_take_recorded)(void *payload, size_t rule,
                                               const struct ampql_series *series,
                                               struct ampql_error *err);

/* History: what a ruler would have recorded for the times options->start_ms to end_ms, both
 * included, with each group evaluated at its ticks (options->rule_phase_ms, rule_interval_ms,
 * rule_file); for the stale markers of the first tick the one before is evaluated, too. Series are
 * handed to `take` name by name in the order of the file, in label order, each once and whole,
 * whichever of the rules of its name wrote its samples, and only when all rules are evaluated. The
 * result has no records.
 *
 * All evaluations of a rule are held at once: options->max_samples bounds them.
 *   err  as ampql_rules_run; what `take` returned; AMPQL_BAD_DATA: end before start */
AMPQL_API enum ampql_code
ampql_rules_backfill(const struct ampql_rules *rules, struct ampql_source *source,
                     const struct ampql_run_options *options, ampql_take_recorded take,
                     void *payload, struct ampql_rules_result **out, struct ampql_error *err);

/* NULL is fine. */
AMPQL_API void ampql_rules_result_free(struct ampql_rules_result *result);

/* What became of one rule. */
struct ampql_rule_outcome {
    bool was_evaluated; /* false: an alert */
    /* NULL: it succeeded. The message is "group "CPU", record "a:b", line 7: why", of the last
       evaluation that failed; the span is in the expression. */
    const struct ampql_error *error;
    size_t nrecords; /* series */
    int64_t t_ms;    /* of its records, in a run at one time */
    size_t nevaluations, nfailed;
};

/* One recorded sample; valid until the result is freed. */
struct ampql_record {
    const struct ampql_label *labels; /* [nlabels], sorted by name, `__name__` among them */
    size_t nlabels;
    double value;
    int64_t t_ms;
};

/* Rule i of ampql_rules_rule; record k of it, in the order of the query's result. */
AMPQL_API struct ampql_rule_outcome ampql_rules_result_rule(const struct ampql_rules_result *result,
                                                            size_t i);
AMPQL_API struct ampql_record ampql_rules_result_record(const struct ampql_rules_result *result,
                                                        size_t i, size_t k);

/* How many rules failed (in any evaluation), how many samples were recorded, and what the run cost.
 */
AMPQL_API size_t ampql_rules_result_failed(const struct ampql_rules_result *result);
AMPQL_API size_t ampql_rules_result_count(const struct ampql_rules_result *result);
AMPQL_API struct ampql_stats ampql_rules_result_stats(const struct ampql_rules_result *result);

/* What a ruler would have been billed for the same; and reckoned from that, for a day of its
 * evaluations, beside what reading the same day's history takes here. */
struct ampql_rules_costs {
    uint64_t evaluations;     /* of rules */
    uint64_t samples_read;    /* that a server counts for them; the points of subqueries over
                                 aggregations and joins are not among them */
    uint64_t samples_written; /* ingested; stale markers among them */
    double day_evaluations, day_samples_read, day_samples_written;
    double day_samples_here;
};
AMPQL_API struct ampql_rules_costs
ampql_rules_result_costs(const struct ampql_rules_result *result);

/* Warnings: of the source, and of series that an earlier rule of the file has already recorded (the
 * first one counts). */
AMPQL_API size_t ampql_rules_result_warning_count(const struct ampql_rules_result *result);
AMPQL_API struct ampql_string ampql_rules_result_warning(const struct ampql_rules_result *result,
                                                         size_t i);

/* All records as the HTTP API's vector, `{"status":"success","data":{...}}`, in the order of the
 * rules, without a final line feed. Records of rules that failed are not there: look at
 * ampql_rules_result_failed first.
 *   AMPQL_OUTPUT: write said so; AMPQL_NOMEM */
AMPQL_API enum ampql_code ampql_rules_result_json(const struct ampql_rules_result *result,
                                                  ampql_write write, void *payload);

#ifdef __cplusplus
}
#endif
#endif
