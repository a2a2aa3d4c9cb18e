/* The JSON pull reader. A token that lies whole in a piece is looked at where it lies; one that is
 * cut is first put together, raw, and then read by the same code, so that how a document is cut
 * into pieces never shows in the tokens or errors. */
#include "base/json.h"

#include "base/ascii.h"
#include "base/json_sample.h"
#include "base/json_string.h"

#include <assert.h>

enum { DEFAULT_DEPTH = 64, DEFAULT_STRING = 1 << 20 };

/* What may come next. */
enum {
    EXPECT_VALUE,
    EXPECT_VALUE_OR_END, /* after [ */
    EXPECT_KEY_OR_END,   /* after { */
    EXPECT_KEY,
    EXPECT_COLON,
    EXPECT_COMMA_OR_END,
    EXPECT_NOTHING /* the document is complete */
};

/* What a piece ended in. */
enum { CUT_NONE, CUT_STRING, CUT_NUMBER, CUT_WORD };

enum { IN_OBJECT, IN_ARRAY };

enum ampql_code json_init(struct json *json, const struct ampql_allocator *alc,
                          struct json_limits limits, struct ampql_error *err)
{
    if (limits.max_depth == 0)
        limits.max_depth = DEFAULT_DEPTH;
    if (limits.max_string == 0)
        limits.max_string = DEFAULT_STRING;
    if (limits.max_string > SIZE_MAX / 8)
        limits.max_string = SIZE_MAX / 8;
    *json = (struct json){.alc = alc, .limits = limits, .expect = EXPECT_VALUE};
    /* six bytes, \u0041, are the longest way to write one; and the quotes */
    buf_init(&json->partial, alc, limits.max_string * 6 + 16);
    json->stack = alloc_get(alc, limits.max_depth, 1);
    return json->stack ? AMPQL_OK : fail_nomem(err, "a JSON reader");
}

void json_done(struct json *json)
{
    buf_done(&json->partial);
    alloc_put(json->alc, json->stack, json->limits.max_depth, 1);
    json->stack = NULL;
}

void json_feed(struct json *json, const char *bytes, size_t n, bool is_last)
{
    assert(json->p == json->end || json->failed); /* the piece before is used up */
    json->p = n ? bytes : "";
    json->end = json->p + n;
    json->end_offset += n;
    json->is_last = is_last;
}

static uint64_t offset_of(const struct json *json, const char *p)
{
    return json->end_offset - (uint64_t)(json->end - p);
}

static struct str rest_of(const struct json *json)
{
    return str_make(json->p, (size_t)(json->end - json->p));
}

static enum ampql_code ask_for_more(struct json *json, struct json_token *out)
{
    json->p = json->end;
    *out = (struct json_token){.kind = JSON_MORE, .offset = json->end_offset};
    return AMPQL_OK;
}

/* ---- errors */

static const char *expected(const struct json *json)
{
    bool in_object = json->depth && json->stack[json->depth - 1] == IN_OBJECT;
    switch (json->expect) {
    case EXPECT_VALUE_OR_END:
        return "a value or ]";
    case EXPECT_KEY_OR_END:
        return "a key or }";
    case EXPECT_KEY:
        return "a key";
    case EXPECT_COLON:
        return ":";
    case EXPECT_COMMA_OR_END:
        return in_object ? ", or }" : ", or ]";
    case EXPECT_NOTHING:
        return "the end of the document";
    }
    return "a value";
}

static enum ampql_code unexpected(const struct json *json, const char *wanted,
                                  struct ampql_error *err)
{
    char quoted[32];
    return fail(err, AMPQL_BAD_DATA, "offset %llu: unexpected %s, expected %s",
                (unsigned long long)offset_of(json, json->p),
                quote_clipped(quoted, sizeof quoted, str_make(json->p, 1)), wanted);
}

static enum ampql_code ends_inside(const char *what, struct ampql_error *err)
{
    return fail(err, AMPQL_BAD_DATA, "the document ends inside %s", what);
}

/* ---- strings */

static bool is_key(const struct json *json)
{
    return json->expect == EXPECT_KEY || json->expect == EXPECT_KEY_OR_END;
}

static void finish_value(struct json *json)
{
    json->expect = json->depth ? EXPECT_COMMA_OR_END : EXPECT_NOTHING;
}

static enum ampql_code string_wrong(const struct json *json, struct str s,
                                    const struct json_scan *scan, struct ampql_error *err)
{
    if (scan->end == SCAN_TOO_LONG)
        return fail(err, AMPQL_LIMIT, "offset %llu: a string of more than %zu bytes",
                    (unsigned long long)json->token_offset, json->limits.max_string);
    if (scan->end == SCAN_OPEN)
        return ends_inside("a string", err);
    char quoted[32];
    return fail(err, AMPQL_BAD_DATA, "offset %llu: unexpected %s in a string, expected %s",
                (unsigned long long)(json->token_offset + 1 + scan->at),
                quote_clipped(quoted, sizeof quoted, str_make(s.p + scan->at, 1)), scan->why);
}

static enum ampql_code no_buffer(struct ampql_error *err)
{
    return fail_nomem(err, "a JSON token");
}

/* s is what follows the opening quote, and scan accepted it: the token is a view of it, or of the
 * reader's buffer. */
static enum ampql_code give_string(struct json *json, struct str s, const struct json_scan *scan,
                                   struct json_token *out, struct ampql_error *err)
{
    struct buf *partial = &json->partial;
    struct str text = str_make(s.p, scan->at);
    if (!scan->is_raw) {
        if (s.p != partial->p) {
            partial->n = 0;
            buf_str(partial, text);
            if (partial->failed != AMPQL_OK)
                return no_buffer(err);
        }
        text = str_make(partial->p, json_unescape(partial->p, text.n));
    }
    *out = (struct json_token){is_key(json) ? JSON_KEY : JSON_STRING, text, json->token_offset};
    if (is_key(json))
        json->expect = EXPECT_COLON;
    else
        finish_value(json);
    return AMPQL_OK;
}

/* Keep s, the end of the piece, which cuts a token of this kind. */
static enum ampql_code cut_token(struct json *json, int kind, struct str s, struct json_token *out,
                                 struct ampql_error *err)
{
    buf_str(&json->partial, s);
    if (json->partial.failed != AMPQL_OK)
        return no_buffer(err);
    json->cut = kind;
    return ask_for_more(json, out);
}

/* Where the closing quote of a cut string is in s, or s.n; follows escapes only. */
static size_t find_quote(struct str s, bool *is_escaped)
{
    size_t i = 0;
    for (; i < s.n; i++) {
        if (*is_escaped)
            *is_escaped = false;
        else if (s.p[i] == '\\')
            *is_escaped = true;
        else if (s.p[i] == '"')
            break;
    }
    return i;
}

/* The piece begins inside a string. */
static enum ampql_code resume_string(struct json *json, struct json_token *out,
                                     struct ampql_error *err)
{
    struct str rest = rest_of(json);
    struct buf *partial = &json->partial;
    size_t quote = find_quote(rest, &json->is_escaped);
    size_t used = quote < rest.n ? quote + 1 : rest.n;
    size_t room = partial->max_bytes - partial->n;
    bool is_full = used > room; /* then the scan finds it wrong or too long */
    buf_bytes(partial, rest.p, is_full ? room : used);
    if (partial->failed != AMPQL_OK)
        return no_buffer(err);
    json->p += used;
    if (quote == rest.n && !json->is_last && !is_full)
        return ask_for_more(json, out);

    json->cut = CUT_NONE;
    struct str s = partial->n ? buf_view(partial) : STR("");
    struct json_scan scan = json_scan_string(s, json->limits.max_string);
    return scan.end == SCAN_CLOSED ? give_string(json, s, &scan, out, err)
                                   : string_wrong(json, s, &scan, err);
}

static enum ampql_code read_string(struct json *json, struct json_token *out,
                                   struct ampql_error *err)
{
    struct str rest = str_from(rest_of(json), 1);
    struct json_scan scan = json_scan_string(rest, json->limits.max_string);
    if (scan.end == SCAN_OPEN && !json->is_last) {
        json->partial.n = 0;
        json->is_escaped = false;
        find_quote(rest, &json->is_escaped);
        return cut_token(json, CUT_STRING, rest, out, err);
    }
    if (scan.end != SCAN_CLOSED)
        return string_wrong(json, rest, &scan, err);
    json->p += scan.at + 2;
    return give_string(json, rest, &scan, out, err);
}

/* ---- numbers */

static size_t number_length(struct str s)
{
    size_t i = 0;
    while (i < s.n && (is_digit(s.p[i]) || s.p[i] == '-' || s.p[i] == '+' || s.p[i] == '.' ||
                       s.p[i] == 'e' || s.p[i] == 'E'))
        i++;
    return i;
}

static size_t skip_digits(struct str s, size_t i)
{
    while (i < s.n && is_digit(s.p[i]))
        i++;
    return i;
}

/* number := ["-"] ("0" | digit1-9 digit*) ["." digit+] [("e"|"E") ["+"|"-"] digit+]
 * Returns where s stops being one, s.n when all of it is; *is_open: more bytes are needed there. */
static size_t check_number(struct str s, bool *is_open)
{
    size_t i = s.n && s.p[0] == '-' ? 1 : 0, end;
    *is_open = true;
    if (i == s.n || !is_digit(s.p[i]))
        return i;
    i = s.p[i] == '0' ? i + 1 : skip_digits(s, i);
    if (i < s.n && s.p[i] == '.') {
        end = skip_digits(s, i + 1);
        if (end == i + 1)
            return end;
        i = end;
    }
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
            i++;
        end = skip_digits(s, i);
        if (end == i)
            return end;
        i = end;
    }
    *is_open = false;
    return i;
}

static enum ampql_code too_long_number(const struct json *json, struct ampql_error *err)
{
    return fail(err, AMPQL_LIMIT, "offset %llu: a number of more than %zu bytes",
                (unsigned long long)json->token_offset, json->limits.max_string);
}

static enum ampql_code give_number(struct json *json, struct str s, struct json_token *out,
                                   struct ampql_error *err)
{
    bool is_open;
    size_t end = check_number(s, &is_open);
    char quoted[32];
    if (end < s.n)
        return fail(err, AMPQL_BAD_DATA, "offset %llu: unexpected %s in a number, expected %s",
                    (unsigned long long)(json->token_offset + end),
                    quote_clipped(quoted, sizeof quoted, str_make(s.p + end, 1)),
                    is_open ? "a digit" : "its end");
    if (is_open && json->is_last && json->p == json->end)
        return ends_inside("a number", err);
    if (is_open)
        return unexpected(json, "a digit", err);
    *out = (struct json_token){JSON_NUMBER, s, json->token_offset};
    finish_value(json);
    return AMPQL_OK;
}

/* A number, or the rest of one: it goes on as long as there are bytes that a number can have. */
static enum ampql_code read_number(struct json *json, struct json_token *out,
                                   struct ampql_error *err)
{
    struct str rest = rest_of(json);
    bool is_resumed = json->cut == CUT_NUMBER;
    size_t n = number_length(rest);
    struct str s = str_make(rest.p, n);
    if (!is_resumed)
        json->partial.n = 0;
    if (n > json->limits.max_string || json->partial.n > json->limits.max_string - n)
        return too_long_number(json, err);
    if (n == rest.n && !json->is_last)
        return cut_token(json, CUT_NUMBER, s, out, err);
    json->cut = CUT_NONE;
    json->p += n;
    if (is_resumed) {
        buf_str(&json->partial, s);
        if (json->partial.failed != AMPQL_OK)
            return no_buffer(err);
        s = buf_view(&json->partial);
    }
    return give_number(json, s, out, err);
}

/* ---- true, false, null */

static const struct word {
    const char *text;
    enum json_kind kind;
} words[] = {{"true", JSON_TRUE}, {"false", JSON_FALSE}, {"null", JSON_NULL}};

/* json->word, or the rest of it. */
static enum ampql_code read_word(struct json *json, struct json_token *out, struct ampql_error *err)
{
    const struct word *word = &words[json->word];
    for (; json->p < json->end && word->text[json->matched]; json->p++, json->matched++)
        if (*json->p != word->text[json->matched])
            return unexpected(json, word->text, err);
    json->cut = CUT_NONE;
    if (word->text[json->matched] == '\0') {
        *out = (struct json_token){.kind = word->kind, .offset = json->token_offset};
        finish_value(json);
        return AMPQL_OK;
    }
    if (json->is_last)
        return ends_inside(word->text, err);
    json->cut = CUT_WORD;
    return ask_for_more(json, out);
}

static enum ampql_code start_word(struct json *json, size_t which, struct json_token *out,
                                  struct ampql_error *err)
{
    json->word = which;
    json->matched = 0;
    return read_word(json, out, err);
}

/* ---- objects and arrays */

static enum ampql_code open_container(struct json *json, uint8_t container, struct json_token *out,
                                      struct ampql_error *err)
{
    if (json->depth == json->limits.max_depth)
        return fail(err, AMPQL_LIMIT, "offset %llu: nested more than %zu deep",
                    (unsigned long long)json->token_offset, json->limits.max_depth);
    json->p++;
    json->stack[json->depth++] = container;
    json->expect = container == IN_OBJECT ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
    *out = (struct json_token){.kind = container == IN_OBJECT ? JSON_OBJECT : JSON_ARRAY,
                               .offset = json->token_offset};
    return AMPQL_OK;
}

static enum ampql_code close_container(struct json *json, struct json_token *out)
{
    json->p++;
    bool is_object = json->stack[--json->depth] == IN_OBJECT;
    *out = (struct json_token){.kind = is_object ? JSON_OBJECT_END : JSON_ARRAY_END,
                               .offset = json->token_offset};
    finish_value(json);
    return AMPQL_OK;
}

static enum ampql_code read_value(struct json *json, struct json_token *out,
                                  struct ampql_error *err)
{
    switch (*json->p) {
    case '{':
        return open_container(json, IN_OBJECT, out, err);
    case '[':
        return open_container(json, IN_ARRAY, out, err);
    case ']':
        if (json->expect == EXPECT_VALUE_OR_END)
            return close_container(json, out);
        break;
    case '"':
        return read_string(json, out, err);
    case 't':
        return start_word(json, 0, out, err);
    case 'f':
        return start_word(json, 1, out, err);
    case 'n':
        return start_word(json, 2, out, err);
    default:
        if (*json->p == '-' || is_digit(*json->p))
            return read_number(json, out, err);
    }
    return unexpected(json, expected(json), err);
}

/* ---- the document */

static void skip_blanks(struct json *json)
{
    while (json->p < json->end &&
           (*json->p == ' ' || *json->p == '\n' || *json->p == '\t' || *json->p == '\r'))
        json->p++;
}

/* Go past blanks and the ":" or "," that has to come; false: it is something else. */
static bool skip_separators(struct json *json)
{
    skip_blanks(json);
    if (json->p == json->end)
        return true;
    if (json->expect == EXPECT_COLON) {
        if (*json->p != ':')
            return false;
        json->expect = EXPECT_VALUE;
    } else if (json->expect == EXPECT_COMMA_OR_END && *json->p == ',') {
        json->expect = json->stack[json->depth - 1] == IN_OBJECT ? EXPECT_KEY : EXPECT_VALUE;
    } else {
        return true;
    }
    json->p++;
    skip_blanks(json);
    return true;
}

static enum ampql_code read_end(struct json *json, struct json_token *out, struct ampql_error *err)
{
    if (!json->is_last)
        return ask_for_more(json, out);
    if (json->depth)
        return ends_inside(json->stack[json->depth - 1] == IN_OBJECT ? "an object" : "an array",
                           err);
    if (json->expect != EXPECT_NOTHING)
        return fail(err, AMPQL_BAD_DATA, "the document is empty");
    *out = (struct json_token){.kind = JSON_END, .offset = json->end_offset};
    return AMPQL_OK;
}

static enum ampql_code read_token(struct json *json, struct json_token *out,
                                  struct ampql_error *err)
{
    switch (json->cut) {
    case CUT_STRING:
        return resume_string(json, out, err);
    case CUT_NUMBER:
        return read_number(json, out, err);
    case CUT_WORD:
        return read_word(json, out, err);
    }

    if (!skip_separators(json))
        return unexpected(json, expected(json), err);
    if (json->p == json->end)
        return read_end(json, out, err);
    json->token_offset = offset_of(json, json->p);
    char c = *json->p;
    switch (json->expect) {
    case EXPECT_VALUE:
    case EXPECT_VALUE_OR_END:
        return read_value(json, out, err);
    case EXPECT_KEY:
    case EXPECT_KEY_OR_END:
        if (c == '"')
            return read_string(json, out, err);
        if (c == '}' && json->expect == EXPECT_KEY_OR_END)
            return close_container(json, out);
        break;
    case EXPECT_COMMA_OR_END:
        if (c == (json->stack[json->depth - 1] == IN_OBJECT ? '}' : ']'))
            return close_container(json, out);
        break;
    }
    return unexpected(json, expected(json), err);
}

enum ampql_code json_next(struct json *json, struct json_token *out, struct ampql_error *err)
{
    if (json->failed != AMPQL_OK)
        return fail(err, json->failed, "the document was refused before");
    json->failed = read_token(json, out, err);
    return json->failed;
}

bool json_take_sample(struct json *json, struct json_token *out, int64_t *t_ms, double *v)
{
    bool is_first = json->expect == EXPECT_VALUE_OR_END;
    if (json->failed != AMPQL_OK || json->cut != CUT_NONE || json->p == json->end ||
        (!is_first && (json->expect != EXPECT_COMMA_OR_END || *json->p != ',')) ||
        json->stack[json->depth - 1] != IN_ARRAY || json->depth == json->limits.max_depth ||
        json->limits.max_string < JSON_SAMPLE_ROOM)
        return false;
    struct str rest = str_from(rest_of(json), !is_first), value;
    const char *end = json_scan_sample(rest.p, rest.n, t_ms, v, &value);
    if (!end)
        return false;
    json->token_offset = offset_of(json, value.p - 1);
    json->p = end;
    json->expect = EXPECT_COMMA_OR_END;
    *out = (struct json_token){JSON_STRING, value, json->token_offset};
    return true;
}

enum ampql_code json_skip(struct json *json, struct json_token *token, size_t *depth,
                          struct ampql_error *err)
{
    bool is_resumed = token->kind == JSON_MORE;
    for (;;) {
        if (!is_resumed) {
            if (token->kind == JSON_OBJECT || token->kind == JSON_ARRAY)
                ++*depth;
            else if (token->kind == JSON_OBJECT_END || token->kind == JSON_ARRAY_END)
                --*depth;
            if (*depth == 0)
                return AMPQL_OK;
        }
        is_resumed = false;
        TRY(json_next(json, token, err));
        if (token->kind == JSON_MORE)
            return AMPQL_OK;
    }
}
