/* Listing, showing, verifying and merging captures. */
#include "tool/capture.h"

#include "base/json.h"
#include "base/time.h"
#include "base/writer.h"
#include "source/capture_place.h"
#include "source/capture_take.h"
#include "source/capture_verify.h"
#include "tool/capture_print.h"

#include <stdlib.h>

/* ---- numbers as people and as JSON readers want them */

/* `"key":"value"` */
static void put_field(struct buf *out, const char *before, const char *key, struct str value)
{
    buf_format(out, "%s\"%s\":", before, key);
    json_quote(out, value);
}

static struct str time_text(int64_t ms, char *out)
{
    return str_make(out, time_format(ms, out));
}

/* ---- holes */

/* Samples in (from, to], or points from ... to, that were never asked for. */
struct hole {
    int64_t from_ms, to_ms;
};

/* Between an entry and the next one of the same question; a finished capture has them side by side.
 */
static bool find_hole(const struct capture *c, size_t i, struct hole *out)
{
    if (c->is_log || i + 1 >= c->entries.n)
        return false;
    const struct held *a = &c->entries.at[i].held, *b = &c->entries.at[i + 1].held;
    if (a->kind != b->kind || !matchers_equal(a->matchers, b->matchers))
        return false;
    if (a->kind == AMPQL_SELECT_RAW) {
        *out = (struct hole){a->upto_ms, b->after_ms};
        return out->from_ms < out->to_ms;
    }
    if (held_is_window(a) || a->start_ms == a->end_ms || a->step_ms != b->step_ms ||
        a->lookback_ms != b->lookback_ms || a->dialect != b->dialect ||
        (b->start_ms - a->end_ms) % a->step_ms != 0)
        return false;
    *out = (struct hole){a->end_ms + a->step_ms, b->start_ms - a->step_ms};
    return out->from_ms <= out->to_ms;
}

static void put_hole(struct buf *out, const struct hole *hole, bool as_json)
{
    char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];
    time_format(hole->from_ms, from);
    time_format(hole->to_ms, to);
    buf_format(out,
               as_json ? ",\"hole\":{\"from\":\"%s\",\"to\":\"%s\"}"
                       : "  hole: from %s to %s was not asked\n",
               from, to);
}

/* ---- ls */

static void put_entry(struct buf *out, const struct capture *c, size_t i, bool as_json)
{
    const struct capture_entry *e = &c->entries.at[i];
    struct hole hole;
    bool has_hole = find_hole(c, i, &hole);
    if (!as_json) {
        capture_put_held(out, &e->held, false);
        capture_put_number(out, ": ", e->nseries);
        capture_put_number(out, " series, ", e->nsamples);
        buf_text(out, " samples");
        if (e->billed)
            capture_put_number(out, ", billed ", e->billed);
        buf_byte(out, '\n');
        for (size_t w = 0; w < e->nwarnings; w++)
            buf_format(out, "  %.*s\n", (int)e->warnings[w].n, e->warnings[w].p);
        if (has_hole)
            put_hole(out, &hole, false);
        return;
    }
    buf_text(out, "{\"select\":");
    capture_put_held(out, &e->held, true);
    capture_put_number(out, ",\"series\":", e->nseries);
    capture_put_number(out, ",\"samples\":", e->nsamples);
    capture_put_number(out, ",\"billed\":", e->billed);
    buf_text(out, ",\"warnings\":[");
    for (size_t w = 0; w < e->nwarnings; w++) {
        buf_text(out, w ? "," : "");
        json_quote(out, e->warnings[w]);
    }
    buf_byte(out, ']');
    if (has_hole)
        put_hole(out, &hole, true);
    buf_text(out, "}\n");
}

enum ampql_code tool_capture_ls(const char *path, bool as_json, ampql_write write, void *payload,
                                struct ampql_error *err)
{
    struct capture capture;
    struct writer w;
    TRY(capture_open_any(&capture, &alloc_default, path, err));
    writer_init(&w, &alloc_default, write, payload);
    for (size_t i = 0; i < capture.entries.n; i++) {
        put_entry(&w.buf, &capture, i, as_json);
        writer_flush(&w);
    }
    enum ampql_code code = writer_end(&w);
    capture_done(&capture);
    return code == AMPQL_OK ? code : fail(err, code, "the list could not be written");
}

/* ---- show */

/* One metric of a capture. */
struct metric {
    symbol name;
    uint64_t nseries, nsamples;
};

struct show {
    struct {
        ARRAY(struct metric);
    } metrics;
    size_t *by_symbol; /* [nsymbols] number in metrics + 1 */
    const struct symbols *symbols;
    struct ampql_error *err;
};

static enum ampql_code count_series(void *payload, const struct capture *capture,
                                    struct labels labels, const struct samples *samples)
{
    struct show *show = payload;
    symbol name = labels_get(labels, SYMBOL_NAME);
    (void)capture;
    if (show->by_symbol[name] == 0) {
        if (!array_add(&show->metrics, &alloc_default, (struct metric){.name = name}))
            return fail_nomem(show->err, "the metrics of a capture");
        show->by_symbol[name] = show->metrics.n;
    }
    struct metric *metric = &show->metrics.at[show->by_symbol[name] - 1];
    metric->nseries++;
    metric->nsamples += samples->n;
    return AMPQL_OK;
}

static int by_name(const void *a, const void *b, void *symbols)
{
    const struct metric *x = a, *y = b;
    return str_compare(symbols_text(symbols, x->name), symbols_text(symbols, y->name));
}

static void put_summary(struct buf *out, const struct capture *c, uint64_t nseries,
                        uint64_t nsamples, bool as_json)
{
    char id[2 * SHA256_BYTES + 1] = "unfinished", created[TIME_TEXT_MAX];
    struct hole hole;
    size_t nholes = 0;
    for (size_t i = 0; i < c->entries.n; i++)
        nholes += find_hole(c, i, &hole);
    double each = nsamples ? (double)c->file.size / (double)nsamples : 0;
    if (!c->is_log)
        hex_of(c->content_id, SHA256_BYTES, id);
    struct str when = time_text(c->created_ms, created);
    if (as_json) {
        put_field(out, "{", "id", str_of(id));
        put_field(out, ",", "source", c->origin.source);
        put_field(out, ",", "holds", str_of(capture_caps_text(c->origin.caps)));
        put_field(out, ",", "dialect", str_of(capture_dialect_text(c->origin.dialect)));
        buf_text(out, c->origin.redaction.is_redacted ? ",\"redacted\":true" : "");
        put_field(out, ",", "created", when);
        put_field(out, ",", "tool", c->tool);
        capture_put_number(out, ",\"selects\":", c->entries.n);
        capture_put_number(out, ",\"holes\":", nholes);
        capture_put_number(out, ",\"series\":", nseries);
        capture_put_number(out, ",\"samples\":", nsamples);
        capture_put_number(out, ",\"bytes\":", c->file.size);
        buf_text(out, ",\"metrics\":[");
        return;
    }
    buf_format(out, "id       %s\nsource   %.*s\nholds    %s\ndialect  %s\n", id,
               (int)c->origin.source.n, c->origin.source.p, capture_caps_text(c->origin.caps),
               capture_dialect_text(c->origin.dialect));
    if (c->origin.redaction.is_redacted) {
        buf_text(out, "redacted ");
        capture_put_redaction(out, &c->origin.redaction);
        buf_byte(out, '\n');
    }
    buf_format(out, "created  %.*s by %.*s\n", (int)when.n, when.p, (int)c->tool.n, c->tool.p);
    buf_format(out, "selects  %zu", c->entries.n);
    if (nholes)
        buf_format(out, ", and %zu %s between their windows", nholes,
                   nholes == 1 ? "hole" : "holes");
    buf_format(out, "\nseries   %llu\nsamples  %llu\nbytes    %llu, %.2f a sample\n\n",
               (unsigned long long)nseries, (unsigned long long)nsamples,
               (unsigned long long)c->file.size, each);
}

static void put_metric(struct buf *out, const struct capture *c, const struct metric *metric,
                       bool is_first, bool as_json)
{
    struct str name = symbols_text(&c->symbols, metric->name);
    if (as_json)
        put_field(out, is_first ? "{" : ",{", "name", name);
    else
        buf_format(out, "%.*s", (int)name.n, name.p);
    capture_put_number(out, as_json ? ",\"series\":" : ": ", metric->nseries);
    capture_put_number(out, as_json ? ",\"samples\":" : " series, ", metric->nsamples);
    buf_text(out, as_json ? "}" : " samples\n");
}

static enum ampql_code show(struct capture *c, struct show *s, struct writer *w, bool as_json,
                            struct ampql_error *err)
{
    uint64_t nseries = 0, nsamples = 0;
    for (size_t i = 0; i < c->entries.n; i++) {
        const struct capture_entry *e = &c->entries.at[i];
        nseries += e->nseries;
        nsamples += e->nsamples;
        TRY(capture_scan(c, e, NULL, INT64_MIN, INT64_MAX, count_series, s, err));
    }
    if (s->metrics.n)
        qsort_r(s->metrics.at, s->metrics.n, sizeof *s->metrics.at, by_name, &c->symbols);
    put_summary(&w->buf, c, nseries, nsamples, as_json);
    for (size_t i = 0; i < s->metrics.n; i++) {
        put_metric(&w->buf, c, &s->metrics.at[i], i == 0, as_json);
        writer_flush(w);
    }
    buf_text(&w->buf, as_json ? "]}\n" : "");
    return AMPQL_OK;
}

enum ampql_code tool_capture_show(const char *path, bool as_json, ampql_write write, void *payload,
                                  struct ampql_error *err)
{
    struct capture capture;
    struct writer w;
    TRY(capture_open_any(&capture, &alloc_default, path, err));
    struct show s = {.symbols = &capture.symbols, .err = err};
    size_t nsymbols = capture.symbols.n;
    s.by_symbol = alloc_get(&alloc_default, nsymbols, sizeof *s.by_symbol);
    writer_init(&w, &alloc_default, write, payload);
    enum ampql_code code;
    if (s.by_symbol) {
        memset(s.by_symbol, 0, nsymbols * sizeof *s.by_symbol);
        code = show(&capture, &s, &w, as_json, err);
    } else {
        code = fail_nomem(err, "the metrics of a capture");
    }
    enum ampql_code written = writer_end(&w);
    if (code == AMPQL_OK && written != AMPQL_OK)
        code = fail(err, written, "the capture's content could not be written");
    alloc_put(&alloc_default, s.by_symbol, nsymbols, sizeof *s.by_symbol);
    array_done(&s.metrics, &alloc_default);
    capture_done(&capture);
    return code;
}

/* ---- verify */

struct verifying {
    struct writer w;
    bool as_json;
};

static void put_finding(void *payload, const struct capture_entry *entry, const char *what)
{
    struct verifying *v = payload;
    struct buf *out = &v->w.buf;
    if (v->as_json) {
        put_field(out, "{", "finding", str_of(what));
        buf_text(out, ",\"lost\":");
        if (entry)
            capture_put_held(out, &entry->held, true);
        else
            buf_text(out, "null");
        buf_text(out, "}\n");
    } else {
        if (entry) {
            buf_text(out, "lost: ");
            capture_put_held(out, &entry->held, false);
            buf_text(out, ": ");
        }
        buf_format(out, "%s\n", what);
    }
    writer_flush(&v->w);
}

/* That a select is whole helps nobody while the file cannot be opened. */
static void put_way_out(struct buf *out, const struct capture_verdict *verdict,
                        const char *rescue_to)
{
    if (verdict->is_rescued)
        buf_format(out, "written to %s\n", rescue_to);
    else if (rescue_to)
        buf_text(out, "nothing is left that could be written\n");
    else if (!verdict->opens && verdict->nlost < verdict->nselects)
        buf_text(out, "it cannot be opened as it is: --rescue OUT.aqc writes what is left\n");
}

static void put_verdict(struct buf *out, const struct capture_verdict *verdict, bool as_json)
{
    size_t nleft = verdict->nselects - verdict->nlost;
    if (as_json) {
        buf_format(out, "{\"whole\":%s", verdict->is_whole ? "true" : "false");
        buf_format(out, ",\"finished\":%s", verdict->is_log ? "false" : "true");
        buf_format(out, ",\"opens\":%s", verdict->opens ? "true" : "false");
        buf_format(out, ",\"rescued\":%s", verdict->is_rescued ? "true" : "false");
        capture_put_number(out, ",\"selects\":", verdict->nselects);
        capture_put_number(out, ",\"usable\":", nleft);
        capture_put_number(out, ",\"blocks\":", verdict->nblocks);
        capture_put_number(out, ",\"series\":", verdict->nseries);
        capture_put_number(out, ",\"samples\":", verdict->nsamples);
        buf_text(out, "}\n");
        return;
    }
    const char *state = !verdict->is_whole ? "damaged" : verdict->is_log ? "unfinished" : "whole";
    buf_format(out, "%s: %zu of %zu selects can be used, %llu blocks, %llu series, %llu samples\n",
               state, nleft, verdict->nselects, (unsigned long long)verdict->nblocks,
               (unsigned long long)verdict->nseries, (unsigned long long)verdict->nsamples);
}

enum ampql_code tool_capture_verify(const char *path, const char *rescue_to, bool as_json,
                                    ampql_write write, void *payload, bool *is_whole,
                                    struct ampql_error *err)
{
    struct verifying v = {.as_json = as_json};
    struct capture_verdict verdict;
    writer_init(&v.w, &alloc_default, write, payload);
    enum ampql_code code =
        capture_verify(&alloc_default, path, rescue_to, put_finding, &v, &verdict, err);
    if (code == AMPQL_OK)
        put_verdict(&v.w.buf, &verdict, as_json);
    if (code == AMPQL_OK && !as_json)
        put_way_out(&v.w.buf, &verdict, rescue_to);
    enum ampql_code written = writer_end(&v.w);
    if (code == AMPQL_OK && written != AMPQL_OK)
        code = fail(err, written, "the findings could not be written");
    *is_whole = code == AMPQL_OK && verdict.is_whole;
    return code;
}

/* ---- merge */

enum ampql_code tool_capture_merge(const char *const *paths, size_t npaths, const char *to,
                                   struct ampql_error *err)
{
    struct capture *inputs = alloc_get(&alloc_default, npaths, sizeof *inputs);
    struct capture **pointers = alloc_get(&alloc_default, npaths, sizeof *pointers);
    enum ampql_code code = inputs && pointers ? AMPQL_OK : fail_nomem(err, "the captures");
    size_t nopen = 0;
    while (code == AMPQL_OK && nopen < npaths) {
        code = capture_open(&inputs[nopen], &alloc_default, paths[nopen], err);
        if (code == AMPQL_OK) {
            pointers[nopen] = &inputs[nopen];
            nopen++;
        }
    }
    if (code == AMPQL_OK)
        code = capture_write_new(&alloc_default, to, pointers, npaths, NULL, err);
    while (nopen > 0)
        capture_done(&inputs[--nopen]);
    alloc_put(&alloc_default, pointers, npaths, sizeof *pointers);
    alloc_put(&alloc_default, inputs, npaths, sizeof *inputs);
    return code;
}
