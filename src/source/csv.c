/* Reading CSV. */
#include "source/csv.h"

#include "base/csv.h"
#include "base/json.h"
#include "base/number.h"
#include "base/time.h"
#include "source/text.h"

enum field { METRIC, LABELS, TIMESTAMP, VALUE, NFIELDS };
static const char *const field_names[] = {"metric", "labels", "timestamp", "value"};

struct reader {
    struct text text;
    struct buf unquoted; /* of the field at hand, */
    const char *at;      /* and where that begins in the line */
    bool has_ends;
};

static enum ampql_code refuse(const struct reader *r, const char *what, struct str found,
                              struct ampql_error *err)
{
    char quoted[320];
    return text_fail(&r->text, r->at, AMPQL_BAD_DATA, err, "%s: %s", what,
                     quote_clipped(quoted, sizeof quoted, found));
}

/* ---- fields */

/* What stands behind the opening quote, up to the closing one. */
static enum ampql_code take_quoted(struct reader *r, struct str *rest, struct str *out,
                                   struct ampql_error *err)
{
    r->unquoted.n = 0;
    for (;;) {
        const char *quote = rest->n ? memchr(rest->p, '"', rest->n) : NULL;
        if (!quote)
            return text_fail(&r->text, r->at, AMPQL_BAD_DATA, err,
                             "a quoted field does not end on its line: label values have a line "
                             "break as \\n");
        size_t n = (size_t)(quote - rest->p);
        buf_bytes(&r->unquoted, rest->p, n);
        *rest = str_from(*rest, n + 1);
        if (rest->n == 0 || *rest->p != '"')
            break;
        buf_byte(&r->unquoted, '"');
        *rest = str_from(*rest, 1);
    }
    *out = buf_view(&r->unquoted);
    return r->unquoted.failed == AMPQL_OK ? AMPQL_OK : fail_nomem(err, "a field");
}

/* field := [^",]* | '"' ([^"] | '""')* '"', then a comma, but for the last one the line's end */
static enum ampql_code take_field(struct reader *r, struct str *rest, enum field field,
                                  struct str *out, struct ampql_error *err)
{
    bool is_last = field + 1 == NFIELDS;
    r->at = rest->p;
    if (rest->n && *rest->p == '"') {
        *rest = str_from(*rest, 1);
        TRY(take_quoted(r, rest, out, err));
    } else {
        const char *comma = rest->n ? memchr(rest->p, ',', rest->n) : NULL;
        *out = str_make(rest->p, comma ? (size_t)(comma - rest->p) : rest->n);
        *rest = str_from(*rest, out->n);
        if (out->n && memchr(out->p, '"', out->n))
            return refuse(r, "a quote inside a field that does not begin with one", *out, err);
    }
    if (is_last ? rest->n == 0 : rest->n && *rest->p == ',') {
        *rest = str_from(*rest, !is_last);
        return AMPQL_OK;
    }
    return text_fail(
        &r->text, rest->p, AMPQL_BAD_DATA, err, "expected 4 fields, " CSV_HEAD ", found %s %s",
        rest->n ? "something behind" : "the end of the line after", field_names[field]);
}

/* ---- series */

static enum ampql_code next(struct reader *r, struct json *json, struct json_token *token,
                            struct ampql_error *err)
{
    enum ampql_code code = json_next(json, token, err);
    if (code == AMPQL_OK || code == AMPQL_NOMEM)
        return code;
    char message[AMPQL_MESSAGE_MAX];
    memcpy(message, err->message, sizeof message);
    return text_fail(&r->text, r->at, code, err, "labels: %.240s", message);
}

/* labels := "{" [string ":" string {"," string ":" string}] "}" */
static enum ampql_code read_labels(struct reader *r, struct json *json, struct ampql_error *err)
{
    struct json_token token;
    TRY(next(r, json, &token, err));
    if (token.kind != JSON_OBJECT)
        return text_fail(&r->text, r->at, AMPQL_BAD_DATA, err,
                         "labels: expected a JSON object such as {\"job\":\"a\"}");
    for (;;) {
        symbol name;
        TRY(next(r, json, &token, err));
        if (token.kind == JSON_OBJECT_END)
            return next(r, json, &token, err); /* nothing may follow */
        TRY(store_intern(r->text.store, token.text, &name, err));
        TRY(next(r, json, &token, err));
        if (token.kind != JSON_STRING)
            return text_fail(&r->text, r->at, AMPQL_BAD_DATA, err,
                             "labels: offset %llu: expected a label value, as a string",
                             (unsigned long long)token.offset);
        TRY(text_add_label(&r->text, name, token.text, err));
    }
}

static enum ampql_code parse_labels(struct reader *r, struct str text, struct ampql_error *err)
{
    struct json json;
    TRY(json_init(&json, r->text.store->alc, (struct json_limits){0}, err));
    json_feed(&json, text.p, text.n, true);
    enum ampql_code code = read_labels(r, &json, err);
    json_done(&json);
    return code;
}

/* Many lines in a row are of one series: their first two fields are the same bytes. */
static enum ampql_code take_series(struct reader *r, struct str *rest, struct ampql_error *err)
{
    struct text *text = &r->text;
    struct str known = buf_view(&text->known), whole = *rest, field;
    if (text->has_series && str_has_prefix(whole, known)) {
        *rest = str_from(whole, known.n);
        return AMPQL_OK;
    }
    text->has_series = false;
    text->labels.n = 0;
    TRY(take_field(r, rest, METRIC, &field, err));
    TRY(text_add_label(text, SYMBOL_NAME, field, err));
    TRY(take_field(r, rest, LABELS, &field, err));
    TRY(parse_labels(r, field, err));
    enum ampql_code code =
        store_find_or_add(text->store, text->labels.at, text->labels.n, &text->series, err);
    if (code != AMPQL_OK)
        return code == AMPQL_NOMEM ? code : text_name(text, NULL, code, err);
    text->known.n = 0;
    buf_bytes(&text->known, whole.p, whole.n - rest->n);
    text->has_series = text->known.failed == AMPQL_OK;
    return AMPQL_OK;
}

/* ---- lines */

static enum ampql_code take_sample(struct reader *r, struct str *rest, int64_t *t, double *v,
                                   struct ampql_error *err)
{
    struct str field;
    TRY(take_field(r, rest, TIMESTAMP, &field, err));
    if (!time_parse_seconds(field, t))
        return refuse(r, "not a timestamp in Unix seconds", field, err);
    if (*t < TIME_FIRST_MS || *t > TIME_LAST_MS)
        return refuse(r, "not in the years 1 to 9999: timestamps are seconds, not ms", field, err);
    TRY(take_field(r, rest, VALUE, &field, err));
    if (str_equal(field, STR("stale"))) {
        *v = double_of(STALE_BITS);
        r->has_ends = true;
        return AMPQL_OK;
    }
    return number_parse(field, v) ? AMPQL_OK : refuse(r, "not a number", field, err);
}

static enum ampql_code read_line(struct reader *r, struct ampql_error *err)
{
    struct str rest = r->text.line;
    int64_t t;
    double v;
    TRY(take_series(r, &rest, err));
    TRY(take_sample(r, &rest, &t, &v, err));
    enum ampql_code code = store_append(r->text.store, r->text.series, t, v, err);
    return code == AMPQL_BAD_DATA ? text_name(&r->text, NULL, code, err) : code;
}

static enum ampql_code read_lines(struct reader *r, struct ampql_error *err)
{
    bool is_end;
    TRY(text_next(&r->text, &is_end, err));
    r->at = NULL;
    if (is_end || !str_equal(r->text.line, STR(CSV_HEAD)))
        return refuse(r, "expected the head " CSV_HEAD ", found", r->text.line, err);
    for (;;) {
        if (!r->text.has_newline)
            return text_fail(&r->text, NULL, AMPQL_BAD_DATA, err,
                             "the last line has no line feed: the file is truncated");
        TRY(text_next(&r->text, &is_end, err));
        if (is_end)
            return AMPQL_OK;
        if (r->text.has_newline)
            TRY(read_line(r, err));
    }
}

enum ampql_code csv_read(struct input *input, struct store *store, bool *has_ends,
                         struct ampql_error *err)
{
    struct reader r = {0};
    text_init(&r.text, input, store, TEXT_ESCAPES_THREE);
    buf_init(&r.unquoted, store->alc, TEXT_MAX_LINE);
    enum ampql_code code = read_lines(&r, err);
    *has_ends = r.has_ends;
    buf_done(&r.unquoted);
    text_done(&r.text);
    return code;
}
