/* Label matchers: comparing ids for = and !=, and one regex answer per distinct value for the rest.
 */
#include "series/matcher.h"

#include "base/hash.h"

enum { NOT_ASKED, SAID_NO, SAID_YES };
enum { FIRST_MEMO = 64 };

const char *match_op_text(enum match_op op)
{
    switch (op) {
    case MATCH_EQUAL:
        return "=";
    case MATCH_NOT_EQUAL:
        return "!=";
    case MATCH_REGEX:
        return "=~";
    case MATCH_NOT_REGEX:
        return "!~";
    }
    return "";
}

static bool has_matcher(struct matchers matchers, const struct matcher *m)
{
    for (size_t i = 0; i < matchers.n; i++)
        if (matchers.at[i].op == m->op && str_equal(matchers.at[i].name, m->name) &&
            str_equal(matchers.at[i].value, m->value))
            return true;
    return false;
}

/* They are ANDed, so that one written twice says no more than once. */
bool matchers_equal(struct matchers a, struct matchers b)
{
    for (size_t i = 0; i < a.n; i++)
        if (!has_matcher(b, &a.at[i]))
            return false;
    for (size_t i = 0; i < b.n; i++)
        if (!has_matcher(a, &b.at[i]))
            return false;
    return true;
}

/* Neither order nor repetition shows: each matcher sets its bits. */
uint64_t matchers_hash(struct matchers matchers)
{
    enum { BITS_EACH = 4 };
    uint64_t bits = 0;
    for (size_t i = 0; i < matchers.n; i++) {
        const struct matcher *m = &matchers.at[i];
        const uint64_t parts[] = {hash_bytes(m->name.p, m->name.n), m->op,
                                  hash_bytes(m->value.p, m->value.n)};
        uint64_t hash = hash_bytes(parts, sizeof parts);
        for (size_t k = 0; k < BITS_EACH; k++)
            bits |= UINT64_C(1) << (hash >> 6 * k & 63);
    }
    return hash_bytes(&bits, sizeof bits);
}

static bool is_regex(enum match_op op)
{
    return op == MATCH_REGEX || op == MATCH_NOT_REGEX;
}

/* With `grows` NULL a string that no series has stays SYMBOL_NONE, which no label has. */
static symbol bind_text(const struct symbols *symbols, struct symbols *grows, struct str text)
{
    return grows ? symbols_intern(grows, text) : symbols_find(symbols, text);
}

static enum ampql_code bind(struct matchers matchers, const struct symbols *symbols,
                            struct symbols *grows, enum ampql_dialect dialect, struct arena *arena,
                            struct bound_matchers *out, struct ampql_error *err)
{
    enum regex_dot dot = dialect == AMPQL_PROM2 ? REGEX_DOT_NO_NEWLINE : REGEX_DOT_ALL;
    *out = (struct bound_matchers){0};
    out->at = arena_zeroed(arena, matchers.n, sizeof *out->at);
    if (!out->at)
        return fail_nomem(err, "matchers");
    for (size_t i = 0; i < matchers.n; i++) {
        const struct matcher *m = &matchers.at[i];
        struct bound_matcher *bound = &out->at[i];
        out->n = i + 1; /* so that matchers_unbind sees its regex */
        bound->op = m->op;
        bound->name = bind_text(symbols, grows, m->name);
        if (grows && bound->name == SYMBOL_NONE)
            return fail_nomem(err, "a matcher's label name");
        if (is_regex(m->op)) {
            TRY(regex_new(symbols->text.alc, m->value, dot, &bound->regex, err));
            if (grows && !regex_count(bound->regex))
                return fail_nomem(err, "a regex");
            continue;
        }
        bound->value = bind_text(symbols, grows, m->value);
        if (grows && bound->value == SYMBOL_NONE)
            return fail_nomem(err, "a matcher's value");
    }
    return AMPQL_OK;
}

enum ampql_code matchers_bind(struct matchers matchers, struct symbols *symbols,
                              enum ampql_dialect dialect, struct arena *arena,
                              struct bound_matchers *out, struct ampql_error *err)
{
    return bind(matchers, symbols, symbols, dialect, arena, out, err);
}

enum ampql_code matchers_bind_known(struct matchers matchers, const struct symbols *symbols,
                                    enum ampql_dialect dialect, struct arena *arena,
                                    struct bound_matchers *out, struct ampql_error *err)
{
    return bind(matchers, symbols, NULL, dialect, arena, out, err);
}

void matchers_unbind(struct bound_matchers *matchers)
{
    for (size_t i = 0; i < matchers->n; i++) {
        regex_free(matchers->at[i].regex);
        matchers->at[i].regex = NULL;
    }
    matchers->n = 0;
}

/* The memo's entry for a value, or NULL when there is no room to remember. */
static uint8_t *memo_of(struct bound_matcher *m, symbol value, struct arena *arena)
{
    if (value < m->nmemo)
        return &m->memo[value];
    size_t n = m->nmemo ? m->nmemo : FIRST_MEMO;
    while (n <= value)
        n *= 2;
    uint8_t *memo = arena_zeroed(arena, n, sizeof *memo);
    if (!memo)
        return NULL;
    if (m->nmemo)
        memcpy(memo, m->memo, m->nmemo * sizeof *memo);
    m->memo = memo;
    m->nmemo = n;
    return &m->memo[value];
}

static bool regex_says(struct bound_matcher *m, const struct symbols *symbols, symbol value,
                       struct arena *arena)
{
    uint8_t *memo = memo_of(m, value, arena);
    if (memo && *memo != NOT_ASKED)
        return *memo == SAID_YES;
    bool is_match = regex_match(m->regex, symbols_text(symbols, value));
    if (memo)
        *memo = is_match ? SAID_YES : SAID_NO;
    return is_match;
}

bool matchers_match(struct bound_matchers *matchers, const struct symbols *symbols,
                    struct labels labels, struct arena *arena)
{
    for (size_t i = 0; i < matchers->n; i++) {
        struct bound_matcher *m = &matchers->at[i];
        symbol value = labels_get(labels, m->name);
        bool is_match = is_regex(m->op) ? regex_says(m, symbols, value, arena) : value == m->value;
        if (is_match != (m->op == MATCH_EQUAL || m->op == MATCH_REGEX))
            return false;
    }
    return true;
}

bool matchers_failed(const struct bound_matchers *matchers)
{
    for (size_t i = 0; i < matchers->n; i++)
        if (matchers->at[i].regex && regex_failed(matchers->at[i].regex))
            return true;
    return false;
}
