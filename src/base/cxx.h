/* The C face of the one C++ file: numbers as text, and RE2. No exception comes out of it.
 *
 * Only number.c and regex.c include this; all others take number.h and regex.h. */
#ifndef AMPQL_SRC_BASE_CXX_H
#define AMPQL_SRC_BASE_CXX_H

#include <ampql/base.h>

#ifdef __cplusplus
extern "C" {
#define AMPQL_NOEXCEPT noexcept
#else
#define AMPQL_NOEXCEPT
#endif

enum cxx_range { CXX_IN_RANGE, CXX_OUT_OF_RANGE };

/* Read a number with no sign and no prefix at p [n], hex digits with a p exponent when is_hex;
 * correctly rounded. Returns the bytes used, 0 when there is no number. *range is CXX_OUT_OF_RANGE
 * when it is too large or too small for a double; *out is then not set. */
size_t cxx_number_parse(const char *p, size_t n, bool is_hex, double *out,
                        enum cxx_range *range) AMPQL_NOEXCEPT;

/* Write the shortest digits of a finite v as "d.ddde-XX" to out [32]; returns the length. */
size_t cxx_number_format(double v, char *out) AMPQL_NOEXCEPT;

/* The same as "ddd.ddd", for v in [1e-6, 1e15). */
size_t cxx_number_format_fixed(double v, char *out) AMPQL_NOEXCEPT;

struct cxx_regex;

enum { CXX_REGEX_BYTES = 2 << 20 }; /* that one may come to hold: program and states */

enum { CXX_FRAGMENT_MAX = 160 };

/* Why a regex was refused, in the words of Go's regexp/syntax. */
struct cxx_refusal {
    const char *reason;              /* a static string */
    bool is_whole;                   /* the whole pattern is to be quoted, not the fragment */
    bool is_too_large;               /* over the program limit */
    bool is_unclosed;                /* it ends inside a group */
    char fragment[CXX_FRAGMENT_MAX]; /* [nfragment], clipped */
    size_t nfragment;
};

/* AMPQL_OK, AMPQL_PARSE with *why filled, or AMPQL_NOMEM. pattern is UTF-8. */
enum ampql_code cxx_regex_new(const char *pattern, size_t n, bool dot_is_all,
                              struct cxx_regex **out, struct cxx_refusal *why) AMPQL_NOEXCEPT;
void cxx_regex_free(struct cxx_regex *regex) AMPQL_NOEXCEPT;

/* Match the whole of text (UTF-8, p not NULL) and give groups [ngroups], an unset one with data
 * NULL. 1, 0, or -1 when memory is out. */
int cxx_regex_match(const struct cxx_regex *regex, const char *p, size_t n,
                    struct ampql_string *groups, size_t ngroups) AMPQL_NOEXCEPT;

size_t cxx_regex_ngroups(const struct cxx_regex *regex) AMPQL_NOEXCEPT;

/* The number of the first group of that name whose number is over `after`, or -1. */
int cxx_regex_group(const struct cxx_regex *regex, const char *name, size_t n,
                    int after) AMPQL_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
