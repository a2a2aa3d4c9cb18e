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
    for (size_t n = 0; n <= 8; n++) { /* exactly as many as there is room for */
        struct write_piece some = piece;
        some.n = n;
        assert_int_equal(write_piece_fit(&piece, write_piece_size(&some)), n);
        assert_true(n == 0 || write_piece_fit(&piece, write_piece_size(&some) - 1) < n);
    }
    buf_done(&request);
    buf_done(&text);
    buf_done(&want);
}

/* ---- requests */

/* A receiver that keeps what a Prometheus would: nothing an hour older than its newest sample. */
struct receiver {
    struct buf log; /* one line a sample: "job t" */
    int64_t newest_ms, fails_at_ms;
    size_t nrequests, largest, max_samples;
    bool is_bad;
};

static void receive_sample(void *payload, const char *labels, int64_t t_ms, double v)
{
    struct receiver *r = payload;
    (void)v;
    if (t_ms < r->newest_ms - 3600000)
        r->is_bad = true;
    if (t_ms > r->newest_ms)
        r->newest_ms = t_ms;
    buf_format(&r->log, "%c %lld\n", *(strstr(labels, "job=") + 4), (long long)t_ms);
}

static enum ampql_code receive(void *payload, struct str body, size_t nsamples, bool *too_large,
                               struct ampql_error *err)
{
    struct receiver *r = payload;
    struct buf *log = &r->log;
    size_t before = log->n;
    r->nrequests++;
    if (r->max_samples && nsamples > r->max_samples) {
        *too_large = true;
        return (fail)(err, AMPQL_LIMIT, "too large");
    }
    if (!write_request_read((const uint8_t *)body.p, body.n, receive_sample, r))
        r->is_bad = true;
    if (r->newest_ms >= r->fails_at_ms) {
        log->n = before;
        return (fail)(err, AMPQL_OUTPUT, "no more");
    }
    if (nsamples > r->largest)
        r->largest = nsamples;
    return AMPQL_OK;
}

static void receiver_init(struct receiver *r)
{
    *r = (struct receiver){.newest_ms = INT64_MIN / 2, .fails_at_ms = INT64_MAX};
    buf_init(&r->log, &alloc_default, 1 << 26);
}

/* Two days at a minute, in the second series from the third hour on. */
static enum ampql_code add_days(struct remote_write *w, struct ampql_error *err)
{
    enum { N = 2880, LATE = 180 };
    static int64_t t[N];
    static double v[N];
    for (size_t i = 0; i < N; i++) {
        t[i] = (int64_t)i * 60000;
        v[i] = i % 7 == 3 ? double_of(STALE_BITS) : (double)i / 3;
    }
    for (size_t i = 0; i < N; i += 1000) { /* in pieces */
        size_t n = N - i < 1000 ? N - i : 1000;
        enum ampql_code code = remote_write_add(w, up_a, 2, t + i, v + i, n, err);
        if (code != AMPQL_OK)
            return code;
    }
    return remote_write_add(w, up_b, 3, t + LATE, v + LATE, N - LATE, err);
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

/* Each sample once, each series in order, nothing too old for the receiver. */
static void check_all(struct receiver *r, size_t nsamples)
{
    long long last[2] = {-1, -1}, t;
    char job;
    assert_false(r->is_bad);
    assert_int_equal(lines(&r->log), nsamples);
    buf_byte(&r->log, '\0');
    for (const char *p = r->log.p; *p; p = strchr(p, '\n') + 1) {
        assert_int_equal(sscanf(p, "%c %lld", &job, &t), 2);
        assert_true(t > last[job - 'a']);
        last[job - 'a'] = t;
    }
    r->log.n--;
}

enum { ALL = 2880 + 2700 };

static void requests(void **state)
{
    static const struct row {
        size_t max_samples, max_bytes, server_max;
        size_t nrequests, largest; /* 0: not looked at */
    } rows[] = {
        {0, 0, 0, 96, 60}, /* half an hour each */
        {50, 0, 0, 0, 50}, /* cut by samples */
        {0, 400, 0, 0, 0}, /* by bytes */
        {0, 1, 0, ALL, 1}, /* one at a time at least */
        {0, 0, 17, 0, 15}, /* the server says when it is too much: halved until it fits */
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
    assert_string_equal(err.message, "no more (2700 of 5580 samples had arrived)");
    assert_int_equal(remote_write_send(w, &err), AMPQL_OK); /* the rest was dropped */
    assert_int_equal(remote_write_stats(w).samples, 2700);
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
    assert_int_equal(stats.requests, 96);
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
    assert_int_equal(remote_write_stats(w).skipped, 2700);
    assert_int_equal(remote_write_stats(w).samples, ALL - 2700);
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
    cmocka_unit_test(dry_run),  cmocka_unit_test(resumed),  cmocka_unit_test(states),
    cmocka_unit_test(torture),
};
TEST_MAIN(tests)
