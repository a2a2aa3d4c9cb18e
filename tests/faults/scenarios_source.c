/* Sources: each opened, asked and freed; and each kept open while queries over it fail. */
#include "faults/scene.h"

#include "tool/file_source.h"

#include <string.h>

/* self->more: below DATA, or a path of the project. */
static const char *path_of(const struct scene *scene, const struct scenario *self)
{
    return strncmp(self->more, "tests/", 6) == 0 ? self->more : scene_data(scene, self->more);
}

static enum ampql_code open_file(struct scene *scene, const struct scenario *self,
                                 struct ampql_source **out, struct ampql_error *err)
{
    struct ampql_file_options options = {.size = sizeof options, .last_wins = true};
    return ampql_source_file(scene->engine, path_of(scene, self), &options, out, err);
}

static enum ampql_code open_unit(struct scene *scene, const struct scenario *self,
                                 struct ampql_source **out, struct ampql_error *err)
{
    return file_source_open(scene->engine, path_of(scene, self), NULL, out, err);
}

static enum ampql_code open_capture(struct scene *scene, const struct scenario *self,
                                    struct ampql_source **out, struct ampql_error *err)
{
    struct ampql_capture_options options = {.size = sizeof options, .allow_partial = self->number};
    return ampql_source_capture(scene->engine, path_of(scene, self), &options, out, err);
}

static enum ampql_code open_memory(struct scene *scene, const struct scenario *self,
                                   struct ampql_source **out, struct ampql_error *err)
{
    (void)self;
    enum ampql_code code = ampql_source_memory(scene->engine, NULL, out, err);
    if (code == AMPQL_OK)
        code = scene_fill(*out, err);
    if (code != AMPQL_OK) {
        ampql_source_free(*out);
        *out = NULL;
    }
    return code;
}

/* Three files with the same series. */
static enum ampql_code open_merged(struct scene *scene, const struct scenario *self,
                                   struct ampql_source **out, struct ampql_error *err)
{
    static const char *const names[] = {"x.om", "x.csv", "x.dump"};
    struct ampql_source *sources[3] = {0};
    enum ampql_code code = AMPQL_OK;
    (void)self;
    for (size_t i = 0; code == AMPQL_OK && i < 3; i++)
        code =
            ampql_source_file(scene->engine, scene_data(scene, names[i]), NULL, &sources[i], err);
    if (code == AMPQL_OK)
        return ampql_source_merge(scene->engine, sources, 3, true, out, err);
    for (size_t i = 0; i < 3; i++)
        ampql_source_free(sources[i]);
    return code;
}

static enum ampql_code open_cached(struct scene *scene, const struct scenario *self,
                                   struct ampql_source **out, struct ampql_error *err)
{
    struct ampql_cache_options options = {.size = sizeof options, .max_bytes = 4096};
    struct ampql_source *inner = NULL;
    struct ampql_cache *cache = NULL;
    enum ampql_code code = ampql_cache_new(scene->engine, &options, &cache, err);
    if (code == AMPQL_OK)
        code = open_memory(scene, self, &inner, err);
    if (code == AMPQL_OK)
        code = ampql_source_cache(scene->engine, inner, cache, out, err);
    ampql_cache_free(cache);
    return code;
}

/* ---- a source of somebody else: two series, pushed whole and in pieces */

static enum ampql_code push(void *payload, const struct ampql_select *select,
                            struct ampql_sink *sink, struct ampql_error *err)
{
    static const struct ampql_label one[] = {{{"__name__", 8}, {"own", 3}}, {{"a", 1}, {"1", 1}}};
    static const struct ampql_label two[] = {{{"a", 1}, {"2", 1}}, {{"__name__", 8}, {"own", 3}}};
    static const int64_t t[] = {480000, 540000, 600000};
    static const double v[] = {1, 2, 4};
    (void)payload, (void)select, (void)err;
    enum ampql_code code = ampql_sink_push(sink, two, 2, t, v, 3);
    if (code == AMPQL_OK)
        code = ampql_sink_series(sink, one, 2);
    for (size_t i = 0; code == AMPQL_OK && i < 3; i++)
        code = ampql_sink_samples(sink, &t[i], &v[i], 1);
    return code;
}

static enum ampql_code open_own(struct scene *scene, const struct scenario *self,
                                struct ampql_source **out, struct ampql_error *err)
{
    static const struct ampql_source_ops ops = {
        .size = sizeof ops, .caps = AMPQL_SOURCE_SAMPLES, .select = push};
    (void)self;
    return ampql_source_new(scene->engine, &ops, NULL, out, err);
}

/* ---- scenarios */

typedef enum ampql_code (*opener)(struct scene *scene, const struct scenario *self,
                                  struct ampql_source **out, struct ampql_error *err);

static enum ampql_code ask_twice(struct scene *scene, const struct scenario *self, opener open,
                                 struct ampql_error *err)
{
    struct ampql_run_options options = scene_options(self);
    struct ampql_source *source = NULL;
    enum ampql_code code = open(scene, self, &source, err);
    for (int i = 0; code == AMPQL_OK && i < 2; i++)
        code = scene_ask(scene, source, self->text, &options, err);
    ampql_source_free(source);
    return code;
}

#define RUN(kind)                                                                                  \
    static enum ampql_code kind(struct scene *scene, const struct scenario *self,                  \
                                struct ampql_error *err)                                           \
    {                                                                                              \
        return ask_twice(scene, self, open_##kind, err);                                           \
    }
RUN(file)
RUN(unit)
RUN(capture)
RUN(memory)
RUN(merged)
RUN(cached)
RUN(own)

#define GRID .start_ms = 300000, .end_ms = SCENE_END_MS, .step_ms = 60000
#define ONE "rate(c[5m]) or g"

static const struct scenario rows[] = {
    {.name = "memory", memory, ONE, GRID},
    {.name = "own source", own, "sum(rate(own[2m])) + own", GRID},
    {.name = "OpenMetrics", file, ONE, "x.om", GRID},
    {.name = "CSV", file, ONE, "x.csv", GRID},
    {.name = "tsdb dump", file, ONE, "x.dump", GRID},
    {.name = "Prometheus text",
     file,
     "up",
     "tests/data/source/samples.prom",
     .start_ms = 1709403069123},
    {.name = "gzip",
     file,
     "{__name__!=\"\"}",
     "tests/data/source/members.txt.gz",
     .start_ms = 1709403069123},
    {.name = "corrupt gzip",
     file,
     "up",
     "tests/data/source/corrupt.txt.gz",
     .start_ms = 1709403069123},
    {.name = "one saved answer",
     file,
     "up",
     "tests/data/source/vector.json",
     .start_ms = 1709403009000},
    {.name = "folder of saved answers", file, "sum(rate(up[5m])) or up", "json", GRID},
    {.name = "folder, not what it holds", file, "nothing[7m]", "json", GRID},
    {.name = "tsdb block",
     file,
     "sum by (pod) (rate(container_cpu_cfs_periods_total[5m]))",
     "tests/data/source/tsdb/block",
     .start_ms = 1772316600000,
     .end_ms = 1772318426000,
     .step_ms = 613000},
    {.name = "data folder",
     file,
     "count(DCGM_FI_PROF_GR_ENGINE_ACTIVE)",
     "tests/data/source/tsdb",
     .start_ms = 1772316600000},
    {.name = "unit test as source", unit, "c", "unit.yml", .start_ms = 120000},
    {.name = "capture of samples", capture, ONE, "x.aqc", GRID},
    {.name = "capture of answers", capture, "sum(rate(c[5m])) or c", "answers.aqc", GRID},
    {.name = "capture, not what it holds", capture, "rate(c[7m])", "answers.aqc", GRID},
    {.name = "capture, in part", capture, "rate(c[7m]) or c", "answers.aqc", GRID, .number = 1},
    {.name = "merged", merged, ONE, GRID},
    {.name = "cached", cached, ONE, GRID},
    {.name = "cached, batch kept", scene_query, ONE, GRID, .open = open_cached},
    {.name = "OpenMetrics, kept", scene_query, ONE, "x.om", GRID, .open = open_file},
    {.name = "capture of samples, kept", scene_query, ONE, "x.aqc", GRID, .open = open_capture},
    {.name = "merged, kept", scene_query, ONE, GRID, .open = open_merged},
    {.name = "memory, kept", scene_query, ONE, GRID, .open = open_memory},
};
const struct scenario_table scenarios_source = SCENARIOS(rows);
