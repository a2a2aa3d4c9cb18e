/* Random queries over random series, here and in a Prometheus 2.42: value bits, labels, and which
 * queries fail, must be the same.
 *
 *   random URL SEED COUNT           COUNT queries over DATA_SETS sets of series
 *   random URL SEED SECONDSs        as many as there is time for, such as 420s
 *   random URL SEED DATA_SET:CASE   one of them, told at length
 *
 * All sets of series live in the one server, each on a day of its own, loaded through remote write
 * with stale markers. Queries are instant or range queries of the generator that the engine and
 * the reference evaluator are compared with.
 *
 * The order of series has no meaning. Where the server, asked again and again, contradicts itself
 * on a value (order.h), that value may differ, within what reordering explains; and so may the
 * faults of 2.42 that known.h lists. What differs otherwise is shrunk to its smallest part that
 * does - expression, times, series, samples, labels, values; each smaller case gets a day of its
 * own in the server - and printed, and kept in tests/data/pending as a test script.
 *
 * Exits 1 when anything differed. */
#include "base/time.h"
#include "oracle/known.h"
#include "oracle/order.h"
#include "support/case_file.h"
#include "support/coverage.h"
#include "support/data_gen.h"
#include "support/shrink.h"
#include "tool/remote_write.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    DATA_SETS = 400,
    DATA_BYTES = 8000,
    CASE_BYTES = 2000,
    THREADS = 2,
    DIFFERENCES_MAX = 40, /* that are printed, */
    SHRUNK_MAX = 6,       /* and that are made small, by a thread */
    TESTS_MAX = 250,      /* each; the days that one block of the server holds are not endless */
    ROUND = 50            /* queries to a set before the next set has its turn */
};

static const int64_t day_ms = 86400000;

/* ---- what a seed stands for */

static uint64_t next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15)); /* splitmix64 */
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static void fill(uint8_t *bytes, size_t n, uint64_t seed, uint64_t a, uint64_t b)
{
    uint64_t state = seed;
    state = next(&state) + a;
    state = next(&state) + b;
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(next(&state) >> 56);
}

/* 2024-01-01 and on: a leap year, then one that is none. */
static int64_t base_of(size_t set)
{
    return (19723 + (int64_t)set) * day_ms;
}

static void make_data(uint64_t seed, size_t set, struct arena *arena, struct expr_case *out)
{
    uint8_t bytes[DATA_BYTES];
    struct gen_bytes g = {bytes, sizeof bytes};
    fill(bytes, sizeof bytes, seed, set, UINT64_MAX);
    *out = (struct expr_case){0};
    data_generate_labels(&g, arena, out);
    data_generate_samples(&g, arena, out);
    for (size_t i = 0; i < out->nseries; i++) {
        const struct test_series *s = &out->series[i];
        int64_t *moved = arena_alloc(arena, s->n + 1, sizeof *moved);
        if (!moved)
            abort();
        for (size_t k = 0; k < s->n; k++)
            moved[k] = s->t_ms[k] + base_of(set);
        out->series[i].t_ms = moved;
    }
}

static void make_case(uint64_t seed, size_t set, size_t number, const struct expr_names *names,
                      struct arena *arena, struct expr_case *data)
{
    uint8_t bytes[CASE_BYTES];
    fill(bytes, sizeof bytes, seed, set, number);
    expr_generate_over(bytes, sizeof bytes, names, base_of(set), arena, data);
    data->options.dialect = AMPQL_PROM2;
    data->options.lookback_ms = 0; /* the server's is fixed */
    data->options.delayed_name_removal = false;
}

/* ---- loading */

static bool push_series(struct remote_write *server, const struct test_series *s)
{
    struct ampql_error err = {0};
    bool ok =
        remote_write_add(server, s->labels, s->nlabels, s->t_ms, s->v, s->n, &err) == AMPQL_OK;
    if (!ok)
        fprintf(stderr, "random: %s\n", err.message);
    return ok;
}

static bool push_all(struct remote_write *server)
{
    struct ampql_error err = {0};
    bool ok = remote_write_send(server, &err) == AMPQL_OK;
    if (!ok)
        fprintf(stderr, "random: %s\n", err.message);
    return ok;
}

static struct remote_write *open_server(const char *url)
{
    char address[256];
    struct ampql_error err = {0};
    struct remote_write *server = NULL;
    struct remote_write_options options = {.url = address};
    snprintf(address, sizeof address, "%s/api/v1/write", url);
    if (remote_write_open(&alloc_default, &options, &server, &err) != AMPQL_OK)
        fprintf(stderr, "random: %s\n", err.message);
    return server;
}

/* Day after day, so that time goes forward. */
static bool load(struct remote_write *server, uint64_t seed)
{
    bool ok = true;
    for (size_t set = 0; ok && set < DATA_SETS; set++) {
        struct arena arena;
        struct expr_case data;
        arena_init(&arena, &alloc_default);
        make_data(seed, set, &arena, &data);
        for (size_t i = 0; ok && i < data.nseries; i++)
            ok = push_series(server, &data.series[i]);
        ok = ok && push_all(server);
        arena_done(&arena);
    }
    return ok;
}

/* ---- one thread's work */

struct tally {
    size_t of[ORDER_VERDICTS], queries, points;
};

struct job {
    const char *url;
    uint64_t seed;
    size_t count, first, only; /* sets first, first + THREADS, ...; of them case `only`, or all */
    int64_t until_ms;          /* of time_monotonic; 0: COUNT queries */
    const struct expr_names *names;
    struct tally tally;
    struct coverage coverage;
};

static size_t points_of(const struct expr_case *c)
{
    const struct ampql_run_options *o = &c->options;
    return o->step_ms == 0 ? 1 : (size_t)((o->end_ms - o->start_ms) / o->step_ms) + 1;
}

/* ---- a difference: made small on days of its own, shown, and kept as a test case */

/* The days that are taken, of all threads, and the way to the server. */
static struct days {
    pthread_mutex_t lock;
    struct remote_write *server;
    size_t next;
} days = {PTHREAD_MUTEX_INITIALIZER, NULL, DATA_SETS};

static bool differs(struct order *order, const struct expr_case *c)
{
    struct buf why;
    buf_init(&why, &alloc_default, 1 << 24);
    bool yes = order_judge(order, c, &why) == ORDER_DIFFERENT;
    buf_done(&why);
    return yes;
}

/* The case on a new day, in the server and in the engine. */
static bool settle_down(struct order *order, struct expr_case *c, struct arena *arena)
{
    int64_t base_ms = base_of(days.next++);
    bool ok = case_move(c, base_ms, arena);
    for (size_t i = 0; ok && i < c->nseries; i++)
        ok = push_series(days.server, &c->series[i]);
    ok = ok && push_all(days.server);
    order_load(order, c);
    return ok;
}

/* c is at Unix 0. */
static bool differs_elsewhere(void *payload, const struct expr_case *c)
{
    struct order *order = payload;
    struct arena arena;
    struct expr_case moved = *c;
    arena_init(&arena, &alloc_default);
    bool yes = settle_down(order, &moved, &arena) && differs(order, &moved);
    arena_done(&arena);
    return yes;
}

static void move_answer(struct outcome *o, int64_t by_ms, struct arena *arena)
{
    struct outcome_series *series = arena_alloc(arena, o->nseries + 1, sizeof *series);
    if (!series)
        abort();
    for (size_t i = 0; i < o->nseries; i++) {
        int64_t *t = arena_alloc(arena, o->series[i].n + 1, sizeof *t);
        if (!t)
            abort();
        for (size_t k = 0; k < o->series[i].n; k++)
            t[k] = o->series[i].t_ms[k] + by_ms;
        series[i] = o->series[i];
        series[i].t_ms = t;
    }
    o->series = series;
}

/* Keep the case, which is at Unix 0, with what the server says of it on another day. */
static void save(struct order *order, const struct expr_case *c, uint64_t seed, size_t set,
                 size_t number, struct arena *arena)
{
    char name[96], origin[128];
    struct expr_case moved = *c;
    struct outcome outcome;
    if (!settle_down(order, &moved, arena))
        return;
    int64_t by_ms = moved.options.start_ms - c->options.start_ms;
    struct case_answer answer = {.outcome = &outcome};
    answer.code = order_answer(order, &moved, arena, &outcome);
    if (case_reads_time(c)) {
        printf("it reads the time, so it cannot begin at Unix 0 in a test script\n");
        return;
    }
    move_answer(&outcome, -by_ms, arena);
    snprintf(name, sizeof name, "random-%" PRIu64 "-%zu-%zu", seed, set, number);
    snprintf(origin, sizeof origin,
             "make differential N=1 SEED=%" PRIu64 " CASE=%zu:%zu: what Prometheus 2.42 answers",
             seed, set, number);
    case_save(c, &answer, origin, "tests/data/pending", name);
}

static void make_small(struct order *order, const struct expr_case *c, uint64_t seed, size_t set,
                       size_t number)
{
    const struct shrink_options options = {AMPQL_PROM2, TESTS_MAX};
    struct arena arena;
    struct buf out;
    struct expr_case small = *c;
    arena_init(&arena, &alloc_default);
    buf_init(&out, &alloc_default, 1 << 24);
    pthread_mutex_lock(&days.lock);
    if (case_move(&small, -base_of(set), &arena) && differs_elsewhere(order, &small)) {
        shrink_case(&small, &options, differs_elsewhere, order, &arena);
        expr_case_print(&small, &out);
        struct expr_case moved = small;
        if (settle_down(order, &moved, &arena))
            order_judge(order, &moved, &out);
        printf("made small, moved to Unix 0: %.*s\n", (int)out.n, out.p);
        save(order, &small, seed, set, number, &arena);
    } else {
        printf("%zu:%zu differs only on its own day\n", set, number);
    }
    fflush(stdout);
    pthread_mutex_unlock(&days.lock);
    buf_done(&out);
    arena_done(&arena);
}

static void report(struct job *job, struct order *order, size_t set, size_t number,
                   const struct expr_case *c)
{
    struct buf out;
    buf_init(&out, &alloc_default, 1 << 24);
    buf_format(&out, "DIFFERENT %zu:%zu ", set, number);
    buf_str(&out, c->text);
    buf_byte(&out, '\n');
    expr_case_print(c, &out);
    order_judge(order, c, &out);
    printf("%.*s\n", (int)out.n, out.p); /* at once, so that threads do not mix */
    fflush(stdout);
    buf_done(&out);
    if (job->tally.of[ORDER_DIFFERENT] <= SHRUNK_MAX)
        make_small(order, c, job->seed, set, number);
}

/* Queries [from, to) to a set. */
static void run_set(struct job *job, struct order *order, size_t set, size_t from, size_t to)
{
    struct arena data_arena, arena;
    struct expr_case data;
    arena_init(&data_arena, &alloc_default);
    arena_init(&arena, &alloc_default);
    make_data(job->seed, set, &data_arena, &data);
    order_load(order, &data);
    for (size_t i = from; i < to; i++) {
        struct expr_case c = data;
        struct buf why;
        buf_init(&why, &alloc_default, 1 << 24);
        make_case(job->seed, set, i, job->names, &arena, &c);
        enum order_verdict verdict = order_judge(order, &c, &why);
        job->tally.of[verdict]++;
        job->tally.queries++;
        job->tally.points += points_of(&c);
        coverage_count(&job->coverage, &c, verdict == ORDER_VALUES);
        if (job->only < SIZE_MAX) {
            expr_case_print(&c, &why);
            printf("%.*s%s\n", (int)why.n, why.p, order_verdict_text[verdict]);
        }
        if (verdict == ORDER_DIFFERENT && job->tally.of[ORDER_DIFFERENT] <= DIFFERENCES_MAX) {
            report(job, order, set, i, &c);
            order_load(order, &data);
        }
        buf_done(&why);
        arena_reset(&arena);
    }
    arena_done(&arena);
    arena_done(&data_arena);
}

/* A thread has every other set, and comes to each again and again. */
static void run_sets(struct job *job, struct order *order)
{
    bool is_timed = job->until_ms > 0, has_more = true;
    for (size_t round = 0; has_more; round++) {
        has_more = is_timed;
        for (size_t set = job->first; set < DATA_SETS; set += THREADS) {
            size_t n = job->count / DATA_SETS + (set < job->count % DATA_SETS);
            size_t from = round * ROUND, to = from + ROUND;
            if (is_timed && time_monotonic() >= job->until_ms)
                return;
            if (!is_timed && to > n)
                to = n;
            if (from < to)
                run_set(job, order, set, from, to);
            has_more |= !is_timed && to < n;
        }
    }
}

static void *run(void *payload)
{
    struct job *job = payload;
    struct order *order = order_new(job->url);
    if (job->only < SIZE_MAX)
        run_set(job, order, job->first, job->only, job->only + 1);
    else
        run_sets(job, order);
    order_free(order);
    return NULL;
}

/* ---- the program */

/* What 2.42 has too. */
static void known_names(struct expr_names *out)
{
    struct expr_names all;
    expr_names_of_engine(&all);
    *out = (struct expr_names){0};
    for (size_t i = 0; i < all.n; i++)
        if (!expr_name_is_newer(all.at[i]) && strcmp(all.at[i], "min_of") != 0)
            out->at[out->n++] = all.at[i];
}

static bool summarise(const struct job *jobs, size_t njobs)
{
    static struct coverage coverage;
    struct tally total = {{0}, 0, 0};
    for (size_t i = 0; i < njobs; i++) {
        for (size_t k = 0; k < ORDER_VERDICTS; k++)
            total.of[k] += jobs[i].tally.of[k];
        total.queries += jobs[i].tally.queries;
        total.points += jobs[i].tally.points;
        coverage_add(&coverage, &jobs[i].coverage);
    }
    bool is_covered = coverage_print(&coverage, jobs->names, stdout);
    printf("random: seed %" PRIu64 ": %zu queries at %zu times:", jobs->seed, total.queries,
           total.points);
    for (size_t k = 0; k < ORDER_VERDICTS; k++)
        printf(" %zu %s%s", total.of[k], order_verdict_text[k],
               k + 1 < ORDER_VERDICTS ? "," : "\n");
    /* and the generator makes cases worth having */
    return total.of[ORDER_DIFFERENT] == 0 && is_covered &&
           (total.queries < 10000 || total.of[ORDER_VALUES] > total.queries / 3);
}

static bool read_number(const char *text, char end, uint64_t *out, const char **rest)
{
    char *stop;
    *out = strtoull(text, &stop, 10);
    *rest = stop + 1;
    return stop != text && *stop == end;
}

static bool read_job(int argc, char **argv, struct job *out)
{
    const char *rest = "";
    uint64_t number = 0, set = 0;
    *out = (struct job){.only = SIZE_MAX};
    if (argc != 4 || !read_number(argv[2], '\0', &out->seed, &rest))
        return false;
    out->url = argv[1];
    size_t n = strlen(argv[3]);
    if (strchr(argv[3], ':')) {
        bool ok = read_number(argv[3], ':', &set, &rest) && read_number(rest, '\0', &number, &rest);
        out->first = set;
        out->only = number;
        return ok && set < DATA_SETS;
    }
    bool is_timed = n > 0 && argv[3][n - 1] == 's';
    if (!read_number(argv[3], is_timed ? 's' : '\0', &number, &rest))
        return false;
    out->count = is_timed ? 0 : number;
    out->until_ms = is_timed ? time_monotonic() + (int64_t)number * 1000 : 0;
    return true;
}

int main(int argc, char **argv)
{
    static struct job jobs[THREADS];
    struct expr_names names;
    struct job job;
    pthread_t threads[THREADS];
    if (!read_job(argc, argv, &job)) {
        fputs("usage: random URL SEED COUNT|SECONDSs, random URL SEED DATA_SET:CASE\n", stderr);
        return 2;
    }
    days.server = open_server(argv[1]);
    if (!days.server || !load(days.server, job.seed))
        return 2;
    known_names(&names);
    job.names = &names;
    size_t njobs = job.only < SIZE_MAX ? 1 : THREADS;
    for (size_t i = 0; i < njobs; i++) {
        jobs[i] = job;
        if (njobs > 1)
            jobs[i].first = i;
        if (pthread_create(&threads[i], NULL, run, &jobs[i]) != 0)
            abort();
    }
    for (size_t i = 0; i < njobs; i++)
        pthread_join(threads[i], NULL);
    remote_write_close(days.server);
    return summarise(jobs, njobs) ? 0 : 1;
}
