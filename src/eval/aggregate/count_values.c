/* count_values: how many series of a group have each value, which becomes a label. */
#include "eval/aggregate.h"
#include "eval/stage.h"

#include "base/hash.h"
#include "base/number.h"
#include "base/quote.h"

/* The output series of a value in a group. Two of them can be one series, when the label replaces
 * one that made the groups differ. */
struct counted {
    size_t group;
    symbol value;
    size_t series; /* in counts.out */
};

struct counts {
    const struct gathered *gathered;
    struct eval *eval;
    struct ampql_error *err;
    symbol label; /* SYMBOL_NONE: `without` drops it again */
    struct {
        ARRAY(struct counted);
    } counted;
    struct kept_list out;
    struct index by_value, by_labels;
};

static uint64_t hash_of(size_t group, symbol value)
{
    const uint64_t key[2] = {group, value};
    return hash_bytes(key, sizeof key);
}

/* The number of the series with those labels, new or known; SIZE_MAX when memory is out. */
static enum ampql_code series_of(struct counts *c, struct labels labels, size_t *out)
{
    struct kept kept = {.labels = labels};
    uint64_t hash = labels_hash(labels);
    size_t at = 0;
    for (*out = index_first(&c->by_labels, hash, &at); *out != INDEX_NONE;
         *out = index_next(&c->by_labels, hash, &at))
        if (labels_equal(c->out.at[*out].labels, labels))
            return AMPQL_OK;
    *out = c->out.n;
    TRY(stage_polls(c->gathered->stage, c->gathered->grid->n));
    TRY(eval_fits(c->eval, c->out.n, c->err));
    TRY(eval_take(c->eval, c->gathered->grid->n, &kept.row, c->err));
    memset(kept.row.v, 0, kept.row.n * sizeof *kept.row.v);
    return array_push(&c->out, &c->eval->work, kept) && index_add(&c->by_labels, hash, *out)
               ? AMPQL_OK
               : fail_nomem(c->err, "a group");
}

/* The output series of a value in a group. */
static enum ampql_code find(struct counts *c, size_t group, double v, size_t *out)
{
    char text[NUMBER_MAX];
    size_t at = 0, length = number_format_fixed(v, text);
    struct counted counted = {group, symbols_intern(c->eval->symbols, str_make(text, length)), 0};
    if (counted.value == SYMBOL_NONE)
        return fail_nomem(c->err, "a label's value");
    uint64_t hash = hash_of(group, counted.value);
    for (size_t i = index_first(&c->by_value, hash, &at); i != INDEX_NONE;
         i = index_next(&c->by_value, hash, &at)) {
        if (c->counted.at[i].group != group || c->counted.at[i].value != counted.value)
            continue;
        *out = c->counted.at[i].series;
        return AMPQL_OK;
    }
    struct labels labels = c->gathered->groups[group];
    if (c->label != SYMBOL_NONE)
        labels = labels_set(&c->eval->work, c->eval->symbols, labels, c->label, counted.value);
    if (!labels.at)
        return fail_nomem(c->err, "a group's labels");
    labels.loses_name = false; /* a name in it is one that was counted, as Prometheus has it */
    TRY(series_of(c, labels, &counted.series));
    *out = counted.series;
    return array_push(&c->counted, &c->eval->work, counted) &&
                   index_add(&c->by_value, hash, c->counted.n - 1)
               ? AMPQL_OK
               : fail_nomem(c->err, "a group");
}

static enum ampql_code count_row(struct counts *c, const struct row *row, size_t group)
{
    size_t series = SIZE_MAX;
    uint64_t bits = 0; /* of the value that it is for */
    for (size_t i = 0; i < row->n; i++) {
        if (!row_has(row, i))
            continue;
        TRY(stage_polls(c->gathered->stage, 1));
        if (series == SIZE_MAX || bits_of(row->v[i]) != bits)
            TRY(find(c, group, row->v[i], &series));
        bits = bits_of(row->v[i]);
        struct row *count = &c->out.at[series].row;
        count->v[i]++;
        row_mark(count, i);
    }
    return AMPQL_OK;
}

static bool is_dropped(const struct ast_aggregate *ast, struct str label)
{
    bool is_listed = str_equal(label, STR("__name__"));
    for (size_t i = 0; i < ast->grouping.n; i++)
        is_listed |= str_equal(ast->grouping.at[i], label);
    return ast->is_without && is_listed;
}

static enum ampql_code count_all(struct counts *c)
{
    const struct kept_list *rows = c->gathered->rows;
    for (size_t i = 0; i < rows->n; i++)
        TRY(count_row(c, &rows->at[i].row, c->gathered->group[i]));
    for (size_t i = 0; i < c->out.n; i++)
        TRY(stage_emit(c->gathered->stage, c->out.at[i].labels, &c->out.at[i].row));
    return AMPQL_OK;
}

static enum ampql_code check(const struct ast_aggregate *ast, enum ampql_dialect dialect,
                             struct ampql_error *err)
{
    struct str label = ast_unwrap(ast->param)->u.string;
    char quoted[320];
    return label_name_is_valid(label, dialect) ? AMPQL_OK
                                               : fail(err, AMPQL_EXECUTION, "invalid label name %s",
                                                      quote_text(quoted, sizeof quoted, label));
}

static enum ampql_code count_values(struct gathered *gathered, struct ampql_error *err)
{
    const struct ast_aggregate *ast = &gathered->ast->u.aggregate;
    struct str label = ast_unwrap(ast->param)->u.string;
    struct counts c = {
        .gathered = gathered, .eval = gathered->stage->eval, .err = err, .label = SYMBOL_NONE};
    if (!is_dropped(ast, label)) {
        c.label = symbols_intern(c.eval->symbols, label);
        if (c.label == SYMBOL_NONE)
            return fail_nomem(err, "a label's name");
    }
    index_init(&c.by_value, c.eval->alc);
    index_init(&c.by_labels, c.eval->alc);
    enum ampql_code code = count_all(&c);
    index_done(&c.by_value);
    index_done(&c.by_labels);
    return code;
}

const struct aggregate aggregate_count_values = {
    .op = AGGREGATION_COUNT_VALUES, .whole = count_values, .check = check};
