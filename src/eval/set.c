/* and or unless: presence by key, values and labels untouched. */
#include "eval/group.h"
#include "eval/stage.h"

struct set {
    struct stage stage;
    struct groups keys;
    struct kept_list rows[2];
    struct {
        ARRAY(size_t);
    } key[2]; /* of each row */
    struct {
        ARRAY(uint64_t *);
    } present[2]; /* [keys][words] steps at which a side has the key */
    struct unique unique;
};

static enum ampql_code add_key(struct set *set)
{
    struct stage *stage = &set->stage;
    for (size_t side = 0; side < 2; side++) {
        uint64_t *words =
            arena_zeroed(&stage->eval->work, row_words(stage->node->grid->n), sizeof *words);
        if (!words || !array_push(&set->present[side], &stage->eval->work, words))
            return fail_nomem(stage_err(stage), "a match");
    }
    return AMPQL_OK;
}

/* Note that a side has a key where row is; *key is the key's number. */
static enum ampql_code note(struct set *set, size_t slot, struct labels labels,
                            const struct row *row, size_t *key)
{
    struct stage *stage = &set->stage;
    bool is_new = false;
    TRY(groups_find(&set->keys, stage->eval, labels, key, &is_new, stage_err(stage)));
    if (is_new)
        TRY(add_key(set));
    uint64_t *present = set->present[slot].at[*key];
    for (size_t w = 0; w < row_words(row->n); w++)
        present[w] |= row->present[w];
    return AMPQL_OK;
}

static bool keeps_rows(const struct set *set, size_t slot)
{
    return slot == 0 || set->stage.node->ast->u.binary.op == OP_OR;
}

static enum ampql_code remember_key(struct set *set, size_t slot, size_t key)
{
    return array_push(&set->key[slot], &set->stage.eval->work, key)
               ? AMPQL_OK
               : fail_nomem(stage_err(&set->stage), "a match");
}

static enum ampql_code push(struct stage *stage, size_t slot, struct labels labels, struct row *row)
{
    struct set *set = (struct set *)stage;
    size_t key = 0;
    TRY(note(set, slot, labels, row, &key));
    if (!keeps_rows(set, slot))
        return AMPQL_OK;
    TRY(eval_keep(stage->eval, &set->rows[slot], labels, row, stage_err(stage)));
    return remember_key(set, slot, key);
}

static enum ampql_code own(struct stage *stage, size_t slot, struct labels labels, struct row *row)
{
    struct set *set = (struct set *)stage;
    size_t key = 0;
    TRY(note(set, slot, labels, row, &key));
    if (!keeps_rows(set, slot)) {
        eval_give(stage->eval, row);
        return AMPQL_OK;
    }
    TRY(eval_keep_own(stage->eval, &set->rows[slot], labels, row, stage_err(stage)));
    return remember_key(set, slot, key);
}

/* Keep the steps of a side's series at which the other side has the key (or has not), and send them
 * up. */
static enum ampql_code emit_side(struct set *set, size_t side, bool wants_other, bool wants_all)
{
    struct stage *stage = &set->stage;
    for (size_t i = 0; i < set->rows[side].n; i++) {
        struct kept *kept = &set->rows[side].at[i];
        TRY(stage_polls(stage, kept->row.n));
        const uint64_t *other = set->present[1 - side].at[set->key[side].at[i]];
        for (size_t w = 0; w < row_words(kept->row.n) && !wants_all; w++)
            kept->row.present[w] &= wants_other ? other[w] : ~other[w];
        bool is_empty = row_is_empty(&kept->row);
        if (!is_empty && stage->node->ast->u.binary.op != OP_OR) {
            TRY(stage_emit_own(stage, kept->labels, &kept->row));
            continue;
        }
        if (!is_empty)
            TRY(unique_add(&set->unique, stage, kept->labels, &kept->row, stage_step_rule(stage)));
        eval_give(stage->eval, &kept->row);
    }
    return AMPQL_OK;
}

static enum ampql_code finish(struct stage *stage)
{
    struct set *set = (struct set *)stage;
    enum op operator= stage->node->ast->u.binary.op;
    if (operator!= OP_OR)
        return emit_side(set, 0, operator== OP_AND, false);
    TRY(emit_side(set, 0, false, true));
    TRY(emit_side(set, 1, false, false));
    return unique_emit(&set->unique, stage);
}

static void release(struct stage *stage)
{
    struct set *set = (struct set *)stage;
    groups_done(&set->keys);
    unique_done(&set->unique);
}

struct stage *stage_set(struct eval_query *query, const struct node *node)
{
    static const struct stage_kind kind = {
        .push = push, .own = own, .finish = finish, .release = release};
    const struct ast_binary *ast = &node->ast->u.binary;
    struct set *set = (struct set *)stage_new(query, &kind, node, sizeof *set);
    if (!set)
        return NULL;
    unique_init(&set->unique, query->eval);
    return groups_init(&set->keys, query->eval, ast->matching, !ast->is_on, &query->err) == AMPQL_OK
               ? &set->stage
               : NULL;
}
