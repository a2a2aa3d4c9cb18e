/* Finds test scripts and unit tests, runs them through the engine and counts. */
#include "tool/test.h"

#include "base/array.h"
#include "tool/junit.h"
#include "tool/rule_coverage.h"
#include "tool/runner.h"
#include "tool/text_file.h"
#include "tool/unit.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { EXIT_FAILED = 1, EXIT_BAD_DATA = 9, EXIT_OUTPUT = 10, MAX_DEPTH = 16 };

struct files {
    ARRAY(struct str);
};

/* Why evaluations were skipped, and how many. */
struct reasons {
    ARRAY(struct {
        struct str text;
        size_t n;
    });
};

struct test_run {
    struct arena arena; /* names of files, reasons */
    struct files files;
    struct reasons reasons;
    struct junit *junit; /* NULL: none is asked for */
    const struct evaluator *evaluator;
    const struct engine_evaluator *engines; /* of unit tests; NULL: there are none */
    struct rule_coverage coverage;
    struct run_options options;
    struct run_counts counts;
    FILE *out, *err;
    bool quiet, has_coverage, has_bad_file;
};

static void complain(struct test_run *run, const char *message)
{
    fprintf(run->err, "ampql: error: %s\n", message);
    run->has_bad_file = true;
    if (run->junit && run->junit->suite)
        junit_broken(run->junit, message);
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

static bool is_unit_test(struct str path)
{
    return str_has_suffix(path, STR(".yml")) || str_has_suffix(path, STR(".yaml"));
}

/* Of the files in a folder, where rule files may lie beside their tests. */
static bool is_test(struct str path)
{
    return str_has_suffix(path, STR(".test")) || str_has_suffix(path, STR("test.yml")) ||
           str_has_suffix(path, STR("test.yaml"));
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
        else if (S_ISDIR(st.st_mode) || is_test(str_of(child)))
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
    struct ampql_error err = {0};
    if (text_file_read(arena, path, out, &err) == AMPQL_OK)
        return true;
    complain_of(run, path, err.message);
    return false;
}

static void count_reason(struct test_run *run, struct str text)
{
    for (size_t i = 0; i < run->reasons.n; i++) {
        if (str_equal(run->reasons.at[i].text, text)) {
            run->reasons.at[i].n++;
            return;
        }
    }
    struct str copy = arena_copy(&run->arena, text);
    size_t n = run->reasons.n;
    if (copy.p && array_grow_arena(&run->arena, &run->reasons.at, n, &run->reasons.cap,
                                   sizeof *run->reasons.at)) {
        run->reasons.at[n].text = copy;
        run->reasons.at[n].n = 1;
        run->reasons.n++;
    }
}

static void take_report(void *payload, const struct run_report *report)
{
    struct test_run *run = payload;
    if (report->verdict == VERDICT_FAILED)
        fprintf(run->out, "%s:%zu: %.*s\n%.*s", run->options.file, report->line,
                STR_ARGS(report->text), STR_ARGS(report->detail));
    else if (report->verdict == VERDICT_SKIPPED)
        count_reason(run, report->reason);
    if (run->junit)
        junit_case(run->junit, report);
}

static enum ampql_code run_script(struct test_run *run, struct str text, struct arena *arena,
                                  struct ampql_error *err)
{
    struct script script;
    TRY(script_parse(text, run->options.file, arena, &script, err));
    return script_run(&script, run->evaluator, &run->options, &run->counts, err);
}

static void warn(void *payload, const char *message)
{
    struct test_run *run = payload;
    fprintf(run->err, "ampql: warning: %s: %s\n", run->options.file, message);
}

static enum ampql_code run_tests(struct test_run *run, struct unit_context *context,
                                 struct ampql_error *err)
{
    for (size_t i = 0; i < context->file->ntests; i++)
        TRY(unit_run(context, &context->file->tests[i], err));
    return run->has_coverage ? rule_coverage_add(&run->coverage, context->file, context->rules,
                                                 context->options->dialect, err)
                             : AMPQL_OK;
}

static enum ampql_code run_unit_tests(struct test_run *run, struct str text, struct arena *arena,
                                      struct ampql_error *err)
{
    struct run_options options = run->options;
    struct unit_file file;
    struct unit_rules rules = {0};
    struct str path = str_of(options.file);
    if (!run->engines)
        return fail(err, AMPQL_UNSUPPORTED, "%s: only the engine runs unit tests", options.file);
    if (!options.dialect)
        options.dialect = AMPQL_PROM3;
    struct ampql_engine *engine =
        options.dialect == AMPQL_PROM2 ? run->engines->prom2 : run->engines->engine;
    TRY(unit_read(text, options.file, arena, &file, err));
    while (path.n > 0 && path.p[path.n - 1] != '/')
        path.n--;
    struct unit_context context = {engine, &file, text, &rules, &options, &run->counts};
    enum ampql_code code = unit_load(&file, path, engine, arena, warn, run, &rules, err);
    if (code == AMPQL_OK)
        code = run_tests(run, &context, err);
    unit_unload(&rules);
    return code;
}

static void run_file(struct test_run *run, const char *path)
{
    struct arena arena;
    struct str text;
    struct ampql_error err = {0};
    struct run_counts before = run->counts;
    arena_init(&arena, &alloc_default);
    run->options.file = path;
    if (run->junit)
        junit_suite(run->junit, path);
    if (read_file(run, path, &arena, &text)) {
        enum ampql_code code = is_unit_test(str_of(path)) ? run_unit_tests(run, text, &arena, &err)
                                                          : run_script(run, text, &arena, &err);
        if (code != AMPQL_OK)
            complain(run, err.message);
        else if (!run->quiet && run->counts.failed == before.failed)
            fprintf(run->out, "ok   %s (%zu)\n", path, run->counts.passed - before.passed);
    }
    if (run->junit) {
        junit_suite_end(run->junit);
        run->junit->suite = NULL;
    }
    arena_done(&arena);
}

static int run_all(const char *const *paths, size_t npaths, const struct tool_test_options *options,
                   const struct evaluator *evaluator, const struct engine_evaluator *engines)
{
    static const struct tool_test_options defaults;
    options = options ? options : &defaults;
    struct test_run run = {.out = options->out ? options->out : stdout,
                           .err = options->err ? options->err : stderr,
                           .quiet = options->quiet,
                           .has_coverage = options->coverage,
                           .evaluator = evaluator,
                           .engines = engines};
    run.options = (struct run_options){.dialect = options->dialect,
                                       .name_removal = options->name_removal,
                                       .max_samples = options->max_samples,
                                       .report = take_report,
                                       .payload = &run};
    struct junit junit;
    struct ampql_error err = {0};
    int status = 0;
    if (options->junit) {
        if (junit_open(&junit, options->junit, &err) != AMPQL_OK) {
            complain(&run, err.message);
            return EXIT_OUTPUT;
        }
        run.junit = &junit;
    }
    arena_init(&run.arena, &alloc_default);
    run.coverage.arena = &run.arena;
    for (size_t i = 0; i < npaths; i++) {
        size_t first = run.files.n;
        add_path(&run, paths[i], 0);
        if (run.files.n > first + 1)
            qsort(run.files.at + first, run.files.n - first, sizeof *run.files.at, by_text);
    }
    for (size_t i = 0; i < run.files.n; i++)
        run_file(&run, run.files.at[i].p);
    for (size_t i = 0; i < run.reasons.n; i++)
        fprintf(run.out, "skipped %zu: %.*s\n", run.reasons.at[i].n,
                STR_ARGS(run.reasons.at[i].text));
    if (run.has_coverage)
        rule_coverage_print(&run.coverage, run.out);
    fprintf(run.out, "%zu passed, %zu failed, %zu skipped\n", run.counts.passed, run.counts.failed,
            run.counts.skipped);
    status = run.has_bad_file ? EXIT_BAD_DATA : run.counts.failed > 0 ? EXIT_FAILED : 0;
    if (run.junit && junit_close(run.junit, &err) != AMPQL_OK) {
        run.junit = NULL;
        complain(&run, err.message);
        status = EXIT_OUTPUT;
    }
    arena_done(&run.arena);
    return status;
}

int tool_test_with(const char *const *paths, size_t npaths, const struct tool_test_options *options,
                   const struct evaluator *evaluator)
{
    return run_all(paths, npaths, options, evaluator, NULL);
}

int tool_test(const char *const *paths, size_t npaths, const struct tool_test_options *options)
{
    struct engine_evaluator engine;
    struct ampql_error err = {0};
    int status = EXIT_BAD_DATA;
    if (engine_evaluator_init(&engine, &alloc_default, &err) == AMPQL_OK)
        status = run_all(paths, npaths, options, &engine.evaluator, &engine);
    else
        fprintf(options && options->err ? options->err : stderr, "ampql: error: %s\n", err.message);
    engine_evaluator_done(&engine);
    return status;
}
