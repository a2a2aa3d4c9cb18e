/* vector op vector: series are matched by their keys once a query, then values row by row.
 *
 * The "one" side is the right one, except under group_right. A key may have several series on a
 * side as long as they never meet at a step where both sides have any series: where a whole side is
 * empty nothing is checked, as in Prometheus. */
#include "eval/arithmetic.h"
#include "eval/group.h"
#include "eval/join_error.h"
#include "eval/stage.h"

/* The series of one key on each side: numbers into the kept lists, chained. */
struct match {
    size_t first[2], last[2], count[2]; /* SIZE_MAX when there is none */
    uint64_t *seen;                     /* [words] steps at which a one-to-one pair was made */
};

struct side {
    struct kept_list rows;
    struct {
        ARRAY(size_t);
    } next; /* chain of the same key */
    struct {
        ARRAY(size_t);
    } key;             /* of each row */
    uint64_t *present; /* [words] steps at which the side has any series */
};

struct join {
    struct stage stage;
    struct groups keys;
    struct side side[2]; /* 0 many (left), 1 one (right); swapped by group_right */
    struct {
        ARRAY(struct match);
    } matches;
    struct unique unique;
    symbol *include; /* [ninclude] of group_left, group_right */
    size_t ninclude;
    bool is_swapped;
};

/* Note the newest row of a side under its key. */
static enum ampql_code note(struct join *join, size_t which, size_t key)
{
    struct stage *stage = &join->stage;
    struct side *side = &join->side[which];
    const struct row *row = &side->rows.at[side->rows.n - 1].row;
    if (!array_push(&side->next, &stage->eval->work, (size_t)SIZE_MAX) ||
        !array_push(&side->key, &stage->eval->work, key))
        return fail_nomem(stage_err(stage), "a match");
    for (size_t w = 0; w < row_words(row->n); w++)
        side->present[w] |= row->present[w];
    struct match *match = &join->matches.at[key];
    size_t number = side->rows.n - 1;
    if (match->count[which]++ == 0)
        match->first[which] = number;
    else
        side->next.at[match->last[which]] = number;
    match->last[which] = number;
    return AMPQL_OK;
}

static enum ampql_code find_key(struct join *join, struct labels labels, size_t *key)
{
    struct stage *stage = &join->stage;
    bool is_new = false;
    TRY(groups_find(&join->keys, stage->eval, labels, key, &is_new, stage_err(stage)));
    const struct match none = {.first = {SIZE_MAX, SIZE_MAX}, .last = {SIZE_MAX, SIZE_MAX}};
    if (is_new && !array_push(&join->matches, &stage->eval->work, none))
        return fail_nomem(stage_err(stage), "a match");
    return AMPQL_OK;
}

static enum ampql_code push(struct stage *stage, size_t slot, struct labels labels, struct row *row)
{
    struct join *join = (struct join *)stage;
    size_t key = 0, which = join->is_swapped ? 1 - slot : slot;
    TRY(find_key(join, labels, &key));
    TRY(eval_keep(stage->eval, &join->side[which].rows, labels, row, stage_err(stage)));
    return note(join, which, key);
}

static enum ampql_code own(struct stage *stage, size_t slot, struct labels labels, struct row *row)
{
    struct join *join = (struct join *)stage;
    size_t key = 0, which = join->is_swapped ? 1 - slot : slot;
    TRY(find_key(join, labels, &key));
    TRY(eval_keep_own(stage->eval, &join->side[which].rows, labels, row, stage_err(stage)));
    return note(join, which, key);
}

/* Has the one side a key twice at any step where both sides have anything? seen [words] is scratch:
 * so pods that come and go cost one pass, not one for each two of them. */
static bool has_duplicates(const struct join *join, const struct match *match, uint64_t *seen)
{
    const struct side *one = &join->side[1], *many = &join->side[0];
    size_t words = row_words(join->stage.node->grid->n);
    memset(seen, 0, words * sizeof *seen);
    for (size_t a = match->first[1]; a != SIZE_MAX; a = one->next.at[a]) {
        const uint64_t *present = one->rows.at[a].row.present;
        for (size_t w = 0; w < words; w++) {
            if (seen[w] & present[w] & many->present[w])
                return true;
            seen[w] |= present[w];
        }
    }
    return false;
}

static enum ampql_code fail_duplicates(struct join *join, size_t key, struct labels older,
                                       struct labels newer)
{
    struct stage *stage = &join->stage;
    char text[3][LABELS_TEXT_MAX];
    const char *group =
        eval_labels_text(stage->eval, join->keys.keys.at[key], text[0], sizeof text[0]);
    const char *first = eval_labels_text(stage->eval, older, text[1], sizeof text[1]);
    const char *second = eval_labels_text(stage->eval, newer, text[2], sizeof text[2]);
    /* the newest name them in order of their text, 2.42 the newer one first */
    bool is_swapped = stage->eval->dialect == AMPQL_PROM2 || strcmp(first, second) > 0;
    return fail(stage_err(stage), AMPQL_EXECUTION,
                "found duplicate series for the match group %s on the %s hand-side of the "
                "operation: [%s, %s];many-to-many matching not allowed: matching labels must be "
                "unique on one side",
                group, join->is_swapped ? "left" : "right", is_swapped ? second : first,
                is_swapped ? first : second);
}

/* The one side must have each key once at each step where both sides have anything. */
static enum ampql_code check_one_side(struct join *join, size_t key, uint64_t *seen)
{
    const struct side *one = &join->side[1], *many = &join->side[0];
    const struct match *match = &join->matches.at[key];
    if (!has_duplicates(join, match, seen))
        return AMPQL_OK;
    for (size_t a = match->first[1]; a != SIZE_MAX; a = one->next.at[a])
        for (size_t b = one->next.at[a]; b != SIZE_MAX; b = one->next.at[b])
            for (size_t w = 0; w < row_words(join->stage.node->grid->n); w++) {
                const struct kept *ka = &one->rows.at[a], *kb = &one->rows.at[b];
                if (ka->row.present[w] & kb->row.present[w] & many->present[w])
                    return fail_duplicates(join, key, ka->labels, kb->labels);
            }
    return AMPQL_OK;
}

/* Arithmetic drops names at once, also where others delay it. */
static bool keeps_name(const struct stage *stage)
{
    const struct node *node = stage->node;
    bool is_arithmetic = op_info[node->ast->u.binary.op].kind == OP_KIND_ARITHMETIC;
    return !node->drops_name || (stage->eval->delays_names && !is_arithmetic);
}

/* Labels of a pair: the many side's, without the name where the operator drops it; one-to-one keeps
 * only the matching labels (on) or drops the ignored ones; group_x copies labels from the one side.
 */
static struct labels result_labels(struct join *join, struct labels many, struct labels one)
{
    struct stage *stage = &join->stage;
    struct arena *temp = &stage->eval->temp;
    const struct ast_binary *ast = &stage->node->ast->u.binary;
    const struct grouping *g = &join->keys.grouping;
    struct labels labels = many;
    if (ast->card == ONE_TO_ONE && ast->has_matching)
        labels = ast->is_on ? labels_keep(temp, labels, g->names, g->n)
                            : labels_drop(temp, labels, g->names, g->nlisted);
    if (labels.at && (!keeps_name(stage) || (ast->returns_bool && !stage->eval->delays_names)))
        labels = stage_without_name(stage, labels);
    for (size_t i = 0; i < join->ninclude && labels.at; i++)
        labels = labels_set(temp, stage->eval->symbols, labels, join->include[i],
                            labels_get(one, join->include[i]));
    /* Prometheus forgets here what the many side was to lose */
    labels.loses_name = ast->returns_bool && stage->eval->delays_names;
    /* in 2.42 also a name that group_left(__name__) took along */
    if (labels.at && ast->returns_bool && stage->eval->dialect == AMPQL_PROM2)
        labels = stage_without_name(stage, labels);
    return labels;
}

/* Make sure that a key's one-to-one pairs never meet. */
static enum ampql_code check_one_to_one(struct join *join, struct match *match,
                                        const struct row *pair)
{
    struct stage *stage = &join->stage;
    size_t words = row_words(pair->n);
    if (match->count[0] < 2 || stage->node->ast->u.binary.card != ONE_TO_ONE)
        return AMPQL_OK;
    if (!match->seen) {
        match->seen = arena_zeroed(&stage->eval->work, words, sizeof *match->seen);
        if (!match->seen)
            return fail_nomem(stage_err(stage), "a match");
    }
    for (size_t w = 0; w < words; w++) {
        if (match->seen[w] & pair->present[w])
            return fail(stage_err(stage), AMPQL_EXECUTION,
                        "multiple matches for labels: many-to-one matching must be explicit "
                        "(group_left/group_right)");
        match->seen[w] |= pair->present[w];
    }
    return AMPQL_OK;
}

static enum ampql_code make_pair(struct join *join, struct match *match, const struct kept *many,
                                 const struct kept *one, struct row *out)
{
    struct stage *stage = &join->stage;
    const struct ast_binary *ast = &stage->node->ast->u.binary;
    bool is_prom2 = stage->eval->dialect == AMPQL_PROM2;
    if (!is_prom2) { /* 3.x counts pairs that a filter drops, too */
        for (size_t w = 0; w < row_words(out->n); w++)
            out->present[w] = many->row.present[w] & one->row.present[w];
        TRY(check_one_to_one(join, match, out));
    }
    arithmetic_rows(ast->op, ast->returns_bool, join->is_swapped ? &one->row : &many->row,
                    join->is_swapped ? &many->row : &one->row, out);
    if (is_prom2)
        TRY(check_one_to_one(join, match, out));
    return AMPQL_OK;
}

/* Does a series of the many side have labels that go with its name, so that another may equal it?
 */
static bool loses_metadata(const struct join *join)
{
    const struct kept_list *many = &join->side[0].rows;
    if (!join->stage.node->drops_name || join->stage.eval->dialect == AMPQL_PROM2)
        return false;
    for (size_t i = 0; i < many->n; i++)
        if (labels_get(many->at[i].labels, SYMBOL_TYPE) ||
            labels_get(many->at[i].labels, SYMBOL_UNIT))
            return true;
    return false;
}

/* All results have labels of their own: no need to collect them by labels. */
static bool results_are_unique(const struct join *join)
{
    const struct ast_binary *ast = &join->stage.node->ast->u.binary;
    if (join->stage.node->may_collide || loses_metadata(join))
        return false;
    for (size_t key = 0; key < join->matches.n; key++) {
        const struct match *match = &join->matches.at[key];
        if (match->count[1] > 1 ||
            (match->count[0] > 1 && match->count[1] && (ast->card == ONE_TO_ONE || join->ninclude)))
            return false;
    }
    return true;
}

static enum ampql_code add_pair(struct join *join, struct labels labels, const struct row *row)
{
    struct stage *stage = &join->stage;
    if (!labels.at)
        return fail_nomem(stage_err(stage), "a series' labels");
    if (row_is_empty(row))
        return AMPQL_OK;
    enum ampql_code code = unique_add(&join->unique, stage, labels, row, UNIQUE_STEPS);
    if (code == AMPQL_EXECUTION && stage->node->ast->u.binary.card != ONE_TO_ONE)
        return fail(stage_err(stage), code,
                    "multiple matches for labels: grouping labels must ensure unique matches");
    return code;
}

/* A series with at most one partner, whose result no other can equal: computed in its own row. */
static enum ampql_code emit_in_place(struct join *join, struct match *match, struct kept *many)
{
    struct stage *stage = &join->stage;
    if (match->count[1] == 0) {
        eval_give(stage->eval, &many->row);
        return AMPQL_OK;
    }
    const struct kept *one = &join->side[1].rows.at[match->first[1]];
    TRY(make_pair(join, match, many, one, &many->row));
    if (row_is_empty(&many->row)) {
        eval_give(stage->eval, &many->row);
        return AMPQL_OK;
    }
    struct labels labels = result_labels(join, many->labels, one->labels);
    return labels.at ? stage_emit_own(stage, labels, &many->row)
                     : fail_nomem(stage_err(stage), "a series' labels");
}

static bool rows_meet(const struct row *a, const struct row *b)
{
    for (size_t w = 0; w < row_words(a->n); w++)
        if (a->present[w] & b->present[w])
            return true;
    return false;
}

static enum ampql_code emit_pairs(struct join *join, struct match *match, struct kept *many,
                                  struct row *pair)
{
    struct stage *stage = &join->stage;
    const struct side *one = &join->side[1];
    for (size_t k = match->first[1]; k != SIZE_MAX; k = one->next.at[k]) {
        if (!rows_meet(&many->row, &one->rows.at[k].row))
            continue;
        TRY(make_pair(join, match, many, &one->rows.at[k], pair));
        TRY(add_pair(join, result_labels(join, many->labels, one->rows.at[k].labels), pair));
    }
    eval_give(stage->eval, &many->row);
    return AMPQL_OK;
}

/* The side's presence row by row: a copy, where rows are changed in place. */
static uint64_t **presence(struct join *join, size_t which, bool is_copy)
{
    struct arena *work = &join->stage.eval->work;
    const struct kept_list *rows = &join->side[which].rows;
    size_t words = row_words(join->stage.node->grid->n);
    uint64_t **out = arena_alloc(work, rows->n + 1, sizeof *out);
    for (size_t i = 0; out && i < rows->n; i++) {
        uint64_t *present = rows->at[i].row.present;
        out[i] = is_copy ? arena_alloc(work, words, sizeof *out[i]) : present;
        if (!out[i])
            return NULL;
        if (is_copy)
            memcpy(out[i], present, words * sizeof *present);
    }
    return out;
}

static struct labels result_of(struct stage *stage, struct labels many, struct labels one)
{
    return result_labels((struct join *)stage, many, one);
}

static enum ampql_code explain(struct join *join, uint64_t **many)
{
    uint64_t **one = presence(join, 1, false);
    const struct side *side = join->side;
    if (!one)
        return fail_nomem(stage_err(&join->stage), "a match");
    return join_explain(
        &(struct join_error){.stage = &join->stage,
                             .many = {&side[0].rows, side[0].key.at, many, side[0].present},
                             .one = {&side[1].rows, side[1].key.at, one, side[1].present},
                             .grouping = &join->keys.grouping,
                             .nkeys = join->matches.n,
                             .is_swapped = join->is_swapped,
                             .result = result_of});
}

static enum ampql_code combine(struct join *join, bool is_unique)
{
    struct stage *stage = &join->stage;
    struct side *many = &join->side[0];
    uint64_t *seen = arena_alloc(&stage->eval->work, row_words(stage->node->grid->n), sizeof *seen);
    if (!seen)
        return fail_nomem(stage_err(stage), "a match");
    for (size_t key = 0; key < join->matches.n; key++)
        if (join->matches.at[key].count[1] > 1)
            TRY(check_one_side(join, key, seen));

    struct row pair = {0};
    if (!is_unique)
        TRY(eval_take(stage->eval, stage->node->grid->n, &pair, stage_err(stage)));
    for (size_t i = 0; i < many->rows.n; i++) {
        struct match *match = &join->matches.at[many->key.at[i]];
        TRY(is_unique ? emit_in_place(join, match, &many->rows.at[i])
                      : emit_pairs(join, match, &many->rows.at[i], &pair));
        arena_reset(&stage->eval->temp);
    }
    return AMPQL_OK;
}

static enum ampql_code finish(struct stage *stage)
{
    struct join *join = (struct join *)stage;
    bool is_unique = results_are_unique(join);
    uint64_t **many = NULL;
    if (!is_unique && stage->eval->dialect != AMPQL_PROM2) {
        many = presence(join, 0, true);
        if (!many)
            return fail_nomem(stage_err(stage), "a match");
    }
    enum ampql_code code = combine(join, is_unique);
    if (code == AMPQL_EXECUTION && many)
        return explain(join, many);
    TRY(code);
    return unique_emit(&join->unique, stage);
}

static void release(struct stage *stage)
{
    struct join *join = (struct join *)stage;
    groups_done(&join->keys);
    unique_done(&join->unique);
}

struct stage *stage_join(struct eval_query *query, const struct node *node)
{
    static const struct stage_kind kind = {
        .push = push, .own = own, .finish = finish, .release = release};
    struct eval *eval = query->eval;
    const struct ast_binary *ast = &node->ast->u.binary;
    struct join *join = (struct join *)stage_new(query, &kind, node, sizeof *join);
    if (!join)
        return NULL;
    unique_init(&join->unique, eval);
    if (groups_init(&join->keys, eval, ast->matching, !ast->is_on, &query->err) != AMPQL_OK)
        return NULL;
    join->is_swapped = ast->card == ONE_TO_MANY;
    join->include = arena_alloc(&eval->work, ast->include.n, sizeof *join->include);
    for (size_t i = 0; i < 2; i++)
        join->side[i].present =
            arena_zeroed(&eval->work, row_words(node->grid->n), sizeof(uint64_t));
    if (!join->include || !join->side[0].present || !join->side[1].present)
        return NULL;
    for (; join->ninclude < ast->include.n; join->ninclude++) {
        join->include[join->ninclude] =
            symbols_intern(eval->symbols, ast->include.at[join->ninclude]);
        if (join->include[join->ninclude] == SYMBOL_NONE)
            return NULL;
    }
    return &join->stage;
}
