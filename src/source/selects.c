/* Reading selects.json: which file answers what. */
#include "base/checked.h"
#include "base/duration.h"
#include "base/time.h"
#include "source/document.h"
#include "source/folder.h"

static const int64_t DEFAULT_LOOKBACK_MS = 300000;

/* The fields of one entry as written. */
struct fields {
    bool has_file, has_query, has_kind, has_time, has_start, has_end, has_step, has_range,
        has_lookback, has_dialect;
    int64_t time_ms, start_ms, end_ms, step_ms, range_ms;
    struct folder_entry entry;
};

struct reader {
    struct document doc;
    struct folder *folder;
    const struct selector_parser *parser;
    bool has_version, has_answers;
};

static enum ampql_code refuse(const struct reader *r, struct ampql_error *err, const char *why)
{
    return document_fail(&r->doc, AMPQL_BAD_DATA, err, "%s", why);
}

static enum ampql_code refuse_quote(const struct reader *r, const char *why, struct str text,
                                    struct ampql_error *err)
{
    fail_quote(err, AMPQL_BAD_DATA, why, text);
    return document_name(&r->doc, AMPQL_BAD_DATA, err);
}

/* ---- single fields */

static enum ampql_code read_text(struct reader *r, const char *what, struct str *out,
                                 struct ampql_error *err)
{
    TRY(document_expect(&r->doc, JSON_STRING, what, err));
    *out = arena_copy(&r->folder->arena, r->doc.token.text);
    return out->p ? AMPQL_OK : fail_nomem(err, "a selects.json");
}

/* A name inside the folder: nothing that could lead out of it, or drive a terminal from a message.
 */
static bool is_safe_path(struct str path)
{
    if (path.n == 0 || path.n > 1024)
        return false;
    for (size_t i = 0; i < path.n; i++)
        if ((unsigned char)path.p[i] < 0x20 || path.p[i] == 0x7f)
            return false;
    for (size_t start = 0; start <= path.n;) {
        const char *slash = memchr(path.p + start, '/', path.n - start);
        size_t end = slash ? (size_t)(slash - path.p) : path.n;
        struct str part = str_make(path.p + start, end - start);
        if (part.n == 0 || part.n > 255 || str_equal(part, STR(".")) || str_equal(part, STR("..")))
            return false;
        start = end + 1;
    }
    return true;
}

static enum ampql_code read_file(struct reader *r, struct fields *f, struct ampql_error *err)
{
    TRY(read_text(r, "a file name, as a string", &f->entry.held.file, err));
    if (!is_safe_path(f->entry.held.file))
        return refuse_quote(r, "not the name of a file in this folder", f->entry.held.file, err);
    f->has_file = true;
    return AMPQL_OK;
}

static enum ampql_code read_kind(struct reader *r, struct fields *f, struct ampql_error *err)
{
    TRY(document_expect(&r->doc, JSON_STRING, "a kind, as a string", err));
    struct str kind = r->doc.token.text;
    if (str_equal(kind, STR("RAW")))
        f->entry.held.kind = AMPQL_SELECT_RAW;
    else if (str_equal(kind, STR("GRID")))
        f->entry.held.kind = AMPQL_SELECT_GRID;
    else if (str_equal(kind, STR("GRID_TIMESTAMP")))
        f->entry.held.kind = AMPQL_SELECT_GRID_TIMESTAMP;
    else
        return refuse_quote(r, "expected the kind RAW, GRID or GRID_TIMESTAMP, found", kind, err);
    f->has_kind = true;
    return AMPQL_OK;
}

static enum ampql_code read_dialect(struct reader *r, struct fields *f, struct ampql_error *err)
{
    TRY(document_expect(&r->doc, JSON_STRING, "a dialect, as a string", err));
    if (str_equal(r->doc.token.text, STR("prom2")))
        f->entry.held.dialect = AMPQL_PROM2;
    else if (str_equal(r->doc.token.text, STR("prom3")))
        f->entry.held.dialect = AMPQL_PROM3;
    else
        return refuse_quote(r, "expected the dialect prom2 or prom3, found", r->doc.token.text,
                            err);
    return AMPQL_OK;
}

/* time := number of seconds | string */
static enum ampql_code read_time(struct reader *r, int64_t *out, bool *has, struct ampql_error *err)
{
    TRY(document_next(&r->doc, err));
    struct str text = r->doc.token.text;
    if (r->doc.token.kind == JSON_STRING && text.n && *text.p >= '0' && *text.p <= '9') {
        if (time_parse(text, 0, out, err) != AMPQL_OK)
            return document_name(&r->doc, AMPQL_BAD_DATA, err);
    } else if (r->doc.token.kind != JSON_NUMBER) {
        return refuse(r, err, "expected a time in seconds, as a number");
    } else if (!time_parse_seconds(text, out) || *out < TIME_FIRST_MS || *out > TIME_LAST_MS) {
        return refuse_quote(r, "the time is not in the years 1 to 9999", text, err);
    }
    *has = true;
    return AMPQL_OK;
}

/* The token read last as span := number of seconds | duration, as a string */
static enum ampql_code take_span(struct reader *r, int64_t *out, bool *has, struct ampql_error *err)
{
    struct str text = r->doc.token.text;
    if (r->doc.token.kind == JSON_STRING) {
        if (duration_parse_loose(text, out, err) != AMPQL_OK)
            return document_name(&r->doc, AMPQL_BAD_DATA, err);
    } else if (r->doc.token.kind != JSON_NUMBER) {
        return refuse(r, err, "expected seconds, as a number, or a duration, as a string");
    } else if (!time_parse_seconds(text, out)) {
        return refuse_quote(r, "out of range", text, err);
    }
    if (*out <= 0 || *out > TIME_LAST_MS)
        return refuse_quote(r, "expected a duration above 0 and below 8000 years, found", text,
                            err);
    *has = true;
    return AMPQL_OK;
}

static enum ampql_code read_span(struct reader *r, int64_t *out, bool *has, struct ampql_error *err)
{
    TRY(document_next(&r->doc, err));
    return take_span(r, out, has, err);
}

/* lookback := span | "unknown" */
static enum ampql_code read_lookback(struct reader *r, struct fields *f, struct ampql_error *err)
{
    TRY(document_next(&r->doc, err));
    if (r->doc.token.kind != JSON_STRING || !str_equal(r->doc.token.text, STR("unknown")))
        return take_span(r, &f->entry.held.lookback_ms, &f->has_lookback, err);
    f->entry.held.lookback_ms = 0;
    return AMPQL_OK;
}

/* warnings := [ string, ... ] */
static enum ampql_code read_warnings(struct reader *r, struct fields *f, struct ampql_error *err)
{
    struct {
        ARRAY(struct str);
    } warnings = {0};
    TRY(document_expect(&r->doc, JSON_ARRAY, "an array of warnings", err));
    for (;;) {
        TRY(document_next(&r->doc, err));
        if (r->doc.token.kind == JSON_ARRAY_END)
            break;
        if (r->doc.token.kind != JSON_STRING)
            return refuse(r, err, "expected a warning, as a string");
        struct str text = arena_copy(&r->folder->arena, r->doc.token.text);
        if (!text.p || !array_push(&warnings, &r->folder->arena, text))
            return fail_nomem(err, "a selects.json");
    }
    f->entry.warnings = warnings.at;
    f->entry.nwarnings = warnings.n;
    return AMPQL_OK;
}

/* billed := digits, as a number */
static enum ampql_code read_billed(struct reader *r, struct fields *f, struct ampql_error *err)
{
    TRY(document_expect(&r->doc, JSON_NUMBER, "a number of samples", err));
    struct str text = r->doc.token.text;
    uint64_t n = 0;
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < '0' || text.p[i] > '9' || __builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, (uint64_t)(text.p[i] - '0'), &n))
            return refuse_quote(r, "not a number of samples", text, err);
    f->entry.billed = n;
    return AMPQL_OK;
}

/* ---- one entry */

static enum ampql_code read_field(struct reader *r, struct fields *f, struct ampql_error *err)
{
    struct str key = r->doc.token.text;
    if (str_equal(key, STR("file")))
        return read_file(r, f, err);
    if (str_equal(key, STR("kind")))
        return read_kind(r, f, err);
    if (str_equal(key, STR("dialect")))
        return read_dialect(r, f, err);
    if (str_equal(key, STR("time")))
        return read_time(r, &f->time_ms, &f->has_time, err);
    if (str_equal(key, STR("start")))
        return read_time(r, &f->start_ms, &f->has_start, err);
    if (str_equal(key, STR("end")))
        return read_time(r, &f->end_ms, &f->has_end, err);
    if (str_equal(key, STR("step")))
        return read_span(r, &f->step_ms, &f->has_step, err);
    if (str_equal(key, STR("range")))
        return read_span(r, &f->range_ms, &f->has_range, err);
    if (str_equal(key, STR("lookback")))
        return read_lookback(r, f, err);
    if (str_equal(key, STR("warnings")))
        return read_warnings(r, f, err);
    if (str_equal(key, STR("billed")))
        return read_billed(r, f, err);
    if (str_equal(key, STR("query"))) {
        f->has_query = true;
        return read_text(r, "a query, as a string", &f->entry.held.query, err);
    }
    return document_skip(&r->doc, err);
}

/* The selector of a query: GRID_TIMESTAMP asks timestamp(SELECTOR). */
static struct str selector_text(const struct folder_entry *e)
{
    struct str text = e->held.query, call = STR("timestamp(");
    if (e->held.kind == AMPQL_SELECT_GRID_TIMESTAMP && str_has_prefix(text, call) &&
        str_has_suffix(text, STR(")")))
        return str_make(text.p + call.n, text.n - call.n - 1);
    return text;
}

static enum ampql_code parse_query(struct reader *r, struct fields *f, struct ampql_error *err)
{
    struct folder_entry *e = &f->entry;
    int64_t range_ms = 0;
    struct ampql_error inner = {0};
    enum ampql_code code = r->parser->parse(r->parser->payload, selector_text(e), &r->folder->arena,
                                            &e->held.matchers, &range_ms, &inner);
    if (code != AMPQL_OK) {
        if (code == AMPQL_PARSE) /* the user's query is fine, the file is not */
            code = AMPQL_BAD_DATA;
        fail(err, code, "the query does not parse as a selector: %.300s", inner.message);
        return document_name(&r->doc, code, err);
    }
    if (range_ms && f->has_range && range_ms != f->range_ms)
        return refuse(r, err, "the query's range and the entry's \"range\" differ");
    if (range_ms)
        f->range_ms = range_ms;
    f->has_range = f->has_range || range_ms;
    return AMPQL_OK;
}

/* The = matcher that names the metric, NULL when there is none. */
static const struct matcher *find_name(struct matchers matchers)
{
    for (size_t i = 0; i < matchers.n; i++)
        if (matchers.at[i].op == MATCH_EQUAL && str_equal(matchers.at[i].name, STR("__name__")))
            return &matchers.at[i];
    return NULL;
}

static enum ampql_code finish_raw(struct reader *r, struct fields *f, struct ampql_error *err)
{
    struct folder_entry *e = &f->entry;
    if (!f->has_time || f->has_start || f->has_end || f->has_step)
        return refuse(r, err, "a RAW entry has a \"time\", and no \"start\", \"end\" or \"step\"");
    if (!f->has_range)
        return refuse(r, err, "a RAW entry needs a range: \"SELECTOR[1h]\", or a \"range\"");
    e->held.upto_ms = f->time_ms;
    e->held.after_ms = f->time_ms - f->range_ms - (e->held.dialect == AMPQL_PROM2);
    return AMPQL_OK;
}

static enum ampql_code finish_grid(struct reader *r, struct fields *f, struct ampql_error *err)
{
    struct folder_entry *e = &f->entry;
    bool has_grid = f->has_start && f->has_end && f->has_step;
    if (f->has_range)
        return refuse(r, err, "the selector of a GRID entry has no range");
    if (f->has_time == has_grid || (f->has_time && (f->has_start || f->has_end || f->has_step)))
        return refuse(r, err, "a GRID entry has a \"time\", or \"start\", \"end\" and \"step\"");
    if (e->held.kind == AMPQL_SELECT_GRID_TIMESTAMP && !find_name(e->held.matchers))
        return refuse(r, err,
                      "the selector of a GRID_TIMESTAMP entry needs a metric name: timestamp() "
                      "drops it from the answer");
    e->is_instant = f->has_time;
    e->held.start_ms = e->held.end_ms = f->time_ms;
    e->held.step_ms = 1;
    if (f->has_time)
        return AMPQL_OK;
    if (f->end_ms < f->start_ms)
        return refuse(r, err, "\"end\" is before \"start\"");
    e->held.start_ms = f->start_ms;
    e->held.step_ms = f->step_ms;
    e->held.end_ms = f->start_ms + (f->end_ms - f->start_ms) / f->step_ms * f->step_ms;
    return AMPQL_OK;
}

/* entry := "{" fields "}"; the brace is read */
static enum ampql_code read_entry(struct reader *r, struct ampql_error *err)
{
    struct fields f = {.entry = {.held = {.lookback_ms = DEFAULT_LOOKBACK_MS}}};
    for (;;) {
        TRY(document_next(&r->doc, err));
        if (r->doc.token.kind == JSON_OBJECT_END)
            break;
        TRY(read_field(r, &f, err));
    }
    if (!f.has_file || !f.has_query || !f.has_kind)
        return refuse(r, err, "an entry needs \"file\", \"query\" and \"kind\"");
    TRY(parse_query(r, &f, err));
    TRY(f.entry.held.kind == AMPQL_SELECT_RAW ? finish_raw(r, &f, err) : finish_grid(r, &f, err));
    return array_push(&r->folder->entries, &r->folder->arena, f.entry)
               ? AMPQL_OK
               : fail_nomem(err, "a selects.json");
}

/* ---- the document */

static enum ampql_code read_answers(struct reader *r, struct ampql_error *err)
{
    if (r->has_answers)
        return refuse(r, err, "two \"answers\"");
    r->has_answers = true;
    TRY(document_expect(&r->doc, JSON_ARRAY, "an array of entries", err));
    for (;;) {
        TRY(document_next(&r->doc, err));
        if (r->doc.token.kind == JSON_ARRAY_END)
            return AMPQL_OK;
        if (r->doc.token.kind != JSON_OBJECT)
            return refuse(r, err, "expected an entry, as an object");
        TRY(read_entry(r, err));
    }
}

static enum ampql_code read_version(struct reader *r, struct ampql_error *err)
{
    TRY(document_expect(&r->doc, JSON_NUMBER, "a version, as a number", err));
    if (!str_equal(r->doc.token.text, STR("1"))) {
        fail_quote(err, AMPQL_UNSUPPORTED, "this reader knows version 1, found", r->doc.token.text);
        return document_name(&r->doc, AMPQL_UNSUPPORTED, err);
    }
    r->has_version = true;
    return AMPQL_OK;
}

static enum ampql_code read_document(struct reader *r, struct ampql_error *err)
{
    TRY(document_expect(&r->doc, JSON_OBJECT, "an object with \"version\" and \"answers\"", err));
    for (;;) {
        TRY(document_next(&r->doc, err));
        if (r->doc.token.kind == JSON_OBJECT_END)
            break;
        if (str_equal(r->doc.token.text, STR("version")))
            TRY(read_version(r, err));
        else if (str_equal(r->doc.token.text, STR("answers")))
            TRY(read_answers(r, err));
        else if (str_equal(r->doc.token.text, STR("source")))
            TRY(read_text(r, "the source that was asked, as a string", &r->folder->recorded_of,
                          err));
        else
            TRY(document_skip(&r->doc, err));
    }
    if (!r->has_version || !r->has_answers)
        return refuse(r, err, "expected \"version\" and \"answers\"");
    return document_end(&r->doc, err);
}

enum ampql_code selects_read(struct input *input, struct folder *folder,
                             const struct selector_parser *parser, struct ampql_error *err)
{
    struct reader r = {.folder = folder, .parser = parser};
    TRY(document_init(&r.doc, input, err));
    enum ampql_code code = read_document(&r, err);
    document_done(&r.doc);
    return code;
}
