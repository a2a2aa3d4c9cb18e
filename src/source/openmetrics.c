/* Reading OpenMetrics and Prometheus text. The two look alike, but times are seconds in one and
 * milliseconds in the other, and only the last line says which: times are read as seconds, and
 * scaled at the end when there was no "# EOF". */
#include "source/openmetrics.h"

#include "base/time.h"
#include "source/text.h"

struct reader {
    struct text text;
    struct openmetrics_options options;
    bool has_eof;
    size_t fraction_line;    /* the first time that is no whole number; 0: none */
    size_t openmetrics_line; /* the first line that only OpenMetrics has; 0: none */
    int64_t latest;          /* of all times, read as seconds */
    size_t latest_line;
};

static bool is_whole(struct str number)
{
    for (size_t i = 0; i < number.n; i++)
        if ((number.p[i] < '0' || number.p[i] > '9') && !(i == 0 && number.p[i] == '-'))
            return false;
    return true;
}

static enum ampql_code read_time(struct reader *r, struct str word, int64_t *out,
                                 struct ampql_error *err)
{
    char quoted[320];
    if (word.n == 0 || *word.p == '#')
        return text_fail(&r->text, word.p, AMPQL_BAD_DATA, err, "a sample without a timestamp");
    if (!time_parse_seconds(word, out))
        return text_fail(&r->text, word.p, AMPQL_BAD_DATA, err, "not a timestamp: %s",
                         quote_clipped(quoted, sizeof quoted, word));
    if (!is_whole(word) && !r->fraction_line)
        r->fraction_line = r->text.number;
    if (*out > r->latest || !r->latest_line) {
        r->latest = *out;
        r->latest_line = r->text.number;
    }
    return AMPQL_OK;
}

/* The time's unit is not known yet, so a conflict is told in the words of the file. */
static enum ampql_code add_sample(struct reader *r, size_t series, int64_t t, double v,
                                  struct str when, struct ampql_error *err)
{
    struct store *store = r->text.store;
    enum ampql_code code = store_append(store, series, t, v, err);
    if (code != AMPQL_BAD_DATA)
        return code;
    char name[256], quoted[320];
    store_describe(store, store->series.at[series].labels, name, sizeof name);
    return text_fail(&r->text, NULL, code, err, "%s has two values at %s", name,
                     quote_clipped(quoted, sizeof quoted, when));
}

/* line := labelset value timestamp ["#" exemplar] */
static enum ampql_code read_sample(struct reader *r, struct ampql_error *err)
{
    struct str rest = r->text.line;
    size_t series;
    TRY(text_series(&r->text, &rest, &series, err));
    if (text_is_histogram(rest) && r->options.skip_histograms)
        return AMPQL_OK;
    double v;
    int64_t t;
    TRY(text_value(&r->text, text_word(&rest), series, &v, err));
    struct str when = text_word(&rest), behind;
    TRY(read_time(r, when, &t, err));
    behind = text_word(&rest);
    if (behind.n && *behind.p == '#') {
        if (!r->openmetrics_line)
            r->openmetrics_line = r->text.number;
    } else if (behind.n) {
        char quoted[320];
        return text_fail(&r->text, behind.p, AMPQL_BAD_DATA, err,
                         "expected nothing behind the timestamp, found %s",
                         quote_clipped(quoted, sizeof quoted, behind));
    }
    return add_sample(r, series, t, v, when, err);
}

/* Types and comments that the Prometheus text format does not have. */
static bool is_openmetrics_only(struct str line)
{
    if (str_has_prefix(line, STR("# UNIT ")))
        return true;
    if (!str_has_prefix(line, STR("# TYPE ")))
        return false;
    struct str rest = str_from(line, sizeof "# TYPE " - 1);
    text_word(&rest);
    struct str type = text_word(&rest);
    return str_equal(type, STR("info")) || str_equal(type, STR("stateset")) ||
           str_equal(type, STR("unknown")) || str_equal(type, STR("gaugehistogram"));
}

static enum ampql_code read_line(struct reader *r, struct ampql_error *err)
{
    struct str line = r->text.line, rest = line;
    if (r->has_eof)
        return text_fail(&r->text, NULL, AMPQL_BAD_DATA, err, "something follows \"# EOF\"");
    if (str_equal(line, STR("# EOF"))) {
        r->has_eof = true;
        return AMPQL_OK;
    }
    if (!r->text.has_newline)
        return text_fail(&r->text, NULL, AMPQL_BAD_DATA, err,
                         "the last line has no line feed: the file is truncated");
    struct str word = text_word(&rest);
    if (word.n == 0)
        return AMPQL_OK;
    if (*word.p != '#')
        return read_sample(r, err);
    if (!r->openmetrics_line && is_openmetrics_only(line))
        r->openmetrics_line = r->text.number;
    return AMPQL_OK;
}

/* Fail at another line than the one read last. */
static enum ampql_code fail_line(struct reader *r, size_t line, struct ampql_error *err,
                                 const char *why)
{
    r->text.number = line;
    return text_fail(&r->text, NULL, AMPQL_BAD_DATA, err, "%s", why);
}

static void scale_times(struct store *store)
{
    for (size_t i = 0; i < store->series.n; i++)
        for (size_t j = 0; j < store->series.at[i].n; j++)
            store->series.at[i].t[j] /= 1000;
}

static enum ampql_code finish(struct reader *r, struct ampql_error *err)
{
    if (r->has_eof) {
        if (r->latest > TIME_LAST_MS)
            return fail_line(r, r->latest_line, err,
                             "a timestamp after the year 9999: OpenMetrics has seconds, not ms");
        return AMPQL_OK;
    }
    if (r->options.needs_eof)
        return fail_line(r, r->text.number, err, "no \"# EOF\": the file is truncated");
    if (r->openmetrics_line)
        return fail_line(r, r->openmetrics_line, err,
                         "this is OpenMetrics, but no \"# EOF\" follows: the file is truncated");
    if (r->fraction_line)
        return fail_line(r, r->fraction_line, err,
                         "a timestamp with a fraction in a file without \"# EOF\": Prometheus text "
                         "has whole milliseconds, and OpenMetrics ends in \"# EOF\"");
    scale_times(r->text.store);
    return AMPQL_OK;
}

static enum ampql_code read_lines(struct reader *r, struct ampql_error *err)
{
    for (;;) {
        bool is_end;
        TRY(text_next(&r->text, &is_end, err));
        if (is_end)
            return finish(r, err);
        TRY(read_line(r, err));
    }
}

enum ampql_code openmetrics_read(struct input *input, struct store *store,
                                 const struct openmetrics_options *options, struct ampql_error *err)
{
    struct reader r = {.options = *options};
    text_init(&r.text, input, store, TEXT_ESCAPES_THREE);
    enum ampql_code code = read_lines(&r, err);
    text_done(&r.text);
    return code;
}
