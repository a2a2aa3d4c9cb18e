/* A hand-written scanner that accepts and refuses what Prometheus's does, with the same messages
 * and positions. Bytes are enough except in strings, wide names and for naming a stray character.
 */
#include "lang/lex.h"

#include "base/letter.h"
#include "base/quote.h"

enum { REPLACEMENT = 0xfffd };

enum keyword_dialects { BOTH, PROM3 };

struct keyword {
    struct str text;
    enum token_kind kind;
    uint8_t value;
    bool names_metric, names_label;
    enum keyword_dialects dialects;
};

static const struct keyword keywords[] = {
#define KEYWORD(text, kind, value, metric, label, dialects)                                        \
    {{text, sizeof text - 1}, kind, value, metric, label, dialects},
#include "lang/keyword.def"
#define AGGREGATION(name, text, param, experimental, help)                                         \
    {{text, sizeof text - 1},      TOKEN_AGGREGATION, AGGREGATION_##name, true, true,              \
     (experimental) ? PROM3 : BOTH},
#include "lang/aggregation.def"
};

/* The character before which the lexer stands, in quotes; the end of input shows as U+FFFD. */
static const char *quote_next(const struct lexer *l, char *out)
{
    size_t width;
    return quote_rune(out, l->at < l->text.n ? rune_decode(l->text, l->at, &width) : REPLACEMENT);
}

enum ampql_code lex_fail(const struct lexer *l, struct ampql_error *err, const char *text)
{
    return fail_at(err, AMPQL_PARSE, l->start, l->text.n, "%s", text);
}

/* "what: 'c'" for the character before which the lexer stands. */
static enum ampql_code lex_fail_char(const struct lexer *l, struct ampql_error *err,
                                     const char *what, const char *after)
{
    char quoted[QUOTED_RUNE_MAX];
    return fail_at(err, AMPQL_PARSE, l->start, l->text.n, "%s%s%s", what, quote_next(l, quoted),
                   after);
}

enum ampql_code lex_fail_read(const struct lexer *l, struct ampql_error *err, const char *what)
{
    char quoted[320];
    return fail_at(err, AMPQL_PARSE, l->start, l->text.n, "%s: %s", what,
                   quote_text(quoted, sizeof quoted, text_read(l)));
}

enum ampql_code lex_emit(struct lexer *l, struct token *out, enum token_kind kind)
{
    *out = (struct token){.kind = kind, .span = {l->start, l->at}, .text = text_read(l)};
    return AMPQL_OK;
}

static enum ampql_code emit_op(struct lexer *l, struct token *out, enum op op, size_t bytes)
{
    l->at += bytes;
    lex_emit(l, out, TOKEN_OPERATOR);
    out->value = (uint8_t)op;
    return AMPQL_OK;
}

static enum ampql_code emit_bytes(struct lexer *l, struct token *out, enum token_kind kind,
                                  size_t bytes)
{
    l->at += bytes;
    return lex_emit(l, out, kind);
}

/* ---- blanks and comments */

static void skip_spaces(struct lexer *l)
{
    while (is_space(peek(l, 0)))
        l->at++;
    l->start = l->at;
}

/* comment := "#" to the end of the line. Directly after "[" it is no comment in 3.x. */
static void skip_blanks(struct lexer *l)
{
    skip_spaces(l);
    while (peek(l, 0) == '#' && !l->wants_duration) {
        while (peek(l, 0) != LEX_END && peek(l, 0) != '\n' && peek(l, 0) != '\r')
            l->at++;
        skip_spaces(l);
    }
}

/* ---- words */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool equals_keyword(struct str word, struct str keyword)
{
    if (word.n != keyword.n)
        return false;
    for (size_t i = 0; i < word.n; i++)
        if (lower(word.p[i]) != keyword.p[i])
            return false;
    return true;
}

static const struct keyword *find_keyword(const struct lexer *l, struct str word)
{
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (equals_keyword(word, keywords[i].text) &&
            !(l->is_prom2 && keywords[i].dialects == PROM3))
            return &keywords[i];
    return NULL;
}

static enum ampql_code emit_keyword(struct lexer *l, struct token *out, const struct keyword *k)
{
    lex_emit(l, out, k->kind);
    out->value = k->value;
    out->names_metric = k->names_metric;
    out->names_label = k->names_label;
    return AMPQL_OK;
}

/* fill and its kin are keywords only before a parenthesis, so that metrics may have these names. */
static bool is_fill_call(const struct lexer *l)
{
    size_t ahead = 0;
    while (is_space(peek(l, ahead)))
        ahead++;
    return peek(l, ahead) == '(';
}

/* Bytes of the next character when a name may begin with it, else 0. */
static size_t name_start(const struct lexer *l)
{
    int c = peek(l, 0);
    size_t width = 1;
    if (c < 0x80 || !l->has_wide_names)
        return is_letter(c) ? 1 : 0;
    return rune_is_letter(rune_decode(l->text, l->at, &width)) ? width : 0;
}

/* The same when a name may go on with it. */
static size_t name_more(const struct lexer *l)
{
    int c = peek(l, 0);
    bool is_colon = c == ':' && !l->in_braces, is_dot = c == '.' && l->has_wide_names;
    return is_digit(c) || is_colon || is_dot ? 1 : name_start(l);
}

/* word := (letter | ":") {letter | digit | ":" | "."}; in braces without ":" and never a keyword */
static enum ampql_code lex_word(struct lexer *l, struct token *out)
{
    bool has_colon = false;
    for (size_t n; (n = name_more(l)); l->at += n)
        has_colon = has_colon || peek(l, 0) == ':';
    const struct keyword *k = l->in_braces ? NULL : find_keyword(l, text_read(l));
    bool is_fill = k && k->kind == TOKEN_KEYWORD &&
                   (k->value == KEYWORD_FILL || k->value == KEYWORD_FILL_LEFT ||
                    k->value == KEYWORD_FILL_RIGHT);
    if (is_fill && !is_fill_call(l))
        k = NULL;
    if (k)
        return emit_keyword(l, out, k);
    lex_emit(l, out, has_colon ? TOKEN_METRIC_IDENTIFIER : TOKEN_IDENTIFIER);
    out->names_metric = out->names_label = true;
    return AMPQL_OK;
}

/* step, range, min_of or max_of in brackets; false leaves the lexer where it was. */
static bool lex_duration_word(struct lexer *l, struct token *out)
{
    size_t begin = l->at;
    while (is_letter(peek(l, 0)))
        l->at++;
    const struct keyword *k = find_keyword(l, text_read(l));
    if (k && k->kind == TOKEN_PREPROCESSOR && k->value != KEYWORD_START &&
        k->value != KEYWORD_END) {
        emit_keyword(l, out, k);
        return true;
    }
    l->at = begin;
    return false;
}

/* ---- the three places */

/* Inside braces. */
static enum ampql_code lex_braces(struct lexer *l, struct token *out, struct ampql_error *err)
{
    int c = peek(l, 0), next = peek(l, 1);
    if (c == LEX_END)
        return lex_fail(l, err, "unexpected end of input inside braces");
    if (name_start(l))
        return lex_word(l, out);
    switch (c) {
    case ',':
        return emit_bytes(l, out, TOKEN_COMMA, 1);
    case '"':
    case '\'':
    case '`':
        return lex_string(l, out, err);
    case '=':
        return next == '~' ? emit_bytes(l, out, TOKEN_MATCH_REGEX, 2)
                           : emit_bytes(l, out, TOKEN_ASSIGN, 1);
    case '!':
        if (next == '~')
            return emit_bytes(l, out, TOKEN_MATCH_NOT_REGEX, 2);
        if (next == '=')
            return emit_op(l, out, OP_NOT_EQUAL, 2);
        l->at++;
        return lex_fail_char(l, err, "unexpected character after '!' inside braces: ", "");
    case '{':
        return lex_fail(l, err, "unexpected left brace '{'");
    case '}':
        l->in_braces = false;
        return emit_bytes(l, out, TOKEN_RIGHT_BRACE, 1);
    default:
        return lex_fail_char(l, err, "unexpected character inside braces: ", "");
    }
}

/* A right parenthesis. Prometheus notices a missing left one only behind it. */
static enum ampql_code lex_right_paren(struct lexer *l, struct token *out, struct ampql_error *err)
{
    emit_bytes(l, out, TOKEN_RIGHT_PAREN, 1);
    if (l->parens == 0) {
        l->start = l->at;
        return lex_fail(l, err, "unexpected right parenthesis ')'");
    }
    l->parens--;
    return AMPQL_OK;
}

static enum ampql_code lex_left_paren(struct lexer *l, struct token *out)
{
    l->parens++;
    return emit_bytes(l, out, TOKEN_LEFT_PAREN, 1);
}

static enum ampql_code lex_duration_colon(struct lexer *l, struct token *out,
                                          struct ampql_error *err)
{
    emit_bytes(l, out, TOKEN_COLON, 1);
    l->start = l->at;
    if (!l->had_duration)
        return lex_fail(l, err, "unexpected colon before duration in duration expression");
    if (l->had_colon)
        return lex_fail(l, err, "unexpected repeated colon in duration expression");
    l->had_colon = true;
    return AMPQL_OK;
}

static bool arithmetic_op(int c, enum op *out)
{
    switch (c) {
    case '+':
        *out = OP_ADD;
        return true;
    case '-':
        *out = OP_SUB;
        return true;
    case '*':
        *out = OP_MUL;
        return true;
    case '/':
        *out = OP_DIV;
        return true;
    case '%':
        *out = OP_MOD;
        return true;
    case '^':
        *out = OP_POW;
        return true;
    default:
        return false;
    }
}

/* Where 3.x wants a duration: after "[", and after operators, parentheses and colons that follow
 * it. */
static enum ampql_code lex_duration(struct lexer *l, struct token *out, struct ampql_error *err)
{
    enum op op;
    int c = peek(l, 0);
    if (arithmetic_op(c, &op))
        return emit_op(l, out, op, 1);
    switch (c) {
    case LEX_END:
        return lex_fail(l, err, "unexpected end of input in duration expression");
    case ']':
        l->in_brackets = l->wants_duration = l->had_colon = false;
        return emit_bytes(l, out, TOKEN_RIGHT_BRACKET, 1);
    case ':':
        return lex_duration_colon(l, out, err);
    case '(':
        return lex_left_paren(l, out);
    case ')':
        return lex_right_paren(l, out, err);
    case ',':
        return emit_bytes(l, out, TOKEN_COMMA, 1);
    default:
        if (is_one_of(c, "sSmMrR") && lex_duration_word(l, out)) {
            l->had_duration = true;
            return AMPQL_OK;
        }
        if (is_digit(c) || (c == '.' && is_digit(peek(l, 1)))) {
            l->had_duration = true;
            l->wants_duration = false;
            return lex_number(l, out, err);
        }
        return lex_fail_char(l, err, "unexpected character in duration expression: ", "");
    }
}

/* A letter or colon in brackets, not where a duration is wanted. 2.42 takes any of them for a
 * colon. */
static enum ampql_code lex_bracket_letter(struct lexer *l, struct token *out,
                                          struct ampql_error *err)
{
    int c = peek(l, 0);
    if (c == ':' || l->is_prom2) {
        if (l->had_colon)
            return lex_fail_char(l, err, "unexpected colon ", "");
        l->had_colon = true;
        return emit_bytes(l, out, TOKEN_COLON, 1);
    }
    if (is_one_of(c, "sSmMrR") && lex_duration_word(l, out))
        return AMPQL_OK;
    return lex_fail_char(l, err, "unexpected character: ", ", expected ':'");
}

static enum ampql_code lex_left_bracket(struct lexer *l, struct token *out, struct ampql_error *err)
{
    if (l->in_brackets)
        return lex_fail(l, err, "unexpected left bracket '['");
    l->had_colon = false;
    l->in_brackets = l->wants_duration = true;
    l->had_duration = false;
    return emit_bytes(l, out, TOKEN_LEFT_BRACKET, 1);
}

static enum ampql_code lex_end(struct lexer *l, struct token *out, struct ampql_error *err)
{
    if (l->parens)
        return lex_fail(l, err, "unclosed left parenthesis");
    if (l->in_brackets)
        return lex_fail(l, err, "unclosed left bracket");
    return lex_emit(l, out, TOKEN_END);
}

/* "<", "<=", "</", ">", ">=", ">/" */
static enum ampql_code lex_order(struct lexer *l, struct token *out, int c)
{
    int next = peek(l, 1);
    if (next == '=')
        return emit_op(l, out, c == '<' ? OP_LESS_EQUAL : OP_GREATER_EQUAL, 2);
    if (next == '/' && !l->is_prom2)
        return emit_bytes(l, out, TOKEN_TRIM, 2);
    return emit_op(l, out, c == '<' ? OP_LESS : OP_GREATER, 1);
}

/* "=", "==", "!=" */
static enum ampql_code lex_equal(struct lexer *l, struct token *out, int c, struct ampql_error *err)
{
    int next = peek(l, 1);
    if (next == '=')
        return emit_op(l, out, c == '=' ? OP_EQUAL : OP_NOT_EQUAL, 2);
    if (c == '=' && next != '~')
        return emit_bytes(l, out, TOKEN_ASSIGN, 1);
    l->at++;
    return lex_fail_char(
        l, err,
        c == '=' ? "unexpected character after '=': " : "unexpected character after '!': ", "");
}

/* Everywhere else. */
static enum ampql_code lex_statement(struct lexer *l, struct token *out, struct ampql_error *err)
{
    enum op op;
    int c = peek(l, 0);
    if (name_start(l) || c == ':')
        return l->in_brackets ? lex_bracket_letter(l, out, err) : lex_word(l, out);
    if (is_digit(c) || (c == '.' && is_digit(peek(l, 1))))
        return lex_number(l, out, err);
    if (arithmetic_op(c, &op))
        return emit_op(l, out, op, 1);
    switch (c) {
    case LEX_END:
        return lex_end(l, out, err);
    case ',':
        return emit_bytes(l, out, TOKEN_COMMA, 1);
    case '=':
    case '!':
        return lex_equal(l, out, c, err);
    case '<':
    case '>':
        return lex_order(l, out, c);
    case '"':
    case '\'':
    case '`':
        return lex_string(l, out, err);
    case '(':
        return lex_left_paren(l, out);
    case ')':
        return lex_right_paren(l, out, err);
    case '{':
        l->in_braces = true;
        return emit_bytes(l, out, TOKEN_LEFT_BRACE, 1);
    case '[':
        return lex_left_bracket(l, out, err);
    case ']':
        if (!l->in_brackets)
            return lex_fail(l, err, "unexpected right bracket ']'");
        l->in_brackets = false;
        return emit_bytes(l, out, TOKEN_RIGHT_BRACKET, 1);
    case '@':
        return emit_bytes(l, out, TOKEN_AT, 1);
    default:
        return lex_fail_char(l, err, "unexpected character: ", "");
    }
}

enum ampql_code lexer_next(struct lexer *l, struct token *out, struct ampql_error *err)
{
    if (l->wants_duration)
        skip_spaces(l);
    else
        skip_blanks(l);
    if (l->in_braces)
        return lex_braces(l, out, err);
    if (l->wants_duration)
        return l->is_prom2 ? lex_duration_prom2(l, out, err) : lex_duration(l, out, err);
    return lex_statement(l, out, err);
}

void lexer_init(struct lexer *l, struct str text, enum ampql_dialect dialect, bool has_wide_names)
{
    bool is_prom2 = dialect == AMPQL_PROM2;
    *l = (struct lexer){
        .text = text, .is_prom2 = is_prom2, .has_wide_names = has_wide_names && !is_prom2};
}
