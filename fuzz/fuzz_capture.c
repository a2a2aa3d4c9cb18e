/* Any bytes as a capture file whose checksums are right, because the target repairs them: refused
 * with a message, or its series come in label order with ascending times, and a capture that
 * verifying finds whole answers every select that it says it holds. What is rescued is whole. */
#include "source/capture_source.h"
#include "source/capture_take.h"
#include "source/capture_verify.h"
#include "source/sink.h"
#include "support/captures.h"
#include "support/scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_BYTES = 1 << 16 };

static void require(bool claim)
{
    if (!claim)
        abort();
}

static void take_finding(void *payload, const struct capture_entry *entry, const char *what)
{
    (void)entry;
    size_t *n = payload;
    require(what[0] != '\0');
    ++*n;
}

static enum ampql_code take_series(void *payload, const struct capture *capture,
                                   struct labels labels, const struct samples *samples)
{
    (void)payload;
    require(samples->n > 0);
    for (size_t i = 1; i < samples->n; i++)
        require(samples->t[i] > samples->t[i - 1]);
    for (size_t i = 0; i < labels.n; i++) {
        struct str value = symbols_text(&capture->symbols, labels.at[i].value);
        require(value.n > 0);
        if (i > 0)
            require(str_compare(symbols_text(&capture->symbols, labels.at[i - 1].name),
                                symbols_text(&capture->symbols, labels.at[i].name)) < 0);
    }
    return AMPQL_OK;
}

static enum ampql_code count_series(void *payload, const struct ampql_label *labels, size_t nlabels,
                                    const struct samples *samples)
{
    (void)payload, (void)labels, (void)nlabels;
    require(samples->n > 0);
    return AMPQL_OK;
}

/* Its own select gets an answer from a whole capture; only a regex that is none can stand against
 * it, and in one that says it is redacted a value that is no token. */
static void ask_again(struct capture *capture, const struct held *held)
{
    struct ampql_error err = {0};
    struct arena arena;
    struct ampql_sink sink;
    if (held->kind == HELD_LISTING)
        return;
    arena_init(&arena, &alloc_default);
    struct ampql_matcher *matchers = arena_alloc(&arena, held->matchers.n, sizeof *matchers);
    require(matchers != NULL);
    struct ampql_select select = capture_select_of(held, matchers);
    sink_init(&sink, &alloc_default, count_series, NULL, false);
    enum ampql_code code = capture_answer(capture, &select, &sink, &err);
    code = sink_finish(&sink, code, &err);
    bool is_refused = code == AMPQL_PARSE || code == AMPQL_LIMIT ||
                      (code == AMPQL_UNSUPPORTED && capture->origin.redaction.is_redacted);
    require(code == AMPQL_OK || (is_refused && err.message[0]));
    sink_done(&sink);
    arena_done(&arena);
}

static void scan_all(const char *path, bool is_whole)
{
    struct capture capture;
    struct ampql_error err = {0};
    enum ampql_code code = capture_open(&capture, &alloc_default, path, &err);
    require(code == AMPQL_OK || !is_whole);
    if (code != AMPQL_OK) {
        require(err.message[0] != '\0');
        return;
    }
    for (size_t i = 0; i < capture.entries.n; i++) {
        code = capture_scan(&capture, &capture.entries.at[i], NULL, INT64_MIN, INT64_MAX,
                            take_series, NULL, &err);
        require(code == AMPQL_OK || (!is_whole && err.message[0] != '\0'));
        if (is_whole)
            ask_again(&capture, &capture.entries.at[i].held);
    }
    capture_done(&capture);
}

static void drop(void)
{
    scratch_drop(NULL);
}

/* One of so many inputs, since files are written. */
enum { RESCUED_OF = 8 };

static void rescue(const char *path)
{
    static bool has_folder;
    struct capture_verdict verdict;
    struct ampql_error err = {0};
    size_t nfindings = 0;
    if (!has_folder)
        require(scratch_make(NULL) == 0 && atexit(drop) == 0);
    has_folder = true;
    const char *left = scratch_path("left.aqc");
    enum ampql_code code =
        capture_verify(&alloc_default, path, left, take_finding, &nfindings, &verdict, &err);
    require(code == AMPQL_OK || err.message[0] != '\0');
    if (code != AMPQL_OK || !verdict.is_rescued)
        return;
    nfindings = 0;
    code = capture_verify(&alloc_default, left, NULL, take_finding, &nfindings, &verdict, &err);
    require(code == AMPQL_OK && verdict.is_whole && nfindings == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[MAX_BYTES];
    if (size < CAPTURE_HEADER || size > sizeof bytes)
        return 0;
    memcpy(bytes, data, size);
    captures_repair(bytes, size);
    int fd = memfd_create("capture", MFD_CLOEXEC);
    require(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);

    struct capture_verdict verdict;
    struct ampql_error err = {0};
    size_t nfindings = 0;
    enum ampql_code code =
        capture_verify(&alloc_default, path, NULL, take_finding, &nfindings, &verdict, &err);
    require(code == AMPQL_OK || err.message[0] != '\0');
    require(code != AMPQL_OK || verdict.is_whole == (nfindings == 0));
    scan_all(path, code == AMPQL_OK && verdict.is_whole);
    if (code == AMPQL_OK && size % RESCUED_OF == 0)
        rescue(path);

    struct capture log;
    if (capture_open_log(&log, &alloc_default, path, fd, &err) == AMPQL_OK) {
        for (size_t i = 0; i < log.entries.n; i++)
            capture_scan(&log, &log.entries.at[i], NULL, 0, 60000, take_series, NULL, &err);
        capture_done(&log);
    }
    close(fd);
    return 0;
}
