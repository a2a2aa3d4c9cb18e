/* Reading signing cases. */
#include "support/sigv4_case.h"

#include "base/time.h"

#include <stdio.h>

/* The next line, without its end; false when nothing is left. */
static bool take_line(struct str *rest, struct str *line)
{
    if (rest->n == 0)
        return false;
    const char *end = memchr(rest->p, '\n', rest->n);
    size_t n = end ? (size_t)(end - rest->p) : rest->n;
    *line = str_make(rest->p, n);
    *rest = str_from(*rest, n + (end ? 1 : 0));
    return true;
}

static bool split(struct str text, char mark, struct str *before, struct str *after)
{
    const char *at = text.n ? memchr(text.p, mark, text.n) : NULL;
    if (!at)
        return false;
    *before = str_make(text.p, (size_t)(at - text.p));
    *after = str_from(text, before->n + 1);
    return true;
}

/* "20150830T123600Z" */
static bool read_date(struct str text, int64_t *ms)
{
    char rfc[32];
    if (text.n != 16)
        return false;
    snprintf(rfc, sizeof rfc, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", text.p, text.p + 4, text.p + 6,
             text.p + 9, text.p + 11, text.p + 13);
    return time_parse(str_of(rfc), 0, ms, NULL) == AMPQL_OK;
}

static bool parse_context(struct str text, struct sigv4_case *out)
{
    struct str line, key, value;
    while (take_line(&text, &line)) {
        if (!split(line, ' ', &key, &value))
            return false;
        if (str_equal(key, STR("region")))
            out->sigv4.region = value;
        else if (str_equal(key, STR("service")))
            out->sigv4.service = value;
        else if (str_equal(key, STR("access_key_id")))
            out->credentials.access_key_id = value;
        else if (str_equal(key, STR("secret_access_key")))
            out->credentials.secret_access_key = value;
        else if (str_equal(key, STR("session_token")))
            out->credentials.session_token = value;
        else if (str_equal(key, STR("keeps_dots")))
            out->sigv4.keeps_dots = str_equal(value, STR("true"));
        else if (!str_equal(key, STR("date")) || !read_date(value, &out->sigv4.now_ms))
            return false;
    }
    return true;
}

static bool parse_request(struct str text, struct sigv4_case *out)
{
    struct str line;
    size_t n = 0;
    if (!take_line(&text, &line) || !split(line, ' ', &out->request.method, &out->request.url))
        return false;
    while (take_line(&text, &line) && line.n) {
        struct str name, value;
        if (line.p[0] == ' ' && n > 0) { /* the value goes on, over the line break */
            struct str *last = &out->headers[n - 1].value;
            last->n = (size_t)(line.p + line.n - last->p);
            continue;
        }
        if (n == SIGV4_CASE_HEADERS || !split(line, ':', &name, &value))
            return false;
        out->headers[n++] = (struct http_header){name, value, false};
    }
    out->request.body = text;
    out->request.nheaders = n;
    return true;
}

bool sigv4_case_parse(struct str context, struct str request, struct sigv4_case *out)
{
    *out = (struct sigv4_case){0};
    out->sigv4.credentials = &out->credentials;
    out->request.headers = out->headers;
    return parse_context(context, out) && parse_request(request, out);
}

static bool read_file(const char *folder, const char *name, struct arena *arena, struct str *out)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    enum { MAX = 65536 };
    char *p = arena_alloc(arena, MAX, 1);
    if (!f || !p)
        return false;
    size_t n = fread(p, 1, MAX, f);
    fclose(f);
    *out = str_make(p, n);
    return n < MAX;
}

static bool read_text(const char *folder, const char *name, struct arena *arena, struct str *out)
{
    if (!read_file(folder, name, arena, out) || out->n == 0 || out->p[out->n - 1] != '\n')
        return false;
    out->n--;
    return true;
}

bool sigv4_case_load(const char *folder, struct arena *arena, struct sigv4_case *out)
{
    struct str context, request;
    return read_file(folder, "context.txt", arena, &context) &&
           read_file(folder, "request.txt", arena, &request) &&
           sigv4_case_parse(context, request, out) &&
           read_text(folder, "canonical_request.txt", arena, &out->canonical_request) &&
           read_text(folder, "string_to_sign.txt", arena, &out->string_to_sign) &&
           read_text(folder, "authorization.txt", arena, &out->authorization);
}
