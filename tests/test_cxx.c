/* C++ that runs out of memory: operator new is replaced here, with one that has a budget and one
 * whose n-th call fails. RE2 is then either not started (AMPQL_NOMEM) or says so of a match
 * (regex_failed), and the next regex works. */
#include "base/regex.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

static size_t ncalls, failing_call;              /* 0: never */
static size_t live_bytes, peak_bytes, max_bytes; /* max 0: any number */
static size_t asked_bytes;                       /* in advance */

/* libstdc++'s own way to throw std::bad_alloc. */
void throw_bad_alloc(void) __asm__("_ZSt17__throw_bad_allocv");

/* Seen by libre2.so too, in the place of libstdc++'s. */
#define IN_PLACE_OF(symbol) __asm__(symbol) __attribute__((visibility("default")))
void *new_one(size_t size) IN_PLACE_OF("_Znwm");
void *new_or_null(size_t size, const void *nothrow) IN_PLACE_OF("_ZnwmRKSt9nothrow_t");
void *new_array(size_t size) IN_PLACE_OF("_Znam");
void delete_one(void *p) IN_PLACE_OF("_ZdlPv");
void delete_sized(void *p, size_t size) IN_PLACE_OF("_ZdlPvm");
void delete_array(void *p) IN_PLACE_OF("_ZdaPv");
void delete_array_sized(void *p, size_t size) IN_PLACE_OF("_ZdaPvm");

enum { FRONT = 16 }; /* holds the size */

static bool has_room(size_t size)
{
    return !max_bytes || size <= max_bytes - live_bytes;
}

static void *take(size_t size)
{
    char *p = malloc(FRONT + size);
    if (!p)
        abort();
    memcpy(p, &size, sizeof size);
    live_bytes += size;
    return p + FRONT;
}

void *new_one(size_t size)
{
    if (++ncalls == failing_call || !has_room(size))
        throw_bad_alloc();
    void *p = take(size);
    if (live_bytes > peak_bytes)
        peak_bytes = live_bytes;
    return p;
}

void *new_or_null(size_t size, const void *nothrow)
{
    (void)nothrow;
    asked_bytes = size;
    return has_room(size) ? take(size) : NULL;
}

void *new_array(size_t size)
{
    return new_one(size);
}

void delete_one(void *p)
{
    size_t size;
    if (!p)
        return;
    memcpy(&size, (char *)p - FRONT, sizeof size);
    live_bytes -= size;
    free((char *)p - FRONT);
}

void delete_sized(void *p, size_t size)
{
    (void)size;
    delete_one(p);
}

void delete_array(void *p)
{
    delete_one(p);
}

void delete_array_sized(void *p, size_t size)
{
    (void)size;
    delete_one(p);
}

static const struct row {
    const char *source;
    struct str text;
    bool is_match;
} rows[] = {
    {"[a-f]+(x|y)*", {"abcxyx", 6}, true},
    {"(?P<n>[^:]+):(\\d+)()()()()()()()()()()()()()()()", {"host:9090", 9}, true},
    {"(?i)k\xc3\xa9.*|[[:alpha:]]{3}", {"12", 2}, false},
    {"(x+x+)+y|([a-z]{2,40}-)*[0-9]{1,30}", {"ab-cde-123", 10}, true},
    {"\\pL{90}|(a{100}b{9}){10}", {"a", 1}, false},
};
enum { NROWS = sizeof rows / sizeof *rows };

static struct regex *compile(const struct row *row)
{
    struct regex *regex = NULL;
    struct ampql_error err = {0};
    enum ampql_code code =
        regex_new_plain(&alloc_default, str_of(row->source), REGEX_DOT_ALL, &regex, &err);
    if (code != AMPQL_OK) {
        assert_int_equal(code, AMPQL_NOMEM);
        assert_int_equal(err.code, AMPQL_NOMEM);
    }
    return regex;
}

/* Ask all that can be asked; returns false when memory ran out and that was said. */
static bool ask(const struct regex *regex, const struct row *row)
{
    struct str groups[20];
    bool said = regex_match_groups(regex, row->text, groups, 1 + regex_ngroups(regex));
    bool again = regex_match(regex, row->text);
    int group = regex_group(regex, STR("name_longer_than_a_small_string"), 0);
    if (regex_failed(regex))
        return false;
    assert_int_equal(said, row->is_match);
    assert_int_equal(again, row->is_match);
    assert_int_equal(group, -1);
    return true;
}

/* RE2 makes some tables at first use, which stay. */
static void warm_up(void)
{
    for (size_t i = 0; i < NROWS; i++) {
        struct regex *regex = compile(&rows[i]);
        assert_non_null(regex);
        assert_true(ask(regex, &rows[i]));
        regex_free(regex);
    }
}

static void test_budget(void **state)
{
    (void)state;
    for (size_t i = 0; i < NROWS; i++) {
        bool was_refused = false, was_made = false;
        for (size_t budget = 1 << 10; budget <= 64 << 20; budget += budget / 5) {
            size_t before = live_bytes;
            max_bytes = live_bytes + budget;
            struct regex *regex = compile(&rows[i]);
            max_bytes = 0;
            if (regex)
                assert_true(ask(regex, &rows[i]));
            was_refused |= !regex;
            was_made |= regex != NULL;
            regex_free(regex);
            assert_int_equal(live_bytes, before);
        }
        assert_true(was_refused && was_made);
    }
}

static void check_room(struct str source)
{
    struct regex *regex = NULL;
    size_t before = live_bytes;
    peak_bytes = live_bytes;
    asked_bytes = 0;
    enum ampql_code code = regex_new_plain(&alloc_default, source, REGEX_DOT_ALL, &regex, NULL);
    assert_true(code == AMPQL_OK || code == AMPQL_LIMIT);
    if (peak_bytes - before > asked_bytes)
        fail_msg("%.*s took %zu bytes, %zu were asked for", 40, source.p, peak_bytes - before,
                 asked_bytes);
    regex_free(regex);
}

/* What is asked for in advance is enough for the patterns that take most: a piece, again and again.
 */
static void test_room(void **state)
{
    (void)state;
    enum { MAX = 16384 };
    static const char *const pieces[] = {
        "a",
        ".",
        "k|",
        "[^a]",
        "\\pL",
        "\\PL",
        "[\\pL\\pN]",
        "x{1000}",
        "\\pL{100}",
        "(a|b)*",
        "(?i:k\xc3\xa9)",
        "\\W",
        "(?:\\pL|a){30}",
        "[^\\pL]",
        "(a{9}){9}",
        "[\xc3\xa9-\xe2\x82\xac]",
        "()",
        "(?P<n>a)",
        "[[:^alpha:]]",
        "a?",
        "\\D+",
    };
    static const size_t counts[] = {1, 10, 100, MAX};
    static char source[MAX];
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        size_t length = strlen(pieces[i]);
        for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
            size_t n = 0;
            for (size_t c = 0; c < counts[k] && n + length <= MAX; c++, n += length)
                memcpy(source + n, pieces[i], length);
            check_room(str_make(source, n));
        }
    }
}

/* Without a leak checker: RE2 loses a part of its automaton when it cannot make the rest. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

static void test_match_fails(void **state)
{
    (void)state;
    size_t nfailed = 0;
    if (__lsan_disable)
        __lsan_disable();
    for (size_t i = 0; i < NROWS; i++) {
        for (size_t n = 1;; n++) {
            struct regex *regex = compile(&rows[i]);
            ncalls = 0;
            failing_call = n;
            bool ok = ask(regex, &rows[i]), has_failed = ncalls >= n;
            failing_call = 0;
            assert_true(ok == !has_failed);
            regex_free(regex);
            if (!has_failed)
                break;
            nfailed++;
        }
    }
    if (__lsan_enable)
        __lsan_enable();
    assert_true(nfailed > 10); /* operator new is really ours */
    warm_up();
}

static int set_up(void **state)
{
    (void)state;
    warm_up();
    return 0;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup(test_budget, set_up),
    cmocka_unit_test_setup(test_room, set_up),
    cmocka_unit_test_setup(test_match_fails, set_up),
};
TEST_MAIN(tests)
