/* Error messages: one line each, input quoted only through quote_clipped. */
#include "base/error.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>

const char *ampql_code_name(enum ampql_code code)
{
    switch (code) {
    case AMPQL_OK:
        return "ok";
    case AMPQL_PARSE:
    case AMPQL_BAD_DATA:
        return "bad_data";
    case AMPQL_EXECUTION:
    case AMPQL_LIMIT:
    case AMPQL_UNSUPPORTED:
        return "execution";
    case AMPQL_TIMEOUT:
        return "timeout";
    case AMPQL_CANCELED:
        return "canceled";
    case AMPQL_NOT_FOUND:
        return "not_found";
    case AMPQL_UNAVAILABLE:
    case AMPQL_UNAUTHORIZED:
        return "unavailable";
    case AMPQL_NOMEM:
    case AMPQL_OUTPUT:
    case AMPQL_INTERNAL:
        break;
    }
    return "internal";
}

enum ampql_code fail_args(struct ampql_error *err, enum ampql_code code, const char *format,
                          va_list args)
{
    if (!err)
        return code;
    err->code = code;
    err->start = err->end = 0;
    err->has_span = false;
    vsnprintf(err->message, sizeof err->message, format, args);
    return code;
}

enum ampql_code fail(struct ampql_error *err, enum ampql_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail_args(err, code, format, args);
    va_end(args);
    return code;
}

enum ampql_code fail_at(struct ampql_error *err, enum ampql_code code, size_t start, size_t end,
                        const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail_args(err, code, format, args);
    va_end(args);
    if (err) {
        err->start = start;
        err->end = end;
        err->has_span = true;
    }
    return code;
}

enum ampql_code fail_quote(struct ampql_error *err, enum ampql_code code, const char *what,
                           struct str text)
{
    char quoted[320];
    return fail(err, code, "%s: %s", what, quote_clipped(quoted, sizeof quoted, text));
}

enum ampql_code fail_nomem(struct ampql_error *err, const char *what)
{
    return fail(err, AMPQL_NOMEM, "no memory for %s", what);
}

/* Bytes that may stand in a message as they are: a whole UTF-8 sequence, no control character (C1
 * ones, U+0080 to U+009F, also drive terminals). 0: the byte has to be escaped. */
static size_t plain_length(struct str rest)
{
    size_t length = utf8_length(rest.p, rest.n);
    unsigned char first = (unsigned char)rest.p[0];
    if (length == 1)
        return first >= 0x20 && first != 0x7f;
    return length == 2 && first == 0xc2 && (unsigned char)rest.p[1] < 0xa0 ? 0 : length;
}

static char *quote_in(char *out, size_t size, struct str text, char mark)
{
    enum { CLIP = 64, WORST = 4, TAIL = sizeof "...\"" };
    static const char hex[] = "0123456789abcdef";
    size_t n = 0, i = 0;
    out[n++] = mark;
    while (i < text.n && n + WORST + TAIL < size) {
        size_t length = plain_length(str_from(text, i));
        if (i + (length ? length : 1) > CLIP)
            break;
        if (length == 0) {
            unsigned char c = (unsigned char)text.p[i++];
            out[n++] = '\\';
            out[n++] = 'x';
            out[n++] = hex[c >> 4];
            out[n++] = hex[c & 15];
            continue;
        }
        if (mark == '"' && (text.p[i] == '"' || text.p[i] == '\\'))
            out[n++] = '\\';
        memcpy(out + n, text.p + i, length);
        n += length;
        i += length;
    }
    if (i < text.n) {
        memcpy(out + n, "...", 3);
        n += 3;
    }
    out[n++] = mark;
    out[n] = '\0';
    return out;
}

char *quote_clipped(char *out, size_t size, struct str text)
{
    return quote_in(out, size, text, '"');
}

char *quote_clipped_raw(char *out, size_t size, struct str text)
{
    return quote_in(out, size, text, '`');
}
