/* A sink that writes what it takes as text. */
#include "support/collect.h"

#include "base/number.h"
#include "source/source.h"

#include <ctype.h>

enum { MAX_TEXT = 1 << 26, MAX_MATCHERS = 16 };

static void write_labels(struct buf *text, const struct ampql_label *labels, size_t nlabels)
{
    for (size_t i = 0; i < nlabels; i++)
        if (str_equal(str_make(labels[i].name.data, labels[i].name.size), STR("__name__")))
            buf_bytes(text, labels[i].value.data, labels[i].value.size);
    buf_byte(text, '{');
    bool is_first = true;
    for (size_t i = 0; i < nlabels; i++) {
        struct str name = str_make(labels[i].name.data, labels[i].name.size);
        if (str_equal(name, STR("__name__")))
            continue;
        buf_text(text, is_first ? "" : ", ");
        buf_str(text, name);
        buf_text(text, "=\"");
        buf_bytes(text, labels[i].value.data, labels[i].value.size);
        buf_byte(text, '"');
        is_first = false;
    }
    buf_byte(text, '}');
}

static enum ampql_code take(void *payload, const struct ampql_label *labels, size_t nlabels,
                            const struct samples *samples)
{
    struct collect *collect = payload;
    struct buf *text = &collect->text;
    write_labels(text, labels, nlabels);
    for (size_t i = 0; i < samples->n; i++) {
        char number[NUMBER_MAX];
        number_format(samples->v[i], number);
        buf_format(text, " %s@%lld", is_stale(samples->v[i]) ? "stale" : number,
                   (long long)samples->t[i]);
    }
    buf_byte(text, '\n');
    return text->failed;
}

void collect_init(struct collect *collect, const struct ampql_allocator *alc, bool is_trusted)
{
    buf_init(&collect->text, alc, MAX_TEXT);
    sink_init(&collect->sink, alc, take, collect, is_trusted);
}

void collect_done(struct collect *collect)
{
    sink_done(&collect->sink);
    buf_done(&collect->text);
}

const char *collect_select(struct collect *collect, struct ampql_source *source,
                           const struct ampql_select *select, enum ampql_code *code,
                           struct ampql_error *err)
{
    collect->text.n = 0;
    collect->text.failed = AMPQL_OK;
    collect->sink.failed = AMPQL_OK;
    *code = source->ops.select(source->payload, select, &collect->sink, err);
    *code = sink_finish(&collect->sink, *code, err);
    if (*code == AMPQL_OK) {
        buf_byte(&collect->text, '\0');
        *code = collect->text.failed;
    }
    return *code == AMPQL_OK ? collect->text.p : NULL;
}

static struct ampql_string word(const char **p)
{
    const char *start = *p;
    while (isalnum((unsigned char)**p) || **p == '_' || **p == ':')
        ++*p;
    return (struct ampql_string){start, (size_t)(*p - start)};
}

size_t collect_matchers(const char *text, struct ampql_matcher *out)
{
    static const char *const ops[] = {"=~", "!~", "!=", "="};
    static const enum ampql_match_op values[] = {AMPQL_MATCH_REGEX, AMPQL_MATCH_NOT_REGEX,
                                                 AMPQL_MATCH_NOT_EQUAL, AMPQL_MATCH_EQUAL};
    size_t n = 0;
    struct ampql_string name = word(&text);
    if (name.size)
        out[n++] = (struct ampql_matcher){{"__name__", 8}, AMPQL_MATCH_EQUAL, name};
    if (*text == '\0')
        return n ? n : SIZE_MAX;
    if (*text++ != '{')
        return SIZE_MAX;
    while (*text != '}') {
        struct ampql_matcher m = {.name = word(&text)};
        size_t op = 0;
        while (op < 4 && strncmp(text, ops[op], strlen(ops[op])) != 0)
            op++;
        if (op == 4 || m.name.size == 0 || n == MAX_MATCHERS)
            return SIZE_MAX;
        text += strlen(ops[op]);
        m.op = values[op];
        const char *end = *text == '"' ? strchr(text + 1, '"') : NULL;
        if (!end)
            return SIZE_MAX;
        m.value = (struct ampql_string){text + 1, (size_t)(end - text - 1)};
        out[n++] = m;
        text = end + 1;
        if (*text == ',')
            text++;
    }
    return text[1] == '\0' ? n : SIZE_MAX;
}

struct ampql_select collect_raw(const char *selector, struct ampql_matcher *matchers,
                                int64_t mint_ms, int64_t maxt_ms)
{
    return (struct ampql_select){.size = sizeof(struct ampql_select),
                                 .kind = AMPQL_SELECT_RAW,
                                 .matchers = matchers,
                                 .nmatchers = collect_matchers(selector, matchers),
                                 .mint_ms = mint_ms,
                                 .maxt_ms = maxt_ms};
}

struct ampql_select collect_grid(const char *selector, struct ampql_matcher *matchers,
                                 int64_t start_ms, int64_t end_ms, int64_t step_ms)
{
    return (struct ampql_select){.size = sizeof(struct ampql_select),
                                 .kind = AMPQL_SELECT_GRID,
                                 .matchers = matchers,
                                 .nmatchers = collect_matchers(selector, matchers),
                                 .start_ms = start_ms,
                                 .end_ms = end_ms,
                                 .step_ms = step_ms,
                                 .lookback_ms = 300000};
}
