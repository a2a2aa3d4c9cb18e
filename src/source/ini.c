/* Reading INI files line by line. Values are often secrets, so no message quotes one. */
#include "source/ini.h"

struct reader {
    struct arena *arena;
    struct ini *out;
    struct str section;
    bool has_section, has_key; /* a line can go on with the last entry's value */
    size_t line;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static struct str trim(struct str s)
{
    while (s.n && is_blank(s.p[0]))
        s = str_from(s, 1);
    while (s.n && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

static enum ampql_code add(struct reader *r, struct str key, struct str value,
                           struct ampql_error *err)
{
    char *lower = arena_alloc(r->arena, key.n, 1);
    if (!lower)
        return fail_nomem(err, "a profile file");
    for (size_t i = 0; i < key.n; i++)
        lower[i] = key.p[i] >= 'A' && key.p[i] <= 'Z' ? (char)(key.p[i] | 0x20) : key.p[i];
    struct ini_entry entry = {r->section, str_make(lower, key.n), value, r->line};
    return array_push(r->out, r->arena, entry) ? AMPQL_OK : fail_nomem(err, "a profile file");
}

/* section := "[" name "]" */
static enum ampql_code read_section(struct reader *r, struct str line, struct ampql_error *err)
{
    bool is_closed = line.n > 1 && line.p[line.n - 1] == ']';
    struct str name = is_closed ? trim(str_make(line.p + 1, line.n - 2)) : STR("");
    if (name.n == 0)
        return fail(err, AMPQL_BAD_DATA, "line %zu: expected [section]", r->line);
    r->section = name;
    r->has_section = true;
    r->has_key = false;
    return add(r, STR(""), STR(""), err);
}

/* entry := key ("=" | ":") value */
static enum ampql_code read_entry(struct reader *r, struct str line, struct ampql_error *err)
{
    size_t i = 0;
    while (i < line.n && line.p[i] != '=' && line.p[i] != ':')
        i++;
    struct str key = trim(str_make(line.p, i));
    if (i == line.n || key.n == 0)
        return fail(err, AMPQL_BAD_DATA, "line %zu: expected key = value", r->line);
    if (!r->has_section)
        return fail(err, AMPQL_BAD_DATA, "line %zu: expected [section] before the first key",
                    r->line);
    r->has_key = true;
    return add(r, key, trim(str_from(line, i + 1)), err);
}

/* The value goes on: with a line break between, as configparser has it. */
static enum ampql_code read_more(struct reader *r, struct str line, struct ampql_error *err)
{
    struct str *value = &r->out->at[r->out->n - 1].value;
    char *p = arena_alloc(r->arena, value->n + 1 + line.n, 1);
    if (!p)
        return fail_nomem(err, "a profile file");
    if (value->n)
        memcpy(p, value->p, value->n);
    p[value->n] = '\n';
    memcpy(p + value->n + 1, line.p, line.n);
    *value = str_make(p, value->n + 1 + line.n);
    return AMPQL_OK;
}

static enum ampql_code read_line(struct reader *r, struct str raw, struct ampql_error *err)
{
    struct str line = trim(raw);
    if (line.n == 0 || line.p[0] == '#' || line.p[0] == ';')
        return AMPQL_OK;
    if (memchr(line.p, '\0', line.n))
        return fail(err, AMPQL_BAD_DATA, "line %zu: a NUL byte", r->line);
    if (is_blank(raw.p[0]) && r->has_key)
        return read_more(r, line, err);
    return line.p[0] == '[' ? read_section(r, line, err) : read_entry(r, line, err);
}

enum ampql_code ini_parse(struct str text, struct arena *arena, struct ini *out,
                          struct ampql_error *err)
{
    struct reader r = {.arena = arena, .out = out};
    *out = (struct ini){0};
    if (str_has_prefix(text, STR("\xef\xbb\xbf")))
        text = str_from(text, 3);
    while (text.n) {
        const char *end = memchr(text.p, '\n', text.n);
        size_t n = end ? (size_t)(end - text.p) : text.n;
        r.line++;
        TRY(read_line(&r, str_make(text.p, n), err));
        text = str_from(text, n + (end ? 1 : 0));
    }
    return AMPQL_OK;
}
