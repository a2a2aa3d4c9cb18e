/* Label regexes: by comparing bytes where that is enough (quick.c), all else by RE2. */
#include "base/regex.h"

#include "base/cxx.h"
#include "base/quick.h"
#include "base/regex_syntax.h"
#include "base/utf8.h"

#include <stdatomic.h>

struct regex {
    struct arena arena; /* holds this struct too */
    enum regex_dot dot;
    struct quick quick;
    struct cxx_regex *re2; /* NULL: quick does it */
    void *room;            /* never touched: RE2 takes as much elsewhere */
    atomic_bool out_of_memory;
};

static enum ampql_code refuse(struct ampql_error *err, const char *reason, struct str fragment)
{
    char quoted[320];
    return fail(err, AMPQL_PARSE, "error parsing regexp: %s: %s", reason,
                quote_clipped_raw(quoted, sizeof quoted, fragment));
}

/* What Go refuses and RE2 would not has been cut off: only what RE2 refuses before that counts, and
 * that a group is open there says nothing. */
static enum ampql_code compile(struct regex *regex, struct str source, struct cxx_regex **out,
                               struct ampql_error *err)
{
    bool is_newer = regex->dot == REGEX_DOT_ALL;
    struct regex_syntax syntax;
    struct cxx_refusal why = {0};
    TRY(regex_translate(&regex->arena, source, is_newer, &syntax, err));
    enum ampql_code code = cxx_regex_new(syntax.re2.p, syntax.re2.n, is_newer, out, &why);
    if (code == AMPQL_NOMEM)
        return fail_nomem(err, "a regex");
    if (syntax.reason && (code == AMPQL_OK || why.is_unclosed))
        return refuse(err, syntax.reason, syntax.fragment);
    if (code != AMPQL_OK) {
        refuse(err, why.reason, why.is_whole ? source : str_make(why.fragment, why.nfragment));
        if (why.is_too_large) {
            code = AMPQL_LIMIT;
            if (err)
                err->code = code;
        }
    }
    return code;
}

static bool wrap(struct arena *arena, struct str source, struct str *out)
{
    const struct str before = STR("^(?:"), after = STR(")$");
    char *p = arena_alloc(arena, before.n + source.n + after.n, 1);
    if (!p)
        return false;
    memcpy(p, before.p, before.n);
    if (source.n)
        memcpy(p + before.n, source.p, source.n);
    memcpy(p + before.n + source.n, after.p, after.n);
    *out = str_make(p, before.n + source.n + after.n);
    return true;
}

/* Prometheus 2 compiles the wrapped form and then the bare one, so that most is refused in words
 * about the former. What it refuses when the latter is good quotes its end away. */
static enum ampql_code make_re2(struct regex *regex, struct str source, struct ampql_error *err)
{
    struct str wrapped;
    struct cxx_regex *re2 = NULL;
    enum ampql_code code = compile(regex, source, &regex->re2, err);
    bool is_good = code == AMPQL_OK && !memmem(source.p, source.n, "\\Q", 2);
    if (regex->dot == REGEX_DOT_ALL || code == AMPQL_NOMEM || is_good)
        return code;
    if (!wrap(&regex->arena, source, &wrapped))
        return fail_nomem(err, "a regex");
    enum ampql_code wrapped_code = compile(regex, wrapped, &re2, err);
    if (re2)
        cxx_regex_free(re2);
    return wrapped_code != AMPQL_OK ? wrapped_code : code;
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

int regex_group(const struct regex *regex, struct str name, int after)
{
    /* a named group is not quick */
    return regex->re2 ? cxx_regex_group(regex->re2, name.n ? name.p : "", name.n, after) : -1;
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
    alloc_put(regex->arena.alc, regex->room, CXX_REGEX_BYTES, 1);
    struct arena arena = regex->arena; /* the struct goes with it */
    arena_done(&arena);
}

bool regex_count(struct regex *regex)
{
    if (regex->re2 && !regex->room)
        regex->room = alloc_get(regex->arena.alc, CXX_REGEX_BYTES, 1);
    return !regex->re2 || regex->room;
}

static enum ampql_code make(const struct ampql_allocator *alc, struct str source,
                            enum regex_dot dot, bool may_be_quick, struct regex **out,
                            struct ampql_error *err)
{
    if (source.n > REGEX_MAX_BYTES)
        return fail(err, AMPQL_LIMIT, "a regex of %zu bytes is over the limit of %d", source.n,
                    REGEX_MAX_BYTES);
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
