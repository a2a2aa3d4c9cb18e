/* Bytes as ASCII, whatever the locale. */
#ifndef AMPQL_SRC_BASE_ASCII_H
#define AMPQL_SRC_BASE_ASCII_H

#include <stdbool.h>

/* c: a byte, or less than 0 for the end of a text. */
static inline bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_ascii_letter(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

#endif
