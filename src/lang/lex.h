/* What the files of the lexer share: looking at bytes, and making tokens and errors. */
#ifndef AMPQL_SRC_LANG_LEX_H
#define AMPQL_SRC_LANG_LEX_H

#include "base/ascii.h"
#include "lang/lexer.h"

enum { LEX_END = -1 };

static inline bool is_letter(int c)
{
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool is_space(int c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static inline bool is_one_of(int c, const char *set)
{
    return c > 0 && strchr(set, c) != NULL;
}

/* The byte after `ahead` more, LEX_END past the end. */
static inline int peek(const struct lexer *l, size_t ahead)
{
    return ahead < l->text.n - l->at ? (unsigned char)l->text.p[l->at + ahead] : LEX_END;
}

static inline bool accept(struct lexer *l, const char *set)
{
    if (!is_one_of(peek(l, 0), set))
        return false;
    l->at++;
    return true;
}

static inline void accept_run(struct lexer *l, const char *set)
{
    while (accept(l, set))
        ;
}

static inline struct str text_read(const struct lexer *l)
{
    return str_make(l->text.p + l->start, l->at - l->start);
}

/* A token of what has been read; AMPQL_OK. */
enum ampql_code lex_emit(struct lexer *l, struct token *out, enum token_kind kind);

/* An error from the start of the token to the end of the text. */
enum ampql_code lex_fail(const struct lexer *l, struct ampql_error *err, const char *text);

/* "what: "..."", what has been read of the token. */
enum ampql_code lex_fail_read(const struct lexer *l, struct ampql_error *err, const char *what);

/* ---- lex_literal.c */

/* number | duration, at its first digit or point */
enum ampql_code lex_number(struct lexer *l, struct token *out, struct ampql_error *err);

/* Where 2.42 wants a duration: after "[". */
enum ampql_code lex_duration_prom2(struct lexer *l, struct token *out, struct ampql_error *err);

/* string, at its quote */
enum ampql_code lex_string(struct lexer *l, struct token *out, struct ampql_error *err);

#endif
