/* A request to `ampql serve`, read: which route it is for, and its parameters. Knows no HTTP
 * library. */
#ifndef AMPQL_SRC_SERVE_REQUEST_H
#define AMPQL_SRC_SERVE_REQUEST_H

#include "base/array.h"
#include "base/error.h"

enum serve_route {
#define ROUTE(name, ...) SERVE_##name,
#include "serve/route.def"
    SERVE_NROUTES,
    SERVE_NOWHERE = SERVE_NROUTES
};

/* The path of a route; of SERVE_NOWHERE "other". */
const char *serve_route_path(enum serve_route route);

/* Is it computed by a worker, in its turn? */
bool serve_route_is_work(enum serve_route route);

struct serve_param {
    struct str name, value;
};

/* What came in. All of it may be any bytes. */
struct serve_input {
    struct str method;
    struct str target;       /* "/api/v1/query?query=up" */
    struct str content_type; /* of the body; empty: none */
    struct str body;         /* its parameters, when it is a form */
};

/* Which prefixes stand before the routes, besides none, "/model" before "/allocation" and
 * "/workspaces/ID". */
struct serve_prefixes {
    const char *prefix;           /* "/prometheus"; NULL: none */
    const struct str *workspaces; /* [nworkspaces] the only IDs; 0: any */
    size_t nworkspaces;
};

struct serve_request {
    enum serve_route route;
    int status;       /* 0: go on; 400, 404 or 405, err says why */
    struct str label; /* of SERVE_LABEL_VALUES */
    struct {
        ARRAY(struct serve_param); /* those of a form in the body first, of a multipart one last */
    } params;
};

enum { SERVE_MAX_PARAMS = 1000 };

/* Read a request into the arena.
 *   err  AMPQL_NOT_FOUND: no such path, another workspace; AMPQL_UNSUPPORTED: the method;
 *        AMPQL_BAD_DATA: %XX, a semicolon, too many parameters; AMPQL_NOMEM. route is set whenever
 *        the path is one */
enum ampql_code serve_request_read(const struct serve_input *input,
                                   const struct serve_prefixes *prefixes, struct arena *arena,
                                   struct serve_request *out, struct ampql_error *err);

/* The first value of a parameter; p is NULL when there is none. */
struct str serve_param(const struct serve_request *request, const char *name);

/* Is a Host header ("localhost:9091") the name of this machine to itself, or one of names? A page
 * of somebody else's whose name leads here is told apart by it. */
bool serve_host_is_allowed(struct str host, const char *const *names, size_t nnames);

/* Is an Authorization header "Bearer TOKEN"? Takes the same time wherever they differ. */
bool serve_token_is(struct str authorization, struct str token);

/* Does an Accept-Encoding header take gzip? */
bool serve_takes_gzip(struct str accept);

#endif
