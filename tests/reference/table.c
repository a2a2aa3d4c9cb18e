/* Rows, tables and label sets of the reference evaluator. */
#include "reference/table.h"

#include "base/checked.h"
#include "base/error.h"
#include "base/quote.h"
#include "series/labels.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

_Noreturn void ref_fail(struct ref_run *run, enum ampql_code code, const char *format, ...)
{
    if (run->err) {
        va_list args;
        va_start(args, format);
        *run->err = (struct ampql_error){.code = code};
        vsnprintf(run->err->message, sizeof run->err->message, format, args);
        va_end(args);
    }
    longjmp(run->failed, (int)code);
}

void *ref_alloc(struct ref_run *run, size_t n, size_t size)
{
    void *p = arena_zeroed(run->arena, n ? n : 1, size);
    if (!p)
        abort();
    return p;
}

int64_t ref_minus(int64_t a, int64_t b)
{
    int64_t d;
    if (checked_sub(a, b, &d))
        return d;
    return a < b ? INT64_MIN : INT64_MAX;
}

int64_t ref_grid_time(const struct ref_grid *grid, size_t step)
{
    return grid->start + (int64_t)step * grid->step;
}

int reference_labels_compare(const struct reference_label *a, size_t na,
                             const struct reference_label *b, size_t nb)
{
    for (size_t i = 0; i < na && i < nb; i++) {
        int order = str_compare(a[i].name, b[i].name);
        if (order == 0)
            order = str_compare(a[i].value, b[i].value);
        if (order != 0)
            return order;
    }
    return (na > nb) - (na < nb);
}

struct str ref_get(struct ref_labels labels, struct str name)
{
    for (size_t i = 0; i < labels.n; i++)
        if (str_equal(labels.at[i].name, name))
            return labels.at[i].value;
    return STR("");
}

bool ref_same(struct ref_labels a, struct ref_labels b)
{
    return reference_labels_compare(a.at, a.n, b.at, b.n) == 0;
}

static bool is_listed(struct str name, const struct names *names)
{
    for (size_t i = 0; i < names->n; i++)
        if (str_equal(names->at[i], name))
            return true;
    return false;
}

static struct ref_labels filter(struct ref_run *run, struct ref_labels labels,
                                const struct names *names, bool listed)
{
    struct reference_label *at = ref_alloc(run, labels.n, sizeof *at);
    size_t n = 0;
    for (size_t i = 0; i < labels.n; i++)
        if (is_listed(labels.at[i].name, names) == listed)
            at[n++] = labels.at[i];
    return (struct ref_labels){at, n, labels.loses_name};
}

struct ref_labels ref_keep(struct ref_run *run, struct ref_labels labels, const struct names *names)
{
    return filter(run, labels, names, true);
}

struct ref_labels ref_drop(struct ref_run *run, struct ref_labels labels, const struct names *names)
{
    return filter(run, labels, names, false);
}

struct ref_labels ref_set(struct ref_run *run, struct ref_labels labels, struct str name,
                          struct str value)
{
    struct reference_label *at = ref_alloc(run, labels.n + 1, sizeof *at);
    size_t n = 0, i = 0;
    while (i < labels.n && str_compare(labels.at[i].name, name) < 0)
        at[n++] = labels.at[i++];
    if (value.n > 0)
        at[n++] = (struct reference_label){name, value};
    if (i < labels.n && str_equal(labels.at[i].name, name))
        i++;
    while (i < labels.n)
        at[n++] = labels.at[i++];
    return (struct ref_labels){at, n, labels.loses_name};
}

struct ref_labels ref_remove_name(struct ref_run *run, struct ref_labels labels)
{
    const struct str reserved[] = {STR("__name__"), STR("__type__"), STR("__unit__")};
    labels.loses_name = false;
    return ref_drop(run, labels, &(struct names){.at = reserved, .n = run->prom2 ? 1 : 3});
}

struct ref_labels ref_drop_name(struct ref_run *run, struct ref_labels labels)
{
    if (!run->delays_names)
        return ref_remove_name(run, labels);
    labels.loses_name = true;
    return labels;
}

const char *ref_labels_text(struct ref_run *run, struct ref_labels labels)
{
    struct buf text;
    buf_init(&text, &alloc_default, 1 << 24);
    buf_byte(&text, '{');
    for (size_t i = 0; i < labels.n; i++) {
        if (i)
            buf_text(&text, ", ");
        if (label_name_is_valid(labels.at[i].name, AMPQL_PROM2))
            buf_str(&text, labels.at[i].name);
        else
            print_quoted(&text, labels.at[i].name);
        buf_byte(&text, '=');
        print_quoted(&text, labels.at[i].value);
    }
    buf_byte(&text, '}');
    char *copy = ref_alloc(run, text.n + 1, 1);
    memcpy(copy, text.p, text.n);
    buf_done(&text);
    return copy;
}

bool ref_is_label_name(const struct ref_run *run, struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool is_letter = c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (run->prom2 && !is_letter && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return name.n > 0;
}

struct ref_table *ref_table_new(struct ref_run *run, enum value_type type, size_t nsteps)
{
    struct ref_table *table = ref_alloc(run, 1, sizeof *table);
    table->type = type;
    table->nsteps = nsteps;
    if (type == VALUE_SCALAR)
        table->scalar = ref_alloc(run, nsteps, sizeof *table->scalar);
    return table;
}

struct ref_row *ref_row_new(struct ref_run *run, struct ref_table *table, struct ref_labels labels)
{
    struct ref_row row = {.labels = labels};
    row.v = ref_alloc(run, table->nsteps, sizeof *row.v);
    row.here = ref_alloc(run, table->nsteps, sizeof *row.here);
    if (!array_push(table, run->arena, row))
        abort();
    return &table->at[table->n - 1];
}

static bool is_empty(const struct ref_table *table, const struct ref_row *row)
{
    for (size_t s = 0; s < table->nsteps; s++)
        if (row->here[s])
            return false;
    return true;
}

static size_t first_step(const struct ref_table *table, const struct ref_row *row)
{
    size_t s = 0;
    while (s < table->nsteps && !row->here[s])
        s++;
    return s;
}

static struct ref_row *find_row(struct ref_table *table, struct ref_labels labels)
{
    for (size_t i = 0; i < table->n; i++)
        if (ref_same(table->at[i].labels, labels))
            return &table->at[i];
    return NULL;
}

struct ref_table *ref_merge(struct ref_run *run, struct ref_table *table, bool whole)
{
    struct ref_table *out = ref_table_new(run, VALUE_VECTOR, table->nsteps);
    for (size_t i = 0; i < table->n; i++) {
        const struct ref_row *row = &table->at[i];
        if (is_empty(table, row))
            continue;
        struct ref_row *same = find_row(out, row->labels);
        if (same && whole)
            ref_fail(run, AMPQL_EXECUTION, "vector cannot contain metrics with the same labelset");
        if (!same)
            same = ref_row_new(run, out, row->labels);
        else if (first_step(table, row) < first_step(table, same))
            same->labels.loses_name = row->labels.loses_name; /* the series of its first step */
        for (size_t s = 0; s < table->nsteps; s++) {
            if (!row->here[s])
                continue;
            if (same->here[s])
                ref_fail(run, AMPQL_EXECUTION,
                         "vector cannot contain metrics with the same labelset");
            same->here[s] = true;
            same->v[s] = row->v[s];
        }
    }
    return out;
}

struct ref_table *ref_merge_steps(struct ref_run *run, struct ref_table *table,
                                  struct ref_grid grid)
{
    int64_t step = run->options.step_ms > 0 ? run->options.step_ms : 1;
    bool is_query = grid.start == run->query_start && grid.step == step;
    if (!run->delays_names || !is_query || run->query_start != run->query_end)
        return ref_merge(run, table, false);
    struct ref_table *out = ref_table_new(run, VALUE_VECTOR, table->nsteps);
    for (size_t i = 0; i < table->n; i++)
        if (!is_empty(table, &table->at[i]) && !array_push(out, run->arena, table->at[i]))
            abort();
    return out;
}
