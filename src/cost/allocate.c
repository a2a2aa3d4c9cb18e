/* From options to a set of allocations: ask all queries in one batch at the window's end, decode,
 * fold, price, and copy what is kept. */
#include "cost/model.h"

#include "engine/engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_QUERY_BYTES = 64 << 10 };

void model_init(struct model *model, struct cost_set *set, struct arena *arena,
                const struct params *params, const struct answer *answers)
{
    *model = (struct model){.params = params, .answers = answers, .set = set, .arena = arena};
    index_init(&model->pod_index, &set->alc);
    index_init(&model->container_index, &set->alc);
    index_init(&model->node_index, &set->alc);
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
    struct ampql_string copy = set_text(model->set, str_of(text));
    if (!copy.data || !array_push(&model->warnings, model->arena, copy))
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

/* ---- folding */

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

/* Copy what the fold made into the set, in the order of names. */
static enum ampql_code keep(const struct model *model, struct ampql_error *err)
{
    struct cost_set *set = model->set;
    set->items = arena_alloc(&set->arena, model->containers.n, sizeof *set->items);
    set->warnings = arena_alloc(&set->arena, model->warnings.n, sizeof *set->warnings);
    if (!set->items || !set->warnings)
        return fail_nomem(err, "allocations");
    for (; set->n < model->containers.n; set->n++) {
        struct ampql_allocation *a = &set->items[set->n];
        *a = model->containers.at[set->n];
        struct str name = allocation_name(a, model->arena);
        a->name = name.p ? set_text(set, name) : (struct ampql_string){NULL, 0};
        if (!a->name.data)
            return fail_nomem(err, "a name");
        allocation_finish(a);
    }
    for (; set->nwarnings < model->warnings.n; set->nwarnings++)
        set->warnings[set->nwarnings] = model->warnings.at[set->nwarnings];
    if (set->n)
        qsort(set->items, set->n, sizeof *set->items, allocation_compare);
    return AMPQL_OK;
}

static enum ampql_code fold(struct model *model, struct ampql_error *err)
{
    TRY(warn_annotations(model, err));
    TRY(warn_answers(model, err));
    TRY(pods_fold(model, err));
    TRY(resources_fold(model, err));
    TRY(pricing_fold(model, err));
    return keep(model, err);
}

enum ampql_code model_fold(struct cost_set *set, const struct params *params,
                           const struct answer *answers, struct ampql_error *err)
{
    struct arena work;
    struct model model;
    arena_init(&work, &set->alc);
    model_init(&model, set, &work, params, answers);
    enum ampql_code code = fold(&model, err);
    model_done(&model);
    arena_done(&work);
    return code;
}

static enum ampql_code run(struct ampql_engine *engine, struct ampql_source *source,
                           const struct params *params, struct asked *asked, struct arena *work,
                           struct cost_set *set, struct ampql_error *err)
{
    struct answer *answers = arena_alloc(work, COST_QUERY_COUNT, sizeof *answers);
    asked->error = arena_zeroed(work, COST_QUERY_COUNT, sizeof *asked->error);
    if (!answers || !asked->error)
        return fail_nomem(err, "answers");
    TRY(compile(engine, params, asked, err));
    TRY(ask(engine, source, params, asked, err));
    for (size_t i = 0; i < COST_QUERY_COUNT; i++)
        TRY(answer_decode(asked->result[i], work, &answers[i], err));
    set->stats = ampql_result_stats(asked->result[0]); /* of the whole batch */
    return model_fold(set, params, answers, err);
}

/* Fill a set with what a source says of its window. */
static enum ampql_code compute(struct ampql_engine *engine, struct ampql_source *source,
                               const struct params *params, struct cost_set *set,
                               struct ampql_error *err)
{
    struct asked asked = {0};
    struct arena work;
    arena_init(&work, &engine->alc);
    enum ampql_code code = run(engine, source, params, &asked, &work, set, err);
    asked_done(&asked);
    arena_done(&work);
    return code;
}

enum ampql_code cost_allocate(struct ampql_engine *engine, struct ampql_source *source,
                              const struct ampql_cost_options *options,
                              struct ampql_allocations **out, struct ampql_error *err)
{
    struct params params;
    struct aggregate aggregate;
    struct cost_set *set;
    *out = NULL;
    TRY(params_make(options, &params, err));
    TRY(aggregate_parse(params.aggregate, &aggregate, err)); /* before anything is fetched */
    TRY(set_new(&engine->alc, params.start_ms, params.end_ms, &set, err));
    enum ampql_code code = compute(engine, source, &params, set, err);
    if (code == AMPQL_OK)
        code = allocations_make(set, &aggregate, out, err);
    set_release(set);
    return code;
}
