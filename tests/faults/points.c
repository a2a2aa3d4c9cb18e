/* What must hold after each failure: an error with a code and a message or the right answer,
 * nothing held, no half-written file, and an engine that answers as before. */
#include "faults/points.h"

#include "base/hash.h"
#include "support/captures.h"
#include "support/scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    TEXT_ROOM = 1 << 20,
    FILES_MAX = 16,
    DEADLINE_S = 30, /* of one run: then it hangs */
    ALL_BELOW = 60   /* so many allocations fail one after the other, whatever the stride */
};

static const char control_text[] = "sum by (job) (rate(c[5m])) * on (job) group_right () g or "
                                   "count by (__name__) ({uid!=\"\"})";

/* Files of a folder, whole. */
struct files {
    struct {
        char name[64];
        uint64_t hash;
    } at[FILES_MAX];
    size_t n;
};

struct ended { /* how a run ended */
    enum ampql_code code;
    struct scene_text text; /* what it wrote, and its error */
    struct files files;
};

static struct points *points;

__attribute__((format(printf, 1, 2))) static void wrong(const char *format, ...)
{
    va_list args;
    if (points->why[0])
        return;
    va_start(args, format);
    vsnprintf(points->why, sizeof points->why, format, args);
    va_end(args);
}

static struct scene_text new_text(void)
{
    char *at = mmap(NULL, TEXT_ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        abort();
    return (struct scene_text){at, 0, TEXT_ROOM};
}

static bool same_text(const struct scene_text *a, const struct scene_text *b)
{
    return a->n == b->n && memcmp(a->at, b->at, a->n) == 0;
}

/* ---- files */

static uint64_t file_hash(const char *path)
{
    static char bytes[TEXT_ROOM];
    uint8_t id[SHA256_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);
    if (fd >= 0)
        close(fd);
    if (n > 4 && strcmp(path + strlen(path) - 4, ".aqc") == 0) {
        captures_content_id(path, id); /* the file says when it was made */
        return hash_bytes(id, sizeof id);
    }
    return n < 0 ? 0 : hash_bytes(bytes, (size_t)n);
}

/* Names in a folder within another begin with its name. */
static void list_files(const char *folder, const char *prefix, struct files *out)
{
    DIR *dir = opendir(folder);
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        char path[512], name[384];
        struct stat st;
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        snprintf(name, sizeof name, "%s%s", prefix, entry->d_name);
        if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
            strcat(name, "/");
            list_files(path, name, out);
        } else if (out->n < FILES_MAX) {
            snprintf(out->at[out->n].name, sizeof out->at[0].name, "%.60s", name);
            out->at[out->n++].hash = file_hash(path);
        }
    }
    if (dir)
        closedir(dir);
}

static bool has_file(const struct files *files, const char *name, uint64_t hash)
{
    for (size_t i = 0; i < files->n; i++)
        if (files->at[i].hash == hash && strcmp(files->at[i].name, name) == 0)
            return true;
    return false;
}

/* PART files are there to go on from. */
static bool is_to_go_on(const char *name)
{
    size_t n = strlen(name);
    return n > 5 && strcmp(name + n - 5, ".part") == 0;
}

/* ---- one run */

static void clear_folder(const struct scene *scene)
{
    scratch_remove(scene->folder);
    if (mkdir(scene->folder, 0700) != 0)
        abort();
}

static void run_once(struct scene *scene, const struct scenario *scenario, struct ended *out,
                     struct files *before)
{
    static struct ampql_error err;
    clear_folder(scene);
    if (scenario->before)
        scenario->before(scene);
    before->n = 0;
    if (scenario->before)
        list_files(scene->folder, "", before);
    err = (struct ampql_error){0};
    scene->run++;
    scene->out = out->text;
    scene->out.n = 0;
    alarm(DEADLINE_S);
    ledger_arm(points->whose, points->at, points->keeps);
    out->code = scenario->run(scene, scenario, &err);
    points->calls = ledger_disarm();
    alarm(0);
    if (out->code != AMPQL_OK) {
        scene->out.n = 0;
        scene_say(scene, "%s", err.message);
        if (!err.message[0])
            wrong("code %d without a message", (int)out->code);
        if (err.code != out->code)
            wrong("returned %s, the error says %s", ampql_code_name(out->code),
                  ampql_code_name(err.code));
    }
    out->text = scene->out;
    out->files.n = 0;
    list_files(scene->folder, "", &out->files);
}

/* A file is as it was before, or as it is when nothing fails. */
static void check_files(const struct ended *ended, const struct ended *expected,
                        const struct files *before)
{
    for (size_t i = 0; i < ended->files.n; i++) {
        const char *name = ended->files.at[i].name;
        uint64_t hash = ended->files.at[i].hash;
        if (!has_file(&expected->files, name, hash) && !has_file(before, name, hash) &&
            !(ended->code != AMPQL_OK && is_to_go_on(name)))
            wrong("%.60s is left behind, and is not whole", name);
    }
    if (ended->code == AMPQL_OK && ended->files.n < expected->files.n)
        wrong("a file is missing, and nothing says so");
}

static void check_end(const struct ended *ended, const struct ended *expected)
{
    if (ended->code == expected->code && same_text(&ended->text, &expected->text)) {
        points->same++;
    } else if (ended->code == AMPQL_OK) {
        wrong("another answer: %.300s", ended->text.at);
    } else if (ended->code == AMPQL_NOMEM) {
        points->nomem++;
    } else {
        points->other++;
        if (ended->code == expected->code) /* in other words: what it would quote it cannot read */
            return;
        if (points->whose != LEDGER_LIBRARY || ended->code == AMPQL_INTERNAL)
            wrong("ends as %s: %.300s", ampql_code_name(ended->code), ended->text.at);
    }
}

/* ---- the control query */

static void ask_control(struct scene *scene, struct ampql_source *source, struct scene_text *text)
{
    static struct ampql_error err;
    scene->out = *text;
    scene->out.n = 0;
    alarm(DEADLINE_S);
    enum ampql_code code = scene_ask(scene, source, control_text, NULL, &err);
    alarm(0);
    *text = scene->out;
    if (code != AMPQL_OK)
        wrong("afterwards a query fails: %.300s", err.message);
}

static void check_control(struct scene *scene, const struct scene_text expected[2])
{
    static struct scene_text again;
    if (!again.at)
        again = new_text();
    ask_control(scene, scene->memory, &again);
    if (!same_text(&again, &expected[0]))
        wrong("afterwards a query has another answer");
    if (!scene->kept)
        return;
    ask_control(scene, scene->kept, &again);
    if (!same_text(&again, &expected[1]))
        wrong("afterwards the source has another answer: %.300s", again.at);
}

/* ---- all of them */

struct course { /* of a scenario */
    struct scene scene;
    const struct scenario *scenario;
    const struct points_options *options;
    struct ended expected, ended;
    struct files before;
    struct scene_text control[2];
};

static void check_held(const struct course *course, uint64_t live)
{
    uint64_t held = points->whose == LEDGER_HOOK ? 0 : ledger_live(points->whose);
    if (ledger_live(LEDGER_HOOK) != live)
        wrong("%lld blocks leaked", (long long)(ledger_live(LEDGER_HOOK) - live));
    if (held == 0)
        return;
    points->nheld++;
    if (points->whose == LEDGER_OWN)
        wrong("%llu blocks leaked", (unsigned long long)held);
    if (course->options->shows_held || points->whose == LEDGER_OWN)
        ledger_print_live(points->whose, stderr);
}

static void fail_each(struct course *course, bool keeps)
{
    uint64_t stride = course->options->stride;
    points->keeps = keeps;
    for (points->at = 1;;) {
        uint64_t live = ledger_live(LEDGER_HOOK);
        run_once(&course->scene, course->scenario, &course->ended, &course->before);
        check_held(course, live);
        check_end(&course->ended, &course->expected);
        check_files(&course->ended, &course->expected, &course->before);
        if (points->calls < points->at) {
            points->same--;
            return;
        }
        points->n++;
        if (!points->why[0])
            check_control(&course->scene, course->control);
        if (points->why[0])
            return;
        if (points->at < ALL_BELOW || stride == 1)
            points->at++;
        else
            points->at += points->at == ALL_BELOW ? 1 + course->options->offset % stride : stride;
    }
}

static void open_all(struct course *course)
{
    static struct ampql_error err;
    struct scene *scene = &course->scene;
    struct ampql_engine_options options = {
        .size = sizeof options, .allocator = &ledger_allocator, .experimental = true};
    enum ampql_code code = ampql_engine_new(&options, &scene->engine, &err);
    if (code == AMPQL_OK)
        code = ampql_source_memory(scene->engine, NULL, &scene->memory, &err);
    if (code == AMPQL_OK)
        code = scene_fill(scene->memory, &err);
    if (code == AMPQL_OK && course->scenario->open)
        code = course->scenario->open(scene, course->scenario, &scene->kept, &err);
    if (code != AMPQL_OK)
        wrong("cannot begin: %.300s", err.message);
}

void points_run(const struct scenario *scenario, const struct points_options *options,
                struct points *out)
{
    static struct course course;
    points = out;
    course = (struct course){.scenario = scenario,
                             .options = options,
                             .scene = {.folder = options->folder,
                                       .alc = &ledger_allocator,
                                       .data = options->data,
                                       .server = options->server},
                             .expected.text = new_text(),
                             .ended.text = new_text(),
                             .control = {new_text(), new_text()}};
    open_all(&course);
    if (points->why[0])
        return;
    ask_control(&course.scene, course.scene.memory, &course.control[0]);
    if (course.scene.kept)
        ask_control(&course.scene, course.scene.kept, &course.control[1]);
    run_once(&course.scene, scenario, &course.expected, &course.before);
    run_once(&course.scene, scenario, &course.ended, &course.before);
    if (course.ended.code != course.expected.code ||
        !same_text(&course.ended.text, &course.expected.text))
        wrong("two runs differ though nothing fails: %.300s", course.ended.text.at);
    check_files(&course.ended, &course.expected, &course.before);
    uint64_t calls = points->calls;
    fail_each(&course, false);
    if (!points->why[0])
        fail_each(&course, true);
    if (!points->why[0])
        points->calls = calls;
    ampql_source_free(course.scene.kept);
    ampql_source_free(course.scene.memory);
    ampql_engine_free(course.scene.engine);
    if (ledger_live(LEDGER_HOOK))
        wrong("%llu blocks leaked at the end", (unsigned long long)ledger_live(LEDGER_HOOK));
}
