/* Actions of templates: read and computed in one go. */
#include "tool/template.h"

#include "base/number.h"
#include "tool/template_value.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* ---- reading */

static void skip_blanks(struct template_action *a)
{
    while (a->rest.n > 0 && is_space(a->rest.p[0]))
        a->rest = str_from(a->rest, 1);
}

static struct str take_name(struct template_action *a)
{
    size_t n = 0;
    while (n < a->rest.n && (is_letter(a->rest.p[n]) || is_digit(a->rest.p[n])))
        n++;
    struct str name = str_make(a->rest.p, n);
    a->rest = str_from(a->rest, n);
    return name;
}

/* string := "\"" { char | escape } "\"" | "`" { char } "`"; of escapes \n, \t, \" and \\ */
static enum ampql_code take_string(struct template_action *a, struct template_value *out)
{
    char quote = a->rest.p[0];
    struct str begin = a->rest;
    TRY(template_text(a, a->rest.p, a->rest.n, out));
    char *to = (char *)out->text.p; /* our own copy, long enough */
    size_t n = 0, i = 1;
    for (; i < begin.n && begin.p[i] != quote; i++) {
        char c = begin.p[i];
        if (quote == '"' && c == '\\') {
            c = ++i < begin.n ? begin.p[i] : 0;
            if (c == 'n' || c == 't')
                c = c == 'n' ? '\n' : '\t';
            else if (c != '"' && c != '\\')
                return template_refuse(a, "an escape in", begin);
        }
        to[n++] = c;
    }
    if (i >= begin.n)
        return template_refuse(a, "a string without its end:", begin);
    to[n] = '\0';
    out->text.n = n;
    a->rest = str_from(begin, i + 1);
    return AMPQL_OK;
}

static enum ampql_code take_number(struct template_action *a, struct template_value *out)
{
    size_t n = 0;
    while (n < a->rest.n &&
           (is_letter(a->rest.p[n]) || is_digit(a->rest.p[n]) || memchr("+-.", a->rest.p[n], 3)))
        n++;
    struct str text = str_make(a->rest.p, n);
    *out = (struct template_value){.kind = TEMPLATE_NUMBER, .is_whole = true};
    for (size_t i = text.p[0] == '-' || text.p[0] == '+'; i < n; i++)
        out->is_whole = out->is_whole && is_digit(text.p[i]);
    a->rest = str_from(a->rest, n);
    return number_parse(text, &out->number) ? AMPQL_OK : template_refuse(a, "not a number:", text);
}

/* variable := "$" name | "." [name]; then its fields */
static enum ampql_code take_variable(struct template_action *a, struct template_value *out)
{
    static const struct {
        const char *variable, *field;
    } names[] = {{"labels", "Labels"},
                 {"externalLabels", "ExternalLabels"},
                 {"externalURL", "ExternalURL"},
                 {"value", "Value"}};
    const struct template_data *data = a->data;
    const struct template_value values[] = {
        {.kind = TEMPLATE_LABELS, .labels = data->labels, .nlabels = data->nlabels},
        {.kind = TEMPLATE_LABELS,
         .labels = data->external_labels,
         .nlabels = data->nexternal_labels},
        {.kind = TEMPLATE_TEXT, .text = data->external_url},
        {.kind = TEMPLATE_NUMBER, .number = data->value},
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
        return template_refuse(a, "unknown", shown);
    *out = values[i];
    if (a->rest.n == 0 || a->rest.p[0] != '.')
        return AMPQL_OK;
    if (out->kind != TEMPLATE_LABELS)
        return template_refuse(a, "a field of", shown);
    a->rest = str_from(a->rest, 1);
    name = take_name(a);
    if (a->rest.n > 0 && a->rest.p[0] == '.')
        return template_refuse(a, "a field of a label's value", (struct str){0});
    struct str text = STR("");
    for (i = 0; i < out->nlabels; i++)
        if (str_equal(str_view(out->labels[i].name), name))
            text = str_view(out->labels[i].value);
    *out = (struct template_value){.kind = TEMPLATE_TEXT, .text = text};
    return AMPQL_OK;
}

static enum ampql_code take_pipeline(struct template_action *a, struct template_value *out);

/* operand := variable | string | number | "(" pipeline ")" */
static enum ampql_code take_operand(struct template_action *a, struct template_value *out)
{
    char c = a->rest.p[0];
    if (c == '$' || c == '.')
        return take_variable(a, out);
    if (c == '"' || c == '`')
        return take_string(a, out);
    if (is_digit(c) || c == '-' || c == '+')
        return take_number(a, out);
    if (c != '(')
        return template_refuse(a, "not supported:", a->rest);
    if (a->depth == TEMPLATE_MAX_DEPTH)
        return template_refuse(a, "parentheses too deep", (struct str){0});
    a->depth++;
    a->rest = str_from(a->rest, 1);
    TRY(take_pipeline(a, out));
    a->depth--;
    if (a->rest.n == 0 || a->rest.p[0] != ')')
        return template_refuse(a, "parentheses without their end", (struct str){0});
    a->rest = str_from(a->rest, 1);
    return AMPQL_OK;
}

static bool is_at_end(const struct template_action *a)
{
    return a->rest.n == 0 || a->rest.p[0] == '|' || a->rest.p[0] == ')';
}

/* command := operand | name { operand }; *piped is the value from the command before, or NULL */
static enum ampql_code take_command(struct template_action *a, const struct template_value *piped,
                                    struct template_value *out)
{
    struct template_value args[TEMPLATE_MAX_ARGS + 1];
    size_t nargs = 0;
    skip_blanks(a);
    if (is_at_end(a))
        return template_refuse(a, "a command is missing", (struct str){0});
    bool is_call = is_letter(a->rest.p[0]);
    struct str name = is_call ? take_name(a) : (struct str){0};
    if (is_call && !template_is_function(name))
        return template_refuse(a, "not supported:", name);
    if (!is_call && piped)
        return template_refuse(a, "no function after |", (struct str){0});
    for (skip_blanks(a); !is_at_end(a); skip_blanks(a)) {
        if (nargs == (is_call ? TEMPLATE_MAX_ARGS : 1))
            return template_refuse(a, "not supported:", a->rest);
        TRY(take_operand(a, &args[nargs++]));
    }
    if (piped)
        args[nargs++] = *piped;
    if (is_call)
        return template_call(a, name, args, nargs, out);
    *out = args[0];
    return AMPQL_OK;
}

/* pipeline := command { "|" command } */
static enum ampql_code take_pipeline(struct template_action *a, struct template_value *out)
{
    struct template_value piped;
    TRY(take_command(a, NULL, out));
    while (a->rest.n > 0 && a->rest.p[0] == '|') {
        a->rest = str_from(a->rest, 1);
        piped = *out;
        TRY(take_command(a, &piped, out));
    }
    return AMPQL_OK;
}

static enum ampql_code expand_action(struct template_action *a, struct buf *out)
{
    struct template_value value;
    if (str_has_prefix(a->whole, STR("/*")) && str_has_suffix(a->whole, STR("*/")))
        return AMPQL_OK;
    TRY(take_pipeline(a, &value));
    if (a->rest.n > 0)
        return template_refuse(a, "not supported:", a->rest);
    template_write(out, &value);
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

bool template_is_closed(struct str text)
{
    for (const char *open; text.n && (open = memmem(text.p, text.n, "{{", 2)) != NULL;) {
        struct str inside = str_from(text, (size_t)(open - text.p) + 2);
        size_t end = action_end(inside);
        if (end == inside.n)
            return false;
        text = str_from(inside, end + 2);
    }
    return true;
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
        struct template_action a = {.data = data, .work = work, .err = err};
        size_t end = action_end(inside);
        a.whole = str_make(inside.p, end);
        if (end == inside.n)
            return template_refuse(&a, "has no end", (struct str){0});
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
