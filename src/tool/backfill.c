/* The history of recording rules, in the forms that others read. */
#include "tool/backfill.h"

#include "base/json.h"
#include "base/number.h"
#include "source/capture_take.h"
#include "source/source.h"

enum ampql_code backfill_open(struct backfill *out, enum backfill_form form,
                              const struct ampql_allocator *alc, const char *path, struct str name,
                              enum ampql_dialect dialect, ampql_write write, void *payload,
                              struct ampql_error *err)
{
    *out = (struct backfill){.form = form, .alc = alc, .path = path, .name = name};
    if (form == BACKFILL_CAPTURE) {
        TRY(source_memory_new(alc, NULL, &out->store, err));
        out->store->dialect = dialect;
    } else if (form == BACKFILL_OPENMETRICS) {
        exposition_init(&out->text, alc, write, payload);
    } else {
        writer_init(&out->json, alc, write, payload);
    }
    return AMPQL_OK;
}

/* Not before the first series, or the end: until then the run may fail, and leaves nothing. */
static void put_head(struct backfill *backfill)
{
    if (!backfill->has_head)
        buf_text(&backfill->json.buf,
                 "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[");
    backfill->has_head = true;
}

/* Neither JSON nor OpenMetrics has stale markers. */
static size_t count_values(const struct ampql_series *series)
{
    size_t n = 0;
    for (size_t i = 0; i < series->n; i++)
        n += !is_stale(series->values[i]);
    return n;
}

static void put_json(struct backfill *backfill, const struct ampql_series *series)
{
    struct writer *w = &backfill->json;
    char number[NUMBER_MAX];
    bool is_first = true;
    buf_text(&w->buf, backfill->has_head ? "," : "");
    put_head(backfill);
    buf_text(&w->buf, "{\"metric\":");
    json_quote_labels(&w->buf, series->labels, series->nlabels, true);
    buf_text(&w->buf, ",\"values\":[");
    for (size_t i = 0; i < series->n; i++) {
        if (is_stale(series->values[i]))
            continue;
        buf_text(&w->buf, is_first ? "[" : ",[");
        buf_bytes(&w->buf, number, number_format_seconds(series->t_ms[i], number));
        buf_text(&w->buf, ",\"");
        buf_bytes(&w->buf, number, number_format(series->values[i], number));
        buf_text(&w->buf, "\"]");
        writer_flush(w);
        is_first = false;
    }
    buf_text(&w->buf, "]}");
    writer_flush(w);
}

enum ampql_code backfill_take(void *payload, size_t rule, const struct ampql_series *series,
                              struct ampql_error *err)
{
    struct backfill *backfill = payload;
    (void)rule;
    if (backfill->form == BACKFILL_CAPTURE)
        return source_memory_add(backfill->store, series->labels, series->nlabels, series->t_ms,
                                 series->values, series->n, err);
    size_t nvalues = count_values(series);
    backfill->nmarkers += series->n - nvalues;
    if (nvalues == 0)
        return AMPQL_OK;
    if (backfill->form == BACKFILL_OPENMETRICS)
        return exposition_series(&backfill->text, series->labels, series->nlabels,
                                 &(struct samples){series->t_ms, series->values, series->n}, err);
    put_json(backfill, series);
    return AMPQL_OK;
}

static enum ampql_code write_capture(struct backfill *backfill, struct ampql_error *err)
{
    struct capture_log log;
    struct capture_origin origin = capture_origin_of(backfill->store, backfill->name);
    TRY(capture_log_open(&log, backfill->alc, backfill->path, &origin, false, err));
    enum ampql_code code = capture_take_all(&log, backfill->store, err);
    if (code == AMPQL_OK)
        code = capture_log_finish(&log, false, NULL, err);
    if (code != AMPQL_OK)
        capture_log_discard(&log); /* nobody goes on with it */
    capture_log_done(&log);
    return code;
}

enum ampql_code backfill_close(struct backfill *backfill, enum ampql_code code,
                               struct ampql_error *err)
{
    if (backfill->form == BACKFILL_OPENMETRICS)
        return exposition_end(&backfill->text, code, err);
    if (backfill->form == BACKFILL_CAPTURE) {
        if (code == AMPQL_OK)
            code = write_capture(backfill, err);
        source_free(backfill->store);
        return code;
    }
    if (code == AMPQL_OK) {
        put_head(backfill);
        buf_text(&backfill->json.buf, "]}}\n");
    }
    enum ampql_code ended = writer_end(&backfill->json);
    if (code == AMPQL_OK && ended != AMPQL_OK)
        return fail(err, ended, "writing JSON failed");
    return code;
}
