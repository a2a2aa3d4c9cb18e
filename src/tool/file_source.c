/* Unit tests as sources. */
#include "tool/file_source.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "engine/engine.h"
#include "tool/text_file.h"
#include "tool/unit.h"

/* The values of a series as samples; gaps are none. */
struct columns_room {
    int64_t *t; /* [n] */
    double *v;
    size_t n;
};

static enum ampql_code fill(const struct unit_test *test, const struct script_series *series,
                            struct columns_room *out, struct ampql_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < series->nvalues; i++) {
        const struct script_value *value = &series->values[i];
        int64_t from_start;
        if (value->kind == SCRIPT_GAP)
            continue;
        if (!checked_mul((int64_t)i, test->interval_ms, &from_start) ||
            !checked_add(test->start_ms, from_start, &out->t[n]))
            return fail(err, AMPQL_BAD_DATA, "the time of a value is out of range");
        out->v[n++] = value->v;
    }
    out->n = n;
    return AMPQL_OK;
}

/* Put "FILE:LINE: " in front of the message. */
static enum ampql_code at_line(const char *path, size_t line, enum ampql_code code,
                               struct ampql_error *err)
{
    char message[AMPQL_MESSAGE_MAX];
    if (code == AMPQL_OK || code == AMPQL_NOMEM || !err)
        return code;
    memcpy(message, err->message, sizeof message);
    return fail(err, code, "%.120s:%zu: %.300s", path, line, message);
}

static enum ampql_code add_series(struct ampql_source *source, const struct unit_test *test,
                                  const struct script_series *series, struct arena *work,
                                  struct ampql_error *err)
{
    if (series->has_histograms)
        return fail(err, AMPQL_UNSUPPORTED, "native histograms are not supported");
    struct columns_room room = {.t = arena_alloc(work, series->nvalues, sizeof *room.t),
                                .v = arena_alloc(work, series->nvalues, sizeof *room.v)};
    if (!room.t || !room.v)
        return fail_nomem(err, "the samples of a series");
    TRY(fill(test, series, &room, err));
    return ampql_source_add(source, series->labels, series->nlabels, room.t, room.v, room.n, err);
}

/* The one test that has series; NULL when none has. */
static enum ampql_code find_test(const struct unit_file *file, const char *path,
                                 const struct unit_test **out, struct ampql_error *err)
{
    *out = NULL;
    for (size_t i = 0; i < file->ntests; i++) {
        const struct unit_test *test = &file->tests[i];
        if (test->nseries && *out)
            return fail(err, AMPQL_UNSUPPORTED,
                        "%.120s:%zu: a second test with input_series, after the one on line %zu: "
                        "they are different data, and a source is one",
                        path, test->line, (*out)->line);
        if (test->nseries)
            *out = test;
    }
    return AMPQL_OK;
}

static enum ampql_code take_series(struct ampql_source *source, const struct unit_test *test,
                                   const char *path, const struct ampql_allocator *alc,
                                   struct ampql_error *err)
{
    enum ampql_code code = AMPQL_OK;
    struct arena work;
    arena_init(&work, alc);
    for (size_t i = 0; test && i < test->nseries && code == AMPQL_OK; i++) {
        code = add_series(source, test, &test->series[i], &work, err);
        code = at_line(path, test->series[i].line, code, err);
        arena_reset(&work);
    }
    arena_done(&work);
    return code;
}

static enum ampql_code read_unit(struct ampql_engine *engine, const char *path, struct arena *arena,
                                 struct ampql_source **out, struct ampql_error *err)
{
    struct str text;
    struct unit_file file;
    const struct unit_test *test;
    enum ampql_code code = text_file_read(arena, path, &text, err);
    if (code == AMPQL_BAD_DATA || code == AMPQL_LIMIT) {
        char why[AMPQL_MESSAGE_MAX];
        memcpy(why, err->message, sizeof why);
        return fail(err, code == AMPQL_LIMIT ? code : AMPQL_NOT_FOUND, "%.160s: %.200s", path, why);
    }
    TRY(code);
    TRY(unit_read(text, path, arena, &file, err));
    TRY(find_test(&file, path, &test, err));
    TRY(ampql_source_memory(engine, NULL, out, err));
    code = take_series(*out, test, path, arena->alc, err);
    if (code != AMPQL_OK) {
        ampql_source_free(*out);
        *out = NULL;
    }
    return code;
}

enum ampql_code file_source_open(struct ampql_engine *engine, const char *path,
                                 const struct ampql_file_options *options,
                                 struct ampql_source **out, struct ampql_error *err)
{
    struct str name = str_of(path);
    if (!str_has_suffix(name, STR(".yml")) && !str_has_suffix(name, STR(".yaml")))
        return ampql_source_file(engine, path, options, out, err);
    struct arena arena;
    struct ampql_error local;
    arena_init(&arena, &engine->alc);
    enum ampql_code code = read_unit(engine, path, &arena, out, err ? err : &local);
    arena_done(&arena);
    return code;
}
