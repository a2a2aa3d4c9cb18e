/* ampql series and ampql labels: which series a source holds, and their labels. */
#include <ampql/query.h>

#include "base/array.h"
#include "base/json.h"
#include "cli/print.h"
#include "cli/report.h"
#include "cli/rules.h"
#include "cli/session.h"
#include "cli/table.h"

#include <stdlib.h>

/* What times can be: years 1 to 9999. */
#define TIME_FIRST_MS INT64_C(-62135596800000)
#define TIME_LAST_MS INT64_C(253402300799999)

struct flags {
    struct source_flags source;
    struct option_list matches; /* of labels */
    struct option_ms start, end;
    struct rules_flags rules;
    struct run_flags run;
    int format;
};

/* clang-format off */
#define WINDOW_OPTIONS \
    {"start", 0, OPTION_TIME, offsetof(struct flags, start), "TIME", \
     "series with samples from here, or whenever"}, \
    {"end", 0, OPTION_TIME, offsetof(struct flags, end), "TIME", "   to here, or whenever"}, \
    RULES_OPTIONS(struct flags, rules)
/* clang-format on */

static const struct option series_options[] = {
    SOURCE_OPTIONS(struct flags, source),
    RECORD_OPTION(struct flags, source),
    WINDOW_OPTIONS,
    PRINT_OPTION(struct flags, format, "table|json|csv|promql",
                 "table on a terminal, else promql: a label set a line"),
    LIMIT_OPTIONS(struct flags, run),
};

static const struct option labels_options[] = {
    SOURCE_OPTIONS(struct flags, source),
    RECORD_OPTION(struct flags, source),
    {"match", 0, OPTION_LIST, offsetof(struct flags, matches), "SELECTOR",
     "of these series only; may be repeated"},
    WINDOW_OPTIONS,
    PRINT_OPTION(struct flags, format, "table|json",
                 "table when not given: a name or value a line"),
    LIMIT_OPTIONS(struct flags, run),
};

struct words;

/* Open everything, ask for the series of each selector, and hand each result to use. */
static enum exit_status
each_result(struct cli *cli, const struct flags *flags, struct option_list selectors,
            enum exit_status (*use)(struct cli *cli, const struct ampql_result *result,
                                    struct words *words),
            struct words *words)
{
    struct session session;
    enum exit_status status = session_open(cli, &flags->run, &session);
    for (size_t i = 0; i < selectors.n && !status; i++)
        status =
            session_try(cli, &flags->run, &session, session_try_selector, str_of(selectors.at[i]),
                        (struct report){.text = str_of(selectors.at[i])});
    if (!status)
        status = rules_read_flags(cli, &flags->rules, &flags->run, &session);
    if (!status)
        status = session_source(cli, &flags->source, &flags->run, &session);
    if (!status)
        status = rules_open(cli, &flags->rules, &session);
    session.options.start_ms = flags->start.is_set ? flags->start.ms : TIME_FIRST_MS;
    session.options.end_ms = flags->end.is_set ? flags->end.ms : TIME_LAST_MS;
    if (!status && session.options.end_ms < session.options.start_ms)
        status = report_usage(cli, NULL, "--end is before --start");
    if (!status && flags->rules.file && !(flags->start.is_set && flags->end.is_set))
        status = report_usage(cli, NULL, "--rules needs --start and --end: when to evaluate them");
    for (size_t i = 0; i < selectors.n && !status; i++) {
        struct ampql_error err = {0};
        struct ampql_result *result = NULL;
        struct str text = str_of(selectors.at[i]);
        if (ampql_series_run(session.engine, text.p, text.n, session.source, &session.options,
                             &result, &err) != AMPQL_OK) {
            status = session_error(cli, &session, &err, (struct report){.text = text});
        } else {
            report_annotations(cli, result);
            status = use(cli, result, words);
            if (flags->run.stats)
                report_stats(cli, ampql_result_stats(result));
        }
        ampql_result_free(result);
    }
    return session_finish(cli, &session, status);
}

/* Lines of output: label sets, label names or values. */
struct words {
    ARRAY(struct str);
    const char *name; /* values of this label; NULL: label names */
    int format;
};

static bool add_word(struct cli *cli, struct words *words, struct str word)
{
    if (words->n && str_equal(words->at[words->n - 1], word))
        return true;
    word = arena_copy(&cli->arena, word);
    return word.p && array_push(words, &cli->arena, word);
}

static int compare_words(const void *a, const void *b)
{
    const struct str *x = a, *y = b;
    return str_compare(*x, *y);
}

static void sort_words(struct words *words)
{
    size_t n = 0;
    if (words->n)
        qsort(words->at, words->n, sizeof *words->at, compare_words);
    for (size_t i = 0; i < words->n; i++)
        if (n == 0 || !str_equal(words->at[n - 1], words->at[i]))
            words->at[n++] = words->at[i];
    words->n = n;
}

/* {"status":"success","data":[...]}, of JSON values or of strings. */
static enum exit_status print_json(struct cli *cli, const struct words *words, bool are_json)
{
    struct buf buf;
    buf_init(&buf, cli->arena.alc, SIZE_MAX / 2);
    buf_text(&buf, "{\"status\":\"success\",\"data\":[");
    for (size_t i = 0; i < words->n; i++) {
        buf_text(&buf, i ? "," : "");
        if (are_json)
            buf_str(&buf, words->at[i]);
        else
            json_quote(&buf, words->at[i]);
    }
    buf_text(&buf, "]}\n");
    bool ok = !buf.failed;
    if (ok)
        output_str(&cli->out, buf_view(&buf));
    buf_done(&buf);
    return ok ? STATUS_OK : report_nomem(cli);
}

/* ---- series */

static enum exit_status gather_series(struct cli *cli, const struct ampql_result *result,
                                      struct words *words)
{
    for (size_t i = 0; i < ampql_result_count(result); i++) {
        struct ampql_series series = ampql_result_series(result, i);
        struct str text = words->format == PRINT_JSON
                              ? print_labels_json(&cli->arena, series.labels, series.nlabels)
                              : print_labels(&cli->arena, series.labels, series.nlabels);
        if (!text.p || !array_push(words, &cli->arena, text))
            return report_nomem(cli);
    }
    return STATUS_OK;
}

static enum exit_status run_series(struct cli *cli, const void *payload,
                                   struct option_list operands)
{
    const struct flags *flags = payload;
    struct words words = {.format = flags->format};
    enum exit_status status = each_result(cli, flags, operands, gather_series, &words);
    if (status)
        return status;
    if (operands.n > 1) /* a series that several selectors match is told once */
        sort_words(&words);
    if (flags->format == PRINT_JSON)
        return print_json(cli, &words, true);
    if (flags->format == PRINT_CSV)
        output_text(&cli->out, "series\n");
    for (size_t i = 0; i < words.n; i++) {
        if (flags->format == PRINT_CSV)
            print_csv_field(&cli->out, words.at[i]);
        else
            output_str(&cli->out, words.at[i]);
        output_byte(&cli->out, '\n');
    }
    return STATUS_OK;
}

/* ---- labels */

static enum exit_status gather_words(struct cli *cli, const struct ampql_result *result,
                                     struct words *words)
{
    for (size_t i = 0; i < ampql_result_count(result); i++) {
        struct ampql_series series = ampql_result_series(result, i);
        for (size_t k = 0; k < series.nlabels; k++) {
            struct str name = str_view(series.labels[k].name);
            bool ok = true;
            if (!words->name)
                ok = add_word(cli, words, name);
            else if (str_equal(name, str_of(words->name)))
                ok = add_word(cli, words, str_view(series.labels[k].value));
            if (!ok)
                return report_nomem(cli);
        }
    }
    return STATUS_OK;
}

/* A word a line, without a head, for pipes; control bytes escaped so that it stays one line. */
static enum exit_status print_lines(struct cli *cli, const struct words *words)
{
    struct table table;
    table_init(&table, &cli->arena, 1);
    for (size_t i = 0; i < words->n; i++)
        table_cell(&table, words->at[i]);
    return table_print(&table, &cli->out) ? STATUS_OK : report_nomem(cli);
}

static enum exit_status run_labels(struct cli *cli, const void *payload,
                                   struct option_list operands)
{
    static const char *const everything[] = {"{__name__=~\".+\"}"};
    const struct flags *flags = payload;
    struct words words = {.name = operands.n ? operands.at[0] : NULL, .format = flags->format};
    struct option_list matches = flags->matches;
    if (matches.n == 0)
        matches = (struct option_list){everything, 1};
    enum exit_status status = each_result(cli, flags, matches, gather_words, &words);
    if (status)
        return status;
    sort_words(&words);
    return flags->format == PRINT_JSON ? print_json(cli, &words, false) : print_lines(cli, &words);
}

const struct command command_series = {
    .name = "series",
    .operands = "SELECTOR...",
    .summary = "the series that match a selector",
    .examples = "  ampql series -s examples/data/cluster_day.aqc kube_node_labels\n"
                "  ampql series -s examples/data/cluster_day.aqc -o json "
                "'kube_pod_owner{namespace=\"kube-system\"}'\n",
    COMMAND_OPTIONS(series_options, struct flags),
    .min_operands = 1,
    .max_operands = SIZE_MAX,
    .run = run_series,
};

const struct command command_labels = {
    .name = "labels",
    .operands = "[NAME]",
    .summary = "label names, or the values of one label",
    .examples =
        "  ampql labels -s examples/data/cluster_day.aqc\n"
        "  ampql labels -s examples/data/cluster_day.aqc namespace\n"
        "  ampql labels -s examples/data/cluster_day.aqc --match kube_node_labels __name__\n",
    COMMAND_OPTIONS(labels_options, struct flags),
    .max_operands = 1,
    .run = run_labels,
};
