/* The queue of `ampql serve`: clients take turns, the greediest makes room, and nobody is lost. */
#include "tool/serve_queue.h"

#include "support/test.h"

#include <stdio.h>

enum { MAX_REQUESTS = 64 };

struct request {
    struct serve_waiting waiting; /* first */
    char client;
    int number;
};

struct line {
    struct serve_queue queue;
    struct request requests[MAX_REQUESTS];
    size_t n;
    char text[1024]; /* what came out: "a0 b1 " */
};

static void put(struct line *line, const struct serve_waiting *waiting, char mark)
{
    const struct request *r = (const struct request *)(const void *)waiting;
    size_t n = strlen(line->text);
    snprintf(line->text + n, sizeof line->text - n, "%s%c%d ", mark == ' ' ? "" : "-", r->client,
             r->number);
}

static bool is_even(void *payload, struct serve_waiting *waiting)
{
    (void)payload;
    return ((struct request *)(void *)waiting)->number % 2 == 0;
}

/* "a" adds a request of client a; "." takes one; "/" takes out all with even numbers. */
static void run(struct line *line, const char *steps)
{
    for (const char *p = steps; *p; p++) {
        struct serve_waiting *out = NULL;
        if (*p == '.') {
            out = serve_queue_take(&line->queue);
            if (out)
                put(line, out, ' ');
            else
                strcat(line->text, "none ");
        } else if (*p == '/') {
            for (out = serve_queue_sift(&line->queue, is_even, NULL); out; out = out->next)
                put(line, out, '-');
        } else {
            struct request *r = &line->requests[line->n];
            *r = (struct request){.client = *p, .number = (int)line->n++};
            if (!serve_queue_add(&line->queue, str_make(p, 1), &r->waiting, &out))
                strcat(line->text, "full ");
            else if (out)
                put(line, out, '-');
        }
    }
}

static void orders(void **state)
{
    (void)state;
    static const struct row {
        size_t max;
        const char *steps, *wanted;
    } rows[] = {
        {9, ".", "none "},
        {9, "aaa....", "a0 a1 a2 none "},
        {9, "aaab....", "a0 b3 a1 a2 "},           /* b waits for one of a's, not for three */
        {9, "aaabbc......", "a0 b3 c5 a1 b4 a2 "}, /* by turns */
        {9, "aab.b.a.b....", "a0 b2 a1 b3 a4 b5 none "},
        {9, "a.a.a.", "a0 a1 a2 "},
        {3, "aaaa", "full "},
        {3, "aaab....", "-a2 a0 b3 a1 none "}, /* who has most makes room */
        {3, "aabb", "full "},                  /* b would have as many */
        {3, "abcd", "full "},
        {1, "ab.", "full a0 "},
        {0, "a.", "full none "},
        {9, "abab/...", "-a0 -a2 b1 b3 none "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct line line = {.queue = {.max = rows[i].max}};
        run(&line, rows[i].steps);
        if (strcmp(line.text, rows[i].wanted) != 0)
            fail_msg("%s: %s, expected %s", rows[i].steps, line.text, rows[i].wanted);
        while (serve_queue_take(&line.queue))
            ;
        assert_int_equal(line.queue.n, 0);
    }
}

/* Random steps: all that went in comes out once, each client's in its order. */
static void nobody_is_lost(void **state)
{
    (void)state;
    uint64_t random = 7;
    for (size_t turn = 0; turn < 500; turn++) {
        struct line line = {.queue = {.max = 1 + turn % 7}};
        char steps[MAX_REQUESTS + 1] = "";
        for (size_t i = 0; i < 40; i++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
            steps[i] = "abcda.../"[random >> 33 & 7 ? (random >> 40) % 8 : 8];
        }
        run(&line, steps);
        for (struct serve_waiting *w; (w = serve_queue_take(&line.queue)) != NULL;)
            put(&line, w, ' ');
        size_t nfull = 0, nnone = 0, nout = 0;
        for (const char *p = line.text; *p; p = strchr(p, ' ') + 1) {
            nfull += *p == 'f';
            nnone += *p == 'n';
            nout++;
        }
        assert_int_equal(nout - nnone, line.n); /* out, displaced, sifted, or refused */
        assert_true(nfull < line.n);
        assert_int_equal(line.queue.n, 0);
        assert_null(line.queue.last);
    }
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(orders),
                                          cmocka_unit_test(nobody_is_lost)};
TEST_MAIN(tests)
