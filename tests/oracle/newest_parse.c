/* Our parser and printer against the newest Prometheus's: the same expressions are refused, at the
 * same place and in the same words, and the others print alike. */
#include "base/letter.h"
#include "base/utf8.h"
#include "lang/parser.h"
#include "lang/printer.h"
#include "oracle/newest.h"
#include "support/signatures.h"

#include <stdlib.h>

enum { MAX_FILE = 1 << 20, MAX_KINDS = 60, MAX_PREFIX = 40, MAX_EDITS = 3 };

struct tally {
    size_t same, refused, known, different, shown;
    char seen[MAX_KINDS][MAX_PREFIX]; /* how messages begin that were shown */
};

/* What our parser says: the print, or "LINE:COL: parse error: ..." */
static bool parse_ours(struct str text, bool experimental, struct arena *arena, struct buf *out)
{
    struct ast *ast = NULL;
    struct ampql_error err = {0};
    size_t line, column;
    const struct parse_options options = {.find_function = signatures_find,
                                          .experimental = experimental};
    if (parse_expr(text, &options, arena, &ast, &err) == AMPQL_OK) {
        print_expr(out, ast);
        return true;
    }
    if (text.n == 0) { /* the newest has no place in nothing */
        buf_format(out, "unknown position: parse error: %s", err.message);
        return false;
    }
    text_position(text, err.start, &line, &column);
    buf_format(out, "%zu:%zu: parse error: %s", line, column, err.message);
    return false;
}

/* Our print but for signs: the newest prints `Inf ^ 2` as `+Inf ^ 2`, which is another tree, and
 * -0s as 0s. */
static bool same_but_signs(const struct buf *ours, struct str theirs)
{
    size_t k = 0;
    for (size_t i = 0; i < theirs.n; i++) {
        if (theirs.n - i >= 4 && memcmp(theirs.p + i, "+Inf", 4) == 0 &&
            !(ours->n - k >= 4 && memcmp(ours->p + k, "+Inf", 4) == 0))
            continue;
        if (ours->n - k >= 3 && memcmp(ours->p + k, "-0s", 3) == 0 && theirs.p[i] == '0')
            k++;
        if (k == ours->n || ours->p[k++] != theirs.p[i])
            return false;
    }
    return k == ours->n;
}

/* Our words for what is known and refused, or said shorter: operators, ranges below a millisecond,
 * `offset NaN`, long regexes. */
static bool is_unsupported(const struct buf *ours)
{
    static const char *const words[] = {"native histograms", "duration must be greater than 0",
                                        "duration out of range", "...`"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (memmem(ours->p, ours->n, words[i], strlen(words[i])))
            return true;
    return false;
}

/* Not so the newest's print of info(x, {}). */
static bool parses(struct str text, bool experimental)
{
    struct arena arena;
    struct buf out;
    arena_init(&arena, &alloc_default);
    buf_init(&out, &alloc_default, 16 * MAX_FILE);
    bool is_ok = parse_ours(text, experimental, &arena, &out);
    buf_done(&out);
    arena_done(&arena);
    return is_ok;
}

static bool is_first_of_its_kind(struct tally *tally, struct str message)
{
    char start[MAX_PREFIX] = "";
    const char *colon = memchr(message.p, ' ', message.n); /* not the place */
    size_t skip = colon ? (size_t)(colon - message.p) : 0;
    size_t n = message.n - skip;
    memcpy(start, message.p + skip, n < sizeof start - 1 ? n : sizeof start - 1);
    for (size_t i = 0; i < tally->shown; i++)
        if (strcmp(tally->seen[i], start) == 0)
            return false;
    if (tally->shown == MAX_KINDS)
        return false;
    memcpy(tally->seen[tally->shown++], start, sizeof start);
    return true;
}

/* A power behind `offset` that only signs hold together: Prometheus prints it without them, and so
 * as the power of the selector. */
static bool keeps_signs(const struct buf *ours)
{
    return memmem(ours->p, ours->n, " offset +", 9) != NULL;
}

static void compare_as(struct newest *newest, struct str text, bool experimental, bool shows_all,
                       struct tally *tally)
{
    struct arena arena;
    struct buf ours;
    struct newest_answer theirs;
    arena_init(&arena, &alloc_default);
    buf_init(&ours, &alloc_default, 16 * MAX_FILE);
    bool is_ok = parse_ours(text, experimental, &arena, &ours);
    newest_parse(newest, text, experimental, &arena, &theirs);
    struct str said = theirs.code == AMPQL_OK ? theirs.print : theirs.message;
    if (is_ok == (theirs.code == AMPQL_OK) && same_but_signs(&ours, said)) {
        tally->same += is_ok;
        tally->refused += !is_ok;
    } else if ((!is_ok && is_unsupported(&ours)) || (is_ok && keeps_signs(&ours)) ||
               (theirs.code == AMPQL_OK && !parses(said, experimental))) {
        tally->known++;
    } else {
        tally->different++;
        if (shows_all || is_first_of_its_kind(tally, said))
            printf("%s%.*s\n  engine     %.*s\n  prometheus %.*s\n",
                   experimental ? "experimental: " : "", STR_ARGS(text), STR_ARGS(buf_view(&ours)),
                   STR_ARGS(said));
    }
    buf_done(&ours);
    arena_done(&arena);
}

static void compare(struct newest *newest, struct str text, bool shows_all, struct tally *tally)
{
    compare_as(newest, text, false, shows_all, tally);
    compare_as(newest, text, true, shows_all, tally);
}

static int report(const struct tally *tally)
{
    printf("%zu print alike, %zu refused in the same words, %zu known to differ, %zu different\n",
           tally->same, tally->refused, tally->known, tally->different);
    return tally->different > 0;
}

/* ---- files */

static void read_file(const char *path, struct buf *out)
{
    char chunk[4096];
    size_t n;
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(2);
    }
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_bytes(out, chunk, n);
    fclose(f);
}

/* After a backslash: one byte of a C string. */
static const char *c_escape(const char *p, struct buf *out)
{
    static const char letters[] = "abfnrtv", bytes[] = "\a\b\f\n\r\t\v";
    char *end = NULL, hex[3] = "";
    const char *at = strchr(letters, *p);
    if (*p == 'x') {
        memcpy(hex, p + 1, 2);
        buf_byte(out, (char)strtoul(hex, &end, 16));
        return p + 1 + (end - hex);
    }
    if (*p == '0') {
        buf_byte(out, '\0');
        return p + 1;
    }
    buf_byte(out, *p && at ? bytes[at - letters] : *p);
    return p + 1;
}

/* The first string of each row of the tables in a C file, adjacent literals joined. */
static void compare_rows(struct newest *newest, const char *source, struct tally *tally)
{
    for (const char *p = source; (p = strstr(p, "    {\""));) {
        struct buf text;
        buf_init(&text, &alloc_default, MAX_FILE);
        for (p += 5; *p == '"'; p += strspn(p, " \n")) {
            for (p++; *p && *p != '"';) {
                if (*p == '\\')
                    p = c_escape(p + 1, &text);
                else
                    buf_byte(&text, *p++);
            }
            p += *p == '"';
        }
        compare(newest, buf_view(&text), true, tally);
        buf_done(&text);
    }
}

int newest_parse_files(struct newest *newest, char *const *paths, size_t n)
{
    struct tally tally = {0};
    for (size_t i = 0; i < n; i++) {
        struct buf file;
        size_t len = strlen(paths[i]);
        buf_init(&file, &alloc_default, MAX_FILE);
        read_file(paths[i], &file);
        if (len > 2 && strcmp(paths[i] + len - 2, ".c") == 0) {
            buf_byte(&file, '\0');
            compare_rows(newest, file.p, &tally);
        } else if (!file.failed) {
            compare(newest, buf_view(&file), false, &tally);
        }
        buf_done(&file);
    }
    return report(&tally);
}

/* ---- damaged expressions */

/* One piece of text put in, taken out or doubled. */
static void edit(struct gen_bytes *g, struct buf *text)
{
    static const char *const pieces[] = {"(",
                                         ")",
                                         "[",
                                         "]",
                                         "{",
                                         "}",
                                         ",",
                                         ":",
                                         "5m",
                                         "1",
                                         "0x1F",
                                         "@ ",
                                         " offset ",
                                         " by ",
                                         " on ",
                                         "\"a\"",
                                         "=",
                                         "!=",
                                         "=~",
                                         "<",
                                         " bool ",
                                         "-",
                                         "+",
                                         "^",
                                         " and ",
                                         " sum ",
                                         " start()",
                                         " end()",
                                         "step()",
                                         "'",
                                         "`",
                                         "#",
                                         "\n",
                                         "_",
                                         "1e",
                                         ".",
                                         "1_000",
                                         "\\x41",
                                         "\xc3\xa9",
                                         "\xff",
                                         " group_left ",
                                         " ignoring ",
                                         " without ",
                                         " atan2 ",
                                         "range()",
                                         "min_of(1, 2)",
                                         " NaN ",
                                         " anchored ",
                                         " smoothed ",
                                         " fill (1) ",
                                         " fill_left (-2) ",
                                         " fill_right(0x1F) ",
                                         "</",
                                         "!",
                                         "$",
                                         "5m30s",
                                         "1h5",
                                         "rate"};
    struct buf out;
    size_t at = text->n ? (gen_byte(g) << 8 | gen_byte(g)) % (text->n + 1) : 0;
    size_t n = gen_pick(g, 6), rest = text->n - at;
    unsigned kind = gen_pick(g, 4);
    const char *piece = GEN_OF(g, pieces);
    n = n < rest ? n : rest;
    buf_init(&out, &alloc_default, MAX_FILE);
    buf_bytes(&out, text->p, at);
    if (kind < 2)
        buf_text(&out, piece);
    if (kind == 2)
        buf_bytes(&out, text->p + at, n);
    buf_bytes(&out, text->p + at + (kind == 0 ? 0 : n), rest - (kind == 0 ? 0 : n));
    if (kind == 2)
        buf_bytes(&out, text->p + at, n);
    buf_done(text);
    *text = out;
}

int newest_parse_random(struct newest *newest, uint64_t first, size_t count)
{
    struct tally tally = {0};
    struct expr_names names;
    expr_names_of_engine(&names);
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[GEN_CASE_BYTES];
        struct arena arena;
        struct expr_case c;
        struct buf text;
        gen_seed(bytes, sizeof bytes, first + i);
        struct gen_bytes g = {bytes + sizeof bytes - 64, 64}; /* the case needs fewer, mostly */
        arena_init(&arena, &alloc_default);
        buf_init(&text, &alloc_default, MAX_FILE);
        expr_generate(bytes, sizeof bytes, &names, &arena, &c);
        buf_str(&text, c.text);
        for (unsigned k = gen_pick(&g, MAX_EDITS + 1); k > 0; k--)
            edit(&g, &text);
        compare(newest, buf_view(&text), false, &tally);
        buf_done(&text);
        arena_done(&arena);
    }
    return report(&tally);
}

int newest_parse_letters(struct newest *newest)
{
    enum { FIRST = 0x80, LAST = 0x3ffff }; /* no letter is assigned further on */
    size_t ndifferent = 0;
    for (uint32_t rune = FIRST; rune <= LAST; rune++) {
        char name[4];
        struct arena arena;
        struct newest_answer theirs;
        if (rune >= 0xd800 && rune <= 0xdfff) /* surrogates are no characters */
            continue;
        arena_init(&arena, &alloc_default);
        newest_parse(newest, str_make(name, utf8_encode(rune, name)), true, &arena, &theirs);
        if (rune_is_letter(rune) != (theirs.code == AMPQL_OK)) {
            printf("U+%04X is a letter only for one\n", rune);
            ndifferent++;
        }
        arena_done(&arena);
    }
    printf("%d code points, %zu different\n", LAST - FIRST + 1, ndifferent);
    return ndifferent > 0;
}
