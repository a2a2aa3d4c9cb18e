/* Duration expressions: their value and their text. The parser bounds their size. */
#include "lang/time_expr.h"

#include "base/duration.h"
#include "base/gomath.h"
#include "base/number.h"
#include "lang/frame.h"

#include <math.h>

struct grid_seconds {
    double step, range;
    struct ampql_error *err;
};

static enum ampql_code evaluate(const struct ast_time_expr *e, const struct grid_seconds *grid,
                                double *out);

static enum ampql_code evaluate_binary(const struct ast_time_expr *e,
                                       const struct grid_seconds *grid, double *out)
{
    double a = 0, b = 0;
    TRY(evaluate(e->lhs, grid, &a));
    TRY(evaluate(e->rhs, grid, &b));
    switch (e->op) {
    case OP_ADD:
        *out = a + b;
        return AMPQL_OK;
    case OP_SUB:
        *out = a - b;
        return AMPQL_OK;
    case OP_MUL:
        *out = a * b;
        return AMPQL_OK;
    case OP_DIV:
        if (b == 0)
            return fail_at(grid->err, AMPQL_EXECUTION, e->span.start, e->span.end,
                           "division by zero");
        *out = a / b;
        return AMPQL_OK;
    case OP_MOD:
        if (b == 0)
            return fail_at(grid->err, AMPQL_EXECUTION, e->span.start, e->span.end,
                           "modulo by zero");
        *out = fmod(a, b);
        return AMPQL_OK;
    default: /* the grammar has no other */
        *out = go_pow(a, b);
        return AMPQL_OK;
    }
}

static enum ampql_code evaluate(const struct ast_time_expr *e, const struct grid_seconds *grid,
                                double *out)
{
    double a = 0, b = 0;
    switch (e->kind) {
    case TIME_LITERAL:
        *out = e->seconds;
        return AMPQL_OK;
    case TIME_STEP:
        *out = grid->step;
        return AMPQL_OK;
    case TIME_RANGE:
        *out = grid->range;
        return AMPQL_OK;
    case TIME_UNARY_MINUS:
        TRY(evaluate(e->lhs, grid, &a));
        *out = -a;
        return AMPQL_OK;
    case TIME_MIN:
    case TIME_MAX:
        TRY(evaluate(e->lhs, grid, &a));
        TRY(evaluate(e->rhs, grid, &b));
        *out = isnan(a) || isnan(b) ? NAN : (e->kind == TIME_MIN) == (a < b) ? a : b;
        return AMPQL_OK;
    case TIME_BINARY:
        break;
    }
    return evaluate_binary(e, grid, out);
}

enum ampql_code duration_value(const struct ast_duration *duration, int64_t step_ms,
                               int64_t range_ms, bool may_be_negative, int64_t *out,
                               struct ampql_error *err)
{
    struct grid_seconds grid = {(double)step_ms / 1000, (double)range_ms / 1000, err};
    const struct ast_time_expr *e = duration->expr;
    double seconds = 0;
    if (!e) {
        *out = duration->ms;
        return AMPQL_OK;
    }
    TRY(evaluate(e, &grid, &seconds));
    const char *why = NULL;
    if (!isfinite(seconds))
        why = "duration is NaN or infinite";
    else if (seconds <= 0 && !may_be_negative)
        why = "duration must be greater than 0";
    else if (fabs(seconds) > 0x1p63 / 1e9) /* Prometheus counts in int64 nanoseconds */
        why = "duration is out of range";
    else if (fabs(seconds) < 0.001 && !may_be_negative) /* which it cuts to nothing */
        why = "duration must be greater than 0";
    if (why)
        return fail_at(err, AMPQL_EXECUTION, e->span.start, e->span.end, "%s", why);
    *out = (int64_t)(seconds * 1000);
    return AMPQL_OK;
}

static void print_ms(struct buf *out, bool is_negative, int64_t ms)
{
    char text[DURATION_MAX];
    if (is_negative)
        buf_byte(out, '-');
    size_t n = duration_format(is_negative ? -ms : ms, text);
    buf_bytes(out, text, n);
}

void print_seconds(struct buf *out, double seconds)
{
    print_ms(out, signbit(seconds), llround(seconds * 1000)); /* -0s stays itself */
}

static OWN_FRAME void print_literal(struct buf *out, const struct ast_time_expr *e)
{
    char text[NUMBER_MAX];
    if (e->is_duration) {
        print_seconds(out, e->seconds);
        return;
    }
    size_t n = number_format_fixed(e->seconds, text);
    buf_bytes(out, text, n);
}

static void print_time(struct buf *out, const struct ast_time_expr *e)
{
    if (e->is_paren)
        buf_byte(out, '(');
    switch (e->kind) {
    case TIME_LITERAL:
        print_literal(out, e);
        break;
    case TIME_STEP:
        buf_text(out, "step()");
        break;
    case TIME_RANGE:
        buf_text(out, "range()");
        break;
    case TIME_UNARY_MINUS:
        buf_byte(out, '-');
        print_time(out, e->lhs);
        break;
    case TIME_BINARY:
        print_time(out, e->lhs);
        buf_format(out, " %s ", op_info[e->op].text);
        print_time(out, e->rhs);
        break;
    case TIME_MIN:
    case TIME_MAX:
        buf_text(out, e->kind == TIME_MIN ? "min_of(" : "max_of(");
        print_time(out, e->lhs);
        buf_text(out, ", ");
        print_time(out, e->rhs);
        buf_byte(out, ')');
        break;
    }
    if (e->is_paren)
        buf_byte(out, ')');
}

void print_duration(struct buf *out, const struct ast_duration *duration)
{
    if (duration->expr)
        print_time(out, duration->expr);
    else
        print_ms(out, duration->ms < 0, duration->ms);
}
