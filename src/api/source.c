/* The public functions of source.h that need an engine: its allocator, and the language for
 * selectors in files. */
#include <ampql/source.h>

#include "base/options.h"
#include "engine/engine.h"
#include "lang/parser.h"
#include "source/amp.h"
#include "source/cache.h"
#include "source/server.h"

enum ampql_code ampql_source_new(struct ampql_engine *engine, const struct ampql_source_ops *ops,
                                 void *payload, struct ampql_source **out, struct ampql_error *err)
{
    return source_new(&engine->alc, ops, payload, out, err);
}

void ampql_source_free(struct ampql_source *source)
{
    source_free(source);
}

enum ampql_code ampql_source_memory(struct ampql_engine *engine,
                                    const struct ampql_memory_options *options,
                                    struct ampql_source **out, struct ampql_error *err)
{
    return source_memory_new(&engine->alc, options, out, err);
}

enum ampql_code ampql_source_add(struct ampql_source *source, const struct ampql_label *labels,
                                 size_t nlabels, const int64_t *t_ms, const double *v, size_t n,
                                 struct ampql_error *err)
{
    return source_memory_add(source, labels, nlabels, t_ms, v, n, err);
}

/* `sel` or `sel[W]`, without offset and @: what a selects.json may say. */
static enum ampql_code parse_file_selector(void *payload, struct str text, struct arena *arena,
                                           struct matchers *out, int64_t *range_ms,
                                           struct ampql_error *err)
{
    struct parse_options options;
    struct ast *ast;
    engine_parse_options(payload, &options);
    TRY(parse_expr(text, &options, arena, &ast, err));
    const struct ast_selector *s = &ast->u.selector;
    if (ast->kind != AST_SELECTOR || s->offset.ms || s->offset.expr || s->range.expr ||
        s->at.kind != AT_NONE)
        return fail_quote(err, AMPQL_PARSE,
                          "expected a selector or range selector without offset and @", text);
    *out = s->matchers;
    *range_ms = s->has_range ? s->range.ms : 0;
    return AMPQL_OK;
}

enum ampql_code ampql_source_file(struct ampql_engine *engine, const char *path,
                                  const struct ampql_file_options *options,
                                  struct ampql_source **out, struct ampql_error *err)
{
    struct selector_parser parser = {parse_file_selector, engine};
    return source_file_open(&engine->alc, path, options, &parser, out, err);
}

enum ampql_code ampql_source_merge(struct ampql_engine *engine, struct ampql_source **sources,
                                   size_t nsources, bool last_wins, struct ampql_source **out,
                                   struct ampql_error *err)
{
    return source_merge(&engine->alc, sources, nsources, last_wins, out, err);
}

enum ampql_code ampql_cache_new(struct ampql_engine *engine,
                                const struct ampql_cache_options *options, struct ampql_cache **out,
                                struct ampql_error *err)
{
    struct ampql_cache_options read;
    OPTIONS_READ(read, options);
    struct cache_options cache = {.max_bytes = read.max_bytes,
                                  .fresh_ms = read.fresh_ms,
                                  .settled_ms = read.settled_ms,
                                  .max_age_ms = read.max_age_ms};
    return cache_new(&engine->alc, &cache, out, err);
}

void ampql_cache_free(struct ampql_cache *cache)
{
    cache_free(cache);
}

struct ampql_cache_stats ampql_cache_stats(struct ampql_cache *cache)
{
    return cache_stats(cache);
}

enum ampql_code ampql_source_cache(struct ampql_engine *engine, struct ampql_source *inner,
                                   struct ampql_cache *cache, struct ampql_source **out,
                                   struct ampql_error *err)
{
    return source_cache_open(&engine->alc, inner, cache, out, err);
}

#if AMPQL_HTTP
static enum ampql_code poll_cancel(void *payload, struct ampql_error *err)
{
    struct ampql_cancel *cancel = payload;
    if (cancel && atomic_load_explicit(&cancel->is_set, memory_order_relaxed))
        return fail(err, AMPQL_CANCELED, "opening the source was canceled");
    return AMPQL_OK;
}
#endif

static enum ampql_code open_server(struct ampql_engine *engine, const char *url,
                                   const struct ampql_http_options *options, bool is_amp,
                                   struct ampql_source **out, struct ampql_error *err)
{
#if AMPQL_HTTP
    return source_http_open(&engine->alc, url, options, is_amp, poll_cancel, options->cancel, out,
                            err);
#else
    (void)engine, (void)options, (void)is_amp, (void)out;
    return fail_quote(err, AMPQL_UNSUPPORTED, "this ampql was built without HTTP", str_of(url));
#endif
}

enum ampql_code ampql_source_http(struct ampql_engine *engine, const char *url,
                                  const struct ampql_http_options *options,
                                  struct ampql_source **out, struct ampql_error *err)
{
    struct ampql_http_options read;
    OPTIONS_READ(read, options);
    return open_server(engine, url, &read, false, out, err);
}

enum ampql_code ampql_source_amp(struct ampql_engine *engine, const char *workspace,
                                 const char *region, const struct ampql_http_options *options,
                                 struct ampql_source **out, struct ampql_error *err)
{
    struct ampql_http_options read;
    struct arena arena;
    struct str url;
    OPTIONS_READ(read, options);
    read.sign = true;
    read.region = region;
    arena_init(&arena, &engine->alc);
    enum ampql_code code = amp_url(&arena, str_of(workspace), str_of(region),
                                   str_of(read.endpoint ? read.endpoint : ""), &url, err);
    if (code == AMPQL_OK)
        code = open_server(engine, url.p, &read, true, out, err);
    arena_done(&arena);
    return code;
}
