/* Tags in order, with a stack of the open ones. */
#include "source/aws_xml.h"

#include "base/buf.h"
#include "base/utf8.h"

enum { MAX_DEPTH = 64 };

enum token_kind { TOKEN_OPEN, TOKEN_CLOSE, TOKEN_EMPTY, TOKEN_TEXT, TOKEN_CDATA, TOKEN_END };

struct token {
    enum token_kind kind;
    struct str text; /* a tag's name without prefix, or text as written */
    size_t start;    /* of the token in the document */
};

struct reader {
    struct str xml;
    size_t at;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static enum ampql_code cut(struct ampql_error *err)
{
    return fail(err, AMPQL_BAD_DATA, "the XML ends inside a tag or element");
}

/* Move past `end`; *inner is what stood before it. */
static bool pass(struct reader *r, struct str end, struct str *inner)
{
    for (size_t i = r->at; i + end.n <= r->xml.n; i++)
        if (memcmp(r->xml.p + i, end.p, end.n) == 0) {
            *inner = str_make(r->xml.p + r->at, i - r->at);
            r->at = i + end.n;
            return true;
        }
    return false;
}

/* tag := "<" ["/"] [prefix ":"] name attributes ["/"] ">", behind the "<" */
static enum ampql_code read_tag(struct reader *r, struct token *out, struct ampql_error *err)
{
    size_t i = r->at;
    bool closes = i < r->xml.n && r->xml.p[i] == '/';
    size_t from = i += closes;
    for (; i < r->xml.n && r->xml.p[i] != '>' && r->xml.p[i] != '/' && !is_space(r->xml.p[i]);
         i++) {
        if (r->xml.p[i] == ':')
            from = i + 1;
        if (r->xml.p[i] == '<')
            return fail(err, AMPQL_BAD_DATA, "a < inside of an XML tag");
    }
    out->text = str_make(r->xml.p + from, i - from);
    char quote = 0;
    for (; i < r->xml.n && (quote || r->xml.p[i] != '>'); i++) {
        char c = r->xml.p[i];
        if (quote)
            quote = c == quote ? 0 : quote;
        else if (c == '"' || c == '\'')
            quote = c;
        else if (c == '<')
            return fail(err, AMPQL_BAD_DATA, "a < inside of an XML tag");
    }
    if (i >= r->xml.n)
        return cut(err);
    if (out->text.n == 0)
        return fail(err, AMPQL_BAD_DATA, "an XML tag without a name");
    bool is_empty = r->xml.p[i - 1] == '/' && !closes;
    out->kind = closes ? TOKEN_CLOSE : is_empty ? TOKEN_EMPTY : TOKEN_OPEN;
    r->at = i + 1;
    return AMPQL_OK;
}

static enum ampql_code next(struct reader *r, struct token *out, struct ampql_error *err)
{
    static const struct {
        struct str start, end;
    } passed[] = {{{"<!--", 4}, {"-->", 3}}, {{"<?", 2}, {"?>", 2}}};
again:
    *out = (struct token){.kind = TOKEN_END, .start = r->at};
    struct str rest = str_from(r->xml, r->at);
    if (rest.n == 0)
        return AMPQL_OK;
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++)
        if (str_has_prefix(rest, passed[i].start)) {
            r->at += passed[i].start.n;
            if (!pass(r, passed[i].end, &rest))
                return cut(err);
            goto again;
        }
    if (str_has_prefix(rest, STR("<![CDATA["))) {
        r->at += 9;
        out->kind = TOKEN_CDATA;
        return pass(r, STR("]]>"), &out->text) ? AMPQL_OK : cut(err);
    }
    if (str_has_prefix(rest, STR("<!")))
        return fail(err, AMPQL_BAD_DATA, "XML with a document type");
    if (rest.p[0] == '<') {
        r->at++;
        return read_tag(r, out, err);
    }
    const char *tag = memchr(rest.p, '<', rest.n);
    out->kind = TOKEN_TEXT;
    out->text = str_make(rest.p, tag ? (size_t)(tag - rest.p) : rest.n);
    r->at += out->text.n;
    return AMPQL_OK;
}

enum ampql_code aws_xml_find(struct str xml, struct str name, struct str *inside,
                             struct ampql_error *err)
{
    struct reader r = {xml, 0};
    struct str open[MAX_DEPTH];
    struct token token;
    size_t depth = 0, wanted = 0, from = 0; /* wanted: the depth of the element, once it is found */
    bool is_found = false;
    for (;;) {
        TRY(next(&r, &token, err));
        if (token.kind == TOKEN_END)
            break;
        bool is_it = !is_found && wanted == 0 && str_equal(token.text, name);
        if (token.kind == TOKEN_EMPTY && is_it) {
            *inside = STR("");
            is_found = true;
        } else if (token.kind == TOKEN_OPEN) {
            if (depth == MAX_DEPTH)
                return fail(err, AMPQL_BAD_DATA, "XML more than %d levels deep", MAX_DEPTH);
            open[depth++] = token.text;
            if (is_it) {
                wanted = depth;
                from = r.at;
            }
        } else if (token.kind == TOKEN_CLOSE) {
            if (depth == 0 || !str_equal(open[depth - 1], token.text))
                return fail(err, AMPQL_BAD_DATA, "an XML tag that closes nothing");
            if (!is_found && depth == wanted) {
                *inside = str_make(xml.p + from, token.start - from);
                is_found = true;
            }
            depth--;
        }
    }
    if (depth)
        return cut(err);
    return is_found ? AMPQL_OK : fail_quote(err, AMPQL_NOT_FOUND, "no XML element", name);
}

/* "&amp;", "&#38;", "&#x26;", without & and ; */
static bool decode_entity(struct buf *out, struct str name)
{
    static const struct {
        struct str name;
        char c;
    } named[] = {{{"amp", 3}, '&'},
                 {{"lt", 2}, '<'},
                 {{"gt", 2}, '>'},
                 {{"quot", 4}, '"'},
                 {{"apos", 4}, '\''}};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (str_equal(name, named[i].name)) {
            buf_byte(out, named[i].c);
            return true;
        }
    bool is_hex = name.n > 2 && (name.p[1] == 'x' || name.p[1] == 'X');
    uint32_t rune = 0;
    if (name.n < 2 || name.p[0] != '#')
        return false;
    for (size_t i = is_hex ? 2 : 1; i < name.n; i++) {
        char c = name.p[i];
        int digit = c >= '0' && c <= '9'          ? c - '0'
                    : is_hex && (c | 0x20) >= 'a' ? (c | 0x20) - 'a' + 10
                                                  : 99;
        if (digit >= (is_hex ? 16 : 10) || rune > 0x10ffff)
            return false;
        rune = rune * (is_hex ? 16 : 10) + (uint32_t)digit;
    }
    if (rune == 0 || rune > 0x10ffff || (rune >= 0xd800 && rune < 0xe000))
        return false;
    char utf8[4];
    buf_bytes(out, utf8, utf8_encode(rune, utf8));
    return true;
}

static enum ampql_code decode_text(struct buf *out, struct str text, struct ampql_error *err)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] != '&') {
            buf_byte(out, text.p[i]);
            continue;
        }
        const char *end = memchr(text.p + i, ';', text.n - i);
        if (!end || !decode_entity(out, str_make(text.p + i + 1, (size_t)(end - text.p) - i - 1)))
            return fail(err, AMPQL_BAD_DATA, "an XML entity that is none of the five");
        i = (size_t)(end - text.p);
    }
    return AMPQL_OK;
}

static enum ampql_code decode(struct buf *out, struct str inside, struct ampql_error *err)
{
    struct reader r = {inside, 0};
    struct token token;
    for (;;) {
        TRY(next(&r, &token, err));
        if (token.kind == TOKEN_END)
            return AMPQL_OK;
        if (token.kind == TOKEN_CDATA)
            buf_str(out, token.text);
        else if (token.kind == TOKEN_TEXT)
            TRY(decode_text(out, token.text, err));
        else
            return fail(err, AMPQL_BAD_DATA, "an XML element where text was expected");
    }
}

enum ampql_code aws_xml_text(struct str xml, struct str name, struct arena *arena, struct str *out,
                             struct ampql_error *err)
{
    struct str inside = {0};
    struct buf text;
    TRY(aws_xml_find(xml, name, &inside, err));
    buf_init(&text, arena->alc, SIZE_MAX / 2);
    enum ampql_code code = decode(&text, inside, err);
    struct str plain = buf_view(&text);
    while (plain.n && is_space(plain.p[0]))
        plain = str_from(plain, 1);
    while (plain.n && is_space(plain.p[plain.n - 1]))
        plain.n--;
    if (code == AMPQL_OK)
        *out = text.failed ? (struct str){0} : arena_copy(arena, plain);
    buf_done(&text);
    return code == AMPQL_OK && !out->p ? fail_nomem(err, "an answer of STS") : code;
}
