/* What all operators of a run share: rows, limits, feeding. */
#include "eval/eval.h"

#include "base/quote.h"
#include "eval/stage.h"
#include "eval/wait.h"

#include <stdio.h>

void eval_init(struct eval *eval, const struct ampql_allocator *alc, struct symbols *symbols,
               const struct plan *plan, const struct eval_limits *limits)
{
    *eval = (struct eval){.alc = alc,
                          .symbols = symbols,
                          .plan = plan,
                          .dialect = plan->options.dialect,
                          .delays_names = plan->options.delayed_name_removal,
                          .max_samples = limits->max_samples,
                          .window_room = limits->max_samples,
                          .max_series = limits->max_series};
    arena_init(&eval->work, alc);
    arena_init(&eval->temp, alc);
}

enum ampql_code poll_check(struct poll *poll, struct ampql_error *err)
{
    poll->work = 0;
    return poll->check ? poll->check(poll->payload, err) : AMPQL_OK;
}

void eval_done(struct eval *eval)
{
    for (struct stage *stage = eval->ops; stage; stage = stage->next)
        if (stage->kind->release)
            stage->kind->release(stage);
    for (struct row_pool *pool = eval->pools; pool; pool = pool->next)
        pool_done(&pool->pool);
    arena_done(&eval->work);
    arena_done(&eval->temp);
}

static enum ampql_code fail_samples(struct ampql_error *err)
{
    return fail(err, AMPQL_LIMIT,
                "query processing would load too many samples into memory in query execution");
}

enum ampql_code eval_count(struct eval *eval, uint64_t n, struct ampql_error *err)
{
    if (n > eval->max_samples - eval->samples)
        return fail_samples(err);
    eval->samples += n;
    return AMPQL_OK;
}

enum ampql_code eval_fits(const struct eval *eval, size_t n, struct ampql_error *err)
{
    return n < eval->max_series ? AMPQL_OK
                                : fail(err, AMPQL_LIMIT, "more than %llu series in one operation",
                                       (unsigned long long)eval->max_series);
}

enum ampql_code eval_hold_windows(const struct eval *eval, const struct samples *samples,
                                  const struct windows *windows, struct ampql_error *err)
{
    uint64_t room = eval->window_room;
    size_t lo = 0, hi = 0;
    if (samples->n <= room) /* mostly: then no window is larger */
        return AMPQL_OK;
    for (size_t i = 0; i < windows->n; i++) {
        window_advance(samples, windows, i, &lo, &hi);
        if (hi - lo > room)
            return fail_samples(err);
    }
    return AMPQL_OK;
}

static struct row_pool *find_pool(const struct eval *eval, size_t nsteps)
{
    struct row_pool *pool = eval->pools;
    while (pool && pool->nsteps != nsteps)
        pool = pool->next;
    return pool;
}

struct pool *eval_pool(const struct eval *eval, size_t nsteps)
{
    struct row_pool *pool = find_pool(eval, nsteps);
    return pool ? &pool->pool : NULL;
}

static struct row_pool *pool_for(struct eval *eval, size_t nsteps)
{
    struct row_pool *pool = find_pool(eval, nsteps);
    if (pool || !(pool = arena_new(&eval->work, struct row_pool)))
        return pool;
    pool->nsteps = nsteps;
    pool_init(&pool->pool, eval->alc, row_bytes(nsteps));
    pool->next = eval->pools;
    eval->pools = pool;
    return pool;
}

enum ampql_code eval_take(struct eval *eval, size_t nsteps, struct row *out,
                          struct ampql_error *err)
{
    TRY(eval_count(eval, nsteps, err));
    enum ampql_code code = poll_work(&eval->poll, nsteps, err); /* memory is cleared, too */
    if (code != AMPQL_OK) {
        eval->samples -= nsteps;
        return code;
    }
    struct row_pool *pool = pool_for(eval, nsteps);
    double *v = pool ? pool_take(&pool->pool) : NULL;
    if (!v)
        return fail(err, AMPQL_NOMEM, "no memory for a row of %zu steps", nsteps);
    *out = row_in(v, nsteps);
    row_clear(out);
    return AMPQL_OK;
}

void eval_give(struct eval *eval, struct row *row)
{
    if (!row->v)
        return;
    pool_give(&pool_for(eval, row->n)->pool, row->v);
    eval->samples -= row->n;
    *row = (struct row){0};
}

void eval_give_all(struct eval *eval, struct kept_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        eval_give(eval, &list->at[i].row);
    list->n = 0;
}

enum ampql_code eval_keep(struct eval *eval, struct kept_list *list, struct labels labels,
                          const struct row *row, struct ampql_error *err)
{
    struct kept kept;
    TRY(eval_fits(eval, list->n, err));
    TRY(eval_take(eval, row->n, &kept.row, err));
    kept.labels = labels_copy(&eval->work, labels);
    if (!kept.labels.at)
        return fail_nomem(err, "a series' labels");
    row_copy(&kept.row, row);
    return array_push(list, &eval->work, kept) ? AMPQL_OK : fail_nomem(err, "a list of series");
}

enum ampql_code eval_keep_own(struct eval *eval, struct kept_list *list, struct labels labels,
                              struct row *row, struct ampql_error *err)
{
    TRY(eval_fits(eval, list->n, err));
    struct kept kept = {.labels = labels_copy(&eval->work, labels), .row = *row};
    if (!kept.labels.at)
        return fail_nomem(err, "a series' labels");
    if (!array_push(list, &eval->work, kept))
        return fail_nomem(err, "a list of series");
    *row = (struct row){0};
    return AMPQL_OK;
}

char *eval_labels_text(const struct eval *eval, struct labels labels, char *out, size_t size)
{
    size_t n = 0;
    out[n++] = '{';
    for (size_t i = 0; i < labels.n && n + 8 < size; i++) {
        char quoted[LABELS_TEXT_MAX];
        struct str name = symbols_text(eval->symbols, labels.at[i].name);
        quote_text(quoted, sizeof quoted, symbols_text(eval->symbols, labels.at[i].value));
        const char *quote = label_name_is_valid(name, AMPQL_PROM2) ? "" : "\"";
        int more = snprintf(out + n, size - n, "%s%s%.*s%s=%s", i ? ", " : "", quote,
                            STR_ARGS(name), quote, quoted);
        if (more < 0 || (size_t)more >= size - n - 2)
            break; /* clipped at a whole label */
        n += (size_t)more;
    }
    out[n++] = '}';
    out[n] = '\0';
    return out;
}

static void failed(struct eval_query *query, enum ampql_code code)
{
    if (code != AMPQL_OK && query->code == AMPQL_OK)
        query->code = query->err.code = code;
}

void eval_start(struct eval_query *query)
{
    for (size_t i = 0; i < query->constants.n && query->code == AMPQL_OK; i++)
        failed(query, stage_complete(query->constants.at[i]));
}

/* A select is often wider than the windows of a leaf that it feeds. */
static struct fed clip(const struct leaf *leaf, const struct fed *fed)
{
    const struct windows *w = &leaf->node->windows;
    struct fed seen = *fed;
    if (!fed->is_points)
        seen.samples = samples_clip(&fed->samples, window_after(w, 0), window_end(w, w->n - 1));
    return seen;
}

/* Not when a parameter failed. */
static bool is_listening(const struct leaf *leaf)
{
    return !leaf->stage->is_dead && !leaf->stage->nwaiting;
}

static void feed(struct eval_query *query, const struct leaf *leaf, const struct fed *fed)
{
    struct leaf_stage *stage = (struct leaf_stage *)leaf->stage;
    struct fed seen = clip(leaf, fed);
    if (is_listening(leaf))
        failed(query, stage_settle(&stage->stage, stage->series(stage, &seen)));
}

enum ampql_code eval_compute(const struct leaf *leaf, struct eval_hand *hand, const struct fed *fed,
                             struct row *row)
{
    const struct leaf_stage *stage = (const struct leaf_stage *)leaf->stage;
    struct fed seen = clip(leaf, fed);
    row_clear(row);
    return stage->compute(stage, hand, &seen, row);
}

void eval_commit(struct eval_query *query, const struct leaf *leaf, struct labels labels,
                 struct row *row, enum ampql_code code, const struct ampql_error *err)
{
    struct leaf_stage *stage = (struct leaf_stage *)leaf->stage;
    if (query->code != AMPQL_OK || !is_listening(leaf))
        return;
    arena_reset(&query->eval->temp);
    if (code == AMPQL_OK)
        code = stage->commit(stage, labels, row);
    else
        query->err = *err;
    failed(query, stage_settle(&stage->stage, code));
}

void eval_begin_select(struct eval *eval)
{
    eval->window_room = eval->max_samples - eval->samples;
}

void eval_series(struct eval_query *query, const struct leaf *leaf, const struct fed *fed)
{
    if (query->code != AMPQL_OK)
        return;
    arena_reset(&query->eval->temp);
    if (leaf->waiting)
        failed(query, wait_add(query->eval, leaf, fed, &query->err));
    else
        feed(query, leaf, fed);
}

/* All that fed the leaf have ended: what waited goes on, in label order. */
static void release_waiting(struct eval_query *query, const struct leaf *leaf)
{
    wait_sort(query->eval, leaf->waiting);
    for (size_t i = 0; leaf->stage && i < leaf->waiting->n && query->code == AMPQL_OK; i++) {
        arena_reset(&query->eval->temp);
        feed(query, leaf, &leaf->waiting->at[i]);
    }
}

void eval_end(struct eval_query *query, struct leaf *leaf)
{
    leaf->nopen--;
    if (query->code != AMPQL_OK || leaf->nopen)
        return;
    if (leaf->waiting)
        release_waiting(query, leaf);
    if (query->code != AMPQL_OK || !leaf->stage || leaf->stage->nwaiting)
        return;
    arena_reset(&query->eval->temp);
    failed(query, stage_complete(leaf->stage));
}

bool eval_wants(const struct eval_query *query, const struct leaf *leaf)
{
    return query->code == AMPQL_OK &&
           (query->failure.code == AMPQL_OK || leaf->node->left < query->failed_at);
}

void eval_finish(struct eval_query *query)
{
    if (query->code != AMPQL_OK || query->failure.code == AMPQL_OK)
        return;
    query->err = query->failure;
    query->code = query->err.code;
}
