/* Reading saved API answers as a stream: samples go straight into their columns. */
#include "source/answers.h"

#include "base/number.h"
#include "base/time.h"
#include "source/document.h"

#include <stdio.h>

enum { CLIPPED = 160 };

enum status { STATUS_MISSING, STATUS_SUCCESS, STATUS_ERROR };

struct reader {
    struct document doc;
    const struct ampql_allocator *alc;
    const struct answer_taker *taker;
    struct answer_options options;
    struct answer *answer;

    /* of the document */
    enum status status;
    char error_type[CLIPPED], error[CLIPPED], message[CLIPPED]; /* quoted */
    bool has_data, has_result, has_type;
    bool saw_value, saw_values; /* which of the two forms series have */

    /* of the series being read */
    struct arena text; /* of its labels */
    struct {
        ARRAY(struct ampql_label);
    } labels;
    bool has_metric, has_samples, has_histograms;
    struct {
        ARRAY(int64_t);
    } t; /* samples that came before the labels */
    struct {
        ARRAY(double);
    } v;
};

static bool key_is(const struct reader *r, const char *key)
{
    return str_equal(r->doc.token.text, str_of(key));
}

static enum ampql_code refuse(const struct reader *r, struct ampql_error *err, const char *why)
{
    return document_fail(&r->doc, AMPQL_BAD_DATA, err, "%s", why);
}

/* Go to the next key of an object; *is_end when it has none. */
static enum ampql_code next_key(struct reader *r, bool *is_end, struct ampql_error *err)
{
    TRY(document_next(&r->doc, err));
    *is_end = r->doc.token.kind == JSON_OBJECT_END;
    return AMPQL_OK;
}

static enum ampql_code read_text(struct reader *r, const char *what, char *out,
                                 struct ampql_error *err)
{
    TRY(document_expect(&r->doc, JSON_STRING, what, err));
    quote_clipped(out, CLIPPED, r->doc.token.text);
    return AMPQL_OK;
}

/* ---- one series */

static enum ampql_code add_sample(struct reader *r, int64_t t, double v, struct ampql_error *err)
{
    enum ampql_code code;
    if (r->has_metric)
        code = r->taker->sample(r->taker->payload, t, v, err);
    else if (!array_add(&r->t, r->alc, t) || !array_add(&r->v, r->alc, v))
        code = fail_nomem(err, "the samples of a series");
    else
        return AMPQL_OK;
    return code == AMPQL_OK ? code : document_name(&r->doc, code, err);
}

/* sample := "[" seconds "," string "]"; the bracket is read */
static enum ampql_code read_sample(struct reader *r, int64_t *t, struct ampql_error *err)
{
    double v;
    TRY(document_expect(&r->doc, JSON_NUMBER, "a time in seconds, as a number", err));
    if (!time_parse_seconds(r->doc.token.text, t))
        return refuse(r, err, "the time is out of range");
    TRY(document_expect(&r->doc, JSON_STRING, "a value, as a string", err));
    if (!number_parse(r->doc.token.text, &v)) {
        char quoted[320];
        return document_fail(&r->doc, AMPQL_BAD_DATA, err, "not a number: %s",
                             quote_clipped(quoted, sizeof quoted, r->doc.token.text));
    }
    TRY(add_sample(r, *t, v, err));
    return document_expect(&r->doc, JSON_ARRAY_END, "the end of a [time, value] pair", err);
}

/* values := "[" { sample } "]" */
static enum ampql_code read_values(struct reader *r, struct ampql_error *err)
{
    TRY(document_expect(&r->doc, JSON_ARRAY, "an array of [time, value] pairs", err));
    for (;;) {
        int64_t t;
        double v;
        while (json_take_sample(&r->doc.json, &r->doc.token, &t, &v))
            TRY(add_sample(r, t, v, err));
        TRY(document_next(&r->doc, err));
        if (r->doc.token.kind == JSON_ARRAY_END)
            return AMPQL_OK;
        if (r->doc.token.kind != JSON_ARRAY)
            return refuse(r, err, "expected a [time, value] pair");
        TRY(read_sample(r, &t, err));
    }
}

static enum ampql_code read_value(struct reader *r, struct ampql_error *err)
{
    int64_t t;
    TRY(document_expect(&r->doc, JSON_ARRAY, "a [time, value] pair", err));
    TRY(read_sample(r, &t, err));
    if (r->answer->has_time && r->answer->time_ms != t)
        r->answer->times_differ = true;
    r->answer->has_time = true;
    r->answer->time_ms = t;
    return AMPQL_OK;
}

static bool copy_text(struct reader *r, struct str text, struct ampql_string *out)
{
    struct str copy = arena_copy(&r->text, text);
    *out = (struct ampql_string){copy.p, copy.n};
    return copy.p;
}

/* Add a label without its value yet. */
static enum ampql_code add_label(struct reader *r, struct str name, struct ampql_error *err)
{
    struct ampql_label label = {0};
    return copy_text(r, name, &label.name) && array_add(&r->labels, r->alc, label)
               ? AMPQL_OK
               : fail_nomem(err, "the labels of a series");
}

static enum ampql_code set_value(struct reader *r, struct str value, struct ampql_error *err)
{
    return copy_text(r, value, &r->labels.at[r->labels.n - 1].value)
               ? AMPQL_OK
               : fail_nomem(err, "the labels of a series");
}

/* metric := "{" { name ":" string } "}" */
static enum ampql_code read_metric(struct reader *r, struct ampql_error *err)
{
    if (r->has_metric)
        return refuse(r, err, "a series has two \"metric\"");
    TRY(document_expect(&r->doc, JSON_OBJECT, "an object with the labels", err));
    r->labels.n = 0;
    arena_reset(&r->text);
    bool has_name = false;
    for (;;) {
        bool is_end;
        TRY(next_key(r, &is_end, err));
        if (is_end)
            break;
        if (r->labels.n == STORE_MAX_LABELS)
            return document_fail(&r->doc, AMPQL_LIMIT, err, "a series has more than %d labels",
                                 STORE_MAX_LABELS);
        has_name = has_name || key_is(r, "__name__");
        TRY(add_label(r, r->doc.token.text, err));
        TRY(document_expect(&r->doc, JSON_STRING, "the value of a label, as a string", err));
        TRY(set_value(r, r->doc.token.text, err));
    }
    if (!has_name && r->options.metric_name.n) {
        TRY(add_label(r, STR("__name__"), err));
        TRY(set_value(r, r->options.metric_name, err));
    }
    enum ampql_code code = r->taker->series(r->taker->payload, r->labels.at, r->labels.n, err);
    if (code != AMPQL_OK)
        return document_name(&r->doc, code, err);
    r->has_metric = true;
    return AMPQL_OK;
}

static enum ampql_code refuse_histogram(const struct reader *r, struct ampql_error *err)
{
    char series[256] = "a series";
    if (r->has_metric)
        r->taker->describe(r->taker->payload, series, sizeof series);
    return document_fail(&r->doc, AMPQL_UNSUPPORTED, err,
                         "%s has native histogram samples, which are not supported", series);
}

static enum ampql_code read_member(struct reader *r, struct ampql_error *err)
{
    bool is_value = key_is(r, "value"), is_values = key_is(r, "values");
    if (is_value || is_values) {
        if (r->has_samples)
            return refuse(r, err, "a series has two \"value\" or \"values\"");
        r->has_samples = true;
        r->saw_value = r->saw_value || is_value;
        r->saw_values = r->saw_values || is_values;
        return is_value ? read_value(r, err) : read_values(r, err);
    }
    if (key_is(r, "metric"))
        return read_metric(r, err);
    if (key_is(r, "histogram") || key_is(r, "histograms")) {
        if (!r->options.skip_histograms)
            return refuse_histogram(r, err);
        r->has_histograms = true;
        return document_skip(&r->doc, err);
    }
    return document_skip(&r->doc, err);
}

/* series := "{" metric (value | values) "}", in any order; the brace is read */
static enum ampql_code read_series(struct reader *r, struct ampql_error *err)
{
    r->has_metric = r->has_samples = r->has_histograms = false;
    r->t.n = r->v.n = 0;
    for (;;) {
        bool is_end;
        TRY(next_key(r, &is_end, err));
        if (is_end)
            break;
        TRY(read_member(r, err));
    }
    if (!r->has_metric)
        return refuse(r, err, "a series has no \"metric\"");
    if (!r->has_samples && !r->has_histograms)
        return refuse(r, err, "a series has no \"value\" or \"values\"");
    for (size_t i = 0; i < r->t.n; i++)
        TRY(add_sample(r, r->t.at[i], r->v.at[i], err));
    enum ampql_code code = r->taker->end(r->taker->payload, err);
    return code == AMPQL_OK ? code : document_name(&r->doc, code, err);
}

/* ---- the document */

static enum ampql_code refuse_type(const struct reader *r, struct str type, struct ampql_error *err)
{
    char quoted[320];
    quote_clipped(quoted, sizeof quoted, type);
    bool is_known = str_equal(type, STR("scalar")) || str_equal(type, STR("string"));
    return document_fail(&r->doc, is_known ? AMPQL_UNSUPPORTED : AMPQL_BAD_DATA, err,
                         "a %s answer holds no series, expected a vector or a matrix", quoted);
}

static enum ampql_code read_result_type(struct reader *r, struct ampql_error *err)
{
    if (r->has_type)
        return refuse(r, err, "two \"resultType\"");
    TRY(document_expect(&r->doc, JSON_STRING, "a result type, as a string", err));
    r->has_type = true;
    r->answer->is_matrix = key_is(r, "matrix");
    if (!r->answer->is_matrix && !key_is(r, "vector"))
        return refuse_type(r, r->doc.token.text, err);
    return AMPQL_OK;
}

static enum ampql_code read_result(struct reader *r, struct ampql_error *err)
{
    if (r->has_result)
        return refuse(r, err, "two \"result\"");
    r->has_result = true;
    TRY(document_expect(&r->doc, JSON_ARRAY, "an array of series", err));
    for (;;) {
        TRY(document_next(&r->doc, err));
        if (r->doc.token.kind == JSON_ARRAY_END)
            return AMPQL_OK;
        if (r->doc.token.kind == JSON_NUMBER && !r->has_type) /* [time, value] */
            return refuse_type(r, STR("scalar"), err);
        if (r->doc.token.kind != JSON_OBJECT)
            return refuse(r, err, "expected a series, as an object");
        TRY(read_series(r, err));
    }
}

/* stats := { ... "samples": { ... "totalQueryableSamples": number } }: what the server bills. The
 * key is looked for at any depth, since nothing else is called that. */
static enum ampql_code read_stats(struct reader *r, struct ampql_error *err)
{
    size_t depth = 0;
    bool is_total = false;
    do {
        TRY(document_next(&r->doc, err));
        enum json_kind kind = r->doc.token.kind;
        double n;
        if (kind == JSON_NUMBER && is_total && number_parse(r->doc.token.text, &n) && n >= 0 &&
            n < 9e15)
            r->answer->billed_samples = (uint64_t)n;
        is_total = kind == JSON_KEY && key_is(r, "totalQueryableSamples");
        depth += kind == JSON_ARRAY || kind == JSON_OBJECT;
        depth -= kind == JSON_ARRAY_END || kind == JSON_OBJECT_END;
    } while (depth);
    return AMPQL_OK;
}

static enum ampql_code read_data(struct reader *r, struct ampql_error *err)
{
    if (r->has_data)
        return refuse(r, err, "two \"data\"");
    TRY(document_next(&r->doc, err));
    if (r->doc.token.kind == JSON_NULL)
        return AMPQL_OK; /* errors may have it */
    if (r->doc.token.kind != JSON_OBJECT)
        return refuse(r, err, "expected the data of a query's answer, as an object");
    r->has_data = true;
    for (;;) {
        bool is_end;
        TRY(next_key(r, &is_end, err));
        if (is_end)
            return AMPQL_OK;
        if (key_is(r, "resultType"))
            TRY(read_result_type(r, err));
        else if (key_is(r, "result"))
            TRY(read_result(r, err));
        else if (key_is(r, "stats"))
            TRY(read_stats(r, err));
        else
            TRY(document_skip(&r->doc, err));
    }
}

static bool contains(struct str text, struct str part)
{
    for (; text.n >= part.n; text = str_from(text, 1))
        if (str_has_prefix(text, part))
            return true;
    return false;
}

/* What only some of the stores behind a server answered, in the words of Thanos, Cortex and others.
 */
static bool is_partial(struct str warning)
{
    static const char *const words[] = {"partial response", "partial data", "partial result",
                                        "PartialResponse",  "PARTIAL_DATA", "incomplete",
                                        "results truncated"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (contains(warning, str_of(words[i])))
            return true;
    return false;
}

/* A server that was told to limit its answer, or that could not ask all its stores, says so here:
 * such a body is a part only. What else it warns of is passed on. */
static enum ampql_code read_warnings(struct reader *r, struct ampql_error *err)
{
    bool are_infos = key_is(r, "infos");
    size_t depth = 0;
    do {
        TRY(document_next(&r->doc, err));
        enum json_kind kind = r->doc.token.kind;
        depth += kind == JSON_ARRAY || kind == JSON_OBJECT;
        depth -= kind == JSON_ARRAY_END || kind == JSON_OBJECT_END;
        if (kind == JSON_STRING && contains(r->doc.token.text, STR("truncated due to limit")))
            return refuse(r, err, "the answer is not whole: \"results truncated due to limit\"");
        if (kind == JSON_STRING && !are_infos && is_partial(r->doc.token.text)) {
            char quoted[200];
            return document_fail(&r->doc, AMPQL_BAD_DATA, err, "the answer is not whole: %s",
                                 quote_clipped(quoted, sizeof quoted, r->doc.token.text));
        }
        if (kind == JSON_STRING && !are_infos && r->answer->nwarnings++ == 0)
            quote_clipped(r->answer->warning, sizeof r->answer->warning, r->doc.token.text);
    } while (depth);
    return AMPQL_OK;
}

static enum ampql_code read_status(struct reader *r, struct ampql_error *err)
{
    if (r->status != STATUS_MISSING)
        return refuse(r, err, "two \"status\"");
    TRY(document_expect(&r->doc, JSON_STRING, "a status, as a string", err));
    if (key_is(r, "success"))
        r->status = STATUS_SUCCESS;
    else if (key_is(r, "error"))
        r->status = STATUS_ERROR;
    else
        return refuse(r, err, "expected the status \"success\" or \"error\"");
    return AMPQL_OK;
}

/* VictoriaMetrics says so of what some of its stores did not answer. */
static enum ampql_code read_partial(struct reader *r, struct ampql_error *err)
{
    TRY(document_next(&r->doc, err));
    if (r->doc.token.kind == JSON_TRUE)
        return refuse(r, err, "the answer is not whole: \"isPartial\"");
    if (r->doc.token.kind != JSON_FALSE)
        return refuse(r, err, "expected \"isPartial\" to be true or false");
    return AMPQL_OK;
}

static enum ampql_code read_top(struct reader *r, struct ampql_error *err)
{
    if (key_is(r, "status"))
        return read_status(r, err);
    if (key_is(r, "data"))
        return read_data(r, err);
    if (key_is(r, "errorType"))
        return read_text(r, "an error type, as a string", r->error_type, err);
    if (key_is(r, "error"))
        return read_text(r, "an error, as a string", r->error, err);
    if (key_is(r, "message") || key_is(r, "Message")) /* how AWS says no */
        return read_text(r, "a message, as a string", r->message, err);
    if (key_is(r, "warnings") || key_is(r, "infos"))
        return read_warnings(r, err);
    if (key_is(r, "isPartial"))
        return read_partial(r, err);
    return document_skip(&r->doc, err);
}

static enum ampql_code check_answer(struct reader *r, struct ampql_error *err)
{
    const char *name = r->doc.input->name;
    if (r->status == STATUS_ERROR)
        return fail(err, AMPQL_BAD_DATA, "%s: the answer is an error: %s: %s", name,
                    *r->error_type ? r->error_type : "no errorType",
                    *r->error ? r->error : "no text");
    if (r->status == STATUS_MISSING && *r->message)
        return fail(err, AMPQL_BAD_DATA, "%s: the answer is an error: %s", name, r->message);
    if (r->status == STATUS_MISSING)
        return fail(err, AMPQL_BAD_DATA, "%s: not an answer of the query API: no \"status\"", name);
    if (!r->has_data || !r->has_result || !r->has_type)
        return fail(err, AMPQL_BAD_DATA, "%s: not an answer of the query API: no \"%s\"", name,
                    !r->has_data     ? "data"
                    : !r->has_result ? "result"
                                     : "resultType");
    if (r->answer->is_matrix ? r->saw_value : r->saw_values)
        return fail(err, AMPQL_BAD_DATA, "%s: a %s whose series have \"%s\"", name,
                    r->answer->is_matrix ? "matrix" : "vector",
                    r->answer->is_matrix ? "value" : "values");
    return AMPQL_OK;
}

static enum ampql_code read_document(struct reader *r, struct ampql_error *err)
{
    TRY(document_expect(&r->doc, JSON_OBJECT, "an answer of the query API, as an object", err));
    for (;;) {
        bool is_end;
        TRY(next_key(r, &is_end, err));
        if (is_end)
            break;
        TRY(read_top(r, err));
    }
    TRY(document_end(&r->doc, err));
    return check_answer(r, err);
}

enum ampql_code answers_stream(struct input *input, const struct ampql_allocator *alc,
                               const struct answer_taker *taker,
                               const struct answer_options *options, struct answer *out,
                               struct ampql_error *err)
{
    *out = (struct answer){0};
    struct reader r = {.alc = alc, .taker = taker, .options = *options, .answer = out};
    arena_init(&r.text, alc);
    TRY(document_init(&r.doc, input, err));
    enum ampql_code code = read_document(&r, err);
    out->is_broken = r.doc.is_broken;
    arena_done(&r.text);
    array_done(&r.labels, alc);
    array_done(&r.t, alc);
    array_done(&r.v, alc);
    document_done(&r.doc);
    return code;
}

/* ---- into a store */

struct filling {
    struct store *store;
    size_t series;
};

static enum ampql_code fill_series(void *payload, const struct ampql_label *labels, size_t nlabels,
                                   struct ampql_error *err)
{
    struct filling *f = payload;
    return store_find_or_add_text(f->store, labels, nlabels, &f->series, err);
}

static enum ampql_code fill_sample(void *payload, int64_t t_ms, double v, struct ampql_error *err)
{
    struct filling *f = payload;
    return store_append(f->store, f->series, t_ms, v, err);
}

static enum ampql_code fill_end(void *payload, struct ampql_error *err)
{
    (void)payload, (void)err;
    return AMPQL_OK;
}

static void fill_describe(void *payload, char *out, size_t size)
{
    const struct filling *f = payload;
    store_describe(f->store, f->store->series.at[f->series].labels, out, size);
}

enum ampql_code answers_read(struct input *input, struct store *store,
                             const struct answer_options *options, struct answer *out,
                             struct ampql_error *err)
{
    struct filling filling = {.store = store};
    const struct answer_taker taker = {fill_series, fill_sample, fill_end, fill_describe, &filling};
    return answers_stream(input, store->alc, &taker, options, out, err);
}
