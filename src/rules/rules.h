/* Rule files in memory, and what becomes of them in a run.
 *
 *   read.c     YAML text to groups and rules
 *   find.c     which records a selector may read
 *   graph.c    what records read of each other
 *   table.c    records as planner and runs know them
 *   load.c     all of it, and every expression compiled
 *   run.c      all rules of a file, at one time or over many
 *   json.c     what they recorded, as the HTTP API writes it */
#ifndef AMPQL_SRC_RULES_RULES_H
#define AMPQL_SRC_RULES_RULES_H

#include <ampql/rules.h>

#include "base/array.h"
#include "base/error.h"
#include "base/index.h"
#include "base/yaml.h"
#include "engine/engine.h"

/* What only an alert has. Its texts are templates. */
struct rule_alert {
    int64_t for_ms, keep_firing_for_ms;
    const struct ampql_label *annotations; /* [nannotations], in the order written */
    size_t nannotations;
};

/* One rule of a file. */
struct rule {
    struct ampql_rule view;
    struct yaml_place place; /* where it begins */
    struct yaml_scalar expr;
    struct rule_alert alert;
    struct ampql_query *query; /* compiled; NULL until then */
};

struct rule_file {
    struct {
        ARRAY(struct ampql_rule_group);
    } groups;
    struct {
        ARRAY(struct rule);
    } rules;
    size_t nalerts;
};

struct ampql_rules {
    struct record_maker maker; /* first: how the engine comes by the records */
    struct ampql_allocator alc;
    struct ampql_engine *engine;
    struct arena arena;
    struct rule_file file;

    /* The recording rules. Intervals are those that the groups give, phases are not set. */
    struct record *records; /* [nrecords] */
    size_t nrecords;
    size_t *rule_of;      /* [nrecords] which rule of the file each is */
    const size_t *order;  /* [nrecords] each before those that it reads */
    struct index by_name; /* of records */
};

extern const struct record_maker rules_maker;

/* Who hears of everything that is wrong with a rule file; the error is valid during the call. */
struct rule_faults {
    void (*tell)(void *payload, const struct ampql_error *err);
    void *payload;
};

/* Read the YAML of a rule file into the arena; expressions are not looked at.
 *   faults  told of what is wrong with single rules, which are left out; NULL: the first ends it
 *   err     as ampql_rules_load */
enum ampql_code rules_read(struct str text, struct arena *arena, const struct rule_faults *faults,
                           struct rule_file *out, struct ampql_error *err);

/* As records->find. */
enum ampql_code rules_find(const struct records *records, struct matchers matchers,
                           struct arena *arena, struct record_list *named,
                           struct record_list *matching, struct ampql_error *err);

/* The matcher by which a selector says the name it reads; NULL: it says none. */
const struct matcher *rules_name_of(struct matchers matchers);

/* Fill in the records of rules whose expressions are compiled, and their order.
 *   err  AMPQL_PARSE: a regex; AMPQL_LIMIT: too many that read each other; AMPQL_NOMEM */
enum ampql_code rules_make_records(struct ampql_rules *rules, struct ampql_error *err);

/* Their order, and which of them are endless.  Same errors. */
enum ampql_code rules_order(struct ampql_rules *rules, const struct records *records,
                            struct ampql_error *err);

/* As ampql_rules_load. */
enum ampql_code rules_load(struct ampql_engine *engine, struct str text, struct ampql_rules **out,
                           struct ampql_error *err);

/* The same to the end of the file, for those who look for all that is wrong: each fault is told,
 * and the rule it is in is left out. What was loaded may be read, not run.
 *   err  AMPQL_LIMIT, AMPQL_NOMEM */
enum ampql_code rules_load_all(struct ampql_engine *engine, struct str text,
                               const struct rule_faults *faults, struct ampql_rules **out,
                               struct ampql_error *err);
void rules_free(struct ampql_rules *rules);

/* ---- runs */

/* What became of one rule. */
struct rule_outcome {
    bool was_evaluated;
    struct ampql_error *error;    /* NULL: it succeeded */
    struct ampql_record *records; /* [nrecords] of a run at one time */
    size_t nrecords;              /* series */
    int64_t t_ms;
    size_t nevaluations, nfailed;
    uint64_t nwritten; /* samples, stale markers among them */
};

struct kept_records {
    ARRAY(struct ampql_record);
};

struct ampql_rules_result {
    struct ampql_allocator alc;
    struct arena arena;
    struct rule_outcome *outcomes; /* [nrules] */
    size_t nrules;
    struct kept_records kept; /* rule by rule */
    struct {
        ARRAY(struct ampql_string);
    } warnings;
    struct ampql_stats stats;
    struct ampql_rules_costs costs;
    size_t nfailed;
};

/* Of groups that do not say their own, unless a run's options do. */
enum { RULES_INTERVAL_MS = 60000 };

/* All that the rules write for the times [from, to], or at one time: then less their query_offset.
 * Those that read themselves are left out.  out  in the arena  err  AMPQL_NOMEM */
enum ampql_code rules_wants(const struct ampql_rules *rules, int64_t from_ms, int64_t to_ms,
                            bool at_one_time, struct arena *arena, struct record_want **out,
                            size_t *n, struct ampql_error *err);

/* As ampql_rules_run, ampql_rules_backfill. */
enum ampql_code rules_run(const struct ampql_rules *rules, struct ampql_source *source,
                          const struct ampql_run_options *options, struct ampql_rules_result **out,
                          struct ampql_error *err);
enum ampql_code rules_backfill(const struct ampql_rules *rules, struct ampql_source *source,
                               const struct ampql_run_options *options, ampql_take_recorded take,
                               void *payload, struct ampql_rules_result **out,
                               struct ampql_error *err);
void rules_result_free(struct ampql_rules_result *result);

/* As ampql_rules_result_json. */
enum ampql_code rules_result_json(const struct ampql_rules_result *result, ampql_write write,
                                  void *payload);

static inline struct ampql_string string_view(struct str s)
{
    return (struct ampql_string){s.p, s.n};
}

#endif
