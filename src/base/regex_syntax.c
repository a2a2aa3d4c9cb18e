/* Go's regex syntax where RE2's is another one. */
#include "base/regex_syntax.h"

#include "base/array.h"
#include "base/ascii.h"

/* What stands at one place of the source. */
struct step {
    size_t used;        /* bytes of the source */
    struct str instead; /* for RE2; the same bytes when p is NULL */
    const char *reason; /* why Go refuses it; NULL: it does not */
    struct str fragment;
};

/* The length of the character class at the front of s, as far as it goes. "]" right after "[" or
 * "[^" is a member, and "[:alpha:]" has brackets of its own. */
static size_t class_length(struct str s)
{
    size_t first = s.n > 1 && s.p[1] == '^' ? 2 : 1, i = first;
    while (i < s.n && (s.p[i] != ']' || i == first)) {
        struct str rest = str_from(s, i);
        const char *end =
            str_has_prefix(rest, STR("[:")) ? memmem(rest.p + 2, rest.n - 2, ":]", 2) : NULL;
        i += end ? (size_t)(end - rest.p) + 2 : rest.p[0] == '\\' ? 2 : 1;
    }
    return i < s.n ? i + 1 : s.n;
}

static bool is_name(struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (!is_digit(name.p[i]) && !is_ascii_letter(name.p[i]) && name.p[i] != '_')
            return false;
    return name.n > 0;
}

/* "(?P<" name ">" or "(?<" name ">" */
static struct step read_group(struct str rest, bool short_names)
{
    bool is_short = rest.n > 3 && str_has_prefix(rest, STR("(?<"));
    size_t opening = is_short ? 3 : rest.n > 4 && str_has_prefix(rest, STR("(?P<")) ? 4 : 0;
    struct step step = {.used = 1};
    if (opening == 0)
        return step;
    if (is_short && !short_names) {
        step.reason = "invalid or unsupported Perl syntax";
        step.fragment = str_make(rest.p, opening);
        return step;
    }
    const char *close = memchr(rest.p, '>', rest.n);
    struct str capture = close ? str_make(rest.p, (size_t)(close - rest.p) + 1) : rest;
    if (!close || !is_name(str_make(rest.p + opening, capture.n - opening - 1))) {
        step.reason = "invalid named capture";
        step.fragment = capture;
    }
    step.used = opening;
    step.instead = STR("(?P<");
    return step;
}

enum { MAX_COUNT = 1000 };

/* digits without a leading zero; over MAX_COUNT: anything over it */
static bool read_count(struct str text, size_t *at, int *out)
{
    size_t start = *at;
    *out = 0;
    for (; *at < text.n && is_digit(text.p[*at]); ++*at)
        *out = *out > MAX_COUNT ? *out : *out * 10 + (text.p[*at] - '0');
    return *at == start + 1 || (*at > start && text.p[start] != '0');
}

/* "{" count ["," [count]] "}"; anything else is a brace. */
static struct step read_repeat(struct str rest)
{
    size_t at = 1;
    int min, max;
    struct step step = {.used = 1};
    if (!read_count(rest, &at, &min))
        return step;
    max = min;
    if (at < rest.n && rest.p[at] == ',') {
        at++;
        if (at < rest.n && rest.p[at] == '}')
            max = MAX_COUNT;
        else if (!read_count(rest, &at, &max))
            return step;
    }
    if (at == rest.n || rest.p[at] != '}')
        return step;
    step.used = at + 1;
    if (min > MAX_COUNT || max > MAX_COUNT || min > max) {
        step.reason = "invalid repeat count";
        step.fragment = str_make(rest.p, step.used);
    }
    return step;
}

static struct step read_step(struct str rest, bool short_names)
{
    struct step step = {.used = 1};
    if (str_has_prefix(rest, STR("\\Q"))) {
        const char *end = memmem(rest.p, rest.n, "\\E", 2);
        step.used = end ? (size_t)(end - rest.p) + 2 : rest.n;
    } else if (str_has_prefix(rest, STR("\\C"))) {
        step.reason = "invalid escape sequence";
        step.fragment = str_make(rest.p, 2);
    } else if (rest.n > 2 && memchr("xpP", rest.p[1], 3) && rest.p[0] == '\\' && rest.p[2] == '{') {
        const char *end = memchr(rest.p, '}', rest.n);
        step.used = end ? (size_t)(end - rest.p) + 1 : rest.n;
    } else if (rest.p[0] == '\\') {
        step.used = rest.n > 1 ? 2 : 1;
    } else if (rest.p[0] == '[') {
        step.used = class_length(rest);
    } else if (rest.p[0] == '(') {
        step = read_group(rest, short_names);
    } else if (rest.p[0] == '{') {
        step = read_repeat(rest);
    }
    return step;
}

enum ampql_code regex_translate(struct arena *arena, struct str source, bool short_names,
                                struct regex_syntax *out, struct ampql_error *err)
{
    struct {
        ARRAY(char);
    } text = {0};
    *out = (struct regex_syntax){0};
    for (size_t i = 0; i < source.n && !out->reason;) {
        struct str rest = str_from(source, i);
        struct step step = read_step(rest, short_names);
        struct str piece = step.instead.p ? step.instead : str_make(rest.p, step.used);
        for (size_t k = 0; k < piece.n && !step.reason; k++)
            if (!array_push(&text, arena, piece.p[k]))
                return fail_nomem(err, "a regex");
        out->reason = step.reason;
        out->fragment = step.fragment;
        i += step.used;
    }
    out->re2 = text.n ? str_make(text.at, text.n) : STR("");
    return AMPQL_OK;
}
