/* Series as text: OpenMetrics, CSV, what `promtool tsdb dump` prints. */
#include "tool/convert.h"

#include "base/csv.h"
#include "base/number.h"
#include "base/quote.h"
#include "base/time.h"
#include "base/writer.h"
#include "series/exposition.h"
#include "series/label_set.h"
#include "tool/united.h"

/* ---- OpenMetrics */

struct openmetrics {
    struct convert *convert;
    struct exposition x;
};

static enum ampql_code put_openmetrics(void *payload, const struct ampql_label *labels,
                                       size_t nlabels, const struct samples *samples,
                                       struct ampql_error *err)
{
    struct openmetrics *o = payload;
    TRY(exposition_begin(&o->x, labels, nlabels, err));
    for (size_t i = 0; i < samples->n; i++)
        if (convert_admits(o->convert, samples->v[i], false))
            TRY(exposition_sample(&o->x, samples->t[i], samples->v[i], err));
    return AMPQL_OK;
}

enum ampql_code convert_openmetrics(struct convert *convert, struct united *series,
                                    struct new_file *out, struct ampql_error *err)
{
    struct openmetrics o = {.convert = convert};
    exposition_init(&o.x, convert->alc, new_file_write, out);
    return exposition_end(&o.x, united_scan(series, put_openmetrics, &o, err), err);
}

/* ---- lines of our own */

enum { MAX_HEAD = 1 << 26 };

struct lines {
    struct convert *convert;
    struct writer w;
    struct buf head; /* of the lines of the series at hand */
};

static enum ampql_code write_lines(struct convert *convert, struct united *series,
                                   struct new_file *out, const char *first, united_visit *put,
                                   struct ampql_error *err)
{
    struct lines lines = {.convert = convert};
    writer_init(&lines.w, convert->alc, new_file_write, out);
    buf_init(&lines.head, convert->alc, MAX_HEAD);
    buf_text(&lines.w.buf, first);
    enum ampql_code code = united_scan(series, put, &lines, err);
    enum ampql_code written = writer_end(&lines.w);
    buf_done(&lines.head);
    if (code != AMPQL_OK || written == AMPQL_OK)
        return code;
    return written == AMPQL_NOMEM ? fail_nomem(err, "lines of text")
                                  : fail(err, written, "the lines could not be written");
}

static enum ampql_code check_head(const struct lines *lines, struct ampql_error *err)
{
    if (lines->head.failed == AMPQL_NOMEM)
        return fail_nomem(err, "the labels of a series");
    return lines->head.failed == AMPQL_OK
               ? AMPQL_OK
               : fail(err, lines->head.failed, "labels of more than 64 MiB");
}

/* ---- CSV */

/* A line is a sample, so that a name cannot go over two; label values have escapes. */
static enum ampql_code check_metric(struct str metric, struct ampql_error *err)
{
    for (size_t i = 0; i < metric.n; i++)
        if (metric.p[i] == '\n' || metric.p[i] == '\r' || metric.p[i] == '\0')
            return fail_quote(err, AMPQL_UNSUPPORTED,
                              "CSV has no way to write line breaks and NUL bytes in a metric name",
                              metric);
    return AMPQL_OK;
}

static enum ampql_code put_csv(void *payload, const struct ampql_label *labels, size_t nlabels,
                               const struct samples *samples, struct ampql_error *err)
{
    struct lines *lines = payload;
    struct buf *out = &lines->w.buf;
    char number[NUMBER_MAX];
    TRY(convert_check_labels(labels, nlabels, err));
    TRY(check_metric(label_set_get(labels, nlabels, STR("__name__")), err));
    lines->head.n = 0;
    csv_put_series(&lines->head, labels, nlabels);
    TRY(check_head(lines, err));
    for (size_t i = 0; i < samples->n; i++) {
        if (samples->t[i] < TIME_FIRST_MS || samples->t[i] > TIME_LAST_MS)
            return fail(err, AMPQL_UNSUPPORTED,
                        "CSV is written for the years 1 to 9999, and a sample is at %lld ms",
                        (long long)samples->t[i]);
        convert_admits(lines->convert, samples->v[i], true);
        buf_str(out, buf_view(&lines->head));
        csv_put_sample(out, samples->t[i],
                       is_stale(samples->v[i])
                           ? STR("stale")
                           : str_make(number, number_format(samples->v[i], number)));
        writer_flush(&lines->w);
    }
    return AMPQL_OK;
}

enum ampql_code convert_csv(struct convert *convert, struct united *series, struct new_file *out,
                            struct ampql_error *err)
{
    return write_lines(convert, series, out, CSV_HEAD "\n", put_csv, err);
}

/* ---- tsdb dump */

/* name := [a-zA-Z_][a-zA-Z0-9_]*, others quoted */
static void put_name(struct buf *out, struct str name)
{
    if (label_name_is_valid(name, AMPQL_PROM2))
        buf_str(out, name);
    else
        print_quoted(out, name);
}

static enum ampql_code put_dump(void *payload, const struct ampql_label *labels, size_t nlabels,
                                const struct samples *samples, struct ampql_error *err)
{
    struct lines *lines = payload;
    struct buf *head = &lines->head, *out = &lines->w.buf;
    char number[NUMBER_MAX];
    TRY(convert_check_labels(labels, nlabels, err));
    head->n = 0;
    for (size_t i = 0; i < nlabels; i++) {
        buf_text(head, i ? ", " : "{");
        put_name(head, str_view(labels[i].name));
        buf_byte(head, '=');
        print_quoted(head, str_view(labels[i].value));
    }
    buf_text(head, nlabels ? "} " : "{} ");
    TRY(check_head(lines, err));
    for (size_t i = 0; i < samples->n; i++) {
        if (!convert_admits(lines->convert, samples->v[i], false))
            continue;
        buf_str(out, buf_view(head));
        buf_bytes(out, number, number_format_general(samples->v[i], number));
        buf_format(out, " %lld\n", (long long)samples->t[i]);
        writer_flush(&lines->w);
    }
    return AMPQL_OK;
}

enum ampql_code convert_dump(struct convert *convert, struct united *series, struct new_file *out,
                             struct ampql_error *err)
{
    return write_lines(convert, series, out, "", put_dump, err);
}
