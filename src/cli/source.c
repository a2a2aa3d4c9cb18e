/* --source. */
#include "cli/source.h"

#include "base/error.h"
#include "tool/file_source.h"

struct ampql_file_options source_file_options(const struct source_flags *flags)
{
    return (struct ampql_file_options){
        .size = sizeof(struct ampql_file_options),
        .as_raw = flags->as == 1,
        .last_wins = flags->on_conflict == 2,
        .skip_histograms = flags->skip_histograms,
        .stale_after_ms = flags->stale_after.ms,
        .allow_partial = flags->allow_partial,
    };
}

static enum ampql_code open_one(struct ampql_engine *engine, const char *word,
                                const struct source_flags *flags,
                                const struct ampql_http_options *server, struct arena *arena,
                                struct ampql_source **out, struct ampql_error *err)
{
    struct ampql_file_options options = source_file_options(flags);
    if (is_server_source(str_of(word)))
        return server_source_open(engine, word, &flags->server, server, arena, out, err);
    return file_source_open(engine, word, &options, out, err);
}

/* No --source was given: expressions without selectors are fine, others are told. */
static enum ampql_code select_nothing(void *payload, const struct ampql_select *select,
                                      struct ampql_sink *sink, struct ampql_error *err)
{
    (void)payload, (void)select, (void)sink;
    return fail(err, AMPQL_NOT_FOUND, "the expression reads series, and no --source was given");
}

static enum ampql_code open_none(struct ampql_engine *engine, struct ampql_source **out,
                                 struct ampql_error *err)
{
    static const struct ampql_source_ops ops = {
        .size = sizeof ops, .caps = AMPQL_SOURCE_SAMPLES, .select = select_nothing};
    return ampql_source_new(engine, &ops, NULL, out, err);
}

enum ampql_code source_open(struct ampql_engine *engine, const struct source_flags *flags,
                            struct progress *progress, struct ampql_cancel *cancel,
                            struct arena *arena, struct ampql_source **out, struct ampql_error *err)
{
    size_t n = flags->sources.n, opened = 0;
    struct ampql_source **sources = arena_zeroed(arena, n + 1, sizeof *sources);
    struct ampql_http_options server = {.skip_histograms = flags->skip_histograms,
                                        .cancel = cancel,
                                        .progress = progress_report,
                                        .progress_payload = progress};
    enum ampql_code code = AMPQL_OK;
    progress->mode = flags->server.progress;
    if (!sources)
        return fail_nomem(err, "the sources");
    if (n == 0)
        return open_none(engine, out, err);
    while (code == AMPQL_OK && opened < n) {
        code = open_one(engine, flags->sources.at[opened], flags, &server, arena, &sources[opened],
                        err);
        opened += code == AMPQL_OK;
    }
    if (code == AMPQL_OK && n > 1)
        return ampql_source_merge(engine, sources, n, flags->on_conflict == 2, out, err);
    if (code == AMPQL_OK)
        *out = sources[0];
    else
        while (opened)
            ampql_source_free(sources[--opened]);
    return code;
}
