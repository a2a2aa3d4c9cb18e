/* The result at the top: rows as they come, or where names go at the end, under what is left of
 * their labels. */
#include "eval/stage.h"

/* ---- names are gone already */

static enum ampql_code plain_push(struct stage *stage, size_t slot, struct labels labels,
                                  struct row *row)
{
    (void)slot;
    return row_is_empty(row) && stage->node->type != VALUE_SCALAR
               ? AMPQL_OK
               : eval_keep(stage->eval, &stage->query->rows, labels, row, stage_err(stage));
}

static enum ampql_code plain_own(struct stage *stage, size_t slot, struct labels labels,
                                 struct row *row)
{
    (void)slot;
    if (row_is_empty(row) && stage->node->type != VALUE_SCALAR) {
        eval_give(stage->eval, row);
        return AMPQL_OK;
    }
    return eval_keep_own(stage->eval, &stage->query->rows, labels, row, stage_err(stage));
}

/* ---- names go now */

struct result {
    struct stage stage;
    struct unique unique;       /* rows */
    struct index samples_index; /* the query's samples by labels */
};

static enum ampql_code result_push(struct stage *stage, size_t slot, struct labels labels,
                                   struct row *row)
{
    struct result *result = (struct result *)stage;
    (void)slot;
    if (row_is_empty(row) && stage->node->type != VALUE_SCALAR)
        return AMPQL_OK;
    if (labels.loses_name)
        labels = stage_without_name(stage, labels);
    return labels.at ? unique_add(&result->unique, stage, labels, row, UNIQUE_STEPS)
                     : fail_nomem(stage_err(stage), "a series' labels");
}

/* The samples of both, in order of time. */
static enum ampql_code merge_samples(struct stage *stage, struct kept_samples *into,
                                     const struct kept_samples *from)
{
    struct arena *work = &stage->eval->work;
    struct kept_samples out = {.labels = into->labels,
                               .t = arena_alloc(work, into->n + from->n, sizeof *out.t),
                               .v = arena_alloc(work, into->n + from->n, sizeof *out.v)};
    if (!out.t || !out.v)
        return fail_nomem(stage_err(stage), "a series' samples");
    for (size_t i = 0, k = 0; i < into->n || k < from->n;) {
        if (i < into->n && k < from->n && into->t[i] == from->t[k])
            return fail(stage_err(stage), AMPQL_EXECUTION,
                        "vector cannot contain metrics with the same labelset");
        bool is_into = k == from->n || (i < into->n && into->t[i] < from->t[k]);
        out.t[out.n] = is_into ? into->t[i] : from->t[k];
        out.v[out.n++] = is_into ? into->v[i++] : from->v[k++];
    }
    *into = out;
    return AMPQL_OK;
}

static enum ampql_code drop_names_of_samples(struct result *result)
{
    struct stage *stage = &result->stage;
    struct kept_samples *list = stage->query->samples.at;
    size_t n = 0, at = 0;
    for (size_t i = 0; i < stage->query->samples.n; i++) {
        struct kept_samples kept = list[i];
        if (kept.labels.loses_name) {
            struct labels labels = stage_without_name(stage, kept.labels);
            kept.labels = labels.at ? labels_copy(&stage->eval->work, labels) : labels;
            if (!kept.labels.at)
                return fail_nomem(stage_err(stage), "a series' labels");
        }
        uint64_t hash = labels_hash(kept.labels);
        size_t same = index_first(&result->samples_index, hash, &at);
        while (same != INDEX_NONE && !labels_equal(list[same].labels, kept.labels))
            same = index_next(&result->samples_index, hash, &at);
        if (same != INDEX_NONE) {
            TRY(merge_samples(stage, &list[same], &kept));
            continue;
        }
        list[n] = kept;
        if (!index_add(&result->samples_index, hash, n++))
            return fail_nomem(stage_err(stage), "an index of series");
    }
    stage->query->samples.n = n;
    return AMPQL_OK;
}

static enum ampql_code result_finish(struct stage *stage)
{
    struct result *result = (struct result *)stage;
    stage->query->rows = result->unique.rows;
    return drop_names_of_samples(result);
}

static void result_release(struct stage *stage)
{
    struct result *result = (struct result *)stage;
    unique_done(&result->unique);
    index_done(&result->samples_index);
}

struct stage *stage_result(struct eval_query *query, const struct node *root)
{
    static const struct stage_kind plain = {.push = plain_push, .own = plain_own};
    static const struct stage_kind delayed = {
        .push = result_push, .finish = result_finish, .release = result_release};
    if (!query->eval->delays_names)
        return stage_new(query, &plain, root, sizeof(struct stage));
    struct result *result = (struct result *)stage_new(query, &delayed, root, sizeof *result);
    if (!result)
        return NULL;
    unique_init(&result->unique, query->eval);
    index_init(&result->samples_index, query->eval->alc);
    return &result->stage;
}

enum ampql_code stage_keep_samples(struct stage *stage, struct labels labels,
                                   const struct samples *samples)
{
    struct arena *work = &stage->eval->work;
    if (samples->n == 0)
        return AMPQL_OK;
    TRY(eval_fits(stage->eval, stage->query->samples.n, stage_err(stage)));
    TRY(eval_count(stage->eval, samples->n, stage_err(stage)));
    struct kept_samples kept = {.labels = labels_copy(work, labels),
                                .t = arena_alloc(work, samples->n, sizeof *kept.t),
                                .v = arena_alloc(work, samples->n, sizeof *kept.v),
                                .n = samples->n};
    if (!kept.labels.at || !kept.t || !kept.v || !array_push(&stage->query->samples, work, kept))
        return fail_nomem(stage_err(stage), "a series' samples");
    memcpy(kept.t, samples->t, samples->n * sizeof *kept.t);
    memcpy(kept.v, samples->v, samples->n * sizeof *kept.v);
    return AMPQL_OK;
}
