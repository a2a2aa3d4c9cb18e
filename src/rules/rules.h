/* Rule files in memory, and what becomes of them in a run.
 *
 *   read.c     YAML text to groups and rules
 *   depend.c   which records of its file a rule reads, and how
 *   load.c     both, and every expression compiled
 *   record.c   query results to records: names, labels, duplicates
 *   overlay.c  a source in which records take the place of the source's series
 *   run.c      all rules of a file at one time */
#ifndef AMPQL_SRC_RULES_RULES_H
#define AMPQL_SRC_RULES_RULES_H

#include <ampql/rules.h>

#include "base/array.h"
#include "base/error.h"
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

    /* Recording rules above it in its group whose records it reads, by number. */
    const size_t *deps; /* [ndeps] */
    size_t ndeps;

    struct ampql_string over_time; /* a record of the file that it reads over time: refused */
    const char *over_time_how;     /* "a range"; NULL: none */
    struct ampql_string elsewhere; /* a record of other groups or rules below only; or empty */
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
    struct ampql_allocator alc;
    struct ampql_engine *engine;
    struct arena arena;
    struct rule_file file;
};

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

/* Find what rule i reads of the records of its file, by its tree.
 *   err  AMPQL_PARSE: a regex; AMPQL_NOMEM */
enum ampql_code rules_depend(struct rule_file *file, size_t i, const struct ast *ast,
                             struct arena *arena, struct ampql_error *err);

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
    struct ampql_error *error; /* NULL: it succeeded */
    struct ampql_record *records;
    size_t nrecords;
    int64_t t_ms;
};

struct ampql_rules_result {
    struct ampql_allocator alc;
    struct arena arena;
    struct rule_outcome *outcomes; /* [nrules] */
    size_t nrules;
    struct {
        ARRAY(struct ampql_string);
    } warnings;
    struct ampql_stats stats;
    size_t nfailed;
};

/* The records of a rule from the result of its query, in the arena: name and labels set, sorted.
 *   limit  of series; 0: none
 *   err    AMPQL_EXECUTION: neither vector nor scalar, equal labels twice, over the limit;
 *          AMPQL_NOMEM */
enum ampql_code records_make(const struct rule *rule, uint64_t limit,
                             const struct ampql_result *result, int64_t t_ms, struct arena *arena,
                             const struct ampql_allocator *alc, struct rule_outcome *out,
                             struct ampql_error *err);

/* Copy to out [sum of nrecords] the records of rules [n] in their order, leaving out label sets
 * that came before: what storage would keep of samples with equal labels and time. doubled [nrules]
 * how many of each rule's were left out; may be NULL err  AMPQL_NOMEM */
enum ampql_code records_merge(const struct rule_outcome *outcomes, const size_t *rules, size_t n,
                              const struct ampql_allocator *alc, struct ampql_record *out,
                              size_t *nout, size_t *doubled, struct ampql_error *err);

/* A source that answers the names [nnames] from records [nrecords] and everything else from base.
 * All are borrowed. err  AMPQL_NOMEM */
struct overlay {
    const struct ampql_allocator *alc;
    struct ampql_source *base;
    const struct ampql_string *names;
    size_t nnames;
    const struct ampql_record *records;
    size_t nrecords;
};
enum ampql_code overlay_source(struct overlay *overlay, struct ampql_source **out,
                               struct ampql_error *err);

/* As ampql_rules_run. */
enum ampql_code rules_run(const struct ampql_rules *rules, struct ampql_source *source,
                          const struct ampql_run_options *options, struct ampql_rules_result **out,
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
