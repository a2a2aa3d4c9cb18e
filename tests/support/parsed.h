/* Parsing in tests: an arena, a tree, an error and the text they belong to in one. */
#ifndef AMPQL_TESTS_PARSED_H
#define AMPQL_TESTS_PARSED_H

#include "base/buf.h"
#include "lang/parser.h"

struct parsed {
    struct arena arena;
    struct ast *ast; /* NULL when refused */
    enum ampql_code code;
    struct ampql_error err;
    char text[AMPQL_MESSAGE_MAX + 64]; /* canonical print, or "LINE:COL: message" */
};

/* Parse with the functions of signatures.h; release with parsed_done. */
void parse_text(struct parsed *out, struct str text, const struct parse_options *options);
void parsed_done(struct parsed *parsed);

/* Fail the running test unless the tree's canonical and pretty print parse to the same tree. */
void assert_prints_back(const struct ast *ast, const struct parse_options *options);

#endif
