/* Aggregates: allocations added up by the values of fields, which name them. */
#include "cost/set.h"

#include "base/hash.h"
#include "base/index.h"
#include "base/options.h"

#include <stdlib.h>

/* ---- names */

enum { FIELD_CLUSTER, FIELD_NODE, FIELD_NAMESPACE, FIELD_POD, FIELD_CONTAINER };
static const char *const fields[AGGREGATE_FIELDS] = {"cluster", "node", "namespace", "pod",
                                                     "container"};

/* Words that OpenCost knows and this library does not yet. */
static const char *const later[] = {
    "controller", "controllerkind", "deployment", "statefulset", "daemonset", "job",     "service",
    "label:",     "annotation:",    "department", "environment", "owner",     "product", "team"};

static bool same_word(struct str text, const char *word, bool is_prefix)
{
    size_t n = strlen(word);
    if (is_prefix ? text.n < n : text.n != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = text.p[i];
        if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != word[i])
            return false;
    }
    return true;
}

static struct str trim(struct str s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = str_from(s, 1);
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

static enum ampql_code parse_word(struct str word, struct aggregate *out, struct ampql_error *err)
{
    char quoted[320];
    size_t f = 0;
    while (f < AGGREGATE_FIELDS && !same_word(word, fields[f], false))
        f++;
    quote_clipped(quoted, sizeof quoted, word);
    for (size_t i = 0; f == AGGREGATE_FIELDS && i < sizeof later / sizeof *later; i++)
        if (same_word(word, later[i], later[i][strlen(later[i]) - 1] == ':'))
            return fail(err, AMPQL_UNSUPPORTED,
                        "aggregating by %s is not supported yet, expected cluster, node, "
                        "namespace, pod, container or all",
                        quoted);
    if (f == AGGREGATE_FIELDS)
        return fail(err, AMPQL_BAD_DATA,
                    "aggregating by %s, expected cluster, node, namespace, pod, container or all",
                    quoted);
    if (out->n == AGGREGATE_MAX)
        return fail(err, AMPQL_BAD_DATA, "aggregating by more than %d words", AGGREGATE_MAX);
    out->field[out->n++] = (uint8_t)f;
    return AMPQL_OK;
}

/* aggregate := "" | "all" | field ("," field)* */
enum ampql_code aggregate_parse(struct str text, struct aggregate *out, struct ampql_error *err)
{
    *out = (struct aggregate){0};
    text = trim(text);
    if (same_word(text, "all", false))
        return AMPQL_OK;
    if (text.n == 0) {
        for (uint8_t i = 0; i < AGGREGATE_FIELDS; i++)
            out->field[out->n++] = i;
        return AMPQL_OK;
    }
    for (size_t start = 0, i = 0; i <= text.n; i++) {
        if (i < text.n && text.p[i] != ',')
            continue;
        TRY(parse_word(trim(str_make(text.p + start, i - start)), out, err));
        start = i + 1;
    }
    return AMPQL_OK;
}

static struct ampql_string field_of(const struct ampql_allocation *a, uint8_t field)
{
    switch (field) {
    case FIELD_CLUSTER:
        return a->cluster;
    case FIELD_NODE:
        return a->node;
    case FIELD_NAMESPACE:
        return a->namespace_name;
    case FIELD_POD:
        return a->pod;
    default:
        return a->container;
    }
}

/* The values of the fields, joined with "/", in the arena. */
static enum ampql_code make_name(const struct ampql_allocation *a,
                                 const struct aggregate *aggregate, struct arena *arena,
                                 struct str *out, struct ampql_error *err)
{
    size_t size = aggregate->n;
    for (size_t i = 0; i < aggregate->n; i++)
        if (__builtin_add_overflow(size, field_of(a, aggregate->field[i]).size, &size))
            return fail_nomem(err, "a name");
    char *p = arena_alloc(arena, size, 1);
    if (!p)
        return fail_nomem(err, "a name");
    *out = (struct str){p, 0};
    for (size_t i = 0; i < aggregate->n; i++) {
        struct str value = str_view(field_of(a, aggregate->field[i]));
        if (i)
            p[out->n++] = '/';
        if (value.n)
            memcpy(p + out->n, value.p, value.n);
        out->n += value.n;
    }
    return AMPQL_OK;
}

/* ---- adding up */

/* Aggregates as they grow, found by name. */
struct sums {
    struct {
        ARRAY(struct sum);
    } items;
    struct index index;
};

static size_t find_name(const struct sums *sums, struct str name, uint64_t hash)
{
    size_t at;
    for (size_t i = index_first(&sums->index, hash, &at); i != INDEX_NONE;
         i = index_next(&sums->index, hash, &at))
        if (str_equal(str_view(sums->items.at[i].a.name), name))
            return i;
    return INDEX_NONE;
}

static enum ampql_code add_item(struct sums *sums, const struct cost_set *set,
                                const struct aggregate *aggregate,
                                const struct ampql_allocation *item, struct arena *work,
                                struct arena *names, struct ampql_error *err)
{
    struct str name = aggregate->splits_idle ? str_view(item->name) : STR(NAME_IDLE);
    struct sum fresh;
    if (!allocation_is_idle(item)) /* which it is whatever the fields are */
        TRY(make_name(item, aggregate, names, &name, err));
    uint64_t hash = hash_bytes(name.p, name.n);
    size_t known = find_name(sums, name, hash);
    if (known != INDEX_NONE)
        return sum_add(&sums->items.at[known], item, work, err);
    sum_start(&fresh, item, set);
    fresh.a.name = cost_string(name);
    if (!array_push(&sums->items, work, fresh) || !index_add(&sums->index, hash, sums->items.n - 1))
        return fail_nomem(err, "aggregates");
    return AMPQL_OK;
}

static enum ampql_code end_sums(struct sums *sums, struct ampql_allocations *out,
                                struct ampql_error *err)
{
    out->items = arena_alloc(&out->arena, sums->items.n, sizeof *out->items);
    if (!out->items)
        return fail_nomem(err, "aggregates");
    for (; out->n < sums->items.n; out->n++) {
        TRY(sum_end(&sums->items.at[out->n], &out->arena, err));
        out->items[out->n] = sums->items.at[out->n].a;
    }
    if (out->n)
        qsort(out->items, out->n, sizeof *out->items, allocation_compare);
    return AMPQL_OK;
}

/* All aggregates added up; those of an empty set make one of the whole window. */
static enum ampql_code make_total(struct ampql_allocations *out, struct arena *work,
                                  struct ampql_error *err)
{
    struct ampql_allocation nothing = {.window_start_ms = out->set->start_ms,
                                       .window_end_ms = out->set->end_ms,
                                       .start_ms = out->set->start_ms,
                                       .end_ms = out->set->end_ms};
    struct sum total;
    sum_start(&total, out->n ? &out->items[0] : &nothing, out->set);
    for (size_t i = 1; i < out->n; i++)
        TRY(sum_add(&total, &out->items[i], work, err));
    TRY(sum_end(&total, &out->arena, err));
    out->total = total.a;
    out->total.name = cost_string(STR(""));
    return AMPQL_OK;
}

static enum ampql_code fold(struct ampql_allocations *out, const struct aggregate *aggregate,
                            struct arena *work, struct ampql_error *err)
{
    const struct cost_set *set = out->set;
    struct sums sums = {0};
    enum ampql_code code = AMPQL_OK;
    index_init(&sums.index, &set->alc);
    for (size_t i = 0; i < set->n && code == AMPQL_OK; i++)
        code = add_item(&sums, set, aggregate, &set->items[i], work, &out->arena, err);
    if (code == AMPQL_OK)
        code = end_sums(&sums, out, err);
    index_done(&sums.index);
    return code == AMPQL_OK ? make_total(out, work, err) : code;
}

enum ampql_code allocations_make(struct cost_set *set, const struct aggregate *aggregate,
                                 struct ampql_allocations **out, struct ampql_error *err)
{
    struct ampql_allocations *made = alloc_get(&set->alc, 1, sizeof *made);
    struct arena work;
    *out = NULL;
    if (!made)
        return fail_nomem(err, "the bill");
    *made = (struct ampql_allocations){.set = set_hold(set)};
    arena_init(&made->arena, &set->alc);
    arena_init(&work, &set->alc);
    enum ampql_code code = fold(made, aggregate, &work, err);
    arena_done(&work);
    if (code == AMPQL_OK)
        *out = made;
    else
        allocations_free(made);
    return code;
}

enum ampql_code allocations_aggregate(const struct ampql_allocations *allocations,
                                      const struct ampql_aggregate_options *options,
                                      struct ampql_allocations **out, struct ampql_error *err)
{
    struct ampql_aggregate_options all;
    struct aggregate aggregate;
    OPTIONS_READ(all, options);
    *out = NULL;
    TRY(aggregate_parse(str_of(all.aggregate ? all.aggregate : ""), &aggregate, err));
    aggregate.splits_idle = all.split_idle;
    return allocations_make(allocations->set, &aggregate, out, err);
}

void allocations_free(struct ampql_allocations *allocations)
{
    if (!allocations)
        return;
    struct cost_set *set = allocations->set;
    struct ampql_allocator alc = set->alc;
    arena_done(&allocations->arena);
    alloc_put(&alc, allocations, 1, sizeof *allocations);
    set_release(set);
}
