/* ampql fetch: plan what expressions read, and take it into a capture. */
#include "base/number.h"
#include "cli/forecast.h"
#include "cli/report.h"
#include "cli/session.h"

struct flags {
    struct source_flags source;
    struct time_flags times;
    struct run_flags run;
    const char *out, *price;
    struct option_ms interval;
    bool dry_run;
};

static const struct option options[] = {
    {"out", 0, OPTION_STRING, offsetof(struct flags, out), "FILE.aqc",
     "the capture to write; an interrupted fetch goes on where it was"},
    {"dry-run", 'n', OPTION_BOOL, offsetof(struct flags, dry_run), NULL,
     "only say what would be asked, and what it would cost"},
    {"interval", 0, OPTION_DURATION, offsetof(struct flags, interval), "DURATION",
     "--dry-run: how often series have a sample; 1m when not given"},
    {"price", 0, OPTION_STRING, offsetof(struct flags, price), "DOLLARS",
     "--dry-run: of a billion samples that are read; 0.10 when not given"},
    SOURCE_OPTIONS(struct flags, source),
    TIME_OPTIONS(struct flags, times),
    RUN_OPTIONS(struct flags, run),
};

/* ---- --dry-run */

static enum exit_status read_price(struct cli *cli, const struct flags *flags, double *out)
{
    *out = FORECAST_PRICE;
    if (flags->price && (!number_parse(str_of(flags->price), out) || !(*out >= 0) || *out > 1e9))
        return report_usage(cli, NULL, "--price: expected dollars, such as 0.10");
    return STATUS_OK;
}

static enum exit_status plan(struct cli *cli, const struct flags *flags,
                             const struct session *session,
                             const struct ampql_query *const *queries, size_t n)
{
    struct ampql_error err = {0};
    struct fetch_plan fetch;
    double price;
    enum exit_status status = read_price(cli, flags, &price);
    if (status)
        return status;
    if (fetch_plan(session->engine, queries, n, session->source, &session->options,
                   flags->interval.ms, &cli->arena, &fetch, &err) != AMPQL_OK)
        return session_error(cli, session, &err, (struct report){0});
    return forecast_print(cli, &fetch, price);
}

/* ---- fetching */

static void tell_stats(struct cli *cli, struct ampql_source_stats stats)
{
    report_stats(cli, (struct ampql_stats){.requests = stats.requests,
                                           .retries = stats.retries,
                                           .bytes = stats.bytes,
                                           .billed_samples = stats.billed_samples});
}

static enum exit_status fetch(struct cli *cli, const struct flags *flags,
                              const struct session *session,
                              const struct ampql_query *const *queries, size_t n)
{
    struct ampql_error err = {0};
    size_t nselects = 0;
    if (!flags->out)
        return report_usage(cli, "--dry-run says what would be fetched",
                            "name the capture to write with --out FILE.aqc");
    if (flags->source.sources.n != 1)
        return report_usage(cli, NULL, "fetch reads from one --source");
    enum ampql_code code =
        fetch_capture(session->engine, queries, n, session->source, flags->source.sources.at[0],
                      &session->options, flags->out, &nselects, &err);
    if (code != AMPQL_OK)
        return session_error(cli, session, &err, (struct report){0});
    if (flags->run.stats)
        tell_stats(cli, ampql_source_stats(session->source));
    return STATUS_OK;
}

static enum exit_status run(struct cli *cli, const void *payload, struct option_list operands)
{
    const struct flags *flags = payload;
    struct session session;
    struct ampql_error err = {0};
    struct ampql_query **queries = arena_zeroed(&cli->arena, operands.n, sizeof *queries);
    enum exit_status status = session_open(cli, &flags->run, &session);
    if (!status && !queries)
        status = report_nomem(cli);
    if (!status)
        status = session_times(cli, &flags->times, &session);
    if (!status)
        status = session_source(cli, &flags->source, &flags->run, &session);
    for (size_t i = 0; i < operands.n && !status; i++) {
        struct str text = str_of(operands.at[i]);
        if (ampql_query_compile(session.engine, text.p, text.n, &queries[i], &err) != AMPQL_OK)
            status = report_error(cli, &err, (struct report){.text = text});
    }
    const struct ampql_query *const *compiled = (const struct ampql_query *const *)queries;
    if (!status)
        status = flags->dry_run ? plan(cli, flags, &session, compiled, operands.n)
                                : fetch(cli, flags, &session, compiled, operands.n);
    for (size_t i = 0; queries && i < operands.n; i++)
        ampql_query_free(queries[i]);
    session_close(&session);
    return status;
}

const struct command command_fetch = {
    .name = "fetch",
    .operands = "EXPR...",
    .summary = "fetch what expressions read into a capture",
    .examples =
        "  ampql fetch -s examples/data/cluster_day.aqc --time 2026-03-02T00:00:00Z --dry-run \\\n"
        "    'sum(rate(node_cpu_seconds_total[5m]))' 'avg_over_time(up[1d])'\n",
    .details =
        "Of a server, --dry-run asks which series there are (which costs nothing) and reckons\n"
        "what reading them would be billed.\n",
    COMMAND_OPTIONS(options, struct flags),
    .min_operands = 1,
    .max_operands = SIZE_MAX,
    .run = run,
};
