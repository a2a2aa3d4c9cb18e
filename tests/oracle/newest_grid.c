/* The numeric grids (../support/numeric_grid.h) against the newest Prometheus: values, labels,
 * words and, of JSON, every byte. When nothing differs the checksums are written to a file, for
 * test_numeric_grid to hold the engine to. */
#include "oracle/newest.h"
#include "support/numeric_grid.h"

#include <stdlib.h>

enum { MAX_SHOWN = 20, MAX_ANSWER = 1 << 26 };

struct grid_run {
    struct driver *driver;
    struct grid_sums sums;
    size_t ndifferent;
};

static void show(struct grid_run *run, const struct grid_case *c, struct str ours,
                 struct str theirs)
{
    if (run->ndifferent++ >= MAX_SHOWN)
        return;
    struct buf print;
    buf_init(&print, &alloc_default, MAX_ANSWER);
    expr_case_print(&c->c, &print);
    printf("different, %s\n%.*s  ours        %.*s\n  prometheus  %.*s\n", c->grid,
           STR_ARGS(buf_view(&print)), STR_ARGS(ours), STR_ARGS(theirs));
    buf_done(&print);
}

static void take_json(struct grid_run *run, const struct grid_case *c, struct arena *arena,
                      struct buf *ours)
{
    struct str theirs = {0};
    newest_json(&run->driver->newest, &c->c, arena, &theirs);
    numeric_grid_json(&c->c, ours);
    if (!str_equal(buf_view(ours), theirs))
        show(run, c, buf_view(ours), theirs);
}

static void take_values(struct grid_run *run, const struct grid_case *c, struct arena *arena,
                        struct buf *ours)
{
    struct answer answer;
    struct newest_answer theirs;
    struct buf text;
    enum outcome_class class = newest_judge(run->driver, &c->c, arena, &answer, &theirs);
    numeric_grid_write(&answer.outcome, answer.code, answer.err.message, ours);
    if (class <= REFUSED)
        return;
    buf_init(&text, &alloc_default, MAX_ANSWER);
    numeric_grid_write(&theirs.outcome, theirs.code, "", &text);
    show(run, c, buf_view(ours), theirs.code == AMPQL_OK ? buf_view(&text) : theirs.message);
    buf_done(&text);
}

static void take(const struct grid_case *c, void *payload)
{
    struct grid_run *run = payload;
    struct arena arena;
    struct buf ours;
    arena_init(&arena, &alloc_default);
    buf_init(&ours, &alloc_default, MAX_ANSWER);
    if (c->is_json)
        take_json(run, c, &arena, &ours);
    else
        take_values(run, c, &arena, &ours);
    if (ours.failed != AMPQL_OK)
        abort();
    grid_sums_add(&run->sums, c->grid, buf_view(&ours));
    buf_done(&ours);
    arena_done(&arena);
}

int newest_grids(struct driver *driver, const char *path)
{
    struct grid_run run = {.driver = driver};
    struct buf lines;
    numeric_grid_each(take, &run);
    buf_init(&lines, &alloc_default, 1 << 16);
    grid_sums_print(&run.sums, &lines);
    printf("%.*s%zu different\n", STR_ARGS(buf_view(&lines)), run.ndifferent);
    FILE *f = run.ndifferent == 0 ? fopen(path, "w") : NULL;
    bool is_written = f && fwrite(lines.p, 1, lines.n, f) == lines.n;
    is_written = f && fclose(f) == 0 && is_written;
    if (!is_written)
        printf("%s is as it was\n", path);
    buf_done(&lines);
    return run.ndifferent > 0 || !is_written;
}
