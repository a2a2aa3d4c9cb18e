/* Numbers for people, upper and lower case, printf. */
#include "tool/template_value.h"

#include "base/number.h"

#include <math.h>
#include <stdio.h>

enum ampql_code template_refuse(const struct template_action *a, const char *why, struct str what)
{
    char action[160], quoted[100];
    return fail(a->err, AMPQL_UNSUPPORTED, "template action %s: %s%s%s",
                quote_clipped_raw(action, sizeof action, a->whole), why, what.n ? " " : "",
                what.n ? quote_clipped_raw(quoted, sizeof quoted, what) : "");
}

static enum ampql_code no_memory(const struct template_action *a)
{
    return fail_nomem(a->err, "a template");
}

/* ---- values as text */

enum ampql_code template_text(const struct template_action *a, const char *p, size_t n,
                              struct template_value *out)
{
    *out =
        (struct template_value){.kind = TEMPLATE_TEXT, .text = arena_copy(a->work, str_make(p, n))};
    return out->text.p ? AMPQL_OK : no_memory(a);
}

void template_write(struct buf *out, const struct template_value *value)
{
    char text[NUMBER_MAX];
    switch (value->kind) {
    case TEMPLATE_TEXT:
        buf_str(out, value->text);
        return;
    case TEMPLATE_NUMBER:
        if (value->is_whole)
            buf_format(out, "%.0f", value->number);
        else
            buf_str(out, str_make(text, number_format_general(value->number, text)));
        return;
    case TEMPLATE_LABELS:
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
static enum ampql_code four_digits(const struct template_action *a, double v, const char *prefix,
                                   const char *suffix, struct template_value *out)
{
    char text[64];
    int n;
    if (isnan(v))
        n = snprintf(text, sizeof text, "NaN%s%s", prefix, suffix);
    else if (isinf(v))
        n = snprintf(text, sizeof text, "%cInf%s%s", v > 0 ? '+' : '-', prefix, suffix);
    else
        n = snprintf(text, sizeof text, "%.4g%s%s", v, prefix, suffix);
    return template_text(a, text, (size_t)n, out);
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

static enum ampql_code humanize(const struct template_action *a, double v,
                                struct template_value *out)
{
    const char *prefix = "";
    if (v != 0 && isfinite(v))
        prefix = fabs(v) >= 1 ? scale_down(&v, 1000, large) : scale_up(&v);
    return four_digits(a, v, prefix, "", out);
}

static enum ampql_code humanize1024(const struct template_action *a, double v,
                                    struct template_value *out)
{
    const char *prefix = "";
    if (fabs(v) > 1 && isfinite(v))
        prefix = scale_down(&v, 1024, large_binary);
    return four_digits(a, v, prefix, "", out);
}

static enum ampql_code humanize_duration(const struct template_action *a, double v,
                                         struct template_value *out)
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
        return template_refuse(a, "a duration over 64 bits", (struct str){0});
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
    return template_text(a, text, (size_t)n, out);
}

static enum ampql_code humanize_percentage(const struct template_action *a, double v,
                                           struct template_value *out)
{
    return four_digits(a, v * 100, "", "%", out);
}

enum letter_case { UPPER, LOWER, TITLE };

/* ASCII only: what Go makes of other letters is refused, not guessed. */
static enum ampql_code change_case(const struct template_action *a, struct str s,
                                   enum letter_case to, struct template_value *out)
{
    TRY(template_text(a, s.p, s.n, out));
    char *p = (char *)out->text.p; /* our own copy */
    for (size_t i = 0; i < s.n; i++) {
        bool is_word =
            i > 0 && (is_letter(s.p[i - 1]) || is_digit(s.p[i - 1]) || s.p[i - 1] == '\'');
        if ((unsigned char)s.p[i] >= 0x80)
            return template_refuse(a, "upper and lower case beyond ASCII of", s);
        bool is_ascii_letter = is_letter(p[i]) && p[i] != '_';
        if (is_ascii_letter && to == LOWER)
            p[i] |= 0x20;
        else if (is_ascii_letter && (to == UPPER || !is_word))
            p[i] &= ~0x20;
    }
    return AMPQL_OK;
}

/* One verb of printf with its flags, width and precision, "%-8.2f", over a value. */
static bool write_verb(struct buf *out, struct str spec, const struct template_value *value)
{
    char format[16], text[NUMBER_MAX + 64];
    char verb = spec.p[spec.n - 1];
    if (spec.n >= sizeof format - 1)
        return false;
    memcpy(format, spec.p, spec.n);
    format[spec.n] = '\0';
    if (spec.n == 2 && (verb == 'v' || (verb == 's' && value->kind == TEMPLATE_TEXT) ||
                        (verb == 'g' && value->kind == TEMPLATE_NUMBER && !value->is_whole))) {
        template_write(out, value);
        return true;
    }
    if (verb == 's' &&
        value->kind == TEMPLATE_TEXT) { /* width and precision count characters, not bytes */
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
    bool is_float = value->kind == TEMPLATE_NUMBER && !value->is_whole && isfinite(value->number);
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

static enum ampql_code print(const struct template_action *a, struct str format,
                             const struct template_value *args, size_t nargs, struct buf *out)
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
                return template_refuse(a, "printf's", n ? str_make(rest.p, n) : rest);
            used++;
            i += n;
        }
    }
    return used == nargs ? AMPQL_OK : template_refuse(a, "printf with too many values for", format);
}

static enum ampql_code call_printf(const struct template_action *a,
                                   const struct template_value *args, size_t nargs,
                                   struct template_value *out)
{
    enum { MAX_TEXT = 1 << 20 };
    struct buf buf;
    if (nargs == 0 || args[0].kind != TEMPLATE_TEXT)
        return template_refuse(a, "printf without a format", (struct str){0});
    buf_init(&buf, a->work->alc, MAX_TEXT);
    enum ampql_code code = print(a, args[0].text, args + 1, nargs - 1, &buf);
    if (code == AMPQL_OK && buf.failed)
        code = fail(a->err, buf.failed, "a template's text is too long");
    if (code == AMPQL_OK)
        code = template_text(a, buf.n ? buf.p : "", buf.n, out);
    buf_done(&buf);
    return code;
}

/* ---- the table of functions */

static const struct function {
    const char *name;
    enum ampql_code (*of_number)(const struct template_action *a, double v,
                                 struct template_value *out);
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

bool template_is_function(struct str name)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (str_equal(name, str_of(functions[i].name)))
            return true;
    return str_equal(name, STR("printf")) || str_equal(name, STR("externalURL"));
}

enum ampql_code template_call(const struct template_action *a, struct str name,
                              const struct template_value *args, size_t nargs,
                              struct template_value *out)
{
    if (str_equal(name, STR("printf")))
        return call_printf(a, args, nargs, out);
    if (str_equal(name, STR("externalURL")) && nargs == 0) {
        *out = (struct template_value){.kind = TEMPLATE_TEXT, .text = a->data->external_url};
        return AMPQL_OK;
    }
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        const struct function *f = &functions[i];
        if (!str_equal(name, str_of(f->name)))
            continue;
        if (nargs != 1 || args[0].kind == TEMPLATE_LABELS ||
            (!f->of_number && args[0].kind != TEMPLATE_TEXT))
            return template_refuse(a, "arguments of", name);
        if (!f->of_number)
            return change_case(a, args[0].text, f->to, out);
        double v = args[0].number;
        if (args[0].kind == TEMPLATE_TEXT && !number_parse(args[0].text, &v))
            return template_refuse(a, "not a number:", args[0].text);
        return f->of_number(a, v, out);
    }
    return template_refuse(a, "arguments of", name);
}
