/* Options structs of callers. Their first member is their size, so that a program built against
 * older headers works with a newer library: what its struct lacks is zero. Size 0 is a struct whose
 * size was not filled in; it is taken as it was in version 0.1, so that nothing in it is ignored.
 */
#ifndef AMPQL_SRC_BASE_OPTIONS_H
#define AMPQL_SRC_BASE_OPTIONS_H

#include <stddef.h>
#include <string.h>

static inline void options_copy(void *to, size_t to_size, const void *from, size_t from_size)
{
    memset(to, 0, to_size);
    if (from)
        memcpy(to, from, from_size && from_size < to_size ? from_size : to_size);
}

/* Fill the struct `to` from a pointer that may be NULL. */
#define OPTIONS_READ(to, from) options_copy(&(to), sizeof(to), (from), (from) ? (from)->size : 0)

#endif
