/* What the JSON reader says of a document, as text, so that two ways of feeding it can be compared.
 */
#ifndef AMPQL_TESTS_JSON_TOKENS_H
#define AMPQL_TESTS_JSON_TOKENS_H

#include "base/json.h"

/* Feed doc in pieces of sizes [nsizes], again and again (a size of 0 is an empty piece; nsizes 0:
 * all at once), and append one line a token to out: "offset kind text". The last line is "end", or
 * "error CODE message". Returns how the reading ended. */
enum ampql_code json_tokens(const struct ampql_allocator *alc, struct json_limits limits,
                            struct str doc, const uint8_t *sizes, size_t nsizes, struct buf *out);

/* Append to out the document that the tokens of doc spell, without blanks. */
enum ampql_code json_rewrite(const struct ampql_allocator *alc, struct str doc, struct buf *out);

#endif
