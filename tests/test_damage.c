/* Damage: with any byte of a capture changed, or cut anywhere, a query gives the same answer as
 * before or fails and says where the damage is; what was damaged while it was written is fetched
 * again.
 *
 *   test_damage [PATTERNS]
 *
 * Of a 64 KiB capture every byte is changed in PATTERNS ways, 255 are all; without it a part of the
 * bytes in one. */
#include <ampql.h>

#include "source/capture_block.h"
#include "support/answers.h"
#include "support/sample_gen.h"
#include "support/scratch.h"
#include "support/series.h"
#include "support/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NSERIES = 18, NSAMPLES = 270, EVERY_MS = 30000, MAX_BLOCKS = 200, HALF_KB = 512 };

static size_t npatterns; /* 0: a slice */

/* ---- what is captured: five metrics of three or four series each, in part random bits */

static const struct metric {
    const char *name;
    enum sample_values values;
    size_t first, n; /* series */
} metrics[] = {
    {"cpu", VALUES_NOISE, 0, 5},      {"mem", VALUES_NOISE, 5, 5},
    {"up", VALUES_ENDING, 10, 3},     {"requests", VALUES_PAGES, 13, 3},
    {"price", VALUES_PERCENT, 16, 2},
};

struct data {
    struct test_series series[NSERIES];
    struct ampql_label labels[NSERIES][2];
    char pods[NSERIES][16];
    int64_t t[NSAMPLES];
    double v[NSERIES][NSAMPLES];
    struct answers answers;
};

static void fill(struct data *d, size_t nsamples)
{
    for (size_t i = 0; i < NSAMPLES; i++)
        d->t[i] = (int64_t)(i + 1) * EVERY_MS;
    for (size_t m = 0; m < sizeof metrics / sizeof *metrics; m++) {
        for (size_t s = metrics[m].first; s < metrics[m].first + metrics[m].n; s++) {
            size_t n = (size_t)snprintf(d->pods[s], sizeof d->pods[s], "pod-%zu", s);
            d->labels[s][0] =
                (struct ampql_label){{"__name__", 8}, {metrics[m].name, strlen(metrics[m].name)}};
            d->labels[s][1] = (struct ampql_label){{"pod", 3}, {d->pods[s], n}};
            sample_gen_values(metrics[m].values, s + 1, d->v[s], NSAMPLES);
            d->series[s] = (struct test_series){d->labels[s], 2, d->t, d->v[s], nsamples};
        }
    }
    d->answers = (struct answers){d->series, NSERIES};
}

/* Of each kind of select some, and some that are parts of others. */
static const struct question {
    const char *text;
    int64_t start_ms, step_ms; /* up to the end; step 0: at the end alone */
} questions[] = {
    {"sum by (pod) (rate(cpu[1h]))", 3600000, 900000},
    {"avg_over_time(cpu{pod=\"pod-3\"}[90m])", 0, 0},
    {"max_over_time(sum(mem)[2h:1m])", 0, 0},
    {"mem - on (pod) group_left () mem{pod!=\"pod-7\"}", 4000000, 60000},
    {"count(up) + sum(timestamp(up))", 0, 0},
    {"quantile_over_time(0.9, requests[100m]) * 2", 0, 0},
    {"price offset 5m", 1200000, 120000},
};
enum { NQUESTIONS = sizeof questions / sizeof *questions };

static struct data data;
static struct ampql_engine *engine;
static struct ampql_query *queries[NQUESTIONS];
static char path[96], part[104], other[96], other_part[104];

static int set_up(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    snprintf(path, sizeof path, "%s/a.aqc", scratch_folder);
    snprintf(part, sizeof part, "%s/a.aqc.part", scratch_folder);
    snprintf(other, sizeof other, "%s/b.aqc", scratch_folder);
    snprintf(other_part, sizeof other_part, "%s/b.aqc.part", scratch_folder);
    struct ampql_error err = {0};
    assert_int_equal(ampql_engine_new(NULL, &engine, &err), AMPQL_OK);
    for (size_t i = 0; i < NQUESTIONS; i++)
        assert_int_equal(ampql_query_compile(engine, questions[i].text, strlen(questions[i].text),
                                             &queries[i], &err),
                         AMPQL_OK);
    return 0;
}

static int tear_down(void **state)
{
    for (size_t i = 0; i < NQUESTIONS; i++)
        ampql_query_free(queries[i]);
    ampql_engine_free(engine);
    return scratch_drop(state);
}

/* ---- asking */

struct answers_text {
    struct test_text *at[NQUESTIONS];
};

static enum ampql_code ask(struct ampql_source *source, size_t question, int64_t end_ms,
                           struct test_text *out, struct ampql_error *err)
{
    const struct question *q = &questions[question];
    struct ampql_run_options options = {.size = sizeof options,
                                        .start_ms = q->step_ms ? q->start_ms : end_ms,
                                        .end_ms = end_ms,
                                        .step_ms = q->step_ms};
    struct ampql_result *result = NULL;
    out->n = 0;
    enum ampql_code code = ampql_query_run(queries[question], source, &options, &result, err);
    if (code == AMPQL_OK)
        assert_int_equal(ampql_result_json(result, test_write, out), AMPQL_OK);
    ampql_result_free(result);
    return code;
}

static const int64_t END_MS = (int64_t)NSAMPLES * EVERY_MS;

static struct ampql_source *record_to(const char *name)
{
    struct ampql_source *server = NULL, *recording = NULL;
    struct ampql_error err = {0};
    struct ampql_record_options options = {
        .size = sizeof options, .name = "http://server", .now_ms = END_MS * 2};
    assert_int_equal(answers_source(engine, &data.answers, &server, &err), AMPQL_OK);
    if (ampql_source_record(engine, server, name, &options, &recording, &err) != AMPQL_OK) {
        assert_int_equal(err.code, AMPQL_BAD_DATA);
        assert_non_null(strstr(err.message, name));
        return NULL;
    }
    return recording;
}

/* Ask all questions of a recording. */
static void ask_all(struct ampql_source *recording)
{
    static struct test_text text;
    struct ampql_error err = {0};
    for (size_t i = 0; i < NQUESTIONS; i++)
        if (ask(recording, i, END_MS, &text, &err) != AMPQL_OK)
            fail_msg("%s: %s", questions[i].text, err.message);
}

static void capture_to(const char *name, uint8_t *id)
{
    struct ampql_error err = {0};
    struct ampql_source *recording = record_to(name);
    assert_non_null(recording);
    ask_all(recording);
    assert_int_equal(ampql_record_finish(recording, id, &err), AMPQL_OK);
    ampql_source_free(recording);
}

/* ---- a file to be damaged */

struct image {
    uint8_t *bytes; /* [n] */
    size_t n;
    size_t block[MAX_BLOCKS]; /* [nblocks] offsets */
    size_t nblocks;
    size_t end; /* of the blocks */
    int fd;     /* of the copy that is damaged */
};

static void read_image(struct image *image, const char *name, const char *copy, size_t trailer)
{
    enum { ROOM = 1 << 18 };
    *image = (struct image){.bytes = malloc(ROOM)};
    FILE *file = fopen(name, "rb");
    assert_non_null(file);
    image->n = fread(image->bytes, 1, ROOM, file);
    fclose(file);
    image->end = image->n - trailer;
    for (size_t at = CAPTURE_HEADER; at < image->end;) {
        assert_true(image->nblocks < MAX_BLOCKS);
        image->block[image->nblocks++] = at;
        at += CAPTURE_BLOCK_HEAD + (size_t)le_get(image->bytes + at + 4, 4);
    }
    image->fd = open(copy, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(pwrite(image->fd, image->bytes, image->n, 0), image->n);
}

static void free_image(struct image *image)
{
    close(image->fd);
    free(image->bytes);
}

static void put_byte(const struct image *image, size_t at, uint8_t byte)
{
    assert_int_equal(pwrite(image->fd, &byte, 1, (off_t)at), 1);
}

/* Where the block, or the end, begins that a byte is in; 0: the head. */
static size_t place_of(const struct image *image, size_t at)
{
    size_t place = 0;
    for (size_t i = 0; i < image->nblocks && image->block[i] <= at; i++)
        place = image->block[i];
    return at >= image->end ? image->end : place;
}

/* The i-th of the 255 ways to change a byte, so that the first eight are single bits and the ninth
 * is all of them. */
static uint8_t pattern(size_t i)
{
    return (uint8_t)(i < 8 ? 1u << i : i == 8 ? 0xff : i);
}

/* ---- every byte */

/* What became of the questions when a byte was changed. */
struct tally {
    size_t nat_open;              /* the capture could not be opened */
    size_t nrefused[NQUESTIONS];  /* the question failed, */
    size_t nharmless[NQUESTIONS]; /*    or was answered as before */
};

/* Damage is found by whoever reads it, says its kind, its file and its place. */
static void assert_found(const struct image *image, size_t at, enum ampql_code code,
                         const struct ampql_error *err)
{
    char place[40];
    size_t begin = place_of(image, at);
    snprintf(place, sizeof place, "offset %zu", begin);
    bool is_head = begin == 0 && (strstr(err->message, "not a capture") ||
                                  strstr(err->message, "version") || strstr(err->message, "head"));
    bool is_size = at >= image->end && strstr(err->message, "without the end of one");
    if (code != AMPQL_BAD_DATA || !strstr(err->message, other) ||
        !(is_head || is_size || strstr(err->message, place)))
        fail_msg("byte %zu in the block at %zu: %s", at, begin, err->message);
}

static void ask_damaged(const struct image *image, size_t at, struct test_text *const *wanted,
                        struct tally *tally)
{
    static struct test_text text;
    struct ampql_source *source = NULL;
    struct ampql_error err = {0};
    size_t nrefused = 0;
    enum ampql_code code = ampql_source_capture(engine, other, NULL, &source, &err);
    if (code != AMPQL_OK) {
        assert_found(image, at, code, &err);
        tally->nat_open++;
        return;
    }
    for (size_t i = 0; i < NQUESTIONS; i++) {
        code = ask(source, i, END_MS, &text, &err);
        if (code != AMPQL_OK)
            assert_found(image, at, code, &err);
        else if (strcmp(text.at, wanted[i]->at) != 0)
            fail_msg("byte %zu changed: another answer to %s", at, questions[i].text);
        tally->nrefused[i] += code != AMPQL_OK;
        tally->nharmless[i] += code == AMPQL_OK;
        nrefused += code != AMPQL_OK;
    }
    ampql_source_free(source);
    if (nrefused == 0)
        fail_msg("byte %zu is in no question's way", at);
}

/* Of the slice: the file's ends, the heads of blocks, and every now and then a byte inside. */
static bool is_in_slice(const struct image *image, size_t at)
{
    return at < CAPTURE_HEADER || at >= image->end || at % 53 == 0 ||
           at - place_of(image, at) < CAPTURE_BLOCK_HEAD;
}

static void flip_all(const struct image *image, struct test_text *const *wanted,
                     struct tally *tally)
{
    size_t npatterns_here = npatterns ? npatterns : 1;
    for (size_t at = 0; at < image->n; at++) {
        if (!npatterns && !is_in_slice(image, at))
            continue;
        for (size_t i = 0; i < npatterns_here; i++) {
            put_byte(image, at, image->bytes[at] ^ pattern(npatterns ? i : at % 9));
            ask_damaged(image, at, wanted, tally);
        }
        put_byte(image, at, image->bytes[at]);
    }
}

static void answers_or_errors(void **state)
{
    (void)state;
    struct image image;
    struct tally tally = {0};
    struct test_text *wanted[NQUESTIONS];
    struct ampql_source *source = NULL;
    struct ampql_error err = {0};
    fill(&data, NSAMPLES);
    capture_to(path, NULL);
    read_image(&image, path, other, CAPTURE_TRAILER);
    assert_in_range(image.n, 64 * 1024, 80 * 1024);
    assert_int_equal(ampql_source_capture(engine, other, NULL, &source, &err), AMPQL_OK);
    for (size_t i = 0; i < NQUESTIONS; i++) {
        wanted[i] = calloc(1, sizeof *wanted[i]);
        assert_int_equal(ask(source, i, END_MS, wanted[i], &err), AMPQL_OK);
        assert_true(wanted[i]->n > 80); /* it is not empty */
    }
    ampql_source_free(source);
    flip_all(&image, wanted, &tally);
    assert_true(tally.nat_open > CAPTURE_HEADER + CAPTURE_TRAILER);
    for (size_t i = 0; i < NQUESTIONS;
         i++) { /* each question has damage in its way, and some not */
        assert_true(tally.nrefused[i] > CAPTURE_BLOCK_HEAD);
        assert_true(tally.nharmless[i] > CAPTURE_BLOCK_HEAD);
        free(wanted[i]);
    }
    free_image(&image);
}

/* ---- every length */

static void cuts(void **state)
{
    (void)state;
    struct image image;
    fill(&data, NSAMPLES);
    capture_to(path, NULL);
    read_image(&image, path, other, CAPTURE_TRAILER);
    for (size_t n = image.n + HALF_KB; n-- > 0;) { /* first it is too long */
        struct ampql_source *source = NULL;
        struct ampql_error err = {0};
        if (n == image.n)
            continue;
        assert_int_equal(ftruncate(image.fd, (off_t)n), 0);
        enum ampql_code code = ampql_source_capture(engine, other, NULL, &source, &err);
        if (code != AMPQL_BAD_DATA || !strstr(err.message, other) ||
            !(n < CAPTURE_HEADER ? strstr(err.message, "shorter than")
                                 : strstr(err.message, "without the end of one")))
            fail_msg("cut to %zu bytes: %s", n, err.message);
    }
    free_image(&image);
}

/* ---- an unfinished capture */

/* Begin it, and leave the log. */
static void leave_log(void)
{
    struct ampql_source *recording = record_to(path);
    assert_non_null(recording);
    ask_all(recording);
    ampql_source_free(recording);
}

/* Going on from a damaged log gives the same capture, or an error when it is not even known of
 * which source it is. */
static void logs(void **state)
{
    (void)state;
    struct image image;
    uint8_t wanted[AMPQL_CONTENT_ID_BYTES], id[AMPQL_CONTENT_ID_BYTES];
    size_t nrefused = 0;
    struct ampql_error err = {0};
    fill(&data, 24);
    capture_to(path, wanted);
    leave_log();
    read_image(&image, part, other_part, 0);
    assert_in_range(image.n, 1024, 16 * 1024);
    for (size_t at = 0; at < image.n; at += npatterns ? 1 : 5) {
        uint8_t *bytes = image.bytes;
        FILE *file = fopen(other_part, "wb");
        assert_non_null(file);
        bytes[at] ^= pattern(at % 9);
        assert_int_equal(fwrite(bytes, 1, image.n, file), image.n);
        assert_int_equal(fclose(file), 0);
        bytes[at] ^= pattern(at % 9);
        struct ampql_source *recording = record_to(other);
        if (!recording) {
            assert_true(at < image.block[2]); /* the head, ABOUT, ORIGIN */
            nrefused++;
            unlink(other_part);
            continue;
        }
        ask_all(recording);
        assert_int_equal(ampql_record_finish(recording, id, &err), AMPQL_OK);
        ampql_source_free(recording);
        assert_memory_equal(id, wanted, sizeof id);
    }
    assert_true(nrefused > 10);
    free_image(&image);
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {IN_FOLDER(answers_or_errors), IN_FOLDER(cuts),
                                              IN_FOLDER(logs)};
    npatterns = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
