/* Measure ampql on a generated cluster: CPU time and memory of queries over samples that a memory
 * source borrows.
 *
 *   bench QUERIES [--containers N] [--seed N] [--start S] [--duration S] [--interval S] [--only
 * NAMES] [--rounds N] [--warm N] [--source CAPTURE]
 *
 * QUERIES is a file of lines "name TAB start TAB end TAB step TAB query", times in Unix seconds,
 * step 0 for an instant query at end; the query "allocate AGGREGATE" is the bill of the window.
 * Each query is compiled once, run --warm times unmeasured (2) and then
 * --rounds times (7); its result is written as the HTTP API's JSON, which is thrown away: the work
 * that a server does for the same request, without the network. Prints one JSON object a line. With
 * --source a capture takes the place of the generated cluster.
 *
 * With --rounds 0 nothing is measured: a line is the HTTP API's body for the query, for a
 * comparison of answers. */
#include <ampql.h>

#include "bench/cluster.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { LINE_BYTES = 1 << 16, MAX_ROUNDS = 200 };

/* Every sample of the cluster, owned here, lent to the source. */
struct columns {
    struct column {
        int64_t *t;
        double *v;
    } * series;
    size_t nseries;
    uint64_t nsamples;
};

/* What the library has taken from its allocator, from whatever thread. */
struct meter {
    atomic_size_t live;
    atomic_size_t peak;
};

static void die(const char *what, const struct ampql_error *err)
{
    fprintf(stderr, "bench: %s%s%s\n", what, err ? ": " : "", err ? err->message : "");
    exit(1);
}

static void *metered(void *payload, void *ptr, size_t old_size, size_t new_size)
{
    struct meter *m = payload;
    void *p = NULL;
    if (new_size == 0)
        free(ptr);
    else if (!(p = realloc(ptr, new_size)))
        return NULL;
    size_t live = atomic_fetch_add(&m->live, new_size - old_size) + new_size - old_size;
    size_t peak = atomic_load(&m->peak);
    while (live > peak && !atomic_compare_exchange_weak(&m->peak, &peak, live))
        ;
    return p;
}

static int64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now); /* user and system, all threads */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int count_bytes(void *payload, const char *data, size_t size)
{
    (void)data;
    *(size_t *)payload += size;
    return 0;
}

static void *copy_of(const void *data, size_t size)
{
    void *copy = malloc(size > 0 ? size : 1);
    if (!copy)
        die("out of memory", NULL);
    memcpy(copy, data, size);
    return copy;
}

static struct ampql_string string_of(const char *text)
{
    return (struct ampql_string){text, strlen(text)};
}

static void fill(struct ampql_source *source, struct cluster *c, struct columns *columns)
{
    struct ampql_error err;
    struct ampql_label labels[64];
    columns->nseries = cluster_nseries(c);
    columns->series = calloc(columns->nseries, sizeof *columns->series);
    if (!columns->series)
        die("out of memory", NULL);
    for (size_t i = 0; i < columns->nseries; i++) {
        size_t nlabels;
        const struct cluster_label *from = cluster_labels(c, i, &nlabels);
        for (size_t k = 0; k < nlabels; k++)
            labels[k] = (struct ampql_label){string_of(from[k].name), string_of(from[k].value)};
        const int64_t *t;
        const double *v;
        size_t n = cluster_read(c, i, INT64_MAX, &t, &v);
        struct column *column = &columns->series[i];
        column->t = copy_of(t, n * sizeof *t);
        column->v = copy_of(v, n * sizeof *v);
        columns->nsamples += n;
        if (ampql_source_add(source, labels, nlabels, column->t, column->v, n, &err) != AMPQL_OK)
            die("adding a series", &err);
    }
}

/* The queries of one line: most have one, a batch is written "query ;; query". */
enum { MAX_BATCH = 32 };

struct batch {
    struct ampql_query *at[MAX_BATCH];
    size_t n;
};

/* "allocate AGGREGATE": the aggregate; NULL: a query. */
static const char *aggregate_of(const char *text)
{
    static const char word[] = "allocate ";
    return strncmp(text, word, strlen(word)) == 0 ? text + strlen(word) : NULL;
}

static struct batch compile(struct ampql_engine *engine, const char *text)
{
    static const char separator[] = " ;; ";
    struct batch batch = {.n = 0};
    struct ampql_error err;
    if (aggregate_of(text))
        return batch;
    for (const char *end; text; text = end) {
        if (batch.n == MAX_BATCH)
            die("a batch of too many queries", NULL);
        end = strstr(text, separator);
        size_t size = end ? (size_t)(end - text) : strlen(text);
        if (ampql_query_compile(engine, text, size, &batch.at[batch.n++], &err) != AMPQL_OK)
            die(text, &err);
        end = end ? end + strlen(separator) : NULL;
    }
    return batch;
}

static struct ampql_stats bill_once(struct ampql_engine *engine, const char *aggregate,
                                    struct ampql_source *source,
                                    const struct ampql_run_options *window, size_t *nlines,
                                    int64_t *evaluated_ns)
{
    int64_t from = cpu_ns();
    struct ampql_error err;
    struct ampql_allocations *bill;
    struct ampql_cost_options options = {.size = sizeof options,
                                         .start_ms = window->start_ms,
                                         .end_ms = window->end_ms,
                                         .dialect = window->dialect,
                                         .max_samples = window->max_samples,
                                         .aggregate = aggregate};
    size_t bytes = 0;
    if (ampql_allocate(engine, source, &options, &bill, &err) != AMPQL_OK)
        die("allocate", &err);
    *evaluated_ns = cpu_ns() - from;
    if (ampql_allocations_json(bill, count_bytes, &bytes) != AMPQL_OK)
        die("json", NULL);
    struct ampql_stats stats = ampql_allocations_stats(bill);
    *nlines = ampql_allocations_count(bill);
    ampql_allocations_free(bill);
    return stats;
}

static struct ampql_stats run_once(struct ampql_engine *engine, const struct batch *batch,
                                   struct ampql_source *source,
                                   const struct ampql_run_options *options, size_t *nseries,
                                   int64_t *evaluated_ns)
{
    int64_t from = cpu_ns();
    struct ampql_error errs[MAX_BATCH] = {{0}};
    struct ampql_result *results[MAX_BATCH];
    struct ampql_stats stats = {0};
    size_t bytes = 0;
    if (ampql_batch_run(engine, (const struct ampql_query *const *)batch->at, batch->n, source,
                        options, results, errs) != AMPQL_OK)
        die("run", &errs[0]);
    *evaluated_ns = cpu_ns() - from;
    *nseries = 0;
    for (size_t i = 0; i < batch->n; i++) {
        if (ampql_result_json(results[i], count_bytes, &bytes) != AMPQL_OK)
            die("json", NULL);
        stats = ampql_result_stats(results[i]);
        *nseries += ampql_result_count(results[i]);
        ampql_result_free(results[i]);
    }
    return stats;
}

/* A line of QUERIES. */
struct question {
    const char *name;
    const char *text;
    struct ampql_run_options options;
};

static struct question read_question(char *line)
{
    char *fields[5];
    for (int i = 0; i < 5; i++) {
        fields[i] = line;
        line += strcspn(line, i < 4 ? "\t" : "\n");
        if (i < 4 && *line == '\0')
            die("a line of QUERIES has not five fields", NULL);
        *line++ = '\0';
    }
    struct question q = {.name = fields[0], .text = fields[4]};
    q.options = (struct ampql_run_options){.size = sizeof q.options,
                                           .start_ms = llround(atof(fields[1]) * 1000),
                                           .end_ms = llround(atof(fields[2]) * 1000),
                                           .step_ms = llround(atof(fields[3]) * 1000),
                                           .dialect = AMPQL_PROM2,
                                           .max_samples = UINT64_MAX};
    if (q.options.step_ms == 0 && !aggregate_of(q.text))
        q.options.start_ms = q.options.end_ms;
    return q;
}

/* The question's batch, or its bill. */
static struct ampql_stats answer(struct ampql_engine *engine, const struct batch *batch,
                                 struct ampql_source *source, const struct question *q,
                                 size_t *nseries, int64_t *evaluated_ns)
{
    const char *aggregate = aggregate_of(q->text);
    return aggregate ? bill_once(engine, aggregate, source, &q->options, nseries, evaluated_ns)
                     : run_once(engine, batch, source, &q->options, nseries, evaluated_ns);
}

static void measure(struct ampql_engine *engine, const struct batch *batch,
                    struct ampql_source *source, struct meter *meter, const struct question *q,
                    int warm, int rounds)
{
    size_t nseries = 0, before = atomic_load(&meter->live);
    int64_t evaluated_ns[MAX_ROUNDS] = {0};
    atomic_store(&meter->peak, before);
    struct ampql_stats stats = {0};
    for (int i = 0; i < warm; i++)
        answer(engine, batch, source, q, &nseries, evaluated_ns);
    int64_t spent_ns[MAX_ROUNDS];
    for (int i = 0; i < rounds; i++) {
        int64_t from = cpu_ns();
        stats = answer(engine, batch, source, q, &nseries, &evaluated_ns[i]);
        spent_ns[i] = cpu_ns() - from;
    }
    printf("{\"name\":\"%s\",\"samples\":%" PRIu64 ",\"input_series\":%" PRIu64
           ",\"series\":%zu,\"work_bytes\":%zu,\"cpu_ns\":[",
           q->name, stats.samples, stats.series, nseries, atomic_load(&meter->peak) - before);
    for (int i = 0; i < rounds; i++)
        printf("%s%" PRId64, i ? "," : "", spent_ns[i]);
    printf("],\"evaluated_ns\":[");
    for (int i = 0; i < rounds; i++)
        printf("%s%" PRId64, i ? "," : "", evaluated_ns[i]);
    puts("]}");
}

static int print_bytes(void *payload, const char *data, size_t size)
{
    return fwrite(data, 1, size, payload) != size;
}

static void print_text(const char *text)
{
    for (; *text; text++)
        printf(*text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
}

static void print_answer(struct ampql_engine *engine, struct ampql_source *source,
                         const struct question *q)
{
    struct ampql_error err = {0};
    struct ampql_query *query = NULL;
    struct ampql_result *result = NULL;
    if (ampql_query_compile(engine, q->text, strlen(q->text), &query, &err) != AMPQL_OK ||
        ampql_query_run(query, source, &q->options, &result, &err) != AMPQL_OK) {
        printf("{\"status\":\"error\",\"errorType\":\"%s\",\"error\":\"",
               ampql_code_name(err.code));
        print_text(err.message);
        printf("\"}");
    } else if (ampql_result_json(result, print_bytes, stdout) != AMPQL_OK) {
        die("json", NULL);
    }
    putchar('\n');
    ampql_result_free(result);
    ampql_query_free(query);
}

static void ask(struct ampql_engine *engine, struct ampql_source *source, struct meter *meter,
                char *line, int warm, int rounds)
{
    struct question q = read_question(line);
    if (rounds == 0) {
        print_answer(engine, source, &q);
        return;
    }
    struct batch batch = compile(engine, q.text);
    measure(engine, &batch, source, meter, &q, warm, rounds);
    for (size_t i = 0; i < batch.n; i++)
        ampql_query_free(batch.at[i]);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct cluster_options options = {.seed = 1,
                                      .ncontainers = CLUSTER_S,
                                      .start_ms = 1772316000000,
                                      .duration_ms = 97200000,
                                      .interval_ms = 60000};
    int warm = 2, rounds = 7;
    const char *capture = NULL;
    for (int i = 2; i + 1 < argc; i += 2) {
        int64_t x = atoll(argv[i + 1]);
        if (strcmp(argv[i], "--only") == 0)
            options.only = argv[i + 1];
        else if (strcmp(argv[i], "--containers") == 0)
            options.ncontainers = (size_t)x;
        else if (strcmp(argv[i], "--seed") == 0)
            options.seed = (uint64_t)x;
        else if (strcmp(argv[i], "--start") == 0)
            options.start_ms = x * 1000;
        else if (strcmp(argv[i], "--duration") == 0)
            options.duration_ms = x * 1000;
        else if (strcmp(argv[i], "--interval") == 0)
            options.interval_ms = x * 1000;
        else if (strcmp(argv[i], "--source") == 0)
            capture = argv[i + 1];
        else if (strcmp(argv[i], "--warm") == 0)
            warm = x >= 0 && x < MAX_ROUNDS ? (int)x : warm;
        else if (strcmp(argv[i], "--rounds") == 0)
            rounds = x >= 0 && x < MAX_ROUNDS ? (int)x : rounds;
        else
            die("usage: bench QUERIES [--containers N] [--only NAMES] [--rounds N] ...", NULL);
    }
    FILE *queries = argc > 1 ? fopen(argv[1], "r") : NULL;
    if (!queries)
        die("usage: bench QUERIES [--containers N] [--only NAMES] [--rounds N] ...", NULL);

    struct meter meter = {0, 0};
    struct ampql_allocator allocator = {metered, &meter};
    struct ampql_engine_options engine_options = {
        .size = sizeof engine_options, .allocator = &allocator, .dialect = AMPQL_PROM2};
    struct ampql_memory_options memory_options = {.size = sizeof memory_options, .borrow = true};
    struct ampql_engine *engine;
    struct ampql_source *source;
    struct ampql_error err;
    if (ampql_engine_new(&engine_options, &engine, &err) != AMPQL_OK)
        die("engine", &err);
    struct columns columns = {0};
    if (capture ? ampql_source_capture(engine, capture, NULL, &source, &err) != AMPQL_OK
                : ampql_source_memory(engine, &memory_options, &source, &err) != AMPQL_OK)
        die("source", &err);
    if (!capture) {
        struct cluster *cluster = cluster_new(&options);
        fill(source, cluster, &columns);
        cluster_free(cluster);
    }

    static char line[LINE_BYTES];
    while (fgets(line, sizeof line, queries))
        ask(engine, source, &meter, line, warm, rounds);
    fclose(queries);

    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    if (rounds > 0)
        printf("{\"name\":\"\",\"total_series\":%zu,\"total_samples\":%" PRIu64
               ",\"source_bytes\":%zu,\"max_rss_bytes\":%ld}\n",
               columns.nseries, columns.nsamples, atomic_load(&meter.live), usage.ru_maxrss * 1024);
    ampql_source_free(source);
    ampql_engine_free(engine);
    for (size_t i = 0; i < columns.nseries; i++) {
        free(columns.series[i].t);
        free(columns.series[i].v);
    }
    free(columns.series);
    return 0;
}
