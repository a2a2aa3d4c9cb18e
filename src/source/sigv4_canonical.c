/* Canonical paths, queries and headers. */
#include "source/sigv4_canonical.h"

#include "source/url.h"

#include <stdlib.h>

/* ---- paths */

/* Dot segments go as in RFC 3986 5.2.4; AWS lets empty ones go as well. */
void canonical_path(struct buf *out, struct str path)
{
    size_t start = out->n;
    bool ends_open = path.n > 0 && path.p[path.n - 1] == '/';
    for (size_t i = 0; i < path.n && !out->failed;) {
        size_t from = i;
        while (i < path.n && path.p[i] != '/')
            i++;
        struct str segment = str_make(path.p + from, i - from);
        i++;
        if (segment.n == 0 || str_equal(segment, STR(".")))
            continue;
        if (!str_equal(segment, STR(".."))) {
            buf_byte(out, '/');
            buf_str(out, segment);
            continue;
        }
        while (out->n > start && out->p[--out->n] != '/')
            ;
    }
    if (ends_open || out->n == start)
        buf_byte(out, '/');
}

/* ---- queries */

struct pair {
    struct str name, value; /* encoded */
};

struct pairs {
    ARRAY(struct pair);
};

/* Decode, then encode: whatever was encoded and however, the same text comes out. */
static struct str recode(struct arena *arena, struct str text)
{
    struct buf plain, encoded;
    buf_init(&plain, arena->alc, SIZE_MAX / 8);
    buf_init(&encoded, arena->alc, SIZE_MAX / 2);
    url_decode(&plain, text);
    url_encode(&encoded, buf_view(&plain));
    struct str out = {0};
    if (!plain.failed && !encoded.failed)
        out = arena_copy(arena, buf_view(&encoded));
    buf_done(&plain);
    buf_done(&encoded);
    return out;
}

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    int order = str_compare(x->name, y->name);
    return order ? order : str_compare(x->value, y->value);
}

enum ampql_code canonical_query(struct buf *out, struct str query, struct arena *arena,
                                struct ampql_error *err)
{
    struct pairs pairs = {0};
    for (size_t i = 0; i < query.n;) {
        size_t from = i, equal = SIZE_MAX;
        for (; i < query.n && query.p[i] != '&'; i++)
            if (query.p[i] == '=' && equal == SIZE_MAX)
                equal = i;
        struct str name = str_make(query.p + from, (equal < i ? equal : i) - from);
        struct str value = equal < i ? str_make(query.p + equal + 1, i - equal - 1) : STR("");
        bool is_empty = i == from;
        i++;
        if (is_empty)
            continue;
        struct pair pair = {recode(arena, name), recode(arena, value)};
        if (!pair.name.p || !pair.value.p || !array_push(&pairs, arena, pair))
            return fail_nomem(err, "a query string");
    }
    if (pairs.n > 1)
        qsort(pairs.at, pairs.n, sizeof *pairs.at, compare_pairs);
    for (size_t i = 0; i < pairs.n; i++) {
        if (i)
            buf_byte(out, '&');
        buf_str(out, pairs.at[i].name);
        buf_byte(out, '=');
        buf_str(out, pairs.at[i].value);
    }
    return AMPQL_OK;
}

/* ---- headers */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What proxies add, drop or change, so that signing it would break the signature. */
static bool changes_on_the_way(struct str name)
{
    static const char *const names[] = {"connection",
                                        "expect",
                                        "keep-alive",
                                        "proxy-authenticate",
                                        "proxy-authorization",
                                        "te",
                                        "trailer",
                                        "transfer-encoding",
                                        "upgrade",
                                        "user-agent",
                                        "x-amzn-trace-id"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_equal(name, str_of(names[i])))
            return true;
    return false;
}

enum ampql_code canonical_add(struct canonical_headers *headers, struct arena *arena,
                              struct str name, struct str value, struct ampql_error *err)
{
    char *lower = arena_alloc(arena, name.n, 1);
    if (!lower)
        return fail_nomem(err, "headers");
    for (size_t i = 0; i < name.n; i++)
        lower[i] = name.p[i] >= 'A' && name.p[i] <= 'Z' ? (char)(name.p[i] | 0x20) : name.p[i];
    struct canonical_header header = {str_make(lower, name.n), value, headers->n};
    if (changes_on_the_way(header.name))
        return AMPQL_OK;
    return array_push(headers, arena, header) ? AMPQL_OK : fail_nomem(err, "headers");
}

bool canonical_has(const struct canonical_headers *headers, struct str name)
{
    for (size_t i = 0; i < headers->n; i++)
        if (str_equal(headers->at[i].name, name))
            return true;
    return false;
}

static int compare_headers(const void *a, const void *b)
{
    const struct canonical_header *x = a, *y = b;
    int order = str_compare(x->name, y->name);
    return order ? order : (x->order > y->order) - (x->order < y->order);
}

static void fold(struct buf *out, struct str value)
{
    bool is_first = true;
    for (size_t i = 0; i < value.n;) {
        size_t from = i;
        while (i < value.n && !is_blank(value.p[i]))
            i++;
        if (i > from) {
            if (!is_first)
                buf_byte(out, ' ');
            buf_str(out, str_make(value.p + from, i - from));
            is_first = false;
        }
        while (i < value.n && is_blank(value.p[i]))
            i++;
    }
}

void canonical_headers(struct buf *out, struct canonical_headers *headers)
{
    if (headers->n > 1)
        qsort(headers->at, headers->n, sizeof *headers->at, compare_headers);
    for (size_t i = 0; i < headers->n; i++) {
        bool goes_on = i > 0 && str_equal(headers->at[i - 1].name, headers->at[i].name);
        if (i > 0)
            buf_byte(out, goes_on ? ',' : '\n');
        if (!goes_on) {
            buf_str(out, headers->at[i].name);
            buf_byte(out, ':');
        }
        fold(out, headers->at[i].value);
    }
    if (headers->n)
        buf_byte(out, '\n');
}

void canonical_names(struct buf *out, const struct canonical_headers *headers)
{
    for (size_t i = 0; i < headers->n; i++) {
        if (i > 0 && str_equal(headers->at[i - 1].name, headers->at[i].name))
            continue;
        if (i > 0)
            buf_byte(out, ';');
        buf_str(out, headers->at[i].name);
    }
}
