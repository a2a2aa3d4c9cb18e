/* Actions of templates: read and computed in one go. */
#include "tool/template.h"

#include "base/ascii.h"
#include "base/number.h"

#include <math.h>
#include <stdio.h>

enum kind { TEXT, NUMBER, LABELS };

struct value {
    enum kind kind;
    struct str text;
    double number;
    bool is_whole;                    /* a literal without point: Go's int */
    const struct ampql_label *labels; /* [nlabels] */
    size_t nlabels;
};

enum { MAX_ARGS = 16, MAX_DEPTH = 16 };

/* One action on its way. */
struct action {
    struct str whole; /* between the braces, for messages */
    struct str rest;
    const struct template_data *data;
    struct arena *work;
    struct ampql_error *err;
    int depth;
};

static enum ampql_code refuse(const struct action *a, const char *why, struct str what)
{
    char action[160], quoted[100];
    return fail(a->err, AMPQL_UNSUPPORTED, "template action %s: %s%s%s",
                quote_clipped_raw(action, sizeof action, a->whole), why, what.n ? " " : "",
                what.n ? quote_clipped_raw(quoted, sizeof quoted, what) : "");
}

static enum ampql_code no_memory(const struct action *a)
{
    return fail_nomem(a->err, "a template");
}

static bool is_letter(char c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* ---- values as text */

static enum ampql_code text_value(const struct action *a, const char *p, size_t n,
                                  struct value *out)
{
    *out = (struct value){.kind = TEXT, .text = arena_copy(a->work, str_make(p, n))};
    return out->text.p ? AMPQL_OK : no_memory(a);
}

/* As Go prints a value of this kind by %v. */
static void write_value(struct buf *out, const struct value *value)
{
    char text[NUMBER_MAX];
    switch (value->kind) {
    case TEXT:
        buf_str(out, value->text);
        return;
    case NUMBER:
        if (value->is_whole)
            buf_format(out, "%.0f", value->number);
        else
            buf_str(out, str_make(text, number_format_general(value->number, text)));
        return;
    case LABELS:
        break;
    }
    buf_text(out, "map[");
    for (size_t i = 0; i < value->nlabels; i++) {
        buf_text(out, i ? " " : "");
        buf_str(out, str_view(value->labels[i].name));
        buf_text(out, ":");
        buf_str(out, str_view(value->labels[i].value));
    }
    buf_text(out, "]");
}

/* ---- functions */

/* "%.4g" and what comes after it. The command has no locale but C's. */
static enum ampql_code four_digits(const struct action *a, double v, const char *prefix,
                                   const char *suffix, struct value *out)
{
    char text[64];
    int n;
    if (isnan(v))
        n = snprintf(text, sizeof text, "NaN%s%s", prefix, suffix);
    else if (isinf(v))
        n = snprintf(text, sizeof text, "%cInf%s%s", v > 0 ? '+' : '-', prefix, suffix);
    else
        n = snprintf(text, sizeof text, "%.4g%s%s", v, prefix, suffix);
    return text_value(a, text, (size_t)n, out);
}

static const char *const large[] = {"k", "M", "G", "T", "P", "E", "Z", "Y", NULL};
static const char *const large_binary[] = {"ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi", NULL};
static const char *const small[] = {"m", "u", "n", "p", "f", "a", "z", "y", NULL};

/* Divide (or multiply) until the number is below the base (or at least 1); which prefix that is. */
static const char *scale_down(double *v, double base, const char *const *prefixes)
{
    const char *prefix = "";
    for (size_t i = 0; prefixes[i] && fabs(*v) >= base; i++) {
        prefix = prefixes[i];
        *v /= base;
    }
    return prefix;
}

static const char *scale_up(double *v)
{
    const char *prefix = "";
    for (size_t i = 0; small[i] && fabs(*v) < 1; i++) {
        prefix = small[i];
        *v *= 1000;
    }
    return prefix;
}

static enum ampql_code humanize(const struct action *a, double v, struct value *out)
{
    const char *prefix = "";
    if (v != 0 && isfinite(v))
        prefix = fabs(v) >= 1 ? scale_down(&v, 1000, large) : scale_up(&v);
    return four_digits(a, v, prefix, "", out);
}

static enum ampql_code humanize1024(const struct action *a, double v, struct value *out)
{
    const char *prefix = "";
    if (fabs(v) > 1 && isfinite(v))
        prefix = scale_down(&v, 1024, large_binary);
    return four_digits(a, v, prefix, "", out);
}

static enum ampql_code humanize_duration(const struct action *a, double v, struct value *out)
{
    char text[64];
    int n;
    if (!isfinite(v))
        return four_digits(a, v, "", "", out);
    if (v == 0)
        return four_digits(a, v, "", "s", out);
    if (fabs(v) < 1)
        return four_digits(a, v, scale_up(&v), "s", out);
    const char *sign = v < 0 ? "-" : "";
    double whole = trunc(fabs(v));
    if (whole >= 9.2e18)
        return refuse(a, "a duration over 64 bits", (struct str){0});
    int64_t seconds = (int64_t)whole, minutes = seconds / 60, hours = minutes / 60,
            days = hours / 24;
    if (days)
        n = snprintf(text, sizeof text, "%s%lldd %lldh %lldm %llds", sign, (long long)days,
                     (long long)(hours % 24), (long long)(minutes % 60), (long long)(seconds % 60));
    else if (hours)
        n = snprintf(text, sizeof text, "%s%lldh %lldm %llds", sign, (long long)hours,
                     (long long)(minutes % 60), (long long)(seconds % 60));
    else if (minutes)
        n = snprintf(text, sizeof text, "%s%lldm %llds", sign, (long long)minutes,
                     (long long)(seconds % 60));
    else
        return four_digits(a, v, "", "s", out);
    return text_value(a, text, (size_t)n, out);
}

static enum ampql_code humanize_percentage(const struct action *a, double v, struct value *out)
{
    return four_digits(a, v * 100, "", "%", out);
}

enum letter_case { UPPER, LOWER, TITLE };

/* ASCII only: what Go makes of other letters is refused, not guessed. */
static enum ampql_code change_case(const struct action *a, struct str s, enum letter_case to,
                                   struct value *out)
{
    TRY(text_value(a, s.p, s.n, out));
    char *p = (char *)out->text.p; /* our own copy */
    for (size_t i = 0; i < s.n; i++) {
        bool is_word =
            i > 0 && (is_letter(s.p[i - 1]) || is_digit(s.p[i - 1]) || s.p[i - 1] == '\'');
        if ((unsigned char)s.p[i] >= 0x80)
            return refuse(a, "upper and lower case beyond ASCII of", s);
        bool is_ascii_letter = is_letter(p[i]) && p[i] != '_';
        if (is_ascii_letter && to == LOWER)
            p[i] |= 0x20;
        else if (is_ascii_letter && (to == UPPER || !is_word))
            p[i] &= ~0x20;
    }
    return AMPQL_OK;
}

/* One verb of printf with its flags, width and precision, "%-8.2f", over a value. */
static bool write_verb(struct buf *out, struct str spec, const struct value *value)
{
    char format[16], text[NUMBER_MAX + 64];
    char verb = spec.p[spec.n - 1];
    if (spec.n >= sizeof format - 1)
        return false;
    memcpy(format, spec.p, spec.n);
    format[spec.n] = '\0';
    if (spec.n == 2 && (verb == 'v' || (verb == 's' && value->kind == TEXT) ||
                        (verb == 'g' && value->kind == NUMBER && !value->is_whole))) {
        write_value(out, value);
        return true;
    }
    if (verb == 's' && value->kind == TEXT) { /* width and precision count characters, not bytes */
        for (size_t i = 0; i < value->text.n; i++)
            if ((unsigned char)value->text.p[i] >= 0x80)
                return false;
        char *copy = buf_room(out, value->text.n + 1024);
        if (!copy)
            return true;
        char *zero = memchr(value->text.p, 0, value->text.n);
        int n = zero ? -1 : snprintf(copy, value->text.n + 1024, format, value->text.p);
        if (n < 0 || (size_t)n >= value->text.n + 1024)
            return false;
        out->n += (size_t)n;
        return true;
    }
    bool is_float = value->kind == NUMBER && !value->is_whole && isfinite(value->number);
    bool has_precision = memchr(spec.p, '.', spec.n) != NULL;
    if (!is_float || !strchr("feEgG", verb) || (!has_precision && (verb == 'g' || verb == 'G')))
        return false;
    int n = snprintf(text, sizeof text, format, value->number);
    if (n < 0 || (size_t)n >= sizeof text)
        return false;
    buf_bytes(out, text, (size_t)n);
    return true;
}

/* The length of a verb at the start of s, with its flags, width and precision; 0: none that is
 * known here. */
static size_t verb_length(struct str s)
{
    size_t i = 1;
    while (i < s.n && memchr("+- 0", s.p[i], 4))
        i++;
    size_t digits = i;
    while (i < s.n && is_digit(s.p[i]))
        i++;
    if (i < s.n && s.p[i] == '.')
        i++;
    while (i < s.n && is_digit(s.p[i]))
        i++;
    return i < s.n && i - digits <= 5 && memchr("vsfeEgG", s.p[i], 7) ? i + 1 : 0;
}

static enum ampql_code print(const struct action *a, struct str format, const struct value *args,
                             size_t nargs, struct buf *out)
{
    size_t used = 0;
    for (size_t i = 0; i < format.n;) {
        struct str rest = str_from(format, i);
        if (format.p[i] != '%') {
            buf_byte(out, format.p[i++]);
        } else if (str_has_prefix(rest, STR("%%"))) {
            buf_byte(out, '%');
            i += 2;
        } else {
            size_t n = verb_length(rest);
            if (n == 0 || used == nargs || !write_verb(out, str_make(rest.p, n), &args[used]))
                return refuse(a, "printf's", n ? str_make(rest.p, n) : rest);
            used++;
            i += n;
        }
    }
    return used == nargs ? AMPQL_OK : refuse(a, "printf with too many values for", format);
}

static enum ampql_code call_printf(const struct action *a, const struct value *args, size_t nargs,
                                   struct value *out)
{
    enum { MAX_TEXT = 1 << 20 };
    struct buf buf;
    if (nargs == 0 || args[0].kind != TEXT)
        return refuse(a, "printf without a format", (struct str){0});
    buf_init(&buf, a->work->alc, MAX_TEXT);
    enum ampql_code code = print(a, args[0].text, args + 1, nargs - 1, &buf);
    if (code == AMPQL_OK && buf.failed)
        code = fail(a->err, buf.failed, "a template's text is too long");
    if (code == AMPQL_OK)
        code = text_value(a, buf.n ? buf.p : "", buf.n, out);
    buf_done(&buf);
    return code;
}

/* ---- the table of functions */

static const struct function {
    const char *name;
    enum ampql_code (*of_number)(const struct action *a, double v, struct value *out);
    enum letter_case to; /* where there is none */
} functions[] = {
    {"humanize", humanize, 0},
    {"humanize1024", humanize1024, 0},
    {"humanizeDuration", humanize_duration, 0},
    {"humanizePercentage", humanize_percentage, 0},
    {"toUpper", NULL, UPPER},
    {"toLower", NULL, LOWER},
    {"title", NULL, TITLE},
};

static bool is_function(struct str name)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (str_equal(name, str_of(functions[i].name)))
            return true;
    return str_equal(name, STR("printf")) || str_equal(name, STR("externalURL"));
}

static enum ampql_code call(const struct action *a, struct str name, const struct value *args,
                            size_t nargs, struct value *out)
{
    if (str_equal(name, STR("printf")))
        return call_printf(a, args, nargs, out);
    if (str_equal(name, STR("externalURL")) && nargs == 0) {
        *out = (struct value){.kind = TEXT, .text = a->data->external_url};
        return AMPQL_OK;
    }
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        const struct function *f = &functions[i];
        if (!str_equal(name, str_of(f->name)))
            continue;
        if (nargs != 1 || args[0].kind == LABELS || (!f->of_number && args[0].kind != TEXT))
            return refuse(a, "arguments of", name);
        if (!f->of_number)
            return change_case(a, args[0].text, f->to, out);
        double v = args[0].number;
        if (args[0].kind == TEXT && !number_parse(args[0].text, &v))
            return refuse(a, "not a number:", args[0].text);
        return f->of_number(a, v, out);
    }
    return refuse(a, "arguments of", name);
}

/* ---- reading */

static void skip_blanks(struct action *a)
{
    while (a->rest.n > 0 && is_space(a->rest.p[0]))
        a->rest = str_from(a->rest, 1);
}

static struct str take_name(struct action *a)
{
    size_t n = 0;
    while (n < a->rest.n && (is_letter(a->rest.p[n]) || is_digit(a->rest.p[n])))
        n++;
    struct str name = str_make(a->rest.p, n);
    a->rest = str_from(a->rest, n);
    return name;
}

/* string := "\"" { char | escape } "\"" | "`" { char } "`"; of escapes \n, \t, \" and \\ */
static enum ampql_code take_string(struct action *a, struct value *out)
{
    char quote = a->rest.p[0];
    struct str begin = a->rest;
    TRY(text_value(a, a->rest.p, a->rest.n, out));
    char *to = (char *)out->text.p; /* our own copy, long enough */
    size_t n = 0, i = 1;
    for (; i < begin.n && begin.p[i] != quote; i++) {
        char c = begin.p[i];
        if (quote == '"' && c == '\\') {
            c = ++i < begin.n ? begin.p[i] : 0;
            if (c == 'n' || c == 't')
                c = c == 'n' ? '\n' : '\t';
            else if (c != '"' && c != '\\')
                return refuse(a, "an escape in", begin);
        }
        to[n++] = c;
    }
    if (i >= begin.n)
        return refuse(a, "a string without its end:", begin);
    to[n] = '\0';
    out->text.n = n;
    a->rest = str_from(begin, i + 1);
    return AMPQL_OK;
}

static enum ampql_code take_number(struct action *a, struct value *out)
{
    size_t n = 0;
    while (n < a->rest.n &&
           (is_letter(a->rest.p[n]) || is_digit(a->rest.p[n]) || memchr("+-.", a->rest.p[n], 3)))
        n++;
    struct str text = str_make(a->rest.p, n);
    *out = (struct value){.kind = NUMBER, .is_whole = true};
    for (size_t i = text.p[0] == '-' || text.p[0] == '+'; i < n; i++)
        out->is_whole = out->is_whole && is_digit(text.p[i]);
    a->rest = str_from(a->rest, n);
    return number_parse(text, &out->number) ? AMPQL_OK : refuse(a, "not a number:", text);
}

/* variable := "$" name | "." [name]; then its fields */
static enum ampql_code take_variable(struct action *a, struct value *out)
{
    static const struct {
        const char *variable, *field;
    } names[] = {{"labels", "Labels"},
                 {"externalLabels", "ExternalLabels"},
                 {"externalURL", "ExternalURL"},
                 {"value", "Value"}};
    const struct template_data *data = a->data;
    const struct value values[] = {
        {.kind = LABELS, .labels = data->labels, .nlabels = data->nlabels},
        {.kind = LABELS, .labels = data->external_labels, .nlabels = data->nexternal_labels},
        {.kind = TEXT, .text = data->external_url},
        {.kind = NUMBER, .number = data->value},
    };
    struct str begin = a->rest;
    bool is_field = begin.p[0] == '.';
    a->rest = str_from(a->rest, 1);
    struct str name = take_name(a);
    struct str shown = str_make(begin.p, name.n + 1);
    size_t i = 0;
    while (i < 4 && !str_equal(name, str_of(is_field ? names[i].field : names[i].variable)))
        i++;
    if (i == 4)
        return refuse(a, "unknown", shown);
    *out = values[i];
    if (a->rest.n == 0 || a->rest.p[0] != '.')
        return AMPQL_OK;
    if (out->kind != LABELS)
        return refuse(a, "a field of", shown);
    a->rest = str_from(a->rest, 1);
    name = take_name(a);
    if (a->rest.n > 0 && a->rest.p[0] == '.')
        return refuse(a, "a field of a label's value", (struct str){0});
    struct str text = STR("");
    for (i = 0; i < out->nlabels; i++)
        if (str_equal(str_view(out->labels[i].name), name))
            text = str_view(out->labels[i].value);
    *out = (struct value){.kind = TEXT, .text = text};
    return AMPQL_OK;
}

static enum ampql_code take_pipeline(struct action *a, struct value *out);

/* operand := variable | string | number | "(" pipeline ")" */
static enum ampql_code take_operand(struct action *a, struct value *out)
{
    char c = a->rest.p[0];
    if (c == '$' || c == '.')
        return take_variable(a, out);
    if (c == '"' || c == '`')
        return take_string(a, out);
    if (is_digit(c) || c == '-' || c == '+')
        return take_number(a, out);
    if (c != '(')
        return refuse(a, "not supported:", a->rest);
    if (a->depth == MAX_DEPTH)
        return refuse(a, "parentheses too deep", (struct str){0});
    a->depth++;
    a->rest = str_from(a->rest, 1);
    TRY(take_pipeline(a, out));
    a->depth--;
    if (a->rest.n == 0 || a->rest.p[0] != ')')
        return refuse(a, "parentheses without their end", (struct str){0});
    a->rest = str_from(a->rest, 1);
    return AMPQL_OK;
}

static bool is_at_end(const struct action *a)
{
    return a->rest.n == 0 || a->rest.p[0] == '|' || a->rest.p[0] == ')';
}

/* command := operand | name { operand }; *piped is the value from the command before, or NULL */
static enum ampql_code take_command(struct action *a, const struct value *piped, struct value *out)
{
    struct value args[MAX_ARGS + 1];
    size_t nargs = 0;
    skip_blanks(a);
    if (is_at_end(a))
        return refuse(a, "a command is missing", (struct str){0});
    bool is_call = is_letter(a->rest.p[0]);
    struct str name = is_call ? take_name(a) : (struct str){0};
    if (is_call && !is_function(name))
        return refuse(a, "not supported:", name);
    if (!is_call && piped)
        return refuse(a, "no function after |", (struct str){0});
    for (skip_blanks(a); !is_at_end(a); skip_blanks(a)) {
        if (nargs == (is_call ? MAX_ARGS : 1))
            return refuse(a, "not supported:", a->rest);
        TRY(take_operand(a, &args[nargs++]));
    }
    if (piped)
        args[nargs++] = *piped;
    if (is_call)
        return call(a, name, args, nargs, out);
    *out = args[0];
    return AMPQL_OK;
}

/* pipeline := command { "|" command } */
static enum ampql_code take_pipeline(struct action *a, struct value *out)
{
    struct value piped;
    TRY(take_command(a, NULL, out));
    while (a->rest.n > 0 && a->rest.p[0] == '|') {
        a->rest = str_from(a->rest, 1);
        piped = *out;
        TRY(take_command(a, &piped, out));
    }
    return AMPQL_OK;
}

static enum ampql_code expand_action(struct action *a, struct buf *out)
{
    struct value value;
    if (str_has_prefix(a->whole, STR("/*")) && str_has_suffix(a->whole, STR("*/")))
        return AMPQL_OK;
    TRY(take_pipeline(a, &value));
    if (a->rest.n > 0)
        return refuse(a, "not supported:", a->rest);
    write_value(out, &value);
    return AMPQL_OK;
}

/* ---- the text */

/* Where "}}" stands, not inside a string; n: nowhere. */
static size_t action_end(struct str s)
{
    char quote = 0;
    for (size_t i = 0; i + 1 < s.n; i++) {
        if (quote) {
            if (s.p[i] == '\\' && quote == '"')
                i++;
            else if (s.p[i] == quote)
                quote = 0;
        } else if (s.p[i] == '"' || s.p[i] == '`') {
            quote = s.p[i];
        } else if (s.p[i] == '}' && s.p[i + 1] == '}') {
            return i;
        }
    }
    return s.n;
}

static struct str trim(struct str s, bool left, bool right)
{
    while (left && s.n > 0 && is_space(s.p[0]))
        s = str_from(s, 1);
    while (right && s.n > 0 && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

enum ampql_code template_expand(struct str text, const struct template_data *data,
                                struct arena *work, struct buf *out, struct ampql_error *err)
{
    bool trims_next = false;
    for (;;) {
        const char *open = text.n ? memmem(text.p, text.n, "{{", 2) : NULL;
        size_t before = open ? (size_t)(open - text.p) : text.n;
        struct str inside = open ? str_from(text, before + 2) : (struct str){0};
        /* "{{- " takes the white space before it, " -}}" that after it */
        bool trims = inside.n > 1 && inside.p[0] == '-' && is_space(inside.p[1]);
        buf_str(out, trim(str_make(text.p, before), trims_next, trims));
        if (!open)
            break;
        struct action a = {.data = data, .work = work, .err = err};
        size_t end = action_end(inside);
        a.whole = str_make(inside.p, end);
        if (end == inside.n)
            return refuse(&a, "has no end", (struct str){0});
        text = str_from(inside, end + 2);
        size_t n = a.whole.n;
        trims_next = n > 1 && a.whole.p[n - 1] == '-' && is_space(a.whole.p[n - 2]);
        a.whole.n -= trims_next;
        a.whole = trim(str_from(a.whole, trims && a.whole.n > 0), true, true);
        a.rest = a.whole;
        TRY(expand_action(&a, out));
    }
    return out->failed ? fail(err, out->failed, "a template's text is too long") : AMPQL_OK;
}
