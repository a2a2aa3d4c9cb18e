/* A server on loopback: asked, asked again after a 503, signed for, recorded. */
#include "faults/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is asked of the server begins with self->more, in which %llu is the number of the run. */
static const char *url_of(const struct scene *scene, const struct scenario *self)
{
    static char url[256];
    snprintf(url, sizeof url, "%s/%s/%llu", scene->server, self->more,
             (unsigned long long)scene->run);
    return url;
}

static struct ampql_http_options http_options(const struct scenario *self)
{
    return (struct ampql_http_options){
        .size = sizeof(struct ampql_http_options),
        .dialect = self->number ? AMPQL_DIALECT_DEFAULT : AMPQL_PROM3,
        .max_retries = 2,
        .compress = self->number ? AMPQL_COMPRESS_ON : AMPQL_COMPRESS_AUTO,
        .request_timeout_ms = 10000};
}

static enum ampql_code open_http(struct scene *scene, const struct scenario *self,
                                 struct ampql_source **out, struct ampql_error *err)
{
    struct ampql_http_options options = http_options(self);
    struct ampql_http_header header = {{"X-Scope-OrgID", 13}, {"tenant", 6}};
    options.headers = &header;
    options.nheaders = 1;
    options.bearer_token = "token";
    return ampql_source_http(scene->engine, url_of(scene, self), &options, out, err);
}

static enum ampql_code http(struct scene *scene, const struct scenario *self,
                            struct ampql_error *err)
{
    struct ampql_run_options options = scene_options(self);
    struct ampql_source *source = NULL;
    enum ampql_code code = open_http(scene, self, &source, err);
    if (code == AMPQL_OK)
        code = scene_ask(scene, source, self->text, &options, err);
    ampql_source_free(source);
    return code;
}

static enum ampql_code amp(struct scene *scene, const struct scenario *self,
                           struct ampql_error *err)
{
    struct ampql_run_options run = scene_options(self);
    struct ampql_http_options options = http_options(self);
    struct ampql_source *source = NULL;
    options.endpoint = scene->server;
    setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    enum ampql_code code =
        ampql_source_amp(scene->engine, "ws-00000000-0000-4000-8000-000000000000", "us-east-1",
                         &options, &source, err);
    if (code == AMPQL_OK)
        code = scene_ask(scene, source, self->text, &run, err);
    ampql_source_free(source);
    return code;
}

static enum ampql_code fetch(struct scene *scene, const struct scenario *self,
                             struct ampql_error *err)
{
    struct ampql_run_options run = scene_options(self);
    struct ampql_record_options options = {
        .size = sizeof options, .name = "http://server", .now_ms = 3600000};
    struct ampql_source *server = NULL, *recording = NULL;
    enum ampql_code code = open_http(scene, self, &server, err);
    if (code == AMPQL_OK)
        code = ampql_source_record(scene->engine, server, scene_path(scene, "new.aqc"), &options,
                                   &recording, err);
    if (code == AMPQL_OK)
        code = scene_ask(scene, recording, self->text, &run, err);
    if (code == AMPQL_OK)
        code = ampql_record_finish(recording, NULL, err);
    ampql_source_free(recording);
    return code;
}

static enum ampql_code series(struct scene *scene, const struct scenario *self,
                              struct ampql_error *err)
{
    struct ampql_run_options options = {.size = sizeof options, .end_ms = SCENE_END_MS};
    struct ampql_source *source = NULL;
    struct ampql_result *result = NULL;
    enum ampql_code code = open_http(scene, self, &source, err);
    if (code == AMPQL_OK)
        code = ampql_series_run(scene->engine, self->text, strlen(self->text), source, &options,
                                &result, err);
    if (code == AMPQL_OK)
        code = scene_wrote(ampql_result_json(result, scene_write, scene), err);
    ampql_result_free(result);
    ampql_source_free(source);
    return code;
}

#define GRID .start_ms = 300000, .end_ms = SCENE_END_MS, .step_ms = 60000

static const struct scenario rows[] = {
    {.name = "HTTP, instant", http, "sum(c)", "plain", .start_ms = SCENE_END_MS},
    {.name = "HTTP, range", http, "rate(c[5m]) or g", "plain", GRID},
    {.name = "HTTP, probed and packed", http, "c", "plain", GRID, .number = 1},
    {.name = "HTTP, 503 once", http, "c", "flaky", .start_ms = SCENE_END_MS},
    {.name = "HTTP, cut short once", http, "c", "cut", .start_ms = SCENE_END_MS},
    {.name = "HTTP, refused", http, "c", "refuse", .start_ms = SCENE_END_MS},
    {.name = "HTTP, series", series, "{job=\"a\"}", "plain"},
    {.name = "HTTP, kept",
     scene_query,
     "sum(c)",
     "plain",
     .start_ms = SCENE_END_MS,
     .open = open_http},
    {.name = "AMP, signed", amp, "sum(c)", "plain", .start_ms = SCENE_END_MS},
    {.name = "fetch from a server", fetch, "sum(rate(c[5m]))", "plain", .start_ms = SCENE_END_MS},
    {.name = "fetch with a retry", fetch, "c", "flaky", .start_ms = SCENE_END_MS},
};
const struct scenario_table scenarios_http = SCENARIOS(rows);
