/* Numbers, durations and strings as tokens: their shape only; the parser reads their values. */
#include "lang/lex.h"

#include "base/quote.h"

#include <stdio.h>

enum { REPLACEMENT = 0xfffd };

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
            if (accept(l, "._eE") || peek(l, 0) == LEX_END)
                return false;
        } else if (is_one_of(c, digits)) {
            accept_run(l, digits);
        } else if (c == '_') {
            l->at++;
            if (accept(l, "._eE") || peek(l, 0) == LEX_END)
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

enum ampql_code lex_number(struct lexer *l, struct token *out, struct ampql_error *err)
{
    if (l->is_prom2 ? scan_number_prom2(l) : scan_number(l))
        return lex_emit(l, out, TOKEN_NUMBER);
    if (scan_duration(l))
        return lex_emit(l, out, TOKEN_DURATION);
    return lex_fail_read(l, err, "bad number or duration syntax");
}

enum ampql_code lex_duration_prom2(struct lexer *l, struct token *out, struct ampql_error *err)
{
    l->wants_duration = false;
    if (scan_number_prom2(l))
        return lex_fail(l, err, "missing unit character in duration");
    if (!scan_duration(l))
        return lex_fail_read(l, err, "bad duration syntax");
    return lex_emit(l, out, TOKEN_DURATION);
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
    if (c == LEX_END)
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
        if (c == LEX_END)
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
enum ampql_code lex_string(struct lexer *l, struct token *out, struct ampql_error *err)
{
    int quote = peek(l, 0);
    bool is_raw = quote == '`';
    l->at++;
    for (;;) {
        int c = peek(l, 0);
        if (c == LEX_END || (c == '\n' && !is_raw))
            return lex_fail(l, err,
                            is_raw ? "unterminated raw string" : "unterminated quoted string");
        size_t width = 1;
        if (c >= 0x80 && rune_decode(l->text, l->at, &width) == REPLACEMENT)
            return lex_fail(l, err, "invalid UTF-8 rune");
        l->at += width;
        if (c == quote)
            return lex_emit(l, out, TOKEN_STRING);
        if (c == '\\' && !is_raw)
            TRY(lex_escape(l, quote, err));
    }
}
