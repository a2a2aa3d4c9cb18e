/* Label regexes: RE2 behind a C face, with fast paths for what people write.
 *
 * A label regex is anchored at both ends: prom3 wraps it as ^(?s:RE)$, prom2 as ^(?:RE)$ (there `.`
 * does not match a line feed). Literals, alternations of literals, "lit.*", ".*lit", ".*lit.*",
 * ".*", ".+" never reach RE2. */
#ifndef AMPQL_SRC_BASE_REGEX_H
#define AMPQL_SRC_BASE_REGEX_H

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"

enum { REGEX_MAX_BYTES = 16 * 1024 };

enum regex_dot { REGEX_DOT_ALL, REGEX_DOT_NO_NEWLINE };

struct regex;

/* Compile; free with regex_free.
 *   err  AMPQL_PARSE "error parsing regexp: ..." in Go's words; AMPQL_LIMIT: over 16 KiB or RE2's
 * program limit; AMPQL_NOMEM */
enum ampql_code regex_new(const struct ampql_allocator *alc, struct str source, enum regex_dot dot,
                          struct regex **out, struct ampql_error *err);
void regex_free(struct regex *regex);

/* Take from its allocator what RE2 may come to hold for it, so that a budget counts that; it is
 * given back with the regex. False when memory is out. */
bool regex_count(struct regex *regex);

/* The same without the fast paths: tests compare the two. */
enum ampql_code regex_new_plain(const struct ampql_allocator *alc, struct str source,
                                enum regex_dot dot, struct regex **out, struct ampql_error *err);

/* Does the whole of text match? Any bytes; invalid UTF-8 reads as U+FFFD. */
bool regex_match(const struct regex *regex, struct str text);

/* Has memory run out inside a match? Such a match said no, so whoever uses the answers asks this
 * once at the end, and fails with AMPQL_NOMEM. */
bool regex_failed(const struct regex *regex);

/* Match the whole of text and give the capture groups: group 0 is the text, an unset group is empty
 * with p NULL. groups  [ngroups]; ngroups <= 1 + regex_ngroups */
bool regex_match_groups(const struct regex *regex, struct str text, struct str *groups,
                        size_t ngroups);

/* Number of capture groups without group 0; the number of the first group of that name whose number
 * is over `after`, or -1. */
size_t regex_ngroups(const struct regex *regex);
int regex_group(const struct regex *regex, struct str name, int after);

/* When the regex is a plain alternation of literals: their number, and each of them. 0 when it is
 * anything else. Lets a source look values up instead of scanning. */
size_t regex_literals(const struct regex *regex);
struct str regex_literal(const struct regex *regex, size_t i);

#endif
