/* ampql fetch: plan what expressions read, and take it into a capture. */
#include "base/number.h"
#include "cli/forecast.h"
#include "cli/report.h"
#include "cli/rules.h"
#include "cli/session.h"

struct flags {
    struct source_flags source;
    struct time_flags times;
    struct rules_flags rules;
    struct run_flags run;
    const char *out, *price;
    struct option_ms interval;
    bool append, dry_run;
};

static const struct option options[] = {
    {"out", 0, OPTION_STRING, offsetof(struct flags, out), "FILE.aqc",
     "the capture to write; an interrupted fetch goes on where it was"},
    {"append", 0, OPTION_BOOL, offsetof(struct flags, append), NULL,
     "bring the capture that is there up to date: fetch only what it does not hold yet"},
    {"dry-run", 'n', OPTION_BOOL, offsetof(struct flags, dry_run), NULL,
     "only say what would be asked, and what it would cost"},
    {"interval", 0, OPTION_DURATION, offsetof(struct flags, interval), "DURATION",
     "--dry-run: how often series have a sample; 1m when not given"},
    {"price", 0, OPTION_STRING, offsetof(struct flags, price), "DOLLARS",
     "--dry-run: of a billion samples that are read; 0.10 when not given"},
    SOURCE_OPTIONS(struct flags, source),
    TIME_OPTIONS(struct flags, times),
    RULES_OPTIONS(struct flags, rules),
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

/* Without expressions: what the rules read, or what the capture holds already. */
static bool is_of_rules(const struct flags *flags, size_t nqueries)
{
    return nqueries == 0 && flags->rules.file;
}

static bool goes_on(const struct flags *flags, size_t nqueries)
{
    return nqueries == 0 && !flags->rules.file;
}

static enum exit_status fetch(struct cli *cli, const struct flags *flags,
                              const struct session *session,
                              const struct ampql_query *const *queries, size_t n)
{
    struct ampql_error err = {0};
    enum ampql_code code =
        goes_on(flags, n)
            ? fetch_onward(flags->out, session->source, &session->options, &err)
            : fetch_selects(session->engine, queries, n, session->source, &session->options, &err);
    if (flags->run.stats)
        report_source_stats(cli, session->source);
    return code == AMPQL_OK ? STATUS_OK : session_error(cli, session, &err, (struct report){0});
}

/* ---- the command */

static enum exit_status check_flags(struct cli *cli, const struct flags *flags, size_t nqueries)
{
    if (!flags->out && !flags->dry_run)
        return report_usage(cli, "--dry-run says what would be fetched",
                            "name the capture to write with --out FILE.aqc");
    if (flags->append && flags->dry_run)
        return report_usage(cli, NULL, "--dry-run does not look into a capture: not with --append");
    if (goes_on(flags, nqueries) && !flags->append)
        return report_usage(cli, "with --append, what the capture holds is brought up to date",
                            "expected EXPR... or --rules FILE: what to fetch");
    if (is_of_rules(flags, nqueries) && flags->times.step.is_set)
        return report_usage(cli, NULL, "rules have steps of their own: leave out --step");
    return STATUS_OK;
}

/* What rules read is asked for a time, or for all their ticks from --start to --end. */
static enum exit_status read_times(struct cli *cli, const struct flags *flags, size_t nqueries,
                                   struct session *session)
{
    const struct time_flags *times = &flags->times;
    return is_of_rules(flags, nqueries) ? session_span(cli, times, session)
                                        : session_times(cli, times, session);
}

/* Where the capture that is brought up to date has its answers from, when nothing else is said. */
static enum exit_status find_origin(struct cli *cli, const char *path, struct source_flags *source)
{
    struct ampql_error err = {0};
    struct str origin;
    if (fetch_origin(path, &cli->arena, &origin, &err) != AMPQL_OK)
        return report_error(cli, &err, (struct report){0});
    const char **at = arena_alloc(&cli->arena, origin.n + 1, sizeof *at);
    if (!at)
        return report_nomem(cli);
    size_t n = 0;
    for (char *word = (char *)origin.p, *next; word; word = next) {
        next = strstr(word, FETCH_BETWEEN_SOURCES);
        if (next) {
            *next = '\0';
            next += strlen(FETCH_BETWEEN_SOURCES);
        }
        at[n++] = word;
    }
    source->sources = (struct option_list){at, n};
    return STATUS_OK;
}

static enum exit_status open_source(struct cli *cli, const struct flags *flags,
                                    struct session *session)
{
    struct source_flags source = flags->source;
    enum exit_status status = STATUS_OK;
    source.record = flags->dry_run ? NULL : flags->out;
    source.appends = flags->append;
    source.now_ms = flags->times.now.is_set ? flags->times.now.ms : 0;
    if (flags->append && source.sources.n == 0)
        status = find_origin(cli, flags->out, &source);
    return status ? status : session_source(cli, &source, &flags->run, session);
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
        status = check_flags(cli, flags, operands.n);
    if (!status)
        status = read_times(cli, flags, operands.n, &session);
    if (!status)
        status = rules_read_flags(cli, &flags->rules, &flags->run, &session);
    if (!status)
        status = open_source(cli, flags, &session);
    if (!status)
        status = rules_open(cli, &flags->rules, &session);
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
    return session_finish(cli, &session, status);
}

const struct command command_fetch = {
    .name = "fetch",
    .operands = "[EXPR...]",
    .summary = "fetch what expressions or rules read into a capture",
    .examples =
        "  ampql fetch -s examples/data/cluster_day.aqc --time 2026-03-02T00:00:00Z --dry-run \\\n"
        "    'sum(rate(node_cpu_seconds_total[5m]))' 'avg_over_time(up[1d])'\n"
        "  ampql fetch --append --out node_cost.aqc -s examples/data/node_cost \\\n"
        "    --time 2026-03-02T00:00:00Z 'avg_over_time(node_cpu_hourly_cost[1d])'\n"
        "  ampql fetch -s examples/data/cluster_day.aqc --rules examples/rules/kubecost.yml \\\n"
        "    --start 2026-03-01T00:00:00Z --end 2026-03-02T00:00:00Z --dry-run\n",
    .details =
        "Without EXPR all that the rules of --rules read is fetched: for one --time, or for all\n"
        "their ticks from --start to --end.\n"
        "Of a server, --dry-run asks which series there are (which costs nothing) and reckons\n"
        "what reading them would be billed.\n"
        "With --append only what the capture does not hold is fetched, and the ten minutes before "
        "it\n"
        "was last asked, which may not have been all there yet. Without EXPR all that it holds "
        "goes on\n"
        "up to --time, from the source that it is of.\n",
    COMMAND_OPTIONS(options, struct flags),
    .max_operands = SIZE_MAX,
    .run = run,
};
