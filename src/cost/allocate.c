/* From options to a bill: ask all queries in one batch at the window's end, decode, fold, price,
 * add up, and copy what is kept. */
#include "cost/model.h"

#include "engine/engine.h"

#include <stdarg.h>
#include <stdio.h>

enum { MAX_QUERY_BYTES = 64 << 10 };

void model_init(struct model *model, const struct ampql_allocator *alc, struct arena *arena,
                const struct params *params, const struct answer *answers)
{
    *model = (struct model){.alc = alc, .params = params, .arena = arena, .answers = answers};
    index_init(&model->pod_index, alc);
    index_init(&model->container_index, alc);
    index_init(&model->node_index, alc);
}

void model_done(struct model *model)
{
    index_done(&model->pod_index);
    index_done(&model->container_index);
    index_done(&model->node_index);
}

enum ampql_code model_warn(struct model *model, struct ampql_error *err, const char *format, ...)
{
    char text[AMPQL_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct str copy = arena_copy(model->arena, str_of(text));
    if (!copy.p || !array_push(&model->warnings, model->arena, cost_string(copy)))
        return fail_nomem(err, "a warning");
    return AMPQL_OK;
}

void tally_add(struct tally *tally, struct str a, struct str b)
{
    if (tally->n++ == 0) {
        tally->first[0] = a;
        tally->first[1] = b;
    }
}

/* ---- asking */

/* The queries of a run and what they gave. */
struct asked {
    struct ampql_query *query[COST_QUERY_COUNT];
    struct ampql_result *result[COST_QUERY_COUNT];
    struct ampql_error *error; /* [COST_QUERY_COUNT] in the work arena */
};

static void asked_done(struct asked *asked)
{
    for (size_t i = 0; i < COST_QUERY_COUNT; i++) {
        ampql_result_free(asked->result[i]);
        ampql_query_free(asked->query[i]);
    }
}

/* A query's failure fails the whole: the bill would lack what it asks. */
static enum ampql_code fail_query(struct ampql_error *err, size_t i, const struct ampql_error *why)
{
    return fail(err, why->code, "%s: %s", query_info[i].view.name, why->message);
}

static enum ampql_code compile(struct ampql_engine *engine, const struct params *params,
                               struct asked *asked, struct ampql_error *err)
{
    struct buf text;
    enum ampql_code code = AMPQL_OK;
    buf_init(&text, &engine->alc, MAX_QUERY_BYTES);
    for (size_t i = 0; i < COST_QUERY_COUNT && code == AMPQL_OK; i++) {
        struct ampql_error why = {0};
        text.n = 0;
        query_render(&text, (enum cost_query)i, params);
        code = text.failed;
        if (code != AMPQL_OK) {
            fail(err, code, "%s: the query's text", query_info[i].view.name);
        } else {
            code = ampql_query_compile(engine, text.p, text.n, &asked->query[i], &why);
            if (code != AMPQL_OK)
                fail_query(err, i, &why);
        }
    }
    buf_done(&text);
    return code;
}

static enum ampql_code ask(struct ampql_engine *engine, struct ampql_source *source,
                           const struct params *params, struct asked *asked,
                           struct ampql_error *err)
{
    struct ampql_run_options options = {
        .size = sizeof options,
        .start_ms = params->end_ms,
        .end_ms = params->end_ms,
        .dialect = params->dialect ? params->dialect : ampql_source_dialect(source),
        .timeout_ms = params->timeout_ms,
        .max_samples = params->max_samples,
        .max_series = params->max_series,
        .cancel = params->cancel,
    };
    const struct ampql_query *query[COST_QUERY_COUNT];
    for (size_t i = 0; i < COST_QUERY_COUNT; i++)
        query[i] = asked->query[i];
    enum ampql_code code = ampql_batch_run(engine, query, COST_QUERY_COUNT, source, &options,
                                           asked->result, asked->error);
    for (size_t i = 0; i < COST_QUERY_COUNT; i++)
        if (asked->error[i].code != AMPQL_OK)
            return fail_query(err, i, &asked->error[i]);
    return code == AMPQL_OK ? AMPQL_OK : fail(err, code, "the queries of the cost model failed");
}

/* ---- the bill */

/* Has an answer before this one the same annotation? */
static bool was_said(const struct model *model, size_t i, struct ampql_string text)
{
    for (size_t k = 0; k < i; k++) {
        const struct ampql_result *result = model->answers[k].result;
        for (size_t n = 0; result && n < ampql_result_annotation_count(result); n++)
            if (str_equal(str_view(ampql_result_annotation(result, n, NULL)), str_view(text)))
                return true;
    }
    return false;
}

/* What the engine and the source said of the answers. */
static enum ampql_code warn_annotations(struct model *model, struct ampql_error *err)
{
    for (size_t i = 0; i < COST_QUERY_COUNT; i++) {
        const struct ampql_result *result = model->answers[i].result;
        for (size_t n = 0; result && n < ampql_result_annotation_count(result); n++) {
            bool is_info;
            struct ampql_string text = ampql_result_annotation(result, n, &is_info);
            if (!is_info && !was_said(model, i, text))
                TRY(model_warn(model, err, "%s: %.*s", query_info[i].view.name,
                               STR_ARGS(str_view(text))));
        }
    }
    return AMPQL_OK;
}

/* Say what the answers could not. */
static enum ampql_code warn_answers(struct model *model, struct ampql_error *err)
{
    for (size_t i = 0; i < COST_QUERY_COUNT; i++) {
        const struct query_info *info = &query_info[i];
        const struct answer *answer = &model->answers[i];
        if (answer->n == 0 && info->loss)
            TRY(model_warn(model, err, "%s: no series of %s: %s", info->view.name,
                           info->view.metric, info->loss));
        if (answer->nreplaced)
            TRY(model_warn(model, err, "%s: %zu values that are no numbers are taken as 0",
                           info->view.name, answer->nreplaced));
    }
    return AMPQL_OK;
}

static bool keep_string(struct arena *arena, struct ampql_string *s)
{
    struct str copy = arena_copy(arena, s->data ? str_view(*s) : STR(""));
    *s = cost_string(copy);
    return copy.p != NULL;
}

static enum ampql_code keep_strings(struct arena *arena, struct ampql_allocation *a,
                                    struct ampql_error *err)
{
    bool ok = keep_string(arena, &a->name) && keep_string(arena, &a->cluster) &&
              keep_string(arena, &a->node) && keep_string(arena, &a->namespace_name) &&
              keep_string(arena, &a->pod) && keep_string(arena, &a->container) &&
              keep_string(arena, &a->provider_id);
    return ok ? AMPQL_OK : fail_nomem(err, "the bill");
}

/* All items added up; an empty bill is one of the whole window. */
static struct ampql_allocation total_of(const struct ampql_allocation *items, size_t n,
                                        const struct params *params)
{
    struct ampql_allocation total = {.start_ms = params->start_ms, .end_ms = params->end_ms};
    for (size_t i = 0; i < n; i++) {
        if (i == 0)
            total = items[i];
        else
            allocation_add(&total, &items[i]);
    }
    total.name = cost_string(STR(""));
    allocation_finish(&total);
    return total;
}

/* Copy the result of a fold into the bill. */
static enum ampql_code keep(const struct model *model, const struct ampql_allocation *items,
                            size_t n, struct ampql_allocations *bill, struct ampql_error *err)
{
    bill->items = arena_alloc(&bill->arena, n, sizeof *bill->items);
    bill->warnings = arena_alloc(&bill->arena, model->warnings.n, sizeof *bill->warnings);
    if (!bill->items || !bill->warnings)
        return fail_nomem(err, "the bill");
    bill->total = total_of(items, n, model->params);
    TRY(keep_strings(&bill->arena, &bill->total, err));
    for (; bill->n < n; bill->n++) {
        bill->items[bill->n] = items[bill->n];
        allocation_finish(&bill->items[bill->n]);
        TRY(keep_strings(&bill->arena, &bill->items[bill->n], err));
    }
    for (; bill->nwarnings < model->warnings.n; bill->nwarnings++) {
        bill->warnings[bill->nwarnings] = model->warnings.at[bill->nwarnings];
        if (!keep_string(&bill->arena, &bill->warnings[bill->nwarnings]))
            return fail_nomem(err, "a warning");
    }
    return AMPQL_OK;
}

static enum ampql_code fold(struct model *model, const struct aggregate *aggregate,
                            struct ampql_allocations *bill, struct ampql_error *err)
{
    struct ampql_allocation *items;
    size_t n;
    TRY(warn_annotations(model, err));
    TRY(warn_answers(model, err));
    TRY(pods_fold(model, err));
    TRY(resources_fold(model, err));
    TRY(pricing_fold(model, err));
    TRY(aggregate_fold(model, aggregate, model->arena, &items, &n, err));
    return keep(model, items, n, bill, err);
}

enum ampql_code bill_make(const struct ampql_allocator *alc, const struct params *params,
                          const struct answer *answers, struct ampql_allocations **out,
                          struct ampql_error *err)
{
    struct aggregate aggregate;
    struct arena work;
    struct model model;
    *out = NULL;
    TRY(aggregate_parse(params->aggregate, &aggregate, err));
    struct ampql_allocations *bill = alloc_get(alc, 1, sizeof *bill);
    if (!bill)
        return fail_nomem(err, "the bill");
    *bill = (struct ampql_allocations){
        .alc = *alc, .start_ms = params->start_ms, .end_ms = params->end_ms};
    arena_init(&bill->arena, &bill->alc);
    arena_init(&work, alc);
    model_init(&model, alc, &work, params, answers);
    enum ampql_code code = fold(&model, &aggregate, bill, err);
    model_done(&model);
    arena_done(&work);
    if (code == AMPQL_OK)
        *out = bill;
    else
        allocations_free(bill);
    return code;
}

static enum ampql_code run(struct ampql_engine *engine, struct ampql_source *source,
                           const struct params *params, struct asked *asked, struct arena *work,
                           struct ampql_allocations **out, struct ampql_error *err)
{
    struct answer *answers = arena_alloc(work, COST_QUERY_COUNT, sizeof *answers);
    asked->error = arena_zeroed(work, COST_QUERY_COUNT, sizeof *asked->error);
    if (!answers || !asked->error)
        return fail_nomem(err, "answers");
    TRY(compile(engine, params, asked, err));
    TRY(ask(engine, source, params, asked, err));
    for (size_t i = 0; i < COST_QUERY_COUNT; i++)
        TRY(answer_decode(asked->result[i], work, &answers[i], err));
    TRY(bill_make(&engine->alc, params, answers, out, err));
    (*out)->stats = ampql_result_stats(asked->result[0]); /* of the whole batch */
    return AMPQL_OK;
}

enum ampql_code cost_allocate(struct ampql_engine *engine, struct ampql_source *source,
                              const struct ampql_cost_options *options,
                              struct ampql_allocations **out, struct ampql_error *err)
{
    struct params params;
    struct aggregate aggregate;
    *out = NULL;
    TRY(params_make(options, &params, err));
    TRY(aggregate_parse(params.aggregate, &aggregate, err)); /* before anything is fetched */
    struct asked asked = {0};
    struct arena work;
    arena_init(&work, &engine->alc);
    enum ampql_code code = run(engine, source, &params, &asked, &work, out, err);
    asked_done(&asked);
    arena_done(&work);
    return code;
}

void allocations_free(struct ampql_allocations *allocations)
{
    if (!allocations)
        return;
    arena_done(&allocations->arena);
    struct ampql_allocator alc = allocations->alc; /* the block that holds it is freed with it */
    alloc_put(&alc, allocations, 1, sizeof *allocations);
}
