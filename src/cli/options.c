/* The flag parser: first the texts of all flags are gathered, then they are read as values, so that
 * `--now` counts for the times before it too. */
#include "cli/options.h"

#include "base/array.h"
#include "base/duration.h"
#include "base/time.h"
#include "tool/suggest.h"

#include <stdio.h>

struct words {
    ARRAY(const char *);
};

/* One parse under way. text [noptions] are the values as written, NULL when not given. */
struct parser {
    const struct option_input *in;
    struct arena *arena;
    char *flags;
    struct option_result *out;
    const char **text;
    struct words *list; /* [noptions], of OPTION_LIST */
    int64_t now_ms;
    size_t arg; /* the next of in->args */
};

void option_env_name(const struct option *option, char *out, size_t size)
{
    size_t n = (size_t)snprintf(out, size, "AMPQL_%s", option->name);
    for (size_t i = 0; i < n && i < size; i++)
        if (out[i] == '-')
            out[i] = '_';
        else if (out[i] >= 'a' && out[i] <= 'z')
            out[i] = (char)(out[i] - 'a' + 'A');
}

/* word: the flag's name without dashes and value. */
static enum ampql_code fail_unknown(struct parser *p, struct str word, struct ampql_error *err)
{
    const char *arg = p->in->args[p->arg - 1];
    struct suggest suggest = {.word = word};
    for (size_t i = 0; i < p->in->noptions; i++)
        suggest_try(&suggest, p->in->options[i].name);
    suggest_try(&suggest, "help");
    if (suggest.best)
        snprintf(p->out->hint, sizeof p->out->hint, "did you mean --%s?", suggest.best);
    else if (arg[1] != '-')
        snprintf(p->out->hint, sizeof p->out->hint,
                 "put -- before an expression that begins with -");
    return fail_quote(err, AMPQL_BAD_DATA, "unknown flag", str_of(arg));
}

static enum ampql_code fail_value(const struct option *option, const char *why, const char *text,
                                  struct ampql_error *err)
{
    char what[128];
    snprintf(what, sizeof what, "--%s: %s", option->name, why);
    return fail_quote(err, AMPQL_BAD_DATA, what, str_of(text));
}

/* ---- gathering */

static enum ampql_code give(struct parser *p, size_t i, const char *text, struct ampql_error *err)
{
    const struct option *option = &p->in->options[i];
    if (option->type == OPTION_LIST) {
        if (!array_push(&p->list[i], p->arena, text))
            return fail_nomem(err, "the command line");
        return AMPQL_OK;
    }
    if (p->text[i])
        return fail(err, AMPQL_BAD_DATA, "--%s is given twice", option->name);
    p->text[i] = text;
    return AMPQL_OK;
}

/* The value after `=` or in the next argument; of a bool "true". */
static enum ampql_code take(struct parser *p, size_t i, const char *attached,
                            struct ampql_error *err)
{
    const struct option *option = &p->in->options[i];
    if (attached)
        return give(p, i, attached, err);
    if (option->type == OPTION_BOOL)
        return give(p, i, "true", err);
    if (p->arg == p->in->nargs)
        return fail(err, AMPQL_BAD_DATA, "--%s needs a value: %s", option->name, option->value);
    return give(p, i, p->in->args[p->arg++], err);
}

static enum ampql_code long_flag(struct parser *p, const char *word, struct ampql_error *err)
{
    const char *equals = strchr(word, '=');
    struct str name = str_make(word, equals ? (size_t)(equals - word) : strlen(word));
    for (size_t i = 0; i < p->in->noptions; i++)
        if (str_equal(name, str_of(p->in->options[i].name)))
            return take(p, i, equals ? equals + 1 : NULL, err);
    if (str_equal(name, STR("help"))) {
        p->out->wants_help = true;
        return AMPQL_OK;
    }
    return fail_unknown(p, name, err);
}

static enum ampql_code short_flag(struct parser *p, const char *word, struct ampql_error *err)
{
    for (size_t i = 0; i < p->in->noptions; i++)
        if (p->in->options[i].letter == word[0])
            return take(p, i, word[1] == '\0' ? NULL : word + 1, err);
    if (word[0] == 'h' && word[1] == '\0') {
        p->out->wants_help = true;
        return AMPQL_OK;
    }
    return fail_unknown(p, str_of(word), err);
}

static enum ampql_code gather(struct parser *p, struct words *operands, struct ampql_error *err)
{
    bool flags_ended = false;
    while (p->arg < p->in->nargs && !p->out->wants_help) {
        const char *word = p->in->args[p->arg++];
        if (flags_ended || word[0] != '-' || word[1] == '\0') {
            if (!array_push(operands, p->arena, word))
                return fail_nomem(err, "the command line");
        } else if (word[1] != '-') {
            TRY(short_flag(p, word + 1, err));
        } else if (word[2] != '\0') {
            TRY(long_flag(p, word + 2, err));
        } else {
            flags_ended = true;
        }
    }
    return AMPQL_OK;
}

/* The lines of an environment variable as a list. */
static enum ampql_code give_lines(struct parser *p, size_t i, const char *text,
                                  struct ampql_error *err)
{
    for (const char *end; *text; text = *end ? end + 1 : end) {
        end = strchr(text, '\n');
        end = end ? end : text + strlen(text);
        if (end == text)
            continue;
        struct str line = arena_copy(p->arena, str_make(text, (size_t)(end - text)));
        if (!line.p)
            return fail_nomem(err, "the environment");
        TRY(give(p, i, line.p, err));
    }
    return AMPQL_OK;
}

/* Flags not given take their twin's value; an empty variable is an absent one. */
static enum ampql_code gather_env(struct parser *p, struct ampql_error *err)
{
    char name[64];
    for (size_t i = 0; p->in->env && i < p->in->noptions; i++) {
        if (p->text[i] || p->list[i].n)
            continue;
        option_env_name(&p->in->options[i], name, sizeof name);
        const char *text = p->in->env(name);
        if (!text || !*text)
            continue;
        if (p->in->options[i].type == OPTION_LIST)
            TRY(give_lines(p, i, text, err));
        else
            p->text[i] = text;
    }
    return AMPQL_OK;
}

/* ---- reading */

static enum ampql_code read_bool(const struct option *option, const char *text, bool *out,
                                 struct ampql_error *err)
{
    struct str s = str_of(text);
    *out = str_equal(s, STR("true")) || str_equal(s, STR("1")) || str_equal(s, STR("yes"));
    if (*out || str_equal(s, STR("false")) || str_equal(s, STR("0")) || str_equal(s, STR("no")))
        return AMPQL_OK;
    return fail_value(option, "expected true or false", text, err);
}

static enum ampql_code read_enum(const struct option *option, const char *text, int *out,
                                 struct ampql_error *err)
{
    char why[96];
    struct str s = str_of(text);
    int place = 1;
    for (const char *word = option->value, *end;; word = end + 1, place++) {
        end = strchr(word, '|');
        size_t n = end ? (size_t)(end - word) : strlen(word);
        if (str_equal(s, str_make(word, n))) {
            *out = place;
            return AMPQL_OK;
        }
        if (!end)
            break;
    }
    snprintf(why, sizeof why, "expected %s", option->value);
    return fail_value(option, why, text, err);
}

static enum ampql_code read_integer(const struct option *option, const char *text, uint64_t *out,
                                    struct ampql_error *err)
{
    uint64_t n = 0;
    for (const char *c = text; *c; c++)
        if (*c < '0' || *c > '9' || __builtin_mul_overflow(n, UINT64_C(10), &n) ||
            __builtin_add_overflow(n, (uint64_t)(*c - '0'), &n))
            return fail_value(option, "expected a whole number", text, err);
    if (!*text || n == 0)
        return fail_value(option, "expected a whole number over 0", text, err);
    *out = n;
    return AMPQL_OK;
}

static enum ampql_code read_size(const struct option *option, const char *text, uint64_t *out,
                                 struct ampql_error *err)
{
    static const struct {
        const char *unit;
        unsigned shift;
    } units[] = {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}, {"", 0}};
    struct str s = str_of(text);
    uint64_t n = 0;
    size_t i = 0;
    bool fits = true;
    for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        fits = fits && !__builtin_mul_overflow(n, UINT64_C(10), &n) &&
               !__builtin_add_overflow(n, (uint64_t)(s.p[i] - '0'), &n);
    struct str unit = str_make(s.p + i, s.n - i);
    for (size_t k = 0; k < sizeof units / sizeof *units && fits && n > 0; k++)
        if (str_equal(unit, str_of(units[k].unit)) && n <= UINT64_MAX >> units[k].shift) {
            *out = n << units[k].shift;
            return AMPQL_OK;
        }
    return fail_value(option, "expected a number of bytes over 0, such as 65536, 64KiB or 2GiB",
                      text, err);
}

/* A message of the time and duration readers, with the flag's name in front. */
static enum ampql_code name_flag(const struct option *option, enum ampql_code code,
                                 struct ampql_error *err)
{
    struct ampql_error inner = *err;
    return fail(err, code, "--%s: %.400s", option->name, inner.message);
}

static enum ampql_code read_ms(struct parser *p, const struct option *option, const char *text,
                               struct option_ms *out, struct ampql_error *err)
{
    struct ampql_error inner = {0};
    enum ampql_code code = option->type == OPTION_TIME
                               ? time_parse(str_of(text), p->now_ms, &out->ms, &inner)
                               : duration_parse_loose(str_of(text), &out->ms, &inner);
    if (code != AMPQL_OK && err) {
        *err = inner;
        return name_flag(option, code, err);
    }
    out->is_set = code == AMPQL_OK;
    return code;
}

static enum ampql_code read_value(struct parser *p, size_t i, struct ampql_error *err)
{
    const struct option *option = &p->in->options[i];
    const char *text = p->text[i];
    void *to = p->flags + option->offset;
    if (option->type == OPTION_LIST) {
        struct option_list *list = to;
        list->at = p->list[i].at;
        list->n = p->list[i].n;
        return AMPQL_OK;
    }
    if (!text)
        return AMPQL_OK;
    switch (option->type) {
    case OPTION_BOOL:
        return read_bool(option, text, to, err);
    case OPTION_ENUM:
        return read_enum(option, text, to, err);
    case OPTION_INTEGER:
        return read_integer(option, text, to, err);
    case OPTION_SIZE:
        return read_size(option, text, to, err);
    case OPTION_TIME:
    case OPTION_DURATION:
        return read_ms(p, option, text, to, err);
    case OPTION_STRING:
    case OPTION_LIST:
        break;
    }
    *(const char **)to = text;
    return AMPQL_OK;
}

static enum ampql_code read_now(struct parser *p, struct ampql_error *err)
{
    for (size_t i = 0; i < p->in->noptions; i++)
        if (p->text[i] && str_equal(str_of(p->in->options[i].name), STR("now"))) {
            struct option_ms now = {0};
            TRY(read_ms(p, &p->in->options[i], p->text[i], &now, err));
            p->now_ms = now.ms;
        }
    return AMPQL_OK;
}

enum ampql_code options_parse(const struct option_input *input, struct arena *arena, void *flags,
                              struct option_result *out, struct ampql_error *err)
{
    struct words operands = {0};
    struct parser p = {
        .in = input,
        .arena = arena,
        .flags = flags,
        .out = out,
        .text = arena_zeroed(arena, input->noptions + 1, sizeof *p.text),
        .list = arena_zeroed(arena, input->noptions + 1, sizeof *p.list),
        .now_ms = input->now_ms,
    };
    *out = (struct option_result){0};
    if (!p.text || !p.list)
        return fail_nomem(err, "the command line");
    TRY(gather(&p, &operands, err));
    if (out->wants_help)
        return AMPQL_OK;
    TRY(gather_env(&p, err));
    TRY(read_now(&p, err));
    for (size_t i = 0; i < input->noptions; i++)
        TRY(read_value(&p, i, err));
    out->operands = (struct option_list){operands.at, operands.n};
    return AMPQL_OK;
}
