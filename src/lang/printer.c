/* The tree as text. What Prometheus leaves out (zero offsets, by () without labels) is left out
 * here; what its printer would not read back the same is written so that it does. */
#include "lang/printer.h"

#include "base/letter.h"
#include "base/number.h"
#include "base/quote.h"
#include "lang/frame.h"
#include "lang/time_expr.h"
#include "series/labels.h"

#include <math.h>
#include <stdlib.h>

enum { PRETTY_COLUMNS = 100, MATCHERS_AT_ONCE = 8 };

/* ---- names and matchers */

static bool is_plain_label(struct str name)
{
    return name.n > 0 && label_name_is_valid(name, AMPQL_PROM2);
}

/* A name that needs no quotes where letters beyond ASCII and dots are allowed. */
static bool is_wide_label(struct str name)
{
    size_t width = 0;
    for (size_t at = 0; at < name.n; at += width) {
        uint32_t rune = rune_decode(name, at, &width);
        bool is_letter =
            rune < 0x80 ? is_plain_label(str_make(name.p + at, 1)) : rune_is_letter(rune);
        bool is_inner = rune == '.' || (rune >= '0' && rune <= '9');
        if (!is_letter && !(at > 0 && is_inner))
            return false;
    }
    return name.n > 0;
}

static bool is_plain_metric(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (c != ':' && !is_plain_label(str_make(&c, 1)) && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return name.n > 0;
}

static void print_name(struct buf *out, struct str name, bool is_wide)
{
    if (is_wide ? is_wide_label(name) : is_plain_label(name))
        buf_str(out, name);
    else
        print_quoted(out, name);
}

/* " (a, b)" */
static void print_names(struct buf *out, struct names names)
{
    buf_text(out, " (");
    for (size_t i = 0; i < names.n; i++) {
        if (i)
            buf_text(out, ", ");
        print_name(out, names.at[i], names.is_wide);
    }
    buf_byte(out, ')');
}

static void print_matcher(struct buf *out, const struct matcher *matcher, bool is_wide)
{
    print_name(out, matcher->name, is_wide);
    buf_text(out, match_op_text(matcher->op));
    print_quoted(out, matcher->value);
}

/* Order of two printed matchers, [from[i], from[i + 1]) of text. */
static int compare_printed(struct str text, const size_t *from, size_t a, size_t b)
{
    return str_compare(str_make(text.p + from[a], from[a + 1] - from[a]),
                       str_make(text.p + from[b], from[b + 1] - from[b]));
}

/* Heap sort: in place, no recursion, and no input makes it slow. */
static void sift(struct str text, const size_t *from, size_t *order, size_t root, size_t n)
{
    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && compare_printed(text, from, order[child], order[child + 1]) < 0)
            child++;
        if (compare_printed(text, from, order[root], order[child]) >= 0)
            return;
        size_t swap = order[root];
        order[root] = order[child];
        order[child] = swap;
    }
}

static void sort_printed(struct str text, const size_t *from, size_t *order, size_t n)
{
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = n / 2; i-- > 0;)
        sift(text, from, order, i, n);
    for (size_t last = n; last-- > 1;) {
        size_t swap = order[0];
        order[0] = order[last];
        order[last] = swap;
        sift(text, from, order, 0, last);
    }
}

/* A selector: the matcher in front of the braces is number by_name, SIZE_MAX when there is none. */
struct shown {
    struct matchers matchers;
    size_t by_name;
    bool is_wide;
};

/* The matchers in braces, sorted by their text as Prometheus sorts them. from [n + 1] and order [n]
 * are room to work in. */
static void print_sorted(struct buf *out, const struct shown *s, size_t *from, size_t *order)
{
    struct buf text;
    size_t n = 0;
    buf_init(&text, out->alc, out->max_bytes);
    for (size_t i = 0; i < s->matchers.n; i++) {
        if (i == s->by_name)
            continue;
        from[n++] = text.n;
        print_matcher(&text, &s->matchers.at[i], s->is_wide);
    }
    from[n] = text.n;
    if (text.failed != AMPQL_OK) {
        out->failed = out->failed == AMPQL_OK ? text.failed : out->failed;
        buf_done(&text);
        return;
    }
    sort_printed(buf_view(&text), from, order, n);
    buf_byte(out, '{');
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_byte(out, ',');
        buf_bytes(out, text.p + from[order[i]], from[order[i] + 1] - from[order[i]]);
    }
    buf_byte(out, '}');
    buf_done(&text);
}

/* "{...}" */
static OWN_FRAME void print_braces(struct buf *out, const struct shown *s)
{
    size_t few[2 * MATCHERS_AT_ONCE + 1];
    size_t n = s->matchers.n;
    if (n <= MATCHERS_AT_ONCE) {
        print_sorted(out, s, few, few + MATCHERS_AT_ONCE + 1);
        return;
    }
    size_t *room = alloc_get(out->alc, 2 * n + 1, sizeof *room);
    if (room)
        print_sorted(out, s, room, room + n + 1);
    else if (out->failed == AMPQL_OK)
        out->failed = AMPQL_NOMEM;
    alloc_put(out->alc, room, 2 * n + 1, sizeof *room);
}

/* name{...} */
static void print_selector(struct buf *out, const struct shown *s)
{
    if (s->by_name != SIZE_MAX)
        buf_str(out, s->matchers.at[s->by_name].value);
    if (s->by_name == SIZE_MAX || s->matchers.n > 1)
        print_braces(out, s);
}

void print_matchers(struct buf *out, struct matchers matchers)
{
    size_t by_name = SIZE_MAX, nnames = 0;
    for (size_t i = 0; i < matchers.n; i++) {
        if (!str_equal(matchers.at[i].name, STR("__name__")))
            continue;
        nnames++;
        if (matchers.at[i].op == MATCH_EQUAL && is_plain_metric(matchers.at[i].value))
            by_name = i;
    }
    const struct shown shown = {matchers, nnames == 1 ? by_name : SIZE_MAX, false};
    print_selector(out, &shown);
}

/* ---- parts of nodes */

/* The sign that makes the parser read a whole expression behind `offset`, where without parentheses
 * it would stop at the first operand: `offset ++1 ^ 2`, `offset +-1 ^ 2`. */
static const char *offset_signs(const struct ast_time_expr *e)
{
    bool is_minus = e->kind == TIME_UNARY_MINUS && !e->is_paren;
    if (is_minus)
        e = e->lhs;
    if (e->kind != TIME_BINARY || e->is_paren)
        return "";
    while (e->kind == TIME_BINARY && !e->is_paren)
        e = e->lhs;
    return is_minus ? "+" : e->is_paren ? "" : "++";
}

static OWN_FRAME void print_at(struct buf *out, struct at at)
{
    switch (at.kind) {
    case AT_NONE:
        break;
    case AT_TIME:
        buf_format(out, " @ %s%lld.%03lld", at.ms < 0 ? "-" : "", llabs((long long)at.ms) / 1000,
                   llabs((long long)at.ms) % 1000);
        break;
    case AT_START:
        buf_text(out, " @ start()");
        break;
    case AT_END:
        buf_text(out, " @ end()");
        break;
    }
}

static void print_offset(struct buf *out, const struct ast_duration *offset)
{
    if (offset->ms != 0 || offset->expr) {
        buf_text(out, " offset ");
        if (offset->expr)
            buf_text(out, offset_signs(offset->expr));
        print_duration(out, offset);
    }
}

static void print_extension(struct buf *out, enum extension extension)
{
    if (extension != EXTENSION_NONE)
        buf_text(out, extension == EXTENSION_ANCHORED ? " anchored" : " smoothed");
}

/* "[1d:5m] offset 1h" */
static void print_subquery_suffix(struct buf *out, const struct ast_subquery *s)
{
    buf_byte(out, '[');
    print_duration(out, &s->range);
    buf_byte(out, ':');
    if (s->has_step)
        print_duration(out, &s->step);
    buf_byte(out, ']');
    print_at(out, s->at);
    print_offset(out, &s->offset);
}

static void print_vector(struct buf *out, const struct ast_selector *s)
{
    const struct shown shown = {s->matchers, s->name.n ? 0 : SIZE_MAX, s->is_wide};
    print_selector(out, &shown);
    if (s->has_range) {
        buf_byte(out, '[');
        print_duration(out, &s->range);
        buf_byte(out, ']');
        print_extension(out, s->extension);
        print_at(out, s->at);
    } else { /* in Prometheus's order */
        print_at(out, s->at);
        print_extension(out, s->extension);
    }
    print_offset(out, &s->offset);
}

/* has_plus: write infinity as Prometheus does. The left side of ^ must do without: the sign would
 * take the whole power. */
static OWN_FRAME void print_number(struct buf *out, const struct ast *ast, bool has_plus)
{
    char text[NUMBER_MAX];
    double value = ast->u.number.value;
    if (ast->u.number.is_duration) {
        print_seconds(out, value);
    } else if (isinf(value) && value > 0 && !has_plus) {
        buf_text(out, "Inf");
    } else {
        size_t n = number_format_fixed(value, text);
        buf_bytes(out, text, n);
    }
}

/* "sum by (pod) (" without the parenthesis */
static void print_aggregate_head(struct buf *out, const struct ast_aggregate *a)
{
    buf_text(out, aggregation_info[a->op].text);
    if (a->has_grouping) {
        buf_text(out, a->is_without ? " without" : " by");
        print_names(out, a->grouping);
        buf_byte(out, ' ');
    }
}

static OWN_FRAME void print_fill(struct buf *out, const char *word, struct fill fill)
{
    char text[NUMBER_MAX];
    if (!fill.is_given)
        return;
    buf_text(out, word);
    buf_bytes(out, text, number_format_general(fill.value, text));
    buf_byte(out, ')');
}

static void print_fills(struct buf *out, const struct ast_binary *b)
{
    struct fill left = b->fill_left, right = b->fill_right;
    bool is_same = left.is_given && right.is_given && left.value == right.value &&
                   !signbit(left.value) == !signbit(right.value);
    print_fill(out, is_same ? " fill (" : " fill_left (", left);
    if (!is_same)
        print_fill(out, " fill_right (", right);
}

/* "== bool on (a) group_left (b) fill (0)" */
static void print_operator(struct buf *out, const struct ast_binary *b)
{
    buf_text(out, op_info[b->op].text);
    if (b->returns_bool)
        buf_text(out, " bool");
    if (b->has_matching) {
        buf_text(out, b->is_on ? " on" : " ignoring");
        print_names(out, b->matching);
    }
    if (b->card == MANY_TO_ONE || b->card == ONE_TO_MANY) {
        buf_text(out, b->card == MANY_TO_ONE ? " group_left" : " group_right");
        print_names(out, b->include);
    }
    print_fills(out, b);
}

/* The left side of a chain's first operator. */
static void print_lhs(struct buf *out, const struct ast_binary *b)
{
    if (b->lhs->kind == AST_NUMBER)
        print_number(out, b->lhs, b->op != OP_POW);
    else
        print_expr(out, b->lhs);
}

/* " + b" */
static void print_right(struct buf *out, const struct ast *op)
{
    buf_byte(out, ' ');
    print_operator(out, &op->u.binary);
    buf_byte(out, ' ');
    print_expr(out, op->u.binary.rhs);
}

static void print_chain(struct buf *out, const struct ast *ast)
{
    const struct ast *first = ast->u.binary.first;
    print_lhs(out, &first->u.binary);
    for (const struct ast *op = first; op; op = ast_next(op, ast))
        print_right(out, op);
}

/* ---- one line */

void print_expr(struct buf *out, const struct ast *ast)
{
    switch (ast->kind) {
    case AST_NUMBER:
        print_number(out, ast, true);
        break;
    case AST_STRING:
        print_quoted(out, ast->u.string);
        break;
    case AST_SELECTOR:
        print_vector(out, &ast->u.selector);
        break;
    case AST_SUBQUERY:
        print_expr(out, ast->u.subquery.expr);
        print_subquery_suffix(out, &ast->u.subquery);
        break;
    case AST_CALL:
        buf_text(out, ast->u.call.function->name);
        buf_byte(out, '(');
        for (size_t i = 0; i < ast->u.call.nargs; i++) {
            if (i)
                buf_text(out, ", ");
            print_expr(out, ast->u.call.args[i]);
        }
        buf_byte(out, ')');
        break;
    case AST_AGGREGATE:
        print_aggregate_head(out, &ast->u.aggregate);
        buf_byte(out, '(');
        if (ast->u.aggregate.param) {
            print_expr(out, ast->u.aggregate.param);
            buf_text(out, ", ");
        }
        print_expr(out, ast->u.aggregate.expr);
        buf_byte(out, ')');
        break;
    case AST_BINARY:
        print_chain(out, ast);
        break;
    case AST_UNARY:
        buf_byte(out, ast->u.unary.is_minus ? '-' : '+');
        print_expr(out, ast->u.unary.expr);
        break;
    case AST_PAREN:
        buf_byte(out, '(');
        print_expr(out, ast->u.paren);
        buf_byte(out, ')');
        break;
    }
}

/* ---- several lines */

static void print_pretty(struct buf *out, const struct ast *ast, size_t level, bool is_indented);

static void indent(struct buf *out, size_t level)
{
    for (size_t i = 0; i < level; i++)
        buf_text(out, "  ");
}

/* A list of arguments, each on lines of its own. */
static void print_pretty_args(struct buf *out, struct ast *const *args, size_t n, size_t level)
{
    buf_text(out, "(\n");
    for (size_t i = 0; i < n; i++) {
        print_pretty(out, args[i], level + 1, true);
        buf_text(out, i + 1 < n ? ",\n" : "\n");
    }
    indent(out, level);
    buf_byte(out, ')');
}

static void print_pretty_aggregate(struct buf *out, const struct ast_aggregate *a, size_t level)
{
    struct ast *args[2] = {a->param, a->expr};
    print_aggregate_head(out, a);
    print_pretty_args(out, a->param ? args : args + 1, a->param ? 2 : 1, level);
}

/* How many of a chain's operators stand on one line with all that is left of them, where each
 * further one is printed a level less deep: n operators at `level`. SIZE_MAX: not even the first
 * operand does. */
static size_t count_short(struct buf *out, const struct ast *ast, size_t level, size_t n)
{
    const struct ast *op = ast->u.binary.first;
    size_t before = out->n, fits = SIZE_MAX;
    print_lhs(out, &op->u.binary);
    for (size_t done = 0; out->n - before + 2 * (level + n - done) <= PRETTY_COLUMNS; done++) {
        fits = done;
        if (done == n || out->failed != AMPQL_OK)
            break;
        print_right(out, op);
        op = op->u.binary.next;
    }
    if (out->failed == AMPQL_OK)
        out->n = before;
    return fits;
}

/* Operands a level deeper than the operator between them. */
static void print_pretty_chain(struct buf *out, const struct ast *ast, size_t level,
                               bool is_indented)
{
    const struct ast *op = ast->u.binary.first;
    size_t n = 0;
    for (; op; op = ast_next(op, ast))
        n++;
    op = ast->u.binary.first;
    size_t fits = count_short(out, ast, level, n);
    if (fits == SIZE_MAX && op->u.binary.lhs->kind != AST_NUMBER) {
        print_pretty(out, op->u.binary.lhs, level + n, is_indented);
        fits = 0;
    } else {
        fits = fits == SIZE_MAX ? 0 : fits;
        indent(out, is_indented ? level + n - fits : 0);
        print_lhs(out, &op->u.binary);
        for (size_t i = 0; i < fits; i++, op = op->u.binary.next)
            print_right(out, op);
    }
    for (; op && out->failed == AMPQL_OK; op = ast_next(op, ast)) {
        size_t deep = level + n - ++fits;
        buf_byte(out, '\n');
        indent(out, deep);
        print_operator(out, &op->u.binary);
        buf_byte(out, '\n');
        print_pretty(out, op->u.binary.rhs, deep + 1, true);
    }
}

/* On one line if that fits; what was written is taken back if not. */
static bool print_if_short(struct buf *out, const struct ast *ast, size_t level)
{
    size_t before = out->n;
    print_expr(out, ast);
    if (out->n - before + 2 * level <= PRETTY_COLUMNS || out->failed != AMPQL_OK)
        return true;
    out->n = before;
    return false;
}

/* is_indented: the node begins its line. */
static void print_pretty(struct buf *out, const struct ast *ast, size_t level, bool is_indented)
{
    size_t before = out->n;
    if (is_indented)
        indent(out, level);
    if (print_if_short(out, ast, level))
        return;
    switch (ast->kind) {
    case AST_NUMBER:
    case AST_STRING:
    case AST_SELECTOR:
        print_expr(out, ast);
        break;
    case AST_SUBQUERY:
        print_pretty(out, ast->u.subquery.expr, level, false);
        print_subquery_suffix(out, &ast->u.subquery);
        break;
    case AST_CALL:
        buf_text(out, ast->u.call.function->name);
        print_pretty_args(out, ast->u.call.args, ast->u.call.nargs, level);
        break;
    case AST_AGGREGATE:
        print_pretty_aggregate(out, &ast->u.aggregate, level);
        break;
    case AST_BINARY:
        out->n = before;
        print_pretty_chain(out, ast, level, is_indented);
        break;
    case AST_UNARY:
        buf_byte(out, ast->u.unary.is_minus ? '-' : '+');
        print_pretty(out, ast->u.unary.expr, level, false);
        break;
    case AST_PAREN:
        print_pretty_args(out, &ast->u.paren, 1, level);
        break;
    }
}

void print_expr_pretty(struct buf *out, const struct ast *ast)
{
    print_pretty(out, ast, 0, true);
}
