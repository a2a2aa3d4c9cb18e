/* Captures: written, gone on with, read, and all that the tools do with them. */
#include "faults/scene.h"

#include "base/arena.h"
#include "faults/ledger.h"
#include "tool/backfill.h"
#include "tool/capture.h"
#include "tool/convert.h"
#include "tool/diff.h"
#include "tool/fetch.h"
#include "tool/redact.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NOW_MS = 3600000 };

/* ---- recording */

static enum ampql_code open_recording(struct scene *scene, bool append, struct ampql_source **out,
                                      struct ampql_error *err)
{
    struct ampql_record_options options = {
        .size = sizeof options, .name = "memory", .append = append, .now_ms = NOW_MS};
    struct ampql_source *inner = NULL;
    enum ampql_code code = ampql_source_memory(scene->engine, NULL, &inner, err);
    if (code == AMPQL_OK)
        code = scene_fill(inner, err);
    if (code != AMPQL_OK) {
        ampql_source_free(inner);
        return code;
    }
    return ampql_source_record(scene->engine, inner, scene_path(scene, "new.aqc"), &options, out,
                               err);
}

static enum ampql_code finish(struct scene *scene, struct ampql_source *recording,
                              struct ampql_error *err)
{
    uint8_t id[AMPQL_CONTENT_ID_BYTES];
    enum ampql_code code = ampql_record_finish(recording, id, err);
    for (size_t i = 0; code == AMPQL_OK && i < sizeof id; i++)
        scene_say(scene, "%02x", id[i]);
    return code;
}

/* What is left of one run, the next goes on with: PART files stay in the folder only till then. */
static enum ampql_code record(struct scene *scene, const struct scenario *self,
                              struct ampql_error *err)
{
    struct ampql_run_options options = scene_options(self);
    struct ampql_source *recording = NULL;
    enum ampql_code code = open_recording(scene, self->number, &recording, err);
    if (code == AMPQL_OK)
        code = scene_ask(scene, recording, self->text, &options, err);
    if (code == AMPQL_OK)
        code = finish(scene, recording, err);
    ampql_source_free(recording);
    return code;
}

static enum ampql_code discard(struct scene *scene, const struct scenario *self,
                               struct ampql_error *err)
{
    struct ampql_source *recording = NULL;
    enum ampql_code code = open_recording(scene, false, &recording, err);
    if (code == AMPQL_OK)
        code = scene_ask(scene, recording, self->text, NULL, err);
    if (recording)
        ampql_record_discard(recording);
    ampql_source_free(recording);
    return code;
}

/* The capture x.aqc, to be gone on with. */
static void put_capture(struct scene *scene)
{
    static char bytes[1 << 16];
    int in = open(scene_data(scene, "x.aqc"), O_RDONLY | O_CLOEXEC);
    int out = open(scene_path(scene, "new.aqc"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ssize_t n = in < 0 ? -1 : read(in, bytes, sizeof bytes);
    if (n <= 0 || out < 0 || write(out, bytes, (size_t)n) != n)
        abort();
    close(in);
    close(out);
}

static enum ampql_code fetch(struct scene *scene, const struct scenario *self,
                             struct ampql_error *err)
{
    struct ampql_run_options options = scene_options(self);
    struct ampql_query *query = NULL;
    struct ampql_source *recording = NULL;
    struct fetch_plan plan = {0};
    struct arena arena;
    arena_init(&arena, scene->alc);
    enum ampql_code code =
        ampql_query_compile(scene->engine, self->text, strlen(self->text), &query, err);
    const struct ampql_query *queries[] = {query};
    if (code == AMPQL_OK)
        code = open_recording(scene, false, &recording, err);
    if (code == AMPQL_OK)
        code = fetch_plan(scene->engine, queries, 1, recording, &options, 0, &arena, &plan, err);
    for (size_t i = 0; code == AMPQL_OK && i < plan.n; i++)
        scene_say(scene, "%.*s ", (int)plan.at[i].query.n, plan.at[i].query.p);
    if (code == AMPQL_OK)
        code = fetch_selects(scene->engine, queries, 1, recording, &options, err);
    if (code == AMPQL_OK)
        code = finish(scene, recording, err);
    ampql_source_free(recording);
    ampql_query_free(query);
    arena_done(&arena);
    return code;
}

/* ---- tools */

static enum ampql_code ls(struct scene *scene, const struct scenario *self, struct ampql_error *err)
{
    return tool_capture_ls(scene_data(scene, self->text), self->number, scene_write, scene, err);
}

static enum ampql_code show(struct scene *scene, const struct scenario *self,
                            struct ampql_error *err)
{
    return tool_capture_show(scene_data(scene, self->text), self->number, scene_write, scene, err);
}

static enum ampql_code verify(struct scene *scene, const struct scenario *self,
                              struct ampql_error *err)
{
    bool is_whole = false;
    const char *rescue = self->number ? scene_path(scene, "rescued.aqc") : NULL;
    enum ampql_code code = tool_capture_verify(scene_data(scene, self->text), rescue, true,
                                               scene_write, scene, &is_whole, err);
    scene_say(scene, is_whole ? "whole" : "not whole");
    return code;
}

static enum ampql_code merge(struct scene *scene, const struct scenario *self,
                             struct ampql_error *err)
{
    char first[256], second[256];
    strcpy(first, scene_data(scene, self->text));
    strcpy(second, scene_data(scene, self->more));
    return tool_capture_merge((const char *const[]){first, second}, 2, scene_path(scene, "new.aqc"),
                              err);
}

static enum ampql_code diff(struct scene *scene, const struct scenario *self,
                            struct ampql_error *err)
{
    char first[256];
    bool is_same = false;
    strcpy(first, scene_data(scene, self->text));
    enum ampql_code code = tool_capture_diff(scene->alc, first, scene_data(scene, self->more),
                                             self->number, scene_write, scene, &is_same, err);
    scene_say(scene, is_same ? "same" : "not the same");
    return code;
}

static enum ampql_code redact(struct scene *scene, const struct scenario *self,
                              struct ampql_error *err)
{
    static const char *const keep[] = {"job"};
    char key[256], from[256], to[256], map[256];
    struct redact_report report = {0};
    strcpy(key, scene_data(scene, "key"));
    strcpy(from, scene_data(scene, self->text));
    strcpy(to, scene_path(scene, "new.aqc"));
    strcpy(map, scene_path(scene, "map"));
    struct redact_options options = {.key_file = key,
                                     .keep_labels = keep,
                                     .nkeep_labels = 1,
                                     .keeps_order = self->number,
                                     .map_file = map};
    enum ampql_code code = tool_capture_redact(scene->alc, from, to, &options, &report, err);
    scene_say(scene, "%d values", (int)report.values);
    return code;
}

static enum ampql_code convert(struct scene *scene, const struct scenario *self,
                               struct ampql_error *err)
{
    struct ampql_file_options options = {.size = sizeof options, .last_wins = true};
    char from[256], to[256];
    strcpy(from, scene_data(scene, self->text));
    strcpy(to, scene_path(scene, self->more));
    struct convert job = {.engine = scene->engine,
                          .alc = scene->alc,
                          .from = from,
                          .options = &options,
                          .to = to,
                          .format = (enum convert_format)self->number,
                          .drops = ~0u};
    enum ampql_code code = convert_run(&job, err);
    for (size_t i = 0; i < LOSS_COUNT; i++)
        scene_say(scene, " %d", (int)job.lost[i]);
    return code;
}

#define GRID .start_ms = 300000, .end_ms = SCENE_END_MS, .step_ms = 60000

static const struct scenario rows[] = {
    {.name = "record", record, "sum(rate(c[5m])) or g", GRID},
    {.name = "record, appended to",
     record,
     "sum(rate(c[4m])) or up",
     GRID,
     .number = 1,
     .before = put_capture},
    {.name = "record, discarded", discard, "c"},
    {.name = "fetch", fetch, "sum(rate(c[5m])) / on () group_left () g", GRID},
    {.name = "capture ls", ls, "answers.aqc"},
    {.name = "capture ls, JSON", ls, "x.aqc", .number = 1},
    {.name = "capture show", show, "answers.aqc"},
    {.name = "capture show, JSON", show, "x.aqc", .number = 1},
    {.name = "capture verify", verify, "answers.aqc"},
    {.name = "capture verify, damaged, rescued", verify, "damaged.aqc", .number = 1},
    {.name = "capture merge", merge, "answers.aqc", "answers.aqc"},
    {.name = "capture diff", diff, "answers.aqc", "x.aqc"},
    {.name = "capture redact", redact, "answers.aqc"},
    {.name = "capture redact, order kept", redact, "x.aqc", .number = 1},
    {.name = "convert to a capture", convert, "x.om", "new.aqc", .number = CONVERT_CAPTURE},
    {.name = "convert to JSON", convert, "answers.aqc", "new", .number = CONVERT_JSON},
    {.name = "convert to OpenMetrics",
     convert,
     "answers.aqc",
     "new.om",
     .number = CONVERT_OPENMETRICS},
    {.name = "convert to CSV", convert, "x.aqc", "new.csv", .number = CONVERT_CSV},
    {.name = "convert to a dump", convert, "x.csv", "new.dump", .number = CONVERT_DUMP},
    {.name = "convert to a unit test", convert, "x.aqc", "new.yml", .number = CONVERT_UNIT},
};
const struct scenario_table scenarios_capture = SCENARIOS(rows);
