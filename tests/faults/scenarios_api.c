/* Bills, and requests of the HTTP API without HTTP. */
#include "faults/scene.h"

#include "faults/ledger.h"
#include "support/everything.h"
#include "support/series.h"

#include <string.h>

/* ---- bills */

/* Every series of the cluster in memory; NULL: no memory. */
static enum ampql_code fill_cluster(struct ampql_source *source, struct ampql_error *err)
{
    size_t n;
    const struct everything_row *rows = everything(&n);
    bool ok = true;
    ledger_pause(true);
    for (size_t i = 0; ok && i < n; i++)
        ok = test_add(source, rows[i].name, rows[i].labels, 0, 60000, rows[i].values);
    ledger_pause(false);
    if (!ok)
        *err = (struct ampql_error){.code = AMPQL_NOMEM, .message = "no memory"};
    return ok ? AMPQL_OK : AMPQL_NOMEM;
}

static enum ampql_code open_cluster(struct scene *scene, const struct scenario *self,
                                    struct ampql_source **out, struct ampql_error *err)
{
    (void)self;
    enum ampql_code code = ampql_source_memory(scene->engine, NULL, out, err);
    return code == AMPQL_OK ? fill_cluster(*out, err) : code;
}

static enum ampql_code allocate_with(struct scene *scene, const struct ampql_cost_options *options,
                                     struct ampql_error *err)
{
    struct ampql_allocations *bill = NULL, *again = NULL;
    struct ampql_aggregate_options other = {.size = sizeof other, .aggregate = "controller"};
    enum ampql_code code = ampql_allocate(scene->engine, scene->kept, options, &bill, err);
    if (code == AMPQL_OK)
        code = scene_wrote(ampql_allocations_json(bill, scene_write, scene), err);
    if (code == AMPQL_OK)
        code = ampql_allocations_aggregate(bill, &other, &again, err);
    ampql_allocations_free(bill); /* each is whole by itself */
    if (code == AMPQL_OK)
        code = scene_wrote(ampql_allocations_summary_json(again, scene_write, scene), err);
    if (code == AMPQL_OK)
        code = scene_wrote(ampql_allocations_ndjson(again, scene_write, scene), err);
    ampql_allocations_free(again);
    return code;
}

enum { HOUR_MS = 3600000 };

static enum ampql_code allocate(struct scene *scene, const struct scenario *self,
                                struct ampql_error *err)
{
    struct ampql_cost_options options = {.size = sizeof options,
                                         .end_ms = HOUR_MS,
                                         .queries = (enum ampql_cost_queries)self->number,
                                         .aggregate = self->text,
                                         .now_ms = HOUR_MS};
    return allocate_with(scene, &options, err);
}

/* In steps, by two threads; or in pieces of half the window. */
static enum ampql_code allocate_parts(struct scene *scene, const struct scenario *self,
                                      struct ampql_error *err)
{
    struct ampql_aggregate_options lines = {.size = sizeof lines,
                                            .aggregate = "namespace,label:app",
                                            .filter = "namespace:\"n\"|team:\"a\"",
                                            .share_idle = true,
                                            .share_namespaces = "m",
                                            .share_labels = "app:a",
                                            .share_monthly_cost = 730,
                                            .aggregated_metadata = true,
                                            .share_breakdown = true,
                                            .accumulate = AMPQL_COST_ALL};
    struct ampql_cost_options options = {.size = sizeof options,
                                         .end_ms = HOUR_MS,
                                         .max_duration_ms = self->number ? 0 : HOUR_MS / 2,
                                         .step_ms = self->number ? HOUR_MS / 2 : 0,
                                         .threads = self->number,
                                         .lines = &lines,
                                         .idle = self->number,
                                         .now_ms = HOUR_MS};
    return allocate_with(scene, &options, err);
}

static enum ampql_code prices(struct scene *scene, const struct scenario *self,
                              struct ampql_error *err)
{
    struct ampql_cost_options options = {.size = sizeof options};
    struct ampql_prices read;
    enum ampql_code code =
        ampql_cost_prices_read(scene->engine, self->text, strlen(self->text), &options, &read, err);
    if (code == AMPQL_OK)
        scene_say(scene, "%g %g %d", read.cpu, read.ram, options.custom_prices);
    return code;
}

static enum ampql_code texts(struct scene *scene, const struct scenario *self,
                             struct ampql_error *err)
{
    struct ampql_cost_options options = {
        .size = sizeof options, .end_ms = HOUR_MS, .queries = AMPQL_COST_2026};
    struct ampql_cost_query query;
    enum ampql_code code = AMPQL_OK;
    (void)self;
    for (size_t i = 0; code == AMPQL_OK && ampql_cost_query_at(i, &query); i++)
        code = ampql_cost_query_text(scene->engine, i, &options, scene_write, scene, err);
    return code;
}

/* ---- requests */

static enum ampql_code answer(struct scene *scene, const struct scenario *self,
                              struct ampql_error *err)
{
    bool is_form = self->more != NULL;
    struct ampql_cost_options cost = {.size = sizeof cost, .now_ms = HOUR_MS};
    struct ampql_http_api_options options = {.size = sizeof options, .cost = &cost};
    struct ampql_http_request request = {
        .size = sizeof request,
        .method = is_form ? (struct ampql_string){"POST", 4} : (struct ampql_string){"GET", 3},
        .target = {self->text, strlen(self->text)},
        .content_type = {"application/x-www-form-urlencoded", is_form ? 33 : 0},
        .body = {self->more, is_form ? strlen(self->more) : 0}};
    struct ampql_answer *answered = NULL;
    enum ampql_code code =
        ampql_http_answer(scene->engine, scene->kept ? scene->kept : scene->memory, &request,
                          &options, &answered, err);
    if (code == AMPQL_OK) {
        struct ampql_string body = ampql_answer_body(answered);
        scene_say(scene, "%d ", ampql_answer_status(answered));
        scene_write(scene, body.data, body.size);
        if (ampql_answer_code(answered) == AMPQL_NOMEM) { /* told to the client */
            *err = (struct ampql_error){.code = AMPQL_NOMEM, .message = "said in the body"};
            code = AMPQL_NOMEM;
        }
    }
    ampql_answer_free(answered);
    return code;
}

#define API "/api/v1/"

static const struct scenario rows[] = {
    {.name = "allocate", allocate, NULL, .open = open_cluster},
    {.name = "allocate, queries of 2026",
     allocate,
     "namespace",
     .number = AMPQL_COST_2026,
     .open = open_cluster},
    {.name = "allocate in steps, 2 threads", allocate_parts, .number = 2, .open = open_cluster},
    {.name = "allocate in pieces", allocate_parts, .open = open_cluster},
    {.name = "price file", prices, "{\"CPU\": \"0.03\", \"RAM\": \"0.004\", \"GPU\": \"1\"}"},
    {.name = "texts of the model's queries", texts},
    {.name = "request: query", answer, API "query?query=sum(rate(c[5m]))&time=600"},
    {.name = "request: query, a form", answer, API "query", "query=topk(1%2C+c)&time=600"},
    {.name = "request: query_range",
     answer,
     API "query_range?query=rate(c[5m])&start=300&end=600&step=60"},
    {.name = "request: series", answer, API "series?match[]=c&match[]={job=\"b\"}&start=0&end=600"},
    {.name = "request: labels", answer, API "labels?start=0&end=600"},
    {.name = "request: values of a label", answer, API "label/pod/values?start=0&end=600"},
    {.name = "request: metadata", answer, API "metadata"},
    {.name = "request: build info", answer, API "status/buildinfo"},
    {.name = "request: bad query", answer, API "query?query=sum(&time=600"},
    {.name = "request: bad time", answer, API "query?query=c&time=never"},
    {.name = "request: no such route", answer, "/api/v2/query"},
    {.name = "request: allocation",
     answer,
     "/allocation?window=0,3600&aggregate=namespace",
     .open = open_cluster},
    {.name = "request: allocation summary",
     answer,
     "/allocation/summary?window=0,3600&aggregate=pod&accumulate=true",
     .open = open_cluster},
};
const struct scenario_table scenarios_api = SCENARIOS(rows);
