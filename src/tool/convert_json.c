/* A folder of API JSON: for each select the body that a server would have answered, and
 * selects.json, which says what was asked. examples/data/README.md describes it. */
#include "tool/convert.h"

#include "base/duration.h"
#include "base/json.h"
#include "base/number.h"
#include "base/time.h"
#include "base/writer.h"
#include "source/wire.h"

#include <stdio.h>

enum { MAX_QUERY = 1 << 26, FILE_NAME_MAX = 32 };

struct answers {
    struct convert *convert;
    struct capture *capture;
    struct new_file *out;
    const struct capture_entry *entry; /* at hand */
    struct writer w;                   /* of its body */
    struct buf selects;                /* selects.json so far */
    struct buf query;
    struct {
        ARRAY(struct ampql_label);
    } labels;
    const char *before; /* the next series */
    struct ampql_error *err;
};

/* An instant query's answer is a vector, any other a matrix. */
static bool is_vector(const struct held *held)
{
    return held->kind != AMPQL_SELECT_RAW && held->start_ms == held->end_ms;
}

static enum ampql_code refuse(const struct answers *j, const char *why)
{
    struct buf what;
    buf_init(&what, j->convert->alc, AMPQL_MESSAGE_MAX);
    held_print(&what, &j->entry->held);
    enum ampql_code code = fail(j->err, AMPQL_UNSUPPORTED, "API JSON has no place for %.*s: %s",
                                (int)what.n, what.p ? what.p : "", why);
    if (what.failed == AMPQL_NOMEM)
        code = fail_nomem(j->err, "a message");
    buf_done(&what);
    return code;
}

/* ---- bodies */

static void put_point(struct buf *out, int64_t t_ms, double v)
{
    char text[NUMBER_MAX];
    buf_byte(out, '[');
    buf_bytes(out, text, number_format_seconds(t_ms, text));
    buf_text(out, ",\"");
    buf_bytes(out, text, number_format(v, text));
    buf_text(out, "\"]");
}

/* As a server has them: timestamp() has dropped the name. */
static enum ampql_code name_labels(struct answers *j, const struct symbols *symbols,
                                   struct labels labels)
{
    j->labels.n = 0;
    for (size_t i = 0; i < labels.n; i++) {
        struct str name = symbols_text(symbols, labels.at[i].name);
        struct str value = symbols_text(symbols, labels.at[i].value);
        struct ampql_label label = {{name.p, name.n}, {value.p, value.n}};
        if (j->entry->held.kind == AMPQL_SELECT_GRID_TIMESTAMP && labels.at[i].name == SYMBOL_NAME)
            continue;
        if (!array_add(&j->labels, j->convert->alc, label))
            return fail_nomem(j->err, "the labels of a series");
    }
    return convert_check_labels(j->labels.at, j->labels.n, j->err);
}

static enum ampql_code put_series(void *payload, const struct capture *capture,
                                  struct labels labels, const struct samples *samples)
{
    struct answers *j = payload;
    struct buf *out = &j->w.buf;
    bool is_single = is_vector(&j->entry->held);
    const char *before = "";
    TRY(name_labels(j, &capture->symbols, labels));
    buf_text(out, j->before);
    j->before = ",";
    buf_text(out, "\n{\"metric\":");
    json_quote_labels(out, j->labels.at, j->labels.n, true);
    buf_text(out, is_single ? ",\"value\":" : ",\"values\":[");
    for (size_t i = 0; i < samples->n; i++) {
        if (!convert_admits(j->convert, samples->v[i], false))
            continue;
        buf_text(out, before);
        put_point(out, samples->t[i], samples->v[i]);
        before = ",";
        writer_flush(&j->w);
    }
    buf_text(out, is_single ? "}" : "]}");
    return AMPQL_OK;
}

static enum ampql_code finish_writer(struct answers *j, enum ampql_code code)
{
    enum ampql_code written = writer_end(&j->w);
    if (code != AMPQL_OK || written == AMPQL_OK)
        return code;
    return written == AMPQL_NOMEM ? fail_nomem(j->err, "a body")
                                  : fail(j->err, written, "a body could not be written");
}

static enum ampql_code write_body(struct answers *j, const char *file)
{
    TRY(new_folder_next(j->out, file, j->err));
    writer_init(&j->w, j->convert->alc, new_file_write, j->out);
    buf_format(&j->w.buf, "{\"status\":\"success\",\"data\":{\"resultType\":\"%s\",\"result\":[",
               is_vector(&j->entry->held) ? "vector" : "matrix");
    j->before = "";
    enum ampql_code code =
        capture_scan(j->capture, j->entry, NULL, INT64_MIN, INT64_MAX, put_series, j, j->err);
    buf_text(&j->w.buf, "]}}\n");
    return finish_writer(j, code);
}

/* ---- selects.json */

static void put_time(struct buf *out, const char *key, int64_t ms)
{
    char text[NUMBER_MAX];
    buf_format(out, ", \"%s\": ", key);
    buf_bytes(out, text, number_format_seconds(ms, text));
}

static void put_text(struct buf *out, const char *before, const char *key, struct str text)
{
    buf_format(out, "%s\"%s\": ", before, key);
    json_quote(out, text);
}

static void put_dialect(struct buf *out, enum ampql_dialect dialect)
{
    if (dialect != AMPQL_DIALECT_DEFAULT)
        put_text(out, ", ", "dialect", dialect == AMPQL_PROM2 ? STR("prom2") : STR("prom3"));
}

static enum ampql_code put_selector(struct answers *j)
{
    const struct matchers matchers = j->entry->held.matchers;
    struct arena work;
    arena_init(&work, j->convert->alc);
    struct ampql_matcher *at = arena_alloc(&work, matchers.n, sizeof *at);
    for (size_t i = 0; at && i < matchers.n; i++) {
        const struct matcher *m = &matchers.at[i];
        at[i] = (struct ampql_matcher){
            {m->name.p, m->name.n}, (enum ampql_match_op)m->op, {m->value.p, m->value.n}};
    }
    if (at)
        wire_selector(&j->query, at, matchers.n, NULL);
    arena_done(&work);
    return at ? AMPQL_OK : fail_nomem(j->err, "a query");
}

static bool is_written_time(int64_t ms)
{
    return ms >= TIME_FIRST_MS && ms <= TIME_LAST_MS;
}

/* The instant query of sel[W]. A left-closed server gives the sample at its left end by itself. */
static enum ampql_code put_raw(struct answers *j)
{
    const struct held *held = &j->entry->held;
    struct buf *out = &j->selects;
    char range[DURATION_MAX];
    if (!is_written_time(held->after_ms) || !is_written_time(held->upto_ms) ||
        held->upto_ms - held->after_ms > TIME_LAST_MS)
        return refuse(j, "its window reaches beyond the years that queries can ask for");
    int64_t range_ms = held->upto_ms - held->after_ms;
    bool is_closed = j->capture->origin.dialect == AMPQL_PROM2 && range_ms > 1;
    TRY(put_selector(j));
    buf_byte(&j->query, '[');
    buf_bytes(&j->query, range, duration_format(range_ms - is_closed, range));
    buf_byte(&j->query, ']');
    put_text(out, ", ", "query", buf_view(&j->query));
    put_time(out, "time", held->upto_ms);
    if (is_closed || j->capture->origin.dialect != AMPQL_PROM2)
        put_dialect(out, j->capture->origin.dialect);
    return AMPQL_OK;
}

static enum ampql_code put_grid(struct answers *j)
{
    const struct held *held = &j->entry->held;
    struct buf *out = &j->selects;
    bool is_timestamp = held->kind == AMPQL_SELECT_GRID_TIMESTAMP;
    char text[DURATION_MAX];
    if (!is_written_time(held->start_ms) || !is_written_time(held->end_ms))
        return refuse(j, "its times are beyond the years that queries can ask for");
    buf_text(&j->query, is_timestamp ? "timestamp(" : "");
    TRY(put_selector(j));
    buf_text(&j->query, is_timestamp ? ")" : "");
    put_text(out, ", ", "query", buf_view(&j->query));
    if (is_vector(held)) {
        put_time(out, "time", held->start_ms);
    } else {
        put_time(out, "start", held->start_ms);
        put_time(out, "end", held->end_ms);
        put_time(out, "step", held->step_ms);
    }
    put_text(out, ", ", "lookback",
             held->lookback_ms ? str_make(text, duration_format(held->lookback_ms, text))
                               : STR("unknown"));
    put_dialect(out, held->dialect);
    return AMPQL_OK;
}

static void put_extras(struct answers *j)
{
    struct buf *out = &j->selects;
    if (j->entry->billed)
        buf_format(out, ", \"billed\": %llu", (unsigned long long)j->entry->billed);
    for (size_t i = 0; i < j->entry->nwarnings; i++) {
        buf_text(out, i ? ", " : ", \"warnings\": [");
        json_quote(out, j->entry->warnings[i]);
    }
    buf_text(out, j->entry->nwarnings ? "]}" : "}");
}

static enum ampql_code put_entry(struct answers *j, size_t number)
{
    static const char *const kinds[] = {[AMPQL_SELECT_RAW] = "RAW",
                                        [AMPQL_SELECT_GRID] = "GRID",
                                        [AMPQL_SELECT_GRID_TIMESTAMP] = "GRID_TIMESTAMP"};
    const struct held *held = &j->entry->held;
    char file[FILE_NAME_MAX];
    if (held->matchers.n == 0)
        return refuse(j, "no query asks for series of any kind");
    snprintf(file, sizeof file, "%03zu.json", number + 1);
    put_text(&j->selects, number ? ",\n    {" : "\n    {", "file", str_of(file));
    put_text(&j->selects, ", ", "kind", str_of(kinds[held->kind]));
    j->query.n = 0;
    TRY(held->kind == AMPQL_SELECT_RAW ? put_raw(j) : put_grid(j));
    put_extras(j);
    return write_body(j, file);
}

static enum ampql_code write_selects(struct answers *j)
{
    TRY(new_folder_next(j->out, "selects.json", j->err));
    if (j->selects.failed != AMPQL_OK || j->query.failed != AMPQL_OK)
        return j->selects.failed == AMPQL_NOMEM || j->query.failed == AMPQL_NOMEM
                   ? fail_nomem(j->err, "a selects.json")
                   : fail(j->err, AMPQL_LIMIT, "a selects.json of more than 64 MiB");
    return new_file_write(j->out, j->selects.p, j->selects.n) == 0
               ? AMPQL_OK
               : fail(j->err, AMPQL_OUTPUT, "selects.json could not be written");
}

static enum ampql_code write_all(struct answers *j)
{
    buf_text(&j->selects, "{\n  \"version\": 1,\n");
    put_text(&j->selects, "  ", "source", j->capture->origin.source);
    buf_text(&j->selects, ",\n  \"answers\": [");
    for (size_t i = 0, n = 0; i < j->capture->entries.n; i++) {
        j->entry = &j->capture->entries.at[i];
        if (j->entry->held.kind == HELD_LISTING)
            j->convert->lost[LOSS_LISTS]++;
        else
            TRY(put_entry(j, n++));
    }
    buf_text(&j->selects, "\n  ]\n}\n");
    return write_selects(j);
}

enum ampql_code convert_json(struct convert *convert, struct capture *capture, struct new_file *out,
                             struct ampql_error *err)
{
    struct answers j = {.convert = convert, .capture = capture, .out = out, .err = err};
    if (!(capture->origin.caps & AMPQL_SOURCE_ANSWERS))
        return fail(err, AMPQL_UNSUPPORTED,
                    "API JSON holds what a server answered, and these are samples: convert them "
                    "to OpenMetrics, CSV, a dump or a unit test");
    buf_init(&j.selects, convert->alc, MAX_QUERY);
    buf_init(&j.query, convert->alc, MAX_QUERY);
    enum ampql_code code = write_all(&j);
    array_done(&j.labels, convert->alc);
    buf_done(&j.query);
    buf_done(&j.selects);
    return code;
}
