/* Which characters are letters, and which digits. */
#ifndef AMPQL_SRC_BASE_LETTER_H
#define AMPQL_SRC_BASE_LETTER_H

#include <stdbool.h>
#include <stdint.h>

/* Is a code point from U+0080 on a letter, as Go's unicode.IsLetter has it: of category L in
 * Unicode 15.0? False below. */
bool rune_is_letter(uint32_t rune);

/* The same of unicode.IsDigit: category Nd. */
bool rune_is_digit(uint32_t rune);

#endif
