/* Binary operators. The loops over rows are plain so that the compiler can vectorise them: values
 * of absent steps are computed too, and mean nothing. */
#include "eval/arithmetic.h"

#include "base/gomath.h"

#include <math.h>

double arithmetic(enum op op, double lhs, double rhs)
{
    switch (op) {
    case OP_ADD:
        return lhs + rhs;
    case OP_SUB:
        return lhs - rhs;
    case OP_MUL:
        return lhs * rhs;
    case OP_DIV:
        return lhs / rhs;
    case OP_MOD:
        return fmod(lhs, rhs);
    case OP_POW:
        return go_pow(lhs, rhs);
    default:
        return go_atan2(lhs, rhs);
    }
}

bool compares(enum op op, double lhs, double rhs)
{
    switch (op) {
    case OP_EQUAL:
        return lhs == rhs;
    case OP_NOT_EQUAL:
        return lhs != rhs;
    case OP_LESS:
        return lhs < rhs;
    case OP_LESS_EQUAL:
        return lhs <= rhs;
    case OP_GREATER:
        return lhs > rhs;
    default:
        return lhs >= rhs;
    }
}

#define LOOP(expression)                                                                           \
    for (size_t i = 0; i < n; i++)                                                                 \
        out[i] = (expression);                                                                     \
    break

static void arithmetic_columns(enum op op, const double *l, const double *r, double *out, size_t n)
{
    switch (op) {
    case OP_ADD:
        LOOP(l[i] + r[i]);
    case OP_SUB:
        LOOP(l[i] - r[i]);
    case OP_MUL:
        LOOP(l[i] * r[i]);
    case OP_DIV:
        LOOP(l[i] / r[i]);
    default:
        LOOP(arithmetic(op, l[i], r[i]));
    }
}

/* Clear the steps where the comparison does not hold, or turn it into 0 and 1. kept is what a
 * filter keeps. */
static void compare_columns(enum op op, bool returns_bool, const double *l, const double *r,
                            const double *kept, struct row *out)
{
    for (size_t i = 0; i < out->n; i++) {
        bool holds = compares(op, l[i], r[i]);
        if (returns_bool)
            out->v[i] = holds ? 1 : 0;
        else if (!holds)
            row_unmark(out, i);
        else
            out->v[i] = kept[i];
    }
}

void arithmetic_row_scalar(enum op op, bool returns_bool, struct row *row, const double *scalar,
                           bool scalar_is_left)
{
    const double *l = scalar_is_left ? scalar : row->v, *r = scalar_is_left ? row->v : scalar;
    if (op_info[op].kind == OP_KIND_COMPARISON)
        compare_columns(op, returns_bool, l, r, row->v, row);
    else
        arithmetic_columns(op, l, r, row->v, row->n);
}

void arithmetic_rows(enum op op, bool returns_bool, const struct row *lhs, const struct row *rhs,
                     struct row *out)
{
    for (size_t w = 0; w < row_words(out->n); w++)
        out->present[w] = lhs->present[w] & rhs->present[w];
    if (op_info[op].kind == OP_KIND_COMPARISON)
        compare_columns(op, returns_bool, lhs->v, rhs->v, lhs->v, out);
    else
        arithmetic_columns(op, lhs->v, rhs->v, out->v, out->n);
}
