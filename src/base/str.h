/* String views: bytes somewhere else, with a length. Input data may hold NUL, so nothing here looks
 * for one. */
#ifndef AMPQL_SRC_BASE_STR_H
#define AMPQL_SRC_BASE_STR_H

#include <ampql/base.h>

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct str {
    const char *p;
    size_t n;
};

/* A literal as a view: STR("offset"). */
#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
/* For printf's "%.*s". */
#define STR_ARGS(s) (int)(s).n, (s).p

static inline struct str str_make(const char *p, size_t n)
{
    return (struct str){p, n};
}

static inline struct str str_view(struct ampql_string s)
{
    return str_make(s.data, s.size);
}

/* A NUL-terminated string of our own (never input data) as a view. */
static inline struct str str_of(const char *text)
{
    return (struct str){text, strlen(text)};
}

static inline bool str_equal(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Equal but for the case of ASCII letters, whatever the locale? */
bool str_equal_fold(struct str a, struct str b);

/* Bytewise order, a prefix before the longer string: <0, 0, >0. */
static inline int str_compare(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.p, b.p, n) : 0;
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

static inline bool str_has_prefix(struct str s, struct str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool str_has_suffix(struct str s, struct str suffix)
{
    return s.n >= suffix.n &&
           (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* s without its first n bytes; n <= s.n. */
static inline struct str str_from(struct str s, size_t n)
{
    return (struct str){s.p + n, s.n - n};
}

/* Is it well-formed UTF-8: no overlong forms, surrogates, or code points past U+10FFFF? */
bool str_is_utf8(struct str s);

#endif
