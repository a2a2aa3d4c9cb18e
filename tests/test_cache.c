/* The cache: whatever is asked through it, it gives the bits that its source gives then; what it
 * holds is not asked for again, and what several threads miss is asked for once. */
#include <ampql.h>

#include "source/cache.h"
#include "support/collect.h"
#include "support/gen_bytes.h"
#include "support/test.h"
#include "support/torture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MINUTE_MS = 60000, HOUR_MS = 3600000, EVERY_MS = 30000, MAX_ASKED = 64 };

static int64_t the_time_ms;

static int64_t test_now(void)
{
    return the_time_ms;
}

/* ---- a server whose samples come late: the i-th of a series up to 9 minutes after its time */

struct live {
    pthread_mutex_t mutex;
    atomic_int nselects, nunder_way, nprepared;
    atomic_bool is_cancelled;             /* the select that is held up ends */
    atomic_bool is_held_up;               /* selects wait until it is false, or the run is over */
    enum ampql_code fails;                /* they fail so */
    struct ampql_select asked[MAX_ASKED]; /* without matchers */
};

static bool has_arrived(int64_t t_ms)
{
    return t_ms + (t_ms / EVERY_MS * 7919 % 10) * MINUTE_MS * 9 / 10 <= the_time_ms;
}

/* A series on its way, opened by its first sample. */
struct pushing {
    struct ampql_sink *sink;
    const char *pod;
    double divisor;
    bool is_open;
};

static enum ampql_code open_series(struct pushing *p)
{
    const struct ampql_label labels[] = {{{"__name__", 8}, {"m", 1}}, {{"pod", 3}, {p->pod, 1}}};
    p->is_open = true;
    return ampql_sink_series(p->sink, labels, 2);
}

static enum ampql_code push_sample(struct pushing *p, int64_t at_ms, int64_t sample_ms)
{
    double v = (double)(sample_ms / 1000) / p->divisor;
    if (!p->is_open)
        TRY(open_series(p));
    return ampql_sink_samples(p->sink, &at_ms, &v, 1);
}

static enum ampql_code push_raw(struct pushing *p, const struct ampql_select *select)
{
    int64_t first = select->mint_ms / EVERY_MS * EVERY_MS;
    for (int64_t t = first; t <= select->maxt_ms; t += EVERY_MS)
        if (t > select->mint_ms && has_arrived(t))
            TRY(push_sample(p, t, t));
    return AMPQL_OK;
}

/* The newest sample of the last five minutes, at each point. */
static enum ampql_code push_grid(struct pushing *p, const struct ampql_select *select)
{
    int64_t step = select->end_ms > select->start_ms ? select->step_ms : 1;
    for (int64_t at = select->start_ms; at <= select->end_ms; at += step) {
        int64_t t = at / EVERY_MS * EVERY_MS;
        while (t > at - 5 * MINUTE_MS && !has_arrived(t))
            t -= EVERY_MS;
        if (t > at - 5 * MINUTE_MS)
            TRY(push_sample(p, at, t));
    }
    return AMPQL_OK;
}

static enum ampql_code push_all(struct ampql_sink *sink, const struct ampql_select *select,
                                bool is_listing)
{
    static const char *const pods[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++) {
        struct pushing p = {sink, pods[i], i + 3, false};
        TRY(is_listing                         ? open_series(&p)
            : select->kind == AMPQL_SELECT_RAW ? push_raw(&p, select)
                                               : push_grid(&p, select));
    }
    return AMPQL_OK;
}

static enum ampql_code hold_up(struct live *live, struct ampql_error *err)
{
    enum ampql_code code = AMPQL_OK;
    live->nunder_way++;
    while (live->is_held_up && code == AMPQL_OK) {
        usleep(1000);
        if (atomic_exchange(&live->is_cancelled, false))
            code = (fail)(err, AMPQL_CANCELED, "canceled");
    }
    live->nunder_way--;
    return code;
}

static enum ampql_code live_answer(struct live *live, const struct ampql_select *select,
                                   struct ampql_sink *sink, bool is_listing,
                                   struct ampql_error *err)
{
    const struct ampql_source_stats cost = {.size = sizeof cost, .requests = 1};
    pthread_mutex_lock(&live->mutex);
    int n = live->nselects++;
    if (n < MAX_ASKED)
        live->asked[n] = *select;
    pthread_mutex_unlock(&live->mutex);
    ampql_sink_cost(sink, &cost);
    TRY(hold_up(live, err));
    if (live->fails)
        return (fail)(err, live->fails, "it fails");
    return push_all(sink, select, is_listing);
}

static enum ampql_code live_select(void *payload, const struct ampql_select *select,
                                   struct ampql_sink *sink, struct ampql_error *err)
{
    return live_answer(payload, select, sink, false, err);
}

static enum ampql_code live_series(void *payload, const struct ampql_select *select,
                                   struct ampql_sink *sink, struct ampql_error *err)
{
    return live_answer(payload, select, sink, true, err);
}

static enum ampql_code live_prepare(void *payload, const struct ampql_prepare *run,
                                    struct ampql_error *err)
{
    struct live *live = payload;
    (void)err;
    live->nprepared += (int)run->nselects;
    return AMPQL_OK;
}

static const struct ampql_source_ops live_ops = {.size = sizeof live_ops,
                                                 .caps = AMPQL_SOURCE_ANSWERS,
                                                 .select = live_select,
                                                 .series = live_series,
                                                 .prepare = live_prepare};

static struct live new_live(void)
{
    return (struct live){.mutex = PTHREAD_MUTEX_INITIALIZER};
}

static struct ampql_source *live_source(struct live *live)
{
    struct ampql_source *source = NULL;
    assert_int_equal(source_new(&alloc_default, &live_ops, live, &source, NULL), AMPQL_OK);
    return source;
}

static struct ampql_cache *new_cache(uint64_t max_bytes, int64_t fresh_ms)
{
    const struct cache_options options = {
        .max_bytes = max_bytes, .fresh_ms = fresh_ms, .now = test_now};
    struct ampql_cache *cache = NULL;
    assert_int_equal(cache_new(&alloc_default, &options, &cache, NULL), AMPQL_OK);
    return cache;
}

static struct ampql_source *over(struct ampql_cache *cache, struct live *live)
{
    struct ampql_source *source = NULL;
    assert_int_equal(source_cache_open(&alloc_default, live_source(live), cache, &source, NULL),
                     AMPQL_OK);
    return source;
}

/* Ask in a run of its own. */
static const char *ask(struct collect *collect, struct ampql_source *source,
                       const struct ampql_select *select)
{
    struct ampql_prepare over = {.size = sizeof over};
    enum ampql_code code;
    const char *text = collect_select(collect, source, select, &code, NULL);
    source->ops.prepare(source->payload, &over, NULL);
    return text;
}

/* ---- whatever is asked */

static struct ampql_select random_select(struct gen_bytes *g, struct ampql_matcher *matchers)
{
    static const char *const texts[] = {"m", "m{pod=\"a\"}", "m{pod=~\"a|b\",pod!=\"b\"}"};
    static const int64_t steps[] = {30000, 60000, 90000, 600000};
    const char *text = GEN_OF(g, texts);
    int64_t end = gen_chance(g, 50) ? the_time_ms : the_time_ms - gen_pick(g, 20) * 10 * MINUTE_MS;
    int64_t start = end - (1 + gen_pick(g, 12)) * 10 * MINUTE_MS;
    if (gen_chance(g, 60))
        return collect_raw(text, matchers, start, end);
    struct ampql_select select =
        collect_grid(text, matchers, start / MINUTE_MS * MINUTE_MS, end, GEN_OF(g, steps));
    select.end_ms =
        select.start_ms + (select.end_ms - select.start_ms) / select.step_ms * select.step_ms;
    if (gen_chance(g, 20))
        select.end_ms = select.start_ms;
    select.lookback_ms = 5 * MINUTE_MS;
    return select;
}

/* With no word on freshness what comes from the cache is what the source says now, though samples
 * arrive late. */
static void same_bits(void **state)
{
    (void)state;
    enum { NBYTES = 1 << 15, NASKED = 600 };
    static uint8_t bytes[NBYTES];
    static const uint64_t sizes[] = {0, 30000, 1};
    for (size_t i = 0; i < 3; i++) {
        uint64_t random = 99 + i;
        for (size_t k = 0; k < NBYTES; k++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
            bytes[k] = (uint8_t)(random >> 56);
        }
        struct gen_bytes g = {bytes, NBYTES};
        struct live live = new_live(), other = new_live();
        struct ampql_cache *cache = new_cache(sizes[i], -1);
        struct ampql_source *plain = live_source(&other), *cached = over(cache, &live);
        struct collect wanted, got;
        collect_init(&wanted, &alloc_default, false);
        collect_init(&got, &alloc_default, true);
        the_time_ms = INT64_C(1700000000000);
        for (size_t n = 0; n < NASKED; n++) {
            struct ampql_matcher matchers[16];
            if (gen_chance(&g, 20))
                the_time_ms += gen_pick(&g, 15) * MINUTE_MS;
            struct ampql_select select = random_select(&g, matchers);
            const char *a = ask(&wanted, plain, &select);
            const char *b = ask(&got, cached, &select);
            assert_string_equal(a, b);
        }
        struct ampql_cache_stats stats = cache_stats(cache);
        assert_int_equal(stats.hits + stats.misses, NASKED);
        assert_true(i == 0   ? stats.hits > NASKED / 10
                    : i == 1 ? stats.hits > 0
                             : stats.hits == 0 && stats.entries == 0);
        assert_true(stats.bytes <= stats.max_bytes);
        assert_true(i != 1 || stats.evictions > 0);
        collect_done(&wanted);
        collect_done(&got);
        source_free(plain);
        source_free(cached);
        cache_free(cache);
    }
}

/* ---- what is asked of the source */

static char *text_of(struct ampql_source *source, const struct ampql_select *select)
{
    struct collect collect;
    enum ampql_code code;
    collect_init(&collect, &alloc_default, true);
    const char *text = collect_select(&collect, source, select, &code, NULL);
    char *copy = text ? strdup(text) : NULL;
    collect_done(&collect);
    return copy;
}

static void ask_raw(struct ampql_source *source, const char *text, int64_t mint_ms, int64_t maxt_ms)
{
    struct ampql_matcher matchers[16];
    struct ampql_select select = collect_raw(text, matchers, mint_ms, maxt_ms);
    struct collect collect;
    collect_init(&collect, &alloc_default, true);
    assert_non_null(ask(&collect, source, &select));
    collect_done(&collect);
}

static void only_what_is_missing(void **state)
{
    (void)state;
    static const struct row {
        const char *text;
        int64_t from_h, to_h;   /* hours of the day */
        int n;                  /* requests that it makes */
        int64_t mint_h, maxt_h; /* of the last of them */
    } rows[] = {
        {"m", 2, 4, 1, 2, 4},
        {"m", 2, 4, 0, 0, 0},
        {"m", 3, 4, 0, 0, 0},
        {"m", 1, 5, 2, 4, 5},
        {"m{pod=\"a\"}", 2, 4, 1, 2, 4}, /* other matchers are another question */
        {"m{pod!=\"x\",pod=\"a\"}", 2, 3, 1, 2, 3},
        {"m{pod=\"a\",pod!=\"x\"}", 2, 3, 0, 0, 0}, /* in another order they are not */
        {"m", 1, 5, 0, 0, 0},
        {"m", 8, 9, 1, 8, 9},
        {"m", 4, 10, 2, 9, 10},
        {"m", 4, 10, 0, 0, 0},
    };
    struct live live = new_live();
    struct ampql_cache *cache = new_cache(0, 0);
    struct ampql_source *source = over(cache, &live);
    the_time_ms = 24 * (int64_t)HOUR_MS;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        int before = live.nselects;
        ask_raw(source, row->text, row->from_h * HOUR_MS, row->to_h * HOUR_MS);
        if (live.nselects - before != row->n)
            fail_msg("row %zu: %d requests", i, live.nselects - before);
        if (row->n == 0)
            continue;
        assert_int_equal(live.asked[live.nselects - 1].mint_ms, row->mint_h * HOUR_MS);
        assert_int_equal(live.asked[live.nselects - 1].maxt_ms, row->maxt_h * HOUR_MS);
    }
    source_free(source);
    cache_free(cache);
}

/* What reaches into the newest ten minutes is used again for five seconds; the rest for an hour. */
static void freshness(void **state)
{
    (void)state;
    static const struct row {
        int64_t later_ms;         /* than the row before */
        int64_t from_min, to_min; /* of the select, before now */
        int n;
        int64_t mint_min; /* of the request, before now */
    } rows[] = {
        {0, 60, 0, 1, 60},
        {5000, 60, 0, 1, 0}, /* the five seconds that are new */
        {0, 60, 0, 0, 0},
        {60000, 60, 0, 1, 11}, /* ten minutes before it was asked */
        {1000, 60, 20, 0, 0},
        {60 * MINUTE_MS, 100, 70, 1, 100},
        {59 * MINUTE_MS, 150, 130, 0, 0},
        {2 * MINUTE_MS, 150, 140, 1, 150}, /* over an hour */
    };
    struct live live = new_live();
    struct ampql_cache *cache = new_cache(0, 0);
    struct ampql_source *source = over(cache, &live);
    the_time_ms = 1000 * (int64_t)HOUR_MS;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        int before = live.nselects;
        the_time_ms += row->later_ms;
        ask_raw(source, "m", the_time_ms - row->from_min * MINUTE_MS,
                the_time_ms - row->to_min * MINUTE_MS);
        if (live.nselects - before != row->n)
            fail_msg("row %zu: %d requests", i, live.nselects - before);
        if (row->n && row->mint_min)
            assert_int_equal((the_time_ms - live.asked[live.nselects - 1].mint_ms) / MINUTE_MS,
                             row->mint_min);
    }
    source_free(source);
    cache_free(cache);
}

static enum ampql_code list(struct ampql_source *source, int64_t mint_ms, int64_t maxt_ms, int *n)
{
    struct ampql_matcher matchers[16];
    struct ampql_select select = collect_raw("m", matchers, mint_ms, maxt_ms);
    struct collect collect;
    collect_init(&collect, &alloc_default, true);
    enum ampql_code code = source->ops.series(source->payload, &select, &collect.sink, NULL);
    *n = 0;
    for (size_t i = 0; i < collect.text.n; i++)
        *n += collect.text.p[i] == '\n';
    collect_done(&collect);
    return code;
}

/* Lists of series are of one window each. */
static void lists(void **state)
{
    (void)state;
    struct live live = new_live();
    struct ampql_cache *cache = new_cache(0, 0);
    struct ampql_source *source = over(cache, &live);
    int n;
    the_time_ms = 24 * (int64_t)HOUR_MS;
    for (int turn = 0; turn < 2; turn++) {
        assert_int_equal(list(source, HOUR_MS, 3 * HOUR_MS, &n), AMPQL_OK);
        assert_int_equal(n, 3);
        assert_int_equal(live.nselects, 1);
    }
    assert_int_equal(list(source, HOUR_MS, 2 * HOUR_MS, &n), AMPQL_OK);
    assert_int_equal(live.nselects, 2);
    source_free(source);
    cache_free(cache);
}

/* Of one question at ever other times no more is kept than can be looked through. */
static void many_times(void **state)
{
    (void)state;
    struct live live = new_live();
    struct ampql_cache *cache = new_cache(0, 0);
    struct ampql_source *source = over(cache, &live);
    the_time_ms = 1000 * (int64_t)HOUR_MS;
    for (int64_t i = 0; i < 500; i++)
        ask_raw(source, "m", i * 10 * MINUTE_MS, i * 10 * MINUTE_MS + MINUTE_MS);
    struct ampql_cache_stats stats = cache_stats(cache);
    assert_int_equal(stats.misses, 500);
    assert_int_equal(stats.entries, 64);
    assert_int_equal(stats.evictions, 500 - 64);
    ask_raw(source, "m", 499 * 10 * MINUTE_MS, 499 * 10 * MINUTE_MS + MINUTE_MS);
    assert_int_equal(cache_stats(cache).hits, 1);
    source_free(source);
    cache_free(cache);
}

/* ---- threads */

struct client {
    pthread_t thread;
    struct ampql_source *source;
    atomic_bool is_cancelled;
    bool prepares;
    const char *first, *second; /* selectors; the second may be NULL */
    char *got[2];
};

static enum ampql_code poll_client(void *payload, struct ampql_error *err)
{
    struct client *client = payload;
    return client->is_cancelled ? (fail)(err, AMPQL_CANCELED, "canceled") : AMPQL_OK;
}

static void *run_client(void *payload)
{
    struct client *client = payload;
    struct ampql_matcher matchers[2][16];
    struct ampql_select selects[] = {
        collect_raw(client->first, matchers[0], HOUR_MS, 2 * HOUR_MS),
        collect_raw(client->second ? client->second : "m", matchers[1], HOUR_MS, 2 * HOUR_MS)};
    struct ampql_prepare run = {sizeof run, selects, client->prepares ? 2 : 0, poll_client, client};
    const struct ampql_source_ops *ops = &client->source->ops;
    assert_int_equal(ops->prepare(client->source->payload, &run, NULL), AMPQL_OK);
    for (int i = 0; i < (client->second ? 2 : 1); i++)
        client->got[i] = text_of(client->source, &selects[i]);
    struct ampql_prepare over = {.size = sizeof over};
    ops->prepare(client->source->payload, &over, NULL);
    return NULL;
}

enum { NCLIENTS = 8 };

struct crowd {
    struct live live;
    struct ampql_cache *cache;
    struct client clients[NCLIENTS];
};

static void begin(struct crowd *crowd, bool prepares)
{
    *crowd = (struct crowd){.live = new_live(), .cache = new_cache(0, -1)};
    the_time_ms = 2 * (int64_t)HOUR_MS; /* nothing of the last ten minutes stays */
    for (size_t i = 0; i < NCLIENTS; i++) {
        crowd->clients[i].source = over(crowd->cache, &crowd->live);
        crowd->clients[i].prepares = prepares;
        crowd->clients[i].first = "m";
    }
}

static void start(struct client *client)
{
    assert_int_equal(pthread_create(&client->thread, NULL, run_client, client), 0);
}

static void wait_until_asked(struct live *live)
{
    for (size_t i = 0; live->nunder_way == 0; i++) {
        assert_true(i < 20000);
        usleep(1000);
    }
}

static void end(struct crowd *crowd)
{
    for (size_t i = 0; i < NCLIENTS; i++) {
        free(crowd->clients[i].got[0]);
        free(crowd->clients[i].got[1]);
        source_free(crowd->clients[i].source);
    }
    cache_free(crowd->cache);
}

/* Eight threads that miss the same ask once, also for what nobody may use later. */
static void asked_once(void **state)
{
    (void)state;
    for (int prepares = 0; prepares < 2; prepares++) {
        struct crowd crowd;
        begin(&crowd, prepares);
        crowd.live.is_held_up = true;
        start(&crowd.clients[0]);
        wait_until_asked(&crowd.live);
        for (size_t i = 1; i < NCLIENTS; i++)
            start(&crowd.clients[i]);
        usleep(50000); /* they may come later than this: then fewer wait, and the test says less */
        crowd.live.is_held_up = false;
        for (size_t i = 0; i < NCLIENTS; i++)
            pthread_join(crowd.clients[i].thread, NULL);
        for (size_t i = 0; i < NCLIENTS; i++)
            assert_string_equal(crowd.clients[i].got[0], crowd.clients[0].got[0]);
        struct ampql_cache_stats stats = cache_stats(crowd.cache);
        assert_int_equal(stats.hits + stats.shared + stats.misses, NCLIENTS);
        assert_int_equal(stats.misses, crowd.live.nselects);
        end(&crowd);
    }
}

/* Who fetches is cancelled: another one fetches then. A failure reaches all who wait. */
static void owner_ends(void **state)
{
    (void)state;
    for (int fails = 0; fails < 2; fails++) {
        struct crowd crowd;
        begin(&crowd, true);
        crowd.live.is_held_up = true;
        start(&crowd.clients[0]);
        wait_until_asked(&crowd.live);
        for (size_t i = 1; i < NCLIENTS; i++)
            start(&crowd.clients[i]);
        usleep(50000);
        if (fails) {
            crowd.live.fails = AMPQL_UNAVAILABLE;
        } else { /* the next one asks, and may go on */
            crowd.live.is_cancelled = true;
            pthread_join(crowd.clients[0].thread, NULL);
        }
        crowd.live.is_held_up = false;
        for (size_t i = fails ? 0 : 1; i < NCLIENTS; i++)
            pthread_join(crowd.clients[i].thread, NULL);
        assert_null(crowd.clients[0].got[0]);
        for (size_t i = 1; i < NCLIENTS; i++)
            assert_int_equal(crowd.clients[i].got[0] != NULL, !fails);
        end(&crowd);
    }
}

/* Whoever waits can be cancelled; and runs that want the same in opposite orders do not wait for
 * each other for ever. */
static void no_embrace(void **state)
{
    (void)state;
    for (int turn = 0; turn < 20; turn++) {
        struct crowd crowd;
        begin(&crowd, true);
        for (size_t i = 0; i < NCLIENTS; i++) {
            crowd.clients[i].first = i % 2 ? "m{pod=\"a\"}" : "m{pod=\"b\"}";
            crowd.clients[i].second = i % 2 ? "m{pod=\"b\"}" : "m{pod=\"a\"}";
        }
        for (size_t i = 0; i < NCLIENTS; i++)
            start(&crowd.clients[i]);
        for (size_t i = 0; i < NCLIENTS; i++)
            pthread_join(crowd.clients[i].thread, NULL);
        for (size_t i = 0; i < NCLIENTS; i++)
            assert_true(crowd.clients[i].got[0] && crowd.clients[i].got[1]);
        end(&crowd);
    }
    struct crowd crowd;
    begin(&crowd, false);
    crowd.live.is_held_up = true;
    start(&crowd.clients[0]);
    wait_until_asked(&crowd.live);
    start(&crowd.clients[1]);
    crowd.clients[1].is_cancelled = true;
    pthread_join(crowd.clients[1].thread, NULL);
    assert_null(crowd.clients[1].got[0]);
    crowd.live.is_held_up = false;
    pthread_join(crowd.clients[0].thread, NULL);
    assert_non_null(crowd.clients[0].got[0]);
    end(&crowd);
}

/* ---- no memory */

static bool ask_twice(const struct ampql_allocator *alc)
{
    const struct cache_options options = {.now = test_now};
    struct live live = new_live();
    struct ampql_cache *cache = NULL;
    struct ampql_source *inner = NULL, *source = NULL;
    struct ampql_error err = {0};
    bool ok = source_new(alc, &live_ops, &live, &inner, &err) == AMPQL_OK;
    if (ok && cache_new(alc, &options, &cache, &err) != AMPQL_OK) {
        source_free(inner);
        ok = false;
    }
    ok = ok && source_cache_open(alc, inner, cache, &source, &err) == AMPQL_OK;
    for (int i = 0; ok && i < 2; i++) {
        struct ampql_matcher matchers[16];
        struct ampql_select select =
            collect_raw("m{pod=\"a\"}", matchers, HOUR_MS, (i + 2) * (int64_t)HOUR_MS);
        struct ampql_prepare run = {sizeof run, &select, 1, NULL, NULL};
        struct collect collect;
        enum ampql_code code;
        run.poll = poll_client;
        run.poll_payload = &(struct client){0};
        collect_init(&collect, &alloc_default, true);
        ok = source->ops.prepare(source->payload, &run, &err) == AMPQL_OK &&
             collect_select(&collect, source, &select, &code, &err) != NULL;
        run = (struct ampql_prepare){.size = sizeof run};
        source->ops.prepare(source->payload, &run, NULL);
        collect_done(&collect);
    }
    assert_true(ok || err.code == AMPQL_NOMEM);
    source_free(source);
    cache_free(cache);
    return ok;
}

static void no_memory(void **state)
{
    (void)state;
    the_time_ms = 24 * (int64_t)HOUR_MS;
    torture_all_lenient(ask_twice);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(same_bits),  cmocka_unit_test(only_what_is_missing),
    cmocka_unit_test(freshness),  cmocka_unit_test(lists),
    cmocka_unit_test(many_times), cmocka_unit_test(asked_once),
    cmocka_unit_test(owner_ends), cmocka_unit_test(no_embrace),
    cmocka_unit_test(no_memory),
};
TEST_MAIN(tests)
