/* Tokens of PromQL. */
#ifndef AMPQL_SRC_LANG_TOKEN_H
#define AMPQL_SRC_LANG_TOKEN_H

#include "lang/ast.h"

enum token_kind {
    TOKEN_END,
    TOKEN_IDENTIFIER,
    TOKEN_METRIC_IDENTIFIER, /* with a colon in it */
    TOKEN_NUMBER,
    TOKEN_DURATION,
    TOKEN_STRING,       /* with its quotes */
    TOKEN_OPERATOR,     /* value: enum op */
    TOKEN_AGGREGATION,  /* value: enum aggregation */
    TOKEN_KEYWORD,      /* value: enum keyword_value */
    TOKEN_PREPROCESSOR, /* value: enum keyword_value; start, end, step, range, min_of, max_of */
    TOKEN_MATCH_REGEX,  /* =~ */
    TOKEN_MATCH_NOT_REGEX,
    TOKEN_AT,
    TOKEN_TRIM, /* </ and >/, of native histograms */
    TOKEN_ASSIGN,
    TOKEN_COMMA,
    TOKEN_COLON,
    TOKEN_LEFT_PAREN,
    TOKEN_RIGHT_PAREN,
    TOKEN_LEFT_BRACE,
    TOKEN_RIGHT_BRACE,
    TOKEN_LEFT_BRACKET,
    TOKEN_RIGHT_BRACKET
};

enum keyword_value {
    KEYWORD_OFFSET,
    KEYWORD_BY,
    KEYWORD_WITHOUT,
    KEYWORD_ON,
    KEYWORD_IGNORING,
    KEYWORD_GROUP_LEFT,
    KEYWORD_GROUP_RIGHT,
    KEYWORD_BOOL,
    KEYWORD_ANCHORED,
    KEYWORD_SMOOTHED,
    KEYWORD_FILL,
    KEYWORD_FILL_LEFT,
    KEYWORD_FILL_RIGHT,
    KEYWORD_START,
    KEYWORD_END,
    KEYWORD_STEP,
    KEYWORD_RANGE,
    KEYWORD_MIN_OF,
    KEYWORD_MAX_OF
};

struct token {
    enum token_kind kind;
    uint8_t value;     /* see the kinds */
    bool names_metric; /* may stand where a metric's name is expected, */
    bool names_label;  /* where a grouping label is */
    struct span span;
    struct str text; /* as written: a view of the query text */
};

/* The token as Prometheus's messages name it: `identifier "foo"`, `<op:+>`, `"("`, `end of input`.
 * Writes to out [size], NUL-terminated; returns out. */
enum { TOKEN_TEXT_MAX = 320 };
const char *token_describe(char *out, size_t size, const struct token *token, bool is_prom2);

#endif
