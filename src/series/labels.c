/* Label sets. They are small (five to thirty labels), so plain loops are the fast way. */
#include "series/labels.h"

#include "base/error.h"
#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>

symbol labels_get(struct labels labels, symbol name)
{
    for (size_t i = 0; i < labels.n; i++)
        if (labels.at[i].name == name)
            return labels.at[i].value;
    return SYMBOL_EMPTY;
}

bool labels_equal(struct labels a, struct labels b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.at, b.at, a.n * sizeof *a.at) == 0);
}

uint64_t labels_hash(struct labels labels)
{
    return hash_bytes(labels.at, labels.n * sizeof *labels.at);
}

int labels_compare(const struct symbols *symbols, struct labels a, struct labels b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    for (size_t i = 0; i < n; i++) {
        if (a.at[i].name != b.at[i].name)
            return str_compare(symbols_text(symbols, a.at[i].name),
                               symbols_text(symbols, b.at[i].name));
        if (a.at[i].value != b.at[i].value)
            return str_compare(symbols_text(symbols, a.at[i].value),
                               symbols_text(symbols, b.at[i].value));
    }
    return (a.n > b.n) - (a.n < b.n);
}

static int by_name(const void *a, const void *b, void *symbols)
{
    const struct label *x = a, *y = b;
    return str_compare(symbols_text(symbols, x->name), symbols_text(symbols, y->name));
}

/* A hostile source may push a million. */
static size_t sort_many(const struct symbols *symbols, struct label *label, size_t n)
{
    size_t kept = 0;
    qsort_r(label, n, sizeof *label, by_name, (void *)symbols);
    for (size_t i = 0; i < n; i++) {
        if (label[i].value == SYMBOL_EMPTY)
            continue;
        if (kept && label[kept - 1].name == label[i].name)
            return SIZE_MAX;
        label[kept++] = label[i];
    }
    return kept;
}

size_t labels_sort(const struct symbols *symbols, struct label *label, size_t n)
{
    enum { FEW = 64 };
    size_t kept = 0;
    if (n > FEW)
        return sort_many(symbols, label, n);
    for (size_t i = 0; i < n; i++) {
        struct label l = label[i];
        if (l.value == SYMBOL_EMPTY)
            continue;
        size_t j = kept;
        for (; j > 0; j--) {
            int order = str_compare(symbols_text(symbols, label[j - 1].name),
                                    symbols_text(symbols, l.name));
            if (order == 0)
                return SIZE_MAX;
            if (order < 0)
                break;
            label[j] = label[j - 1];
        }
        label[j] = l;
        kept++;
    }
    return kept;
}

static bool is_in(symbol name, const symbol *names, size_t nnames)
{
    for (size_t i = 0; i < nnames; i++)
        if (names[i] == name)
            return true;
    return false;
}

bool label_name_is_valid(struct str name, enum ampql_dialect dialect)
{
    if (name.n == 0)
        return false;
    if (dialect != AMPQL_PROM2)
        return str_is_utf8(name);
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return true;
}

bool labels_translate(struct symbols *to, const struct symbols *from, struct labels labels,
                      struct label *out)
{
    for (size_t i = 0; i < labels.n; i++) {
        out[i].name = symbols_translate(to, from, labels.at[i].name);
        out[i].value = symbols_translate(to, from, labels.at[i].value);
        if (out[i].name == SYMBOL_NONE || out[i].value == SYMBOL_NONE)
            return false;
    }
    return true;
}

struct labels labels_copy(struct arena *arena, struct labels labels)
{
    struct label *at = arena_alloc(arena, labels.n, sizeof *at);
    if (at && labels.n)
        memcpy(at, labels.at, labels.n * sizeof *at);
    return (struct labels){at, at ? labels.n : 0, labels.loses_name};
}

static struct labels filter(struct arena *arena, struct labels labels, const symbol *names,
                            size_t nnames, bool keep)
{
    struct label *at = arena_alloc(arena, labels.n, sizeof *at);
    size_t n = 0;
    for (size_t i = 0; at && i < labels.n; i++)
        if (is_in(labels.at[i].name, names, nnames) == keep)
            at[n++] = labels.at[i];
    return (struct labels){at, n, labels.loses_name};
}

struct labels labels_keep(struct arena *arena, struct labels labels, const symbol *names,
                          size_t nnames)
{
    return filter(arena, labels, names, nnames, true);
}

struct labels labels_drop(struct arena *arena, struct labels labels, const symbol *names,
                          size_t nnames)
{
    return filter(arena, labels, names, nnames, false);
}

struct labels labels_set(struct arena *arena, const struct symbols *symbols, struct labels labels,
                         symbol name, symbol value)
{
    struct label *at = arena_alloc(arena, labels.n + 1, sizeof *at);
    size_t n = 0;
    bool done = value == SYMBOL_EMPTY;
    for (size_t i = 0; at && i < labels.n; i++) {
        struct label l = labels.at[i];
        if (l.name == name)
            continue;
        if (!done && str_compare(symbols_text(symbols, name), symbols_text(symbols, l.name)) < 0) {
            at[n++] = (struct label){name, value};
            done = true;
        }
        at[n++] = l;
    }
    if (at && !done)
        at[n++] = (struct label){name, value};
    return (struct labels){at, n, labels.loses_name};
}

char *labels_describe(const struct symbols *symbols, struct labels labels, char *out, size_t size)
{
    char quoted[320];
    size_t n = 0;
    symbol name = labels_get(labels, SYMBOL_NAME);
    if (name != SYMBOL_EMPTY) {
        struct str text = symbols_text(symbols, name);
        quote_clipped(quoted, sizeof quoted, text);
        /* a plain name loses its quotes */
        size_t length = strlen(quoted);
        n += (size_t)snprintf(out, size, "%.*s", (int)length - 2, quoted + 1);
    }
    n += (size_t)snprintf(out + n, n < size ? size - n : 0, "{");
    bool is_first = true;
    for (size_t i = 0; i < labels.n && n < size; i++) {
        if (labels.at[i].name == SYMBOL_NAME)
            continue;
        char key[320];
        quote_clipped(key, sizeof key, symbols_text(symbols, labels.at[i].name));
        quote_clipped(quoted, sizeof quoted, symbols_text(symbols, labels.at[i].value));
        size_t length = strlen(key) - 2 + strlen(quoted) + 3;
        if (n + length + sizeof ", ...}" > size) {
            n += (size_t)snprintf(out + n, size - n, "%s...", is_first ? "" : ", ");
            break;
        }
        n += (size_t)snprintf(out + n, size - n, "%s%.*s=%s", is_first ? "" : ", ",
                              (int)strlen(key) - 2, key + 1, quoted);
        is_first = false;
    }
    if (n < size)
        snprintf(out + n, size - n, "}");
    return out;
}
