/* Writing OpenMetrics. Of the format only what loses nothing: metrics of unknown type, since a
 * series does not say what it is. */
#include "series/exposition.h"

#include "base/number.h"
#include "base/time.h"
#include "series/label_set.h"

enum { MAX_HEAD = 1 << 26 };

void exposition_init(struct exposition *x, const struct ampql_allocator *alc, ampql_write write,
                     void *payload)
{
    *x = (struct exposition){.metric = SYMBOL_NONE};
    writer_init(&x->w, alc, write, payload);
    buf_init(&x->head, alc, MAX_HEAD);
}

/* ---- labels */

static enum ampql_code check_text(struct str text, const char *what, struct ampql_error *err)
{
    char quoted[320];
    if (str_is_utf8(text) && (text.n == 0 || !memchr(text.p, '\0', text.n)))
        return AMPQL_OK;
    return fail(err, AMPQL_UNSUPPORTED, "OpenMetrics is UTF-8 without NUL bytes, and %s is not: %s",
                what, quote_clipped(quoted, sizeof quoted, text));
}

/* Say of a series without a name which it is. */
static enum ampql_code fail_nameless(const struct ampql_label *labels, size_t nlabels,
                                     struct ampql_error *err)
{
    char name[96], value[96];
    if (nlabels == 0)
        return fail(err, AMPQL_UNSUPPORTED,
                    "OpenMetrics needs a metric name, and {} has none: label_replace(EXPR, "
                    "\"__name__\", \"NAME\", \"\", \"\") gives one");
    quote_clipped(name, sizeof name, str_view(labels[0].name));
    quote_clipped(value, sizeof value, str_view(labels[0].value));
    return fail(err, AMPQL_UNSUPPORTED,
                "OpenMetrics needs a metric name, and {%.*s=%s%s} has none: label_replace(EXPR, "
                "\"__name__\", \"NAME\", \"\", \"\") gives one",
                (int)strlen(name) - 2, name + 1, value, nlabels > 1 ? ", ..." : "");
}

enum ampql_code exposition_check(const struct ampql_label *labels, size_t nlabels,
                                 struct ampql_error *err)
{
    if (label_set_get(labels, nlabels, STR("__name__")).n == 0)
        return fail_nameless(labels, nlabels, err);
    for (size_t i = 0; i < nlabels; i++) {
        TRY(check_text(str_view(labels[i].name), "a label name", err));
        TRY(check_text(str_view(labels[i].value), "a label value", err));
    }
    return AMPQL_OK;
}

enum ampql_code exposition_check_time(int64_t t_ms, struct ampql_error *err)
{
    if (t_ms >= TIME_FIRST_MS && t_ms <= TIME_LAST_MS)
        return AMPQL_OK;
    return fail(err, AMPQL_UNSUPPORTED,
                "OpenMetrics text is written for the years 1 to 9999, and a sample is at %lld ms",
                (long long)t_ms);
}

/* name := [a-zA-Z_:][a-zA-Z0-9_:]*, without colons for labels; others are quoted */
static bool is_plain(struct str name, bool takes_colon)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
              (takes_colon && c == ':') || (i > 0 && c >= '0' && c <= '9')))
            return false;
    }
    return name.n > 0;
}

static void put_quoted(struct buf *out, struct str text)
{
    buf_byte(out, '"');
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '\\' || c == '"' || c == '\n')
            buf_byte(out, '\\');
        buf_byte(out, c == '\n' ? 'n' : c);
    }
    buf_byte(out, '"');
}

static void put_name(struct buf *out, struct str name, bool takes_colon)
{
    if (is_plain(name, takes_colon))
        buf_str(out, name);
    else
        put_quoted(out, name);
}

/* series := name ["{" label {"," label} "}"] | "{" quoted {"," label} "}" */
static void put_head(struct buf *out, struct str metric, const struct ampql_label *labels,
                     size_t nlabels)
{
    bool is_inside = !is_plain(metric, true);
    const char *before = is_inside ? "," : "{";
    out->n = 0;
    buf_text(out, is_inside ? "{" : "");
    put_name(out, metric, true);
    for (size_t i = 0; i < nlabels; i++) {
        struct str name = str_view(labels[i].name), value = str_view(labels[i].value);
        if (value.n == 0 || str_equal(name, STR("__name__")))
            continue;
        buf_text(out, before);
        put_name(out, name, false);
        buf_byte(out, '=');
        put_quoted(out, value);
        before = ",";
    }
    buf_text(out, *before == ',' ? "}" : "");
}

/* ---- metrics */

/* What could not be put into the head. */
static enum ampql_code head_failure(const struct exposition *x, struct ampql_error *err)
{
    if (x->head.failed == AMPQL_NOMEM)
        return fail_nomem(err, "the labels of a series");
    return x->head.failed == AMPQL_OK ? AMPQL_OK
                                      : fail(err, x->head.failed, "labels of more than 64 MiB");
}

/* A metric whose series have ended must not come again: readers refuse it, or take one of the two.
 */
static enum ampql_code begin_metric(struct exposition *x, struct str metric,
                                    struct ampql_error *err)
{
    if (!x->has_metrics && !symbols_init(&x->metrics, x->w.buf.alc))
        return fail_nomem(err, "the metrics of an OpenMetrics text");
    x->has_metrics = true;
    x->head.n = 0;
    buf_text(&x->head, "# TYPE ");
    put_name(&x->head, metric, true);
    buf_text(&x->head, " unknown\n");
    TRY(head_failure(x, err));
    uint32_t nbefore = x->metrics.n;
    symbol id = symbols_intern(&x->metrics, buf_view(&x->head));
    if (id == SYMBOL_NONE)
        return fail_nomem(err, "the metrics of an OpenMetrics text");
    if (id == x->metric)
        return AMPQL_OK;
    if (id < nbefore)
        return fail_quote(err, AMPQL_BAD_DATA, "a metric's series must follow each other", metric);
    x->metric = id;
    buf_str(&x->w.buf, buf_view(&x->head));
    return AMPQL_OK;
}

enum ampql_code exposition_begin(struct exposition *x, const struct ampql_label *labels,
                                 size_t nlabels, struct ampql_error *err)
{
    struct str metric = label_set_get(labels, nlabels, STR("__name__"));
    TRY(exposition_check(labels, nlabels, err));
    TRY(begin_metric(x, metric, err));
    put_head(&x->head, metric, labels, nlabels);
    return head_failure(x, err);
}

/* ---- samples */

/* What Prometheus makes of the text of a time. */
static bool reads_as(const char *text, size_t n, int64_t t_ms)
{
    double seconds;
    return number_parse(str_make(text, n), &seconds) && (int64_t)(seconds * 1000) == t_ms;
}

size_t exposition_time(int64_t t_ms, char *out)
{
    /* behind three decimals; whole seconds need none of these: their thousandfold is exact */
    static const char *const more[] = {"", "001", "01", "1", "3"};
    size_t n = number_format_seconds(t_ms, out);
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        size_t length = strlen(more[i]);
        memcpy(out + n, more[i], length + 1);
        if (reads_as(out, n + length, t_ms))
            return n + length;
    }
    return n;
}

/* What the writer says, in words. */
static enum ampql_code written(enum ampql_code code, struct ampql_error *err)
{
    if (code == AMPQL_OK)
        return AMPQL_OK;
    if (code == AMPQL_NOMEM)
        return fail_nomem(err, "OpenMetrics text");
    return fail(err, code, "the OpenMetrics text could not be written");
}

enum ampql_code exposition_sample(struct exposition *x, int64_t t_ms, double v,
                                  struct ampql_error *err)
{
    if (is_stale(v)) {
        x->nends++;
        return AMPQL_OK;
    }
    TRY(exposition_check_time(t_ms, err));
    struct buf *out = &x->w.buf;
    char *room = buf_room(out, x->head.n + 2 * (size_t)NUMBER_MAX + 3);
    if (!room)
        return AMPQL_OK; /* the writer remembers */
    size_t n = x->head.n;
    memcpy(room, x->head.p, n);
    room[n++] = ' ';
    n += number_format(v, room + n);
    room[n++] = ' ';
    n += exposition_time(t_ms, room + n);
    room[n++] = '\n';
    out->n += n;
    writer_flush(&x->w);
    return written(x->w.code, err);
}

enum ampql_code exposition_series(struct exposition *x, const struct ampql_label *labels,
                                  size_t nlabels, const struct samples *samples,
                                  struct ampql_error *err)
{
    TRY(exposition_begin(x, labels, nlabels, err));
    for (size_t i = 0; i < samples->n; i++)
        TRY(exposition_sample(x, samples->t[i], samples->v[i], err));
    return AMPQL_OK;
}

enum ampql_code exposition_end(struct exposition *x, enum ampql_code code, struct ampql_error *err)
{
    if (code == AMPQL_OK)
        buf_text(&x->w.buf, "# EOF\n");
    enum ampql_code end = writer_end(&x->w);
    buf_done(&x->head);
    if (x->has_metrics)
        symbols_done(&x->metrics);
    return code != AMPQL_OK ? code : written(end, err);
}
