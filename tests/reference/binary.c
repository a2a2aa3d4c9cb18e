/* Binary operators of the reference evaluator, step by step. */
#include "reference/table.h"

#include <stdlib.h>

/* The rows of a table that have a value at one step. */
struct present {
    const struct ref_row **at; /* [n] */
    size_t *index;             /* [n] in the table */
    size_t n;
};

static struct present present_rows(struct ref_run *run, const struct ref_table *table, size_t s)
{
    struct present p = {ref_alloc(run, table->n, sizeof *p.at),
                        ref_alloc(run, table->n, sizeof *p.index), 0};
    for (size_t i = 0; i < table->n; i++) {
        if (!table->at[i].here[s])
            continue;
        p.index[p.n] = i;
        p.at[p.n++] = &table->at[i];
    }
    return p;
}

/* What two samples must have in common to match. */
static struct ref_labels match_key(struct ref_run *run, const struct ast_binary *b,
                                   struct ref_labels labels)
{
    if (b->is_on)
        return ref_keep(run, labels, &b->matching);
    const struct str names[] = {STR("__name__"), STR("__type__"), STR("__unit__")};
    return ref_drop(run, ref_drop(run, labels, &b->matching),
                    &(struct names){.at = names, .n = run->prom2 ? 1 : 3});
}

static bool has_key(struct ref_run *run, const struct ast_binary *b, const struct present *side,
                    struct ref_labels key)
{
    for (size_t i = 0; i < side->n; i++)
        if (ref_same(match_key(run, b, side->at[i]->labels), key))
            return true;
    return false;
}

/* Copies of the rows of one side, each step kept when its key is found (or not) on the other. */
static void add_set_rows(struct ref_run *run, const struct ast_binary *b, struct ref_table *out,
                         const struct ref_table *from, const struct ref_table *other, bool found)
{
    size_t first = out->n;
    for (size_t i = 0; i < from->n; i++)
        ref_row_new(run, out, from->at[i].labels);
    for (size_t s = 0; s < out->nsteps; s++) {
        struct present others = present_rows(run, other, s);
        for (size_t i = 0; i < from->n; i++) {
            const struct ref_row *row = &from->at[i];
            if (!row->here[s] || has_key(run, b, &others, match_key(run, b, row->labels)) != found)
                continue;
            out->at[first + i].here[s] = true;
            out->at[first + i].v[s] = row->v[s];
        }
    }
}

static struct ref_table *set_operator(struct ref_run *run, const struct ast_binary *b,
                                      const struct ref_table *lhs, const struct ref_table *rhs,
                                      struct ref_grid grid)
{
    struct ref_table *out = ref_table_new(run, VALUE_VECTOR, lhs->nsteps);
    struct ref_table none = {.nsteps = lhs->nsteps};
    if (b->op == OP_OR) {
        add_set_rows(run, b, out, lhs, &none, false);
        add_set_rows(run, b, out, rhs, lhs, false);
    } else {
        add_set_rows(run, b, out, lhs, rhs, b->op == OP_AND);
    }
    return ref_merge_steps(run, out, grid);
}

static void refuse_pair(struct ref_run *run, const struct ast_binary *b, struct ref_labels key,
                        const char *older, const char *newer)
{
    bool swaps = run->prom2 || strcmp(older, newer) > 0;
    ref_fail(run, AMPQL_EXECUTION,
             "found duplicate series for the match group %s on the %s hand-side of the operation: "
             "[%s, %s];many-to-many matching not allowed: matching labels must be unique on one "
             "side",
             ref_labels_text(run, key), b->card == ONE_TO_MANY ? "left" : "right",
             swaps ? newer : older, swaps ? older : newer);
}

static void refuse_duplicates(struct ref_run *run, const struct ast_binary *b,
                              const struct present *one)
{
    for (size_t i = 0; i < one->n; i++) {
        struct ref_labels key = match_key(run, b, one->at[i]->labels);
        for (size_t j = 0; j < i; j++)
            if (ref_same(key, match_key(run, b, one->at[j]->labels)))
                refuse_pair(run, b, key, ref_labels_text(run, one->at[j]->labels),
                            ref_labels_text(run, one->at[i]->labels));
    }
}

static bool drops_name(const struct ref_run *run, const struct ast_binary *b)
{
    if (b->op == OP_ATAN2 && run->prom2)
        return false;
    return op_info[b->op].kind == OP_KIND_ARITHMETIC;
}

static struct ref_labels result_labels(struct ref_run *run, const struct ast_binary *b,
                                       struct ref_labels many, struct ref_labels one)
{
    bool drops = drops_name(run, b) || (b->returns_bool && !run->delays_names);
    struct ref_labels labels = drops ? ref_remove_name(run, many) : many;
    if (b->card == ONE_TO_ONE)
        labels =
            b->is_on ? ref_keep(run, labels, &b->matching) : ref_drop(run, labels, &b->matching);
    for (size_t i = 0; i < b->include.n; i++)
        labels = ref_set(run, labels, b->include.at[i], ref_get(one, b->include.at[i]));
    labels.loses_name = b->returns_bool && run->delays_names; /* whatever it was before */
    return b->returns_bool && run->prom2 ? ref_remove_name(run, labels) : labels;
}

/* A result row a pair of rows that ever matched. */
struct pair {
    size_t many, one;
    struct ref_row row;
};

struct pairs {
    ARRAY(struct pair);
};

static struct ref_row *pair_row(struct ref_run *run, struct pairs *pairs, size_t many, size_t one,
                                struct ref_labels labels, size_t nsteps)
{
    for (size_t i = 0; i < pairs->n; i++)
        if (pairs->at[i].many == many && pairs->at[i].one == one)
            return &pairs->at[i].row;
    struct pair pair = {many, one, {labels, NULL, NULL}};
    pair.row.v = ref_alloc(run, nsteps, sizeof *pair.row.v);
    pair.row.here = ref_alloc(run, nsteps, sizeof *pair.row.here);
    if (!array_push(pairs, run->arena, pair))
        abort();
    return &pairs->at[pairs->n - 1].row;
}

/* A match of this step, which no other may repeat. */
struct match {
    struct ref_labels key, labels;
};

struct matches {
    ARRAY(struct match);
};

/* The value of a pair, false when the comparison filters it out. */
static bool combine(const struct ast_binary *b, double lhs, double rhs, double kept, double *out)
{
    *out = ref_operator(b->op, lhs, rhs);
    if (op_info[b->op].kind != OP_KIND_COMPARISON || b->returns_bool)
        return true;
    bool is_true = *out != 0;
    *out = kept;
    return is_true;
}

/* One step of vector op vector, and what has matched in it. */
struct step {
    struct ref_run *run;
    const struct ast_binary *b;
    struct pairs *pairs;
    struct matches used; /* keys of one-to-one matches; result labels of many-to-one ones */
    size_t nsteps, s;
};

/* A sample, or what is filled in for one that is not there: with its key's labels. */
struct operand {
    size_t row; /* SIZE_MAX: filled in */
    struct ref_labels labels;
    double v;
};

static bool is_used(const struct step *step, struct ref_labels key)
{
    for (size_t i = 0; i < step->used.n; i++)
        if (ref_same(step->used.at[i].key, key))
            return true;
    return false;
}

static void match_pair(struct step *step, struct ref_labels key, struct operand many,
                       struct operand one)
{
    struct ref_run *run = step->run;
    const struct ast_binary *b = step->b;
    bool is_swapped = b->card == ONE_TO_MANY;
    double lhs = is_swapped ? one.v : many.v, rhs = is_swapped ? many.v : one.v, v;
    bool is_kept = combine(b, lhs, rhs, lhs, &v);
    if (!is_kept && run->prom2)
        return;
    struct ref_labels labels = result_labels(run, b, many.labels, one.labels);
    for (size_t k = 0; k < step->used.n; k++)
        if (ref_same(step->used.at[k].key, key) &&
            (b->card == ONE_TO_ONE || ref_same(step->used.at[k].labels, labels)))
            ref_fail(run, AMPQL_EXECUTION, "multiple matches for labels: %s",
                     b->card == ONE_TO_ONE
                         ? "many-to-one matching must be explicit (group_left/group_right)"
                         : "grouping labels must ensure unique matches");
    if (!array_push(&step->used, run->arena, (struct match){key, labels}))
        abort();
    if (!is_kept)
        return;
    struct ref_row *row = pair_row(run, step->pairs, many.row, one.row, labels, step->nsteps);
    row->here[step->s] = true;
    row->v[step->s] = v;
}

static void match_step(struct ref_run *run, const struct ast_binary *b,
                       const struct ref_table *many_table, const struct ref_table *one_table,
                       size_t s, struct pairs *pairs)
{
    bool is_swapped = b->card == ONE_TO_MANY;
    struct fill fill_many = is_swapped ? b->fill_right : b->fill_left,
                fill_one = is_swapped ? b->fill_left : b->fill_right;
    struct step step = {.run = run, .b = b, .pairs = pairs, .nsteps = many_table->nsteps, .s = s};
    struct present many = present_rows(run, many_table, s), one = present_rows(run, one_table, s);
    if ((many.n == 0 || one.n == 0) && !fill_many.is_given && !fill_one.is_given)
        return;
    refuse_duplicates(run, b, &one);
    for (size_t i = 0; i < many.n; i++) {
        struct ref_labels key = match_key(run, b, many.at[i]->labels);
        struct operand m = {many.index[i], many.at[i]->labels, many.at[i]->v[s]};
        size_t j = 0;
        while (j < one.n && !ref_same(key, match_key(run, b, one.at[j]->labels)))
            j++;
        if (j < one.n)
            match_pair(&step, key, m,
                       (struct operand){one.index[j], one.at[j]->labels, one.at[j]->v[s]});
        else if (fill_one.is_given)
            match_pair(&step, key, m, (struct operand){SIZE_MAX, key, fill_one.value});
    }
    for (size_t j = 0; fill_many.is_given && j < one.n; j++) {
        struct ref_labels key = match_key(run, b, one.at[j]->labels);
        if (!is_used(&step, key))
            match_pair(&step, key, (struct operand){SIZE_MAX, key, fill_many.value},
                       (struct operand){one.index[j], one.at[j]->labels, one.at[j]->v[s]});
    }
}

static int by_pair(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    if (x->many != y->many)
        return x->many < y->many ? -1 : 1;
    return (x->one > y->one) - (x->one < y->one);
}

static struct ref_table *vector_vector(struct ref_run *run, const struct ast_binary *b,
                                       const struct ref_table *lhs, const struct ref_table *rhs,
                                       struct ref_grid grid)
{
    struct pairs pairs = {0};
    bool is_swapped = b->card == ONE_TO_MANY;
    for (size_t s = 0; s < lhs->nsteps; s++)
        match_step(run, b, is_swapped ? rhs : lhs, is_swapped ? lhs : rhs, s, &pairs);
    struct ref_table *out = ref_table_new(run, VALUE_VECTOR, lhs->nsteps);
    if (pairs.n > 1)
        qsort(pairs.at, pairs.n, sizeof *pairs.at, by_pair);
    for (size_t i = 0; i < pairs.n; i++)
        if (!array_push(out, run->arena, pairs.at[i].row))
            abort();
    return ref_merge_steps(run, out, grid);
}

static struct ref_table *vector_scalar(struct ref_run *run, const struct ast_binary *b,
                                       const struct ref_table *vector,
                                       const struct ref_table *scalar, bool is_swapped,
                                       struct ref_grid grid)
{
    struct ref_table *out = ref_table_new(run, VALUE_VECTOR, vector->nsteps);
    for (size_t i = 0; i < vector->n; i++) {
        const struct ref_row *from = &vector->at[i];
        bool drops = drops_name(run, b) || b->returns_bool;
        struct ref_row *row =
            ref_row_new(run, out, drops ? ref_drop_name(run, from->labels) : from->labels);
        for (size_t s = 0; s < out->nsteps; s++) {
            double lhs = is_swapped ? scalar->scalar[s] : from->v[s];
            double rhs = is_swapped ? from->v[s] : scalar->scalar[s];
            row->here[s] = from->here[s] && combine(b, lhs, rhs, from->v[s], &row->v[s]);
        }
    }
    return ref_merge_steps(run, out, grid);
}

struct ref_table *ref_binary(struct ref_run *run, const struct ast *ast, struct ref_grid grid)
{
    const struct ast_binary *b = &ast->u.binary;
    struct ref_table *lhs = ref_eval(run, b->lhs, grid), *rhs = ref_eval(run, b->rhs, grid);
    if (lhs->type == VALUE_SCALAR && rhs->type == VALUE_SCALAR) {
        struct ref_table *out = ref_table_new(run, VALUE_SCALAR, grid.n);
        for (size_t s = 0; s < grid.n; s++)
            out->scalar[s] = ref_operator(b->op, lhs->scalar[s], rhs->scalar[s]);
        return out;
    }
    if (rhs->type == VALUE_SCALAR)
        return vector_scalar(run, b, lhs, rhs, false, grid);
    if (lhs->type == VALUE_SCALAR)
        return vector_scalar(run, b, rhs, lhs, true, grid);
    return op_info[b->op].kind == OP_KIND_SET ? set_operator(run, b, lhs, rhs, grid)
                                              : vector_vector(run, b, lhs, rhs, grid);
}
