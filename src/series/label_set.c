/* Label sets as strings. */
#include "series/label_set.h"

#include "base/hash.h"
#include "base/quote.h"

#include <stdlib.h>

static int by_name(const void *a, const void *b)
{
    return str_compare(str_view(((const struct ampql_label *)a)->name),
                       str_view(((const struct ampql_label *)b)->name));
}

void label_set_sort(struct ampql_label *labels, size_t n)
{
    if (n > 1)
        qsort(labels, n, sizeof *labels, by_name);
}

int label_sets_compare(const struct ampql_label *a, size_t na, const struct ampql_label *b,
                       size_t nb)
{
    for (size_t i = 0; i < na && i < nb; i++) {
        int order = str_compare(str_view(a[i].name), str_view(b[i].name));
        if (order == 0)
            order = str_compare(str_view(a[i].value), str_view(b[i].value));
        if (order != 0)
            return order;
    }
    return (na > nb) - (na < nb);
}

uint64_t label_set_hash(const struct ampql_label *labels, size_t n)
{
    uint64_t hash = n;
    for (size_t i = 0; i < n; i++) {
        hash = hash * 31 + hash_bytes(labels[i].name.data, labels[i].name.size);
        hash = hash * 31 + hash_bytes(labels[i].value.data, labels[i].value.size);
    }
    return hash;
}

struct str label_set_get(const struct ampql_label *labels, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_equal(str_view(labels[i].name), name))
            return str_view(labels[i].value);
    return STR("");
}

void label_set_put(struct ampql_label *labels, size_t *n, struct ampql_label label)
{
    size_t i = 0;
    while (i < *n && !str_equal(str_view(labels[i].name), str_view(label.name)))
        i++;
    if (label.value.size > 0) {
        *n += i == *n;
        labels[i] = label;
    } else if (i < *n) {
        labels[i] = labels[--*n];
    }
}

struct ampql_label *label_set_copy(struct arena *arena, const struct ampql_label *labels, size_t n)
{
    struct ampql_label *copy = arena_alloc(arena, n, sizeof *copy);
    for (size_t i = 0; copy && i < n; i++) {
        struct str name = arena_copy(arena, str_view(labels[i].name));
        struct str value = arena_copy(arena, str_view(labels[i].value));
        if (!name.p || !value.p)
            return NULL;
        copy[i] = (struct ampql_label){{name.p, name.n}, {value.p, value.n}};
    }
    return copy;
}

void label_set_write(struct buf *out, const struct ampql_label *labels, size_t n)
{
    const char *separator = "";
    buf_str(out, label_set_get(labels, n, STR("__name__")));
    buf_text(out, "{");
    for (size_t i = 0; i < n; i++) {
        if (str_equal(str_view(labels[i].name), STR("__name__")))
            continue;
        buf_text(out, separator);
        buf_str(out, str_view(labels[i].name));
        buf_text(out, "=");
        print_quoted(out, str_view(labels[i].value));
        separator = ", ";
    }
    buf_text(out, "}");
}
