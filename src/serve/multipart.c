/* multipart := {"--" boundary CRLF {header CRLF} CRLF value CRLF} "--" boundary "--" */
#include "serve/multipart.h"

#include <string.h>

static bool starts_fold(struct str text, struct str word)
{
    return text.n >= word.n && str_equal_fold(str_make(text.p, word.n), word);
}

bool multipart_is(struct str content_type)
{
    struct str type = STR("multipart/form-data");
    return starts_fold(content_type, type) &&
           (content_type.n == type.n || content_type.p[type.n] == ';' ||
            content_type.p[type.n] == ' ');
}

/* Where word begins in text; text.n: nowhere. */
static size_t find(struct str text, struct str word)
{
    const char *at = text.n ? memmem(text.p, text.n, word.p, word.n) : NULL;
    return at ? (size_t)(at - text.p) : text.n;
}

/* attribute := ";" name "=" (token | quoted); false: there is none of this name. */
static bool read_attribute(struct str header, struct str name, struct str *out)
{
    while (header.n) {
        const char *semicolon = memchr(header.p, ';', header.n);
        if (!semicolon)
            return false;
        header = str_from(header, (size_t)(semicolon - header.p) + 1);
        while (header.n && (header.p[0] == ' ' || header.p[0] == '\t'))
            header = str_from(header, 1);
        if (!starts_fold(header, name) || header.n <= name.n || header.p[name.n] != '=')
            continue;
        struct str value = str_from(header, name.n + 1);
        bool is_quoted = value.n && value.p[0] == '"';
        value = str_from(value, is_quoted);
        const char *end = value.n ? memchr(value.p, is_quoted ? '"' : ';', value.n) : NULL;
        *out = str_make(value.p, end ? (size_t)(end - value.p) : value.n);
        return !is_quoted || end;
    }
    return false;
}

/* The line that names the field; false: none does, or it is a file. */
static bool read_name(struct str headers, struct str *name)
{
    struct str disposition = STR("Content-Disposition:"), file;
    while (headers.n) {
        size_t n = find(headers, STR("\r\n"));
        struct str line = str_make(headers.p, n);
        if (starts_fold(line, disposition))
            return read_attribute(line, STR("name"), name) &&
                   !read_attribute(line, STR("filename"), &file);
        headers = str_from(headers, n + 2 < headers.n ? n + 2 : headers.n);
    }
    return false;
}

static enum ampql_code refuse(struct ampql_error *err)
{
    return fail(err, AMPQL_BAD_DATA,
                "error parsing form values: the body is no multipart/form-data with the boundary "
                "of its Content-Type");
}

/* One part, without the boundaries around it: CRLF headers CRLF CRLF value. */
static enum ampql_code read_part(struct str part, struct arena *arena, struct serve_request *out,
                                 struct ampql_error *err)
{
    struct serve_param param;
    size_t blank = find(part, STR("\r\n\r\n"));
    if (!str_has_prefix(part, STR("\r\n")) || blank == part.n)
        return refuse(err);
    struct str headers = blank > 2 ? str_make(part.p + 2, blank - 2) : str_make(part.p, 0);
    if (!read_name(headers, &param.name))
        return AMPQL_OK;
    param.value = str_from(part, blank + 4);
    if (out->params.n >= SERVE_MAX_PARAMS)
        return fail(err, AMPQL_BAD_DATA, "over %d parameters", SERVE_MAX_PARAMS);
    return array_push(&out->params, arena, param) ? AMPQL_OK : fail_nomem(err, "a parameter");
}

enum ampql_code multipart_read(struct str content_type, struct str body, struct arena *arena,
                               struct serve_request *out, struct ampql_error *err)
{
    enum { MAX_BOUNDARY = 70 }; /* RFC 2046 */
    char text[MAX_BOUNDARY + 5] = "\r\n--";
    struct str boundary, mark;
    if (!read_attribute(content_type, STR("boundary"), &boundary) || boundary.n == 0 ||
        boundary.n > MAX_BOUNDARY)
        return refuse(err);
    memcpy(text + 4, boundary.p, boundary.n);
    mark = str_make(text, boundary.n + 4);
    if (!str_has_prefix(body, str_from(mark, 2)))
        return refuse(err);
    body = str_from(body, mark.n - 2);
    while (!str_has_prefix(body, STR("--"))) {
        size_t n = find(body, mark);
        if (n == body.n)
            return refuse(err);
        TRY(read_part(str_make(body.p, n), arena, out, err));
        body = str_from(body, n + mark.n);
    }
    return AMPQL_OK;
}
