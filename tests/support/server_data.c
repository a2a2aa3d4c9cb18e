/* Random series behind a query API in memory. */
#include "support/server_data.h"

#include "series/label_set.h"
#include "series/sample.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct ampql_string string_of(const char *text)
{
    return (struct ampql_string){text, strlen(text)};
}

void server_data_make(struct server_data *data, size_t n, size_t nsamples)
{
    static const char *const names[SERVER_DATA_LABELS] = {"__name__", "ns", "pod", "zone"};
    data->n = n;
    for (size_t i = 0; i < n; i++) {
        char(*text)[32] = data->text[i];
        snprintf(text[0], 32, "%s", i < (n + 1) / 2 ? "up" : "x");
        snprintf(text[1], 32, "n%zu", i / 3 % 4);
        snprintf(text[2], 32, "p%02zu", i);
        snprintf(text[3], 32, "z%zu", i % 2);
        size_t nlabels = 0;
        for (size_t k = 0; k < SERVER_DATA_LABELS; k++) {
            if (k == 1 && i % 5 == 4) /* some are in no namespace */
                continue;
            data->labels[i][nlabels++] =
                (struct ampql_label){string_of(names[k]), string_of(text[k])};
        }
        int64_t t = SERVER_DATA_BASE + (i % 3 ? rand() % 60000 : 0);
        for (size_t k = 0; k < nsamples; k++) {
            data->t[i][k] = t;
            data->v[i][k] = rand() % 20 == 0   ? double_of(STALE_BITS)
                            : rand() % 30 == 0 ? NAN
                            : rand() % 2       ? rand() % 1000
                                               : rand() / 7.0;
            t += rand() % 15 ? 60000 : 60000 * (rand() % 9 + 1) - (i % 3 ? rand() % 50000 : 0);
        }
        data->series[i] =
            (struct test_series){data->labels[i], nlabels, data->t[i], data->v[i], nsamples};
    }
}

static int by_label(const void *a, const void *b)
{
    const struct test_series *x = a, *y = b;
    return label_sets_compare(x->labels, x->nlabels, y->labels, y->nlabels);
}

void server_data_sort(struct server_data *data)
{
    qsort(data->series, data->n, sizeof *data->series, by_label);
}

struct api api_of(const struct server_data *data)
{
    return (struct api){.alc = alloc_default,
                        .series = data->series,
                        .n = data->n,
                        .dialect = AMPQL_PROM3,
                        .now_ms = 1767323645000};
}

struct api api_failing(const struct server_data *data, const struct api *as)
{
    struct api api = api_of(data);
    api.fault = as->fault;
    api.status = as->status;
    api.body = as->body;
    api.header_name = as->header_name;
    api.header_value = as->header_value;
    api.cut_at = as->cut_at;
    api.server_ahead_ms = as->server_ahead_ms;
    if (as->now_ms)
        api.now_ms = as->now_ms;
    return api;
}

struct ampql_source *api_open(struct api *api, const struct server_options *options)
{
    struct transport transport;
    struct ampql_source *source = NULL;
    struct ampql_error err = {0};
    struct server_options o = *options;
    api_transport(api, &transport);
    if (!o.base_url.p)
        o.base_url = STR("http://h:1/prefix/");
    if (source_server_open(&api->alc, &transport, &o, &source, &err) != AMPQL_OK)
        fail_msg("%s", err.message);
    return source;
}
