/* What a recording rule gives: its name and labels over those of each series. */
#include "tool/unit.h"

#include "base/index.h"
#include "series/label_set.h"

static enum ampql_code add_sample(const struct rule *rule, const struct ampql_label *labels,
                                  size_t nlabels, double v, struct arena *arena,
                                  struct unit_samples *out, struct ampql_error *err)
{
    const struct ampql_rule *view = &rule->view;
    struct ampql_label *made = arena_alloc(arena, nlabels + view->nlabels + 1, sizeof *made);
    size_t n = nlabels;
    if (!made)
        return fail_nomem(err, "a record");
    for (size_t i = 0; i < nlabels; i++)
        made[i] = labels[i];
    label_set_put(made, &n, (struct ampql_label){string_view(STR("__name__")), view->name});
    for (size_t i = 0; i < view->nlabels; i++)
        label_set_put(made, &n, view->labels[i]);
    label_set_sort(made, n);
    /* the result is gone when the sample is stored */
    struct unit_sample sample = {label_set_copy(arena, made, n), n, v};
    return sample.labels && array_push(out, arena, sample) ? AMPQL_OK : fail_nomem(err, "a record");
}

static enum ampql_code check_different(const struct unit_samples *samples,
                                       const struct ampql_allocator *alc, struct ampql_error *err)
{
    struct index index;
    enum ampql_code code = AMPQL_OK;
    index_init(&index, alc);
    for (size_t i = 0; i < samples->n && code == AMPQL_OK; i++) {
        const struct unit_sample *s = &samples->at[i];
        uint64_t hash = label_set_hash(s->labels, s->nlabels);
        size_t at;
        for (size_t k = index_first(&index, hash, &at); k != INDEX_NONE;
             k = index_next(&index, hash, &at))
            if (label_sets_compare(s->labels, s->nlabels, samples->at[k].labels,
                                   samples->at[k].nlabels) == 0)
                code = fail(err, AMPQL_EXECUTION,
                            "vector contains metrics with the same labelset after applying rule "
                            "labels");
        if (code == AMPQL_OK && !index_add(&index, hash, i))
            code = fail_nomem(err, "records");
    }
    index_done(&index);
    return code;
}

enum ampql_code record_evaluate(const struct rule *rule, uint64_t limit,
                                const struct ampql_result *result, struct arena *arena,
                                struct unit_samples *out, struct ampql_error *err)
{
    enum ampql_result_kind kind = ampql_result_kind(result);
    if (kind == AMPQL_RESULT_SCALAR) {
        TRY(add_sample(rule, NULL, 0, ampql_result_scalar(result), arena, out, err));
    } else if (kind != AMPQL_RESULT_VECTOR) {
        return fail(err, AMPQL_EXECUTION, "rule result is not a vector or scalar");
    }
    for (size_t i = 0; kind == AMPQL_RESULT_VECTOR && i < ampql_result_count(result); i++) {
        struct ampql_series s = ampql_result_series(result, i);
        TRY(add_sample(rule, s.labels, s.nlabels, s.values[0], arena, out, err));
    }
    TRY(check_different(out, arena->alc, err));
    if (limit > 0 && out->n > limit)
        return fail(err, AMPQL_EXECUTION, "exceeded limit of %llu with %zu series",
                    (unsigned long long)limit, out->n);
    return AMPQL_OK;
}
