/* Query results to records: the rule's name and labels over each result's own, as Prometheus's
 * recording rules set them. */
#include "rules/rules.h"

#include "base/hash.h"
#include "base/index.h"

#include <stdlib.h>

static uint64_t hash_labels(const struct ampql_label *labels, size_t n)
{
    uint64_t h = 0;
    for (size_t i = 0; i < n; i++) {
        h = (h ^ hash_bytes(labels[i].name.data, labels[i].name.size)) *
            UINT64_C(0x9e3779b97f4a7c15);
        h = (h ^ hash_bytes(labels[i].value.data, labels[i].value.size)) *
            UINT64_C(0xc2b2ae3d27d4eb4f);
    }
    return h;
}

static bool labels_same(const struct ampql_record *a, const struct ampql_record *b)
{
    if (a->nlabels != b->nlabels)
        return false;
    for (size_t i = 0; i < a->nlabels; i++)
        if (!str_equal(str_view(a->labels[i].name), str_view(b->labels[i].name)) ||
            !str_equal(str_view(a->labels[i].value), str_view(b->labels[i].value)))
            return false;
    return true;
}

/* Is there a record with these labels? Otherwise add number under them. */
static enum ampql_code find_or_add(struct index *index, const struct ampql_record *records,
                                   const struct ampql_record *key, size_t number, bool *found,
                                   struct ampql_error *err)
{
    uint64_t hash = hash_labels(key->labels, key->nlabels);
    size_t at;
    *found = true;
    for (size_t i = index_first(index, hash, &at); i != INDEX_NONE;
         i = index_next(index, hash, &at))
        if (labels_same(&records[i], key))
            return AMPQL_OK;
    *found = false;
    return index_add(index, hash, number) ? AMPQL_OK : fail_nomem(err, "records");
}

static int compare_names(const void *a, const void *b)
{
    return str_compare(str_view(((const struct ampql_label *)a)->name),
                       str_view(((const struct ampql_label *)b)->name));
}

static bool is_overridden(const struct ampql_rule *rule, struct ampql_string name)
{
    if (str_equal(str_view(name), STR("__name__")))
        return true;
    for (size_t i = 0; i < rule->nlabels; i++)
        if (str_equal(str_view(rule->labels[i].name), str_view(name)))
            return true;
    return false;
}

/* A label whose strings live in the arena. */
static bool push_copy(struct arena *arena, struct ampql_label *labels, size_t *n,
                      struct ampql_label label)
{
    struct str name = arena_copy(arena, str_view(label.name));
    struct str value = arena_copy(arena, str_view(label.value));
    if (!name.p || !value.p)
        return false;
    labels[(*n)++] = (struct ampql_label){string_view(name), string_view(value)};
    return true;
}

static enum ampql_code make_record(const struct ampql_rule *rule, const struct ampql_label *labels,
                                   size_t nlabels, double value, int64_t t_ms, struct arena *arena,
                                   struct ampql_record *out, struct ampql_error *err)
{
    struct ampql_label *made = arena_alloc(arena, nlabels + rule->nlabels + 1, sizeof *made);
    size_t n = 0;
    bool ok = made != NULL;
    if (ok)
        made[n++] = (struct ampql_label){string_view(STR("__name__")), rule->name};
    for (size_t i = 0; i < nlabels && ok; i++)
        if (!is_overridden(rule, labels[i].name))
            ok = push_copy(arena, made, &n, labels[i]);
    for (size_t i = 0; i < rule->nlabels && ok; i++)
        if (rule->labels[i].value.size)
            made[n++] = rule->labels[i];
    if (!ok)
        return fail_nomem(err, "a record");
    qsort(made, n, sizeof *made, compare_names);
    *out = (struct ampql_record){made, n, value, t_ms};
    return AMPQL_OK;
}

static enum ampql_code check_duplicates(const struct rule_outcome *out,
                                        const struct ampql_allocator *alc, struct ampql_error *err)
{
    struct index index;
    enum ampql_code code = AMPQL_OK;
    index_init(&index, alc);
    for (size_t i = 0; i < out->nrecords && code == AMPQL_OK; i++) {
        bool found;
        code = find_or_add(&index, out->records, &out->records[i], i, &found, err);
        if (code == AMPQL_OK && found)
            code = fail(err, AMPQL_EXECUTION,
                        "vector contains metrics with the same labelset after applying rule "
                        "labels");
    }
    index_done(&index);
    return code;
}

enum ampql_code records_make(const struct rule *rule, uint64_t limit,
                             const struct ampql_result *result, int64_t t_ms, struct arena *arena,
                             const struct ampql_allocator *alc, struct rule_outcome *out,
                             struct ampql_error *err)
{
    enum ampql_result_kind kind = ampql_result_kind(result);
    if (kind != AMPQL_RESULT_VECTOR && kind != AMPQL_RESULT_SCALAR)
        return fail(err, AMPQL_EXECUTION, "rule result is not a vector or scalar");
    size_t n = kind == AMPQL_RESULT_SCALAR ? 1 : ampql_result_count(result);
    struct ampql_record *records = arena_alloc(arena, n, sizeof *records);
    if (!records)
        return fail_nomem(err, "records");
    for (size_t i = 0; i < n; i++) {
        struct ampql_series series = {0};
        if (kind == AMPQL_RESULT_VECTOR)
            series = ampql_result_series(result, i);
        double value = kind == AMPQL_RESULT_VECTOR ? series.values[0] : ampql_result_scalar(result);
        TRY(make_record(&rule->view, series.labels, series.nlabels, value, t_ms, arena, &records[i],
                        err));
    }
    struct rule_outcome made = {.records = records, .nrecords = n};
    TRY(check_duplicates(&made, alc, err));
    if (limit > 0 && n > limit)
        return fail(err, AMPQL_EXECUTION, "exceeded limit of %llu with %zu series",
                    (unsigned long long)limit, n);
    out->records = records;
    out->nrecords = n;
    return AMPQL_OK;
}

enum ampql_code records_merge(const struct rule_outcome *outcomes, const size_t *rules, size_t n,
                              const struct ampql_allocator *alc, struct ampql_record *out,
                              size_t *nout, size_t *doubled, struct ampql_error *err)
{
    struct index index;
    enum ampql_code code = AMPQL_OK;
    index_init(&index, alc);
    *nout = 0;
    for (size_t r = 0; r < n && code == AMPQL_OK; r++) {
        const struct rule_outcome *outcome = &outcomes[rules[r]];
        for (size_t i = 0; i < outcome->nrecords && code == AMPQL_OK; i++) {
            bool found;
            code = find_or_add(&index, out, &outcome->records[i], *nout, &found, err);
            if (code == AMPQL_OK && !found)
                out[(*nout)++] = outcome->records[i];
            else if (found && doubled)
                doubled[rules[r]]++;
        }
    }
    index_done(&index);
    return code;
}
