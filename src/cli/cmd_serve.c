/* ampql serve: the API of Prometheus, and OpenCost's allocations, over HTTP. */
#include "tool/serve.h"

#include "base/error.h"
#include "cli/interrupt.h"
#include "cli/report.h"
#include "cli/rules.h"
#include "cli/session.h"
#include "cli/source.h"
#include "tool/text_file.h"

#include <stdio.h>
#include <unistd.h>

struct flags {
    struct source_flags source;
    struct rules_flags rules;
    struct run_flags run;
    const char *listen, *prefix, *token_file;
    const char *cluster_label, *cluster_id;
    struct option_list hosts;
    uint64_t workers, max_queue, max_connections, max_request_bytes, max_answer_bytes;
    uint64_t cache_bytes;
    struct option_ms idle_timeout, stop_timeout, cache_fresh, cache_age;
    int queries;
    bool check, no_cache, access_log, filter_cluster, pod_uids;
};

static const struct option options[] = {
    {"listen", 'l', OPTION_STRING, offsetof(struct flags, listen), "ADDRESS:PORT|unix:PATH",
     "127.0.0.1:9091 when not given; beyond this machine only with --token-file"},
    {"token-file", 0, OPTION_STRING, offsetof(struct flags, token_file), "FILE",
     "requests must bear what it holds, or one of its lines: Authorization: Bearer TOKEN"},
    {"host", 0, OPTION_LIST, offsetof(struct flags, hosts), "NAME",
     "answer to this name, too, not to this machine's own alone; may be repeated"},
    {"prefix", 0, OPTION_STRING, offsetof(struct flags, prefix), "PATH",
     "before all paths, besides none; /workspaces/ID and /model need no flag"},
    {"workers", 0, OPTION_INTEGER, offsetof(struct flags, workers), "N",
     "requests that are computed at once, each over sources of its own; 4 when not given"},
    {"max-queue", 0, OPTION_INTEGER, offsetof(struct flags, max_queue), "N",
     "requests that wait for that, clients by turns; 256 when not given"},
    {"max-connections", 0, OPTION_INTEGER, offsetof(struct flags, max_connections), "N",
     "more are told to come back; 512 when not given"},
    {"max-request-bytes", 0, OPTION_SIZE, offsetof(struct flags, max_request_bytes), "SIZE",
     "of a form; 4 MiB when not given"},
    {"max-answer-bytes", 0, OPTION_SIZE, offsetof(struct flags, max_answer_bytes), "SIZE",
     "at least 65536; 1 GiB when not given"},
    {"idle-timeout", 0, OPTION_DURATION, offsetof(struct flags, idle_timeout), "DURATION",
     "until a silent connection is closed, 0 for never; 2m when not given"},
    {"stop-timeout", 0, OPTION_DURATION, offsetof(struct flags, stop_timeout), "DURATION",
     "for answers under way when it is stopped; 30s when not given"},
    {"cache-bytes", 0, OPTION_SIZE, offsetof(struct flags, cache_bytes), "SIZE",
     "what was read is kept for later queries of all clients; 256 MiB when not given"},
    {"cache-fresh", 0, OPTION_DURATION, offsetof(struct flags, cache_fresh), "DURATION",
     "what a server said of the last ten minutes is used for so long; 5s when not given"},
    {"cache-age", 0, OPTION_DURATION, offsetof(struct flags, cache_age), "DURATION",
     "what a server said of older times is asked for again after so long; 1h when not given"},
    {"no-cache", 0, OPTION_BOOL, offsetof(struct flags, no_cache), NULL,
     "read everything anew for each query"},
    {"check", 0, OPTION_BOOL, offsetof(struct flags, check), NULL,
     "read flags, rules and tokens, and end: nothing is opened or asked"},
    {"access-log", 0, OPTION_BOOL, offsetof(struct flags, access_log), NULL,
     "a line on standard error for each answer, without queries"},
    {"queries", 0, OPTION_ENUM, offsetof(struct flags, queries), "2024|2026",
     "/allocation: which of OpenCost's query sets; 2024 when not given"},
    {"pod-uids", 0, OPTION_BOOL, offsetof(struct flags, pod_uids), NULL,
     "/allocation: tell pods of one name apart by uid"},
    {"cluster-label", 0, OPTION_STRING, offsetof(struct flags, cluster_label), "LABEL",
     "/allocation: the label that tells clusters apart; cluster_id when not given"},
    {"cluster-id", 0, OPTION_STRING, offsetof(struct flags, cluster_id), "ID",
     "/allocation: the cluster of series without that label"},
    {"filter-cluster", 0, OPTION_BOOL, offsetof(struct flags, filter_cluster), NULL,
     "/allocation: read only series of that cluster"},
    RULES_OPTIONS(struct flags, rules),
    SOURCE_OPTIONS(struct flags, source),
    RUN_OPTIONS(struct flags, run),
};

/* The least that --max-answer-bytes may be has room for every message, and for /metrics. */
enum { MAX_WORKERS = 256, TOKEN_MIN = 16, MIN_ANSWER_BYTES = 64 << 10 };

static uint64_t either(uint64_t given, uint64_t otherwise)
{
    return given ? given : otherwise;
}

static const char *listen_at(const struct flags *flags)
{
    return flags->listen ? flags->listen : "127.0.0.1:9091";
}

/* ---- what is checked before anything is opened */

static enum exit_status check(struct cli *cli, const struct flags *flags)
{
    struct ampql_error err = {0};
    if (serve_check_built(&err) != AMPQL_OK)
        return report_error(cli, &err, (struct report){.what = "serve"});
    if (flags->source.sources.n == 0)
        return report_usage(cli, NULL, "expected --source: what is to be served");
    if (flags->workers > MAX_WORKERS || flags->max_connections > 100000)
        return report_usage(cli, NULL, "at most %d workers and 100000 connections", MAX_WORKERS);
    if (flags->max_answer_bytes && flags->max_answer_bytes < MIN_ANSWER_BYTES)
        return report_usage(cli, NULL, "--max-answer-bytes: at least %d", MIN_ANSWER_BYTES);
    if (flags->prefix && (flags->prefix[0] != '/' || !flags->prefix[1] ||
                          flags->prefix[strlen(flags->prefix) - 1] == '/'))
        return report_usage(cli, NULL, "--prefix %s: expected a path such as /prometheus",
                            flags->prefix);
    for (size_t i = 0; i < flags->source.sources.n; i++)
        if (strcmp(flags->source.sources.at[i], "-") == 0 && flags->workers != 1)
            return report_usage(cli, NULL, "standard input can be read once: --workers 1");
    return STATUS_OK;
}

static enum exit_status check_token(struct cli *cli, struct str token, size_t line)
{
    for (size_t i = 0; i < token.n; i++)
        if (token.p[i] <= ' ' || token.p[i] > '~')
            return report_usage(cli, NULL, "--token-file: line %zu, byte %zu is no printable ASCII",
                                line, i + 1);
    if (token.n < TOKEN_MIN)
        return report_usage(cli, NULL, "--token-file: line %zu: a token has at least %d bytes",
                            line, TOKEN_MIN);
    return STATUS_OK;
}

/* Tokens of printable bytes, one a line; empty lines are none. */
static enum exit_status read_tokens(struct cli *cli, const struct flags *flags,
                                    struct serve_options *out)
{
    struct ampql_error err = {0};
    struct str rest;
    struct {
        ARRAY(struct str);
    } tokens = {0};
    if (!flags->token_file)
        return STATUS_OK;
    server_hold_secrets();
    if (text_file_read(&cli->arena, flags->token_file, &rest, &err) != AMPQL_OK)
        return report_error(cli, &err, (struct report){.what = "--token-file"});
    for (size_t line = 1; rest.n; line++) {
        const char *feed = memchr(rest.p, '\n', rest.n);
        struct str token = str_make(rest.p, feed ? (size_t)(feed - rest.p) : rest.n);
        rest = str_from(rest, feed ? token.n + 1 : token.n);
        token.n -= token.n && token.p[token.n - 1] == '\r';
        if (token.n == 0)
            continue;
        enum exit_status status = check_token(cli, token, line);
        if (status)
            return status;
        if (!array_push(&tokens, &cli->arena, token))
            return report_nomem(cli);
    }
    if (tokens.n == 0)
        return report_usage(cli, NULL, "--token-file: it holds no token");
    out->tokens = tokens.at;
    out->ntokens = tokens.n;
    return STATUS_OK;
}

/* The place to listen at is one, and not open to everybody. */
static enum exit_status check_listen(struct cli *cli, const struct flags *flags,
                                     const struct serve_options *serve)
{
    struct ampql_error err = {0};
    bool is_local, is_unix;
    if (serve_listen_read(listen_at(flags), &is_local, &is_unix, &err) != AMPQL_OK)
        return report_error(cli, &err, (struct report){.status = STATUS_USAGE});
    if (!is_local && serve->ntokens == 0)
        return report_usage(cli, NULL,
                            "--listen beyond this machine needs --token-file: whoever reaches it "
                            "could read everything");
    return STATUS_OK;
}

/* ---- opening */

/* Workspaces that are sources: no other one's path may lead to their data. */
static enum exit_status find_workspaces(struct cli *cli, const struct flags *flags,
                                        struct serve_prefixes *out)
{
    const struct option_list *sources = &flags->source.sources;
    struct str *ids = arena_zeroed(&cli->arena, sources->n, sizeof *ids);
    if (!ids)
        return report_nomem(cli);
    for (size_t i = 0; i < sources->n; i++) {
        struct str word = str_of(sources->at[i]);
        if (!str_has_prefix(word, STR("amp:")))
            continue;
        word = str_from(word, 4);
        const char *at = memchr(word.p, '@', word.n);
        ids[out->nworkspaces++] = at ? str_make(word.p, (size_t)(at - word.p)) : word;
    }
    out->workspaces = ids;
    out->prefix = flags->prefix;
    return STATUS_OK;
}

/* 0 that was said means none. */
static int64_t cache_time(struct option_ms given)
{
    return given.is_set && given.ms == 0 ? -1 : given.ms;
}

/* One cache for all workers' sources, which it takes the place of. */
static enum exit_status share_cache(struct cli *cli, const struct flags *flags,
                                    struct session *session, struct ampql_source **sources,
                                    size_t n, struct ampql_cache **out)
{
    struct ampql_error err = {0};
    struct ampql_cache_options how = {.size = sizeof how,
                                      .max_bytes = flags->cache_bytes,
                                      .fresh_ms = cache_time(flags->cache_fresh),
                                      .max_age_ms = cache_time(flags->cache_age)};
    if (flags->no_cache)
        return STATUS_OK;
    enum ampql_code code = ampql_cache_new(session->engine, &how, out, &err);
    for (size_t i = 0; i < n && code == AMPQL_OK; i++) {
        struct ampql_source *inner = sources[i];
        sources[i] = NULL;
        code = ampql_source_cache(session->engine, inner, *out, &sources[i], &err);
    }
    session->source = sources[0];
    return code == AMPQL_OK ? STATUS_OK : report_error(cli, &err, (struct report){0});
}

/* Sources for all workers; the first is the session's. */
static enum exit_status open_sources(struct cli *cli, const struct flags *flags,
                                     struct session *session, struct ampql_source **sources,
                                     size_t n)
{
    struct ampql_error err = {0};
    sources[0] = session->source;
    for (size_t i = 1; i < n; i++)
        if (source_open(session->engine, &flags->source, &session->progress, session->cancel,
                        &cli->arena, &sources[i], &err) != AMPQL_OK)
            return report_error(cli, &err, (struct report){0});
    return STATUS_OK;
}

static void fill_api(const struct flags *flags, const struct session *session, size_t nworkers,
                     struct serve_api *api)
{
    *api = (struct serve_api){
        .engine = session->engine,
        .options = session->options,
        .max_answer_bytes = (size_t)either(flags->max_answer_bytes, UINT64_C(1) << 30),
        .nworkers = nworkers,
    };
    if (api->options.timeout_ms == 0)
        api->options.timeout_ms = 120000;
    api->cost = (struct ampql_cost_options){
        .size = sizeof api->cost,
        .queries = flags->queries == 2 ? AMPQL_COST_2026 : AMPQL_COST_2024,
        .pod_uids = flags->pod_uids,
        .cluster_label = flags->cluster_label,
        .cluster_id = flags->cluster_id,
        .filter_cluster = flags->filter_cluster,
        .dialect = session->options.dialect,
        .timeout_ms = api->options.timeout_ms,
        .max_samples = session->options.max_samples,
        .max_series = session->options.max_series,
        .max_bytes = session->options.max_bytes,
        .max_labels = session->options.max_labels,
        .max_label_bytes = session->options.max_label_bytes,
        .rules = session->options.rules,
        .recorded = session->options.recorded,
        .rule_phase_ms = session->options.rule_phase_ms,
        .rule_file = session->options.rule_file,
    };
}

/* ---- serving */

static int stops(void)
{
    return interrupt_seen() ? 2 : interrupt_stopped() ? 1 : 0;
}

static void log_line(void *payload, const char *line)
{
    (void)payload;
    fprintf(stderr, "%s\n", line);
}

static enum exit_status serve(struct cli *cli, const struct flags *flags, struct session *session,
                              struct serve_options *serve)
{
    struct ampql_error err = {0};
    bool is_local, is_unix;
    char url[128];
    if (serve_listen(listen_at(flags), &serve->listener, &is_local, &is_unix, url, &err) !=
        AMPQL_OK)
        return report_error(cli, &err, (struct report){0});
    serve->checks_host = !is_unix && (is_local || flags->hosts.n > 0);
    interrupt_stops(session->cancel);
    report_note(cli, "serving at %s", url);
    enum ampql_code code = serve_run(serve, &err);
    if (is_unix)
        unlink(url + 5);
    return code == AMPQL_OK ? STATUS_OK : report_error(cli, &err, (struct report){0});
}

static enum exit_status open_and_serve(struct cli *cli, const struct flags *flags,
                                       struct session *session, struct ampql_source **sources,
                                       size_t nworkers, struct ampql_cache **cache)
{
    struct serve_api api;
    struct serve_options serving = {
        .api = &api,
        .sources = sources,
        .nworkers = nworkers,
        .host_names = flags->hosts.at,
        .nhost_names = flags->hosts.n,
        .max_connections = (size_t)either(flags->max_connections, 512),
        .max_queued = (size_t)either(flags->max_queue, 256),
        .max_request_bytes = (size_t)either(flags->max_request_bytes, 4 << 20),
        .idle_ms = flags->idle_timeout.is_set ? flags->idle_timeout.ms : 120000,
        .stop_wait_ms = flags->stop_timeout.is_set ? flags->stop_timeout.ms : 30000,
        .stops = stops,
        .log = flags->access_log ? log_line : NULL,
    };
    enum exit_status status = read_tokens(cli, flags, &serving);
    if (!status)
        status = check_listen(cli, flags, &serving);
    if (!status)
        status = find_workspaces(cli, flags, &serving.prefixes);
    if (!status)
        status = rules_read_flags(cli, &flags->rules, &flags->run, session);
    if (status || flags->check)
        return status;
    status = session_source(cli, &flags->source, &flags->run, session);
    session->progress.is_tty = false; /* several threads would write it */
    if (!status)
        status = rules_open(cli, &flags->rules, session);
    if (!status)
        status = open_sources(cli, flags, session, sources, nworkers);
    if (!status)
        status = share_cache(cli, flags, session, sources, nworkers, cache);
    if (status)
        return status;
    serving.cache = *cache;
    fill_api(flags, session, nworkers, &api);
    return serve(cli, flags, session, &serving);
}

static enum exit_status run(struct cli *cli, const void *payload, struct option_list operands)
{
    const struct flags *flags = payload;
    struct flags own = *flags;
    struct ampql_source *sources[MAX_WORKERS] = {NULL};
    struct session session;
    struct ampql_cache *cache = NULL;
    size_t nworkers = (size_t)either(flags->workers, 4);
    (void)operands;
    enum exit_status status = check(cli, flags);
    if (status)
        return status;
    own.source.server.progress = PROGRESS_NONE;
    status = session_open(cli, &flags->run, &session);
    if (!status)
        status = open_and_serve(cli, &own, &session, sources, nworkers, &cache);
    for (size_t i = 1; i < nworkers; i++)
        ampql_source_free(sources[i]);
    ampql_cache_free(cache);
    return session_finish(cli, &session, status);
}

const struct command command_serve = {
    .name = "serve",
    .summary = "answer Prometheus's HTTP API and OpenCost's /allocation",
    .examples =
        "  ampql serve -s examples/data/cluster_day.aqc --listen 127.0.0.1:9091\n"
        "  ampql serve -s amp:ws-...@us-east-1 --rules rules.yml --listen unix:/run/ampql\n",
    .details = "/api/v1/ query, query_range, series, labels, label/NAME/values, metadata,\n"
               "status/buildinfo, status/config, status/flags; /allocation, /allocation/summary;\n"
               "/-/healthy, /-/ready, /metrics. SIGTERM or SIGINT finishes the answers under way,\n"
               "a second one cancels them.\n",
    COMMAND_OPTIONS(options, struct flags),
    .run = run,
};
