/* Finds test scripts, runs them through the engine and counts. */
#include "tool/test.h"

#include "base/array.h"
#include "tool/runner.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { EXIT_FAILED = 1, EXIT_BAD_DATA = 9, MAX_DEPTH = 16 };
static const uint64_t max_bytes = UINT64_C(1) << 26;

struct files {
    ARRAY(struct str);
};

struct test_run {
    struct arena arena; /* names of files */
    struct files files;
    const struct evaluator *evaluator;
    struct run_options options;
    struct run_counts counts;
    FILE *out, *err;
    bool quiet, has_bad_file;
};

static void complain(struct test_run *run, const char *message)
{
    fprintf(run->err, "ampql: error: %s\n", message);
    run->has_bad_file = true;
}

static void complain_of(struct test_run *run, const char *path, const char *why)
{
    struct ampql_error err;
    fail(&err, AMPQL_NOT_FOUND, "%s: %s", path, why);
    complain(run, err.message);
}

static void add_file(struct test_run *run, struct str path)
{
    struct str copy = arena_copy(&run->arena, path);
    if (!copy.p || !array_push(&run->files, &run->arena, copy))
        complain(run, "no memory for names of files");
}

static int by_text(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static void add_path(struct test_run *run, const char *path, int depth);

static void add_folder(struct test_run *run, const char *path, int depth)
{
    DIR *dir = opendir(path);
    if (!dir) {
        complain_of(run, path, strerror(errno));
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        char child[4096];
        if (entry->d_name[0] == '.')
            continue;
        int n = snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        struct stat st;
        if (n < 0 || (size_t)n >= sizeof child || stat(child, &st) != 0)
            complain_of(run, path, "a name in it is too long or cannot be looked at");
        else if (S_ISDIR(st.st_mode) || str_has_suffix(str_of(child), STR(".test")))
            add_path(run, child, depth + 1);
    }
    closedir(dir);
}

static void add_path(struct test_run *run, const char *path, int depth)
{
    struct stat st;
    if (stat(path, &st) != 0)
        complain_of(run, path, strerror(errno));
    else if (!S_ISDIR(st.st_mode))
        add_file(run, str_of(path));
    else if (depth < MAX_DEPTH)
        add_folder(run, path, depth);
    else
        complain_of(run, path, "folders too deep");
}

/* The whole file, in the arena; false after complaining. */
static bool read_file(struct test_run *run, const char *path, struct arena *arena, struct str *out)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        complain_of(run, path, strerror(errno));
        return false;
    }
    struct {
        ARRAY(char);
    } text = {0};
    bool ok = true;
    for (int c; ok && (c = getc(f)) != EOF;)
        ok = text.n < max_bytes && array_push(&text, arena, (char)c);
    if (!ok || ferror(f)) {
        complain_of(run, path, ok ? "cannot be read" : "too large for a test script");
        ok = false;
    }
    fclose(f);
    *out = str_make(text.at ? text.at : "", text.n);
    return ok;
}

static void run_file(struct test_run *run, const char *path)
{
    struct arena arena;
    struct str text;
    struct script script;
    struct ampql_error err = {0};
    struct run_counts before = run->counts;
    arena_init(&arena, &alloc_default);
    run->options.file = path;
    if (read_file(run, path, &arena, &text)) {
        if (script_parse(text, path, &arena, &script, &err) != AMPQL_OK ||
            script_run(&script, run->evaluator, &run->options, &run->counts, &err) != AMPQL_OK)
            complain(run, err.message);
        else if (!run->quiet && run->counts.failed == before.failed)
            fprintf(run->out, "ok   %s (%zu)\n", path, run->counts.passed - before.passed);
    }
    arena_done(&arena);
}

/* "3 passed, 0 failed, 2 skipped: 2 need native histograms" */
static void print_counts(const struct run_counts *counts, FILE *out)
{
    const char *separator = ": ";
    fprintf(out, "%zu passed, %zu failed, %zu skipped", counts->passed, counts->failed,
            counts->skipped);
    for (size_t i = 0; i < SKIP_COUNT; i++) {
        if (counts->skipped_for[i] == 0)
            continue;
        fprintf(out, "%s%zu need %s", separator, counts->skipped_for[i], skip_reason_text[i]);
        separator = ", ";
    }
    fputc('\n', out);
}

int tool_test_with(const char *const *paths, size_t npaths, const struct tool_test_options *options,
                   const struct evaluator *evaluator)
{
    static const struct tool_test_options defaults;
    options = options ? options : &defaults;
    struct test_run run = {.out = options->out ? options->out : stdout,
                           .err = options->err ? options->err : stderr,
                           .quiet = options->quiet,
                           .evaluator = evaluator};
    run.options = (struct run_options){
        .dialect = options->dialect, .name_removal = options->name_removal, .out = run.out};
    arena_init(&run.arena, &alloc_default);
    for (size_t i = 0; i < npaths; i++) {
        size_t first = run.files.n;
        add_path(&run, paths[i], 0);
        if (run.files.n > first + 1)
            qsort(run.files.at + first, run.files.n - first, sizeof *run.files.at, by_text);
    }
    for (size_t i = 0; i < run.files.n; i++)
        run_file(&run, run.files.at[i].p);
    print_counts(&run.counts, run.out);
    arena_done(&run.arena);
    return run.has_bad_file ? EXIT_BAD_DATA : run.counts.failed > 0 ? EXIT_FAILED : 0;
}

int tool_test(const char *const *paths, size_t npaths, const struct tool_test_options *options)
{
    struct engine_evaluator engine;
    struct ampql_error err = {0};
    int status = EXIT_BAD_DATA;
    if (engine_evaluator_init(&engine, &alloc_default, &err) == AMPQL_OK)
        status = tool_test_with(paths, npaths, options, &engine.evaluator);
    else
        fprintf(options && options->err ? options->err : stderr, "ampql: error: %s\n", err.message);
    engine_evaluator_done(&engine);
    return status;
}
