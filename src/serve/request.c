/* Reading requests. Forms are read as Go does: those of the body come first, a name may be
 * repeated, and bad escapes refuse the whole. */
#include "serve/request.h"

#include "serve/multipart.h"

static const struct {
    const char *path;
    bool allows_post, is_work;
} routes[] = {
#define ROUTE(name, path, post, work) [SERVE_##name] = {path, post, work},
#include "serve/route.def"
};
_Static_assert(sizeof routes / sizeof *routes == SERVE_NROUTES, "one row for each route");

const char *serve_route_path(enum serve_route route)
{
    return route < SERVE_NROUTES ? routes[route].path : "other";
}

bool serve_route_is_work(enum serve_route route)
{
    return route < SERVE_NROUTES && routes[route].is_work;
}

/* ---- percent-encoding */

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static enum ampql_code decode(struct str text, bool plus_is_blank, struct arena *arena,
                              struct str *out, struct ampql_error *err)
{
    char *p = arena_alloc(arena, text.n + 1, 1);
    size_t n = 0;
    if (!p)
        return fail_nomem(err, "a parameter");
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '%') {
            int high = i + 2 < text.n ? hex(text.p[i + 1]) : -1;
            int low = i + 2 < text.n ? hex(text.p[i + 2]) : -1;
            if (high < 0 || low < 0)
                return fail_quote(err, AMPQL_BAD_DATA,
                                  "error parsing form values: invalid URL escape",
                                  str_make(text.p + i, text.n - i < 3 ? text.n - i : 3));
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_blank) {
            c = ' ';
        }
        p[n++] = c;
    }
    *out = str_make(p, n);
    return AMPQL_OK;
}

/* Up to the first c, which is dropped; rest is behind it. */
static struct str cut(struct str text, char c, struct str *rest)
{
    const char *at = text.n ? memchr(text.p, c, text.n) : NULL;
    size_t n = at ? (size_t)(at - text.p) : text.n;
    *rest = at ? str_from(text, n + 1) : str_make(text.p + text.n, 0);
    return str_make(text.p, n);
}

/* form := [pair {"&" pair}]; pair := name ["=" value] */
static enum ampql_code read_form(struct str text, struct arena *arena, struct serve_request *out,
                                 struct ampql_error *err)
{
    while (text.n) {
        struct str value, pair = cut(text, '&', &text), name = cut(pair, '=', &value);
        struct serve_param param;
        if (pair.n == 0)
            continue;
        if (memchr(pair.p, ';', pair.n))
            return fail(err, AMPQL_BAD_DATA,
                        "error parsing form values: invalid semicolon separator in query");
        if (out->params.n >= SERVE_MAX_PARAMS)
            return fail(err, AMPQL_BAD_DATA, "over %d parameters", SERVE_MAX_PARAMS);
        TRY(decode(name, true, arena, &param.name, err));
        TRY(decode(value, true, arena, &param.value, err));
        if (!array_push(&out->params, arena, param))
            return fail_nomem(err, "a parameter");
    }
    return AMPQL_OK;
}

/* ---- the path */

static bool take_prefix(struct str *path, struct str prefix)
{
    if (prefix.n == 0 || !str_has_prefix(*path, prefix) ||
        (path->n > prefix.n && path->p[prefix.n] != '/'))
        return false;
    *path = str_from(*path, prefix.n);
    return true;
}

/* "/workspaces/ID", as AMP's URLs and the signing proxy's have it. */
static enum ampql_code take_workspace(struct str *path, const struct serve_prefixes *prefixes,
                                      struct ampql_error *err)
{
    struct str rest = *path, id, behind;
    if (!take_prefix(&rest, STR("/workspaces")) || rest.n < 2)
        return AMPQL_OK;
    id = cut(str_from(rest, 1), '/', &behind);
    bool is_known = prefixes->nworkspaces == 0;
    for (size_t i = 0; i < prefixes->nworkspaces; i++)
        is_known |= str_equal(id, prefixes->workspaces[i]);
    if (!is_known)
        return fail_quote(err, AMPQL_NOT_FOUND, "this server does not read workspace", id);
    *path = str_from(rest, 1 + id.n);
    return AMPQL_OK;
}

static bool is_label_values(struct str path, struct str start, struct str *label)
{
    struct str end = STR("/values");
    if (!str_has_prefix(path, start) || path.n <= start.n + end.n || !str_has_suffix(path, end))
        return false;
    *label = str_make(path.p + start.n, path.n - start.n - end.n);
    return memchr(label->p, '/', label->n) == NULL;
}

static enum ampql_code find_route(struct str path, struct serve_request *out,
                                  struct ampql_error *err)
{
    struct str inner = path;
    take_prefix(&inner, STR("/model")); /* Kubecost's, before OpenCost's */
    for (size_t i = 0; i < SERVE_NROUTES; i++) {
        struct str route = str_of(routes[i].path);
        struct str word = str_has_prefix(route, STR("/allocation")) ? inner : path;
        bool found = str_has_suffix(route, STR("/")) ? is_label_values(path, route, &out->label)
                                                     : str_equal(word, route);
        if (found) {
            out->route = (enum serve_route)i;
            return AMPQL_OK;
        }
    }
    return fail_quote(err, AMPQL_NOT_FOUND, "nothing is served at", path);
}

static enum ampql_code read_path(struct str path, const struct serve_prefixes *prefixes,
                                 struct serve_request *out, struct ampql_error *err)
{
    if (prefixes->prefix)
        take_prefix(&path, str_of(prefixes->prefix));
    TRY(take_workspace(&path, prefixes, err));
    return find_route(path, out, err);
}

/* ---- the whole */

static bool is_form(struct str type)
{
    struct str form = STR("application/x-www-form-urlencoded");
    return type.n >= form.n && str_equal_fold(str_make(type.p, form.n), form) &&
           (type.n == form.n || type.p[form.n] == ';' || type.p[form.n] == ' ');
}

static enum ampql_code check_method(struct str method, enum serve_route route,
                                    struct ampql_error *err)
{
    bool is_probe = route == SERVE_HEALTHY || route == SERVE_READY;
    if (str_equal(method, STR("GET")) || (is_probe && str_equal(method, STR("HEAD"))) ||
        (routes[route].allows_post && str_equal(method, STR("POST"))))
        return AMPQL_OK;
    return fail(err, AMPQL_UNSUPPORTED, "Method Not Allowed");
}

static enum ampql_code read_params(const struct serve_input *input, struct str query,
                                   struct arena *arena, struct serve_request *out,
                                   struct ampql_error *err)
{
    if (str_equal(input->method, STR("POST")) && is_form(input->content_type))
        TRY(read_form(input->body, arena, out, err));
    TRY(read_form(query, arena, out, err));
    return str_equal(input->method, STR("POST")) && multipart_is(input->content_type)
               ? multipart_read(input->content_type, input->body, arena, out, err)
               : AMPQL_OK;
}

enum ampql_code serve_request_read(const struct serve_input *input,
                                   const struct serve_prefixes *prefixes, struct arena *arena,
                                   struct serve_request *out, struct ampql_error *err)
{
    struct str query, path;
    *out = (struct serve_request){.route = SERVE_NOWHERE, .status = 400};
    TRY(decode(cut(input->target, '?', &query), false, arena, &path, err));
    out->status = 404;
    TRY(read_path(path, prefixes, out, err));
    out->status = 405;
    TRY(check_method(input->method, out->route, err));
    out->status = 400;
    TRY(read_params(input, query, arena, out, err));
    out->status = 0;
    return AMPQL_OK;
}

struct str serve_param(const struct serve_request *request, const char *name)
{
    for (size_t i = 0; i < request->params.n; i++)
        if (str_equal(request->params.at[i].name, str_of(name)))
            return request->params.at[i].value;
    return str_make(NULL, 0);
}

/* ---- headers */

static bool is_port(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
    return text.n <= 5;
}

/* host := name [":" port] | "[" address "]" [":" port] */
static bool split_host(struct str text, struct str *name)
{
    const char *end = text.n && text.p[0] == '[' ? memchr(text.p, ']', text.n) : NULL;
    size_t n = end ? (size_t)(end - text.p) + 1 : 0;
    while (!end && n < text.n && text.p[n] != ':')
        n++;
    *name = str_make(text.p, n);
    return n == text.n || (text.p[n] == ':' && is_port(str_from(text, n + 1)));
}

/* 127.0.0.0/8, written in full. */
static bool is_loopback_address(struct str name)
{
    size_t ndots = 0;
    if (!str_has_prefix(name, STR("127.")) || name.n > 15)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        bool is_dot = name.p[i] == '.';
        if (!is_dot && (name.p[i] < '0' || name.p[i] > '9'))
            return false;
        ndots += is_dot;
    }
    return ndots == 3;
}

bool serve_host_is_allowed(struct str host, const char *const *names, size_t nnames)
{
    struct str name;
    if (!split_host(host, &name))
        return false;
    if (str_equal_fold(name, STR("localhost")) || str_equal(name, STR("[::1]")) ||
        is_loopback_address(name))
        return true;
    for (size_t i = 0; i < nnames; i++)
        if (str_equal_fold(name, str_of(names[i])))
            return true;
    return false;
}

bool serve_token_is(struct str authorization, struct str token)
{
    struct str scheme = STR("Bearer ");
    if (token.n == 0 || authorization.n != scheme.n + token.n ||
        !str_equal_fold(str_make(authorization.p, scheme.n), scheme))
        return false;
    unsigned char differ = 0;
    for (size_t i = 0; i < token.n; i++)
        differ |= (unsigned char)(authorization.p[scheme.n + i] ^ token.p[i]);
    return differ == 0;
}

static struct str trim(struct str s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = str_from(s, 1);
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* coding := name [";" "q=" number]; q=0, q=0.0, ... say no. */
bool serve_takes_gzip(struct str accept)
{
    while (accept.n) {
        struct str weight, item = cut(accept, ',', &accept), name = trim(cut(item, ';', &weight));
        if (!str_equal_fold(name, STR("gzip")))
            continue;
        weight = trim(weight);
        bool is_zero = str_has_prefix(weight, STR("q=0"));
        for (size_t i = 3; is_zero && i < weight.n; i++)
            is_zero = weight.p[i] == '.' || weight.p[i] == '0';
        return !is_zero;
    }
    return false;
}
