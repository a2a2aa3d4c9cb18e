/* The public functions of http.h: options are read here, the answers are the serve layer's. */
#include <ampql/http.h>

#include "base/options.h"
#include "engine/engine.h"
#include "serve/api.h"

struct ampql_answer {
    struct ampql_allocator alc;
    struct serve_answer answer;
};

enum { MIN_ANSWER_BYTES = 64 << 10 }; /* room for every message */

/* The bill has the limits and rules of queries. */
static struct ampql_cost_options cost_of(const struct ampql_run_options *run)
{
    return (struct ampql_cost_options){.size = sizeof(struct ampql_cost_options),
                                       .dialect = run->dialect,
                                       .timeout_ms = run->timeout_ms,
                                       .max_samples = run->max_samples,
                                       .max_series = run->max_series,
                                       .max_bytes = run->max_bytes,
                                       .max_labels = run->max_labels,
                                       .max_label_bytes = run->max_label_bytes,
                                       .rules = run->rules,
                                       .recorded = run->recorded,
                                       .rule_phase_ms = run->rule_phase_ms,
                                       .rule_file = run->rule_file};
}

static void fill_api(struct ampql_engine *engine, const struct ampql_http_api_options *options,
                     struct serve_api *api)
{
    struct ampql_run_options run;
    struct ampql_cost_options cost;
    OPTIONS_READ(run, options->run);
    OPTIONS_READ(cost, options->cost);
    run.size = sizeof run;
    cost.size = sizeof cost;
    if (run.dialect == AMPQL_DIALECT_DEFAULT)
        run.dialect = engine->dialect;
    *api = (struct serve_api){
        .engine = engine,
        .options = run,
        .cost = options->cost ? cost : cost_of(&run),
        .max_answer_bytes =
            (size_t)(options->max_answer_bytes ? options->max_answer_bytes : UINT64_C(1) << 30),
        .nworkers = 1,
    };
}

static void answer_to(const struct serve_api *api, const struct serve_input *input,
                      const struct serve_prefixes *prefixes, struct ampql_source *source,
                      struct serve_answer *out)
{
    struct arena arena;
    struct serve_request request;
    struct ampql_error err = {0};
    arena_init(&arena, &api->engine->alc);
    enum ampql_code code = serve_request_read(input, prefixes, &arena, &request, &err);
    if (code == AMPQL_OK && request.route >= SERVE_HEALTHY) { /* of a server, which there is not */
        code = fail_quote(&err, AMPQL_NOT_FOUND, "nothing is served at",
                          str_of(serve_route_path(request.route)));
        request.status = 404;
    }
    if (code == AMPQL_OK)
        serve_api_answer(api, &request, source, api->options.cancel, 0, out);
    else
        serve_api_fail(out, code == AMPQL_NOMEM ? 0 : request.status, &err, "");
    arena_done(&arena);
}

enum ampql_code ampql_http_answer(struct ampql_engine *engine, struct ampql_source *source,
                                  const struct ampql_http_request *request,
                                  const struct ampql_http_api_options *options,
                                  struct ampql_answer **out, struct ampql_error *err)
{
    struct ampql_http_request r;
    struct ampql_http_api_options o;
    struct serve_api api;
    OPTIONS_READ(r, request);
    OPTIONS_READ(o, options);
    fill_api(engine, &o, &api);
    if (api.max_answer_bytes < MIN_ANSWER_BYTES)
        return fail(err, AMPQL_BAD_DATA, "max_answer_bytes is %zu, expected at least %d",
                    api.max_answer_bytes, MIN_ANSWER_BYTES);
    struct ampql_answer *answer = alloc_get(&engine->alc, 1, sizeof *answer);
    if (!answer)
        return fail_nomem(err, "an answer");
    *answer = (struct ampql_answer){.alc = engine->alc};
    buf_init(&answer->answer.body, &answer->alc, api.max_answer_bytes);

    struct serve_input input = {r.method.size ? str_view(r.method) : STR("GET"), str_view(r.target),
                                str_view(r.content_type), str_view(r.body)};
    struct serve_prefixes prefixes = {.prefix = o.prefix};
    answer_to(&api, &input, &prefixes, source, &answer->answer);
    if (answer->answer.body.failed) { /* not even the message that there is no memory */
        ampql_answer_free(answer);
        return fail_nomem(err, "an answer");
    }
    *out = answer;
    return AMPQL_OK;
}

int ampql_answer_status(const struct ampql_answer *answer)
{
    return answer->answer.status;
}

const char *ampql_answer_content_type(const struct ampql_answer *answer)
{
    return answer->answer.type;
}

struct ampql_string ampql_answer_body(const struct ampql_answer *answer)
{
    struct str body = buf_view(&answer->answer.body);
    return (struct ampql_string){body.p, body.n};
}

enum ampql_code ampql_answer_code(const struct ampql_answer *answer)
{
    return answer->answer.code;
}

struct ampql_stats ampql_answer_stats(const struct ampql_answer *answer)
{
    return answer->answer.stats;
}

void ampql_answer_free(struct ampql_answer *answer)
{
    if (!answer)
        return;
    struct ampql_allocator alc = answer->alc;
    buf_done(&answer->answer.body);
    alloc_put(&alc, answer, 1, sizeof *answer);
}
