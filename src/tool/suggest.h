/* "Did you mean": the known word nearest to a misspelt one. */
#ifndef AMPQL_SRC_TOOL_SUGGEST_H
#define AMPQL_SRC_TOOL_SUGGEST_H

#include "base/str.h"

/* Collects candidates; start from {.word = ...}. */
struct suggest {
    struct str word;
    const char *best; /* NULL while nothing is near enough */
    size_t distance;
};

/* Consider one candidate: near enough is at most 2 typing slips (1 for words under 5 letters), or
 * the word being its beginning. */
void suggest_try(struct suggest *suggest, const char *candidate);

#endif
