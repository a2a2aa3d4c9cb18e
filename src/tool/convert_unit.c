/* Series as input_series of promtool's unit tests: values on one grid, in its short notation where
 * that stands for the same bits. */
#include "tool/convert.h"

#include "base/duration.h"
#include "base/number.h"
#include "base/time.h"
#include "base/writer.h"
#include "series/label_set.h"
#include "source/wire.h"
#include "tool/script.h"
#include "tool/united.h"

#include <math.h>

enum {
    MINUTE_MS = 60000,
    MAX_TEXT = 1 << 26,
    MAX_LEAD = 1000, /* points before the first sample that are written rather than a start time */
    MIN_RUN = 3      /* values in a row that are worth a notation */
};

struct unit {
    struct convert *convert;
    struct writer w;
    struct buf text; /* of the labels at hand */

    bool has_times;
    int64_t first_ms, step_ms; /* of the grid that all times are on */
    int64_t start_ms;          /* where values begin */

    struct samples samples; /* of the series at hand */
    const char *before;     /* the next value */
};

/* ---- the grid */

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static enum ampql_code look_at_times(void *payload, const struct ampql_label *labels,
                                     size_t nlabels, const struct samples *samples,
                                     struct ampql_error *err)
{
    struct unit *u = payload;
    (void)labels, (void)nlabels;
    if (samples->t[0] < TIME_FIRST_MS || samples->t[samples->n - 1] > TIME_LAST_MS)
        return fail(err, AMPQL_UNSUPPORTED,
                    "unit tests are written for the years 1 to 9999, and a sample is at %lld ms",
                    (long long)(samples->t[0] < TIME_FIRST_MS ? samples->t[0]
                                                              : samples->t[samples->n - 1]));
    if (!u->has_times)
        u->first_ms = samples->t[0];
    u->has_times = true;
    for (size_t i = 0; i < samples->n; i++) {
        int64_t from_first = samples->t[i] - u->first_ms;
        u->step_ms = common_divisor(u->step_ms, from_first < 0 ? -from_first : from_first);
    }
    if (samples->t[0] < u->first_ms)
        u->first_ms = samples->t[0];
    return AMPQL_OK;
}

/* Where the values begin: at 0 when that is near, so that every promtool can read it. */
static void choose_start(struct unit *u)
{
    if (u->step_ms == 0)
        u->step_ms = MINUTE_MS; /* one time only */
    if (u->convert->drops >> LOSS_TIMES & 1) {
        u->start_ms = u->convert->shift_ms = u->first_ms;
        u->convert->lost[LOSS_TIMES] += u->first_ms != 0;
        return;
    }
    bool is_near =
        u->first_ms >= 0 && u->first_ms % u->step_ms == 0 && u->first_ms / u->step_ms <= MAX_LEAD;
    u->start_ms = is_near ? 0 : u->first_ms;
}

/* All gaps count: whoever reads this holds a value for each point. */
static enum ampql_code check_points(const struct unit *u, const struct united *series,
                                    struct ampql_error *err)
{
    uint64_t n = 0;
    for (size_t i = 0; i < series->hold.columns.n; i++)
        n += (uint64_t)((series->hold.columns.at[i].last_ms - u->start_ms) / u->step_ms) + 1;
    char step[DURATION_MAX];
    duration_format(u->step_ms, step);
    if (u->step_ms > INT64_MAX / 1000000) /* durations are read as nanoseconds */
        return fail(err, AMPQL_LIMIT, "a unit test has no interval of %s between values", step);
    if (n <= SCRIPT_MAX_VALUES)
        return AMPQL_OK;
    return fail(
        err, AMPQL_LIMIT,
        "a unit test has all values on one grid: all these times are on one of %s, and that "
        "makes %llu values, more than %d",
        step, (unsigned long long)n, SCRIPT_MAX_VALUES);
}

/* ---- values */

static void put_value(struct unit *u, double v)
{
    char number[NUMBER_MAX];
    buf_text(&u->w.buf, u->before);
    u->before = " ";
    if (is_stale(v)) {
        buf_text(&u->w.buf, "stale");
        return;
    }
    convert_admits(u->convert, v, true);
    buf_bytes(&u->w.buf, number, number_format(v, number));
}

static void put_gap(struct unit *u, int64_t npoints)
{
    if (npoints <= 0)
        return;
    buf_text(&u->w.buf, u->before);
    u->before = " ";
    buf_text(&u->w.buf, "_");
    if (npoints > 1)
        buf_format(&u->w.buf, "x%lld", (long long)npoints);
}

/* How many values from i on follow each other at every step and are what adding `by` again and
 * again gives, as readers do it. NaN, infinities and ends are words, which take no notation. */
static size_t run_length(const struct unit *u, size_t i, double by)
{
    const struct samples *s = &u->samples;
    size_t n = 1;
    double v = s->v[i];
    if (!isfinite(v) || !isfinite(by))
        return 1;
    for (; i + n < s->n && s->t[i + n] - s->t[i + n - 1] == u->step_ms; n++) {
        if (by != 0)
            v += by;
        if (bits_of(v) != bits_of(s->v[i + n]))
            break;
    }
    return n;
}

/* value := number ["+"|"-" number] "x" times; returns how many samples that were. */
static size_t put_run(struct unit *u, size_t i)
{
    const struct samples *s = &u->samples;
    char number[NUMBER_MAX];
    double by = i + 1 < s->n ? s->v[i + 1] - s->v[i] : 0;
    size_t n = run_length(u, i, by);
    put_value(u, s->v[i]);
    if (n < MIN_RUN)
        return 1;
    if (by != 0) {
        buf_byte(&u->w.buf, by < 0 ? '-' : '+');
        buf_bytes(&u->w.buf, number, number_format(fabs(by), number));
    }
    buf_format(&u->w.buf, "x%zu", n - 1);
    return n;
}

static void put_values(struct unit *u)
{
    int64_t next_ms = u->start_ms;
    u->before = "";
    for (size_t i = 0, n; i < u->samples.n; i += n) {
        put_gap(u, (u->samples.t[i] - next_ms) / u->step_ms);
        n = put_run(u, i);
        next_ms = u->samples.t[i + n - 1] + u->step_ms;
        writer_flush(&u->w);
    }
}

/* ---- series */

/* YAML's single quotes: only the quote itself is doubled. Control bytes were escaped before. */
static void put_scalar(struct buf *out, struct str text)
{
    buf_byte(out, '\'');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\'')
            buf_byte(out, '\'');
        buf_byte(out, text.p[i]);
    }
    buf_byte(out, '\'');
}

/* A series is written as the selector that asks for all its labels. */
static enum ampql_code name_series(struct unit *u, const struct ampql_label *labels, size_t nlabels,
                                   struct ampql_error *err)
{
    struct arena work;
    arena_init(&work, u->convert->alc);
    struct ampql_matcher *matchers = arena_alloc(&work, nlabels, sizeof *matchers);
    for (size_t i = 0; matchers && i < nlabels; i++)
        matchers[i] = (struct ampql_matcher){labels[i].name, AMPQL_MATCH_EQUAL, labels[i].value};
    u->text.n = 0;
    if (matchers)
        wire_selector(&u->text, matchers, nlabels, NULL);
    enum ampql_code code = matchers ? u->text.failed : AMPQL_NOMEM;
    arena_done(&work);
    if (code == AMPQL_NOMEM)
        return fail_nomem(err, "the labels of a series");
    return code == AMPQL_OK ? code : fail(err, code, "labels of more than 64 MiB");
}

static enum ampql_code put_series(void *payload, const struct ampql_label *labels, size_t nlabels,
                                  const struct samples *samples, struct ampql_error *err)
{
    struct unit *u = payload;
    TRY(convert_check_labels(labels, nlabels, err));
    TRY(name_series(u, labels, nlabels, err));
    buf_text(&u->w.buf, "      - series: ");
    put_scalar(&u->w.buf, buf_view(&u->text));
    buf_text(&u->w.buf, "\n        values: '");
    u->samples = *samples;
    put_values(u);
    buf_text(&u->w.buf, "'\n");
    writer_flush(&u->w);
    return AMPQL_OK;
}

static void put_head(struct unit *u)
{
    char text[TIME_TEXT_MAX + DURATION_MAX];
    struct buf *out = &u->w.buf;
    size_t n = duration_format(u->step_ms, text);
    buf_format(out, "evaluation_interval: %.*s\ntests:\n  - interval: %.*s\n", (int)n, text, (int)n,
               text);
    if (u->start_ms && !u->convert->lost[LOSS_TIMES]) {
        n = time_format(u->start_ms, text);
        buf_format(out, "    start_timestamp: '%.*s'\n", (int)n, text);
    }
    buf_text(out, u->has_times ? "    input_series:\n" : "    input_series: []\n");
}

enum ampql_code convert_unit(struct convert *convert, struct united *series, struct new_file *out,
                             struct ampql_error *err)
{
    struct unit u = {.convert = convert};
    TRY(united_scan(series, look_at_times, &u, err));
    choose_start(&u);
    TRY(check_points(&u, series, err));
    writer_init(&u.w, convert->alc, new_file_write, out);
    buf_init(&u.text, convert->alc, MAX_TEXT);
    put_head(&u);
    enum ampql_code code = united_scan(series, put_series, &u, err);
    enum ampql_code written = writer_end(&u.w);
    buf_done(&u.text);
    if (code != AMPQL_OK || written == AMPQL_OK)
        return code;
    return written == AMPQL_NOMEM ? fail_nomem(err, "a unit test")
                                  : fail(err, written, "the unit test could not be written");
}
