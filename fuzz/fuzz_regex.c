/* PATTERN NUL TEXT: the fast paths and RE2 refuse the same patterns with the same words, and agree
 * on every match and group, in both meanings of `.`; what a regex calls its literals are what it
 * matches.
 */
#include "base/regex.h"

#include <stdlib.h>

enum { MAX_GROUPS = 40 };

static void require(bool claim)
{
    if (!claim)
        abort();
}

static void compare_match(const struct regex *quick, const struct regex *plain, struct str text)
{
    struct str a[MAX_GROUPS], b[MAX_GROUPS];
    size_t n = 1 + regex_ngroups(plain);
    bool is_match = regex_match(plain, text);
    require(regex_match(quick, text) == is_match);
    if (n > MAX_GROUPS)
        n = MAX_GROUPS;
    require(regex_match_groups(plain, text, b, n) == is_match);
    require(regex_match_groups(quick, text, a, n) == is_match);
    for (size_t i = 0; is_match && i < n; i++) {
        require((a[i].p == NULL) == (b[i].p == NULL) && a[i].n == b[i].n);
        require(a[i].p == NULL || a[i].n == 0 || a[i].p == b[i].p);
        require(a[i].p == NULL || (a[i].p >= text.p && a[i].p + a[i].n <= text.p + text.n));
    }
    require(!regex_failed(quick) && !regex_failed(plain));
}

static void compare(struct str source, enum regex_dot dot, struct str text)
{
    struct regex *quick = NULL, *plain = NULL;
    struct ampql_error quick_err = {0}, plain_err = {0};
    enum ampql_code code = regex_new_plain(&alloc_default, source, dot, &plain, &plain_err);
    require(regex_new(&alloc_default, source, dot, &quick, &quick_err) == code);
    if (code != AMPQL_OK) {
        require(strcmp(quick_err.message, plain_err.message) == 0 && plain_err.message[0]);
        return;
    }
    require(regex_ngroups(quick) == regex_ngroups(plain));
    compare_match(quick, plain, text);
    compare_match(quick, plain, STR(""));
    compare_match(quick, plain, source);
    for (size_t i = 0; i < regex_literals(quick); i++) {
        struct str literal = regex_literal(quick, i);
        compare_match(quick, plain, literal);
        require(regex_match(plain, literal));
    }
    bool is_literal = false;
    for (size_t i = 0; i < regex_literals(quick); i++)
        is_literal |= str_equal(regex_literal(quick, i), text);
    if (regex_literals(quick))
        require(regex_match(plain, text) == is_literal);
    regex_free(quick);
    regex_free(plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 4096)
        return 0;
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    size_t n = nul ? (size_t)(nul - data) : size;
    struct str source = {n ? (const char *)data : "", n};
    struct str text = nul ? str_make((const char *)nul + 1, size - n - 1) : STR("");
    compare(source, REGEX_DOT_ALL, text);
    compare(source, REGEX_DOT_NO_NEWLINE, text);
    return 0;
}
