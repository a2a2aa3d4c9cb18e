/* A source is a struct of functions with a payload: a user's storage is the equal of ours. */
#include "source/source.h"

#include "base/options.h"
#include "series/sample.h"

enum ampql_code source_new(const struct ampql_allocator *alc, const struct ampql_source_ops *ops,
                           void *payload, struct ampql_source **out, struct ampql_error *err)
{
    struct ampql_source_ops copy;
    OPTIONS_READ(copy, ops);
    copy.size = sizeof copy;
    if (!copy.select)
        return fail(err, AMPQL_BAD_DATA, "a source needs a select function");
    bool has_samples = copy.caps & AMPQL_SOURCE_SAMPLES,
         has_answers = copy.caps & AMPQL_SOURCE_ANSWERS;
    if (has_samples == has_answers)
        return fail(err, AMPQL_BAD_DATA,
                    "a source's caps must say either AMPQL_SOURCE_SAMPLES or AMPQL_SOURCE_ANSWERS");

    struct ampql_source *source = alloc_get(alc, 1, sizeof *source);
    if (!source)
        return fail_nomem(err, "a source");
    *source = (struct ampql_source){.ops = copy, .payload = payload, .alc = *alc};
    *out = source;
    return AMPQL_OK;
}

void source_free(struct ampql_source *source)
{
    if (!source)
        return;
    if (source->ops.close)
        source->ops.close(source->payload);
    struct ampql_allocator alc = source->alc; /* the block that holds it is freed with it */
    alloc_put(&alc, source, 1, sizeof *source);
}

double ampql_stale_marker(void)
{
    return double_of(STALE_BITS);
}

enum ampql_dialect ampql_source_dialect(const struct ampql_source *source)
{
    return source->dialect;
}

struct ampql_source_stats ampql_source_stats(const struct ampql_source *source)
{
    struct ampql_source_stats stats = {0};
    if (source->ops.stats)
        source->ops.stats(source->payload, &stats);
    stats.size = sizeof stats;
    return stats;
}

uint32_t ampql_source_caps(const struct ampql_source *source)
{
    return source->ops.caps;
}
