/* Why a join fails: Prometheus takes step after step, and at each first looks for two series of the
 * one side with the same key, then makes pair after pair. Which failure it names depends on that,
 * so a join that fails is gone through once more, in that order. */
#include "eval/join_error.h"

/* What has been met at a step. */
struct met {
    size_t *one;  /* [nkeys] number of the one side's series + 1; 0: none */
    bool *paired; /* [nkeys] a pair was made, one-to-one */
};

static bool has(const uint64_t *words, size_t step)
{
    return words[step / 64] >> (step % 64) & 1;
}

/* The labels that two series of the one side have in common, as Prometheus writes them. */
static struct labels match_group(const struct join_error *join, struct labels labels)
{
    struct arena *temp = &join->stage->eval->temp;
    const struct grouping *g = join->grouping;
    return g->is_without ? labels_drop(temp, labels, g->names, g->n)
                         : labels_keep(temp, labels, g->names, g->n);
}

static enum ampql_code fail_duplicates(const struct join_error *join, struct labels a,
                                       struct labels b)
{
    struct stage *stage = join->stage;
    char text[3][LABELS_TEXT_MAX];
    struct labels labels = match_group(join, a);
    if (!labels.at)
        return fail_nomem(stage_err(stage), "a match");
    const char *group = eval_labels_text(stage->eval, labels, text[0], sizeof text[0]);
    const char *first = eval_labels_text(stage->eval, a, text[1], sizeof text[1]);
    const char *second = eval_labels_text(stage->eval, b, text[2], sizeof text[2]);
    bool is_in_order = strcmp(first, second) <= 0;
    return fail(stage_err(stage), AMPQL_EXECUTION,
                "found duplicate series for the match group %s on the %s hand-side of the "
                "operation: [%s, %s];many-to-many matching not allowed: matching labels must be "
                "unique on one side",
                group, join->is_swapped ? "left" : "right", is_in_order ? first : second,
                is_in_order ? second : first);
}

static enum ampql_code check_one_side(const struct join_error *join, size_t step, struct met *met)
{
    const struct join_side *one = &join->one;
    memset(met->one, 0, join->nkeys * sizeof *met->one);
    for (size_t i = 0; i < one->rows->n; i++) {
        size_t *seen = &met->one[one->key[i]];
        if (!has(one->present[i], step))
            continue;
        if (*seen)
            return fail_duplicates(join, one->rows->at[i].labels, one->rows->at[*seen - 1].labels);
        *seen = i + 1;
    }
    return AMPQL_OK;
}

/* The labels of the pairs of a step. */
struct pairs {
    struct labels *labels; /* [n] in the temp arena */
    size_t *key;           /* [n] */
    size_t n;
    struct index index;
    bool has_twins; /* of different keys */
};

static enum ampql_code add_labels(const struct join_error *join, struct pairs *pairs,
                                  struct labels labels, size_t key)
{
    struct stage *stage = join->stage;
    if (!labels.at)
        return fail_nomem(stage_err(stage), "a series' labels");
    uint64_t hash = labels_hash(labels);
    size_t at = 0;
    for (size_t i = index_first(&pairs->index, hash, &at); i != INDEX_NONE;
         i = index_next(&pairs->index, hash, &at)) {
        if (!labels_equal(pairs->labels[i], labels))
            continue;
        if (pairs->key[i] == key)
            return fail(stage_err(stage), AMPQL_EXECUTION,
                        "multiple matches for labels: grouping labels must ensure unique matches");
        pairs->has_twins = true;
    }
    pairs->labels[pairs->n] = labels;
    pairs->key[pairs->n] = key;
    return index_add(&pairs->index, hash, pairs->n++)
               ? AMPQL_OK
               : fail_nomem(stage_err(stage), "an index of series");
}

static enum ampql_code check_pairs(const struct join_error *join, size_t step, struct met *met,
                                   struct pairs *pairs)
{
    struct stage *stage = join->stage;
    const struct join_side *many = &join->many;
    bool is_one_to_one = stage->node->ast->u.binary.card == ONE_TO_ONE;
    memset(met->paired, 0, join->nkeys * sizeof *met->paired);
    for (size_t i = 0; i < many->rows->n; i++) {
        size_t key = many->key[i], one = met->one[key];
        if ((!one && !join->fills_one) || !has(many->present[i], step))
            continue;
        if (is_one_to_one && met->paired[key])
            return fail(stage_err(stage), AMPQL_EXECUTION,
                        "multiple matches for labels: many-to-one matching must be explicit "
                        "(group_left/group_right)");
        met->paired[key] = true;
        struct labels partner = one ? join->one.rows->at[one - 1].labels : join->keys[key];
        TRY(add_labels(join, pairs, join->result(stage, many->rows->at[i].labels, partner), key));
    }
    for (size_t i = 0; join->fills_many && i < join->one.rows->n; i++) {
        size_t key = join->one.key[i];
        if (met->paired[key] || !has(join->one.present[i], step))
            continue;
        struct labels labels = join->result(stage, join->keys[key], join->one.rows->at[i].labels);
        TRY(add_labels(join, pairs, labels, key));
    }
    return pairs->has_twins ? fail(stage_err(stage), AMPQL_EXECUTION,
                                   "vector cannot contain metrics with the same labelset")
                            : AMPQL_OK;
}

static enum ampql_code check_step(const struct join_error *join, size_t step, struct met *met)
{
    struct arena *temp = &join->stage->eval->temp;
    size_t n = join->many.rows->n + join->one.rows->n;
    arena_reset(temp);
    TRY(check_one_side(join, step, met));
    struct pairs pairs = {.labels = arena_alloc(temp, n + 1, sizeof *pairs.labels),
                          .key = arena_alloc(temp, n + 1, sizeof *pairs.key)};
    if (!pairs.labels || !pairs.key)
        return fail_nomem(stage_err(join->stage), "a match");
    index_init(&pairs.index, join->stage->eval->alc);
    enum ampql_code code = check_pairs(join, step, met, &pairs);
    index_done(&pairs.index);
    return code;
}

enum ampql_code join_explain(const struct join_error *join)
{
    struct stage *stage = join->stage;
    struct ampql_error known = *stage_err(stage);
    struct met met = {.one = arena_alloc(&stage->eval->work, join->nkeys + 1, sizeof *met.one),
                      .paired =
                          arena_alloc(&stage->eval->work, join->nkeys + 1, sizeof *met.paired)};
    if (!met.one || !met.paired)
        return fail_nomem(stage_err(stage), "a match");
    for (size_t step = 0; step < stage->node->grid->n; step++) {
        bool is_filled = join->fills_many || join->fills_one;
        if (!is_filled && (!has(join->one.any, step) || !has(join->many.any, step)))
            continue; /* nothing is checked where a side is empty */
        TRY(stage_polls(stage, 64 * (join->many.rows->n + join->one.rows->n)));
        TRY(check_step(join, step, &met));
    }
    *stage_err(stage) = known;
    return AMPQL_EXECUTION;
}
