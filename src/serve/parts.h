/* Parts of the answers of serve_api.c that lie in files of their own. */
#ifndef AMPQL_SRC_SERVE_PARTS_H
#define AMPQL_SRC_SERVE_PARTS_H

#include "serve/api.h"

struct serve_words {
    ARRAY(struct str);
};

/* The label sets of results [n] as the body of /api/v1/series: in label order, each once. False: no
 * memory. The arena is for the work. */
bool serve_put_series(struct buf *body, struct arena *arena, struct ampql_result *const *results,
                      size_t n);

/* The label names of results [n], or with a name its values, in bytewise order. */
bool serve_put_words(struct buf *body, struct arena *arena, struct ampql_result *const *results,
                     size_t n, struct str name);

/* A time of a request, Unix ms: fallback when it is not given. False: refused, and out says so. */
bool serve_read_time(const struct serve_request *request, const char *name, int64_t fallback,
                     bool is_required, int64_t *ms, struct serve_answer *out);

/* Status 400: `invalid parameter "NAME": ...` */
void serve_fail_param(struct serve_answer *out, const char *name, const struct ampql_error *err);

/* /allocation and its summary. */
void serve_answer_cost(const struct serve_api *api, const struct serve_request *request,
                       struct ampql_source *source, struct ampql_cancel *cancel, int64_t waited_ms,
                       struct serve_answer *out);

#endif
