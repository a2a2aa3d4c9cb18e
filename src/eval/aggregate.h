/* An aggregation: one row of a table with its kernel, one file each in eval/aggregate. */
#ifndef AMPQL_SRC_EVAL_AGGREGATE_H
#define AMPQL_SRC_EVAL_AGGREGATE_H

#include "eval/eval.h"
#include "eval/function.h"

enum { AGGREGATE_STATE = 4 };

struct gathered;

/* One that folds series as they come keeps `nstate` rows a group: state[0] is the result and has
 * the presence. Most groups have one series, so the first is a plain copy, and the other rows come
 * with the second. first   turn state[0], a copy of the group's first series, into what it counts
 * for; may be NULL widen   fill state[1] on for a group that has had one series; NULL when nstate
 * is 1 add     fold a further series in, in series order finish  turn state[0] into the result;
 * state[1].v is NULL when the group had one series; may be NULL One that needs all series of a
 * group together has `whole` instead. */
struct aggregate {
    enum aggregation op;
    size_t nstate;
    void (*first)(struct row *state);
    void (*widen)(struct row *state);
    void (*add)(struct row *state, const struct row *in, enum ampql_dialect dialect);
    void (*finish)(struct row *state, enum ampql_dialect dialect);
    enum ampql_code (*whole)(struct gathered *gathered, struct ampql_error *err);
    /* What is refused before operands are evaluated; may be NULL.  err  AMPQL_EXECUTION */
    enum ampql_code (*check)(const struct ast_aggregate *ast, enum ampql_dialect dialect,
                             struct ampql_error *err);
};

/* All series that came, and the group of each. */
struct gathered {
    struct stage *stage;
    const struct ast *ast;
    const struct kept_list *rows;
    const size_t *group;         /* [rows.n] */
    const struct labels *groups; /* [ngroups] */
    size_t ngroups;
    size_t *order;       /* [rows.n] row numbers, group by group, in series order */
    const size_t *start; /* [ngroups + 1]: group g has order[start[g]] up to order[start[g + 1]] */
    const struct row *param; /* the scalar parameter, NULL when there is none */
    const struct grid *grid;
    enum ampql_dialect dialect;
};

/* Row number i of the order. */
static inline struct row *gathered_row(const struct gathered *gathered, size_t i)
{
    return &gathered->rows->at[gathered->order[i]].row;
}

/* Check a parameter that says how many series to pick, at all steps.
 *   err  AMPQL_EXECUTION "Parameter value is NaN", "Scalar value 1e+30 overflows int64" */
enum ampql_code gathered_check_counts(const struct gathered *gathered, struct ampql_error *err);

/* How many series to pick at a step, 0 up to their number. */
size_t gathered_count(const struct gathered *gathered, size_t step);

/* A group is about to be looked at, at one step: may this go on?
 *   err  AMPQL_CANCELED, AMPQL_TIMEOUT */
enum ampql_code gathered_polls(const struct gathered *gathered, size_t group);

/* Emit the gathered rows that have a step left, group by group.
 *   err  what the operators above say */
enum ampql_code gathered_emit_rows(const struct gathered *gathered);

/* The same in the order of limitk and limit_ratio, which is a heap's where there is one step. */
enum ampql_code gathered_emit_heaps(const struct gathered *gathered);

/* The kernel of an aggregation, or NULL when there is none. */
const struct aggregate *aggregate_find(enum aggregation op);

/* Walk the steps of a row: FIRST(i) where the group has no value yet, NEXT(i) where it has. Whole
 * words of 64 steps that are all NEXT run as a plain loop that the compiler can vectorise. Marks
 * the steps present. */
#define AGGREGATE_STEPS(state, in, FIRST, NEXT)                                                    \
    do {                                                                                           \
        for (size_t w_ = 0; w_ < row_words((in)->n); w_++) {                                       \
            uint64_t here_ = (in)->present[w_], had_ = (state)->present[w_];                       \
            size_t base_ = w_ * 64;                                                                \
            if (here_ == 0)                                                                        \
                continue;                                                                          \
            if ((here_ & had_) == row_full_word((in)->n, w_)) {                                    \
                for (size_t i = base_; i < base_ + 64 && i < (in)->n; i++)                         \
                    NEXT(i);                                                                       \
                continue;                                                                          \
            }                                                                                      \
            for (uint64_t rest_ = here_; rest_; rest_ &= rest_ - 1) {                              \
                size_t i = base_ + (size_t)__builtin_ctzll(rest_);                                 \
                if (had_ >> (i - base_) & 1)                                                       \
                    NEXT(i);                                                                       \
                else                                                                               \
                    FIRST(i);                                                                      \
            }                                                                                      \
            (state)->present[w_] = had_ | here_;                                                   \
        }                                                                                          \
    } while (0)

#endif
