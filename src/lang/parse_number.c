/* The values of numbers and durations. */
#include "lang/parse.h"

#include "base/duration.h"
#include "base/number.h"
#include "base/quote.h"

#include <stdio.h>

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* An integer with the base that its prefix says: "0x1f", "017" is octal, "08" is none. False when
 * it is no such integer or does not fit int64. */
static bool read_integer(struct str text, int64_t *out)
{
    uint64_t value = 0;
    int base = 10;
    if (text.n > 1 && text.p[0] == '0') {
        base = (text.p[1] | 0x20) == 'x' ? 16 : 8;
        text = str_from(text, base == 16 ? 2 : 1);
    }
    if (text.n == 0)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        int digit = digit_value(text.p[i]);
        if (digit >= base || value > ((uint64_t)INT64_MAX - (uint64_t)digit) / (uint64_t)base)
            return false;
        value = value * (uint64_t)base + (uint64_t)digit;
    }
    *out = (int64_t)value;
    return true;
}

/* digits ["." digits] ["e" ["+"|"-"] digits]: then a failed reading means out of range. */
static bool is_decimal(struct str text)
{
    size_t i = 0, digits = 0;
    for (bool had_point = false; i < text.n; i++) {
        if (text.p[i] >= '0' && text.p[i] <= '9')
            digits++;
        else if (text.p[i] == '.' && !had_point)
            had_point = true;
        else
            break;
    }
    if (i < text.n && (text.p[i] | 0x20) == 'e') {
        i += i + 1 < text.n && (text.p[i + 1] == '+' || text.p[i + 1] == '-') ? 2 : 1;
        digits = i < text.n ? digits : 0;
        while (i < text.n && text.p[i] >= '0' && text.p[i] <= '9')
            i++;
    }
    return digits > 0 && i == text.n;
}

static enum ampql_code fail_number(struct parser *p, const struct token *token, const char *why)
{
    char quoted[TOKEN_TEXT_MAX];
    return fail_at(p->err, AMPQL_PARSE, token->span.start, token->span.end,
                   "error parsing number: strconv.ParseFloat: parsing %s: %s",
                   quote_text(quoted, sizeof quoted, token->text), why);
}

static enum ampql_code read_number(struct parser *p, const struct token *token, double *out)
{
    struct str text = token->text;
    int64_t integer;
    if (text.n && memchr(text.p, '_', text.n)) {
        char *plain = arena_alloc(p->arena, text.n, 1);
        size_t n = 0;
        if (!plain)
            return fail_nomem(p->err, "a number");
        if (!number_underscores_fit(text))
            return fail_number(p, token, "invalid syntax");
        for (size_t i = 0; i < text.n; i++)
            if (text.p[i] != '_')
                plain[n++] = text.p[i];
        text = str_make(plain, n);
    }
    if (read_integer(text, &integer)) {
        *out = (double)integer;
        return AMPQL_OK;
    }
    /* a hex number that is no integer has no exponent, which Go's ParseFloat asks for */
    bool is_word = (text.p[0] | 0x20) == 'i' || (text.p[0] | 0x20) == 'n';
    if (!is_word && !is_decimal(text))
        return fail_number(p, token, "invalid syntax");
    return number_parse(text, out) ? AMPQL_OK : fail_number(p, token, "value out of range");
}

enum ampql_code parse_duration_literal(struct parser *p, const struct token *token, int64_t *out)
{
    char quoted[TOKEN_TEXT_MAX];
    struct ampql_error why = {0};
    enum ampql_code code = duration_parse(token->text, out, &why);
    if (code == AMPQL_NOMEM)
        return fail_nomem(p->err, "a duration");
    if (code != AMPQL_OK && p->is_prom2 && strncmp(why.message, "unknown unit", 12) == 0)
        snprintf(why.message, sizeof why.message, "not a valid duration string: %s",
                 quote_text(quoted, sizeof quoted, token->text));
    if (code == AMPQL_OK && p->is_prom2 && *out == 0) {
        code = AMPQL_PARSE;
        snprintf(why.message, sizeof why.message, "duration must be greater than 0");
    }
    return code == AMPQL_OK ? AMPQL_OK
                            : fail_at(p->err, AMPQL_PARSE, token->span.start, token->span.end, "%s",
                                      why.message);
}

enum ampql_code parse_number(struct parser *p, const struct token *token, double *out)
{
    int64_t ms;
    if (token->kind == TOKEN_NUMBER)
        return read_number(p, token, out);
    TRY(parse_duration_literal(p, token, &ms));
    *out = (double)(ms / 1000) + (double)(ms % 1000 * 1000000) / 1e9;
    return AMPQL_OK;
}
