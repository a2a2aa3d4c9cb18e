/* Tokens for values: made with a key, each once. */
#ifndef AMPQL_SRC_TOOL_REDACT_TOKENS_H
#define AMPQL_SRC_TOOL_REDACT_TOKENS_H

#include "source/redaction.h"
#include "tool/redact.h"

struct tokens;

/* Read the key, and what stays. The key is wiped when they are freed.
 *   options  must stay as long as the tokens
 *   err      AMPQL_NOT_FOUND: the key file; AMPQL_BAD_DATA: too short or too long; AMPQL_NOMEM */
enum ampql_code tokens_new(const struct ampql_allocator *alc, const struct redact_options *options,
                           struct tokens **out, struct ampql_error *err);
void tokens_free(struct tokens *tokens);

/* What stays, as a capture keeps it; as long as the tokens. */
const struct redaction *tokens_redaction(const struct tokens *tokens);

/* Where order is kept: all values must be seen first, then ranked once.
 *   err  AMPQL_NOMEM; AMPQL_LIMIT: over 2^31 values */
enum ampql_code tokens_see(struct tokens *tokens, struct str value, struct ampql_error *err);
enum ampql_code tokens_rank(struct tokens *tokens, struct ampql_error *err);

/* The token of a value, or the value itself when it stays; as long as the tokens. The second also
 * asks whether the label's values stay.
 *   err  AMPQL_BAD_DATA: another value has that token; AMPQL_NOMEM */
enum ampql_code tokens_of(struct tokens *tokens, struct str value, struct str *out,
                          struct ampql_error *err);
enum ampql_code tokens_of_label(struct tokens *tokens, struct str label, struct str value,
                                struct str *out, struct ampql_error *err);

/* How many values have tokens. */
size_t tokens_count(const struct tokens *tokens);

/* Write "token,value" lines, in order of the values.
 *   err  of new_file_open and new_file_finish */
enum ampql_code tokens_write_map(struct tokens *tokens, const char *path, struct ampql_error *err);

#endif
