/* Forms as `curl -F` and browsers send them: multipart/form-data, RFC 7578. */
#ifndef AMPQL_SRC_SERVE_MULTIPART_H
#define AMPQL_SRC_SERVE_MULTIPART_H

#include "serve/request.h"

/* Is it a content type of such forms? */
bool multipart_is(struct str content_type);

/* Append the fields of a body to the parameters, as views of it; files among them are left out.
 *   err  AMPQL_BAD_DATA: no boundary, or the body is not cut by it to its end; too many parameters;
 *        AMPQL_NOMEM */
enum ampql_code multipart_read(struct str content_type, struct str body, struct arena *arena,
                               struct serve_request *out, struct ampql_error *err);

#endif
