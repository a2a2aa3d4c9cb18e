/* The syntax tree of PromQL 3.x. Lives in one arena, immutable once the type check has passed. */
#ifndef AMPQL_SRC_LANG_AST_H
#define AMPQL_SRC_LANG_AST_H

#include "lang/signature.h"
#include "series/matcher.h"

enum op_kind { OP_KIND_ARITHMETIC, OP_KIND_COMPARISON, OP_KIND_SET };

enum op {
#define OP(name, ...) OP_##name,
#include "lang/operator.def"
    OP_COUNT
};

struct op_info {
    const char *text;
    int precedence;
    bool is_right; /* associates to the right */
    enum op_kind kind;
};
extern const struct op_info op_info[OP_COUNT];

enum aggregation {
#define AGGREGATION(name, ...) AGGREGATION_##name,
#include "lang/aggregation.def"
    AGGREGATION_COUNT_ALL
};

struct aggregation_info {
    const char *text;
    enum value_type param; /* VALUE_NONE: takes no parameter */
    bool experimental;
    const char *help;
};
extern const struct aggregation_info aggregation_info[AGGREGATION_COUNT_ALL];

/* Bytes [start, end) of the query text. */
struct span {
    size_t start, end;
};

enum ast_kind {
    AST_NUMBER,
    AST_STRING,
    AST_SELECTOR, /* instant vector, or range vector when it has a range */
    AST_SUBQUERY,
    AST_CALL,
    AST_AGGREGATE,
    AST_BINARY,
    AST_UNARY,
    AST_PAREN
};

/* A duration in a range, step or offset. Most are literals; an expression over step() and range()
 * is evaluated when the query's grid is known, to seconds, truncated to ms. */
struct ast_duration {
    int64_t ms; /* when expr is NULL */
    struct ast_time_expr *expr;
};

/* Duration expressions: + - * / % ^ over literals, step(), range(), min_of(a, b), max_of(a, b). */
enum time_expr_kind {
    TIME_LITERAL,
    TIME_STEP,
    TIME_RANGE,
    TIME_UNARY_MINUS,
    TIME_BINARY,
    TIME_MIN,
    TIME_MAX
};

struct ast_time_expr {
    enum time_expr_kind kind;
    struct span span;
    double seconds; /* TIME_LITERAL */
    enum op op;     /* TIME_BINARY */
    struct ast_time_expr *lhs, *rhs;
    bool is_duration; /* TIME_LITERAL was written with a unit: the printer writes it so */
    bool is_paren;    /* was in parentheses */
};

/* The @ modifier. */
enum at_kind { AT_NONE, AT_TIME, AT_START, AT_END };

struct at {
    enum at_kind kind;
    int64_t ms; /* AT_TIME */
};

/* anchored and smoothed look further than the range, as far as the lookback goes: for the sample
 * before it, and the one behind it. */
enum extension { EXTENSION_NONE, EXTENSION_ANCHORED, EXTENSION_SMOOTHED };

struct ast_selector {
    struct str name;          /* written before the braces; empty when only in braces */
    struct matchers matchers; /* all of them, the name's `__name__="..."` first when name is set */
    bool has_range;
    struct ast_duration range;
    struct ast_duration offset; /* 0 when not given */
    struct at at;
    enum extension extension;
    bool is_wide; /* as of names */
};

struct ast_subquery {
    struct ast *expr;
    struct ast_duration range;
    bool has_step; /* otherwise the default interval */
    struct ast_duration step;
    struct ast_duration offset;
    struct at at;
};

struct ast_call {
    const struct signature *function;
    struct ast **args; /* [nargs] */
    size_t nargs;
};

/* by, without, on, ignoring, group_left, group_right: label names in the order written. */
struct names {
    const struct str *at; /* [n] */
    size_t n;
    bool is_wide; /* written where letters beyond ASCII and dots need no quotes */
};

struct ast_aggregate {
    enum aggregation op;
    struct ast *expr;
    struct ast *param; /* NULL when the operator takes none */
    bool has_grouping; /* by or without was written */
    bool is_without;
    struct names grouping;
};

/* A value in the place of series that have no match: fill, fill_left, fill_right. */
struct fill {
    bool is_given;
    double value;
};

enum cardinality { ONE_TO_ONE, MANY_TO_ONE, ONE_TO_MANY, MANY_TO_MANY };

struct ast_binary {
    enum op op;
    struct span op_span; /* the operator itself: where messages point */
    struct ast *lhs, *rhs;
    bool returns_bool;
    bool has_matching; /* on or ignoring was written */
    bool is_on;
    struct names matching;
    enum cardinality card;             /* MANY_TO_ONE: group_left; MANY_TO_MANY: set operators */
    struct names include;              /* of group_left, group_right */
    struct fill fill_left, fill_right; /* for what the side on the left, on the right lacks */

    /* A chain: `a + b - c` is two operators, each the left side of the next. It may be as long as
     * the text, so walks go along it instead of down: see ast_next. */
    struct ast *first; /* operator of the chain that ends here: its left side is no operator */
    struct ast *next;  /* the operator whose left side this is; NULL: none */
};

struct ast_unary {
    bool is_minus; /* otherwise unary plus */
    struct ast *expr;
};

struct ast {
    enum ast_kind kind;
    enum value_type type; /* set by the type check */
    bool is_invariant;    /* the same at every step of a query: set by the type check */
    uint32_t height;      /* of the tree from here down, 1 for a leaf; at most max_depth. A chain of
                             operators is one level */
    struct span span;
    union {
        struct {
            double value;
            bool is_duration; /* written as 5m: the printer writes it so */
        } number;
        struct str string; /* unquoted */
        struct ast_selector selector;
        struct ast_subquery subquery;
        struct ast_call call;
        struct ast_aggregate aggregate;
        struct ast_binary binary;
        struct ast_unary unary;
        struct ast *paren;
    } u;
};

/* The operator after `op` in the chain that ends with `last`; NULL after the last. All of them,
 * from left to right:
 *
 *   walk(last->u.binary.first->u.binary.lhs);
 *   for (op = last->u.binary.first; op; op = ast_next(op, last))
 *       walk(op->u.binary.rhs); */
static inline struct ast *ast_next(const struct ast *op, const struct ast *last)
{
    return op == last ? NULL : op->u.binary.next;
}

/* The expression without parentheses around it. */
static inline const struct ast *ast_unwrap(const struct ast *ast)
{
    while (ast->kind == AST_PAREN)
        ast = ast->u.paren;
    return ast;
}

#endif
