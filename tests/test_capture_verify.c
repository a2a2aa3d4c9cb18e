/* Verifying captures: whatever is changed or cut off is found, and said of which select; counts
 * that contradict each other are, too; what is not lost can be written to a capture that is whole.
 */
#include "source/capture_place.h"
#include "source/capture_verify.h"
#include "support/captures.h"
#include "support/scratch.h"
#include "support/test.h"
#include "support/torture.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NSELECTS = 5, MAX_BYTES = 1 << 16 }; /* of captures_answers */

static char left[96];
static uint8_t bytes[MAX_BYTES]; /* [nbytes] of the whole capture at captures_path */
static size_t nbytes;

static int set_up(void **state)
{
    if (captures_set_up(state) != 0)
        return -1;
    snprintf(left, sizeof left, "%s", scratch_path("c.aqc"));
    captures_answers(captures_path);
    FILE *file = fopen(captures_path, "rb");
    assert_non_null(file);
    nbytes = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_in_range(nbytes, 600, 2000);
    return 0;
}

static void write_other(const uint8_t *p, size_t n)
{
    FILE *file = fopen(captures_other, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(p, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

struct findings {
    size_t of_file, of_selects;
    char text[4 * AMPQL_MESSAGE_MAX]; /* of all */
};

static void take_finding(void *payload, const struct capture_entry *entry, const char *what)
{
    struct findings *findings = payload;
    assert_true(strlen(what) > 5);
    size_t n = strlen(findings->text);
    snprintf(findings->text + n, sizeof findings->text - n, "%s\n", what);
    findings->of_file += entry == NULL;
    findings->of_selects += entry != NULL;
}

static enum ampql_code verify(const char *name, const char *rescue_to, struct findings *findings,
                              struct capture_verdict *verdict, struct ampql_error *err)
{
    *findings = (struct findings){0};
    return capture_verify(&alloc_default, name, rescue_to, take_finding, findings, verdict, err);
}

static void assert_whole(const char *name, size_t nselects)
{
    struct capture_verdict verdict;
    struct findings findings;
    struct ampql_error err = {0};
    assert_int_equal(verify(name, NULL, &findings, &verdict, &err), AMPQL_OK);
    if (!verdict.is_whole || !verdict.opens || verdict.nlost || verdict.nselects != nselects)
        fail_msg("%s: %s; %zu selects of %zu", name, findings.text, verdict.nselects, nselects);
}

/* What was rescued is part of what there was: laid over it, it changes nothing. */
static void assert_part(void)
{
    struct capture captures[2], *inputs[] = {&captures[0], &captures[1]};
    struct ampql_error err = {0};
    uint8_t id[SHA256_BYTES];
    assert_int_equal(capture_open(&captures[0], &alloc_default, captures_path, &err), AMPQL_OK);
    assert_int_equal(capture_open(&captures[1], &alloc_default, left, &err), AMPQL_OK);
    assert_int_equal(capture_write_new(&alloc_default, captures_other, inputs, 2, id, &err),
                     AMPQL_OK);
    assert_memory_equal(id, captures[0].content_id, sizeof id);
    capture_done(&captures[0]);
    capture_done(&captures[1]);
}

/* Of what was changed at `at` something is found; the selects that are said to be left are. */
static size_t check_damaged(const char *what, size_t at)
{
    struct capture_verdict verdict;
    struct findings findings;
    struct ampql_error err = {0};
    unlink(left);
    enum ampql_code code = verify(captures_other, left, &findings, &verdict, &err);
    if (code != AMPQL_OK) { /* it is none any more */
        assert_int_equal(code, AMPQL_BAD_DATA);
        assert_true(at < CAPTURE_HEADER);
        return 0;
    }
    size_t nleft = verdict.nselects - verdict.nlost;
    if (verdict.is_whole || findings.of_file + findings.of_selects == 0 ||
        findings.of_selects != verdict.nlost || verdict.nselects > NSELECTS)
        fail_msg("%s at %zu: %s", what, at, findings.text);
    assert_int_equal(verdict.is_rescued, nleft > 0);
    assert_int_equal(access(left, F_OK), nleft ? 0 : -1);
    if (nleft) {
        assert_whole(left, nleft);
        assert_part();
    }
    return nleft;
}

static void damage(void **state)
{
    (void)state;
    size_t seen[NSELECTS + 1] = {0};
    assert_whole(captures_path, NSELECTS);
    for (size_t at = 0; at < nbytes; at++) {
        bytes[at] ^= 0x20;
        write_other(bytes, nbytes);
        bytes[at] ^= 0x20;
        seen[check_damaged("a bit", at)]++;
    }
    for (size_t i = 0; i <= NSELECTS; i++) /* all of it, nothing, and all between */
        assert_true(seen[i] > 0);
}

static void cuts(void **state)
{
    (void)state;
    size_t most = 0;
    for (size_t n = 0; n < nbytes; n++) {
        write_other(bytes, n);
        size_t nleft = check_damaged("the end", n);
        assert_true(nleft >= most); /* the longer, the more is left */
        most = nleft;
    }
    assert_int_equal(most, NSELECTS);
}

/* ---- counts that contradict each other, under checksums that are right */

static const struct row {
    enum capture_kind kind;
    int nth; /* of these, from 0 */
    int at;  /* of the block; from its end when negative */
    int add; /* to that byte */
    const char *message;
    size_t nleft;
} rows[] = {
    {CAPTURE_SERIES, 0, 12, 1, "another block is expected there", 4},
    {CAPTURE_SYMBOLS, 0, 12, 1, "its strings are damaged", 0},
    {CAPTURE_SYMBOLS, 0, 12, -1, "it has bytes too many", 0},
    {CAPTURE_SELECT, 1, 25, 1, "its select is damaged", 1},
    {CAPTURE_INDEX, 0, 12, 1, "its index is damaged", 5},
    {CAPTURE_INDEX, 0, 12, -1, "its index is damaged", 5},
    {CAPTURE_INDEX, 0, -2, 1, "0 series and 0 samples, where the index has 0 and 1", 4},
    {CAPTURE_SERIES, 1, 4, 1, "its head is damaged", 4},
    {CAPTURE_SERIES, 1, 8, 1, "its head is damaged", 4},
    {CAPTURE_ABOUT, 0, 0, CAPTURE_END - CAPTURE_ABOUT, "another block is expected there", 0},
    {CAPTURE_ORIGIN, 0, 0, CAPTURE_END - CAPTURE_ORIGIN, "another block is expected there", 0},
    {CAPTURE_SELECT, 1, 0, CAPTURE_ORIGIN - CAPTURE_SELECT, "it is not expected there", 0},
};

static size_t find_block(const uint8_t *p, size_t n, enum capture_kind kind, int nth, size_t *size)
{
    size_t at = CAPTURE_HEADER;
    for (;;) {
        assert_true(at + CAPTURE_BLOCK_HEAD <= n - CAPTURE_TRAILER);
        *size = CAPTURE_BLOCK_HEAD + (size_t)le_get(p + at + 4, 4);
        if (p[at] == kind && nth-- == 0)
            return at;
        at += *size;
    }
}

static void counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static uint8_t copy[MAX_BYTES];
        const struct row *row = &rows[i];
        struct capture_verdict verdict;
        struct findings findings;
        struct ampql_error err = {0};
        size_t size;
        memcpy(copy, bytes, nbytes);
        size_t block = find_block(copy, nbytes, row->kind, row->nth, &size);
        size_t at = block + (row->at < 0 ? size - (size_t)-row->at : (size_t)row->at);
        copy[at] = (uint8_t)(copy[at] + row->add);
        captures_repair(copy, nbytes);
        write_other(copy, nbytes);
        unlink(left);
        assert_int_equal(verify(captures_other, left, &findings, &verdict, &err), AMPQL_OK);
        if (verdict.is_whole || !strstr(findings.text, row->message) ||
            verdict.nselects - verdict.nlost != row->nleft)
            fail_msg("row %zu: %s%zu left", i, findings.text, verdict.nselects - verdict.nlost);
        if (verdict.is_rescued)
            assert_whole(left, row->nleft);
    }
}

/* ---- where what is left goes */

static void places(void **state)
{
    (void)state;
    static const struct {
        const char *to, *message;
    } refused[] = {
        {"dir", "dir: a folder, and a capture is written as a plain file"},
        {"link", "link: a symbolic link, and a capture is written as a plain file"},
        {"b.aqc", "b.aqc: the capture itself, expected another file"},
    };
    assert_int_equal(mkdir(scratch_path("dir"), 0777), 0);
    assert_int_equal(symlink("dir", scratch_path("link")), 0);
    write_other(bytes, nbytes - 1);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct capture_verdict verdict;
        struct findings findings;
        struct ampql_error err = {0};
        assert_int_equal(
            verify(captures_other, scratch_path(refused[i].to), &findings, &verdict, &err),
            AMPQL_BAD_DATA);
        if (!strstr(err.message, refused[i].message))
            fail_msg("expected %s, found %s", refused[i].message, err.message);
        assert_false(verdict.is_rescued);
    }
    assert_int_equal(scratch_count(scratch_folder), 4);
}

/* ---- memory */

static bool rescue_works(const struct ampql_allocator *alc)
{
    struct capture_verdict verdict;
    struct findings findings = {0};
    struct ampql_error err = {0};
    unlink(left);
    enum ampql_code code =
        capture_verify(alc, captures_other, left, take_finding, &findings, &verdict, &err);
    assert_true(code == AMPQL_OK || code == AMPQL_NOMEM);
    assert_int_equal(access(left, F_OK), code == AMPQL_OK ? 0 : -1);
    if (code == AMPQL_OK)
        assert_int_equal(verdict.nselects - verdict.nlost, NSELECTS - 1);
    return code == AMPQL_OK;
}

static void torture(void **state)
{
    (void)state;
    size_t size, block = find_block(bytes, nbytes, CAPTURE_SERIES, 0, &size);
    bytes[block + CAPTURE_BLOCK_HEAD] ^= 1;
    write_other(bytes, nbytes);
    torture_all_lenient(rescue_works);
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, set_up, scratch_drop)
static const struct CMUnitTest tests[] = {
    IN_FOLDER(damage), IN_FOLDER(cuts), IN_FOLDER(counts), IN_FOLDER(places), IN_FOLDER(torture),
};
TEST_MAIN(tests)
