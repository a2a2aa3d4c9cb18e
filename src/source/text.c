/* Lines, label sets and values of the text formats. Loops only: no input makes this recurse. */
#include "source/text.h"

#include "base/number.h"
#include "base/utf8.h"

#include <stdio.h>

void text_init(struct text *text, struct input *input, struct store *store,
               enum text_escapes escapes)
{
    *text = (struct text){.input = input, .store = store, .escapes = escapes};
    buf_init(&text->partial, store->alc, TEXT_MAX_LINE);
    buf_init(&text->value, store->alc, TEXT_MAX_LINE);
    buf_init(&text->known, store->alc, TEXT_MAX_LINE);
}

void text_done(struct text *text)
{
    buf_done(&text->partial);
    buf_done(&text->value);
    buf_done(&text->known);
    array_done(&text->labels, text->store->alc);
}

enum ampql_code text_name(const struct text *text, const char *at, enum ampql_code code,
                          struct ampql_error *err)
{
    if (!err)
        return code;
    struct ampql_error inner = *err;
    int clip = (int)sizeof err->message / 2;
    char column[24] = "";
    if (at)
        snprintf(column, sizeof column, ":%zu", (size_t)(at - text->line.p) + 1);
    snprintf(err->message, sizeof err->message, "%.*s:%zu%s: %.*s", clip, text->input->name,
             text->number, column, (int)sizeof err->message - clip - 48, inner.message);
    return code;
}

enum ampql_code text_fail(const struct text *text, const char *at, enum ampql_code code,
                          struct ampql_error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail_args(err, code, format, args);
    va_end(args);
    return text_name(text, at, code, err);
}

/* ---- lines */

static enum ampql_code check_line(struct text *text, struct ampql_error *err)
{
    struct str line = text->line;
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    text->line = line;
    const char *nul = line.n ? memchr(line.p, '\0', line.n) : NULL;
    if (nul)
        return text_fail(text, nul, AMPQL_BAD_DATA, err, "a NUL byte");
    if (!str_is_utf8(line))
        return text_fail(text, NULL, AMPQL_BAD_DATA, err, "not valid UTF-8");
    return AMPQL_OK;
}

/* Put the line's next part behind what pieces before held of it. */
static enum ampql_code gather(struct text *text, size_t n, struct ampql_error *err)
{
    buf_bytes(&text->partial, text->piece.p, n);
    if (text->partial.failed == AMPQL_NOMEM)
        return fail_nomem(err, "a line");
    if (text->partial.failed != AMPQL_OK)
        return text_fail(text, NULL, AMPQL_LIMIT, err, "a line of more than %d bytes",
                         TEXT_MAX_LINE);
    text->line = buf_view(&text->partial);
    return AMPQL_OK;
}

enum ampql_code text_next(struct text *text, bool *is_end, struct ampql_error *err)
{
    text->partial.n = 0;
    text->number++;
    *is_end = false;
    for (;;) {
        const char *feed = text->piece.n ? memchr(text->piece.p, '\n', text->piece.n) : NULL;
        size_t n = feed ? (size_t)(feed - text->piece.p) : text->piece.n;
        text->line = str_make(text->piece.p, n);
        if (n > TEXT_MAX_LINE || !feed || text->partial.n)
            TRY(gather(text, n, err));
        text->has_newline = feed != NULL;
        if (feed) {
            text->piece = str_from(text->piece, n + 1);
            return check_line(text, err);
        }
        text->piece = (struct str){0};
        if (text->is_read) {
            *is_end = text->partial.n == 0;
            return check_line(text, err);
        }
        TRY(input_next(text->input, &text->piece, err));
        text->is_read = text->piece.n == 0;
    }
}

/* ---- label sets */

static enum ampql_code expected(const struct text *text, const char *what, struct str found,
                                struct ampql_error *err)
{
    char quoted[320];
    if (found.n == 0)
        return text_fail(text, found.p, AMPQL_BAD_DATA, err,
                         "expected %s, found the end of the line", what);
    return text_fail(text, found.p, AMPQL_BAD_DATA, err, "expected %s, found %s", what,
                     quote_clipped(quoted, sizeof quoted, found));
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static struct str take_name(struct str *rest, bool takes_colon)
{
    size_t n = 0;
    while (n < rest->n && (is_name_start(rest->p[n]) || (takes_colon && rest->p[n] == ':') ||
                           (n && rest->p[n] >= '0' && rest->p[n] <= '9')))
        n++;
    struct str name = str_make(rest->p, n);
    *rest = str_from(*rest, n);
    return name;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void skip_blanks(struct str *rest)
{
    while (rest->n && is_blank(*rest->p))
        *rest = str_from(*rest, 1);
}

static bool take(struct str *rest, char c)
{
    skip_blanks(rest);
    if (rest->n == 0 || *rest->p != c)
        return false;
    *rest = str_from(*rest, 1);
    return true;
}

/* Value of ndigits digits at rest, and past them; -1 when there are fewer. */
static int64_t take_digits(struct str *rest, size_t ndigits, int base)
{
    int64_t value = 0;
    if (rest->n < ndigits)
        return -1;
    for (size_t i = 0; i < ndigits; i++) {
        char c = rest->p[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : 16;
        if (digit >= base)
            return -1;
        value = value * base + digit;
    }
    *rest = str_from(*rest, ndigits);
    return value;
}

/* An escape of Go's, behind the backslash; false when there is no such escape. */
static bool take_go_escape(struct str *rest, struct buf *out)
{
    static const char letters[] = "abfnrtv\\\"'", meanings[] = "\a\b\f\n\r\t\v\\\"'";
    char c = *rest->p, rune[4];
    const char *letter = memchr(letters, c, sizeof letters - 1);
    if (letter) {
        *rest = str_from(*rest, 1);
        buf_byte(out, meanings[letter - letters]);
        return true;
    }
    if (c >= '0' && c <= '7') {
        int64_t byte = take_digits(rest, 3, 8);
        if (byte >= 0 && byte <= 0xff)
            buf_byte(out, (char)byte);
        return byte >= 0 && byte <= 0xff;
    }
    size_t ndigits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (ndigits == 0)
        return false;
    *rest = str_from(*rest, 1);
    int64_t value = take_digits(rest, ndigits, 16);
    if (value < 0 || value > 0x10ffff || (value >= 0xd800 && value < 0xe000 && c != 'x'))
        return false;
    if (c == 'x')
        buf_byte(out, (char)value);
    else
        buf_bytes(out, rune, utf8_encode((uint32_t)value, rune));
    return true;
}

static bool take_escape(struct text *text, struct str *rest)
{
    if (text->escapes == TEXT_ESCAPES_GO)
        return take_go_escape(rest, &text->value);
    char c = *rest->p;
    if (c != '\\' && c != '"' && c != 'n')
        buf_byte(&text->value, '\\');
    buf_byte(&text->value, c == 'n' ? '\n' : c);
    *rest = str_from(*rest, 1);
    return true;
}

/* quoted := '"' ... '"'; the value is in text->value */
static enum ampql_code take_quoted(struct text *text, struct str *rest, const char *what,
                                   struct ampql_error *err)
{
    if (!take(rest, '"'))
        return expected(text, "quotes", *rest, err);
    const char *begin = rest->p - 1;
    text->value.n = 0;
    while (rest->n && *rest->p != '"') {
        char c = *rest->p;
        struct str from = *rest;
        *rest = str_from(*rest, 1);
        if (c != '\\') {
            buf_byte(&text->value, c);
        } else if (rest->n == 0 || !take_escape(text, rest)) {
            char quoted[320];
            return text_fail(text, from.p, AMPQL_BAD_DATA, err, "no such escape: %s",
                             quote_clipped(quoted, sizeof quoted, from));
        }
    }
    if (rest->n == 0)
        return text_fail(text, begin, AMPQL_BAD_DATA, err, "the quotes around %s are not closed",
                         what);
    *rest = str_from(*rest, 1);
    if (text->value.failed != AMPQL_OK)
        return fail_nomem(err, "a label value");
    if (!str_is_utf8(buf_view(&text->value)))
        return text_fail(text, begin, AMPQL_BAD_DATA, err, "%s is not valid UTF-8", what);
    return AMPQL_OK;
}

enum ampql_code text_add_label(struct text *text, symbol name, struct str value,
                               struct ampql_error *err)
{
    struct label label = {.name = name};
    TRY(store_intern(text->store, value, &label.value, err));
    if (text->labels.n == STORE_MAX_LABELS)
        return text_fail(text, NULL, AMPQL_LIMIT, err, "a series with more than %d labels",
                         STORE_MAX_LABELS);
    return array_add(&text->labels, text->store->alc, label) ? AMPQL_OK
                                                             : fail_nomem(err, "a label");
}

/* item := (name | quoted) "=" quoted | quoted */
static enum ampql_code read_item(struct text *text, struct str *rest, struct ampql_error *err)
{
    symbol name;
    bool is_quoted = rest->n && *rest->p == '"';
    if (is_quoted) {
        TRY(take_quoted(text, rest, "a name", err));
        TRY(store_intern(text->store, buf_view(&text->value), &name, err));
    } else {
        struct str word = take_name(rest, false);
        if (word.n == 0)
            return expected(text, "a label name or }", *rest, err);
        TRY(store_intern(text->store, word, &name, err));
    }
    if (take(rest, '=')) {
        TRY(take_quoted(text, rest, "a label value", err));
        return text_add_label(text, name, buf_view(&text->value), err);
    }
    if (!is_quoted)
        return expected(text, "= after a label name", *rest, err);
    return text_add_label(text, SYMBOL_NAME, buf_view(&text->value), err);
}

/* "{" items "}", the brace is read */
static enum ampql_code read_items(struct text *text, struct str *rest, struct ampql_error *err)
{
    while (!take(rest, '}')) {
        TRY(read_item(text, rest, err));
        if (take(rest, ','))
            continue;
        if (!take(rest, '}'))
            return expected(text, ", or } after a label", *rest, err);
        return AMPQL_OK;
    }
    return AMPQL_OK;
}

bool text_is_histogram(struct str rest)
{
    skip_blanks(&rest);
    return str_has_prefix(rest, STR("{count:"));
}

/* Many lines in a row are of one series. */
static bool is_known(const struct text *text, struct str rest)
{
    struct str known = buf_view(&text->known);
    return text->has_series && known.n && str_has_prefix(rest, known) &&
           (known.p[known.n - 1] == '}' ||
            (rest.n > known.n && is_blank(rest.p[known.n]) &&
             !take(&(struct str){rest.p + known.n, rest.n - known.n}, '{')));
}

enum ampql_code text_series(struct text *text, struct str *rest, size_t *series,
                            struct ampql_error *err)
{
    if (is_known(text, *rest)) {
        *rest = str_from(*rest, text->known.n);
        *series = text->series;
        return AMPQL_OK;
    }
    struct str whole = *rest;
    text->has_series = false;
    text->labels.n = 0;
    struct str name = take_name(rest, true);
    if (name.n)
        TRY(text_add_label(text, SYMBOL_NAME, name, err));
    const char *end = rest->p;
    if (!text_is_histogram(*rest) && take(rest, '{')) {
        TRY(read_items(text, rest, err));
        end = rest->p;
    } else if (name.n == 0) {
        return expected(text, "a metric name or {", *rest, err);
    }

    enum ampql_code code =
        store_find_or_add(text->store, text->labels.at, text->labels.n, &text->series, err);
    if (code != AMPQL_OK)
        return code == AMPQL_NOMEM ? code : text_name(text, NULL, code, err);
    text->known.n = 0;
    buf_bytes(&text->known, whole.p, (size_t)(end - whole.p));
    text->has_series = text->known.failed == AMPQL_OK;
    *series = text->series;
    return AMPQL_OK;
}

/* ---- values */

struct str text_word(struct str *rest)
{
    skip_blanks(rest);
    size_t n = 0;
    while (n < rest->n && !is_blank(rest->p[n]))
        n++;
    struct str word = str_make(rest->p, n);
    *rest = str_from(*rest, n);
    return word;
}

enum ampql_code text_value(const struct text *text, struct str word, size_t series, double *out,
                           struct ampql_error *err)
{
    char quoted[320];
    if (text_is_histogram(word)) {
        char name[256];
        return text_fail(
            text, word.p, AMPQL_UNSUPPORTED, err,
            "%s has native histogram samples, which are not supported",
            store_describe(text->store, text->store->series.at[series].labels, name, sizeof name));
    }
    if (word.n == 0)
        return expected(text, "a value", word, err);
    /* as Prometheus reads expositions: no hexadecimal numbers, no underscores */
    bool is_newer =
        memchr(word.p, 'p', word.n) || memchr(word.p, 'P', word.n) || memchr(word.p, '_', word.n);
    if (is_newer || !number_parse(word, out))
        return text_fail(text, word.p, AMPQL_BAD_DATA, err, "not a number: %s",
                         quote_clipped(quoted, sizeof quoted, word));
    return AMPQL_OK;
}
