/* Random queries over random series, here and in a Prometheus 2.42: value bits, labels, and which
 * queries fail, must be the same.
 *
 *   random URL SEED COUNT           COUNT queries over DATA_SETS sets of series
 *   random URL SEED DATA_SET:CASE   one of them, told at length
 *
 * All sets of series live in the one server, each on a day of its own, loaded through remote write
 * with stale markers. Queries are instant or range queries of the generator that the engine and
 * the reference evaluator are compared with.
 *
 * The order of series has no meaning. Where the server, asked again and again, contradicts itself
 * on a value (order.h), that value may differ, within what reordering explains; and so may the
 * faults of 2.42 that known.h lists. What differs otherwise is shrunk to its smallest part that
 * does, and printed with its series.
 *
 * Exits 1 when anything differed. */
#include "lang/printer.h"
#include "oracle/known.h"
#include "oracle/order.h"
#include "oracle/remote_write.h"
#include "support/data_gen.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { DATA_SETS = 400, DATA_BYTES = 8000, CASE_BYTES = 2000, THREADS = 2, DIFFERENCES_MAX = 40 };

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
    struct bytes message = {0};
    for (size_t k = 0; k < s->nlabels; k++)
        message_label(&message, s->labels[k].name.data, s->labels[k].name.size,
                      s->labels[k].value.data, s->labels[k].value.size);
    for (size_t i = 0; i < s->n; i++)
        message_sample(&message, s->t_ms[i], s->v[i]);
    bool ok = s->n == 0 || remote_write_series(server, &message);
    free(message.data);
    return ok;
}

/* Day after day, so that time goes forward. */
static bool load(const char *url, uint64_t seed)
{
    char address[256];
    snprintf(address, sizeof address, "%s/api/v1/write", url);
    struct remote_write *server = remote_write_new(address);
    bool ok = server;
    for (size_t set = 0; ok && set < DATA_SETS; set++) {
        struct arena arena;
        struct expr_case data;
        arena_init(&arena, &alloc_default);
        make_data(seed, set, &arena, &data);
        for (size_t i = 0; ok && i < data.nseries; i++)
            ok = push_series(server, &data.series[i]);
        ok = ok && remote_write_send(server);
        arena_done(&arena);
    }
    remote_write_free(server);
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
    const struct expr_names *names;
    struct tally tally;
};

static size_t points_of(const struct expr_case *c)
{
    const struct ampql_run_options *o = &c->options;
    return o->step_ms == 0 ? 1 : (size_t)((o->end_ms - o->start_ms) / o->step_ms) + 1;
}

static bool differs(struct order *order, const struct expr_case *c)
{
    struct buf why;
    buf_init(&why, &alloc_default, 1 << 24);
    bool yes = order_judge(order, c, &why) == ORDER_DIFFERENT;
    buf_done(&why);
    return yes;
}

/* Make c's text its first part that differs as well; false: there is none. */
static bool shrink_once(struct order *order, struct arena *arena, struct expr_case *c)
{
    const struct ast *ast = known_parse(c->text, arena);
    for (size_t i = 0; ast && known_part(ast, i); i++) {
        struct expr_case smaller = *c;
        struct buf text;
        buf_init(&text, &alloc_default, 1 << 20);
        print_expr(&text, known_part(ast, i));
        smaller.text = arena_copy(arena, buf_view(&text));
        buf_done(&text);
        if (smaller.text.p && differs(order, &smaller)) {
            *c = smaller;
            return true;
        }
    }
    return false;
}

static void shrink_time(struct order *order, struct expr_case *c)
{
    struct expr_case instant = *c;
    instant.options.step_ms = 0;
    for (int64_t t = c->options.start_ms; c->options.step_ms > 0 && t <= c->options.end_ms;
         t += c->options.step_ms) {
        instant.options.start_ms = instant.options.end_ms = t;
        if (!differs(order, &instant))
            continue;
        *c = instant;
        return;
    }
}

static void report(struct order *order, struct arena *arena, size_t set, size_t number,
                   struct expr_case *c)
{
    struct buf out;
    buf_init(&out, &alloc_default, 1 << 24);
    buf_format(&out, "DIFFERENT %zu:%zu ", set, number);
    buf_str(&out, c->text);
    buf_byte(&out, '\n');
    shrink_time(order, c);
    while (shrink_once(order, arena, c))
        ;
    expr_case_print(c, &out);
    order_judge(order, c, &out);
    printf("%.*s\n", (int)out.n, out.p); /* at once, so that threads do not mix */
    fflush(stdout);
    buf_done(&out);
}

static void run_set(struct job *job, struct order *order, size_t set)
{
    struct arena data_arena, arena;
    struct expr_case data;
    arena_init(&data_arena, &alloc_default);
    arena_init(&arena, &alloc_default);
    make_data(job->seed, set, &data_arena, &data);
    order_load(order, &data);
    size_t n = job->only < SIZE_MAX ? job->only + 1
                                    : job->count / DATA_SETS + (set < job->count % DATA_SETS);
    for (size_t i = job->only < SIZE_MAX ? job->only : 0; i < n; i++) {
        struct expr_case c = data;
        struct buf why;
        buf_init(&why, &alloc_default, 1 << 24);
        make_case(job->seed, set, i, job->names, &arena, &c);
        enum order_verdict verdict = order_judge(order, &c, &why);
        job->tally.of[verdict]++;
        job->tally.queries++;
        job->tally.points += points_of(&c);
        if (job->only < SIZE_MAX) {
            expr_case_print(&c, &why);
            printf("%.*s%s\n", (int)why.n, why.p, order_verdict_text[verdict]);
        }
        if (verdict == ORDER_DIFFERENT && job->tally.of[ORDER_DIFFERENT] <= DIFFERENCES_MAX)
            report(order, &arena, set, i, &c);
        buf_done(&why);
        arena_reset(&arena);
    }
    arena_done(&arena);
    arena_done(&data_arena);
}

static void *run(void *payload)
{
    struct job *job = payload;
    struct order *order = order_new(job->url);
    if (job->only < SIZE_MAX)
        run_set(job, order, job->first);
    for (size_t set = job->first; set < DATA_SETS && job->only == SIZE_MAX; set += THREADS)
        run_set(job, order, set);
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
        if (!expr_name_is_newer(all.at[i]))
            out->at[out->n++] = all.at[i];
}

static bool summarise(const struct job *jobs, size_t njobs)
{
    struct tally total = {{0}, 0, 0};
    for (size_t i = 0; i < njobs; i++) {
        for (size_t k = 0; k < ORDER_VERDICTS; k++)
            total.of[k] += jobs[i].tally.of[k];
        total.queries += jobs[i].tally.queries;
        total.points += jobs[i].tally.points;
    }
    printf("random: seed %" PRIu64 ": %zu queries at %zu times:", jobs->seed, total.queries,
           total.points);
    for (size_t k = 0; k < ORDER_VERDICTS; k++)
        printf(" %zu %s%s", total.of[k], order_verdict_text[k],
               k + 1 < ORDER_VERDICTS ? "," : "\n");
    /* and the generator makes cases worth having */
    return total.of[ORDER_DIFFERENT] == 0 &&
           (total.queries < 10000 || total.of[ORDER_VALUES] > total.queries / 3);
}

static bool read_number(const char *text, char end, uint64_t *out, const char **rest)
{
    char *stop;
    *out = strtoull(text, &stop, 10);
    *rest = stop + 1;
    return stop != text && *stop == end;
}

int main(int argc, char **argv)
{
    uint64_t seed = 0, count = 0, set = 0, only = SIZE_MAX;
    const char *rest = "";
    bool is_one = argc == 4 && strchr(argv[3], ':');
    if (argc != 4 || !read_number(argv[2], '\0', &seed, &rest) ||
        !(is_one ? read_number(argv[3], ':', &set, &rest) &&
                       read_number(rest, '\0', &only, &rest) && set < DATA_SETS
                 : read_number(argv[3], '\0', &count, &rest))) {
        fputs("usage: random URL SEED COUNT, random URL SEED DATA_SET:CASE\n", stderr);
        return 2;
    }
    if (!load(argv[1], seed))
        return 2;
    struct expr_names names;
    struct job jobs[THREADS];
    pthread_t threads[THREADS];
    size_t njobs = is_one ? 1 : THREADS;
    known_names(&names);
    for (size_t i = 0; i < njobs; i++) {
        jobs[i] = (struct job){argv[1], seed, count, is_one ? set : i, only, &names, {{0}, 0, 0}};
        if (pthread_create(&threads[i], NULL, run, &jobs[i]) != 0)
            abort();
    }
    for (size_t i = 0; i < njobs; i++)
        pthread_join(threads[i], NULL);
    return summarise(jobs, njobs) ? 0 : 1;
}
