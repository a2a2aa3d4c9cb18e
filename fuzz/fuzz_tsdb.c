/* Any bytes as the files of a Prometheus block, whose checksums are right because the target
 * repairs them, alone and beside a block that is sound: refused with a message, or its series come
 * in label order, each once, with what was asked for, and ascending times.
 *
 * Input: the lengths of meta.json, index and chunks as u16 (little-endian), then the three; what is
 * left is tombstones. */
#include "source/sink.h"
#include "source/tsdb.h"
#include "support/tsdb_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char base[64], hostile[128], sound[128];

static void require(bool claim)
{
    if (!claim)
        abort();
}

static void remove_folders(void)
{
    tsdb_image_remove(hostile);
    tsdb_image_remove(sound);
    rmdir(base);
}

/* A data folder with one block of a series `up`, to which the hostile one is added. */
static void make_folders(void)
{
    static const struct ampql_label labels[] = {{{"__name__", 8}, {"up", 2}}, {{"a", 1}, {"b", 1}}};
    static const int64_t t[] = {1000, 2000, 500000};
    static const double v[] = {1, 0, 1};
    struct tsdb_image_series series[] = {{labels, 2, t, v, 3, 0}};
    struct tsdb_image_block block = {
        .ulid = "01ARZ3NDEKTSV4RRFFQ69G5FA1", .series = series, .n = 1};
    struct tsdb_image image;
    snprintf(base, sizeof base, "%s/ampql-fuzz-tsdb-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    require(mkdtemp(base));
    snprintf(hostile, sizeof hostile, "%s/01ARZ3NDEKTSV4RRFFQ69G5FA0", base);
    snprintf(sound, sizeof sound, "%s/%s", base, block.ulid);
    require(tsdb_image_make(&image, &block) && tsdb_image_save(&image, sound));
    tsdb_image_done(&image);
    atexit(remove_folders);
}

/* ---- what is pushed */

struct taking {
    const struct ampql_label *before; /* [nbefore] */
    size_t nbefore;
    struct arena arena;
    struct ampql_select *select;
};

static int compare(const struct ampql_label *a, size_t na, const struct ampql_label *b, size_t nb)
{
    for (size_t i = 0; i < na && i < nb; i++) {
        int order = str_compare(str_view(a[i].name), str_view(b[i].name));
        if (order == 0)
            order = str_compare(str_view(a[i].value), str_view(b[i].value));
        if (order)
            return order;
    }
    return (na > nb) - (na < nb);
}

/* The names and times were checked by the sink. */
static enum ampql_code take(void *payload, const struct ampql_label *labels, size_t nlabels,
                            const struct samples *samples)
{
    struct taking *taking = payload;
    const struct ampql_select *select = taking->select;
    require(!taking->before || compare(taking->before, taking->nbefore, labels, nlabels) < 0);
    struct ampql_label *copy = arena_alloc(&taking->arena, nlabels, sizeof *copy);
    require(copy);
    if (nlabels)
        memcpy(copy, labels, nlabels * sizeof *copy); /* the texts are the source's */
    taking->before = copy;
    taking->nbefore = nlabels;
    for (size_t i = 0; i < samples->n; i++)
        require(samples->t[i] > select->mint_ms && samples->t[i] <= select->maxt_ms);
    size_t name = 0; /* of the select that has matchers, the name is up */
    while (name < nlabels && !str_equal(str_view(labels[name].name), STR("__name__")))
        name++;
    require(!select->nmatchers ||
            (name < nlabels && str_equal(str_view(labels[name].value), STR("up"))));
    return AMPQL_OK;
}

static void ask(struct ampql_source *source, struct ampql_select *select, bool is_listing)
{
    struct taking taking = {.select = select};
    struct ampql_sink sink;
    struct ampql_error err = {0};
    arena_init(&taking.arena, &alloc_default);
    sink_init(&sink, &alloc_default, take, &taking, false);
    enum ampql_code code = (is_listing ? source->ops.series
                                       : source->ops.select)(source->payload, select, &sink, &err);
    code = sink_finish(&sink, code, &err);
    require(code == AMPQL_OK || (err.code == code && err.message[0] != '\0'));
    require(sink.failed == AMPQL_OK); /* what the sink finds is a fault of the source's */
    sink_done(&sink);
    arena_done(&taking.arena);
}

static void ask_all(const char *path)
{
    static const struct ampql_matcher matchers[] = {
        {{"__name__", 8}, AMPQL_MATCH_EQUAL, {"up", 2}},
        {{"a", 1}, AMPQL_MATCH_NOT_REGEX, {"x.*", 3}},
    };
    const struct ampql_file_options options = {
        .size = sizeof options, .last_wins = true, .skip_histograms = true};
    struct ampql_select all = {
        .size = sizeof all, .mint_ms = -TSDB_FOREVER, .maxt_ms = TSDB_FOREVER};
    struct ampql_select some = {.size = sizeof some,
                                .matchers = matchers,
                                .nmatchers = 2,
                                .mint_ms = 1000,
                                .maxt_ms = 100000};
    struct ampql_source *source = NULL;
    struct ampql_error err = {0};
    enum ampql_code code = source_tsdb_open(&alloc_default, path, &options, &source, &err);
    if (code != AMPQL_OK) {
        require(err.code == code && err.message[0] != '\0');
        return;
    }
    ask(source, &all, false);
    ask(source, &some, false);
    ask(source, &some, true);
    source_free(source);
}

static struct str take_piece(struct str *rest, size_t n)
{
    struct str piece = {rest->p, n < rest->n ? n : rest->n};
    *rest = str_from(*rest, piece.n);
    return piece;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { HEAD = 6 };
    struct tsdb_image image;
    struct buf *const files[] = {&image.meta, &image.index, &image.chunks, &image.tombstones};
    if (size < HEAD)
        return 0;
    if (!base[0])
        make_folders();
    struct str rest = {(const char *)data + HEAD, size - HEAD};
    for (size_t i = 0; i < 4; i++) {
        size_t n = i < 3 ? (size_t)le_get(data + 2 * i, 2) : rest.n;
        buf_init(files[i], &alloc_default, 1 << 20);
        buf_str(files[i], take_piece(&rest, n));
    }
    tsdb_image_repair(&image);
    require(tsdb_image_save(&image, hostile));
    tsdb_image_done(&image);
    ask_all(hostile);
    ask_all(base);
    return 0;
}
