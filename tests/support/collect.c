/* A sink that writes what it takes as text. */
#include "support/collect.h"

#include "base/duration.h"
#include "base/number.h"

#include <ctype.h>
#include <stdlib.h>

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

static enum ampql_code parse(void *payload, struct str text, struct arena *arena,
                             struct matchers *out, int64_t *range_ms, struct ampql_error *err)
{
    (void)payload;
    const char *bracket = text.n && text.p[text.n - 1] == ']' ? memchr(text.p, '[', text.n) : NULL;
    *range_ms = 0;
    struct str selector = text;
    if (bracket) {
        selector.n = (size_t)(bracket - text.p);
        TRY(duration_parse(str_make(bracket + 1, text.n - selector.n - 2), range_ms, err));
    }
    struct ampql_matcher found[MAX_MATCHERS];
    struct str copy = arena_copy(arena, selector); /* NUL-terminated, and as long as the views */
    struct matcher *at = arena_alloc(arena, MAX_MATCHERS, sizeof *at);
    if (!copy.p || !at)
        return fail_nomem(err, "a selector");
    size_t n = memchr(copy.p, '\0', copy.n) ? SIZE_MAX : collect_matchers(copy.p, found);
    if (n == SIZE_MAX)
        return fail_quote(err, AMPQL_PARSE, "not a selector", text);
    for (size_t i = 0; i < n; i++)
        at[i] = (struct matcher){str_make(found[i].name.data, found[i].name.size),
                                 (enum match_op)found[i].op,
                                 str_make(found[i].value.data, found[i].value.size)};
    *out = (struct matchers){at, n};
    return AMPQL_OK;
}

const struct selector_parser collect_parser = {parse, NULL};

enum ampql_code bytes_read(void *payload, char *buffer, size_t size, size_t *out,
                           struct ampql_error *err)
{
    (void)err;
    struct bytes *bytes = payload;
    *out = bytes->n - bytes->at < size ? bytes->n - bytes->at : size;
    if (*out)
        memcpy(buffer, bytes->p + bytes->at, *out);
    bytes->at += *out;
    return AMPQL_OK;
}

static void check_series(const struct store *store, size_t place)
{
    const struct store_series *s = &store->series.at[store->order[place]];
    for (size_t i = 1; i < s->n; i++)
        if (s->t[i] <= s->t[i - 1])
            abort();
    if (place && labels_compare(&store->symbols, store->series.at[store->order[place - 1]].labels,
                                s->labels) >= 0)
        abort();
}

static enum ampql_code push(void *payload, const struct store *store, struct labels labels,
                            const struct samples *samples)
{
    return store_push(store, labels, samples, payload);
}

const char *collect_store(struct collect *collect, struct store *store)
{
    collect->text.n = 0;
    if (store_seal(store, NULL) != AMPQL_OK)
        return NULL;
    for (size_t i = 0; i < store->nordered; i++)
        check_series(store, i);
    struct ampql_select all = {.size = sizeof all};
    if (store_scan(store, &all, INT64_MIN, INT64_MAX, push, &collect->sink, NULL) != AMPQL_OK)
        return NULL;
    buf_byte(&collect->text, '\0');
    return collect->text.failed == AMPQL_OK ? collect->text.p : NULL;
}
