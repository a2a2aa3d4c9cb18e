/* Regexes answered by comparing bytes. Whatever is not read here, wrong or only unusual, is left to
 * RE2; fuzz_regex compares the two. */
#include "base/quick.h"

#include "base/array.h"
#include "base/utf8.h"

#include <stdlib.h>

enum { MAX_EXPANDED = 64 * 1024 };

/* A pattern while it is read. */
struct reader {
    struct str rest; /* of the source */
    struct arena *arena;
    struct {
        ARRAY(struct str);
    } literals; /* the alternatives */
    bool is_grouped, is_capture;
    bool nomem;
};

static bool is_meta(char c)
{
    return c != '\0' && strchr("\\.+*?()|[]{}^$", c) != NULL;
}

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The character that \c stands for, or -1 when it is more than a character. */
static int unescape(char c)
{
    if ((unsigned char)c < 0x80 && !is_alphanumeric(c))
        return c;
    return c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : -1;
}

/* The length of the literal character at the front of s, 0 when there is none; *out is its text. */
static size_t literal_char(struct str s, char *escaped, struct str *out)
{
    if (s.n == 0)
        return 0;
    if (s.p[0] == '\\') {
        int c = s.n > 1 ? unescape(s.p[1]) : -1;
        *escaped = (char)c;
        *out = str_make(escaped, 1);
        return c < 0 ? 0 : 2;
    }
    if (is_meta(s.p[0]) || str_has_prefix(s, UTF8_REPLACEMENT)) /* that matches invalid bytes too */
        return 0;
    *out = str_make(s.p, utf8_length(s.p, s.n));
    return out->n;
}

/* literal := char*. What repeats its last character is left in rest, and found there. */
static struct str read_literal(struct reader *r)
{
    char escaped;
    struct str piece;
    size_t total = 0, used;
    for (struct str rest = r->rest; (used = literal_char(rest, &escaped, &piece));
         rest = str_from(rest, used))
        total += piece.n;
    if (total == 0)
        return str_make("", 0);
    char *p = arena_alloc(r->arena, total, 1);
    if (!p) {
        r->nomem = true;
        return str_make("", 0);
    }
    for (size_t n = 0; n < total; n += piece.n) {
        used = literal_char(r->rest, &escaped, &piece);
        memcpy(p + n, piece.p, piece.n);
        r->rest = str_from(r->rest, used);
    }
    return str_make(p, total);
}

static bool take(struct reader *r, const char *text)
{
    struct str prefix = str_of(text);
    if (!str_has_prefix(r->rest, prefix))
        return false;
    r->rest = str_from(r->rest, prefix.n);
    return true;
}

/* gap := ".*" | ".+", greedy or not: for a match of the whole text it makes no difference unless a
 * group tells, and groups have fixed text around them */
static bool read_gap(struct reader *r, struct quick *out)
{
    bool is_plus = str_has_prefix(r->rest, STR(".+"));
    if (!is_plus && !str_has_prefix(r->rest, STR(".*")))
        return false;
    if (out->ngaps == QUICK_MAX_GAPS)
        return false;
    r->rest = str_from(r->rest, 2);
    take(r, "?");
    out->at_least_one[out->ngaps++] = is_plus;
    return true;
}

static void open_group(struct reader *r)
{
    r->is_grouped = take(r, "(?:");
    if (!r->is_grouped && !str_has_prefix(r->rest, STR("(?")))
        r->is_grouped = r->is_capture = take(r, "(");
}

static struct str join(struct reader *r, struct str a, struct str b)
{
    if (a.n == 0 || b.n == 0)
        return a.n ? a : b;
    char *p = arena_alloc(r->arena, a.n + b.n, 1);
    if (!p) {
        r->nomem = true;
        return a;
    }
    memcpy(p, a.p, a.n);
    memcpy(p + a.n, b.p, b.n);
    return str_make(p, a.n + b.n);
}

/* Put what stands before and after the group round each alternative. */
static bool expand(struct reader *r, struct str before, struct str after)
{
    size_t total = 0;
    for (size_t i = 0; i < r->literals.n; i++) {
        total += before.n + r->literals.at[i].n + after.n;
        if (total > MAX_EXPANDED)
            return false;
        r->literals.at[i] = join(r, join(r, before, r->literals.at[i]), after);
    }
    return !r->nomem;
}

static void set_group(struct quick *out, const struct reader *r, struct str before,
                      struct str after)
{
    out->has_group = r->is_capture;
    out->skip[0] = before.n;
    out->skip[1] = after.n;
}

/* literal ("|" literal)* | before group(literal ("|" literal)*) after; the first literal is read */
static bool read_literals(struct reader *r, struct str before, struct str first, struct quick *out)
{
    struct str after = STR("");
    for (struct str literal = first;; literal = read_literal(r)) {
        if (r->nomem || !array_push(&r->literals, r->arena, literal)) {
            r->nomem = true;
            return false;
        }
        if (!take(r, "|"))
            break;
    }
    if (r->is_grouped) {
        if (!take(r, ")"))
            return false;
        after = read_literal(r);
    }
    if (r->rest.n || r->nomem || !expand(r, before, after))
        return false;
    out->kind = QUICK_LITERALS;
    out->literal = r->literals.at;
    out->nliterals = r->literals.n;
    set_group(out, r, before, after);
    return true;
}

/* before gap (literal gap)* after | before group(gap) after */
static bool read_gaps(struct reader *r, struct str before, struct quick *out)
{
    struct str part;
    out->part[0] = before;
    do {
        if (!read_gap(r, out) || (r->is_grouped && !take(r, ")")))
            return false;
        part = read_literal(r);
        out->part[out->ngaps] = part;
        if (r->nomem || (r->rest.n && (part.n == 0 || r->is_grouped)))
            return false;
    } while (r->rest.n);
    out->kind = QUICK_GAPS;
    set_group(out, r, before, part);
    return true;
}

/* False: the source is neither. */
static bool read_quick(struct reader *r, struct quick *out)
{
    struct str before = read_literal(r), first = before;
    open_group(r);
    if (r->is_grouped)
        first = read_literal(r);
    else
        before = STR("");
    if (!str_has_prefix(r->rest, STR(".")))
        return read_literals(r, before, first, out);
    if (r->is_grouped && first.n)
        return false;
    return read_gaps(r, r->is_grouped ? before : first, out);
}

/* Where `.` is no line feed, a gap ends at the first one; literals between gaps would have to be
 * searched with that in mind. */
static bool has_inner_newline(const struct quick *quick)
{
    for (size_t i = 1; i < quick->ngaps; i++)
        if (memchr(quick->part[i].p, '\n', quick->part[i].n))
            return true;
    return false;
}

static int compare_literals(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static void sort_literals(struct quick *quick)
{
    size_t kept = 0;
    qsort(quick->literal, quick->nliterals, sizeof *quick->literal, compare_literals);
    for (size_t i = 0; i < quick->nliterals; i++)
        if (i == 0 || !str_equal(quick->literal[i], quick->literal[kept - 1]))
            quick->literal[kept++] = quick->literal[i];
    quick->nliterals = kept;
}

bool quick_read(struct arena *arena, struct str source, enum regex_dot dot, struct quick *out,
                bool *nomem)
{
    struct reader r = {.rest = source, .arena = arena};
    *out = (struct quick){.dot_is_all = dot == REGEX_DOT_ALL};
    take(&r, "^"); /* anchored as it is */
    if (r.rest.n && r.rest.p[r.rest.n - 1] == '$' &&
        (r.rest.n == 1 || r.rest.p[r.rest.n - 2] != '\\'))
        r.rest.n--;
    bool is_quick = read_quick(&r, out);
    *nomem = r.nomem;
    if (!is_quick || r.nomem)
        return false;
    if (out->kind == QUICK_LITERALS)
        sort_literals(out);
    return out->kind == QUICK_LITERALS || out->dot_is_all || !has_inner_newline(out);
}

static bool match_literals(const struct quick *quick, struct str text)
{
    size_t low = 0, high = quick->nliterals;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare(quick->literal[middle], text);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* Each literal at its first place after the gap before it: if any placing fits, this one does. */
static bool match_gaps(const struct quick *quick, struct str text)
{
    struct str first = quick->part[0], last = quick->part[quick->ngaps];
    if (text.n < first.n + last.n || !str_has_prefix(text, first) || !str_has_suffix(text, last))
        return false;
    text = str_make(text.p + first.n, text.n - first.n - last.n);
    if (!quick->dot_is_all && text.n && memchr(text.p, '\n', text.n))
        return false;
    for (size_t i = 0;; i++) {
        if (quick->at_least_one[i]) {
            if (text.n == 0)
                return false;
            size_t rune = utf8_length(text.p, text.n);
            text = str_from(text, rune ? rune : 1);
        }
        if (i + 1 == quick->ngaps)
            return true;
        struct str part = quick->part[i + 1];
        const char *found = text.n ? memmem(text.p, text.n, part.p, part.n) : NULL;
        if (!found)
            return false;
        text = str_from(text, (size_t)(found - text.p) + part.n);
    }
}

bool quick_match(const struct quick *quick, struct str text)
{
    return quick->kind == QUICK_LITERALS ? match_literals(quick, text) : match_gaps(quick, text);
}
