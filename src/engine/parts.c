/* A batch in parts that read nothing in common, each a run of its own, several at the same time. */
#include "engine/run.h"

#include "base/parallel.h"

/* ---- which queries belong together */

struct parting {
    struct arena arena;
    size_t *leader; /* [nqueries] an earlier query that reads the same, or itself */
    size_t *reader; /* [nselects] the first query that reads it; PLAN_NONE: none so far */
    size_t nqueries;
};

static size_t leader_of(const struct parting *p, size_t query)
{
    while (p->leader[query] != query)
        query = p->leader[query];
    return query;
}

/* The earlier one leads, so that parts are in the order of their first queries. */
static void join(struct parting *p, size_t a, size_t b)
{
    a = leader_of(p, a);
    b = leader_of(p, b);
    if (a < b)
        p->leader[b] = a;
    else
        p->leader[a] = b;
}

static bool is_asking(const struct node *node)
{
    bool is_leaf =
        node->kind == NODE_INSTANT || node->kind == NODE_RANGE || node->kind == NODE_SAMPLES;
    return is_leaf && node->select != PLAN_NONE;
}

/* Chains are as long as the text, and go on in child 0. */
static void note_selects(struct parting *p, const struct node *node, size_t query)
{
    for (; node; node = node->nchild ? node->child[0] : NULL) {
        if (is_asking(node) && p->reader[node->select] == PLAN_NONE)
            p->reader[node->select] = query;
        else if (is_asking(node))
            join(p, p->reader[node->select], query);
        for (size_t i = 1; i < node->nchild; i++)
            note_selects(p, node->child[i], query);
    }
}

static enum ampql_code find_leaders(struct parting *p, struct plan *plan,
                                    const struct ampql_query *const *queries,
                                    struct ampql_error *err)
{
    struct node **roots = arena_zeroed(&p->arena, p->nqueries, sizeof *roots);
    p->leader = arena_alloc(&p->arena, p->nqueries, sizeof *p->leader);
    if (!roots || !p->leader)
        return fail_nomem(err, "a batch");
    for (size_t q = 0; q < p->nqueries; q++) {
        p->leader[q] = q;
        TRY(plan_add(plan, queries[q]->ast, &roots[q], err));
    }
    TRY(plan_finish(plan, err));
    p->reader = arena_alloc(&p->arena, plan->selects.n, sizeof *p->reader);
    if (!p->reader)
        return fail_nomem(err, "a batch");
    for (size_t i = 0; i < plan->selects.n; i++)
        p->reader[i] = PLAN_NONE;
    for (size_t q = 0; q < p->nqueries; q++)
        note_selects(p, roots[q], q);
    return AMPQL_OK;
}

/* ---- runs */

/* One part of the batch. */
struct part {
    const struct ampql_query **queries; /* [n] */
    size_t *number;                     /* [n] in the batch */
    size_t n;
    struct ampql_result **results; /* [n] */
    struct ampql_stats stats;
};

struct batch {
    struct ampql_engine *engine;
    struct ampql_source *source;
    const struct ampql_run_options *options;
    struct ampql_run_options of_part; /* which has one thread */
    struct part *parts;               /* [nparts] */
    size_t nparts;
    struct ampql_result **results; /* of the whole, in its order */
    struct ampql_stats stats;
};

static enum ampql_code list_parts(const struct parting *p, const struct ampql_query *const *queries,
                                  struct arena *arena, struct batch *out, struct ampql_error *err)
{
    size_t *part_of = arena_alloc(arena, p->nqueries, sizeof *part_of); /* by leader */
    out->parts = arena_zeroed(arena, p->nqueries, sizeof *out->parts);
    if (!part_of || !out->parts)
        return fail_nomem(err, "a batch");
    for (size_t q = 0; q < p->nqueries; q++) {
        size_t leader = leader_of(p, q);
        if (leader == q)
            part_of[q] = out->nparts++;
        out->parts[part_of[leader]].n++;
    }
    for (size_t i = 0; i < out->nparts; i++) {
        struct part *part = &out->parts[i];
        part->queries = arena_alloc(arena, part->n, sizeof *part->queries);
        part->number = arena_alloc(arena, part->n, sizeof *part->number);
        part->results = arena_zeroed(arena, part->n, sizeof *part->results);
        if (!part->queries || !part->number || !part->results)
            return fail_nomem(err, "a batch");
        part->n = 0;
    }
    for (size_t q = 0; q < p->nqueries; q++) {
        struct part *part = &out->parts[part_of[leader_of(p, q)]];
        part->number[part->n] = q;
        part->queries[part->n++] = queries[q];
    }
    return AMPQL_OK;
}

static void drop_results(void *payload, void *made)
{
    struct part *part = made;
    (void)payload;
    for (size_t i = 0; i < part->n; i++) {
        ampql_result_free(part->results[i]);
        part->results[i] = NULL;
    }
}

/* What failed is found out by another run, so it is not told here. */
static enum ampql_code make_part(void *payload, size_t i, void **made, struct ampql_error *err)
{
    struct batch *batch = payload;
    struct part *part = &batch->parts[i];
    enum ampql_code code = run_batch(batch->engine, part->queries, part->n, batch->source,
                                     &batch->of_part, part->results, NULL, &part->stats);
    if (code == AMPQL_OK) {
        *made = part;
        return AMPQL_OK;
    }
    drop_results(NULL, part);
    return fail(err, code, "a part of the batch failed");
}

static enum ampql_code take_part(void *payload, size_t i, void *made, struct ampql_error *err)
{
    struct batch *batch = payload;
    struct part *part = made;
    (void)i, (void)err;
    for (size_t k = 0; k < part->n; k++)
        batch->results[part->number[k]] = part->results[k];
    stats_add(&batch->stats, part->stats);
    return AMPQL_OK;
}

static enum ampql_code run_all(struct batch *batch, size_t nqueries, struct ampql_error *err)
{
    struct ampql_source_stats before = ampql_source_stats(batch->source);
    struct parallel jobs = {.njobs = batch->nparts,
                            .nthreads = (size_t)batch->options->threads,
                            .make = make_part,
                            .take = take_part,
                            .drop = drop_results,
                            .payload = batch};
    enum ampql_code code = parallel_run(&jobs, &batch->engine->alc, err);
    stats_since(&batch->stats, &before, batch->source);
    for (size_t q = 0; q < nqueries; q++) {
        if (code == AMPQL_OK) {
            batch->results[q]->stats = batch->stats;
            continue;
        }
        ampql_result_free(batch->results[q]);
        batch->results[q] = NULL;
    }
    return code;
}

static enum ampql_code plan_parts(struct parting *p, const struct ampql_query *const *queries,
                                  struct batch *batch, struct ampql_error *err)
{
    struct plan_options options;
    struct plan plan;
    TRY(run_options_check(batch->engine, batch->options, batch->source->ops.caps, &p->arena,
                          &options, err));
    plan_init(&plan, &p->arena, &options);
    TRY(find_leaders(p, &plan, queries, err));
    return list_parts(p, queries, &p->arena, batch, err);
}

bool run_in_parts(struct ampql_engine *engine, const struct ampql_query *const *queries,
                  size_t nqueries, struct ampql_source *source,
                  const struct ampql_run_options *options, struct ampql_result **results)
{
    bool may = options->threads > 1 && nqueries > 1 && !options->rules &&
               source->ops.caps & AMPQL_SOURCE_PARALLEL;
    struct parting p = {.nqueries = nqueries};
    struct batch batch = {.engine = engine,
                          .source = source,
                          .options = options,
                          .of_part = *options,
                          .results = results};
    batch.of_part.threads = 1;
    struct ampql_error err = {0};
    if (!may)
        return false;
    arena_init(&p.arena, &engine->alc);
    enum ampql_code code = plan_parts(&p, queries, &batch, &err);
    bool is_done =
        code == AMPQL_OK && batch.nparts > 1 && run_all(&batch, nqueries, &err) == AMPQL_OK;
    arena_done(&p.arena);
    return is_done;
}
