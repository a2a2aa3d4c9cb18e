/* Any bytes as method, target, content type and body, a line each: refused with a status and a
 * message, or a route whose parameters are not longer than what came in. Headers of any bytes end
 * in a yes or no. */
#include "serve/request.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str line(struct str *rest)
{
    const char *feed = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
    struct str out = str_make(rest->p, feed ? (size_t)(feed - rest->p) : rest->n);
    *rest = str_from(*rest, feed ? out.n + 1 : out.n);
    return out;
}

static void check(const struct serve_request *request, enum ampql_code code, size_t size,
                  const struct ampql_error *err)
{
    size_t total = 0;
    for (size_t i = 0; i < request->params.n; i++)
        total += request->params.at[i].name.n + request->params.at[i].value.n;
    if (total > size || request->params.n > SERVE_MAX_PARAMS)
        abort();
    if (code == AMPQL_OK ? request->status != 0 || request->route >= SERVE_NROUTES
                         : request->status < 400 || err->message[0] == '\0')
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct str workspaces[] = {{"ws-1", 4}};
    static const struct serve_prefixes prefixes = {"/p", workspaces, 1};
    struct str rest = str_make(size ? (const char *)data : "", size);
    struct serve_input input;
    struct serve_request request;
    struct ampql_error err = {0};
    struct arena arena;
    input.method = line(&rest);
    input.target = line(&rest);
    input.content_type = line(&rest);
    input.body = rest;
    arena_init(&arena, &alloc_default);
    enum ampql_code code = serve_request_read(&input, &prefixes, &arena, &request, &err);
    check(&request, code, size, &err);
    serve_host_is_allowed(input.target, NULL, 0);
    serve_takes_gzip(input.body);
    if (serve_token_is(input.content_type, STR("abc")) && input.content_type.n != 10)
        abort();
    arena_done(&arena);
    return 0;
}
