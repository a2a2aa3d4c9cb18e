/* What scenarios share: text that they write, series in memory and in files, one question. */
#include "faults/scene.h"

#include "faults/ledger.h"
#include "support/series.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int scene_write(void *payload, const char *data, size_t size)
{
    struct scene_text *out = &((struct scene *)payload)->out;
    if (size > out->room - out->n)
        abort(); /* nothing may be left out of what is compared */
    memcpy(out->at + out->n, data, size);
    out->n += size;
    return 0;
}

enum ampql_code scene_wrote(enum ampql_code code, struct ampql_error *err)
{
    if (code != AMPQL_OK)
        *err = (struct ampql_error){.code = code, .message = "no memory to write with"};
    return code;
}

void scene_say(struct scene *scene, const char *format, ...)
{
    char line[AMPQL_MESSAGE_MAX + 64];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    scene_write(scene, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

static const char *path_in(const char *folder, const char *name)
{
    static char paths[8][256];
    static size_t next;
    char *out = paths[next++ % 8];
    snprintf(out, sizeof paths[0], "%s/%s", folder, name);
    return out;
}

const char *scene_path(const struct scene *scene, const char *name)
{
    return path_in(scene->folder, name);
}

const char *scene_data(const struct scene *scene, const char *name)
{
    return path_in(scene->data, name);
}

struct ampql_run_options scene_options(const struct scenario *self)
{
    return (struct ampql_run_options){.size = sizeof(struct ampql_run_options),
                                      .start_ms = self->start_ms,
                                      .end_ms = self->end_ms,
                                      .step_ms = self->step_ms};
}

enum ampql_code scene_ask(struct scene *scene, struct ampql_source *source, const char *text,
                          const struct ampql_run_options *options, struct ampql_error *err)
{
    static const struct ampql_run_options at_end = {.size = sizeof at_end,
                                                    .start_ms = SCENE_END_MS};
    struct ampql_query *query = NULL;
    struct ampql_result *result = NULL;
    enum ampql_code code = ampql_query_compile(scene->engine, text, strlen(text), &query, err);
    if (code == AMPQL_OK)
        code = ampql_query_run(query, source, options ? options : &at_end, &result, err);
    if (code == AMPQL_OK)
        code = scene_wrote(ampql_result_json(result, scene_write, scene), err);
    ampql_result_free(result);
    ampql_query_free(query);
    return code;
}

enum ampql_code scene_query(struct scene *scene, const struct scenario *self,
                            struct ampql_error *err)
{
    struct ampql_run_options options = scene_options(self);
    return scene_ask(scene, scene->kept ? scene->kept : scene->memory, self->text, &options, err);
}

static const struct {
    const char *name, *labels, *values;
} series[] = {
    {"c", "job=a,pod=1", "0+60x10"},
    {"c", "job=a,pod=2", "0+30x4 0+30x5"},
    {"c", "job=b,pod=1", "_ 7+1x5 stale _ 9 10"},
    {"g", "job=a,pod=1", "1 5 2 -4 2.5 NaN 7 0.25 3 1 4"},
    {"g", "job=a,pod=2", "2x10"},
    {"g", "job=b,pod=1", "9 8 7 6 5 4 3 2 1 0.5 0.1"},
    {"h_bucket", "job=a,le=1", "0+1x10"},
    {"h_bucket", "job=a,le=2", "0+3x10"},
    {"h_bucket", "job=a,le=+Inf", "0+4x10"},
    {"info", "job=a,zone=x", "1x10"},
    {"info", "job=b,zone=y", "1x10"},
};

enum ampql_code scene_fill(struct ampql_source *source, struct ampql_error *err)
{
    bool ok = true;
    ledger_pause(true);
    for (size_t i = 0; ok && i < sizeof series / sizeof *series; i++)
        ok = test_add(source, series[i].name, series[i].labels, 0, 60000, series[i].values);
    ledger_pause(false);
    if (!ok)
        *err = (struct ampql_error){.code = AMPQL_NOMEM, .message = "no memory"};
    return ok ? AMPQL_OK : AMPQL_NOMEM;
}
