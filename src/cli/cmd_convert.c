/* ampql capture convert: captures, and files of series, into one another. */
#include "base/time.h"
#include "cli/report.h"
#include "cli/source.h"
#include "tool/convert.h"

struct flags {
    struct source_flags source;
    struct option_list drop;
    int to, error_format;
};

/* clang-format off */
static const struct option options[] = {
    {"to", 0, OPTION_ENUM, offsetof(struct flags, to), "capture|json|openmetrics|csv|dump|unittest",
     "what OUT becomes; what its name says when not given"},
    {"drop", 0, OPTION_LIST, offsetof(struct flags, drop), "WHAT",
     "leave out what OUT has no place for: ends, nans, grids, windows, warnings, lists, times"},
    FILE_OPTIONS(struct flags, source),
    REPORT_OPTIONS(struct flags, error_format),
};
/* clang-format on */

static bool find_loss(struct str word, unsigned *drops)
{
    for (size_t i = 0; i < LOSS_COUNT; i++) {
        if (str_equal(word, str_of(loss_word((enum loss)i)))) {
            *drops |= 1U << i;
            return true;
        }
    }
    return false;
}

/* Lists may also be given as "ends,grids". */
static enum exit_status read_drops(struct cli *cli, const struct option_list *list, unsigned *drops)
{
    for (size_t i = 0; i < list->n; i++) {
        struct str rest = str_of(list->at[i]);
        for (bool more = true; more;) {
            const char *comma = rest.n ? memchr(rest.p, ',', rest.n) : NULL;
            struct str word = str_make(rest.p, comma ? (size_t)(comma - rest.p) : rest.n);
            if (!find_loss(word, drops)) {
                char quoted[80];
                return report_usage(cli, NULL,
                                    "--drop: expected ends, nans, grids, windows, "
                                    "warnings, lists or times: %s",
                                    quote_clipped(quoted, sizeof quoted, word));
            }
            more = comma != NULL;
            rest = more ? str_from(rest, word.n + 1) : rest;
        }
    }
    return STATUS_OK;
}

/* Unit tests know where series end, CSV by the markers in it, other text never does. */
static void tell_of_ends(struct cli *cli, const struct convert *convert)
{
    if (convert->format == CONVERT_UNIT && !convert->knows_ends)
        report_warning(cli,
                       "what was read has no stale markers, and a unit test does not say so: over "
                       "it instant selectors see series that have ended without a warning");
    bool is_text = convert->format == CONVERT_OPENMETRICS || convert->format == CONVERT_CSV ||
                   convert->format == CONVERT_DUMP;
    if (is_text && convert->knows_ends && convert->nends + convert->lost[LOSS_ENDS] == 0)
        report_warning(cli,
                       "no series ends in what was read, and the output has no way to say so: over "
                       "it instant selectors come with a warning");
}

/* What is not in the output is never passed over in silence. */
static void tell_losses(struct cli *cli, const struct convert *convert)
{
    for (size_t i = 0; i < LOSS_COUNT; i++) {
        uint64_t n = convert->lost[i];
        if (n && i == LOSS_TIMES) {
            char start[TIME_TEXT_MAX];
            time_format(convert->shift_ms, start);
            report_warning(cli, "times begin at 0, which was %s", start);
        } else if (n) {
            report_warning(cli, "%s: %llu %s", i == LOSS_NANS ? "made ordinary" : "left out",
                           (unsigned long long)n, loss_text((enum loss)i, n));
        }
    }
    tell_of_ends(cli, convert);
    if (convert->is_redacted)
        report_warning(cli, "label values are redacted, and the output does not say so");
    bool says_dialect = convert->format == CONVERT_CAPTURE || convert->format == CONVERT_JSON;
    if (convert->dialect != AMPQL_DIALECT_DEFAULT && !says_dialect)
        report_warning(cli,
                       "what was captured comes from a %s server, and the output does not say so: "
                       "use it with --dialect %s",
                       convert->dialect == AMPQL_PROM2 ? "prom2" : "prom3",
                       convert->dialect == AMPQL_PROM2 ? "prom2" : "prom3");
}

static enum exit_status run(struct cli *cli, const void *payload, struct option_list operands)
{
    const struct flags *flags = payload;
    struct ampql_error err = {0};
    struct ampql_file_options file = source_file_options(&flags->source);
    struct convert convert = {.alc = &alloc_default,
                              .from = operands.at[0],
                              .options = &file,
                              .to = operands.at[1],
                              .format = (enum convert_format)(flags->to - 1)};
    enum exit_status status = read_drops(cli, &flags->drop, &convert.drops);
    if (!status && !flags->to && convert_format_of(convert.to, &convert.format, &err) != AMPQL_OK)
        status = report_usage(cli, NULL, "%s", err.message);
    if (status)
        return status;
    enum ampql_code code = ampql_engine_new(NULL, &convert.engine, &err);
    if (code == AMPQL_OK) {
        code = convert_run(&convert, &err);
        ampql_engine_free(convert.engine);
    }
    if (code != AMPQL_OK)
        return report_error(cli, &err, (struct report){0});
    tell_losses(cli, &convert);
    return STATUS_OK;
}

const struct command command_capture_convert = {
    .name = "capture convert",
    .operands = "IN OUT",
    .summary = "captures, API JSON, OpenMetrics, CSV, ... into one another",
    .examples =
        "  ampql capture convert examples/data/cluster_day.aqc day/\n"
        "  ampql capture convert --stale-after 5m metrics.om metrics.aqc\n"
        "  ampql capture convert --drop grids,windows examples/data/cluster_day.aqc day.om\n",
    .details =
        "IN is anything that --source reads from disk. OUT appears at once and whole; its name\n"
        "says what it becomes: .aqc a capture, NAME/ a folder of API JSON with selects.json,\n"
        ".om OpenMetrics, .csv metric,labels,timestamp,value, .dump what `promtool tsdb dump`\n"
        "prints, .yml input_series of promtool's unit tests. What OUT has no place for is an\n"
        "error, unless --drop leaves it out:\n"
        "  ends      stale markers (OpenMetrics, dump)\n"
        "  nans      the bits of NaNs that are not Prometheus's own (all but captures)\n"
        "  grids     answers to instant selectors, as a server gave them (all but JSON)\n"
        "  windows   which times and series are known, and which were not asked (all but JSON)\n"
        "  warnings  what a server warned of (all but JSON)\n"
        "  lists     which series there were, without samples (all but captures)\n"
        "  times     unit tests begin at 0 instead of at a start_timestamp, which promtool\n"
        "            before 3.9 does not know\n",
    COMMAND_OPTIONS(options, struct flags),
    .min_operands = 2,
    .max_operands = 2,
    .run = run,
};
