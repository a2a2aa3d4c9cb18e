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
    uint64_t
        *present[2]; /* [words] steps at which a side has the key; only where the other is filled */
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
    struct fill fill;  /* for what it lacks */
};

struct join {
    struct stage stage;
    struct groups keys;
    struct side side[2]; /* 0 many (left), 1 one (right); swapped by group_right */
    struct {
        ARRAY(struct match);
    } matches;
    struct unique unique;
    struct unique matched; /* of a filter with group_left(x): pairs before it, for their labels */
    struct row stand_in;   /* a fill value, present where it stands in for a series */
    symbol *include;       /* [ninclude] of group_left, group_right */
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

static bool is_filled(const struct join *join)
{
    return join->side[0].fill.is_given || join->side[1].fill.is_given;
}

/* Steps at which the one side is looked at: those where the many side has anything, all where an
 * empty side is filled. */
static uint64_t steps_looked_at(const struct join *join, size_t word)
{
    return is_filled(join) ? UINT64_MAX : join->side[0].present[word];
}

/* Has the one side a key twice at any step where both sides have anything? seen [words] is scratch:
 * so pods that come and go cost one pass, not one for each two of them. */
static bool has_duplicates(const struct join *join, const struct match *match, uint64_t *seen)
{
    const struct side *one = &join->side[1];
    size_t words = row_words(join->stage.node->grid->n);
    memset(seen, 0, words * sizeof *seen);
    for (size_t a = match->first[1]; a != SIZE_MAX; a = one->next.at[a]) {
        const uint64_t *present = one->rows.at[a].row.present;
        for (size_t w = 0; w < words; w++) {
            if (seen[w] & present[w] & steps_looked_at(join, w))
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
    const struct side *one = &join->side[1];
    const struct match *match = &join->matches.at[key];
    if (!has_duplicates(join, match, seen))
        return AMPQL_OK;
    for (size_t a = match->first[1]; a != SIZE_MAX; a = one->next.at[a])
        for (size_t b = one->next.at[a]; b != SIZE_MAX; b = one->next.at[b]) {
            TRY(stage_polls(&join->stage, row_words(join->stage.node->grid->n)));
            for (size_t w = 0; w < row_words(join->stage.node->grid->n); w++) {
                const struct kept *ka = &one->rows.at[a], *kb = &one->rows.at[b];
                if (ka->row.present[w] & kb->row.present[w] & steps_looked_at(join, w))
                    return fail_duplicates(join, key, ka->labels, kb->labels);
            }
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

/* one or many may be the stand-in for a series that is not there. */
static enum ampql_code make_pair(struct join *join, struct match *match, const struct row *many,
                                 const struct row *one, struct row *out)
{
    struct stage *stage = &join->stage;
    const struct ast_binary *ast = &stage->node->ast->u.binary;
    bool is_prom2 = stage->eval->dialect == AMPQL_PROM2;
    if (!is_prom2) { /* 3.x counts pairs that a filter drops, too */
        for (size_t w = 0; w < row_words(out->n); w++)
            out->present[w] = many->present[w] & one->present[w];
        TRY(check_one_to_one(join, match, out));
    }
    const struct row *lhs = join->is_swapped ? one : many, *rhs = join->is_swapped ? many : one;
    enum { PART = 1 << 16 };
    for (size_t from = 0; from < out->n; from += PART) {
        size_t n = out->n - from < PART ? out->n - from : PART;
        struct row a = row_part(lhs, from, n), b = row_part(rhs, from, n),
                   c = row_part(out, from, n);
        TRY(stage_polls(stage, n));
        arithmetic_rows(ast->op, ast->returns_bool, &a, &b, &c);
    }
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
    if (join->stage.node->may_collide || loses_metadata(join) || is_filled(join))
        return false;
    for (size_t key = 0; key < join->matches.n; key++) {
        const struct match *match = &join->matches.at[key];
        if (match->count[1] > 1 ||
            (match->count[0] > 1 && match->count[1] && (ast->card == ONE_TO_ONE || join->ninclude)))
            return false;
    }
    return true;
}

static enum ampql_code fail_grouping(struct stage *stage)
{
    return fail(stage_err(stage), AMPQL_EXECUTION,
                "multiple matches for labels: grouping labels must ensure unique matches");
}

static enum ampql_code add_pair(struct join *join, struct labels labels, const struct row *row)
{
    struct stage *stage = &join->stage;
    if (!labels.at)
        return fail_nomem(stage_err(stage), "a series' labels");
    if (row_is_empty(row))
        return AMPQL_OK;
    bool is_grouped = stage->node->ast->u.binary.card != ONE_TO_ONE;
    enum unique_rule rule = is_grouped ? UNIQUE_STEPS : stage_step_rule(stage);
    enum ampql_code code = unique_add(&join->unique, stage, labels, row, rule);
    return code == AMPQL_EXECUTION && is_grouped ? fail_grouping(stage) : code;
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
    TRY(make_pair(join, match, &many->row, &one->row, &many->row));
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

/* A group_left(x) must give each pair labels of its own, in 3.x also those that the filter then
 * drops. */
static enum ampql_code check_before_filter(struct join *join, struct labels labels,
                                           const struct row *many, const struct row *one,
                                           struct row *pair)
{
    struct stage *stage = &join->stage;
    const struct ast_binary *ast = &stage->node->ast->u.binary;
    bool is_filter = op_info[ast->op].kind == OP_KIND_COMPARISON && !ast->returns_bool;
    if (!is_filter || join->ninclude == 0 || stage->eval->dialect == AMPQL_PROM2 || !labels.at)
        return AMPQL_OK;
    for (size_t w = 0; w < row_words(pair->n); w++)
        pair->present[w] = many->present[w] & one->present[w];
    enum ampql_code code = unique_add(&join->matched, stage, labels, pair, UNIQUE_STEPS);
    return code == AMPQL_EXECUTION ? fail_grouping(stage) : code;
}

/* A pair of rows, either of which may be the stand-in. */
static enum ampql_code add_rows(struct join *join, struct match *match, struct labels many_labels,
                                const struct row *many, struct labels one_labels,
                                const struct row *one, struct row *pair)
{
    struct labels labels = result_labels(join, many_labels, one_labels);
    TRY(check_before_filter(join, labels, many, one, pair));
    TRY(make_pair(join, match, many, one, pair));
    return add_pair(join, labels, pair);
}

static enum ampql_code emit_pairs(struct join *join, struct match *match, struct kept *many,
                                  struct row *pair)
{
    const struct side *one = &join->side[1];
    for (size_t k = match->first[1]; k != SIZE_MAX; k = one->next.at[k]) {
        const struct kept *partner = &one->rows.at[k];
        TRY(stage_polls(&join->stage, row_words(many->row.n)));
        if (rows_meet(&many->row, &partner->row))
            TRY(add_rows(join, match, many->labels, &many->row, partner->labels, &partner->row,
                         pair));
    }
    return AMPQL_OK;
}

/* Note the steps at which a side has each key. */
static enum ampql_code note_presence(struct join *join, size_t which)
{
    struct stage *stage = &join->stage;
    const struct side *side = &join->side[which];
    size_t words = row_words(stage->node->grid->n);
    for (size_t i = 0; i < side->rows.n; i++) {
        struct match *match = &join->matches.at[side->key.at[i]];
        if (!match->present[which])
            match->present[which] = arena_zeroed(&stage->eval->work, words, sizeof(uint64_t));
        if (!match->present[which])
            return fail_nomem(stage_err(stage), "a match");
        for (size_t w = 0; w < words; w++)
            match->present[which][w] |= side->rows.at[i].row.present[w];
    }
    return AMPQL_OK;
}

/* Pair a series with the fill value of the other side, where that side lacks its key. What stands
 * in has the labels of the key. */
static enum ampql_code emit_filled(struct join *join, size_t key, const struct kept *kept,
                                   size_t which, struct row *pair)
{
    struct match *match = &join->matches.at[key];
    struct row *stand_in = &join->stand_in;
    const uint64_t *other = match->present[1 - which];
    struct labels labels = join->keys.keys.at[key];
    for (size_t w = 0; w < row_words(stand_in->n); w++)
        stand_in->present[w] = kept->row.present[w] & ~(other ? other[w] : 0);
    if (row_is_empty(stand_in))
        return AMPQL_OK;
    for (size_t i = 0; i < stand_in->n; i++)
        stand_in->v[i] = join->side[1 - which].fill.value;
    return which == 0 ? add_rows(join, match, kept->labels, &kept->row, labels, stand_in, pair)
                      : add_rows(join, match, labels, stand_in, kept->labels, &kept->row, pair);
}

static enum ampql_code emit_all(struct join *join)
{
    struct stage *stage = &join->stage;
    struct row pair = {0};
    struct side *many = &join->side[0], *one = &join->side[1];
    TRY(eval_take(stage->eval, stage->node->grid->n, &pair, stage_err(stage)));
    if (is_filled(join)) {
        TRY(note_presence(join, 0));
        TRY(note_presence(join, 1));
        TRY(eval_take(stage->eval, pair.n, &join->stand_in, stage_err(stage)));
    }
    for (size_t i = 0; i < many->rows.n; i++) {
        size_t key = many->key.at[i];
        struct kept *kept = &many->rows.at[i];
        TRY(emit_pairs(join, &join->matches.at[key], kept, &pair));
        if (one->fill.is_given)
            TRY(emit_filled(join, key, kept, 0, &pair));
        eval_give(stage->eval, &kept->row);
        arena_reset(&stage->eval->temp);
    }
    for (size_t i = 0; many->fill.is_given && i < one->rows.n; i++) {
        TRY(emit_filled(join, one->key.at[i], &one->rows.at[i], 1, &pair));
        arena_reset(&stage->eval->temp);
    }
    eval_give(stage->eval, &pair);
    eval_give(stage->eval, &join->stand_in);
    return AMPQL_OK;
}

static enum ampql_code emit_all_in_place(struct join *join)
{
    struct side *many = &join->side[0];
    for (size_t i = 0; i < many->rows.n; i++) {
        TRY(emit_in_place(join, &join->matches.at[many->key.at[i]], &many->rows.at[i]));
        arena_reset(&join->stage.eval->temp);
    }
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
                             .keys = join->keys.keys.at,
                             .fills_many = side[0].fill.is_given,
                             .fills_one = side[1].fill.is_given,
                             .is_swapped = join->is_swapped,
                             .result = result_of});
}

static enum ampql_code combine(struct join *join, bool is_unique)
{
    struct stage *stage = &join->stage;
    uint64_t *seen = arena_alloc(&stage->eval->work, row_words(stage->node->grid->n), sizeof *seen);
    if (!seen)
        return fail_nomem(stage_err(stage), "a match");
    for (size_t key = 0; key < join->matches.n; key++) {
        if (join->matches.at[key].count[1] < 2)
            continue;
        TRY(stage_polls(stage, join->matches.at[key].count[1] * row_words(stage->node->grid->n)));
        TRY(check_one_side(join, key, seen));
    }

    return is_unique ? emit_all_in_place(join) : emit_all(join);
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
    eval_give_all(stage->eval, &join->side[1].rows);
    eval_give_all(stage->eval, &join->matched.rows);
    return unique_emit(&join->unique, stage);
}

static void release(struct stage *stage)
{
    struct join *join = (struct join *)stage;
    groups_done(&join->keys);
    unique_done(&join->unique);
    unique_done(&join->matched);
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
    unique_init(&join->matched, eval);
    if (groups_init(&join->keys, eval, ast->matching, !ast->is_on, &query->err) != AMPQL_OK)
        return NULL;
    join->is_swapped = ast->card == ONE_TO_MANY;
    join->side[0].fill = join->is_swapped ? ast->fill_right : ast->fill_left;
    join->side[1].fill = join->is_swapped ? ast->fill_left : ast->fill_right;
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
