/* Engines, compiled queries, cancel flags. */
#include "engine/engine.h"

#include "eval/function.h"
#include "lang/parser.h"

void engine_parse_options(const struct ampql_engine *engine, struct parse_options *out)
{
    *out = (struct parse_options){.find_function = function_find,
                                  .dialect = engine->dialect,
                                  .experimental = engine->experimental,
                                  .max_bytes = engine->max_query_bytes,
                                  .max_depth = engine->max_depth};
}

enum ampql_code engine_compile(struct ampql_engine *engine, struct str text,
                               struct ampql_query **out, struct ampql_error *err)
{
    struct ampql_query *query = alloc_get(&engine->alc, 1, sizeof *query);
    if (!query)
        return fail_nomem(err, "a query");
    struct parse_options options;
    engine_parse_options(engine, &options);
    *query = (struct ampql_query){.engine = engine};
    arena_init(&query->arena, &engine->alc);
    enum ampql_code code = parse_expr(text, &options, &query->arena, &query->ast, err);
    if (code == AMPQL_OK) {
        query->text = arena_copy(&query->arena, text);
        if (!query->text.p)
            code = fail_nomem(err, "a query");
    }
    if (code != AMPQL_OK) {
        engine_query_free(query);
        return code;
    }
    *out = query;
    return AMPQL_OK;
}

void engine_query_free(struct ampql_query *query)
{
    if (!query)
        return;
    const struct ampql_allocator *alc = &query->engine->alc;
    arena_done(&query->arena);
    alloc_put(alc, query, 1, sizeof *query);
}
