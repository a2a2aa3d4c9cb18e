/* Selectors, matchers, label lists and the strings in them. */
#include "lang/parse.h"

#include "base/quote.h"
#include "base/utf8.h"

/* ---- strings */

static int hex_value(char c)
{
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* The escape at text[i], i behind the backslash; the lexer has checked it. Writes its bytes to out,
 * moves i past it. */
static size_t unescape(struct str text, size_t *i, char *out)
{
    static const char letters[] = "abfnrtv", meanings[] = "\a\b\f\n\r\t\v";
    char c = text.p[(*i)++];
    const char *letter = strchr(letters, c);
    if (letter) {
        out[0] = meanings[letter - letters];
        return 1;
    }
    size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    uint32_t value = 0;
    if (c >= '0' && c <= '7') {
        (*i)--;
        for (int n = 0; n < 3; n++)
            value = value << 3 | (uint32_t)(text.p[(*i)++] - '0');
    } else if (digits) {
        for (size_t n = 0; n < digits; n++)
            value = value << 4 | (uint32_t)hex_value(text.p[(*i)++]);
        if (c != 'x')
            return utf8_encode(value, out);
    } else {
        value = (unsigned char)c; /* a quote or a backslash */
    }
    out[0] = (char)value;
    return 1;
}

enum ampql_code parser_unquote(struct parser *p, struct str text, struct str *out)
{
    bool is_raw = text.p[0] == '`';
    struct str inside = str_make(text.p + 1, text.n - 2);
    if (is_raw || inside.n == 0 || !memchr(inside.p, '\\', inside.n))
        return parser_copy(p, inside, out);
    char *to = arena_alloc(p->arena, inside.n, 1); /* an escape is never shorter than its bytes */
    if (!to)
        return fail_nomem(p->err, "a string");
    size_t n = 0;
    for (size_t i = 0; i < inside.n;) {
        char c = inside.p[i++];
        if (c == '\\')
            n += unescape(inside, &i, to + n);
        else
            to[n++] = c;
    }
    *out = str_make(to, n);
    return AMPQL_OK;
}

/* ---- label lists */

struct name_list {
    ARRAY(struct str);
};

/* label := identifier | keyword | string (3.x) */
static enum ampql_code parse_label(struct parser *p, struct name_list *names)
{
    struct token token = p->token;
    bool is_string = token.kind == TOKEN_STRING && !p->is_prom2;
    bool is_refused = token.kind == TOKEN_METRIC_IDENTIFIER && p->is_prom2;
    struct str name;
    if (is_refused || (!is_string && !token.names_label))
        return fail_unexpected(p, (struct expected){"grouping opts", "label"});
    parser_take(p);
    if (is_string)
        TRY(parser_unquote(p, token.text, &name));
    else
        TRY(parser_copy(p, token.text, &name));
    bool has_colon = token.kind == TOKEN_METRIC_IDENTIFIER; /* accepted as ever, but not here */
    if (name.n == 0 || !str_is_utf8(name) || (has_colon && p->lexer.has_wide_names)) {
        char quoted[TOKEN_TEXT_MAX];
        return fail_at(p->err, AMPQL_PARSE, token.span.start, token.span.end,
                       "invalid label name for grouping: %s",
                       quote_text(quoted, sizeof quoted, name));
    }
    return array_push(names, p->arena, name) ? AMPQL_OK : fail_nomem(p->err, "label names");
}

enum ampql_code parse_labels(struct parser *p, struct names *out)
{
    struct name_list names = {0};
    TRY(parser_peek(p));
    if (!token_is(p, TOKEN_LEFT_PAREN))
        return fail_unexpected(p, (struct expected){"grouping opts", "\"(\""});
    parser_take(p);
    TRY(parser_peek(p));
    while (!token_is(p, TOKEN_RIGHT_PAREN)) {
        TRY(parse_label(p, &names));
        TRY(parser_peek(p));
        if (token_is(p, TOKEN_RIGHT_PAREN))
            break;
        if (!token_is(p, TOKEN_COMMA))
            return fail_unexpected(p, (struct expected){"grouping opts", "\",\" or \")\""});
        parser_take(p);
        TRY(parser_peek(p));
    }
    parser_take(p);
    *out = (struct names){names.at, names.n, p->lexer.has_wide_names};
    return AMPQL_OK;
}

/* ---- matchers */

struct matcher_list {
    ARRAY(struct matcher);
};

/* The operator of a matcher; false when the token is none. */
static bool match_op_of(const struct parser *p, enum match_op *out)
{
    switch (p->token.kind) {
    case TOKEN_ASSIGN:
        *out = MATCH_EQUAL;
        return true;
    case TOKEN_MATCH_REGEX:
        *out = MATCH_REGEX;
        return true;
    case TOKEN_MATCH_NOT_REGEX:
        *out = MATCH_NOT_REGEX;
        return true;
    case TOKEN_OPERATOR: /* the lexer has no other in braces */
        *out = MATCH_NOT_EQUAL;
        return true;
    default:
        return false;
    }
}

/* Does the regex compile? A wrong one is a parse error, not one of the run. */
static enum ampql_code check_regex(struct parser *p, const struct matcher *matcher,
                                   struct span span)
{
    struct regex *regex;
    struct ampql_error why = {0};
    if (matcher->op != MATCH_REGEX && matcher->op != MATCH_NOT_REGEX)
        return AMPQL_OK;
    enum ampql_code code =
        regex_new(p->arena->alc, matcher->value, p->is_prom2 ? REGEX_DOT_NO_NEWLINE : REGEX_DOT_ALL,
                  &regex, &why);
    if (code != AMPQL_OK)
        return fail_at(p->err, code, span.start, span.end, "%s", why.message);
    regex_free(regex);
    return AMPQL_OK;
}

/* matcher := (identifier | string) ("="|"!="|"=~"|"!~") string | string; a string alone is the
 * metric's name. Strings as names are 3.x. */
static enum ampql_code parse_matcher(struct parser *p, struct matcher_list *out)
{
    bool is_string = token_is(p, TOKEN_STRING) && !p->is_prom2;
    struct matcher matcher = {0};
    if (!is_string && !token_is(p, TOKEN_IDENTIFIER))
        return fail_unexpected(p, (struct expected){"label matching", "identifier or \"}\""});
    struct token name = parser_take(p);
    if (is_string)
        TRY(parser_unquote(p, name.text, &matcher.name));
    else
        TRY(parser_copy(p, name.text, &matcher.name));
    TRY(parser_peek(p));
    if (match_op_of(p, &matcher.op)) {
        parser_take(p);
        TRY(parser_peek(p));
        if (!token_is(p, TOKEN_STRING))
            return fail_unexpected(p, (struct expected){"label matching", "string"});
        struct token value = parser_take(p);
        TRY(parser_unquote(p, value.text, &matcher.value));
        TRY(check_regex(p, &matcher, (struct span){name.span.start, value.span.end}));
    } else if (is_string) {
        matcher.value = matcher.name;
        matcher.name = STR("__name__");
        matcher.op = MATCH_EQUAL;
    } else {
        return fail_unexpected(p, (struct expected){"label matching", "label matching operator"});
    }
    return array_push(out, p->arena, matcher) ? AMPQL_OK : fail_nomem(p->err, "matchers");
}

/* matchers := "{" [matcher {"," matcher} [","]] "}", at the brace */
static enum ampql_code parse_matchers(struct parser *p, struct matcher_list *out)
{
    parser_take(p);
    TRY(parser_peek(p));
    while (!token_is(p, TOKEN_RIGHT_BRACE)) {
        TRY(parse_matcher(p, out));
        TRY(parser_peek(p));
        if (token_is(p, TOKEN_RIGHT_BRACE))
            break;
        if (!token_is(p, TOKEN_COMMA))
            return fail_unexpected(p, (struct expected){"label matching", "\",\" or \"}\""});
        parser_take(p);
        TRY(parser_peek(p));
    }
    parser_take(p);
    return AMPQL_OK;
}

enum ampql_code parse_vector_selector(struct parser *p, const struct token *name, struct ast **out)
{
    struct matcher_list list = {0};
    struct str name_text = {0};
    size_t start = name ? name->span.start : p->token.span.start;
    if (name) {
        TRY(parser_copy(p, name->text, &name_text));
        struct matcher by_name = {STR("__name__"), MATCH_EQUAL, name_text};
        if (!array_push(&list, p->arena, by_name))
            return fail_nomem(p->err, "matchers");
    }
    TRY(parser_peek(p));
    if (token_is(p, TOKEN_LEFT_BRACE))
        TRY(parse_matchers(p, &list));
    TRY(parser_node(p, AST_SELECTOR, (struct span){start, p->last_end}, NULL, NULL, out));
    (*out)->u.selector.name = name_text;
    (*out)->u.selector.is_wide = p->lexer.has_wide_names;
    (*out)->u.selector.matchers = (struct matchers){list.at, list.n};
    return AMPQL_OK;
}
