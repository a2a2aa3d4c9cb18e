/* Damaged Prometheus blocks: found, with file and offset, or it does no harm. */
#include "source/tsdb.h"
#include "support/test.h"
#include "support/tsdb_blocks.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static const char *const files[] = {"meta.json", "index", "chunks/000001", "tombstones"};
enum { FILES = sizeof files / sizeof *files };
enum { META, INDEX, CHUNKS, TOMBSTONES };

/* The bytes of one file of an image. */
static struct buf *file_of(struct tsdb_image *image, size_t file)
{
    struct buf *const bufs[FILES] = {&image->meta, &image->index, &image->chunks,
                                     &image->tombstones};
    return bufs[file];
}

/* ---- what is said */

static const struct {
    size_t file;
    long at; /* from the end when negative */
    uint8_t bytes[8];
    size_t n;
    const char *message; /* behind the block's path */
} damages[] = {
    {META, 1, "\"alid", 5, "/meta.json: offset 85: expected \"version\", \"ulid\", \"minTime\""},
    {INDEX, 0, "\xba\xaa\xd7\x01", 4, "/index: offset 0: not the index of a Prometheus block"},
    {INDEX, 4, "\1", 1, "/index: offset 4: an index of version 1, and this ampql reads 2"},
    {INDEX, -44, "\0\0\0\1", 4, "/index: offset 199: its table of contents points out of the file"},
    {CHUNKS, 0, "x", 1, "/chunks/000001: offset 0: not the chunks of a Prometheus block"},
    {CHUNKS, 4, "\2", 1, "/chunks/000001: offset 4: chunks of version 2, and this ampql reads 1"},
    {TOMBSTONES, 0, "x", 1, "/tombstones: offset 0: not the tombstones of a Prometheus block"},
    {TOMBSTONES, 4, "\2", 1,
     "/tombstones: offset 4: tombstones of version 2, and this ampql reads 1"},
};

static void test_messages(void **state)
{
    (void)state;
    struct collect collect;
    struct ampql_error err = {0};
    collect_init(&collect, &alloc_default, false);
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        struct tsdb_image image;
        tsdb_blocks_small(0, 1000, 2, 1, 0, NULL, &image);
        struct buf *file = file_of(&image, damages[i].file);
        size_t at = damages[i].at < 0 ? file->n - (size_t)-damages[i].at : (size_t)damages[i].at;
        memcpy(file->p + at, damages[i].bytes, damages[i].n);
        tsdb_image_repair(&image);
        tsdb_blocks_save(0, &image);
        tsdb_image_done(&image);
        assert_null(tsdb_blocks_ask_all(&collect, tsdb_blocks_path(0, ""), &err));
        const char *path = tsdb_blocks_path(0, "");
        if (strncmp(err.message, path, strlen(path)) != 0 ||
            strncmp(err.message + strlen(path), damages[i].message, strlen(damages[i].message)) !=
                0)
            fail_msg("%s\nnot %s", err.message, damages[i].message);
    }
    collect_done(&collect);
    tsdb_blocks_remove();
}

/* The answer must be the one before the damage, or none. */
static void assert_harmless(struct collect *collect, const char *want, const char *what,
                            size_t file, size_t at)
{
    struct ampql_error err = {0};
    const char *got = tsdb_blocks_ask_all(collect, tsdb_blocks_path(0, ""), &err);
    if (got && strcmp(got, want) != 0)
        fail_msg("%s at %zu of %s gives another answer", what, at, files[file]);
}

static int open_block_file(size_t file)
{
    int fd = open(tsdb_blocks_path(0, files[file]), O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void poke(int fd, size_t at, char byte)
{
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
}

/* Every byte of the real block another one, and its files shorter. */
static void test_damage(void **state)
{
    (void)state;
    struct tsdb_image image;
    struct collect whole, damaged;
    struct ampql_error err = {0};
    collect_init(&whole, &alloc_default, false);
    collect_init(&damaged, &alloc_default, false);
    assert_true(tsdb_image_load(&image, TSDB_REAL));
    tsdb_blocks_save(0, &image);
    const char *want = tsdb_blocks_ask_all(&whole, tsdb_blocks_path(0, ""), &err);
    assert_non_null(want);
    for (size_t file = 0; file < FILES; file++) {
        const struct buf *buf = file_of(&image, file);
        int fd = open_block_file(file);
        for (size_t i = 0; i < buf->n; i++) {
            poke(fd, i, (char)(buf->p[i] ^ 1 << i % 8));
            assert_harmless(&damaged, want, "a bit", file, i);
            poke(fd, i, buf->p[i]);
        }
        for (size_t n = buf->n; n-- > 0;) {
            if (n > 600 && n + 600 < buf->n && n % 37)
                continue;
            assert_int_equal(ftruncate(fd, (off_t)n), 0);
            assert_harmless(&damaged, want, "the end", file, n);
        }
        assert_int_equal(pwrite(fd, buf->p, buf->n, 0), buf->n);
        close(fd);
    }
    assert_harmless(&damaged, want, "nothing", 0, 0);
    tsdb_image_done(&image);
    collect_done(&whole);
    collect_done(&damaged);
    tsdb_blocks_remove();
}

/* The same with checksums that are right: whatever comes, it is in order, or a message. */
static void test_hostile(void **state)
{
    (void)state;
    static const uint8_t values[] = {0x00, 0x7f, 0xff};
    struct tsdb_image image;
    struct collect collect;
    struct ampql_error err = {0};
    collect_init(&collect, &alloc_default, false);
    for (size_t file = 0; file < FILES; file++)
        for (size_t i = 0, n = 1; i < n; i++)
            for (size_t k = 0; k < sizeof values; k++) {
                tsdb_blocks_small(0, 1000, 130, 1, 0, NULL, &image);
                n = file_of(&image, file)->n;
                file_of(&image, file)->p[i] = (char)values[k];
                tsdb_image_repair(&image);
                tsdb_blocks_save(0, &image);
                tsdb_image_done(&image);
                tsdb_blocks_ask_all(&collect, tsdb_blocks_path(0, ""), &err);
            }
    collect_done(&collect);
    tsdb_blocks_remove();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_messages),
    cmocka_unit_test(test_damage),
    cmocka_unit_test(test_hostile),
};

int main(void)
{
    return cmocka_run_group_tests(tests, tsdb_blocks_set_up, tsdb_blocks_tear_down);
}
