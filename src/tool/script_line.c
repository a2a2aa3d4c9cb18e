/* Lines of a test script: label sets through the PromQL parser, value sequences by hand. */
#include "tool/script_line.h"

#include "base/array.h"
#include "base/duration.h"
#include "base/number.h"
#include "lang/parser.h"
#include "series/label_set.h"
#include "series/sample.h"

size_t script_column(const struct script_place *place, const char *p)
{
    const char *line = place->text.p;
    return p && line && p >= line && p <= line + place->text.n ? (size_t)(p - line) + 1 : 1;
}

/* The same where text is part of a line that the message is about as a whole. */
static enum ampql_code fail_at_byte(const struct script_place *place, const char *at,
                                    const char *message, struct str text)
{
    char quoted[128] = "";
    size_t line = place->line, column = script_column(place, at);
    if (place->scalar) {
        struct yaml_place inside = yaml_inside(place->document, place->scalar, column - 1);
        line = inside.line;
        column = inside.column;
    }
    if (text.n > 0)
        quote_clipped(quoted, sizeof quoted, text);
    return fail(place->err, AMPQL_BAD_DATA, "%s:%zu:%zu: %s%s%s", place->file, line, column,
                message, text.n > 0 ? ": " : "", quoted);
}

enum ampql_code script_fail(const struct script_place *place, const char *message, struct str text)
{
    return fail_at_byte(place, text.p, message, text);
}

static enum ampql_code no_memory(const struct script_place *place)
{
    return fail_nomem(place->err, "a test script");
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

struct str str_trim(struct str s)
{
    while (s.n > 0 && is_space(s.p[0]))
        s = str_from(s, 1);
    while (s.n > 0 && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct str take_word(struct str *s)
{
    *s = str_trim(*s);
    size_t n = 0;
    while (n < s->n && !is_space(s->p[n]))
        n++;
    struct str word = str_make(s->p, n);
    *s = str_trim(str_from(*s, n));
    return word;
}

enum ampql_code parse_time(const struct script_place *place, struct str word, int64_t *out)
{
    bool is_negative = word.n > 0 && word.p[0] == '-';
    if (duration_parse_loose(is_negative ? str_from(word, 1) : word, out, NULL) != AMPQL_OK)
        return script_fail(place, "not a duration such as 5m", word);
    if (is_negative)
        *out = -*out;
    return AMPQL_OK;
}

static const struct signature *no_functions(struct str name)
{
    (void)name;
    return NULL;
}

enum ampql_code parse_string(const struct script_place *place, struct str text, struct str *out)
{
    struct parse_options options = {.find_function = no_functions};
    struct ast *ast;
    enum ampql_code code = parse_expr(text, &options, place->arena, &ast, NULL);
    if (code == AMPQL_NOMEM)
        return no_memory(place);
    if (code != AMPQL_OK || ast->kind != AST_STRING)
        return script_fail(place, "not a quoted string", text);
    *out = ast->u.string;
    return AMPQL_OK;
}

/* The length of `name{...}` at the start of a line; braces and blanks inside quotes do not count.
 */
static size_t selector_length(struct str line)
{
    size_t i = 0;
    while (i < line.n && line.p[i] != '{' && !is_space(line.p[i]))
        i++;
    size_t name = i;
    while (i < line.n && is_space(line.p[i]))
        i++;
    if (i == line.n || line.p[i] != '{' || (i + 1 < line.n && line.p[i + 1] == '{'))
        return name;
    char quote = 0;
    for (; i < line.n; i++) {
        char c = line.p[i];
        if (quote) {
            if (c == '\\' && quote != '`')
                i++;
            else if (c == quote)
                quote = 0;
        } else if (c == '"' || c == '\'' || c == '`') {
            quote = c;
        } else if (c == '}') {
            return i + 1;
        }
    }
    return line.n;
}

/* Does `{ }` hold nothing? The PromQL parser refuses such a selector. */
static bool is_bare(struct str selector)
{
    for (size_t i = 0; i < selector.n; i++)
        if (selector.p[i] != '{' && selector.p[i] != '}' && !is_space(selector.p[i]))
            return false;
    return true;
}

static enum ampql_code parse_labels(const struct script_place *place, struct str selector,
                                    struct script_series *out)
{
    if (is_bare(selector))
        return AMPQL_OK;
    /* as in Prometheus, scripts may use names that a unit test may not */
    struct parse_options options = {.find_function = no_functions, .experimental = !place->scalar};
    struct ampql_error err = {0};
    struct matchers matchers;
    enum ampql_code code = parse_selector(selector, &options, place->arena, &matchers, &err);
    if (code == AMPQL_NOMEM)
        return no_memory(place);
    if (code != AMPQL_OK)
        return fail_at_byte(place, selector.p + (err.has_span ? err.start : 0), err.message,
                            selector);
    struct ampql_label *labels = arena_alloc(place->arena, matchers.n, sizeof *labels);
    if (!labels)
        return no_memory(place);
    for (size_t i = 0; i < matchers.n; i++) {
        const struct matcher *m = &matchers.at[i];
        if (m->op != MATCH_EQUAL)
            return script_fail(place, "labels of a series need =", selector);
        if (m->value.n > 0)
            labels[out->nlabels++] =
                (struct ampql_label){{m->name.p, m->name.n}, {m->value.p, m->value.n}};
    }
    label_set_sort(labels, out->nlabels);
    for (size_t i = 1; i < out->nlabels; i++)
        if (str_equal(str_view(labels[i - 1].name), str_view(labels[i].name)))
            return script_fail(place, "a label occurs twice", selector);
    out->labels = labels;
    return AMPQL_OK;
}

/* The length of a number at the start of s: sign, digits with point and exponent, Inf or NaN; 0:
 * none. Hex is not allowed here: in 0x5 the x repeats. */
static size_t number_length(struct str s)
{
    size_t i = s.n > 0 && (s.p[0] == '+' || s.p[0] == '-'), digits = 0;
    static const char *const words[] = {"Inf", "inf", "NaN", "nan"};
    for (size_t w = 0; w < sizeof words / sizeof *words; w++)
        if (str_has_prefix(str_from(s, i), str_of(words[w])))
            return i + 3;
    for (; i < s.n && ((s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '.'); i++)
        digits += s.p[i] != '.';
    if (digits == 0)
        return 0;
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        size_t j = i + 1;
        j += j < s.n && (s.p[j] == '+' || s.p[j] == '-');
        if (j < s.n && s.p[j] >= '0' && s.p[j] <= '9') {
            while (j < s.n && s.p[j] >= '0' && s.p[j] <= '9')
                j++;
            i = j;
        }
    }
    return i;
}

static bool take_number(struct str *s, double *out)
{
    size_t n = number_length(*s);
    if (n == 0 || !number_parse(str_make(s->p, n), out))
        return false;
    *s = str_from(*s, n);
    return true;
}

/* times := "x" digits; 0 when there is none */
static bool take_times(struct str *s, size_t *out)
{
    *out = 0;
    if (s->n == 0)
        return true;
    if (s->p[0] != 'x' || s->n == 1)
        return false;
    for (size_t i = 1; i < s->n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9' || *out > SCRIPT_MAX_VALUES)
            return false;
        *out = *out * 10 + (size_t)(s->p[i] - '0');
    }
    *s = str_from(*s, s->n);
    return true;
}

struct values {
    ARRAY(struct script_value);
};

static enum ampql_code push(struct script_place *place, struct values *values, size_t n,
                            enum script_value_kind kind, double v, double step)
{
    place->nvalues += n;
    if (n > SCRIPT_MAX_VALUES || place->nvalues > SCRIPT_MAX_VALUES)
        return fail(place->err, AMPQL_LIMIT, "%s:%zu:1: more than %d values", place->file,
                    place->line, SCRIPT_MAX_VALUES);
    for (size_t i = 0; i < n; i++) {
        if (!array_push(values, place->arena, (struct script_value){kind, v}))
            return no_memory(place);
        if (step != 0)
            v += step;
    }
    return AMPQL_OK;
}

/* item := "_" [times] | "stale" | number [("+"|"-") number] [times] */
static enum ampql_code parse_item(struct script_place *place, struct str word,
                                  struct values *values)
{
    struct str s = word;
    size_t times;
    double v, step = 0;
    if (s.p[0] == '_') {
        s = str_from(s, 1);
        if (!take_times(&s, &times))
            return script_fail(place, "not a gap such as _ or _x5", word);
        return push(place, values, word.n == 1 ? 1 : times, SCRIPT_GAP, 0, 0);
    }
    if (str_equal(s, STR("stale")))
        return push(place, values, 1, SCRIPT_NUMBER, double_of(STALE_BITS), 0);
    bool is_number = take_number(&s, &v);
    if (is_number && s.n > 0 && s.p[0] != 'x') {
        is_number = (s.p[0] == '+' || s.p[0] == '-') && take_number(&s, &step) && s.n > 0;
    }
    if (!is_number || !take_times(&s, &times))
        return script_fail(place, "not a value such as 1, _, stale, 0+10x5", word);
    return push(place, values, times + 1, SCRIPT_NUMBER, v, step);
}

/* {{...}} with what follows it up to a blank: counted as one histogram, its content not read. */
static enum ampql_code take_histogram(struct script_place *place, struct str *line,
                                      struct values *values)
{
    size_t i = 0;
    bool is_open = false;
    for (; i < line->n && (is_open || !is_space(line->p[i])); i++) {
        if (i + 1 < line->n && line->p[i] == line->p[i + 1]) {
            if (line->p[i] == '{')
                is_open = true;
            else if (line->p[i] == '}')
                is_open = false;
        }
    }
    struct str word = str_make(line->p, i);
    if (is_open)
        return script_fail(place, "a histogram without its end", word);
    *line = str_trim(str_from(*line, i));
    size_t x = word.n, times = 0;
    while (x > 0 && word.p[x - 1] != '}' && word.p[x - 1] != 'x')
        x--;
    if (x > 0 && word.p[x - 1] == 'x') {
        struct str tail = str_from(word, x - 1);
        if (!take_times(&tail, &times))
            return script_fail(place, "not a repeated histogram", word);
    }
    return push(place, values, times + 1, SCRIPT_HISTOGRAM, 0, 0);
}

enum ampql_code parse_series_values(struct script_place *place, struct str text,
                                    struct script_series *out)
{
    struct str rest = str_trim(text);
    struct values values = {0};
    while (rest.n > 0) {
        if (str_has_prefix(rest, STR("{{"))) {
            out->has_histograms = true;
            TRY(take_histogram(place, &rest, &values));
        } else {
            TRY(parse_item(place, take_word(&rest), &values));
        }
    }
    out->values = values.at;
    out->nvalues = values.n;
    return AMPQL_OK;
}

enum ampql_code parse_series_labels(struct script_place *place, struct str text,
                                    struct script_series *out)
{
    struct str trimmed = str_trim(text);
    size_t n = selector_length(trimmed);
    *out = (struct script_series){.line = place->line, .column = script_column(place, trimmed.p)};
    if (n < trimmed.n)
        return script_fail(place, "more than a series such as up{job=\"a\"}",
                           str_trim(str_from(trimmed, n)));
    return parse_labels(place, trimmed, out);
}

enum ampql_code parse_series(struct script_place *place, struct str line, struct script_series *out)
{
    *out = (struct script_series){.line = place->line, .column = script_column(place, line.p)};
    size_t n = selector_length(line);
    TRY(parse_labels(place, str_make(line.p, n), out));
    return parse_series_values(place, str_from(line, n), out);
}

/* ---- start times */

bool is_start_times(struct str line)
{
    struct str word = take_word(&line);
    return line.n > 0 && str_has_suffix(word, STR("@st"));
}

/* offset := ["+"|"-"] digits unit; "x" is no unit, it repeats */
static bool take_offset(struct str *s)
{
    size_t sign = s->n > 0 && (s->p[0] == '+' || s->p[0] == '-'), i = sign;
    int64_t ms;
    while (i < s->n && s->p[i] >= '0' && s->p[i] <= '9')
        i++;
    while (i < s->n && s->p[i] >= 'a' && s->p[i] <= 'z' && s->p[i] != 'x')
        i++;
    if (duration_parse_loose(str_make(s->p + sign, i - sign), &ms, NULL) != AMPQL_OK)
        return false;
    *s = str_from(*s, i);
    return true;
}

/* item := "_" [times] | offset [[("+"|"-") offset] times] */
static enum ampql_code parse_start_item(struct script_place *place, struct str word,
                                        struct values *values)
{
    struct str s = word;
    size_t times;
    if (word.p[0] == '_')
        return parse_item(place, word, values);
    bool ok = take_offset(&s);
    if (ok && s.n > 0 && s.p[0] != 'x') {
        ok = s.p[0] == '+' || s.p[0] == '-';
        s = str_from(s, 1);
        ok = ok && take_offset(&s) && s.n > 0;
    }
    if (!ok || !take_times(&s, &times))
        return script_fail(place, "not a start time such as -1m, _, -30s+1sx3", word);
    return push(place, values, times + 1, SCRIPT_NUMBER, 0, 0);
}

enum ampql_code parse_start_times(struct script_place *place, struct str line,
                                  struct script_series *out)
{
    struct str rest = line, word = take_word(&rest);
    struct values values = {0};
    TRY(parse_series(place, str_make(word.p, word.n - 3), out));
    while (rest.n > 0)
        TRY(parse_start_item(place, take_word(&rest), &values));
    out->values = values.at;
    out->nvalues = values.n;
    return AMPQL_OK;
}
