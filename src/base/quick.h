/* The regexes that need no regex engine: literals, alternations of literals, and literals with .*
 * or
 * .+ between them, with at most one group. */
#ifndef AMPQL_SRC_BASE_QUICK_H
#define AMPQL_SRC_BASE_QUICK_H

#include "base/arena.h"
#include "base/regex.h"

enum quick_kind {
    QUICK_LITERALS, /* one of some strings */
    QUICK_GAPS      /* text := part[0] gap[0] part[1] gap[1] ... part[ngaps] */
};

enum { QUICK_MAX_GAPS = 8 };

struct quick {
    enum quick_kind kind;
    bool dot_is_all;
    struct str *literal; /* [nliterals], sorted, each once */
    size_t nliterals;
    struct str part[QUICK_MAX_GAPS + 1]; /* only the first and the last may be empty */
    bool at_least_one[QUICK_MAX_GAPS];   /* .+ */
    size_t ngaps;
    bool has_group; /* the text without its skip[0] first and skip[1] last bytes */
    size_t skip[2];
};

/* Read a regex (UTF-8), its strings in the arena. False: it is anything else - also one that does
 * not parse - or *nomem. */
bool quick_read(struct arena *arena, struct str source, enum regex_dot dot, struct quick *out,
                bool *nomem);

/* Does the whole of text match? */
bool quick_match(const struct quick *quick, struct str text);

#endif
