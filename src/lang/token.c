/* How messages name a token. */
#include "lang/token.h"

#include "base/quote.h"

#include <stdio.h>

/* The first ten characters, as Go's %.10q cuts. */
static struct str first_ten(struct str text)
{
    size_t at = 0, width;
    for (int i = 0; i < 10 && at < text.n; i++) {
        rune_decode(text, at, &width);
        at += width;
    }
    return str_make(text.p, at);
}

static const char *describe_value(char *out, size_t size, const char *what, struct str text,
                                  bool is_cut)
{
    char quoted[TOKEN_TEXT_MAX - 32];
    is_cut = is_cut && text.n > 10;
    quote_text(quoted, sizeof quoted, is_cut ? first_ten(text) : text);
    snprintf(out, size, "%s%s%s", what, quoted, is_cut ? "..." : "");
    return out;
}

static const char *describe_marked(char *out, size_t size, const char *mark, struct str text)
{
    snprintf(out, size, "%s%.*s>", mark, STR_ARGS(text)); /* keywords and operators: short */
    return out;
}

const char *token_describe(char *out, size_t size, const struct token *token, bool is_prom2)
{
    switch (token->kind) {
    case TOKEN_END:
        snprintf(out, size, "end of input");
        return out;
    case TOKEN_IDENTIFIER:
        return describe_value(out, size, "identifier ", token->text, false);
    case TOKEN_METRIC_IDENTIFIER:
        return describe_value(out, size, "metric identifier ", token->text, false);
    case TOKEN_NUMBER:
        return describe_value(out, size, "number ", token->text, true);
    case TOKEN_DURATION:
        return describe_value(out, size, "duration ", token->text, true);
    case TOKEN_STRING:
        return describe_value(out, size, "string ", token->text, true);
    case TOKEN_AGGREGATION:
        return describe_marked(out, size, "<aggr:", token->text);
    case TOKEN_KEYWORD:
        return describe_marked(out, size, "<", token->text);
    case TOKEN_AT: /* 2.42 has no name for it, only its number */
        return describe_marked(out, size, is_prom2 ? "\"<Item 57385>\" <op:" : "<op:", token->text);
    case TOKEN_OPERATOR:
    case TOKEN_MATCH_REGEX:
    case TOKEN_MATCH_NOT_REGEX:
    case TOKEN_TRIM:
        return describe_marked(out, size, "<op:", token->text);
    case TOKEN_PREPROCESSOR:
    case TOKEN_ASSIGN:
    case TOKEN_COMMA:
    case TOKEN_COLON:
    case TOKEN_LEFT_PAREN:
    case TOKEN_RIGHT_PAREN:
    case TOKEN_LEFT_BRACE:
    case TOKEN_RIGHT_BRACE:
    case TOKEN_LEFT_BRACKET:
    case TOKEN_RIGHT_BRACKET:
        break;
    }
    return describe_value(out, size, "", token->text, true);
}
