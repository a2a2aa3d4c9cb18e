/* Random series behind a query API in memory, for tests of the server source. */
#ifndef AMPQL_TESTS_SERVER_DATA_H
#define AMPQL_TESTS_SERVER_DATA_H

#include "source/server.h"
#include "support/api.h"

enum { API_DATA_SERIES = 24, API_DATA_SAMPLES = 400, API_DATA_LABELS = 4 };
#define API_DATA_BASE INT64_C(1709402400000) /* a full hour */

struct api_data {
    struct test_series series[API_DATA_SERIES];
    struct ampql_label labels[API_DATA_SERIES][API_DATA_LABELS];
    char text[API_DATA_SERIES][API_DATA_LABELS][32];
    int64_t t[API_DATA_SERIES][API_DATA_SAMPLES];
    double v[API_DATA_SERIES][API_DATA_SAMPLES];
    size_t n;
};

/* The first n series, of nsamples each, by rand: up and x, by namespace and pod, with a sample
 * about every minute, some of them exactly on full minutes, gaps and stale markers. */
void api_data_make(struct api_data *data, size_t n, size_t nsamples);

/* Put them in label order, as sources give them. */
void api_data_sort(struct api_data *data);

/* An API over them, which speaks prom3 and fails in nothing. */
struct api api_of(const struct api_data *data);

/* The same, but it fails as that one: fault, status, body, header, cut_at, server_ahead_ms, and
 * now_ms when it is not 0. */
struct api api_failing(const struct api_data *data, const struct api *as);

/* A source of an API. The caller frees it. */
struct ampql_source *api_open(struct api *api, const struct server_options *options);

#endif
