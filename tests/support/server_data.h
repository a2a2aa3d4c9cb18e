/* Random series behind a query API in memory, for tests of the server source. */
#ifndef AMPQL_TESTS_SERVER_DATA_H
#define AMPQL_TESTS_SERVER_DATA_H

#include "source/server.h"
#include "support/api.h"

enum { SERVER_DATA_SERIES = 24, SERVER_DATA_SAMPLES = 400, SERVER_DATA_LABELS = 4 };
#define SERVER_DATA_BASE INT64_C(1709402400000) /* a full hour */

struct server_data {
    struct test_series series[SERVER_DATA_SERIES];
    struct ampql_label labels[SERVER_DATA_SERIES][SERVER_DATA_LABELS];
    char text[SERVER_DATA_SERIES][SERVER_DATA_LABELS][32];
    int64_t t[SERVER_DATA_SERIES][SERVER_DATA_SAMPLES];
    double v[SERVER_DATA_SERIES][SERVER_DATA_SAMPLES];
    size_t n;
};

/* The first n series, of nsamples each, by rand: up and x, by namespace and pod, with a sample
 * about every minute, some of them exactly on full minutes, gaps and stale markers. */
void server_data_make(struct server_data *data, size_t n, size_t nsamples);

/* Put them in label order, as sources give them. */
void server_data_sort(struct server_data *data);

/* An API over them, which speaks prom3 and fails in nothing. */
struct api api_of(const struct server_data *data);

/* The same, but it fails as that one: fault, status, body, header, cut_at, server_ahead_ms, and
 * now_ms when it is not 0. */
struct api api_failing(const struct server_data *data, const struct api *as);

/* A source of an API. The caller frees it. */
struct ampql_source *api_open(struct api *api, const struct server_options *options);

#endif
