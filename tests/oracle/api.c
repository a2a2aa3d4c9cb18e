/* Queries over HTTP. */
#include "oracle/api.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/number.h"
#include "base/time.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <curl/curl.h>

struct api {
    CURL *curl;
    struct curl_slist *headers;
    struct buf body, url, form;
    size_t base; /* bytes of url that stay */
};

static size_t take_body(char *data, size_t size, size_t count, void *payload)
{
    buf_bytes(payload, data, size * count);
    return size * count;
}

struct api *api_new(const char *url)
{
    struct api *api = calloc(1, sizeof *api);
    if (!api || curl_global_init(CURL_GLOBAL_DEFAULT) != 0 || !(api->curl = curl_easy_init())) {
        free(api);
        return NULL;
    }
    buf_init(&api->body, &alloc_default, SIZE_MAX / 2);
    buf_init(&api->url, &alloc_default, 1 << 16);
    buf_init(&api->form, &alloc_default, 1 << 24);
    buf_text(&api->url, url);
    api->base = api->url.n;
    api->headers = curl_slist_append(NULL, "Expect:");
    curl_easy_setopt(api->curl, CURLOPT_HTTPHEADER, api->headers);
    curl_easy_setopt(api->curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(api->curl, CURLOPT_WRITEDATA, &api->body);
    curl_easy_setopt(api->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(api->curl, CURLOPT_TCP_NODELAY, 1L);
    return api;
}

void api_free(struct api *api)
{
    if (!api)
        return;
    curl_slist_free_all(api->headers);
    curl_easy_cleanup(api->curl);
    buf_done(&api->body);
    buf_done(&api->url);
    buf_done(&api->form);
    free(api);
}

/* ---- JSON to an outcome */

/* [seconds, "value"] */
static bool read_point(const cJSON *point, int64_t *t_ms, double *v)
{
    const cJSON *time = cJSON_GetArrayItem(point, 0), *value = cJSON_GetArrayItem(point, 1);
    if (!cJSON_IsNumber(time) || !cJSON_IsString(value))
        return false;
    *t_ms = llround(time->valuedouble * 1000);
    return number_parse(str_make(value->valuestring, strlen(value->valuestring)), v);
}

static bool copy_text(struct arena *arena, const char *text, struct ampql_string *out)
{
    struct str copy = arena_copy(arena, str_make(text, strlen(text)));
    *out = (struct ampql_string){copy.p, copy.n};
    return copy.p;
}

/* The server writes labels in order of name. */
static bool read_labels(const cJSON *metric, struct arena *arena, struct outcome_series *out)
{
    struct ampql_label *labels =
        arena_alloc(arena, (size_t)cJSON_GetArraySize(metric) + 1, sizeof *labels);
    const cJSON *label;
    if (!labels || !cJSON_IsObject(metric))
        return false;
    cJSON_ArrayForEach(label, metric)
    {
        struct ampql_label *at = &labels[out->nlabels++];
        if (!cJSON_IsString(label) || !copy_text(arena, label->string, &at->name) ||
            !copy_text(arena, label->valuestring, &at->value))
            return false;
    }
    out->labels = labels;
    return true;
}

static bool read_series(const cJSON *from, struct arena *arena, struct outcome_series *out)
{
    const cJSON *values = cJSON_GetObjectItemCaseSensitive(from, "values"), *point;
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(from, "value");
    size_t n = values ? (size_t)cJSON_GetArraySize(values) : 1;
    int64_t *t = arena_alloc(arena, n + 1, sizeof *t);
    double *v = arena_alloc(arena, n + 1, sizeof *v);
    *out = (struct outcome_series){.t_ms = t, .v = v};
    if (!t || !v || !read_labels(cJSON_GetObjectItemCaseSensitive(from, "metric"), arena, out))
        return false;
    if (value) {
        out->n = 1;
        return read_point(value, t, v);
    }
    if (!values) /* a series of a matrix that has no points */
        return true;
    cJSON_ArrayForEach(point, values)
    {
        if (!read_point(point, &t[out->n], &v[out->n]))
            return false;
        out->n++;
    }
    return true;
}

static bool read_vector(const cJSON *result, struct arena *arena, struct outcome *out)
{
    struct outcome_series *series =
        arena_alloc(arena, (size_t)cJSON_GetArraySize(result) + 1, sizeof *series);
    const cJSON *one;
    out->series = series;
    cJSON_ArrayForEach(one, result)
    {
        if (!series || !read_series(one, arena, &series[out->nseries]))
            return false;
        out->nseries++;
    }
    return series;
}

static bool read_data(const cJSON *data, struct arena *arena, struct outcome *out)
{
    const cJSON *type = cJSON_GetObjectItemCaseSensitive(data, "resultType");
    const cJSON *result = cJSON_GetObjectItemCaseSensitive(data, "result");
    int64_t t_ms;
    if (!cJSON_IsString(type) || !cJSON_IsArray(result))
        return false;
    if (strcmp(type->valuestring, "scalar") == 0) {
        out->kind = AMPQL_RESULT_SCALAR;
        return read_point(result, &t_ms, &out->scalar);
    }
    out->kind =
        strcmp(type->valuestring, "matrix") == 0 ? AMPQL_RESULT_MATRIX : AMPQL_RESULT_VECTOR;
    return read_vector(result, arena, out);
}

static enum ampql_code read_answer(const cJSON *json, const char *body, struct arena *arena,
                                   struct outcome *out, struct ampql_error *err)
{
    const cJSON *type = cJSON_GetObjectItemCaseSensitive(json, "errorType");
    const cJSON *message = cJSON_GetObjectItemCaseSensitive(json, "error");
    if (!cJSON_IsString(type) || !cJSON_IsString(message))
        return read_data(cJSON_GetObjectItemCaseSensitive(json, "data"), arena, out)
                   ? AMPQL_OK
                   : fail(err, AMPQL_UNAVAILABLE, "no answer of the query API: %.300s", body);
    static const struct {
        const char *type;
        enum ampql_code code;
    } codes[] = {{"bad_data", AMPQL_PARSE},
                 {"execution", AMPQL_EXECUTION},
                 {"timeout", AMPQL_TIMEOUT},
                 {"internal", AMPQL_INTERNAL}};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(type->valuestring, codes[i].type) == 0)
            return fail(err, codes[i].code, "%s", message->valuestring);
    return fail(err, AMPQL_UNAVAILABLE, "%s: %s", type->valuestring, message->valuestring);
}

/* ---- HTTP */

static void say_time(struct api *api, const char *name, int64_t ms)
{
    char text[TIME_TEXT_MAX];
    time_format(ms, text); /* RFC 3339: seconds with a fraction lose a millisecond on their way */
    buf_format(&api->form, "&%s=%s", name, text);
}

static void say_query(struct api *api, struct str text, const struct ampql_run_options *options)
{
    api->url.n = api->base;
    api->form.n = api->body.n = 0;
    buf_text(&api->url, options->step_ms > 0 ? "/api/v1/query_range" : "/api/v1/query");
    buf_byte(&api->url, '\0');
    char *escaped = curl_easy_escape(api->curl, text.p, (int)text.n);
    buf_text(&api->form, "query=");
    buf_text(&api->form, escaped ? escaped : "");
    curl_free(escaped);
    if (options->step_ms == 0) {
        say_time(api, "time", options->start_ms);
        return;
    }
    say_time(api, "start", options->start_ms);
    say_time(api, "end", options->end_ms);
    buf_format(&api->form, "&step=%lldms", (long long)options->step_ms);
}

enum ampql_code api_ask(struct api *api, struct str text, const struct ampql_run_options *options,
                        struct arena *arena, struct outcome *out, struct ampql_error *err)
{
    *out = (struct outcome){0};
    say_query(api, text, options);
    curl_easy_setopt(api->curl, CURLOPT_URL, api->url.p);
    curl_easy_setopt(api->curl, CURLOPT_POSTFIELDS, api->form.p);
    curl_easy_setopt(api->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)api->form.n);
    CURLcode code = curl_easy_perform(api->curl);
    if (code != CURLE_OK || api->form.failed || api->body.failed)
        return fail(err, AMPQL_UNAVAILABLE, "%s: %s", api->url.p, curl_easy_strerror(code));
    buf_byte(&api->body, '\0');
    cJSON *json = api->body.failed ? NULL : cJSON_ParseWithLength(api->body.p, api->body.n);
    enum ampql_code answer = read_answer(json, api->body.p, arena, out, err);
    cJSON_Delete(json);
    return answer;
}
