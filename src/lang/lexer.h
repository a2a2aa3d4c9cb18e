/* Query text to tokens, one at a time. What a character means depends on where it stands: inside
 * braces there are no keywords, inside brackets words are durations. */
#ifndef AMPQL_SRC_LANG_LEXER_H
#define AMPQL_SRC_LANG_LEXER_H

#include "base/error.h"
#include "lang/token.h"

struct lexer {
    struct str text;
    size_t at;    /* next byte */
    size_t start; /* of the token being read */
    bool is_prom2, has_wide_names;
    size_t parens; /* open ( */
    bool in_braces, in_brackets;
    bool wants_duration; /* just after [ or an operator in brackets */
    bool had_colon;      /* in these brackets */
    bool had_duration;   /* in these brackets */
};

/* has_wide_names: a name without quotes may have letters beyond ASCII, and dots inside; not in
 * prom2.
 */
void lexer_init(struct lexer *lexer, struct str text, enum ampql_dialect dialect,
                bool has_wide_names);

/* The next token; TOKEN_END at the end, again and again.
 *   err  AMPQL_PARSE in Prometheus's words; the span begins at the token being read and goes on to
 *        the end of the text. After an error the lexer must not be asked again. */
enum ampql_code lexer_next(struct lexer *lexer, struct token *out, struct ampql_error *err);

#endif
