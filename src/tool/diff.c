/* Comparing captures: question by question, window by window, series by series. */
#include "tool/diff.h"

#include "base/json.h"
#include "base/number.h"
#include "base/time.h"
#include "base/writer.h"
#include "source/capture_merge.h"
#include "tool/capture_print.h"

#include <stdio.h>
#include <stdlib.h>

enum { A, B, SIDES };
enum { MAX_SHOWN = 10 }; /* windows, and series of a window, that people are shown of each kind */

/* A select of one of the captures. */
struct side_entry {
    int side;
    const struct capture_entry *entry;
    int64_t from_ms, to_ms; /* (from, to]; the points of a grid lie at the ends of such intervals */
};

struct counts {
    uint64_t both, only[SIDES];          /* windows */
    uint64_t series_only[SIDES], differ; /* series of windows that both have */
    uint64_t samples;                    /* that differ */
    uint64_t others;                     /* origins, warnings */
};

struct diff {
    const struct ampql_allocator *alc;
    struct capture capture[SIDES];
    struct writer w;
    bool as_json;
    struct counts counts;
    struct ampql_error *err;

    struct held window; /* that both have, and is looked at */
    struct hold hold;   /* its series in A */
    bool *is_seen;      /* [nseen] in B too */
    size_t nseen;
    struct {
        ARRAY(struct ampql_label);
    } labels;
    uint64_t
        nshown[SIDES + 1]; /* series of this window that were printed: only in A, in B, differ */
    bool has_head;         /* the window was named */
};

static const char *const side_names[] = {"A", "B"};

/* ---- printing */

/* A window, `{"select":"...",` or the text alone. */
static void put_window(struct diff *d, const struct held *held)
{
    buf_text(&d->w.buf, d->as_json ? "{\"select\":" : "");
    capture_put_held(&d->w.buf, held, d->as_json);
}

static void put_field(struct diff *d, const char *name, struct str a, struct str b)
{
    struct buf *out = &d->w.buf;
    if (str_equal(a, b))
        return;
    d->counts.others++;
    buf_format(out, d->as_json ? "{\"%s\":{\"a\":" : "%s: ", name);
    json_quote(out, a);
    buf_text(out, d->as_json ? ",\"b\":" : " and ");
    json_quote(out, b);
    buf_text(out, d->as_json ? "}}\n" : "\n");
}

static void compare_redactions(struct diff *d, const struct redaction *a, const struct redaction *b)
{
    struct buf text[SIDES];
    if (redactions_equal(a, b))
        return;
    for (int side = 0; side < SIDES; side++) {
        buf_init(&text[side], d->alc, CAPTURE_BLOCK_MAX);
        capture_put_redaction(&text[side], side == A ? a : b);
        if (text[side].failed != AMPQL_OK && d->w.buf.failed == AMPQL_OK)
            d->w.buf.failed = text[side].failed;
    }
    put_field(d, "redacted", buf_view(&text[A]), buf_view(&text[B]));
    for (int side = 0; side < SIDES; side++)
        buf_done(&text[side]);
}

static void compare_origins(struct diff *d)
{
    const struct capture_origin *a = &d->capture[A].origin, *b = &d->capture[B].origin;
    char x[32], y[32];
    put_field(d, "source", a->source, b->source);
    put_field(d, "dialect", str_of(capture_dialect_text(a->dialect)),
              str_of(capture_dialect_text(b->dialect)));
    put_field(d, "holds", str_of(capture_caps_text(a->caps)), str_of(capture_caps_text(b->caps)));
    snprintf(x, sizeof x, "%lld ms", (long long)a->marked_after_ms);
    snprintf(y, sizeof y, "%lld ms", (long long)b->marked_after_ms);
    put_field(d, "stale_after", str_of(x), str_of(y));
    compare_redactions(d, &a->redaction, &b->redaction);
}

static void put_only(struct diff *d, int side, const struct held *held)
{
    if (d->counts.only[side]++ >= MAX_SHOWN && !d->as_json)
        return;
    if (!d->as_json)
        buf_format(&d->w.buf, "only in %s: ", side_names[side]);
    put_window(d, held);
    if (d->as_json)
        buf_format(&d->w.buf, ",\"only_in\":\"%s\"}", side_names[side]);
    buf_byte(&d->w.buf, '\n');
    writer_flush(&d->w);
}

/* Begin a line about a series: enough were shown to people, or it is to be printed. */
static bool begin_series(struct diff *d, int kind, struct labels labels)
{
    char name[256];
    struct buf *out = &d->w.buf;
    store_describe(&d->hold.sets, labels, name, sizeof name);
    d->nshown[kind]++;
    if (d->as_json) {
        put_window(d, &d->window);
        buf_text(out, ",\"series\":");
        json_quote(out, str_of(name));
        return true;
    }
    if (!d->has_head) {
        put_window(d, &d->window);
        buf_text(out, ":\n");
        d->has_head = true;
    }
    if (d->nshown[kind] > MAX_SHOWN)
        return false;
    buf_format(out, "  %s", name);
    return true;
}

static void put_series_only(struct diff *d, int side, struct labels labels, uint64_t nsamples)
{
    struct buf *out = &d->w.buf;
    d->counts.series_only[side]++;
    if (!begin_series(d, side, labels))
        return;
    buf_format(out, d->as_json ? ",\"only_in\":\"%s\"" : ": only in %s, ", side_names[side]);
    capture_put_number(out, d->as_json ? ",\"samples\":" : "", nsamples);
    buf_text(out, d->as_json ? "}\n" : " samples\n");
    writer_flush(&d->w);
}

/* The first difference between two series, and how many there are. */
struct difference {
    uint64_t n, of; /* times that differ, of all */
    int64_t t_ms;
    const double *v[SIDES]; /* NULL: none */
};

static void put_value(struct buf *out, const double *v, bool as_json)
{
    char number[NUMBER_MAX];
    const char *quote = as_json ? "\"" : "";
    if (!v) {
        buf_text(out, as_json ? "null" : "none");
        return;
    }
    if (is_stale(*v))
        snprintf(number, sizeof number, "stale");
    else
        number_format(*v, number);
    buf_format(out, "%s%s%s", quote, number, quote);
}

/* Values that print alike differ in bits all the same: NaNs. */
static void put_bits(struct buf *out, const struct difference *x)
{
    if (x->v[A] && x->v[B] && *x->v[A] != *x->v[A] && *x->v[B] != *x->v[B])
        buf_format(out, ", bits %016llx and %016llx", (unsigned long long)bits_of(*x->v[A]),
                   (unsigned long long)bits_of(*x->v[B]));
}

static void put_difference(struct diff *d, struct labels labels, const struct difference *x)
{
    struct buf *out = &d->w.buf;
    char when[TIME_TEXT_MAX];
    d->counts.differ++;
    d->counts.samples += x->n;
    if (!begin_series(d, SIDES, labels))
        return;
    time_format(x->t_ms, when);
    capture_put_number(out, d->as_json ? ",\"different\":" : ": ", x->n);
    capture_put_number(out, d->as_json ? ",\"of\":" : " of ", x->of);
    buf_format(
        out,
        d->as_json ? ",\"first\":{\"time\":\"%s\",\"a\":" : " samples differ, first at %s: ", when);
    put_value(out, x->v[A], d->as_json);
    buf_text(out, d->as_json ? ",\"b\":" : " and ");
    put_value(out, x->v[B], d->as_json);
    if (!d->as_json)
        put_bits(out, x);
    buf_text(out, d->as_json ? "}}\n" : "\n");
    writer_flush(&d->w);
}

static void put_rest(struct diff *d)
{
    static const char *const what[] = {"only in A", "only in B", "with other samples"};
    for (size_t i = 0; i <= SIDES && !d->as_json; i++)
        if (d->nshown[i] > MAX_SHOWN)
            buf_format(&d->w.buf, "  and %llu more series %s\n",
                       (unsigned long long)d->nshown[i] - MAX_SHOWN, what[i]);
}

/* ---- a window that both have */

static struct difference compare_samples(const struct samples *a, const struct samples *b)
{
    struct difference x = {0};
    for (size_t i = 0, j = 0; i < a->n || j < b->n; x.of++) {
        bool in_a = i < a->n && (j == b->n || a->t[i] <= b->t[j]);
        bool in_b = j < b->n && (i == a->n || b->t[j] <= a->t[i]);
        if ((!in_a || !in_b || bits_of(a->v[i]) != bits_of(b->v[j])) && x.n++ == 0) {
            x.t_ms = in_a ? a->t[i] : b->t[j];
            x.v[A] = in_a ? &a->v[i] : NULL;
            x.v[B] = in_b ? &b->v[j] : NULL;
        }
        i += in_a;
        j += in_b;
    }
    return x;
}

static enum ampql_code find(struct diff *d, const struct capture *capture, struct labels labels,
                            size_t *series)
{
    d->labels.n = 0;
    for (size_t i = 0; i < labels.n; i++) {
        struct str name = symbols_text(&capture->symbols, labels.at[i].name);
        struct str value = symbols_text(&capture->symbols, labels.at[i].value);
        struct ampql_label label = {{name.p, name.n}, {value.p, value.n}};
        if (!array_add(&d->labels, d->alc, label))
            return fail_nomem(d->err, "the labels of a series");
    }
    return hold_find_or_add_text(&d->hold, d->labels.at, d->labels.n, series, d->err);
}

static enum ampql_code take_a(void *payload, const struct capture *capture, struct labels labels,
                              const struct samples *samples)
{
    struct diff *d = payload;
    size_t series;
    TRY(find(d, capture, labels, &series));
    return hold_append(&d->hold, series, samples, d->err);
}

static enum ampql_code take_b(void *payload, const struct capture *capture, struct labels labels,
                              const struct samples *samples)
{
    struct diff *d = payload;
    size_t series;
    TRY(find(d, capture, labels, &series));
    struct labels known = d->hold.sets.series.at[series].labels;
    if (series >= d->nseen) {
        put_series_only(d, B, known, samples->n);
        return AMPQL_OK;
    }
    struct samples a;
    d->is_seen[series] = true;
    TRY(hold_unpack(&d->hold, series, &a, d->err));
    struct difference x = compare_samples(&a, samples);
    if (x.n)
        put_difference(d, known, &x);
    return AMPQL_OK;
}

static enum ampql_code scan_both(struct diff *d, const struct side_entry *a,
                                 const struct side_entry *b, int64_t from_ms, int64_t to_ms)
{
    TRY(capture_scan(&d->capture[A], a->entry, NULL, from_ms, to_ms, take_a, d, d->err));
    d->nseen = d->hold.columns.n;
    d->is_seen = alloc_get(d->alc, d->nseen + 1, sizeof *d->is_seen);
    if (!d->is_seen)
        return fail_nomem(d->err, "the series of a capture");
    memset(d->is_seen, 0, (d->nseen + 1) * sizeof *d->is_seen);
    TRY(capture_scan(&d->capture[B], b->entry, NULL, from_ms, to_ms, take_b, d, d->err));
    for (size_t i = 0; i < d->nseen; i++)
        if (!d->is_seen[i])
            put_series_only(d, A, d->hold.sets.series.at[i].labels, d->hold.columns.at[i].n);
    put_rest(d);
    return AMPQL_OK;
}

static bool same_warnings(const struct capture_entry *a, const struct capture_entry *b)
{
    bool is_same = a->nwarnings == b->nwarnings;
    for (size_t i = 0; is_same && i < a->nwarnings; i++)
        is_same = str_equal(a->warnings[i], b->warnings[i]);
    return is_same;
}

static enum ampql_code compare_window(struct diff *d, const struct side_entry *a,
                                      const struct side_entry *b, int64_t from_ms, int64_t to_ms)
{
    TRY(hold_init(&d->hold, d->alc, d->err));
    d->counts.both++;
    d->has_head = false;
    memset(d->nshown, 0, sizeof d->nshown);
    if (!same_warnings(a->entry, b->entry)) {
        d->counts.others++;
        put_window(d, &d->window);
        buf_text(&d->w.buf, d->as_json ? ",\"warnings\":\"different\"}\n" : ": other warnings\n");
    }
    enum ampql_code code = scan_both(d, a, b, from_ms, to_ms);
    alloc_put(d->alc, d->is_seen, d->nseen + 1, sizeof *d->is_seen);
    d->is_seen = NULL;
    hold_done(&d->hold);
    return code;
}

/* ---- windows */

static int compare_entries(const void *a, const void *b)
{
    const struct side_entry *x = a, *y = b;
    int order = capture_compare_questions(&x->entry->held, &y->entry->held);
    if (order == 0)
        order = (x->from_ms > y->from_ms) - (x->from_ms < y->from_ms);
    return order ? order : x->side - y->side;
}

/* The question of an entry, of other times. */
static struct held with_times(const struct held *held, int64_t from_ms, int64_t to_ms)
{
    struct held copy = *held;
    if (held_is_window(held)) {
        copy.after_ms = from_ms;
        copy.upto_ms = to_ms;
    } else {
        copy.start_ms = from_ms + held->step_ms;
        copy.end_ms = to_ms;
    }
    return copy;
}

/* Windows of one question, by time; those of one capture neither overlap nor touch. Step from edge
 * to edge: each piece of time is known to none, one or both. */
static enum ampql_code compare_question(struct diff *d, struct side_entry *entry, size_t n)
{
    size_t next[SIDES] = {0};
    int64_t at = INT64_MIN;
    for (;;) {
        const struct side_entry *cover[SIDES] = {NULL};
        int64_t edge = INT64_MAX;
        for (int side = 0; side < SIDES; side++) {
            while (next[side] < n &&
                   (entry[next[side]].side != side || entry[next[side]].to_ms <= at))
                next[side]++;
            if (next[side] == n)
                continue;
            const struct side_entry *e = &entry[next[side]];
            cover[side] = e->from_ms <= at ? e : NULL;
            int64_t its_edge = cover[side] ? e->to_ms : e->from_ms;
            edge = its_edge < edge ? its_edge : edge;
        }
        if (next[A] == n && next[B] == n)
            return AMPQL_OK;
        const struct side_entry *any = cover[A] ? cover[A] : cover[B];
        if (any)
            d->window = with_times(&any->entry->held, at, edge);
        if (cover[A] && cover[B])
            TRY(compare_window(d, cover[A], cover[B], at, edge));
        else if (any)
            put_only(d, any->side, &d->window);
        at = edge;
    }
}

static enum ampql_code compare_selects(struct diff *d)
{
    struct arena work;
    size_t n = 0, total = d->capture[A].entries.n + d->capture[B].entries.n;
    arena_init(&work, d->alc);
    struct side_entry *all = arena_alloc(&work, total, sizeof *all);
    for (int side = 0; all && side < SIDES; side++) {
        for (size_t i = 0; i < d->capture[side].entries.n; i++) {
            const struct capture_entry *entry = &d->capture[side].entries.at[i];
            bool is_window = held_is_window(&entry->held);
            all[n++] = (struct side_entry){side, entry,
                                           is_window ? entry->held.after_ms
                                                     : entry->held.start_ms - entry->held.step_ms,
                                           is_window ? entry->held.upto_ms : entry->held.end_ms};
        }
    }
    enum ampql_code code = all ? AMPQL_OK : fail_nomem(d->err, "the selects of a capture");
    if (n)
        qsort(all, n, sizeof *all, compare_entries);
    for (size_t i = 0, j; i < n && code == AMPQL_OK; i = j) {
        for (j = i + 1; j < n; j++)
            if (capture_compare_questions(&all[i].entry->held, &all[j].entry->held) != 0)
                break;
        code = compare_question(d, all + i, j - i);
    }
    arena_done(&work);
    return code;
}

/* ---- all of it */

static void put_ids(struct diff *d, bool is_same)
{
    struct buf *out = &d->w.buf;
    char id[SIDES][2 * SHA256_BYTES + 1];
    for (int side = 0; side < SIDES; side++) {
        hex_of(d->capture[side].content_id, SHA256_BYTES, id[side]);
        id[side][2 * SHA256_BYTES] = '\0';
    }
    if (!d->as_json && is_same)
        buf_format(out, "the same: content id %s\n", id[A]);
    else if (d->as_json)
        buf_format(out, "{\"same\":%s,\"ids\":[\"%s\",\"%s\"]", is_same ? "true" : "false", id[A],
                   id[B]);
}

static void put_sums(struct diff *d)
{
    const struct counts *c = &d->counts;
    for (int side = 0; side < SIDES && !d->as_json; side++)
        if (c->only[side] > MAX_SHOWN)
            buf_format(&d->w.buf, "and %llu more windows only in %s\n",
                       (unsigned long long)c->only[side] - MAX_SHOWN, side_names[side]);
    const char *format =
        d->as_json
            ? ",\"windows\":{\"both\":%llu,\"only_a\":%llu,\"only_b\":%llu},"
              "\"series\":{\"only_a\":%llu,\"only_b\":%llu,\"different\":%llu},\"samples\":%llu"
            : "different: %llu windows in both, %llu only in A, %llu only in B; there %llu series "
              "only in A, %llu only in B, %llu with other samples, %llu samples\n";
    buf_format(&d->w.buf, format, (unsigned long long)c->both, (unsigned long long)c->only[A],
               (unsigned long long)c->only[B], (unsigned long long)c->series_only[A],
               (unsigned long long)c->series_only[B], (unsigned long long)c->differ,
               (unsigned long long)c->samples);
}

static enum ampql_code compare(struct diff *d, bool *is_same)
{
    *is_same = memcmp(d->capture[A].content_id, d->capture[B].content_id, SHA256_BYTES) == 0;
    if (!*is_same) {
        compare_origins(d);
        TRY(compare_selects(d));
    }
    put_ids(d, *is_same);
    if (!*is_same)
        put_sums(d);
    buf_text(&d->w.buf, d->as_json ? "}\n" : "");
    return AMPQL_OK;
}

static enum ampql_code write_difference(struct diff *d, ampql_write write, void *payload,
                                        bool *is_same)
{
    writer_init(&d->w, d->alc, write, payload);
    enum ampql_code code = compare(d, is_same);
    enum ampql_code written = writer_end(&d->w);
    array_done(&d->labels, d->alc);
    if (code != AMPQL_OK || written == AMPQL_OK)
        return code;
    return written == AMPQL_NOMEM ? fail_nomem(d->err, "what differs")
                                  : fail(d->err, written, "what differs could not be written");
}

enum ampql_code tool_capture_diff(const struct ampql_allocator *alc, const char *a, const char *b,
                                  bool as_json, ampql_write write, void *payload, bool *is_same,
                                  struct ampql_error *err)
{
    struct diff d = {.alc = alc, .as_json = as_json, .err = err};
    *is_same = false;
    TRY(capture_open(&d.capture[A], alc, a, err));
    enum ampql_code code = capture_open(&d.capture[B], alc, b, err);
    if (code == AMPQL_OK) {
        code = write_difference(&d, write, payload, is_same);
        capture_done(&d.capture[B]);
    }
    capture_done(&d.capture[A]);
    return code;
}
