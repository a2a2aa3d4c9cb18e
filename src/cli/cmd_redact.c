/* ampql capture redact: a capture with tokens in place of label values. */
#include "cli/report.h"
#include "tool/redact.h"

struct flags {
    const char *key_file, *map;
    struct option_list keep_labels, keep_values;
    bool keep_order;
    int error_format;
};

/* clang-format off */
static const struct option options[] = {
    {"key-file", 0, OPTION_STRING, offsetof(struct flags, key_file), "FILE",
     "the key: 16 bytes or more, such as of head -c 32 /dev/urandom"},
    {"keep-label", 0, OPTION_LIST, offsetof(struct flags, keep_labels), "NAME",
     "a label whose values stay, besides those with a fixed vocabulary; may be repeated"},
    {"keep-value", 0, OPTION_LIST, offsetof(struct flags, keep_values), "VALUE",
     "a value that stays in every label; may be repeated"},
    {"keep-order", 0, OPTION_BOOL, offsetof(struct flags, keep_order), NULL,
     "tokens sort as the values do, so that sums have the same bits; tells who sorts before whom"},
    {"map", 0, OPTION_STRING, offsetof(struct flags, map), "FILE",
     "write which token stands for which value, to keep for yourself"},
    REPORT_OPTIONS(struct flags, error_format),
};
/* clang-format on */

static void tell(struct cli *cli, const struct redact_report *report)
{
    report_note(cli, "%llu values are tokens now", (unsigned long long)report->values);
    if (report->expanded)
        report_warning(cli,
                       "%llu regexes became the values that they had matched: tokens cannot match "
                       "them",
                       (unsigned long long)report->expanded);
    if (report->dropped)
        report_warning(cli, "left out: %llu selects by a regex that had matched nothing",
                       (unsigned long long)report->dropped);
    if (report->too_long)
        report_warning(cli,
                       "left out: %llu selects by a regex whose values, as tokens, are more than a "
                       "regex can list (--keep-label keeps them)",
                       (unsigned long long)report->too_long);
}

static enum exit_status run(struct cli *cli, const void *payload, struct option_list operands)
{
    const struct flags *flags = payload;
    struct ampql_error err = {0};
    struct redact_report report;
    struct redact_options redact = {.key_file = flags->key_file,
                                    .keep_labels = flags->keep_labels.at,
                                    .nkeep_labels = flags->keep_labels.n,
                                    .keep_values = flags->keep_values.at,
                                    .nkeep_values = flags->keep_values.n,
                                    .keeps_order = flags->keep_order,
                                    .map_file = flags->map};
    if (!flags->key_file)
        return report_usage(cli, "head -c 32 /dev/urandom > key makes one",
                            "--key-file is missing: without a key tokens could be guessed");
    enum ampql_code code =
        tool_capture_redact(&alloc_default, operands.at[0], operands.at[1], &redact, &report, &err);
    if (code != AMPQL_OK)
        return report_error(cli, &err, (struct report){0});
    tell(cli, &report);
    return STATUS_OK;
}

const struct command command_capture_redact = {
    .name = "capture redact",
    .operands = "IN OUT",
    .summary = "a capture with tokens in place of label values, for a bug report",
    .examples =
        "  ampql capture redact --key-file key day.aqc public.aqc\n"
        "  ampql capture redact --key-file key --map tokens.csv --keep-label cluster_id \\\n"
        "    --keep-order examples/data/cluster_day.aqc public.aqc\n",
    .details =
        "A token, such as r_1f0c92aa3b6d4e57, is a keyed hash (HMAC-SHA-256) of the value:\n"
        "the same value has the same token in every label and in every capture redacted\n"
        "with the key, so that joins and groupings come out as before, also after\n"
        "label_replace has copied a whole value into another label (node from instance).\n"
        "Metric and label names, numbers, and what is no secret stay: labels with a fixed\n"
        "vocabulary (le, quantile, resource, unit, mode, device, ...) and the values that\n"
        "OpenCost's queries name (POD, true, ...), so that ampql allocate works on OUT.\n"
        "Queries ask for tokens: namespace=\"r_...\". A value that is none, or a regex over\n"
        "tokens, is refused when it is asked; what is cut out of values by functions (the\n"
        "time in a cron job's name) is not what it was. Sums add floats in the order of\n"
        "labels: --keep-order keeps their last digits.\n",
    COMMAND_OPTIONS(options, struct flags),
    .min_operands = 2,
    .max_operands = 2,
    .run = run,
};
