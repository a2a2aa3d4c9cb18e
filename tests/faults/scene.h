/* Scenarios of the public API in which memory runs out, and what they work with.
 *
 * A scenario is run many times, each time with another allocation failing, on one engine. It gives
 * back all that it takes; what it finds out it writes into scene->out, and files into scene->folder
 * alone. The driver is alloc_failures.c. */
#ifndef AMPQL_TESTS_SCENE_H
#define AMPQL_TESTS_SCENE_H

#include <ampql.h>
#include <ampql/http.h>

struct scene_text {
    char *at; /* [room], taken before anything fails */
    size_t n, room;
};

struct scene {
    struct ampql_engine *engine;       /* over ledger_allocator */
    const struct ampql_allocator *alc; /* the same, for tools that take one */
    struct ampql_source *memory;       /* of scene_fill */
    struct ampql_source *kept;         /* what scenario->open gave */
    const char *folder;                /* empty before each run */
    const char *data;                  /* files made once, by scene_files */
    const char *server;                /* URL of a server on loopback, "" without HTTP */
    uint64_t run;                      /* its number: another one each time */
    struct scene_text out;
};

struct scenario {
    const char *name;
    enum ampql_code (*run)(struct scene *scene, const struct scenario *self,
                           struct ampql_error *err);
    const char *text, *more; /* what run makes of them */
    int64_t start_ms, end_ms, step_ms;
    uint64_t number;
    /* All below may be NULL. A source that outlives the runs: opened when nothing fails yet, and
     * asked the control query after each failure. */
    enum ampql_code (*open)(struct scene *scene, const struct scenario *self,
                            struct ampql_source **out, struct ampql_error *err);
    void (*before)(struct scene *scene); /* puts files into the folder before each run */
};

struct scenario_table {
    const struct scenario *rows; /* [n] */
    size_t n;
};
#define SCENARIOS(rows)                                                                            \
    {                                                                                              \
        rows, sizeof(rows) / sizeof *(rows)                                                        \
    }

extern const struct scenario_table scenarios_query, scenarios_source, scenarios_capture,
    scenarios_rules, scenarios_api, scenarios_http;

/* ---- for scenarios */

/* An ampql_write into scene->out. */
int scene_write(void *scene, const char *data, size_t size);
/* The code of what has no error to fill, which then says so. */
enum ampql_code scene_wrote(enum ampql_code code, struct ampql_error *err);
void scene_say(struct scene *scene, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "FOLDER/NAME" and "DATA/NAME"; eight may be in use at a time. */
const char *scene_path(const struct scene *scene, const char *name);
const char *scene_data(const struct scene *scene, const char *name);

/* Evaluate a text, and write the answer as JSON. options may be NULL: at scene_end_ms. */
enum ampql_code scene_ask(struct scene *scene, struct ampql_source *source, const char *text,
                          const struct ampql_run_options *options, struct ampql_error *err);

/* The run options of a row. */
struct ampql_run_options scene_options(const struct scenario *self);

/* Scenarios: evaluate self->text over the series in memory, or over the kept source. */
enum ampql_code scene_query(struct scene *scene, const struct scenario *self,
                            struct ampql_error *err);

/* Some counters, gauges and buckets from 0 to ten minutes, one sample a minute. Their text is in
 * the files DATA/x.om, x.csv, x.dump, x.aqc, ... */
enum { SCENE_END_MS = 600000 };
enum ampql_code scene_fill(struct ampql_source *source, struct ampql_error *err);
void scene_files(struct scene *scene);

/* What the server on loopback answers: what the series in memory give. A child of this process; it
 * ends with it. "PATH/flaky/N/..." is answered with 503 once for each N, "PATH/cut/N/..." breaks
 * off once. */
const char *scene_server_start(void);

#endif
