/* Adding allocations up by name, as OpenCost does: hours and costs add, averages are weighted by
 * minutes over the whole span, so that items side by side sum like rates. */
#include "cost/model.h"

#include <stdlib.h>

/* Go's time.Duration.Minutes: whole minutes, then the rest. */
double allocation_minutes(const struct ampql_allocation *a)
{
    int64_t ms = a->end_ms - a->start_ms;
    return (double)(ms / 60000) + (double)(ms % 60000) * 1e6 / (60 * 1e9);
}

static void keep_if_same(struct ampql_string *a, struct ampql_string b)
{
    if (!str_equal(str_view(*a), str_view(b)))
        *a = cost_string(STR(""));
}

void allocation_add(struct ampql_allocation *sum, const struct ampql_allocation *more)
{
    double minutes = allocation_minutes(sum), its_minutes = allocation_minutes(more);
#define AVERAGES(X)                                                                                \
    X(cpu_core_request_average)                                                                    \
    X(cpu_core_usage_average)                                                                      \
    X(ram_byte_request_average)                                                                    \
    X(ram_byte_usage_average)                                                                      \
    X(gpu_request_average)                                                                         \
    X(gpu_usage_average)
#define TO_MINUTES(field) sum->field = sum->field * minutes + more->field * its_minutes;
#define TO_AVERAGE(field) sum->field = minutes > 0 ? sum->field / minutes : 0;
    AVERAGES(TO_MINUTES)
    sum->start_ms = more->start_ms < sum->start_ms ? more->start_ms : sum->start_ms;
    sum->end_ms = more->end_ms > sum->end_ms ? more->end_ms : sum->end_ms;
    minutes = allocation_minutes(sum);
    AVERAGES(TO_AVERAGE)
#undef TO_AVERAGE
#undef TO_MINUTES
#undef AVERAGES

    sum->cpu_core_hours += more->cpu_core_hours;
    sum->ram_byte_hours += more->ram_byte_hours;
    sum->gpu_hours += more->gpu_hours;
    sum->cpu_cost += more->cpu_cost;
    sum->ram_cost += more->ram_cost;
    sum->gpu_cost += more->gpu_cost;

    keep_if_same(&sum->cluster, more->cluster);
    keep_if_same(&sum->node, more->node);
    keep_if_same(&sum->namespace_name, more->namespace_name);
    keep_if_same(&sum->pod, more->pod);
    keep_if_same(&sum->container, more->container);
    keep_if_same(&sum->provider_id, more->provider_id);

    sum->has_usage_max = false;
    sum->cpu_core_usage_max = sum->ram_byte_usage_max = 0;
}

static double efficiency(double usage, double request, double cost)
{
    if (request > 0)
        return usage / request;
    return usage == 0 || cost == 0 ? 0 : 1;
}

void allocation_finish(struct ampql_allocation *a)
{
    a->minutes = allocation_minutes(a);
    double hours = a->minutes / 60;
    bool ran = a->minutes > 0;
    a->cpu_cores = ran ? a->cpu_core_hours / hours : 0;
    a->ram_bytes = ran ? a->ram_byte_hours / hours : 0;
    a->gpu_count = ran ? a->gpu_hours / hours : 0;
    a->total_cost = a->cpu_cost + a->gpu_cost + a->ram_cost;

    a->cpu_efficiency =
        efficiency(a->cpu_core_usage_average, a->cpu_core_request_average, a->cpu_cost);
    a->ram_efficiency =
        efficiency(a->ram_byte_usage_average, a->ram_byte_request_average, a->ram_cost);
    bool has_gpu = a->gpu_request_average > 0 && a->gpu_usage_average > 0;
    a->gpu_efficiency = has_gpu ? a->gpu_usage_average / a->gpu_request_average : 0;
    double cost = a->cpu_cost + a->ram_cost;
    a->total_efficiency =
        cost > 0 ? (a->cpu_efficiency * a->cpu_cost + a->ram_efficiency * a->ram_cost) / cost : 0;
}

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

/* The values of fields joined with "/", in the arena. */
static enum ampql_code make_name(const struct ampql_allocation *a, const uint8_t *field, size_t n,
                                 struct arena *arena, struct str *out, struct ampql_error *err)
{
    size_t size = n;
    for (size_t i = 0; i < n; i++)
        if (__builtin_add_overflow(size, field_of(a, field[i]).size, &size))
            return fail_nomem(err, "a name");
    char *p = arena_alloc(arena, size ? size : 1, 1);
    if (!p)
        return fail_nomem(err, "a name");
    *out = (struct str){p, 0};
    for (size_t i = 0; i < n; i++) {
        struct str value = str_view(field_of(a, field[i]));
        if (i)
            p[out->n++] = '/';
        if (value.n)
            memcpy(p + out->n, value.p, value.n);
        out->n += value.n;
    }
    return AMPQL_OK;
}

/* Names may be equal where values hold a "/"; the parts then decide. */
static int compare_containers(const void *a, const void *b)
{
    const struct ampql_allocation *x = a, *y = b;
    int order = str_compare(str_view(x->name), str_view(y->name));
    for (uint8_t f = 0; f < AGGREGATE_FIELDS && order == 0; f++)
        order = str_compare(str_view(field_of(x, f)), str_view(field_of(y, f)));
    return order;
}

/* The containers under their full names, in that order: the order in which they are added up. */
static enum ampql_code sorted_containers(const struct model *model, struct arena *arena,
                                         struct ampql_allocation **out, struct ampql_error *err)
{
    static const uint8_t all[] = {FIELD_CLUSTER, FIELD_NODE, FIELD_NAMESPACE, FIELD_POD,
                                  FIELD_CONTAINER};
    size_t n = model->containers.n;
    *out = arena_alloc(arena, n, sizeof **out);
    if (!*out)
        return fail_nomem(err, "allocations");
    for (size_t i = 0; i < n; i++) {
        struct str name = {0};
        (*out)[i] = model->containers.at[i];
        TRY(make_name(&(*out)[i], all, AGGREGATE_FIELDS, arena, &name, err));
        (*out)[i].name = cost_string(name);
    }
    if (n)
        qsort(*out, n, sizeof **out, compare_containers);
    return AMPQL_OK;
}

static size_t find_name(const struct index *index, const struct ampql_allocation *sums,
                        struct str name, uint64_t hash)
{
    size_t at;
    for (size_t i = index_first(index, hash, &at); i != INDEX_NONE;
         i = index_next(index, hash, &at))
        if (str_equal(str_view(sums[i].name), name))
            return i;
    return INDEX_NONE;
}

static enum ampql_code add_by_name(struct index *index, const struct aggregate *aggregate,
                                   const struct ampql_allocation *container, struct arena *arena,
                                   struct ampql_allocation *sums, size_t *n,
                                   struct ampql_error *err)
{
    struct str name;
    TRY(make_name(container, aggregate->field, aggregate->n, arena, &name, err));
    uint64_t hash = key_hash(&name, 1);
    size_t known = find_name(index, sums, name, hash);
    if (known != INDEX_NONE) {
        allocation_add(&sums[known], container);
        return AMPQL_OK;
    }
    if (!index_add(index, hash, *n))
        return fail_nomem(err, "allocations");
    sums[*n] = *container;
    sums[(*n)++].name = cost_string(name);
    return AMPQL_OK;
}

enum ampql_code aggregate_fold(const struct model *model, const struct aggregate *aggregate,
                               struct arena *arena, struct ampql_allocation **out, size_t *nout,
                               struct ampql_error *err)
{
    struct ampql_allocation *containers;
    struct index index;
    TRY(sorted_containers(model, arena, &containers, err));
    *nout = 0;
    *out = arena_alloc(arena, model->containers.n, sizeof **out);
    if (!*out)
        return fail_nomem(err, "allocations");

    enum ampql_code code = AMPQL_OK;
    index_init(&index, model->alc);
    for (size_t i = 0; i < model->containers.n && code == AMPQL_OK; i++)
        code = add_by_name(&index, aggregate, &containers[i], arena, *out, nout, err);
    index_done(&index);
    if (code == AMPQL_OK && *nout)
        qsort(*out, *nout, sizeof **out, compare_containers);
    return code;
}
