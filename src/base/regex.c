/* Label regexes: by comparing bytes where that is enough (quick.c), all else by RE2. */
#include "base/regex.h"

#include "base/array.h"
#include "base/cxx.h"
#include "base/quick.h"
#include "base/utf8.h"

#include <stdatomic.h>

enum { MAX_SOURCE = 16 * 1024 };

struct regex {
    struct arena arena; /* holds this struct too */
    enum regex_dot dot;
    struct quick quick;
    struct cxx_regex *re2; /* NULL: quick does it */
    atomic_bool out_of_memory;
};

static enum ampql_code refuse(struct ampql_error *err, const char *reason, struct str fragment)
{
    char quoted[320];
    return fail(err, AMPQL_PARSE, "error parsing regexp: %s: %s", reason,
                quote_clipped_raw(quoted, sizeof quoted, fragment));
}

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

/* Go's two differences from RE2: it knows (?<name>re), written (?P<name>re) here, and does not know
 * \C. *out is in the arena. */
static enum ampql_code to_re2(struct arena *arena, struct str source, struct str *out,
                              struct ampql_error *err)
{
    struct {
        ARRAY(char);
    } text = {0};
    for (size_t i = 0; i < source.n;) {
        struct str rest = str_from(source, i), instead = {NULL, 0};
        size_t used = 1;
        if (str_has_prefix(rest, STR("\\Q"))) {
            const char *end = memmem(rest.p, rest.n, "\\E", 2);
            used = end ? (size_t)(end - rest.p) + 2 : rest.n;
        } else if (str_has_prefix(rest, STR("\\C"))) {
            return refuse(err, "invalid escape sequence", STR("\\C"));
        } else if (rest.p[0] == '\\') {
            used = rest.n > 1 ? 2 : 1;
        } else if (rest.p[0] == '[') {
            used = class_length(rest);
        } else if (str_has_prefix(rest, STR("(?<"))) {
            if (str_has_prefix(rest, STR("(?<=")) || str_has_prefix(rest, STR("(?<!")))
                return refuse(err, "invalid or unsupported Perl syntax", STR("(?<"));
            instead = STR("(?P");
            used = 2;
        }
        struct str piece = instead.p ? instead : str_make(rest.p, used);
        for (size_t k = 0; k < piece.n; k++)
            if (!array_push(&text, arena, piece.p[k]))
                return fail_nomem(err, "a regex");
        i += used;
    }
    *out = str_make(text.at, text.n);
    return AMPQL_OK;
}

/* What Prometheus 2 shows: it compiles the wrapped form only. */
static struct str shown(struct arena *arena, struct str source, enum regex_dot dot)
{
    if (dot == REGEX_DOT_ALL)
        return source;
    char *p = arena_alloc(arena, source.n + 6, 1);
    if (!p)
        return source;
    memcpy(p, "^(?:", 4);
    if (source.n)
        memcpy(p + 4, source.p, source.n);
    memcpy(p + 4 + source.n, ")$", 2);
    return str_make(p, source.n + 6);
}

static enum ampql_code make_re2(struct regex *regex, struct str source, struct ampql_error *err)
{
    struct str pattern = {NULL, 0};
    struct cxx_refusal why = {0};
    TRY(to_re2(&regex->arena, source, &pattern, err));
    enum ampql_code code = cxx_regex_new(pattern.n ? pattern.p : "", pattern.n,
                                         regex->dot == REGEX_DOT_ALL, &regex->re2, &why);
    if (code == AMPQL_NOMEM)
        return fail_nomem(err, "a regex");
    if (code != AMPQL_OK) {
        struct str fragment = why.is_whole ? shown(&regex->arena, source, regex->dot)
                                           : str_make(why.fragment, why.nfragment);
        refuse(err, why.reason, fragment);
        if (why.is_too_large) {
            code = AMPQL_LIMIT;
            if (err)
                err->code = code;
        }
    }
    return code;
}

/* Text with each invalid byte as U+FFFD: what Go's regexp sees. */
struct clean {
    char small[512];
    struct str text;
    char *p;
    size_t cap;
};

static bool clean_init(struct clean *clean, const struct regex *regex, struct str text)
{
    size_t n = 0, ninvalid = 0;
    for (size_t i = 0; i < text.n;) {
        size_t length = utf8_length(text.p + i, text.n - i);
        ninvalid += length == 0;
        i += length ? length : 1;
    }
    clean->p = NULL;
    clean->text = text.p ? text : STR("");
    if (ninvalid == 0)
        return true;

    size_t size = text.n + 2 * ninvalid; /* at most 3 * text.n */
    char *out = clean->small;
    if (size > sizeof clean->small) {
        if (text.n > SIZE_MAX / 3 || !(out = alloc_get(regex->arena.alc, size, 1)))
            return false;
        clean->p = out;
        clean->cap = size;
    }
    for (size_t i = 0; i < text.n;) {
        size_t length = utf8_length(text.p + i, text.n - i);
        struct str piece = length ? str_make(text.p + i, length) : UTF8_REPLACEMENT;
        memcpy(out + n, piece.p, piece.n);
        n += piece.n;
        i += length ? length : 1;
    }
    clean->text = str_make(out, n);
    return true;
}

static void clean_done(struct clean *clean, const struct regex *regex)
{
    alloc_put(regex->arena.alc, clean->p, clean->cap, 1);
}

/* The place in text of a place in the cleaned text. */
static size_t original_place(struct str text, size_t cleaned)
{
    size_t i = 0;
    for (size_t at = 0; at < cleaned;) {
        size_t length = utf8_length(text.p + i, text.n - i);
        at += length ? length : UTF8_REPLACEMENT.n;
        i += length ? length : 1;
    }
    return i;
}

/* No room for a failure in the answer: it is remembered, and regex_failed tells. */
static bool match_re2(const struct regex *regex, struct str text, struct str *groups,
                      size_t ngroups)
{
    enum { FEW = 16 };
    struct clean clean;
    struct ampql_string few[FEW], *found = few;
    int answer = -1;
    if (!clean_init(&clean, regex, text))
        goto done;
    if (ngroups > FEW && !(found = alloc_get(regex->arena.alc, ngroups, sizeof *found))) {
        found = few;
        goto done;
    }
    answer = cxx_regex_match(regex->re2, clean.text.p, clean.text.n, found, ngroups);
    for (size_t i = 0; answer > 0 && i < ngroups; i++) {
        struct str group = {found[i].data, found[i].size};
        if (group.p && clean.text.p != text.p && text.p) {
            size_t start = original_place(text, (size_t)(group.p - clean.text.p));
            size_t end = original_place(text, (size_t)(group.p - clean.text.p) + group.n);
            group = str_make(text.p + start, end - start);
        }
        groups[i] = group;
    }
done:
    if (found != few)
        alloc_put(regex->arena.alc, found, ngroups, sizeof *found);
    clean_done(&clean, regex);
    if (answer < 0)
        atomic_store(&((struct regex *)regex)->out_of_memory, true);
    return answer > 0;
}

bool regex_match(const struct regex *regex, struct str text)
{
    return regex->re2 ? match_re2(regex, text, NULL, 0) : quick_match(&regex->quick, text);
}

bool regex_match_groups(const struct regex *regex, struct str text, struct str *groups,
                        size_t ngroups)
{
    if (text.p == NULL)
        text = STR("");
    if (regex->re2)
        return match_re2(regex, text, groups, ngroups);
    if (!quick_match(&regex->quick, text))
        return false;
    if (ngroups > 0)
        groups[0] = text;
    if (ngroups > 1)
        groups[1] = str_make(text.p + regex->quick.skip[0],
                             text.n - regex->quick.skip[0] - regex->quick.skip[1]);
    return true;
}

bool regex_failed(const struct regex *regex)
{
    return atomic_load(&((struct regex *)regex)->out_of_memory);
}

size_t regex_ngroups(const struct regex *regex)
{
    return regex->re2 ? cxx_regex_ngroups(regex->re2) : regex->quick.has_group;
}

int regex_group(const struct regex *regex, struct str name)
{
    if (!regex->re2) /* a named group is not quick */
        return -1;
    int number = cxx_regex_group(regex->re2, name.n ? name.p : "", name.n);
    if (number == -2)
        atomic_store(&((struct regex *)regex)->out_of_memory, true);
    return number < 0 ? -1 : number;
}

size_t regex_literals(const struct regex *regex)
{
    return regex->re2 || regex->quick.kind != QUICK_LITERALS ? 0 : regex->quick.nliterals;
}

struct str regex_literal(const struct regex *regex, size_t i)
{
    return regex->quick.literal[i];
}

void regex_free(struct regex *regex)
{
    if (!regex)
        return;
    if (regex->re2)
        cxx_regex_free(regex->re2);
    struct arena arena = regex->arena; /* the struct goes with it */
    arena_done(&arena);
}

static enum ampql_code make(const struct ampql_allocator *alc, struct str source,
                            enum regex_dot dot, bool may_be_quick, struct regex **out,
                            struct ampql_error *err)
{
    if (source.n > MAX_SOURCE)
        return fail(err, AMPQL_LIMIT, "a regex of %zu bytes is over the limit of %d", source.n,
                    MAX_SOURCE);
    if (!str_is_utf8(source))
        return refuse(err, "invalid UTF-8", source);

    struct arena arena;
    arena_init(&arena, alc);
    struct regex *regex = arena_new(&arena, struct regex);
    if (!regex)
        return fail_nomem(err, "a regex");
    regex->arena = arena;
    regex->dot = dot;
    bool nomem = false;
    enum ampql_code code = AMPQL_OK;
    if (!may_be_quick || !quick_read(&regex->arena, source, dot, &regex->quick, &nomem))
        code = nomem ? fail_nomem(err, "a regex") : make_re2(regex, source, err);
    if (code != AMPQL_OK) {
        regex_free(regex);
        return code;
    }
    *out = regex;
    return AMPQL_OK;
}

enum ampql_code regex_new(const struct ampql_allocator *alc, struct str source, enum regex_dot dot,
                          struct regex **out, struct ampql_error *err)
{
    return make(alc, source, dot, true, out, err);
}

enum ampql_code regex_new_plain(const struct ampql_allocator *alc, struct str source,
                                enum regex_dot dot, struct regex **out, struct ampql_error *err)
{
    return make(alc, source, dot, false, out, err);
}
