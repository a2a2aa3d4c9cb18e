/* A hand-written scanner that accepts and refuses what Prometheus's does, with the same messages
 * and positions. Bytes are enough except in strings and for naming a stray character. */
#include "lang/lexer.h"

#include "base/quote.h"

#include <stdio.h>

enum { END = -1, REPLACEMENT = 0xfffd };

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

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(int c)
{
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_space(int c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_one_of(int c, const char *set)
{
    return c > 0 && strchr(set, c) != NULL;
}

/* The byte after `ahead` more, END past the end. */
static int peek(const struct lexer *l, size_t ahead)
{
    return ahead < l->text.n - l->at ? (unsigned char)l->text.p[l->at + ahead] : END;
}

static bool accept(struct lexer *l, const char *set)
{
    if (!is_one_of(peek(l, 0), set))
        return false;
    l->at++;
    return true;
}

static void accept_run(struct lexer *l, const char *set)
{
    while (accept(l, set))
        ;
}

static struct str text_read(const struct lexer *l)
{
    return str_make(l->text.p + l->start, l->at - l->start);
}

/* The character before which the lexer stands, in quotes; the end of input shows as U+FFFD. */
static const char *quote_next(const struct lexer *l, char *out)
{
    size_t width;
    return quote_rune(out, l->at < l->text.n ? rune_decode(l->text, l->at, &width) : REPLACEMENT);
}

static enum ampql_code lex_fail(const struct lexer *l, struct ampql_error *err, const char *text)
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

static enum ampql_code lex_fail_read(const struct lexer *l, struct ampql_error *err,
                                     const char *what)
{
    char quoted[320];
    return fail_at(err, AMPQL_PARSE, l->start, l->text.n, "%s: %s", what,
                   quote_text(quoted, sizeof quoted, text_read(l)));
}

static enum ampql_code emit(struct lexer *l, struct token *out, enum token_kind kind)
{
    *out = (struct token){.kind = kind, .span = {l->start, l->at}, .text = text_read(l)};
    return AMPQL_OK;
}

static enum ampql_code emit_op(struct lexer *l, struct token *out, enum op op, size_t bytes)
{
    l->at += bytes;
    emit(l, out, TOKEN_OPERATOR);
    out->value = (uint8_t)op;
    return AMPQL_OK;
}

static enum ampql_code emit_bytes(struct lexer *l, struct token *out, enum token_kind kind,
                                  size_t bytes)
{
    l->at += bytes;
    return emit(l, out, kind);
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
        while (peek(l, 0) != END && peek(l, 0) != '\n' && peek(l, 0) != '\r')
            l->at++;
        skip_spaces(l);
    }
}

/* ---- numbers and durations */

static const char decimal[] = "0123456789";

/* number of 3.x := ["0x" ["_"]] digits with ".", "_", "e": the shape only, the parser reads the
 * value. False leaves the lexer behind the character that is wrong. */
static bool scan_number(struct lexer *l)
{
    const char *digits = decimal;
    bool is_hex = false, had_point = false, had_exponent = false;
    size_t begin = l->at;
    if (accept(l, "0") && accept(l, "xX")) {
        accept(l, "_");
        digits = "0123456789abcdefABCDEF";
        is_hex = true;
    }
    accept(l, ".");
    accept(l, digits);
    for (;;) {
        int c = peek(l, 0);
        if (c == '.') {
            l->at++;
            if (had_point || accept(l, "_.") || is_hex)
                return false;
            had_point = true;
        } else if (c == 'e' || c == 'E') { /* Prometheus has it so in hex numbers too */
            l->at++;
            if (had_exponent)
                return false;
            had_exponent = true;
            accept(l, "+-");
            if (accept(l, "._eE") || peek(l, 0) == END)
                return false;
        } else if (is_one_of(c, digits)) {
            accept_run(l, digits);
        } else if (c == '_') {
            l->at++;
            if (accept(l, "._eE") || peek(l, 0) == END)
                return false;
        } else {
            break;
        }
    }
    int next = peek(l, 0);
    return l->at != begin && !is_letter(next) && !is_digit(next);
}

/* number of 2.42 := ["0x"] digits ["." digits] ["e" ["+"|"-"] digits] */
static bool scan_number_prom2(struct lexer *l)
{
    const char *digits = decimal;
    if (accept(l, "0") && accept(l, "xX"))
        digits = "0123456789abcdefABCDEF";
    accept_run(l, digits);
    if (accept(l, "."))
        accept_run(l, digits);
    if (accept(l, "eE")) {
        accept(l, "+-");
        accept_run(l, decimal);
    }
    int next = peek(l, 0);
    return !is_letter(next) && !is_digit(next);
}

/* The rest of a duration whose first digits have been read. False leaves the lexer behind the
 * character that is wrong. */
static bool scan_duration(struct lexer *l)
{
    if (!accept(l, "smhdwy"))
        return false;
    accept(l, "s");
    while (accept(l, decimal)) {
        accept_run(l, decimal);
        if (!accept(l, "smhdw"))
            return false;
        accept(l, "s");
    }
    int next = peek(l, 0);
    if (is_letter(next) || is_digit(next)) {
        l->at++;
        return false;
    }
    return true;
}

static enum ampql_code lex_number(struct lexer *l, struct token *out, struct ampql_error *err)
{
    if (l->is_prom2 ? scan_number_prom2(l) : scan_number(l))
        return emit(l, out, TOKEN_NUMBER);
    if (scan_duration(l))
        return emit(l, out, TOKEN_DURATION);
    return lex_fail_read(l, err, "bad number or duration syntax");
}

/* ---- strings */

static int digit_value(int c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 16;
}

/* "U+0063 'c'", the quoted part only for a printable character. */
static enum ampql_code fail_escape(const struct lexer *l, struct ampql_error *err,
                                   const char *before, const char *after)
{
    size_t width;
    char quoted[QUOTED_RUNE_MAX];
    uint32_t rune = rune_decode(l->text, l->at, &width);
    quote_rune(quoted, rune);
    bool plain = quoted[1] != '\\' || rune == '\\' || rune == '\'';
    if (plain && (rune == '\\' || rune == '\''))
        snprintf(quoted, sizeof quoted, "'%c'", (int)rune);
    return fail_at(err, AMPQL_PARSE, l->start, l->text.n, "%sU+%04X%s%s%s", before, (unsigned)rune,
                   plain ? " " : "", plain ? quoted : "", after);
}

/* escape := "\" (a b f n r t v \ quote | ooo | xHH | uHHHH | UHHHHHHHH), after the backslash */
static enum ampql_code lex_escape(struct lexer *l, int quote, struct ampql_error *err)
{
    int digits, base = 16;
    uint32_t most = 0x10ffff, value = 0;
    int c = peek(l, 0);
    if (c == END)
        return lex_fail(l, err, "escape sequence not terminated");
    if (c == quote || is_one_of(c, "abfnrtv\\")) {
        l->at++;
        return AMPQL_OK;
    }
    if (c >= '0' && c <= '7') {
        digits = 3, base = 8, most = 255;
    } else if (c == 'x' || c == 'u' || c == 'U') {
        digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
        most = c == 'x' ? 255 : most;
        l->at++;
    } else {
        return fail_escape(l, err, "unknown escape sequence ", "");
    }
    for (; digits > 0; digits--) {
        c = peek(l, 0);
        if (c == END)
            return lex_fail(l, err, "escape sequence not terminated");
        if (digit_value(c) >= base)
            return fail_escape(l, err, "illegal character ", " in escape sequence");
        value = value * (uint32_t)base + (uint32_t)digit_value(c);
        l->at++;
    }
    if (value > most || (value >= 0xd800 && value < 0xe000))
        return lex_fail(l, err, "escape sequence is an invalid Unicode code point");
    return AMPQL_OK;
}

/* string := '"' {char | escape} '"' | "'" {char | escape} "'" | "`" {char} "`" */
static enum ampql_code lex_string(struct lexer *l, struct token *out, struct ampql_error *err)
{
    int quote = peek(l, 0);
    bool is_raw = quote == '`';
    l->at++;
    for (;;) {
        int c = peek(l, 0);
        if (c == END || (c == '\n' && !is_raw))
            return lex_fail(l, err,
                            is_raw ? "unterminated raw string" : "unterminated quoted string");
        size_t width = 1;
        if (c >= 0x80 && rune_decode(l->text, l->at, &width) == REPLACEMENT)
            return lex_fail(l, err, "invalid UTF-8 rune");
        l->at += width;
        if (c == quote)
            return emit(l, out, TOKEN_STRING);
        if (c == '\\' && !is_raw)
            TRY(lex_escape(l, quote, err));
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
    emit(l, out, k->kind);
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

/* word := (letter | ":") {letter | digit | ":"}; in braces without ":" and never a keyword */
static enum ampql_code lex_word(struct lexer *l, struct token *out)
{
    bool has_colon = false;
    for (int c = peek(l, 0); is_letter(c) || is_digit(c) || (c == ':' && !l->in_braces);
         c = peek(l, 0)) {
        has_colon = has_colon || c == ':';
        l->at++;
    }
    const struct keyword *k = l->in_braces ? NULL : find_keyword(l, text_read(l));
    if (k && k->kind == TOKEN_KEYWORD && k->value == KEYWORD_FILL && !is_fill_call(l))
        k = NULL;
    if (k)
        return emit_keyword(l, out, k);
    emit(l, out, has_colon ? TOKEN_METRIC_IDENTIFIER : TOKEN_IDENTIFIER);
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
    if (c == END)
        return lex_fail(l, err, "unexpected end of input inside braces");
    if (is_letter(c))
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
    case END:
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
        if (is_one_of(c, "sSmMrR") && lex_duration_word(l, out))
            return AMPQL_OK;
        if (is_digit(c) || (c == '.' && is_digit(peek(l, 1)))) {
            l->had_duration = true;
            l->wants_duration = false;
            return lex_number(l, out, err);
        }
        return lex_fail_char(l, err, "unexpected character in duration expression: ", "");
    }
}

/* Where 2.42 wants a duration: after "[". */
static enum ampql_code lex_duration_prom2(struct lexer *l, struct token *out,
                                          struct ampql_error *err)
{
    l->wants_duration = false;
    if (scan_number_prom2(l))
        return lex_fail(l, err, "missing unit character in duration");
    if (!scan_duration(l))
        return lex_fail_read(l, err, "bad duration syntax");
    return emit(l, out, TOKEN_DURATION);
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
    return emit_bytes(l, out, TOKEN_LEFT_BRACKET, 1);
}

static enum ampql_code lex_end(struct lexer *l, struct token *out, struct ampql_error *err)
{
    if (l->parens)
        return lex_fail(l, err, "unclosed left parenthesis");
    if (l->in_brackets)
        return lex_fail(l, err, "unclosed left bracket");
    return emit(l, out, TOKEN_END);
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
    if (is_letter(c) || c == ':')
        return l->in_brackets ? lex_bracket_letter(l, out, err) : lex_word(l, out);
    if (is_digit(c) || (c == '.' && is_digit(peek(l, 1))))
        return lex_number(l, out, err);
    if (arithmetic_op(c, &op))
        return emit_op(l, out, op, 1);
    switch (c) {
    case END:
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

void lexer_init(struct lexer *l, struct str text, enum ampql_dialect dialect)
{
    *l = (struct lexer){.text = text, .is_prom2 = dialect == AMPQL_PROM2};
}
