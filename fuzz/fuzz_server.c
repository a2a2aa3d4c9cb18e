/* Any bytes as the answers of a server: a select ends after a bounded number of requests and waits,
 * refused with a message, or with series that match it, in label order, each once, whose samples
 * ascend at times that were asked for; and how the bytes are cut into pieces does not show.
 *
 * The first byte chooses the select and the server, the second the size of pieces, and whether the
 * series are only listed; then answers, each with a byte for its status in front, divided by 0xff.
 */
#include "support/api.h"
#include "support/collect.h"

#include <stdlib.h>

enum { MAX_ANSWERS = 64, MAX_REQUESTS = 20000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t split(const uint8_t *data, size_t size, struct api_answer *out)
{
    static const int status[] = {200, 200, 200, 200, 400, 401, 403, 404,
                                 413, 422, 429, 500, 503, 504, 302, 204};
    size_t n = 0;
    while (size && n < MAX_ANSWERS) {
        const uint8_t *end = memchr(data, 0xff, size);
        size_t length = end ? (size_t)(end - data) : size;
        if (length) /* digits and letters, so that a person can write one */
            out[n++] = (struct api_answer){status[data[0] % 16],
                                           str_make((const char *)data + 1, length - 1)};
        else
            out[n++] = (struct api_answer){200, {"", 0}};
        data += length + (end != NULL);
        size -= length + (end != NULL);
    }
    return n;
}

/* What was pushed, checked on its way. */
struct pushed {
    const struct ampql_select *select;
    bool is_list; /* label sets alone, which the engine matches */
    struct buf text, last;
};

static void check(bool ok)
{
    if (!ok)
        abort();
}

static enum ampql_code take(void *payload, const struct ampql_label *labels, size_t nlabels,
                            const struct samples *samples)
{
    struct pushed *p = payload;
    const struct ampql_select *s = p->select;
    struct buf key;
    buf_init(&key, &alloc_default, 1 << 26);
    const struct test_series one = {.labels = labels, .nlabels = nlabels};
    check(p->is_list ? samples->n == 0 : api_matches(&one, s->matchers, s->nmatchers));
    for (size_t i = 0; i < nlabels; i++) {
        check(i == 0 || str_compare(str_view(labels[i - 1].name), str_view(labels[i].name)) < 0);
        check(labels[i].value.size > 0);
        buf_format(&key, "%zu.%zu.", labels[i].name.size, labels[i].value.size);
        buf_str(&key, str_view(labels[i].name));
        buf_str(&key, str_view(labels[i].value));
    }
    check(!p->last.p || !str_equal(buf_view(&key), buf_view(&p->last)));
    buf_str(&p->text, buf_view(&key));
    for (size_t i = 0; i < samples->n; i++) {
        int64_t t = samples->t[i];
        check(i == 0 || samples->t[i - 1] < t);
        check(s->kind == AMPQL_SELECT_RAW
                  ? t > s->mint_ms && t <= s->maxt_ms
                  : t >= s->start_ms && t <= s->end_ms &&
                        (t - s->start_ms) % (s->end_ms > s->start_ms ? s->step_ms : 1) == 0);
        buf_bytes(&p->text, &t, sizeof t);
        buf_bytes(&p->text, &samples->v[i], sizeof samples->v[i]);
    }
    buf_done(&p->last);
    p->last = key;
    return AMPQL_OK;
}

static enum ampql_code run(uint8_t flags, size_t piece, const struct api_answer *answers, size_t n,
                           struct pushed *out)
{
    struct api api = {.alc = alloc_default, .answers = answers, .nanswers = n, .piece = piece};
    struct ampql_matcher matchers[16];
    const char *selector = flags & 1 ? "up{a=~\"b.*\",c!=\"d\"}" : "up";
    struct ampql_select select = flags & 2   ? collect_raw(selector, matchers, 0, 3600000)
                                 : flags & 4 ? collect_grid(selector, matchers, 0, 3600000, 60000)
                                 : flags & 8 ? collect_grid(selector, matchers, 500, 600500, 60000)
                                             : collect_grid(selector, matchers, 60000, 60000, 1);
    if (flags & 16 && select.kind == AMPQL_SELECT_GRID)
        select.kind = AMPQL_SELECT_GRID_TIMESTAMP;
    struct transport transport;
    struct server_options options = {.base_url = STR("http://h"),
                                     .is_amp = flags & 32,
                                     .dialect = flags & 64 ? AMPQL_PROM3 : AMPQL_DIALECT_DEFAULT,
                                     .skip_histograms = flags & 128,
                                     .chunk_ms = flags & 1 ? 600000 : 0};
    struct ampql_source *source;
    struct ampql_error err = {0};
    api_transport(&api, &transport);
    enum ampql_code code = source_server_open(&alloc_default, &transport, &options, &source, &err);
    buf_init(&out->text, &alloc_default, 1 << 26);
    buf_init(&out->last, &alloc_default, 1 << 26);
    if (code == AMPQL_OK) {
        struct ampql_sink sink;
        out->select = &select;
        sink_init(&sink, &alloc_default, take, out, true);
        code = (out->is_list ? source->ops.series : source->ops.select)(source->payload, &select,
                                                                        &sink, &err);
        code = sink_finish(&sink, code, &err);
        sink_done(&sink);
        source_free(source);
    }
    check(code == AMPQL_OK || (err.code == code && err.message[0]));
    check(api.nopen == 0 && api.nrequests < MAX_REQUESTS);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct api_answer answers[MAX_ANSWERS];
    if (size < 3)
        return 0;
    struct pushed whole = {.is_list = data[1] & 0x80}, pieces = {.is_list = data[1] & 0x80};
    size_t n = split(data + 2, size - 2, answers);
    if (n == 0)
        return 0;
    enum ampql_code a = run(data[0], 0, answers, n, &whole);
    enum ampql_code b = run(data[0], 1 + data[1] % 7, answers, n, &pieces);
    check(a == b && str_equal(buf_view(&whole.text), buf_view(&pieces.text)));
    buf_done(&whole.text);
    buf_done(&whole.last);
    buf_done(&pieces.text);
    buf_done(&pieces.last);
    return 0;
}
