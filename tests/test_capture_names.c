/* What the index of a capture says of metric names: blocks that cannot have the one that is asked
 * for are not read, and an index that says too little is found out. */
#include "source/capture_source.h"
#include "support/captures.h"
#include "support/collect.h"
#include "support/scratch.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

enum { EACH = 20, NSAMPLES = 1000, NMETRICS = 4, NSERIES = EACH * NMETRICS };

/* Values that do not pack: so that each metric's series fill more than a block. The series of the
 * last metric have no name. */
static const char *const metrics[NMETRICS] = {"aa", "bb", "cc", ""};
static int64_t times[NSAMPLES];
static double values[NSERIES][NSAMPLES];

static void write_capture(size_t nmetrics)
{
    static char labels[NSERIES][32];
    static struct captured series[NSERIES];
    uint64_t bits = 88172645463325252u;
    for (size_t i = 0; i < NSAMPLES; i++)
        times[i] = (int64_t)i * 15000;
    for (size_t s = 0; s < nmetrics * EACH; s++) {
        for (size_t i = 0; i < NSAMPLES; i++) {
            bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
            values[s][i] = (double)(bits >> 11) / 3;
        }
        snprintf(labels[s], sizeof labels[s], "pod=%03zu", s);
        series[s] = (struct captured){metrics[s / EACH], labels[s], {times, values[s], NSAMPLES}};
    }
    captures_samples(captures_path, series, nmetrics * EACH);
}

/* How many series of a metric there are, SIZE_MAX when the select failed. */
static size_t count(const char *selector, struct ampql_error *err)
{
    struct ampql_source *source = NULL;
    struct ampql_matcher matchers[16];
    struct collect collect;
    enum ampql_code code;
    size_t n = SIZE_MAX;
    if (source_capture_open(&alloc_default, captures_path, false, &source, err) != AMPQL_OK)
        return SIZE_MAX;
    collect_init(&collect, &alloc_default, true);
    struct ampql_select select = collect_raw(selector, matchers, -1, times[NSAMPLES - 1]);
    const char *text = collect_select(&collect, source, &select, &code, err);
    for (n = text ? 0 : SIZE_MAX; text && *text; text++)
        n += *text == '\n';
    collect_done(&collect);
    source_free(source);
    return n;
}

/* The places of the only select's blocks. */
static size_t list_places(struct capture_place *out, size_t room)
{
    struct capture capture;
    struct ampql_error err = {0};
    if (capture_open(&capture, &alloc_default, captures_path, &err) != AMPQL_OK)
        fail_msg("%s", err.message);
    assert_int_equal(capture.entries.n, 1);
    const struct capture_entry *entry = &capture.entries.at[0];
    assert_in_range(entry->n, 1, room);
    memcpy(out, entry->at, entry->n * sizeof *out);
    size_t n = entry->n;
    capture_done(&capture);
    return n;
}

/* Damage a byte of the block at offset. */
static void damage(uint64_t offset)
{
    FILE *f = fopen(captures_path, "r+b");
    assert_non_null(f);
    fseek(f, (long)offset + CAPTURE_BLOCK_HEAD + 100, SEEK_SET);
    int byte = fgetc(f);
    fseek(f, -1, SEEK_CUR);
    fputc(byte ^ 1, f);
    fclose(f);
}

static void blocks_of_other_names_are_not_read(void **state)
{
    (void)state;
    struct capture_place places[64];
    struct ampql_error err = {0};
    write_capture(3);
    size_t n = list_places(places, 64);
    assert_true(n > 3);
    assert_int_equal(count("aa", &err), EACH);
    assert_int_equal(count("{pod=~\".+\"}", &err), 3 * EACH);

    damage(places[0].offset);
    assert_int_equal(count("aa", &err), SIZE_MAX);
    assert_non_null(strstr(err.message, "checksum"));
    assert_int_equal(count("{__name__=~\"cc\"}", &err), SIZE_MAX);
    assert_int_equal(count("bb", &err), EACH);
    assert_int_equal(count("cc", &err), EACH);
    assert_int_equal(count("bb{pod!=\"021\"}", &err), EACH - 1);
    assert_int_equal(count("dd", &err), 0);
    assert_int_equal(count("aaa", &err), 0);

    damage(places[n - 1].offset);
    assert_int_equal(count("cc", &err), SIZE_MAX);
    assert_int_equal(count("bb", &err), EACH);
}

/* Such series may be in any block, as far as the index says. */
static void series_without_a_name_are_found(void **state)
{
    (void)state;
    struct ampql_error err = {0};
    write_capture(4);
    assert_int_equal(count("{__name__=\"\"}", &err), EACH);
    assert_int_equal(count("{pod=\"065\"}", &err), 1);
    assert_int_equal(count("cc", &err), EACH);
}

/* A block whose names are not those that the index has: made by moving the index's numbers. */
static void an_index_that_hides_series_is_found(void **state)
{
    (void)state;
    struct capture_place places[64];
    struct ampql_error err = {0};
    size_t room = 1 << 22;
    uint8_t *bytes = malloc(room);
    write_capture(3);
    size_t nplaces = list_places(places, 64);
    FILE *f = fopen(captures_path, "rb");
    assert_non_null(f);
    assert_non_null(bytes);
    size_t n = fread(bytes, 1, room, f);
    fclose(f);
    assert_in_range(n, 1, room - 1);

    /* the last bytes of the index are the last block's names */
    uint64_t index = le_get(bytes + n - CAPTURE_TRAILER, 8);
    uint8_t *names = bytes + index + CAPTURE_BLOCK_HEAD + le_get(bytes + index + 4, 4) - 2;
    assert_int_equal(bytes[index + 1], 0); /* not packed */
    assert_int_equal(names[0], places[nplaces - 1].first_name);
    assert_int_equal(names[1], places[nplaces - 1].last_name);
    names[0] = names[1] = (uint8_t)places[0].first_name;
    captures_repair(bytes, n);
    f = fopen(captures_path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
    free(bytes);
    assert_int_equal(count("{pod=~\".+\"}", &err), SIZE_MAX);
    assert_non_null(strstr(err.message, "the index does not know of"));
    assert_int_equal(count("aa", &err), SIZE_MAX); /* it looks there, too */
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, captures_set_up, scratch_drop)
static const struct CMUnitTest tests[] = {
    IN_FOLDER(blocks_of_other_names_are_not_read),
    IN_FOLDER(series_without_a_name_are_found),
    IN_FOLDER(an_index_that_hides_series_is_found),
};
TEST_MAIN(tests)
