/* The HTTP API's JSON: results, and what a batch would ask of a source. */
#include "engine/engine.h"

#include "base/double.h"
#include "base/duration.h"
#include "base/json.h"
#include "base/number.h"
#include "base/parallel.h"
#include "base/writer.h"
#include "lang/printer.h"

enum { MAX_SELECTOR = 1 << 26 };

enum { TIME_TEXT = 32, SAMPLE_MAX = TIME_TEXT + NUMBER_MAX + 8 };

/* A value's text, which is often that of the one before: ,"12.5"] */
struct shown {
    double v;
    char text[NUMBER_MAX + 8];
    size_t n; /* 0: none yet */
};

static void show(struct shown *shown, double v)
{
    size_t n = 0;
    shown->text[n++] = ',';
    shown->text[n++] = '"';
    n += number_format(v, shown->text + n);
    shown->text[n++] = '"';
    shown->text[n++] = ']';
    shown->n = n;
    shown->v = v;
}

/* Behind a sample's time, in room for it. */
static size_t lay_value(char *room, double v, struct shown *shown)
{
    enum { SHORT = 32 }; /* whose length need not be known */
    if (shown->n == 0 || bits_of(v) != bits_of(shown->v))
        show(shown, v);
    memcpy(room, shown->text, shown->n <= SHORT ? SHORT : shown->n);
    return shown->n;
}

static void put_sample(struct buf *out, int64_t t, double v, struct shown *shown)
{
    char *room = buf_room(out, SAMPLE_MAX);
    if (!room)
        return;
    size_t n = 0;
    room[n++] = '[';
    n += number_format_seconds(t, room + n);
    out->n += n + lay_value(room + n, v, shown);
}

/* The times of a grid as text, once for all series: each with its length in front. */

static bool render_times(struct writer *w, const struct grid *grid, char **out)
{
    *out = alloc_get(w->buf.alc, grid->n, TIME_TEXT);
    for (size_t i = 0; *out && i < grid->n; i++) {
        char text[NUMBER_MAX], *slot = *out + i * TIME_TEXT;
        size_t n = number_format_seconds(grid_time(grid, i), text);
        slot[0] = (char)n;
        memcpy(slot + 1, text, n);
    }
    return *out;
}

/* Behind what is there; a comma first unless it is the first. */
static size_t lay_step(char *room, const char *slot, bool is_first, double v, struct shown *shown)
{
    size_t n = 0;
    room[n] = ',';
    n += !is_first;
    room[n++] = '[';
    memcpy(room + n, slot + 1, TIME_TEXT - 1); /* its length is not known to the compiler */
    n += (size_t)slot[0];
    return n + lay_value(room + n, v, shown);
}

static void put_steps(struct writer *w, const struct ampql_series *series, const char *times)
{
    enum { WORD = 64 };
    struct shown shown;
    shown.n = 0;
    bool is_first = true;
    for (size_t i = 0; i < series->n && w->code == AMPQL_OK; i += WORD) {
        char *room = buf_room(&w->buf, WORD * SAMPLE_MAX);
        if (!room)
            return;
        size_t n = 0;
        for (uint64_t left = series->present[i / WORD]; left; left &= left - 1) {
            size_t k = i + (size_t)__builtin_ctzll(left);
            n += lay_step(room + n, times + k * TIME_TEXT, is_first, series->values[k], &shown);
            is_first = false;
        }
        w->buf.n += n;
        writer_flush(w);
    }
}

static void put_values(struct writer *w, const struct ampql_series *series, const char *times)
{
    struct shown shown;
    shown.n = 0;
    buf_text(&w->buf, ",\"values\":[");
    if (series->present) {
        put_steps(w, series, times);
    } else {
        for (size_t i = 0; i < series->n && w->code == AMPQL_OK; i++) {
            if (i)
                buf_byte(&w->buf, ',');
            put_sample(&w->buf, series->t_ms[i], series->values[i], &shown);
            writer_flush(w);
        }
    }
    buf_byte(&w->buf, ']');
}

/* Prometheus 2.42 keeps markup out of labels, the newest only out of other strings. */
static void put_labels(struct buf *out, const struct ampql_result *result,
                       const struct ampql_series *series)
{
    size_t from = out->n;
    json_quote_labels(out, series->labels, series->nlabels, true);
    if (result->dialect == AMPQL_PROM2)
        json_escape_html(out, from);
}

static void put_string(struct buf *out, struct str s)
{
    size_t from = out->n;
    json_quote(out, s);
    json_escape_html(out, from);
}

/* Series [from, upto), each with a comma before it but the first of all. */
static void put_some(struct writer *w, const struct ampql_result *result, const char *times,
                     size_t from, size_t upto)
{
    struct shown shown; /* of instant vectors, where many series may say the same */
    shown.n = 0;
    for (size_t i = from; i < upto && w->code == AMPQL_OK; i++) {
        const struct ampql_series *series = &result->series[i];
        buf_text(&w->buf, i ? ",{\"metric\":" : "{\"metric\":");
        put_labels(&w->buf, result, series);
        if (result->kind == AMPQL_RESULT_MATRIX) {
            put_values(w, series, times);
        } else {
            buf_text(&w->buf, ",\"value\":");
            put_sample(&w->buf, result->grid.start_ms, series->values[0], &shown);
        }
        buf_byte(&w->buf, '}');
        writer_flush(w);
    }
}

/* ---- by several threads: each makes text of some series, which is written in their order */

struct pieces {
    const struct ampql_result *result;
    const char *times;
    size_t each; /* series */
    struct writer *to;
};

static void drop_piece(void *payload, void *made)
{
    const struct pieces *pieces = payload;
    struct buf *text = made;
    buf_done(text);
    alloc_put(&pieces->result->alc, text, 1, sizeof *text);
}

static enum ampql_code make_piece(void *payload, size_t i, void **made, struct ampql_error *err)
{
    struct pieces *pieces = payload;
    const struct ampql_result *result = pieces->result;
    size_t from = i * pieces->each, left = result->nseries - from;
    struct buf *text = alloc_get(&result->alc, 1, sizeof *text);
    struct writer w;
    if (!text)
        return fail_nomem(err, "a result's text");
    buf_init(text, &result->alc, SIZE_MAX / 2);
    writer_init(&w, &result->alc, buf_write, text);
    put_some(&w, result, pieces->times, from, from + (left < pieces->each ? left : pieces->each));
    enum ampql_code code = writer_end(&w);
    *made = text;
    if (code == AMPQL_OK)
        return AMPQL_OK;
    drop_piece(pieces, text);
    *made = NULL;
    return fail(err, code == AMPQL_OUTPUT ? AMPQL_NOMEM : code, "a result's text");
}

static enum ampql_code take_piece(void *payload, size_t i, void *made, struct ampql_error *err)
{
    struct pieces *pieces = payload;
    struct buf *text = made;
    (void)i, (void)err;
    writer_pass(pieces->to, text->p, text->n);
    drop_piece(pieces, text);
    return pieces->to->code;
}

static void put_in_pieces(struct writer *w, const struct ampql_result *result, const char *times)
{
    enum { PIECE = 8192, MANY = 2 * PIECE }; /* values, about */
    size_t nvalues = result->nseries ? result->series[0].n + 16 : 0;
    struct pieces pieces = {
        .result = result, .times = times, .each = 1 + PIECE / (nvalues + 1), .to = w};
    struct parallel jobs = {.njobs = (result->nseries + pieces.each - 1) / pieces.each,
                            .nthreads = result->nthreads,
                            .make = make_piece,
                            .take = take_piece,
                            .drop = drop_piece,
                            .payload = &pieces};
    if (result->nthreads < 2 || nvalues * result->nseries < MANY) {
        put_some(w, result, times, 0, result->nseries);
        return;
    }
    enum ampql_code code = parallel_run(&jobs, &result->alc, NULL);
    if (w->code == AMPQL_OK)
        w->code = code;
}

static void put_series(struct writer *w, const struct ampql_result *result)
{
    char *times = NULL;
    if (!render_times(w, &result->grid, &times)) {
        w->code = AMPQL_NOMEM;
        return;
    }
    buf_byte(&w->buf, '[');
    put_in_pieces(w, result, times);
    buf_byte(&w->buf, ']');
    alloc_put(w->buf.alc, times, result->grid.n, TIME_TEXT);
}

/* Scalars and strings have their time as a plain float of seconds. */
static void put_pair(struct buf *out, const struct ampql_result *result)
{
    char text[NUMBER_MAX];
    buf_byte(out, '[');
    buf_bytes(out, text, number_format_fixed((double)result->grid.start_ms / 1000, text));
    buf_byte(out, ',');
    if (result->kind == AMPQL_RESULT_STRING) {
        put_string(out, result->string);
    } else {
        buf_byte(out, '"');
        buf_bytes(out, text, number_format_fixed(result->scalar, text));
        buf_byte(out, '"');
    }
    buf_byte(out, ']');
}

static void put_annotations(struct buf *out, const struct ampql_result *result, const char *member,
                            bool infos)
{
    enum { MAX_SHOWN = 10 }; /* as the HTTP API */
    size_t n = 0;
    for (size_t i = 0; i < result->nannotations; i++) {
        bool is_info;
        struct ampql_string text = ampql_result_annotation(result, i, &is_info);
        if (is_info != infos || n++ >= MAX_SHOWN)
            continue;
        buf_text(out, n > 1 ? "," : member);
        put_string(out, str_make(text.data, text.size));
    }
    if (n > MAX_SHOWN)
        buf_format(out, ",\"%zu more %s annotations omitted\"", n - MAX_SHOWN,
                   infos ? "info" : "warning");
    if (n)
        buf_byte(out, ']');
}

enum ampql_code ampql_result_json(const struct ampql_result *result, ampql_write write,
                                  void *payload)
{
    static const char *const types[] = {[AMPQL_RESULT_SCALAR] = "scalar",
                                        [AMPQL_RESULT_VECTOR] = "vector",
                                        [AMPQL_RESULT_MATRIX] = "matrix",
                                        [AMPQL_RESULT_STRING] = "string"};
    struct writer w;
    writer_init(&w, &result->alc, write, payload);
    buf_format(&w.buf, "{\"status\":\"success\",\"data\":{\"resultType\":\"%s\",\"result\":",
               types[result->kind]);
    if (result->kind == AMPQL_RESULT_SCALAR || result->kind == AMPQL_RESULT_STRING)
        put_pair(&w.buf, result);
    else
        put_series(&w, result);
    buf_byte(&w.buf, '}');
    put_annotations(&w.buf, result, ",\"warnings\":[", false);
    put_annotations(&w.buf, result, ",\"infos\":[", true);
    buf_byte(&w.buf, '}');
    return writer_end(&w);
}

/* ---- explain */

static void put_time(struct buf *out, const char *member, int64_t ms)
{
    char text[NUMBER_MAX];
    buf_format(out, ",\"%s\":", member);
    buf_bytes(out, text, number_format_seconds(ms, text));
}

void print_select(struct buf *out, const struct select *select, bool left_closed)
{
    char text[DURATION_MAX];
    print_matchers(out, select->matchers);
    if (select->kind != SELECT_RAW)
        return;
    buf_byte(out, '[');
    buf_bytes(out, text, duration_format(select->maxt_ms - select->mint_ms - left_closed, text));
    buf_byte(out, ']');
}

/* A RAW select as an instant query of sel[W], others of the bare selector on their grid. */
static void put_select(struct buf *out, const struct select *select, bool left_closed)
{
    static const char *const kinds[] = {
        [SELECT_RAW] = "RAW", [SELECT_GRID] = "GRID", [SELECT_GRID_TIMESTAMP] = "GRID_TIMESTAMP"};
    struct buf query;
    buf_init(&query, out->alc, MAX_SELECTOR);
    print_select(&query, select, left_closed);
    json_quote(out, buf_view(&query));
    if (query.failed != AMPQL_OK)
        out->failed = query.failed;
    buf_done(&query);
    buf_format(out, ",\"kind\":\"%s\"", kinds[select->kind]);
    if (select->kind == SELECT_RAW || select->grid.n == 1) {
        put_time(out, "time", select->kind == SELECT_RAW ? select->maxt_ms : select->grid.start_ms);
        return;
    }
    put_time(out, "start", select->grid.start_ms);
    put_time(out, "end", grid_end(&select->grid));
    put_time(out, "step", select->grid.step_ms);
}

static enum ampql_code write_selects(const struct plan *plan, const struct ampql_allocator *alc,
                                     ampql_write write, void *payload)
{
    struct writer w;
    writer_init(&w, alc, write, payload);
    buf_text(&w.buf, "{\"selects\":[");
    for (size_t i = 0; i < plan->selects.n; i++) {
        const struct select *select = &plan->selects.at[i];
        buf_text(&w.buf, i ? ",{\"query\":" : "{\"query\":");
        put_select(&w.buf, select, plan->options.dialect == AMPQL_PROM2);
        buf_byte(&w.buf, '}');
        writer_flush(&w);
    }
    buf_text(&w.buf, "]}");
    return writer_end(&w);
}

enum ampql_code engine_explain(struct ampql_engine *engine,
                               const struct ampql_query *const *queries, size_t nqueries,
                               uint32_t caps, const struct ampql_run_options *options,
                               ampql_write write, void *payload, struct ampql_error *err)
{
    struct plan_options plan_options;
    struct plan plan;
    struct arena arena;
    struct node *root;
    arena_init(&arena, &engine->alc);
    enum ampql_code code = run_options_check(engine, options, caps, &arena, &plan_options, err);
    plan_init(&plan, &arena, &plan_options);
    for (size_t q = 0; q < nqueries && code == AMPQL_OK; q++)
        code = plan_add(&plan, queries[q]->ast, &root, err);
    if (code == AMPQL_OK)
        code = plan_finish(&plan, err);
    if (code == AMPQL_OK) {
        code = write_selects(&plan, &engine->alc, write, payload);
        if (code != AMPQL_OK)
            fail(err, code,
                 code == AMPQL_OUTPUT ? "writing failed" : "no memory for the plan's text");
    }
    arena_done(&arena);
    return code;
}
