/* Remote write without a server: messages read back, what goes into which request, state files. */
#include "base/buf.h"
#include "series/sample.h"
#include "tool/remote_write.h"
#include "tool/remote_write_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* last: cmocka has a macro named fail */
#include "support/test.h"
#include "support/torture.h"
#include "support/write_request.h"

#define LABEL(n, v)                                                                                \
    {                                                                                              \
        {n, sizeof(n) - 1},                                                                        \
        {                                                                                          \
            v, sizeof(v) - 1                                                                       \
        }                                                                                          \
    }
static const struct ampql_label up_a[] = {LABEL("__name__", "up"), LABEL("job", "a")};
static const struct ampql_label up_b[] = {LABEL("job", "b"), LABEL("empty", ""),
                                          LABEL("__name__", "up")};

/* ---- messages */

static void write_sample(void *payload, const char *labels, int64_t t_ms, double v)
{
    buf_format(payload, "%s%lld %016llx\n", labels + 1, (long long)t_ms,
               (unsigned long long)bits_of(v));
}

static void messages(void **state)
{
    static const int64_t t[] = {-5000000000000, -1, 0, 1, 127, 128, 1700000000000, INT64_MAX};
    const double v[] = {0, -0.0, 1.5, -1e300, 5e-324, double_of(STALE_BITS), 1 / 0.0, 3};
    struct write_piece piece = {up_a, 2, t, v, 8}, none = {up_a, 2, t, v, 0};
    struct buf request, text, want;
    (void)state;
    buf_init(&request, &alloc_default, 1 << 16);
    buf_init(&text, &alloc_default, 1 << 16);
    buf_init(&want, &alloc_default, 1 << 16);
    write_piece_add(&request, &piece);
    assert_int_equal(request.n, write_piece_size(&piece));
    write_piece_add(&request, &none);
    assert_int_equal(request.n, write_piece_size(&piece) + write_piece_size(&none));
    assert_true(write_request_read((const uint8_t *)request.p, request.n, write_sample, &text));
    for (size_t i = 0; i < 8; i++)
        write_sample(&want, "\n__name__=up\njob=a\n", t[i], v[i]);
    assert_int_equal(text.n, want.n);
    assert_memory_equal(text.p, want.p, want.n);
    buf_done(&request);
    buf_done(&text);
    buf_done(&want);
}

/* ---- requests */

enum { NJOBS = 20 }; /* 'a' to 't' */

/* A receiver that takes what a Prometheus without an out-of-order window does, each request as a
 * whole or not at all: of a series nothing before its newest sample, that one twice if it is the
 * same to the bit, and nothing an hour older than the newest of all. */
struct receiver {
    struct buf log; /* one line a sample: "job t" */
    struct newest {
        int64_t t_ms;
        uint64_t bits;
    } newest[NJOBS];
    int64_t newest_ms, fails_at_ms;
    size_t nrequests, largest, max_samples;
    size_t loses_every; /* so many requests: the answer to one that is taken */
    bool is_refused;
};

static struct newest *newest_of(struct receiver *r, const char *labels)
{
    return &r->newest[*(strstr(labels, "job=") + 4) - 'a'];
}

static void judge_sample(void *payload, const char *labels, int64_t t_ms, double v)
{
    struct receiver *r = payload;
    const struct newest *newest = newest_of(r, labels);
    if (t_ms < r->newest_ms - 3600000 || t_ms < newest->t_ms || t_ms >= r->fails_at_ms ||
        (t_ms == newest->t_ms && bits_of(v) != newest->bits))
        r->is_refused = true;
}

static void take_sample(void *payload, const char *labels, int64_t t_ms, double v)
{
    struct receiver *r = payload;
    struct newest *newest = newest_of(r, labels);
    if (newest->t_ms < t_ms)
        buf_format(&r->log, "%c %lld\n", (char)('a' + (newest - r->newest)), (long long)t_ms);
    *newest = (struct newest){t_ms, bits_of(v)};
    if (t_ms > r->newest_ms)
        r->newest_ms = t_ms;
}

static enum ampql_code receive(void *payload, struct str body, size_t nsamples, bool *too_large,
                               struct ampql_error *err)
{
    struct receiver *r = payload;
    const uint8_t *request = (const uint8_t *)body.p;
    r->nrequests++;
    if (r->max_samples && nsamples > r->max_samples) {
        *too_large = true;
        return (fail)(err, AMPQL_LIMIT, "too large");
    }
    r->is_refused = false;
    if (!write_request_read(request, body.n, judge_sample, r) || r->is_refused)
        return (fail)(err, AMPQL_OUTPUT, "no more");
    write_request_read(request, body.n, take_sample, r);
    if (nsamples > r->largest)
        r->largest = nsamples;
    return r->loses_every && r->nrequests % r->loses_every == 0
               ? (fail)(err, AMPQL_UNAVAILABLE, "cut off")
               : AMPQL_OK;
}

static void receiver_init(struct receiver *r)
{
    *r = (struct receiver){.newest_ms = INT64_MIN / 2, .fails_at_ms = INT64_MAX};
    for (size_t i = 0; i < NJOBS; i++)
        r->newest[i].t_ms = INT64_MIN;
    buf_init(&r->log, &alloc_default, 1 << 26);
}

/* Two days at a minute, in all series but the first from the third hour on. */
enum { N = 2880, LATE = 180, ALL = N + (NJOBS - 1) * (N - LATE) };

static enum ampql_code add_days(struct remote_write *w, struct ampql_error *err)
{
    static int64_t t[N];
    static double v[N];
    enum ampql_code code = AMPQL_OK;
    for (size_t i = 0; i < N; i++) {
        t[i] = (int64_t)i * 60000;
        v[i] = i % 7 == 3 ? double_of(STALE_BITS) : (double)i / 3;
    }
    for (size_t i = 0; i < N && code == AMPQL_OK; i += 1000) /* in pieces */
        code = remote_write_add(w, up_a, 2, t + i, v + i, N - i < 1000 ? N - i : 1000, err);
    for (char job = 'b'; job < 'a' + NJOBS && code == AMPQL_OK; job++) {
        struct ampql_label labels[] = {up_b[0], up_b[1], up_b[2]};
        labels[0].value.data = &job;
        code = remote_write_add(w, labels, 3, t + LATE, v + LATE, N - LATE, err);
    }
    return code;
}

static struct remote_write *open_to(struct receiver *r, struct remote_write_options options)
{
    struct remote_write *w = NULL;
    struct ampql_error err = {0};
    options.url = "http://receiver/api/v1/write";
    options.post = receive;
    options.post_payload = r;
    if (remote_write_open(&alloc_default, &options, &w, &err) != AMPQL_OK)
        fail_msg("%s", err.message);
    return w;
}

static size_t lines(const struct buf *log)
{
    size_t n = 0;
    for (size_t i = 0; i < log->n; i++)
        n += log->p[i] == '\n';
    return n;
}

/* Each sample once, each series in order. */
static void check_all(struct receiver *r, size_t nsamples)
{
    long long last[NJOBS], t;
    char job;
    memset(last, -1, sizeof last);
    assert_int_equal(lines(&r->log), nsamples);
    buf_byte(&r->log, '\0');
    for (const char *p = r->log.p; *p; p = strchr(p, '\n') + 1) {
        assert_int_equal(sscanf(p, "%c %lld", &job, &t), 2);
        assert_true(t > last[job - 'a']);
        last[job - 'a'] = t;
    }
    r->log.n--;
}

static void requests(void **state)
{
    static const struct row {
        size_t max_samples, max_bytes, server_max;
        size_t nrequests, largest; /* 0: not looked at */
    } rows[] = {
        {0, 0, 0, N, NJOBS},                                     /* one time each */
        {7, 0, 0, LATE + 3 * (N - LATE), 7},                     /* cut by samples */
        {0, 100, 0, 0, 0},                                       /* by bytes */
        {0, 1, 0, ALL, 1},                                       /* one at a time at least */
        {0, 0, 17, LATE + 1 + 2 * (N - LATE), 10},               /* halved until the server */
        {0, 0, 3, LATE + 3 + NJOBS / 2 * (N - LATE), NJOBS / 8}, /* takes them */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct receiver r;
        struct ampql_error err = {0};
        receiver_init(&r);
        r.max_samples = rows[i].server_max;
        struct remote_write *w = open_to(&r, (struct remote_write_options){
                                                 .max_samples = rows[i].max_samples,
                                                 .max_bytes = rows[i].max_bytes,
                                             });
        assert_int_equal(add_days(w, &err), AMPQL_OK);
        assert_int_equal(remote_write_send(w, &err), AMPQL_OK);
        assert_int_equal(remote_write_send(w, &err), AMPQL_OK); /* nothing is left */
        assert_int_equal(remote_write_stats(w).samples, ALL);
        assert_int_equal(remote_write_stats(w).oldest_ms, 0);
        if (rows[i].nrequests)
            assert_int_equal(r.nrequests, rows[i].nrequests);
        if (rows[i].largest)
            assert_int_equal(r.largest, rows[i].largest);
        check_all(&r, ALL);
        remote_write_close(w);
        buf_done(&r.log);
    }
}

enum { HALF = 1440 + (NJOBS - 1) * (1440 - LATE) }; /* of the samples, before the second day */

static void refusals(void **state)
{
    static const int64_t falling[] = {2, 1};
    static const double v[] = {1, 2};
    struct receiver r;
    struct ampql_error err = {0};
    struct remote_write *w;
    (void)state;
    receiver_init(&r);
    w = open_to(&r, (struct remote_write_options){0});
    assert_int_equal(remote_write_add(w, up_a, 2, falling, v, 2, &err), AMPQL_BAD_DATA);
    r.fails_at_ms = 86400000;
    assert_int_equal(add_days(w, &err), AMPQL_OK);
    assert_int_equal(remote_write_send(w, &err), AMPQL_OUTPUT);
    assert_string_equal(err.message, "no more (25380 of 54180 samples had arrived)");
    assert_int_equal(remote_write_send(w, &err), AMPQL_OK); /* the rest was dropped */
    assert_int_equal(remote_write_stats(w).samples, HALF);
    remote_write_close(w);
    buf_done(&r.log);

    r = (struct receiver){0};
    struct remote_write_options nowhere = {.url = "", .post = receive, .post_payload = &r};
    assert_int_equal(remote_write_open(&alloc_default, &nowhere, &w, &err), AMPQL_BAD_DATA);
    assert_null(w);
}

static void dry_run(void **state)
{
    struct receiver r;
    struct ampql_error err = {0};
    (void)state;
    receiver_init(&r);
    struct remote_write *w = open_to(&r, (struct remote_write_options){.is_dry = true});
    assert_int_equal(add_days(w, &err), AMPQL_OK);
    assert_int_equal(remote_write_send(w, &err), AMPQL_OK);
    struct remote_write_stats stats = remote_write_stats(w);
    assert_int_equal(r.nrequests, 0);
    assert_int_equal(stats.samples, ALL);
    assert_int_equal(stats.requests, N);
    remote_write_close(w);
    buf_done(&r.log);
}

/* ---- state files */

static void resumed(void **state)
{
    char path[] = "/tmp/ampql-state-XXXXXX";
    int fd = mkstemp(path);
    struct receiver r;
    struct ampql_error err = {0};
    struct remote_write_options options = {.state_path = path, .job = STR("rules of a day")};
    (void)state;
    close(fd);
    unlink(path);
    receiver_init(&r);
    r.fails_at_ms = 86400000;
    struct remote_write *w = open_to(&r, options);
    assert_int_equal(add_days(w, &err), AMPQL_OK);
    assert_int_equal(remote_write_send(w, &err), AMPQL_OUTPUT);
    remote_write_close(w);

    r.fails_at_ms = INT64_MAX;
    w = open_to(&r, options);
    assert_int_equal(add_days(w, &err), AMPQL_OK);
    assert_int_equal(remote_write_send(w, &err), AMPQL_OK);
    assert_int_equal(remote_write_stats(w).skipped, HALF);
    assert_int_equal(remote_write_stats(w).samples, ALL - HALF);
    assert_int_equal(remote_write_until_ms(w), 2879 * 60000);

    /* what comes later is new */
    static const int64_t later[] = {2879 * 60000, 2880 * 60000};
    static const double v[] = {1, 2};
    assert_int_equal(remote_write_add(w, up_a, 2, later, v, 2, &err), AMPQL_OK);
    assert_int_equal(remote_write_send(w, &err), AMPQL_OK);
    check_all(&r, ALL + 1);
    remote_write_close(w);
    buf_done(&r.log);

    options.job = STR("other rules");
    options.url = "http://receiver/api/v1/write";
    options.post = receive;
    assert_int_equal(remote_write_open(&alloc_default, &options, &w, &err), AMPQL_BAD_DATA);
    assert_non_null(strstr(err.message, "the state of another job"));
    unlink(path);
}

/* Answers are lost: what was taken is sent again, at once or by another process. */
static void lost_answers(void **state)
{
    (void)state;
    for (size_t has_file = 0; has_file < 2; has_file++) {
        char path[] = "/tmp/ampql-state-XXXXXX";
        int fd = mkstemp(path);
        struct receiver r;
        struct ampql_error err = {0};
        struct remote_write_options options = {.max_samples = 7,
                                               .state_path = has_file ? path : NULL};
        close(fd);
        unlink(path);
        receiver_init(&r);
        r.loses_every = 1000; /* the first, the second or the third of a time */
        struct remote_write *w = open_to(&r, options);
        size_t nlost = 0;
        enum ampql_code code = AMPQL_UNAVAILABLE;
        for (; code == AMPQL_UNAVAILABLE; nlost += code == AMPQL_UNAVAILABLE) {
            if (has_file && nlost > 0) {
                remote_write_close(w);
                w = open_to(&r, options);
            }
            assert_int_equal(add_days(w, &err), AMPQL_OK);
            code = remote_write_send(w, &err);
        }
        if (code != AMPQL_OK)
            fail_msg("%s after %zu answers were lost", err.message, nlost);
        assert_int_equal(nlost, 8);
        check_all(&r, ALL);
        remote_write_close(w);
        buf_done(&r.log);
        unlink(path);
    }
}

static void states(void **state)
{
#define JOB "0123"
    static const struct row {
        const char *text;
        int64_t until_ms; /* INT64_MIN: refused, with the message */
        const char *message;
    } rows[] = {
        {"ampql remote write 1\njob 0123\nuntil 1700000000000\n", 1700000000000, NULL},
        {"ampql remote write 1\njob 0123\nuntil -5\n", -5, NULL},
        {"", INT64_MIN, "not a state file"},
        {"ampql remote write 2\njob 0123\nuntil 5\n", INT64_MIN, "not a state file"},
        {"ampql remote write 1\njob 0124\nuntil 5\n", INT64_MIN, "another job"},
        {"ampql remote write 1\njob 0123\nuntil 5", INT64_MIN, "damaged"},
        {"ampql remote write 1\njob 0123\nuntil \n", INT64_MIN, "damaged"},
        {"ampql remote write 1\njob 0123\nuntil 99999999999999999999\n", INT64_MIN, "damaged"},
        {"ampql remote write 1\njob 0123\nuntil 5\n5\n", INT64_MIN, "damaged"},
    };
    char path[] = "/tmp/ampql-state-XXXXXX";
    int fd = mkstemp(path);
    struct ampql_error err = {0};
    int64_t until_ms;
    (void)state;
    close(fd);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        FILE *f = fopen(path, "wb");
        fputs(rows[i].text, f);
        fclose(f);
        enum ampql_code code = write_state_read(&alloc_default, path, JOB, &until_ms, &err);
        if (rows[i].message ? code != AMPQL_BAD_DATA || !strstr(err.message, rows[i].message)
                            : code != AMPQL_OK || until_ms != rows[i].until_ms)
            fail_msg("%s gives %d %lld %s", rows[i].text, code, (long long)until_ms, err.message);
    }
    assert_int_equal(write_state_write(&alloc_default, path, JOB, -7, &err), AMPQL_OK);
    assert_int_equal(write_state_read(&alloc_default, path, JOB, &until_ms, &err), AMPQL_OK);
    assert_int_equal(until_ms, -7);
    unlink(path);
    assert_int_equal(write_state_read(&alloc_default, path, JOB, &until_ms, &err), AMPQL_OK);
    assert_true(until_ms == INT64_MIN);
    assert_int_equal(write_state_write(&alloc_default, "/nowhere/state", JOB, 1, &err),
                     AMPQL_BAD_DATA);
}

/* ---- memory */

static bool send_some(const struct ampql_allocator *alc)
{
    static const int64_t t[] = {1, 2, 3};
    static const double v[] = {1, 2, 3};
    struct receiver r;
    struct ampql_error err = {0};
    struct remote_write *w = NULL;
    char path[] = "/tmp/ampql-state-XXXXXX";
    int fd = mkstemp(path);
    close(fd);
    unlink(path);
    receiver_init(&r);
    struct remote_write_options options = {.url = "http://receiver/",
                                           .state_path = path,
                                           .max_samples = 2,
                                           .post = receive,
                                           .post_payload = &r};
    enum ampql_code code = remote_write_open(alc, &options, &w, &err);
    if (code == AMPQL_OK)
        code = remote_write_add(w, up_a, 2, t, v, 3, &err);
    if (code == AMPQL_OK)
        code = remote_write_add(w, up_b, 3, t, v, 2, &err);
    if (code == AMPQL_OK)
        code = remote_write_send(w, &err);
    remote_write_close(w);
    buf_done(&r.log);
    unlink(path);
    if (code != AMPQL_OK && code != AMPQL_NOMEM)
        fail_msg("%s", err.message);
    return code == AMPQL_OK;
}

static void torture(void **state)
{
    (void)state;
    torture_all(send_some);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(messages), cmocka_unit_test(requests), cmocka_unit_test(refusals),
    cmocka_unit_test(dry_run),  cmocka_unit_test(resumed),  cmocka_unit_test(lost_answers),
    cmocka_unit_test(states),   cmocka_unit_test(torture),
};
TEST_MAIN(tests)
