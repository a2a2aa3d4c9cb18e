/* Results as text. Numbers are the shortest text that reads back to the same bits, as Prometheus
 * prints them. */
#include "cli/print.h"

#include "base/csv.h"
#include "base/json.h"
#include "base/number.h"
#include "base/quote.h"
#include "base/time.h"
#include "cli/report.h"
#include "cli/table.h"

#include <errno.h>

enum { LINE_MAX_BYTES = 1 << 26 };

/* Point i of a series, when it is there. */
static bool point_at(const struct ampql_result *result, const struct ampql_series *series, size_t i,
                     int64_t *t_ms, double *v)
{
    int64_t start_ms, step_ms;
    size_t nsteps;
    if (series->present && !(series->present[i / 64] >> (i % 64) & 1))
        return false;
    *v = series->values[i];
    if (series->t_ms) {
        *t_ms = series->t_ms[i];
        return true;
    }
    ampql_result_grid(result, &start_ms, &step_ms, &nsteps);
    *t_ms = start_ms + (int64_t)i * step_ms;
    return true;
}

struct str label_value(const struct ampql_label *labels, size_t nlabels, struct str name)
{
    for (size_t i = 0; i < nlabels; i++)
        if (str_equal(str_view(labels[i].name), name))
            return str_view(labels[i].value);
    return (struct str){"", 0};
}

static bool is_name(const struct ampql_label *label)
{
    return str_equal(str_view(label->name), STR("__name__"));
}

/* ---- pieces */

/* Append a label set; reports nothing, buf remembers a failure. */
static void write_labels(struct buf *out, const struct ampql_label *labels, size_t nlabels)
{
    size_t written = 0;
    struct str name = label_value(labels, nlabels, STR("__name__"));
    buf_str(out, name);
    for (size_t i = 0; i < nlabels; i++) {
        if (is_name(&labels[i]))
            continue;
        buf_text(out, written++ ? ", " : "{");
        buf_str(out, str_view(labels[i].name));
        buf_byte(out, '=');
        print_quoted(out, str_view(labels[i].value));
    }
    if (written)
        buf_byte(out, '}');
    else if (name.n == 0)
        buf_text(out, "{}");
}

/* Buffered text to the output. A buffer that failed fails the output too, so that no line is ever
 * left out quietly. */
static void flush(struct output *out, struct buf *buf)
{
    if (buf->failed && !out->error)
        out->error = ENOMEM;
    if (!buf->failed)
        output_str(out, buf_view(buf));
    buf_done(buf);
}

/* The buffer's text as a string of the arena; frees the buffer. */
static struct str keep(struct arena *arena, struct buf *buf)
{
    struct str copy = {NULL, 0};
    if (!buf->failed)
        copy = arena_copy(arena, buf_view(buf));
    buf_done(buf);
    return copy;
}

struct str print_labels(struct arena *arena, const struct ampql_label *labels, size_t nlabels)
{
    struct buf buf;
    buf_init(&buf, arena->alc, LINE_MAX_BYTES);
    write_labels(&buf, labels, nlabels);
    return keep(arena, &buf);
}

struct str print_labels_json(struct arena *arena, const struct ampql_label *labels, size_t nlabels)
{
    struct buf buf;
    buf_init(&buf, arena->alc, LINE_MAX_BYTES);
    json_quote_labels(&buf, labels, nlabels, true);
    return keep(arena, &buf);
}

/* ---- csv */

void print_csv_field(struct output *out, struct str field)
{
    struct buf buf;
    buf_init(&buf, &alloc_default, LINE_MAX_BYTES);
    csv_put_field(&buf, field);
    flush(out, &buf);
}

void print_csv_head(struct output *out)
{
    output_text(out, CSV_HEAD "\n");
}

void print_csv_sample(struct cli *cli, const struct ampql_label *labels, size_t nlabels,
                      int64_t t_ms, double v)
{
    char number[NUMBER_MAX];
    struct buf buf;
    buf_init(&buf, cli->arena.alc, LINE_MAX_BYTES);
    csv_put_series(&buf, labels, nlabels);
    csv_put_sample(&buf, t_ms, str_make(number, number_format(v, number)));
    flush(&cli->out, &buf);
}

static void print_csv(struct cli *cli, const struct ampql_result *result)
{
    print_csv_head(&cli->out);
    for (size_t i = 0; i < ampql_result_count(result); i++) {
        struct ampql_series series = ampql_result_series(result, i);
        for (size_t k = 0; k < series.n; k++) {
            int64_t t_ms;
            double v;
            if (point_at(result, &series, k, &t_ms, &v))
                print_csv_sample(cli, series.labels, series.nlabels, t_ms, v);
        }
    }
}

/* ---- promtool's text */

/* "1 @[1709403009.25]" and a line feed */
static void print_point(struct output *out, int64_t t_ms, double v)
{
    char number[NUMBER_MAX];
    output_bytes(out, number, number_format_fixed(v, number));
    output_text(out, " @[");
    output_bytes(out, number, number_format_fixed((double)t_ms / 1000, number));
    output_text(out, "]\n");
}

/* A label set straight to the output. */
static void put_labels(struct cli *cli, const struct ampql_label *labels, size_t nlabels)
{
    struct buf buf;
    buf_init(&buf, cli->arena.alc, LINE_MAX_BYTES);
    write_labels(&buf, labels, nlabels);
    flush(&cli->out, &buf);
}

void print_promql_sample(struct cli *cli, const struct ampql_label *labels, size_t nlabels,
                         int64_t t_ms, double v)
{
    put_labels(cli, labels, nlabels);
    output_text(&cli->out, " => ");
    print_point(&cli->out, t_ms, v);
}

static void print_promql_series(struct cli *cli, const struct ampql_result *result,
                                const struct ampql_series *series)
{
    int64_t t_ms;
    double v;
    put_labels(cli, series->labels, series->nlabels);
    output_text(&cli->out, " =>\n");
    for (size_t i = 0; i < series->n; i++)
        if (point_at(result, series, i, &t_ms, &v))
            print_point(&cli->out, t_ms, v);
}

static void print_promql(struct cli *cli, const struct ampql_result *result)
{
    for (size_t i = 0; i < ampql_result_count(result); i++) {
        struct ampql_series series = ampql_result_series(result, i);
        int64_t t_ms;
        double v;
        if (ampql_result_kind(result) == AMPQL_RESULT_MATRIX)
            print_promql_series(cli, result, &series);
        else if (point_at(result, &series, 0, &t_ms, &v))
            print_promql_sample(cli, series.labels, series.nlabels, t_ms, v);
    }
}

/* ---- tables */

/* The label names of all series, `__name__` first, then bytewise. */
struct names {
    ARRAY(struct str);
};

static bool add_name(struct names *names, struct arena *arena, struct str name)
{
    size_t low = 0, high = names->n;
    bool is_metric = str_equal(name, STR("__name__"));
    while (low < high) {
        size_t middle = (low + high) / 2;
        bool other_is_metric = str_equal(names->at[middle], STR("__name__"));
        int order = is_metric || other_is_metric ? other_is_metric - is_metric
                                                 : str_compare(name, names->at[middle]);
        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    if (!array_push(names, arena, name))
        return false;
    memmove(names->at + low + 1, names->at + low, (names->n - 1 - low) * sizeof *names->at);
    names->at[low] = name;
    return true;
}

static bool gather_names(const struct ampql_result *result, struct arena *arena,
                         struct names *names)
{
    for (size_t i = 0; i < ampql_result_count(result); i++) {
        struct ampql_series series = ampql_result_series(result, i);
        for (size_t k = 0; k < series.nlabels; k++)
            if (!add_name(names, arena, str_view(series.labels[k].name)))
                return false;
    }
    return true;
}

static void add_row(struct table *table, const struct names *names,
                    const struct ampql_series *series, bool has_time, int64_t t_ms, double v)
{
    char number[NUMBER_MAX], time[TIME_TEXT_MAX];
    for (size_t c = 0; c < names->n; c++)
        table_cell(table, label_value(series->labels, series->nlabels, names->at[c]));
    if (has_time)
        table_cell(table, str_make(time, time_format(t_ms, time)));
    table_cell(table, str_make(number, number_format(v, number)));
}

static enum exit_status print_table(struct cli *cli, const struct ampql_result *result)
{
    bool has_time = ampql_result_kind(result) == AMPQL_RESULT_MATRIX;
    struct names names = {0};
    struct table table;
    if (!gather_names(result, &cli->arena, &names))
        return report_nomem(cli);
    table_init(&table, &cli->arena, names.n + has_time + 1);
    for (size_t c = 0; c < names.n; c++)
        table_head(&table, c, names.at[c], false);
    if (has_time)
        table_head(&table, names.n, STR("TIME"), false);
    table_head(&table, names.n + has_time, STR("VALUE"), true);
    for (size_t i = 0; i < ampql_result_count(result); i++) {
        struct ampql_series series = ampql_result_series(result, i);
        for (size_t k = 0; k < series.n; k++) {
            int64_t t_ms;
            double v;
            if (point_at(result, &series, k, &t_ms, &v))
                add_row(&table, &names, &series, has_time, t_ms, v);
        }
    }
    return table_print(&table, &cli->out) ? STATUS_OK : report_nomem(cli);
}

/* ---- scalars and strings: one value at one time */

static void print_single(struct cli *cli, const struct ampql_result *result,
                         enum print_format format)
{
    char number[NUMBER_MAX], seconds[NUMBER_MAX];
    int64_t t_ms, step_ms;
    size_t nsteps;
    bool is_scalar = ampql_result_kind(result) == AMPQL_RESULT_SCALAR;
    struct str text;
    ampql_result_grid(result, &t_ms, &step_ms, &nsteps);
    if (is_scalar && format == PRINT_PROMQL) {
        output_text(&cli->out, "scalar: ");
        print_point(&cli->out, t_ms, ampql_result_scalar(result));
        return;
    }
    if (is_scalar)
        text = str_make(number, number_format_fixed(ampql_result_scalar(result), number));
    else
        text = str_view(ampql_result_string(result));
    if (format == PRINT_CSV) {
        print_csv_head(&cli->out);
        output_text(&cli->out, ",{},");
        output_bytes(&cli->out, seconds, number_format_seconds(t_ms, seconds));
        output_byte(&cli->out, ',');
        print_csv_field(&cli->out, text);
    } else {
        output_str(&cli->out, text);
    }
    output_byte(&cli->out, '\n');
}

enum exit_status print_result(struct cli *cli, const struct ampql_result *result,
                              enum print_format format)
{
    enum ampql_result_kind kind = ampql_result_kind(result);
    if (format == PRINT_JSON) {
        enum ampql_code code = ampql_result_json(result, output_write, &cli->out);
        output_byte(&cli->out, '\n');
        return code == AMPQL_NOMEM ? report_nomem(cli) : STATUS_OK;
    }
    if (format == PRINT_OPENMETRICS) {
        struct ampql_error err = {0};
        enum ampql_code code = ampql_result_openmetrics(result, output_write, &cli->out, &err);
        return code == AMPQL_OK || code == AMPQL_OUTPUT
                   ? STATUS_OK /* output that failed is told when it is closed */
                   : report_error(cli, &err, (struct report){0});
    }
    if (kind == AMPQL_RESULT_SCALAR || kind == AMPQL_RESULT_STRING) {
        print_single(cli, result, format);
        return STATUS_OK;
    }
    if (format == PRINT_TABLE)
        return print_table(cli, result);
    if (format == PRINT_CSV)
        print_csv(cli, result);
    else
        print_promql(cli, result);
    return STATUS_OK;
}
