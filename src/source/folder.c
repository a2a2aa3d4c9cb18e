/* A source of saved answers: files are read when a select first needs them, and kept. */
#include "source/folder.h"

#include "base/time.h"
#include "source/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum ampql_code folder_new(const struct ampql_allocator *alc, const char *path,
                           const struct ampql_file_options *options, struct folder **out,
                           struct ampql_error *err)
{
    struct folder *folder = alloc_get(alc, 1, sizeof *folder);
    if (!folder)
        return fail_nomem(err, "a source");
    *folder = (struct folder){.alc = *alc,
                              .dir_fd = -1,
                              .allows_partial = options->allow_partial,
                              .last_wins = options->last_wins,
                              .skip_histograms = options->skip_histograms,
                              .max_bytes = options->max_bytes};
    arena_init(&folder->arena, &folder->alc);
    folder->path = arena_copy(&folder->arena, str_of(path)).p;
    if (!folder->path) {
        folder_free(folder);
        return fail_nomem(err, "a source");
    }
    *out = folder;
    return AMPQL_OK;
}

void folder_free(struct folder *folder)
{
    for (size_t i = 0; i < folder->entries.n; i++)
        if (folder->entries.at[i].is_loaded)
            store_done(&folder->entries.at[i].store);
    if (folder->dir_fd >= 0)
        close(folder->dir_fd);
    arena_done(&folder->arena);
    struct ampql_allocator alc = folder->alc;
    alloc_put(&alc, folder, 1, sizeof *folder);
}

/* ---- opening */

static char *join(struct folder *folder, struct str file)
{
    size_t n = strlen(folder->path);
    bool has_slash = n && folder->path[n - 1] == '/';
    char *name = arena_alloc(&folder->arena, n + file.n + 2, 1);
    if (!name)
        return NULL;
    memcpy(name, folder->path, n);
    if (!has_slash)
        name[n++] = '/';
    memcpy(name + n, file.p, file.n);
    name[n + file.n] = '\0';
    return name;
}

/* Open a file of the folder, whose name is_safe_path has passed; no part of it may be a symbolic
 * link, so that what is read lies in the folder. -1 with errno. */
static int open_inside(int dir_fd, struct str file)
{
    int at = dir_fd;
    for (size_t start = 0;;) {
        const char *slash = memchr(file.p + start, '/', file.n - start);
        size_t n = (slash ? (size_t)(slash - file.p) : file.n) - start;
        char part[256];
        memcpy(part, file.p + start, n);
        part[n] = '\0';
        int fd = openat(at, part,
                        O_RDONLY | O_CLOEXEC | O_NOFOLLOW | (slash ? O_DIRECTORY : O_NONBLOCK));
        int failure = errno;
        if (at != dir_fd)
            close(at);
        errno = failure;
        if (fd < 0 || !slash)
            return fd;
        at = fd;
        start += n + 1;
    }
}

static enum ampql_code open_file(struct folder *folder, struct str file, struct input *input,
                                 struct ampql_error *err)
{
    char *name = join(folder, file);
    if (!name)
        return fail_nomem(err, "a file name");
    int fd = open_inside(folder->dir_fd, file);
    if (fd < 0)
        return fail(err, AMPQL_NOT_FOUND, "%s: %s", name,
                    errno == ELOOP ? "a symbolic link, which is not followed" : strerror(errno));
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return fail(err, AMPQL_UNAVAILABLE, "%s: not a plain file", name);
    }
    return input_open_fd(input, &folder->alc, name, fd, folder->max_bytes, err);
}

enum ampql_code folder_open(struct folder *folder, const struct selector_parser *parser,
                            struct ampql_error *err)
{
    folder->dir_fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->dir_fd < 0)
        return fail(err, AMPQL_NOT_FOUND, "%s: %s", folder->path, strerror(errno));
    if (faccessat(folder->dir_fd, "selects.json", F_OK, 0) != 0 && errno == ENOENT)
        return fail(err, AMPQL_NOT_FOUND,
                    "%s: neither saved answers, which have a selects.json, nor a block or data "
                    "folder of Prometheus",
                    folder->path);
    struct input input;
    TRY(open_file(folder, STR("selects.json"), &input, err));
    enum ampql_code code = selects_read(&input, folder, parser, err);
    input_done(&input);
    return code;
}

/* ---- reading answers */

/* The metric name of a selector, for answers that have lost it. */
static struct str lost_name(const struct folder_entry *e)
{
    for (size_t i = 0; i < e->held.matchers.n && e->held.kind == AMPQL_SELECT_GRID_TIMESTAMP; i++)
        if (e->held.matchers.at[i].op == MATCH_EQUAL &&
            str_equal(e->held.matchers.at[i].name, STR("__name__")))
            return e->held.matchers.at[i].value;
    return (struct str){0};
}

static bool is_asked_time(const struct folder_entry *e, int64_t t)
{
    /* a left-closed server also answers the sample at the left end */
    if (e->held.kind == AMPQL_SELECT_RAW)
        return t >= e->held.after_ms + (e->held.dialect == AMPQL_PROM2) && t <= e->held.upto_ms;
    return t >= e->held.start_ms && t <= e->held.end_ms &&
           (t - e->held.start_ms) % e->held.step_ms == 0;
}

/* An answer to another question must not pass for this one's. */
static enum ampql_code check_times(const struct folder_entry *e, const struct input *input,
                                   struct ampql_error *err)
{
    for (size_t i = 0; i < e->store.series.n; i++) {
        const struct store_series *s = &e->store.series.at[i];
        for (size_t j = 0; j < s->n; j++) {
            if (is_asked_time(e, s->t[j]))
                continue;
            char name[256], when[TIME_TEXT_MAX];
            time_format(s->t[j], when);
            return fail(
                err, AMPQL_BAD_DATA,
                "%s: %s has a sample at %s, where selects.json says that none was asked for",
                input->name, store_describe(&e->store, s->labels, name, sizeof name), when);
        }
    }
    return AMPQL_OK;
}

static enum ampql_code check_shape(const struct folder_entry *e, const struct answer *answer,
                                   const struct input *input, struct ampql_error *err)
{
    if (answer->is_matrix == !e->is_instant)
        return AMPQL_OK;
    return fail(err, AMPQL_BAD_DATA, "%s: a %s, where selects.json says what gives a %s",
                input->name, answer->is_matrix ? "matrix" : "vector",
                e->is_instant ? "vector" : "matrix");
}

static enum ampql_code seal(struct store *store, const struct input *input, struct ampql_error *err)
{
    enum ampql_code code = store_seal(store, err);
    return code == AMPQL_BAD_DATA ? input_name(input, code, err) : code;
}

/* Keep what the server warned of. */
static enum ampql_code keep_warning(struct folder *folder, struct folder_entry *e,
                                    const struct answer *answer, const struct input *input,
                                    struct ampql_error *err)
{
    char text[AMPQL_MESSAGE_MAX], more[48] = "";
    if (answer->nwarnings == 0)
        return AMPQL_OK;
    if (answer->nwarnings > 1)
        snprintf(more, sizeof more, " (and %zu more)", answer->nwarnings - 1);
    snprintf(text, sizeof text, "%.200s: the server warned: %s%s", input->name, answer->warning,
             more);
    e->warning = arena_copy(&folder->arena, str_of(text));
    return e->warning.p ? AMPQL_OK : fail_nomem(err, "a warning");
}

static enum ampql_code load(struct folder *folder, struct folder_entry *e, struct ampql_error *err)
{
    if (e->is_loaded)
        return AMPQL_OK;
    struct input input;
    TRY(open_file(folder, e->held.file, &input, err));
    enum ampql_code code = store_init(&e->store, &folder->alc, folder->last_wins, err);
    if (code != AMPQL_OK)
        goto done;
    struct answer answer;
    struct answer_options options = {folder->skip_histograms, lost_name(e)};
    code = answers_read(&input, &e->store, &options, &answer, err);
    if (code == AMPQL_OK)
        code = check_shape(e, &answer, &input, err);
    if (code == AMPQL_OK)
        code = seal(&e->store, &input, err);
    if (code == AMPQL_OK)
        code = check_times(e, &input, err);
    if (code == AMPQL_OK)
        code = keep_warning(folder, e, &answer, &input, err);
    e->is_loaded = code == AMPQL_OK;
    if (!e->is_loaded)
        store_done(&e->store);
done:
    input_done(&input);
    return code;
}

/* What a body alone can be taken for. */
static enum ampql_code classify(struct folder_entry *e, const struct answer *answer, bool as_raw,
                                const struct input *input, struct ampql_error *err)
{
    if (answer->is_matrix && !as_raw)
        return fail(
            err, AMPQL_UNSUPPORTED,
            "%s: a range answer does not say which query gave it: say --as raw when it holds "
            "raw samples, or put it in a folder with a selects.json",
            input->name);
    if (answer->is_matrix) {
        e->held.kind = AMPQL_SELECT_RAW;
        e->held.after_ms = INT64_MIN;
        e->held.upto_ms = INT64_MAX;
        return AMPQL_OK;
    }
    if (answer->times_differ)
        return fail(err, AMPQL_BAD_DATA,
                    "%s: the samples of a vector have different times: it is no instant query's "
                    "answer",
                    input->name);
    e->held.kind = AMPQL_SELECT_GRID;
    e->is_instant = true;
    e->held.is_any_time = !answer->has_time;
    e->held.start_ms = e->held.end_ms = answer->time_ms;
    e->held.step_ms = 1;
    return AMPQL_OK;
}

enum ampql_code folder_take_answer(struct folder *folder, struct input *input, bool as_raw,
                                   struct ampql_error *err)
{
    if (!array_push(&folder->entries, &folder->arena, (struct folder_entry){0}))
        return fail_nomem(err, "a source");
    struct folder_entry *e = &folder->entries.at[0];
    TRY(store_init(&e->store, &folder->alc, folder->last_wins, err));
    e->is_loaded = true;
    struct answer answer;
    struct answer_options options = {.skip_histograms = folder->skip_histograms};
    TRY(answers_read(input, &e->store, &options, &answer, err));
    TRY(classify(e, &answer, as_raw, input, err));
    TRY(keep_warning(folder, e, &answer, input, err));
    return seal(&e->store, input, err);
}

/* ---- answering */

/* Scanning one part: samples go to the sink, or to a store that joins parts. */
struct scan {
    const struct ampql_select *select;
    struct folder_entry *entry; /* one part of it: */
    const struct held_part *part;
    struct ampql_sink *sink;
    struct store *joined; /* NULL: to the sink */
    struct arena *work;
    struct ampql_error *err;
};

/* Keep the points that were asked for, when the entry has a finer grid. */
static bool thin_out(const struct scan *scan, struct samples *samples)
{
    const struct ampql_select *select = scan->select;
    if (select->kind == AMPQL_SELECT_RAW || select->step_ms <= 1 ||
        scan->entry->held.step_ms == select->step_ms)
        return true;
    int64_t *t = arena_alloc(scan->work, samples->n, sizeof *t);
    double *v = arena_alloc(scan->work, samples->n, sizeof *v);
    if (!t || !v)
        return false;
    *samples = samples_thin(samples, scan->part->from_ms, select->step_ms, t, v);
    return true;
}

static enum ampql_code join_series(const struct scan *scan, const struct store *store,
                                   struct labels labels, const struct samples *samples)
{
    struct label *label = arena_alloc(scan->work, labels.n, sizeof *label);
    size_t series;
    if (!label)
        return fail_nomem(scan->err, "the labels of a series");
    for (size_t i = 0; i < labels.n; i++) {
        TRY(store_intern(scan->joined, symbols_text(&store->symbols, labels.at[i].name),
                         &label[i].name, scan->err));
        TRY(store_intern(scan->joined, symbols_text(&store->symbols, labels.at[i].value),
                         &label[i].value, scan->err));
    }
    TRY(store_find_or_add(scan->joined, label, labels.n, &series, scan->err));
    return store_append_columns(scan->joined, series, samples, scan->err);
}

static enum ampql_code take_series(void *payload, const struct store *store, struct labels labels,
                                   const struct samples *samples)
{
    const struct scan *scan = payload;
    struct samples kept = *samples;
    if (!thin_out(scan, &kept))
        return fail_nomem(scan->err, "the samples of a series");
    enum ampql_code code = AMPQL_OK;
    if (kept.n && scan->joined)
        code = join_series(scan, store, labels, &kept);
    else if (kept.n)
        code = store_push(store, labels, &kept, scan->sink);
    arena_done(scan->work);
    return code;
}

static enum ampql_code warn(struct ampql_sink *sink, const struct folder_entry *e)
{
    TRY(sink_warn(sink, e->warning));
    for (size_t i = 0; i < e->nwarnings; i++)
        TRY(sink_warn(sink, e->warnings[i]));
    return AMPQL_OK;
}

/* RAW parts are (from, to], points are from, ... to. */
static enum ampql_code scan_part(struct folder *folder, struct scan *scan)
{
    struct folder_entry *e = scan->entry;
    TRY(load(folder, e, scan->err));
    TRY(warn(scan->sink, e));
    if (scan->select->kind == AMPQL_SELECT_RAW)
        return store_scan(&e->store, scan->select, scan->part->from_ms, scan->part->to_ms,
                          take_series, scan, scan->err);
    if (e->held.is_any_time)
        return AMPQL_OK;
    return store_scan(&e->store, scan->select, scan->part->from_ms - 1, scan->part->to_ms,
                      take_series, scan, scan->err);
}

static enum ampql_code push_joined(void *payload, const struct store *store, struct labels labels,
                                   const struct samples *samples)
{
    return store_push(store, labels, samples, payload);
}

static enum ampql_code join_parts(struct folder *folder, struct scan *scan,
                                  const struct held_parts *parts)
{
    struct store joined;
    TRY(store_init(&joined, &folder->alc, folder->last_wins, scan->err));
    scan->joined = &joined;
    enum ampql_code code = AMPQL_OK;
    for (size_t i = 0; i < parts->n && code == AMPQL_OK; i++) {
        scan->part = &parts->at[i];
        scan->entry = &folder->entries.at[scan->part->entry];
        code = scan_part(folder, scan);
    }
    struct ampql_select all = {.size = sizeof all};
    if (code == AMPQL_OK)
        code = store_scan(&joined, &all, INT64_MIN, INT64_MAX, push_joined, scan->sink, scan->err);
    store_done(&joined);
    return code;
}

static struct held_list list_of(const struct folder *folder)
{
    return (struct held_list){.at = folder->entries.at,
                              .n = folder->entries.n,
                              .size = sizeof *folder->entries.at,
                              .name = folder->path,
                              .alc = &folder->alc,
                              .allows_partial = folder->allows_partial};
}

static enum ampql_code folder_select(void *payload, const struct ampql_select *select,
                                     struct ampql_sink *sink, struct ampql_error *err)
{
    struct folder *folder = payload;
    struct arena plan, work;
    arena_init(&plan, &folder->alc);
    arena_init(&work, &folder->alc);
    struct held_cover cover;
    struct scan scan = {.select = select, .sink = sink, .work = &work, .err = err};
    struct held_list list = list_of(folder);
    enum ampql_code code = held_plan(&list, select, &plan, &cover, err);
    if (code == AMPQL_OK)
        code = held_warn(&list, select, &cover, sink, err);
    if (code == AMPQL_OK && cover.held.n == 1) {
        scan.part = &cover.held.at[0];
        scan.entry = &folder->entries.at[scan.part->entry];
        code = scan_part(folder, &scan);
    } else if (code == AMPQL_OK) {
        code = join_parts(folder, &scan, &cover.held);
    }
    arena_done(&work);
    arena_done(&plan);
    return code;
}

/* ---- label sets */

/* One sample stands for the series: times of different entries may be the same. */
static enum ampql_code take_labels(void *payload, const struct store *store, struct labels labels,
                                   const struct samples *samples)
{
    (void)samples;
    const struct scan *scan = payload;
    static const int64_t zero_ms = 0;
    static const double zero = 0;
    size_t before = scan->joined->series.n;
    struct samples none = {&zero_ms, &zero, 0};
    enum ampql_code code = join_series(scan, store, labels, &none);
    if (code == AMPQL_OK && scan->joined->series.n > before)
        code = store_append(scan->joined, before, zero_ms, zero, scan->err);
    arena_done(scan->work);
    return code;
}

static enum ampql_code push_labels(void *payload, const struct store *store, struct labels labels,
                                   const struct samples *samples)
{
    (void)samples;
    return store_push(store, labels, &(struct samples){0}, payload);
}

/* All matching series that the folder holds, of whatever entry. */
static enum ampql_code folder_series(void *payload, const struct ampql_select *select,
                                     struct ampql_sink *sink, struct ampql_error *err)
{
    struct folder *folder = payload;
    struct store joined;
    TRY(store_init(&joined, &folder->alc, folder->last_wins, err));
    struct arena work;
    arena_init(&work, &folder->alc);
    struct scan scan = {.select = select, .joined = &joined, .work = &work, .err = err};
    enum ampql_code code = AMPQL_OK;
    for (size_t i = 0; i < folder->entries.n && code == AMPQL_OK; i++) {
        struct folder_entry *e = &folder->entries.at[i];
        code = load(folder, e, err);
        if (code == AMPQL_OK)
            code = warn(sink, e);
        if (code == AMPQL_OK)
            code = store_scan(&e->store, select, select->mint_ms, select->maxt_ms, take_labels,
                              &scan, err);
    }
    struct ampql_select all = {.size = sizeof all};
    if (code == AMPQL_OK)
        code = store_scan(&joined, &all, INT64_MIN, INT64_MAX, push_labels, sink, err);
    arena_done(&work);
    store_done(&joined);
    return code;
}

static void folder_close(void *payload)
{
    folder_free(payload);
}

/* What all entries that say one agree on. */
static enum ampql_dialect common_dialect(const struct folder *folder)
{
    enum ampql_dialect common = AMPQL_DIALECT_DEFAULT;
    for (size_t i = 0; i < folder->entries.n; i++) {
        enum ampql_dialect dialect = folder->entries.at[i].held.dialect;
        if (dialect == AMPQL_DIALECT_DEFAULT)
            continue;
        if (common != AMPQL_DIALECT_DEFAULT && common != dialect)
            return AMPQL_DIALECT_DEFAULT;
        common = dialect;
    }
    return common;
}

enum ampql_code folder_source(struct folder *folder, struct ampql_source **out,
                              struct ampql_error *err)
{
    struct ampql_source_ops ops = {.caps = AMPQL_SOURCE_ANSWERS | AMPQL_SOURCE_SORTED,
                                   .select = folder_select,
                                   .series = folder_series,
                                   .close = folder_close};
    enum ampql_dialect dialect = common_dialect(folder);
    enum ampql_code code = source_new(&folder->alc, &ops, folder, out, err);
    if (code != AMPQL_OK) {
        folder_free(folder);
        return code;
    }
    (*out)->dialect = dialect;
    (*out)->recorded_of = folder->recorded_of;
    (*out)->is_trusted = true;
    (*out)->is_static = true;
    return AMPQL_OK;
}

bool folder_held(const struct ampql_source *source, struct held_list *out)
{
    if (source->ops.select != folder_select)
        return false;
    *out = list_of(source->payload);
    return true;
}

uint64_t folder_billed(const struct ampql_source *source, size_t entry)
{
    const struct folder *folder = source->payload;
    return folder->entries.at[entry].billed;
}
