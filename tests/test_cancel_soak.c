/* Runs of all kinds, each ended by another thread at a random moment, or by a deadline: how long
 * they go on after that. Beside them a query with a flag of its own runs again and again, and must
 * have the same bytes each time.
 *
 * test_cancel_soak N: so many cancels, and as many deadlines (make cancel). From a thousand on
 * 99.9% must be back within 50 ms; fewer are run for what they answer, not for how soon. */
#include <ampql.h>

#include "support/hostile.h"
#include "support/hostile_query.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
    BOUND_US = 50000,
    SOON_US = 30000,  /* canceled within so long after the start */
    JUDGED = 1000,    /* runs from which on the time is judged */
    MOST_SERVED = 200 /* connections of one stalling server */
};

static size_t nruns = 120;

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- what is run */

struct soak {
    struct hostile_data data;
    struct ampql_source *capture;
    struct ampql_result *large; /* to be written as JSON */
    struct hostile server;
    size_t nserved;
    bool has_http;
    uint64_t random;
};

/* How one run is to end, by one of the two, and when it did. */
struct ending {
    struct ampql_cancel *cancel;
    int64_t timeout_ms;
    int64_t after_us;   /* the flag is set so long after the beginning, */
    pthread_t killer;   /*    by this thread, */
    atomic_bool is_set; /*    which also sets this, for callbacks */
    int64_t begin_us, set_us, end_us;
};

static void *kill_later(void *payload)
{
    struct ending *ending = payload;
    struct timespec wait = {0, ending->after_us * 1000};
    nanosleep(&wait, NULL);
    ending->set_us = now_us();
    atomic_store(&ending->is_set, true);
    ampql_cancel_set(ending->cancel);
    return NULL;
}

/* Around what is measured: compiling is not, nor is it freeing what was made. */
static void run_begins(struct ending *ending)
{
    if (ending->cancel)
        assert_int_equal(pthread_create(&ending->killer, NULL, kill_later, ending), 0);
    ending->begin_us = now_us();
}

static void run_ends(struct ending *ending)
{
    ending->end_us = now_us();
}

static enum ampql_code run_query(struct soak *soak, size_t i, struct ending *ending)
{
    struct hostile_query hostile;
    struct ampql_query *query = NULL;
    struct ampql_result *result = NULL;
    hostile_query_make(i, &hostile);
    struct str text = buf_view(&hostile.text);
    hostile.options.cancel = ending->cancel;
    hostile.options.timeout_ms = ending->timeout_ms;
    assert_int_equal(ampql_query_compile(soak->data.engine, text.p, text.n, &query, NULL),
                     AMPQL_OK);
    run_begins(ending);
    enum ampql_code code =
        ampql_query_run(query, soak->data.source, &hostile.options, &result, NULL);
    run_ends(ending);
    ampql_result_free(result);
    ampql_query_free(query);
    buf_done(&hostile.text);
    return code;
}

static enum ampql_code run_batch(struct soak *soak, size_t i, struct ending *ending)
{
    static const char *const texts[] = {"topk(7, y)", "sum_over_time(x[5m])",
                                        "histogram_quantile(0.9, b)", "count by (g) (z) * 2"};
    enum { N = sizeof texts / sizeof *texts };
    const struct ampql_run_options options = {.size = sizeof options,
                                              .end_ms = 7200000,
                                              .step_ms = 1000,
                                              .cancel = ending->cancel,
                                              .timeout_ms = ending->timeout_ms,
                                              .threads = 2 + i % 2};
    const struct ampql_query *queries[N];
    struct ampql_query *compiled[N];
    struct ampql_result *results[N];
    for (size_t k = 0; k < N; k++) {
        assert_int_equal(
            ampql_query_compile(soak->data.engine, texts[k], strlen(texts[k]), &compiled[k], NULL),
            AMPQL_OK);
        queries[k] = compiled[k];
    }
    run_begins(ending);
    enum ampql_code code =
        ampql_batch_run(soak->data.engine, queries, N, soak->data.source, &options, results, NULL);
    run_ends(ending);
    for (size_t k = 0; k < N; k++) {
        ampql_result_free(results[k]);
        ampql_query_free(compiled[k]);
    }
    return code;
}

static enum ampql_code run_allocate(struct soak *soak, size_t i, struct ending *ending)
{
    enum { HOUR_MS = 3600000 };
    const int64_t end_ms = INT64_C(1772409600) * 1000; /* of the bundled day */
    const struct ampql_cost_options options = {.size = sizeof options,
                                               .start_ms = end_ms - 24 * HOUR_MS,
                                               .end_ms = end_ms,
                                               .step_ms = i % 2 ? HOUR_MS : 0,
                                               .threads = 1 + i % 3,
                                               .idle = true,
                                               .cancel = ending->cancel,
                                               .timeout_ms = ending->timeout_ms};
    struct ampql_allocations *allocations = NULL;
    run_begins(ending);
    enum ampql_code code =
        ampql_allocate(soak->data.engine, soak->capture, &options, &allocations, NULL);
    run_ends(ending);
    ampql_allocations_free(allocations);
    return code;
}

static int write_until_set(void *payload, const char *data, size_t size)
{
    const struct ending *ending = payload;
    (void)data, (void)size;
    return atomic_load(&ending->is_set);
}

static enum ampql_code run_json(struct soak *soak, size_t i, struct ending *ending)
{
    (void)i;
    run_begins(ending);
    enum ampql_code code = ampql_result_json(soak->large, write_until_set, ending);
    run_ends(ending);
    return code == AMPQL_OUTPUT ? AMPQL_CANCELED : code;
}

/* Half an answer, then nothing. */
static void stall(struct hostile *hostile, int fd, size_t n)
{
    static const char half[] =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        "Content-Length: 1000\r\n\r\n"
        "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[";
    char request[4096]; /* what it says does not matter */
    while (recv(fd, request, sizeof request, 0) > 0) {
        if (n % 2)
            hostile_say(fd, half);
        hostile_sleep(hostile, 600000);
    }
}

static enum ampql_code run_server(struct soak *soak, size_t i, struct ending *ending)
{
    static const char text[] = "sum(rate(x[5m]))";
    const struct ampql_run_options options = {.size = sizeof options,
                                              .start_ms = 7200000,
                                              .cancel = ending->cancel,
                                              .timeout_ms = ending->timeout_ms};
    const struct ampql_http_options http = {.size = sizeof http, .dialect = AMPQL_PROM3};
    struct ampql_source *source = NULL;
    struct ampql_query *query = NULL;
    struct ampql_result *result = NULL;
    (void)i;
    assert_int_equal(ampql_source_http(soak->data.engine, soak->server.url, &http, &source, NULL),
                     AMPQL_OK);
    assert_int_equal(ampql_query_compile(soak->data.engine, text, sizeof text - 1, &query, NULL),
                     AMPQL_OK);
    run_begins(ending);
    enum ampql_code code = ampql_query_run(query, source, &options, &result, NULL);
    run_ends(ending);
    ampql_result_free(result);
    ampql_query_free(query);
    ampql_source_free(source);
    soak->nserved++;
    return code;
}

static const struct kind {
    const char *name;
    enum ampql_code (*run)(struct soak *soak, size_t i, struct ending *ending);
    unsigned share; /* of so many runs of all */
    bool has_no_deadline, needs_http;
} kinds[] = {
    {"a query", run_query, 12, false, false},
    {"a batch on threads", run_batch, 3, false, false},
    {"a bill", run_allocate, 3, false, false},
    {"writing JSON", run_json, 1, true, false},
    {"a server that stalls", run_server, 1, false, true},
};

enum { NKINDS = sizeof kinds / sizeof *kinds };

/* ---- one run, and its end */

struct outcome {
    enum ampql_code code;
    int64_t late_us; /* it went on for after the flag, or the deadline */
};

static struct outcome cancel_run(struct soak *soak, const struct kind *kind, size_t i,
                                 int64_t after_us)
{
    struct ending ending = {.after_us = after_us};
    assert_int_equal(ampql_cancel_new(soak->data.engine, &ending.cancel, NULL), AMPQL_OK);
    enum ampql_code code = kind->run(soak, i, &ending);
    pthread_join(ending.killer, NULL);
    ampql_cancel_free(ending.cancel);
    return (struct outcome){code, ending.end_us - ending.set_us};
}

static struct outcome deadline_run(struct soak *soak, const struct kind *kind, size_t i,
                                   int64_t after_us)
{
    struct ending ending = {.timeout_ms = 1 + after_us / 1000};
    enum ampql_code code = kind->run(soak, i, &ending);
    return (struct outcome){code, ending.end_us - ending.begin_us - ending.timeout_ms * 1000};
}

/* ---- what came of them */

struct end {
    int64_t late_us;
    size_t run;
};

struct tally {
    struct end *ends; /* [n] those that were ended */
    size_t n, nother; /* nother: over by themselves before */
};

static int by_time(const void *a, const void *b)
{
    int64_t x = ((const struct end *)a)->late_us, y = ((const struct end *)b)->late_us;
    return (x > y) - (x < y);
}

static double late_ms(const struct tally *t, size_t permille)
{
    size_t i = t->n * permille / 1000;
    return (double)t->ends[i < t->n ? i : t->n - 1].late_us / 1000;
}

static void report(const char *what, const char *name, struct tally *t)
{
    if (t->n == 0)
        return;
    qsort(t->ends, t->n, sizeof *t->ends, by_time);
    size_t nlate = 0;
    while (nlate < t->n && t->ends[t->n - 1 - nlate].late_us > BOUND_US)
        nlate++;
    printf("  %-9s %-20s %6zu ended, %5zu over before; after it p50 %.1f, p99 %.1f, p99.9 %.1f, "
           "most %.1f ms (run %zu); over 50 ms: %zu\n",
           what, name, t->n, t->nother, late_ms(t, 500), late_ms(t, 990), late_ms(t, 999),
           late_ms(t, 1000), t->ends[t->n - 1].run, nlate);
}

static const struct kind *pick(struct soak *soak, bool wants_deadline)
{
    for (;;) {
        unsigned all = 0;
        for (size_t k = 0; k < NKINDS; k++)
            all += kinds[k].share;
        unsigned at = (unsigned)(soak->random >> 33) % all;
        soak->random = soak->random * 6364136223846793005u + 1442695040888963407u;
        const struct kind *kind = kinds;
        while (at >= kind->share)
            at -= kind++->share;
        if (!(kind->has_no_deadline && wants_deadline) && (soak->has_http || !kind->needs_http))
            return kind;
    }
}

/* A server has only so many connections. */
static void renew_server(struct soak *soak)
{
    if (soak->nserved < MOST_SERVED)
        return;
    hostile_stop(&soak->server);
    hostile_start(&soak->server, stall, NULL);
    soak->nserved = 0;
}

static void end_all(struct soak *soak, const char *what, enum ampql_code expected,
                    struct outcome (*end)(struct soak *, const struct kind *, size_t, int64_t))
{
    struct tally all = {.ends = calloc(nruns, sizeof *all.ends)}, of_kind[NKINDS] = {{0}};
    for (size_t k = 0; k < NKINDS; k++)
        of_kind[k].ends = calloc(nruns, sizeof *of_kind[k].ends);
    for (size_t i = 0; i < nruns; i++) {
        const struct kind *kind = pick(soak, expected == AMPQL_TIMEOUT);
        struct tally *t = &of_kind[kind - kinds];
        int64_t after_us = (int64_t)((soak->random >> 33) % SOON_US);
        renew_server(soak);
        struct outcome out = end(soak, kind, i, after_us);
        if (out.code == expected) {
            all.ends[all.n++] = t->ends[t->n++] = (struct end){out.late_us, i};
            continue;
        }
        if (out.code != AMPQL_OK && out.code != AMPQL_EXECUTION && out.code != AMPQL_LIMIT)
            fail_msg("%s, run %zu: code %d", kind->name, i, (int)out.code);
        all.nother++, t->nother++;
    }
    for (size_t k = 0; k < NKINDS; k++) {
        report(what, kinds[k].name, &of_kind[k]);
        free(of_kind[k].ends);
    }
    report(what, "all", &all);
    assert_true(all.n > nruns / 3); /* the runs are long enough to say something */
    if (nruns >= JUDGED)
        assert_true(late_ms(&all, 999) * 1000 <= BOUND_US);
    free(all.ends);
}

/* ---- a bystander */

struct bystander {
    struct soak *soak;
    atomic_bool stops;
    size_t nruns;
    const char *failure; /* NULL: none */
};

struct digest {
    uint64_t hash;
    size_t n;
};

static int digest(void *payload, const char *data, size_t size)
{
    struct digest *d = payload;
    for (size_t i = 0; i < size; i++)
        d->hash = (d->hash ^ (unsigned char)data[i]) * 1099511628211u;
    d->n += size;
    return 0;
}

static void *stand_by(void *payload)
{
    static const char text[] = "sum by (g) (rate(y[5m])) / on (g) count by (g) (y)";
    struct bystander *b = payload;
    struct ampql_run_options options = {
        .size = sizeof options, .end_ms = 7200000, .step_ms = 60000};
    struct ampql_query *query = NULL;
    struct digest first = {0};
    if (ampql_cancel_new(b->soak->data.engine, &options.cancel, NULL) != AMPQL_OK ||
        ampql_query_compile(b->soak->data.engine, text, sizeof text - 1, &query, NULL) != AMPQL_OK)
        b->failure = "could not begin";
    while (!b->failure && (!atomic_load(&b->stops) || b->nruns < 2)) {
        struct ampql_result *result = NULL;
        struct digest now = {0};
        if (ampql_query_run(query, b->soak->data.source, &options, &result, NULL) != AMPQL_OK ||
            ampql_result_json(result, digest, &now) != AMPQL_OK)
            b->failure = "a run failed";
        else if (b->nruns++ && (now.hash != first.hash || now.n != first.n))
            b->failure = "other bytes";
        first = now;
        ampql_result_free(result);
    }
    ampql_query_free(query);
    ampql_cancel_free(options.cancel);
    return NULL;
}

static void ends(void **state)
{
    struct soak *soak = *state;
    struct bystander bystander = {.soak = soak};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stand_by, &bystander), 0);
    end_all(soak, "cancel:", AMPQL_CANCELED, cancel_run);
    end_all(soak, "deadline:", AMPQL_TIMEOUT, deadline_run);
    atomic_store(&bystander.stops, true);
    pthread_join(thread, NULL);
    if (bystander.failure)
        fail_msg("the bystander: %s", bystander.failure);
    printf("  beside them %zu runs of a query with a flag of its own: the same bytes\n",
           bystander.nruns);
}

/* ---- beginning and end */

static int begin(void **state)
{
    static struct soak soak;
    static const char text[] = "y";
    const struct ampql_run_options options = {
        .size = sizeof options, .end_ms = 7200000, .step_ms = 2000};
    struct ampql_query *query = NULL;
    struct ampql_source *none = NULL;
    hostile_data_init(&soak.data);
    soak.random = 42;
    assert_int_equal(ampql_source_capture(soak.data.engine, "examples/data/cluster_day.aqc", NULL,
                                          &soak.capture, NULL),
                     AMPQL_OK);
    assert_int_equal(ampql_query_compile(soak.data.engine, text, 1, &query, NULL), AMPQL_OK);
    assert_int_equal(ampql_query_run(query, soak.data.source, &options, &soak.large, NULL),
                     AMPQL_OK);
    ampql_query_free(query);
    soak.has_http = ampql_source_http(soak.data.engine, "http://127.0.0.1:1",
                                      &(struct ampql_http_options){.dialect = AMPQL_PROM3}, &none,
                                      NULL) == AMPQL_OK;
    ampql_source_free(none);
    hostile_start(&soak.server, stall, NULL);
    *state = &soak;
    return 0;
}

static int end(void **state)
{
    struct soak *soak = *state;
    hostile_stop(&soak->server);
    ampql_result_free(soak->large);
    ampql_source_free(soak->capture);
    hostile_data_done(&soak->data);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(ends)};
    if (argc > 1)
        nruns = strtoul(argv[1], NULL, 10);
    return cmocka_run_group_tests(tests, begin, end);
}
