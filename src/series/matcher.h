/* Label matchers as text: what a selector asks of a series. Bound to ids and compiled regexes at
 * the start of a run. */
#ifndef AMPQL_SRC_SERIES_MATCHER_H
#define AMPQL_SRC_SERIES_MATCHER_H

#include "base/error.h"
#include "base/regex.h"
#include "series/labels.h"

enum match_op {
    MATCH_EQUAL,     /* =  */
    MATCH_NOT_EQUAL, /* != */
    MATCH_REGEX,     /* =~ anchored at both ends */
    MATCH_NOT_REGEX  /* !~ */
};

struct matcher {
    struct str name;
    enum match_op op;
    struct str value; /* the string, or the source of the regex */
};

struct matchers {
    const struct matcher *at; /* [n], ANDed, in the order written */
    size_t n;
};

/* "=", "!=", "=~", "!~" */
const char *match_op_text(enum match_op op);

/* Same matchers, in any order. */
bool matchers_equal(struct matchers a, struct matchers b);

/* The same for equal matchers. */
uint64_t matchers_hash(struct matchers matchers);

/* Matchers bound to the symbols of a run. */
struct bound_matcher {
    symbol name;
    enum match_op op;
    symbol value;        /* of = and != */
    struct regex *regex; /* of =~ and !~ */
    uint8_t *memo;       /* [nmemo] by value id: 0 not asked yet, 1 no, 2 yes */
    size_t nmemo;
};

struct bound_matchers {
    struct bound_matcher *at;
    size_t n;
};

/* Bind in the arena; free the regexes with matchers_unbind, also after a failure.
 *   err  AMPQL_PARSE: a regex does not compile; AMPQL_NOMEM */
enum ampql_code matchers_bind(struct matchers matchers, struct symbols *symbols,
                              enum ampql_dialect dialect, struct arena *arena,
                              struct bound_matchers *out, struct ampql_error *err);

/* The same without adding to the table, which several threads may look at: what it does not know,
 * no series has. Errors as above. */
enum ampql_code matchers_bind_known(struct matchers matchers, const struct symbols *symbols,
                                    enum ampql_dialect dialect, struct arena *arena,
                                    struct bound_matchers *out, struct ampql_error *err);
void matchers_unbind(struct bound_matchers *matchers);

/* Does a series match? An absent label is an empty string. Remembers what a regex said of a value;
 * a memo that cannot grow is done without. */
bool matchers_match(struct bound_matchers *matchers, const struct symbols *symbols,
                    struct labels labels, struct arena *arena);

/* Has memory run out inside a match? Then its answer was no; ask once after the last match, and
 * fail with AMPQL_NOMEM. */
bool matchers_failed(const struct bound_matchers *matchers);

#endif
