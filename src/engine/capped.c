/* The ceiling on what a run may hold: an engine of its own, whose allocator has it. */
#include "engine/run.h"

enum { DEFAULT_MAX_BYTES = 1 << 30 };

void capped_begin(struct capped *capped, const struct ampql_engine *engine,
                  const struct ampql_run_options *options)
{
    uint64_t max = options->max_bytes ? options->max_bytes : DEFAULT_MAX_BYTES;
    capped->engine = *engine;
    capped->alc = engine->alc;
    capped->nthreads = (size_t)options->threads;
    budget_init(&capped->budget, &engine->alc, max < SIZE_MAX ? (size_t)max : SIZE_MAX);
    if (max < SIZE_MAX)
        capped->engine.alc = capped->budget.alc;
}

void capped_keep(const struct capped *capped, struct ampql_result *result)
{
    result->alc = capped->alc;
    result->nthreads = capped->nthreads;
    if (result->rows)
        result->rows->alc = capped->alc;
}
