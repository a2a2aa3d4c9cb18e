/* Do two syntax trees mean the same? */
#ifndef AMPQL_TESTS_AST_EQUAL_H
#define AMPQL_TESTS_AST_EQUAL_H

#include "lang/ast.h"

/* All but spans is compared; numbers by their bits, matchers in any order. */
bool ast_equal(const struct ast *a, const struct ast *b);

#endif
