/* Any bytes: accepted exactly when a plain recursive checker accepts them; the same tokens, offsets
 * and error whole and in any pieces, also under tight limits; and an accepted document, written
 * again from its tokens, is read as itself. */
#include "support/json_tokens.h"

#include "base/utf8.h"

#include <stdlib.h>

enum { MAX_DEPTH = 20 };

/* ---- the plain checker: RFC 8259 by the letter, over a whole document */

static const char *blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p;
}

static const char *digits(const char *p, const char *end)
{
    const char *start = p;
    while (p && p < end && *p >= '0' && *p <= '9')
        p++;
    return p == start ? NULL : p;
}

static const char *number(const char *p, const char *end)
{
    if (p < end && *p == '-')
        p++;
    p = p < end && *p == '0' ? p + 1 : digits(p, end);
    if (p && p < end && *p == '.')
        p = digits(p + 1, end);
    if (p && p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        p = digits(p, end);
    }
    return p;
}

/* The UTF-16 unit of the \uXXXX at p, or -1. */
static long unit_at(const char *p, const char *end)
{
    char hex[5] = {0};
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    for (size_t i = 0; i < 4; i++) {
        hex[i] = p[2 + i];
        if (!strchr("0123456789abcdefABCDEF", hex[i]) || !hex[i])
            return -1;
    }
    return strtol(hex, NULL, 16);
}

static const char *string(const char *p, const char *end)
{
    if (p == end || *p++ != '"')
        return NULL;
    while (p < end && *p != '"') {
        if ((unsigned char)*p < 0x20)
            return NULL;
        if (*p != '\\') {
            size_t length = utf8_length(p, (size_t)(end - p));
            if (length == 0)
                return NULL;
            p += length;
            continue;
        }
        if (end - p < 2)
            return NULL;
        if (p[1] != 'u') {
            if (!p[1] || !strchr("\"\\/bfnrt", p[1]))
                return NULL;
            p += 2;
            continue;
        }
        long unit = unit_at(p, end);
        if (unit < 0 || (unit >= 0xdc00 && unit < 0xe000))
            return NULL;
        p += 6;
        if (unit >= 0xd800 && unit < 0xdc00) {
            long low = unit_at(p, end);
            if (low < 0xdc00 || low >= 0xe000)
                return NULL;
            p += 6;
        }
    }
    return p < end ? p + 1 : NULL;
}

static const char *word(const char *p, const char *end, const char *text)
{
    size_t n = strlen(text);
    return (size_t)(end - p) >= n && memcmp(p, text, n) == 0 ? p + n : NULL;
}

static const char *value(const char *p, const char *end, int depth, bool *is_deep)
{
    p = blanks(p, end);
    if (p == end)
        return NULL;
    char open = *p;
    if (open == '"')
        return string(p, end);
    if (open == 't')
        return word(p, end, "true");
    if (open == 'f')
        return word(p, end, "false");
    if (open == 'n')
        return word(p, end, "null");
    if (open != '{' && open != '[')
        return number(p, end);
    if (depth == MAX_DEPTH) {
        *is_deep = true;
        return NULL;
    }
    char close = open == '{' ? '}' : ']';
    p = blanks(p + 1, end);
    if (p < end && *p == close)
        return p + 1;
    for (;;) {
        if (open == '{') {
            p = string(blanks(p, end), end);
            if (!p)
                return NULL;
            p = blanks(p, end);
            if (p == end || *p++ != ':')
                return NULL;
        }
        p = value(p, end, depth + 1, is_deep);
        if (!p)
            return NULL;
        p = blanks(p, end);
        if (p < end && *p == close)
            return p + 1;
        if (p == end || *p++ != ',')
            return NULL;
    }
}

static enum ampql_code plain_check(struct str doc)
{
    bool is_deep = false;
    const char *end = doc.p + doc.n, *p = value(doc.p, end, 0, &is_deep);
    if (is_deep)
        return AMPQL_LIMIT;
    return p && blanks(p, end) == end ? AMPQL_OK : AMPQL_BAD_DATA;
}

/* ---- */

static void require(bool claim)
{
    if (!claim)
        abort();
}

static void compare_cuts(struct json_limits limits, struct str doc, struct buf *whole)
{
    static const uint8_t patterns[][4] = {{1}, {2}, {3, 1, 7, 64}, {0, 5}};
    static const size_t lengths[] = {1, 1, 4, 2};
    for (size_t i = 0; i <= 4; i++) {
        struct buf cut;
        buf_init(&cut, &alloc_default, 64 << 20);
        if (i < 4)
            json_tokens(&alloc_default, limits, doc, patterns[i], lengths[i], &cut);
        else /* the input's own bytes are the sizes */
            json_tokens(&alloc_default, limits, doc, (const uint8_t *)doc.p, doc.n, &cut);
        require(str_equal(buf_view(whole), buf_view(&cut)));
        buf_done(&cut);
    }
}

static void check_rewriting(struct str doc)
{
    struct buf once, twice;
    buf_init(&once, &alloc_default, 64 << 20);
    buf_init(&twice, &alloc_default, 64 << 20);
    require(json_rewrite(&alloc_default, doc, &once) == AMPQL_OK);
    require(plain_check(buf_view(&once)) == AMPQL_OK);
    require(json_rewrite(&alloc_default, buf_view(&once), &twice) == AMPQL_OK);
    require(str_equal(buf_view(&once), buf_view(&twice)));
    buf_done(&once);
    buf_done(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str doc = {(const char *)data, size};
    struct json_limits all[] = {{MAX_DEPTH, 0}, {3, 5}};
    if (size > 1 << 16)
        return 0;
    if (size == 0)
        doc = STR("");
    for (size_t i = 0; i < 2; i++) {
        struct buf whole;
        buf_init(&whole, &alloc_default, 64 << 20);
        enum ampql_code code = json_tokens(&alloc_default, all[i], doc, NULL, 0, &whole);
        if (i == 0)
            require(code == plain_check(doc));
        compare_cuts(all[i], doc, &whole);
        if (i == 0 && code == AMPQL_OK)
            check_rewriting(doc);
        buf_done(&whole);
    }
    return 0;
}
