/* Who evaluates the expressions of a test script: the engine in the command, the reference
 * evaluator in the tests. */
#ifndef AMPQL_SRC_TOOL_EVALUATOR_H
#define AMPQL_SRC_TOOL_EVALUATOR_H

#include <ampql/query.h>

#include "base/arena.h"

/* A series that a script loaded. */
struct test_series {
    const struct ampql_label *labels; /* [nlabels], sorted by name */
    size_t nlabels;
    const int64_t *t_ms; /* [n] ascending */
    const double *v;     /* [n] with stale markers */
    size_t n;
};

/* A series of an outcome: the samples that are there. */
struct outcome_series {
    const struct ampql_label *labels; /* [nlabels], sorted by name */
    size_t nlabels;
    const int64_t *t_ms; /* [n] */
    const double *v;     /* [n] */
    size_t n;
};

struct outcome_note {
    struct str text; /* "PromQL warning: ..." */
    bool is_info;
};

struct outcome {
    enum ampql_result_kind kind;
    double scalar;
    struct str string;
    const struct outcome_series *series; /* [nseries] */
    size_t nseries;
    const struct outcome_note *notes; /* [nnotes] */
    size_t nnotes;
};

/* A result as an outcome, in the arena; false: no memory. */
bool outcome_copy(const struct ampql_result *result, struct arena *arena, struct outcome *out);

struct evaluator {
    void *payload;
    bool has_notes; /* gives annotations, so that they are compared */
    /* From now on evaluate over series [n], which stay where they are until the next call. */
    enum ampql_code (*load)(void *payload, const struct test_series *series, size_t n,
                            struct ampql_error *err);
    /* Evaluate text; the outcome lives in the arena. Failing is an ordinary answer. */
    enum ampql_code (*evaluate)(void *payload, struct str text,
                                const struct ampql_run_options *options, struct arena *arena,
                                struct outcome *out, struct ampql_error *err);
};

/* The engine behind the public API, over a memory source. Free with engine_evaluator_done, also
 * after a failure. */
struct engine_evaluator {
    struct evaluator evaluator;
    struct ampql_engine *engine;
    struct ampql_engine *prom2; /* compiles what runs in that dialect */
    struct ampql_source *source;
};

enum ampql_code engine_evaluator_init(struct engine_evaluator *out,
                                      const struct ampql_allocator *alc, struct ampql_error *err);
void engine_evaluator_done(struct engine_evaluator *evaluator);

#endif
