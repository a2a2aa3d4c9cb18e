/* A source that asks a server. */
#include "source/server.h"

#include "base/options.h"
#include "source/server_state.h"
#include "source/sink.h"
#include "source/url.h"

#include <stdio.h>

enum { DEFAULT_CONCURRENCY = 5, DEFAULT_REQUEST_SAMPLES = 500000 };

/* ---- a run */

static void drop_jobs(struct server *server)
{
    while (server->jobs)
        job_free(server, server->jobs);
}

static enum ampql_code count_one(void *payload, const struct ampql_label *labels, size_t nlabels,
                                 struct ampql_error *err)
{
    uint64_t *n = payload;
    (void)nlabels, (void)err;
    *n = labels ? *n + 1 : 0;
    return AMPQL_OK;
}

static enum ampql_code predict(struct server *server, const struct ampql_select *select,
                               struct server_prediction *out, struct ampql_error *err)
{
    *out = (struct server_prediction){0};
    TRY(server_learn(server, select, err));
    TRY(wire_check(select, &server->wire, err));
    TRY(server_list(server, select, count_one, &out->series, err));
    uint64_t each = wire_samples_a_series(select, server->options.interval_ms);
    if (__builtin_mul_overflow(each, out->series, &out->samples))
        out->samples = UINT64_MAX;
    out->requests = wire_count(select, &server->wire, server->options.chunk_ms);
    if (wire_loses_names(select)) {
        size_t nnames;
        TRY(names_count(server, select, &nnames, err));
        out->requests *= nnames + 1;
    }
    uint64_t by_size = out->samples / server->options.max_request_samples + 1;
    if (server->options.chunk_ms == 0 && by_size > out->requests)
        out->requests = by_size;
    return AMPQL_OK;
}

/* With a budget a run that will not fit into it is refused before it has cost anything. */
static enum ampql_code check_budget(struct server *server, struct ampql_error *err)
{
    uint64_t total = 0, series = 0, max = server->options.max_billed_samples;
    for (const struct job *job = server->jobs; job && max; job = job->next) {
        struct server_prediction p;
        TRY(predict(server, &job->select, &p, err));
        series += p.series;
        if (__builtin_add_overflow(total, p.samples, &total))
            total = UINT64_MAX;
    }
    if (total <= max || max == 0)
        return AMPQL_OK;
    return fail(err, AMPQL_LIMIT,
                "%.*s would bill about %llu samples (%llu series with one every %lld s), and "
                "--max-billed-samples is %llu: nothing was asked",
                STR_ARGS(server->origin), (unsigned long long)total, (unsigned long long)series,
                (long long)(server->options.interval_ms / 1000), (unsigned long long)max);
}

static enum ampql_code prepare(void *payload, const struct ampql_prepare *run,
                               struct ampql_error *err)
{
    struct server *server = payload;
    drop_jobs(server);
    server->poll = run->poll;
    server->poll_payload = run->poll_payload;
    if (!run->poll)
        server_report(server);
    server->billed_before = server->stats.billed_samples;
    for (size_t i = 0; i < run->nselects; i++) {
        struct job *job;
        enum ampql_code code = job_find_or_add(server, &run->selects[i], &job, err);
        if (code == AMPQL_OK)
            job->uses++;
        else if (code != AMPQL_UNSUPPORTED && code != AMPQL_BAD_DATA)
            return server_failed(server, code, err); /* those two: the queries that select it */
    }
    return run->poll ? server_failed(server, check_budget(server, err), err) : AMPQL_OK;
}

static enum ampql_code push_series(void *payload, const struct store *store, struct labels labels,
                                   const struct samples *samples)
{
    return store_push(store, labels, samples, payload);
}

static enum ampql_code push(const struct job *job, struct ampql_sink *sink, struct ampql_error *err)
{
    for (size_t i = 0; i < job->warnings.n; i++)
        TRY(sink_warn(sink, job->warnings.at[i]));
    return job->hold ? hold_scan(job->hold, push_series, sink, err) : AMPQL_OK;
}

static enum ampql_code select_series(void *payload, const struct ampql_select *select,
                                     struct ampql_sink *sink, struct ampql_error *err)
{
    struct server *server = payload;
    struct job *job;
    enum ampql_code found = job_find_or_add(server, select, &job, err);
    if (found != AMPQL_OK)
        return server_failed(server, found, err);
    enum ampql_code code = job_finish(server, job, err);
    ampql_sink_cost(sink, &job->cost);
    job->cost = (struct ampql_source_stats){0};
    if (code == AMPQL_OK)
        code = push(job, sink, err);
    if (code != AMPQL_OK || job->uses <= 1)
        job_free(server, job);
    else
        job->uses--;
    return server_failed(server, code, err);
}

/* ---- label sets */

struct listing {
    const struct ampql_allocator *alc;
    struct store store;
    bool has_store;
};

static void forget(struct listing *listing)
{
    if (listing->has_store)
        store_done(&listing->store);
    listing->has_store = false;
}

static enum ampql_code list_one(void *payload, const struct ampql_label *labels, size_t nlabels,
                                struct ampql_error *err)
{
    struct listing *listing = payload;
    struct store *store = &listing->store;
    size_t series;
    if (!labels) {
        forget(listing);
        TRY(store_init(store, listing->alc, true, err));
        listing->has_store = true;
        return AMPQL_OK;
    }
    TRY(store_find_or_add_text(store, labels, nlabels, &series, err));
    /* one sample stands for the series; a set that comes twice is one */
    return store->series.at[series].n ? AMPQL_OK : store_append(store, series, 0, 0, err);
}

static enum ampql_code push_labels(void *payload, const struct store *store, struct labels labels,
                                   const struct samples *samples)
{
    (void)samples;
    return store_push(store, labels, &(struct samples){0}, payload);
}

static enum ampql_code list_series(void *payload, const struct ampql_select *select,
                                   struct ampql_sink *sink, struct ampql_error *err)
{
    struct server *server = payload;
    struct listing listing = {.alc = &server->alc};
    struct ampql_select all = {.size = sizeof all};
    enum ampql_code code = server_list(server, select, list_one, &listing, err);
    if (code == AMPQL_OK)
        code = store_scan(&listing.store, &all, INT64_MIN, INT64_MAX, push_labels, sink, err);
    forget(&listing);
    return server_failed(server, code, err);
}

enum ampql_code server_predict(struct ampql_source *source, const struct ampql_select *select,
                               struct server_prediction *out, struct ampql_error *err)
{
    return server_failed(source->payload, predict(source->payload, select, out, err), err);
}

/* ---- opening and closing */

static void read_stats(void *payload, struct ampql_source_stats *out)
{
    const struct server *server = payload;
    *out = server->stats;
}

static void close_server(void *payload)
{
    struct server *server = payload;
    drop_jobs(server);
    server->transport.close(server->transport.payload);
    arena_done(&server->arena);
    struct ampql_allocator alc = server->alc;
    alloc_put(&alc, server, 1, sizeof *server);
}

static const struct ampql_source_ops ops = {
    .size = sizeof ops,
    .caps = AMPQL_SOURCE_ANSWERS | AMPQL_SOURCE_SORTED,
    .select = select_series,
    .series = list_series,
    .close = close_server,
    .prepare = prepare,
    .stats = read_stats,
};

bool source_is_server(const struct ampql_source *source)
{
    return source->ops.select == select_series;
}

/* Slashes at the end go, so that paths can be appended. */
static enum ampql_code keep_url(struct server *server, struct str url, struct ampql_error *err)
{
    struct url parts;
    TRY(url_split(url, &parts, err));
    if (parts.has_query)
        return fail(err, AMPQL_BAD_DATA,
                    "%.*s: the URL of a server has no query: /api/v1/query is appended to it",
                    STR_ARGS(parts.host));
    while (url.n && url.p[url.n - 1] == '/')
        url.n--;
    server->base_url = arena_copy(&server->arena, url);
    size_t n = parts.path.n ? (size_t)(parts.path.p - url.p) : url.n;
    if (n > url.n)
        n = url.n;
    server->origin = arena_copy(&server->arena, str_make(url.p, n));
    return server->base_url.p && server->origin.p ? AMPQL_OK : fail_nomem(err, "a source");
}

static void fill_defaults(struct server *server)
{
    struct server_options *o = &server->options;
    if (o->max_concurrency == 0)
        o->max_concurrency = DEFAULT_CONCURRENCY;
    if (!o->retry)
        o->retry = &retry_policy_default;
    if (o->max_request_samples == 0)
        o->max_request_samples = DEFAULT_REQUEST_SAMPLES;
    if (o->interval_ms <= 0)
        o->interval_ms = SERVER_INTERVAL_MS;
    server->wire = (struct wire_server){.floors_ranges = true};
    server->knows_floors = server->knows_lookback = o->is_amp;
}

static enum ampql_code new_server(const struct ampql_allocator *alc, struct transport *transport,
                                  const struct server_options *options, struct server **out,
                                  struct ampql_error *err)
{
    struct server *server = alloc_get(alc, 1, sizeof *server);
    if (!server) {
        transport->close(transport->payload);
        return fail_nomem(err, "a source");
    }
    *server = (struct server){.alc = *alc, .options = *options, .transport = *transport};
    arena_init(&server->arena, &server->alc);
    fill_defaults(server);
    enum ampql_code code = keep_url(server, options->base_url, err);
    if (code == AMPQL_OK && options->retry) {
        struct retry_policy *retry = arena_new(&server->arena, struct retry_policy);
        if (retry)
            *retry = *options->retry;
        server->options.retry = retry;
        code = retry ? AMPQL_OK : fail_nomem(err, "a source");
    }
    if (code == AMPQL_OK)
        *out = server;
    else
        close_server(server);
    return code;
}

enum ampql_code source_server_open(const struct ampql_allocator *alc, struct transport *transport,
                                   const struct server_options *options, struct ampql_source **out,
                                   struct ampql_error *err)
{
    struct server *server = NULL;
    enum ampql_dialect dialect = options->dialect;
    TRY(new_server(alc, transport, options, &server, err));
    server->poll = options->poll;
    server->poll_payload = options->poll_payload;
    server->opened_ms = server->transport.monotonic(server->transport.payload);
    server->transport.set_poll(server->transport.payload, server_poll, server);
    enum ampql_code code = AMPQL_OK;
    if (dialect == AMPQL_DIALECT_DEFAULT)
        code = server_probe_dialect(server, &dialect, err);
    if (code == AMPQL_OK)
        code = source_new(alc, &ops, server, out, err);
    if (code != AMPQL_OK) {
        server_failed(server, code, err);
        close_server(server);
        return code;
    }
    server->poll = NULL;
    (*out)->dialect = dialect;
    (*out)->window_ms = options->chunk_ms > 0 ? options->chunk_ms : WIRE_DAY_MS;
    (*out)->is_trusted = true;
    return AMPQL_OK;
}
