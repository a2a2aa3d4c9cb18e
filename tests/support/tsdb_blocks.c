/* Folders of blocks for tests. */
#include "support/tsdb_blocks.h"

#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

char tsdb_folder[64];

const char *tsdb_blocks_ulid(size_t i)
{
    static const char *const ulids[TSDB_BLOCKS_MAX] = {
        "01ARZ3NDEKTSV4RRFFQ69G5FA0", "01ARZ3NDEKTSV4RRFFQ69G5FA1", "01ARZ3NDEKTSV4RRFFQ69G5FA2",
        "01ARZ3NDEKTSV4RRFFQ69G5FA3", "01ARZ3NDEKTSV4RRFFQ69G5FA4"};
    return ulids[i];
}

const char *tsdb_blocks_path(size_t i, const char *file)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s%s%s", tsdb_folder, tsdb_blocks_ulid(i), *file ? "/" : "",
             file);
    return path;
}

int tsdb_blocks_set_up(void **state)
{
    (void)state;
    snprintf(tsdb_folder, sizeof tsdb_folder, "/tmp/ampql-tsdb-XXXXXX");
    return mkdtemp(tsdb_folder) ? 0 : -1;
}

void tsdb_blocks_remove(void)
{
    for (size_t i = 0; i < TSDB_BLOCKS_MAX; i++)
        tsdb_image_remove(tsdb_blocks_path(i, ""));
}

int tsdb_blocks_tear_down(void **state)
{
    (void)state;
    tsdb_blocks_remove();
    return rmdir(tsdb_folder);
}

void tsdb_blocks_save(size_t i, const struct tsdb_image *image)
{
    assert_true(tsdb_image_save(image, tsdb_blocks_path(i, "")));
}

/* ---- asking */

enum ampql_code tsdb_blocks_open(const struct ampql_allocator *alc, const char *path,
                                 const struct ampql_file_options *options,
                                 struct ampql_source **out, struct ampql_error *err)
{
    *out = NULL;
    return source_file_open(alc, path, options, &collect_parser, out, err);
}

const char *tsdb_blocks_ask(struct collect *collect, const char *path,
                            const struct ampql_file_options *options,
                            const struct ampql_select *select, enum ampql_code *code,
                            struct ampql_error *err)
{
    struct ampql_source *source;
    const char *text = NULL;
    *code = tsdb_blocks_open(collect->text.alc, path, options, &source, err);
    if (*code == AMPQL_OK) {
        text = collect_select(collect, source, select, code, err);
        source_free(source);
    }
    if (*code != AMPQL_OK && *code != AMPQL_NOMEM) /* that one the collector may have run into */
        assert_true(err->code == *code && err->message[0] != '\0');
    return text;
}

const char *tsdb_blocks_ask_all(struct collect *collect, const char *path, struct ampql_error *err)
{
    struct ampql_matcher matchers[16];
    enum ampql_code code;
    struct ampql_select all =
        collect_raw("{__name__=~\".+\"}", matchers, -TSDB_FOREVER, TSDB_FOREVER);
    return tsdb_blocks_ask(collect, path, NULL, &all, &code, err);
}

/* ---- small ones */

struct tsdb_image_series tsdb_small(struct tsdb_small *s, const char *name, const char *pod,
                                    int64_t first_ms, size_t n, double first)
{
    s->labels[0] = (struct ampql_label){{"__name__", 8}, {name, strlen(name)}};
    s->labels[1] = (struct ampql_label){{"pod", 3}, {pod, strlen(pod)}};
    for (size_t i = 0; i < n; i++) {
        s->t[i] = first_ms + 1000 * (int64_t)i;
        s->v[i] = first + (double)i;
    }
    return (struct tsdb_image_series){
        .labels = s->labels, .nlabels = 2, .t = s->t, .v = s->v, .n = n};
}

void tsdb_blocks_small(size_t number, int64_t first_ms, size_t n, double first, uint8_t encoding,
                       const char *parent, struct tsdb_image *image)
{
    static struct tsdb_small a, b;
    struct tsdb_image_series series[] = {tsdb_small(&a, "up", "a", first_ms, n, first),
                                         tsdb_small(&b, "up", "b", first_ms, n, 7)};
    series[1].encoding = encoding;
    struct tsdb_image_block block = {
        .ulid = tsdb_blocks_ulid(number), .series = series, .n = 2, .parent = parent};
    assert_true(tsdb_image_make(image, &block));
}

void tsdb_blocks_save_small(size_t number, int64_t first_ms, size_t n, double first,
                            uint8_t encoding, const char *parent)
{
    struct tsdb_image image;
    tsdb_blocks_small(number, first_ms, n, first, encoding, parent, &image);
    tsdb_blocks_save(number, &image);
    tsdb_image_done(&image);
}
