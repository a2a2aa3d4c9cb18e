/* `ampql doctor`: what stands between a source and a bill, one check a line. */
#ifndef AMPQL_SRC_TOOL_DOCTOR_H
#define AMPQL_SRC_TOOL_DOCTOR_H

#include <ampql/query.h>
#include <ampql/source.h>

#include "base/array.h"
#include "base/error.h"

enum doctor_status { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor_check {
    const char *name; /* "clock" */
    enum doctor_status status;
    struct str text;      /* what was found */
    struct str advice;    /* what to do about it; empty: nothing */
    enum ampql_code code; /* of a failure: AMPQL_UNAUTHORIZED, ...; AMPQL_OK: the data's */
};

/* Everything found so far, in the arena. */
struct doctor {
    struct arena *arena;
    ARRAY(struct doctor_check);
    size_t nclusters; /* that doctor_metrics saw */
};

/* Add a check. advice may be NULL.
 *   err  AMPQL_NOMEM */
enum ampql_code doctor_add(struct doctor *doctor, const char *name, enum doctor_status status,
                           enum ampql_code code, struct ampql_error *err, const char *advice,
                           const char *format, ...) __attribute__((format(printf, 7, 8)));

/* ---- a server: credentials, connection, clock, dialect */

struct doctor_server {
    const char *url;                /* http(s)://..., or NULL: */
    const char *workspace, *region; /* of AMP */
    const struct ampql_http_options *options;
    int64_t now_ms;
};

/* One request that costs nothing, looked at from all sides. *is_reached: it was answered as by a
 * Prometheus, so that there is data to look at.
 *   err  AMPQL_NOMEM, AMPQL_CANCELED, and options that contradict each other: AMPQL_BAD_DATA,
 *        AMPQL_NOT_FOUND, AMPQL_UNSUPPORTED. Everything else is a check that fails */
enum ampql_code doctor_server(struct doctor *doctor, const struct doctor_server *server,
                              bool *is_reached, struct ampql_error *err);

/* ---- the data of any source */

struct doctor_data {
    struct ampql_engine *engine;
    struct ampql_source *source;
    const struct ampql_run_options *options; /* start_ms and end_ms: where series are looked for */
    const char *cluster_label;               /* NULL: "cluster_id" */
    const char *cluster_id;                  /* NULL: any */
};

/* The metrics that the cost model reads, and the cluster label.
 *   err  as ampql_series_run */
enum ampql_code doctor_metrics(struct doctor *doctor, const struct doctor_data *data,
                               struct ampql_error *err);

/* What the rule checker finds.
 *   text  of the rule file, which loads
 *   err   as rule_checker_add and rule_checker_run */
enum ampql_code doctor_rules(struct doctor *doctor, const struct doctor_data *data, struct str text,
                             struct ampql_error *err);

/* The worst of all. */
enum doctor_status doctor_worst(const struct doctor *doctor);

#endif
