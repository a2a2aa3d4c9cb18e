/* A unit test file's YAML, field by field. */
#include "tool/unit.h"

#include "base/array.h"
#include "base/duration.h"
#include "base/number.h"
#include "base/time.h"
#include "series/label_set.h"
#include "tool/script_line.h"

#include <math.h>

enum { MINUTE_MS = 60000, MAX_LABELS = 256, MAX_ORDER = 10000 };

struct reader {
    struct yaml yaml;
    struct script_place place; /* of the series that is read */
    struct arena *arena;
    struct ampql_error *err;
    struct unit_file *out;
};

struct scalar_list {
    ARRAY(struct yaml_scalar);
};
struct label_list {
    ARRAY(struct ampql_label);
};
struct series_list {
    ARRAY(struct script_series);
};
struct test_list {
    ARRAY(struct unit_test);
};

static enum ampql_code no_memory(struct reader *r)
{
    return fail_nomem(r->err, "a unit test");
}

/* ---- values */

static enum ampql_code read_scalar(struct reader *r, const char *what, struct yaml_scalar *out)
{
    return yaml_scalar(&r->yaml, r->arena, what, out, r->err);
}

static enum ampql_code read_text(struct reader *r, const char *what, struct str *out)
{
    struct yaml_scalar scalar;
    TRY(read_scalar(r, what, &scalar));
    *out = scalar.value;
    return AMPQL_OK;
}

static enum ampql_code refuse(struct reader *r, const struct yaml_scalar *scalar, const char *what,
                              const char *expected)
{
    char quoted[320];
    return yaml_fail(r->err, scalar->place, scalar->end, "%s is %s, expected %s", what,
                     quote_clipped(quoted, sizeof quoted, scalar->value), expected);
}

static enum ampql_code read_duration(struct reader *r, const char *what, int64_t *out)
{
    struct yaml_scalar scalar;
    TRY(read_scalar(r, what, &scalar));
    *out = 0;
    if (scalar.is_null || str_equal(scalar.value, STR("0")))
        return AMPQL_OK;
    return duration_parse(scalar.value, out, NULL) == AMPQL_OK
               ? AMPQL_OK
               : refuse(r, &scalar, what, "a duration such as 5m");
}

static enum ampql_code read_time(struct reader *r, const char *what, int64_t *out)
{
    struct yaml_scalar scalar;
    TRY(read_scalar(r, what, &scalar));
    if (scalar.is_null)
        return AMPQL_OK;
    return !str_has_prefix(scalar.value, STR("now")) &&
                   time_parse(scalar.value, 0, out, NULL) == AMPQL_OK
               ? AMPQL_OK
               : refuse(r, &scalar, what, "RFC 3339 or Unix seconds");
}

static enum ampql_code read_bool(struct reader *r, const char *what, bool *out)
{
    struct yaml_scalar scalar;
    TRY(read_scalar(r, what, &scalar));
    *out = str_equal(scalar.value, STR("true"));
    return *out || scalar.is_null || str_equal(scalar.value, STR("false"))
               ? AMPQL_OK
               : refuse(r, &scalar, what, "true or false");
}

/* digits in a base, after its prefix; underscores between digits say nothing */
static bool take_whole(struct str s, double base, double *out)
{
    double v = 0;
    size_t digits = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i], lower = c | 0x20;
        int digit = c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 87 : 99;
        if (c == '_')
            continue;
        if (digit >= base)
            return false;
        v = v * base + digit;
        digits++;
    }
    *out = v;
    return digits > 0;
}

/* As YAML 1.1 spells numbers: 4, 1.5e3, 1_000, 0x1F, 0b11, 017, .inf, .nan. Inf and NaN without the
 * point are words to it. */
static bool yaml_number(struct str s, double *out)
{
    static const char *const infinities[] = {".inf", ".Inf", ".INF"};
    static const char *const nans[] = {".nan", ".NaN", ".NAN"};
    bool is_negative = s.n > 0 && s.p[0] == '-';
    struct str rest = is_negative || str_has_prefix(s, STR("+")) ? str_from(s, 1) : s;
    for (size_t i = 0; i < 3; i++) {
        if (str_equal(s, str_of(nans[i]))) {
            *out = NAN;
            return true;
        }
        if (str_equal(rest, str_of(infinities[i]))) {
            *out = is_negative ? -INFINITY : INFINITY;
            return true;
        }
    }
    bool ok = false, has_base = rest.n > 1 && rest.p[0] == '0';
    if (has_base && (rest.p[1] | 0x20) == 'x')
        ok = take_whole(str_from(rest, 2), 16, out);
    else if (has_base && rest.p[1] == 'b')
        ok = take_whole(str_from(rest, 2), 2, out);
    else if (has_base)
        ok = take_whole(str_from(rest, rest.p[1] == 'o' ? 2 : 1), 8, out);
    if (ok && is_negative)
        *out = -*out;
    if (ok)
        return true;
    char digits[64];
    size_t n = 0;
    if (rest.n == 0 || s.n >= sizeof digits || !memchr("0123456789.", rest.p[0], 11))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '_')
            digits[n++] = s.p[i];
    return number_parse(str_make(digits, n), out);
}

static enum ampql_code read_number(struct reader *r, const char *what, double *out)
{
    struct yaml_scalar scalar;
    TRY(read_scalar(r, what, &scalar));
    *out = 0;
    if (scalar.is_null)
        return AMPQL_OK;
    return scalar.style == YAML_PLAIN_SCALAR_STYLE && yaml_number(scalar.value, out)
               ? AMPQL_OK
               : refuse(r, &scalar, what, "a number such as 4, 1.5e3, .inf or .nan");
}

static enum ampql_code read_list(struct reader *r, const char *what, struct scalar_list *out)
{
    if (yaml_is_null(&r->yaml))
        return AMPQL_OK;
    TRY(yaml_begin(&r->yaml, YAML_SEQUENCE_START_EVENT, what, r->err));
    for (bool more;;) {
        struct yaml_scalar scalar;
        TRY(yaml_item(&r->yaml, &more, r->err));
        if (!more)
            return AMPQL_OK;
        TRY(read_scalar(r, what, &scalar));
        if (!array_push(out, r->arena, scalar))
            return no_memory(r);
    }
}

/* { name: text, ... }, sorted; what is empty is not there. */
static enum ampql_code read_labels(struct reader *r, const char *what, bool keeps_empty,
                                   const struct ampql_label **out, size_t *n)
{
    struct label_list labels = {0};
    if (yaml_is_null(&r->yaml))
        return AMPQL_OK;
    TRY(yaml_begin(&r->yaml, YAML_MAPPING_START_EVENT, what, r->err));
    for (bool more;;) {
        struct yaml_scalar name, value;
        TRY(yaml_key(&r->yaml, r->arena, what, &name, &more, r->err));
        if (!more)
            break;
        TRY(read_scalar(r, what, &value));
        for (size_t i = 0; i < labels.n; i++)
            if (str_equal(str_view(labels.at[i].name), name.value))
                return refuse(r, &name, what, "each name once");
        if (labels.n >= MAX_LABELS)
            return refuse(r, &name, what, "at most 256 names");
        struct ampql_label label = {{name.value.p, name.value.n}, {value.value.p, value.value.n}};
        if ((value.value.n > 0 || keeps_empty) && !array_push(&labels, r->arena, label))
            return no_memory(r);
    }
    label_set_sort(labels.at, labels.n);
    *out = labels.at;
    *n = labels.n;
    return AMPQL_OK;
}

/* ---- series */

/* What the script's readers of labels and values say, at its place in this file. */
static struct script_place *place_of(struct reader *r, const struct yaml_scalar *scalar)
{
    r->place.scalar = scalar;
    r->place.line = scalar->place.line;
    r->place.text = scalar->value;
    return &r->place;
}

/* A block scalar ends with a line feed, which is none of the text's. */
static struct str without_end(struct str s)
{
    while (s.n > 0 && s.p[s.n - 1] == '\n')
        s.n--;
    return s;
}

/* input_series item := { series: labels, values: sequence } */
static enum ampql_code read_series(struct reader *r, struct script_series *out)
{
    enum { SERIES, VALUES };
    static const char *const fields[] = {"series", "values", NULL};
    struct yaml_place begin = yaml_here(&r->yaml);
    struct yaml_scalar text[2] = {0};
    struct script_series labels = {0};
    unsigned seen = 0;
    TRY(yaml_begin(&r->yaml, YAML_MAPPING_START_EVENT, "an input series", r->err));
    for (int field;;) {
        TRY(yaml_field(&r->yaml, "an input series", fields, &seen, &field, r->err));
        if (field < 0)
            break;
        TRY(read_scalar(r, fields[field], &text[field]));
    }
    if (text[SERIES].value.n == 0)
        return yaml_fail(r->err, begin, 0,
                         "an input series without labels, expected series: such as "
                         "'up{job=\"a\"}'");
    TRY(parse_series_labels(place_of(r, &text[SERIES]), without_end(text[SERIES].value), &labels));
    if (seen >> VALUES & 1)
        TRY(parse_series_values(place_of(r, &text[VALUES]), without_end(text[VALUES].value),
                                &labels));
    *out = labels;
    return AMPQL_OK;
}

/* exp_samples item := { labels: labels, value: number } */
static enum ampql_code read_sample(struct reader *r, struct unit_expr_test *test,
                                   struct script_series *out)
{
    enum { LABELS, VALUE, HISTOGRAM };
    static const char *const fields[] = {"labels", "value", "histogram", NULL};
    struct script_value *value = arena_new(r->arena, struct script_value);
    struct yaml_scalar text = {0};
    unsigned seen = 0;
    size_t line = yaml_here(&r->yaml).line;
    if (!value)
        return no_memory(r);
    value->kind = SCRIPT_NUMBER;
    *out = (struct script_series){0};
    TRY(yaml_begin(&r->yaml, YAML_MAPPING_START_EVENT, "a sample", r->err));
    for (int field;;) {
        TRY(yaml_field(&r->yaml, "a sample", fields, &seen, &field, r->err));
        if (field < 0)
            break;
        if (field == LABELS) {
            TRY(read_scalar(r, "labels", &text));
            TRY(parse_series_labels(place_of(r, &text), without_end(text.value), out));
        } else if (field == VALUE) {
            TRY(read_number(r, "value", &value->v));
        } else {
            TRY(read_scalar(r, "histogram", &text));
            test->has_histograms = test->has_histograms || text.value.n > 0;
        }
    }
    out->line = line;
    out->values = value;
    out->nvalues = 1;
    return AMPQL_OK;
}

/* A list of what `read` reads. */
#define READ_LIST(r, what, list, item, read)                                                       \
    do {                                                                                           \
        if (yaml_is_null(&(r)->yaml))                                                              \
            break;                                                                                 \
        TRY(yaml_begin(&(r)->yaml, YAML_SEQUENCE_START_EVENT, (what), (r)->err));                  \
        for (bool more_;;) {                                                                       \
            TRY(yaml_item(&(r)->yaml, &more_, (r)->err));                                          \
            if (!more_)                                                                            \
                break;                                                                             \
            TRY(read);                                                                             \
            if (!array_push((list), (r)->arena, (item)))                                           \
                return no_memory(r);                                                               \
        }                                                                                          \
    } while (0)

/* ---- what is expected */

/* promql_expr_test item := { expr: text, eval_time: duration, exp_samples: [ sample, ... ] } */
static enum ampql_code read_expr_test(struct reader *r, struct unit_expr_test *out)
{
    enum { EXPR, EVAL_TIME, EXP_SAMPLES };
    static const char *const fields[] = {"expr", "eval_time", "exp_samples", NULL};
    struct series_list samples = {0};
    struct script_series sample;
    unsigned seen = 0;
    *out = (struct unit_expr_test){.line = yaml_here(&r->yaml).line};
    TRY(yaml_begin(&r->yaml, YAML_MAPPING_START_EVENT, "an expression's test", r->err));
    for (int field;;) {
        TRY(yaml_field(&r->yaml, "an expression's test", fields, &seen, &field, r->err));
        if (field < 0)
            break;
        if (field == EXPR)
            TRY(read_scalar(r, "expr", &out->expr));
        else if (field == EVAL_TIME)
            TRY(read_duration(r, "eval_time", &out->t_ms));
        else
            READ_LIST(r, "exp_samples", &samples, sample, read_sample(r, out, &sample));
    }
    out->samples = samples.at;
    out->nsamples = samples.n;
    return AMPQL_OK;
}

/* exp_alerts item := { exp_labels: {...}, exp_annotations: {...} } */
static enum ampql_code read_alert(struct reader *r, struct unit_alert *out)
{
    enum { LABELS, ANNOTATIONS };
    static const char *const fields[] = {"exp_labels", "exp_annotations", NULL};
    unsigned seen = 0;
    *out = (struct unit_alert){0};
    if (yaml_is_null(&r->yaml)) /* "- " alone: an alert without labels of its own */
        return AMPQL_OK;
    TRY(yaml_begin(&r->yaml, YAML_MAPPING_START_EVENT, "an expected alert", r->err));
    for (int field;;) {
        TRY(yaml_field(&r->yaml, "an expected alert", fields, &seen, &field, r->err));
        if (field < 0)
            return AMPQL_OK;
        if (field == LABELS)
            TRY(read_labels(r, "exp_labels", false, &out->labels, &out->nlabels));
        else
            TRY(read_labels(r, "exp_annotations", true, &out->annotations, &out->nannotations));
    }
}

/* alert_rule_test item := { alertname: text, eval_time: duration, exp_alerts: [ alert, ... ] } */
static enum ampql_code read_alert_test(struct reader *r, struct unit_alert_test *out)
{
    enum { EVAL_TIME, ALERTNAME, EXP_ALERTS };
    static const char *const fields[] = {"eval_time", "alertname", "exp_alerts", NULL};
    struct yaml_place begin = yaml_here(&r->yaml);
    struct {
        ARRAY(struct unit_alert);
    } alerts = {0};
    struct unit_alert alert;
    unsigned seen = 0;
    *out = (struct unit_alert_test){.line = begin.line};
    TRY(yaml_begin(&r->yaml, YAML_MAPPING_START_EVENT, "an alert's test", r->err));
    for (int field;;) {
        TRY(yaml_field(&r->yaml, "an alert's test", fields, &seen, &field, r->err));
        if (field < 0)
            break;
        if (field == EVAL_TIME)
            TRY(read_duration(r, "eval_time", &out->t_ms));
        else if (field == ALERTNAME)
            TRY(read_text(r, "alertname", &out->name));
        else
            READ_LIST(r, "exp_alerts", &alerts, alert, read_alert(r, &alert));
    }
    if (out->name.n == 0)
        return yaml_fail(r->err, begin, 0, "an alert's test has no name, expected alertname");
    out->alerts = alerts.at;
    out->nalerts = alerts.n;
    return AMPQL_OK;
}

/* ---- tests */

enum test_field {
    INTERVAL,
    INPUT_SERIES,
    ALERT_RULE_TEST,
    PROMQL_EXPR_TEST,
    EXTERNAL_LABELS,
    EXTERNAL_URL,
    NAME,
    START_TIMESTAMP
};
static const char *const test_fields[] = {"interval",
                                          "input_series",
                                          "alert_rule_test",
                                          "promql_expr_test",
                                          "external_labels",
                                          "external_url",
                                          "name",
                                          "start_timestamp",
                                          NULL};

static enum ampql_code read_test_lists(struct reader *r, enum test_field field,
                                       struct unit_test *out)
{
    struct series_list series = {0};
    struct script_series one;
    struct {
        ARRAY(struct unit_expr_test);
    } exprs = {0};
    struct unit_expr_test expr;
    struct {
        ARRAY(struct unit_alert_test);
    } alerts = {0};
    struct unit_alert_test alert;
    if (field == INPUT_SERIES) {
        READ_LIST(r, "input_series", &series, one, read_series(r, &one));
        out->series = series.at;
        out->nseries = series.n;
    } else if (field == PROMQL_EXPR_TEST) {
        READ_LIST(r, "promql_expr_test", &exprs, expr, read_expr_test(r, &expr));
        out->exprs = exprs.at;
        out->nexprs = exprs.n;
    } else {
        READ_LIST(r, "alert_rule_test", &alerts, alert, read_alert_test(r, &alert));
        out->alerts = alerts.at;
        out->nalerts = alerts.n;
    }
    return AMPQL_OK;
}

static enum ampql_code read_test(struct reader *r, struct unit_test *out)
{
    unsigned seen = 0;
    *out = (struct unit_test){.line = yaml_here(&r->yaml).line};
    TRY(yaml_begin(&r->yaml, YAML_MAPPING_START_EVENT, "a test", r->err));
    for (int field;;) {
        TRY(yaml_field(&r->yaml, "a test", test_fields, &seen, &field, r->err));
        if (field < 0)
            return AMPQL_OK;
        switch ((enum test_field)field) {
        case INTERVAL:
            TRY(read_duration(r, "interval", &out->interval_ms));
            break;
        case INPUT_SERIES:
        case ALERT_RULE_TEST:
        case PROMQL_EXPR_TEST:
            TRY(read_test_lists(r, (enum test_field)field, out));
            break;
        case EXTERNAL_LABELS:
            TRY(read_labels(r, "external_labels", false, &out->external_labels,
                            &out->nexternal_labels));
            break;
        case EXTERNAL_URL:
            TRY(read_text(r, "external_url", &out->external_url));
            break;
        case NAME:
            TRY(read_text(r, "name", &out->name));
            break;
        case START_TIMESTAMP:
            TRY(read_time(r, "start_timestamp", &out->start_ms));
            break;
        }
    }
}

/* ---- the file */

static enum ampql_code read_order(struct reader *r)
{
    struct scalar_list order = {0};
    TRY(read_list(r, "group_eval_order", &order));
    if (order.n > MAX_ORDER)
        return refuse(r, &order.at[MAX_ORDER], "a name in group_eval_order", "at most 10000");
    for (size_t i = 0; i < order.n; i++)
        for (size_t k = 0; k < i; k++)
            if (str_equal(order.at[i].value, order.at[k].value))
                return refuse(r, &order.at[i], "a name in group_eval_order", "each name once");
    r->out->order = order.at;
    r->out->norder = order.n;
    return AMPQL_OK;
}

static enum ampql_code read_fields(struct reader *r, struct test_list *tests)
{
    enum { RULE_FILES, EVALUATION_INTERVAL, GROUP_EVAL_ORDER, TESTS, FUZZY_COMPARE };
    static const char *const fields[] = {"rule_files", "evaluation_interval", "group_eval_order",
                                         "tests",      "fuzzy_compare",       NULL};
    struct scalar_list rule_files = {0};
    struct unit_test test;
    unsigned seen = 0;
    TRY(yaml_begin(&r->yaml, YAML_MAPPING_START_EVENT, "a unit test file", r->err));
    for (int field;;) {
        TRY(yaml_field(&r->yaml, "a unit test file", fields, &seen, &field, r->err));
        switch (field) {
        case RULE_FILES:
            TRY(read_list(r, "rule_files", &rule_files));
            r->out->rule_files = rule_files.at;
            r->out->nrule_files = rule_files.n;
            break;
        case EVALUATION_INTERVAL:
            TRY(read_duration(r, "evaluation_interval", &r->out->interval_ms));
            break;
        case GROUP_EVAL_ORDER:
            TRY(read_order(r));
            break;
        case TESTS:
            READ_LIST(r, "tests", tests, test, read_test(r, &test));
            break;
        case FUZZY_COMPARE:
            TRY(read_bool(r, "fuzzy_compare", &r->out->is_fuzzy));
            break;
        default:
            return AMPQL_OK;
        }
    }
}

static enum ampql_code read_file(struct reader *r)
{
    struct test_list tests = {0};
    bool is_there;
    TRY(yaml_begin_document(&r->yaml, &is_there, r->err));
    if (is_there)
        TRY(read_fields(r, &tests));
    TRY(yaml_end_document(&r->yaml, r->err));
    if (r->out->interval_ms == 0)
        r->out->interval_ms = MINUTE_MS;
    for (size_t i = 0; i < tests.n; i++)
        if (tests.at[i].interval_ms == 0)
            tests.at[i].interval_ms = r->out->interval_ms;
    r->out->tests = tests.at;
    r->out->ntests = tests.n;
    return AMPQL_OK;
}

enum ampql_code unit_read(struct str text, const char *file, struct arena *arena,
                          struct unit_file *out, struct ampql_error *err)
{
    struct reader r = {
        .place = {.file = file, .arena = arena, .err = err, .document = text},
        .arena = arena,
        .err = err,
        .out = out,
    };
    *out = (struct unit_file){0};
    TRY(yaml_open(&r.yaml, "a unit test file", text, err));
    enum ampql_code code = read_file(&r);
    yaml_close(&r.yaml);
    return yaml_name(str_of(file), code, err);
}
