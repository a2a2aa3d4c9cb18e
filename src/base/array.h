/* Typed growable arrays, in an arena or on the allocator.
 *
 *   struct { ARRAY(struct token); } tokens = {0};
 *   if (!array_push(&tokens, arena, token)) ...no memory...
 *   for (size_t i = 0; i < tokens.n; i++) use(tokens.at[i]);
 *
 * In an arena an outgrown array is left behind, which costs at most as much again as the array. */
#ifndef AMPQL_SRC_BASE_ARRAY_H
#define AMPQL_SRC_BASE_ARRAY_H

#include "base/arena.h"

/* The members of an array: at [n], room for cap. */
#define ARRAY(type)                                                                                \
    type *at;                                                                                      \
    size_t n, cap

/* Append value; false when memory is out, and the array is as before. */
#define array_push(array, arena, ...)                                                              \
    (((array)->n < (array)->cap ||                                                                 \
      array_grow_arena((arena), &(array)->at, (array)->n, &(array)->cap, sizeof *(array)->at)) &&  \
     (((array)->at[(array)->n++] = (__VA_ARGS__)), true))

/* The same for an array that lives on an allocator; free it with array_done. */
#define array_add(array, alc, ...)                                                                 \
    (((array)->n < (array)->cap ||                                                                 \
      array_grow((alc), &(array)->at, &(array)->cap, sizeof *(array)->at)) &&                      \
     (((array)->at[(array)->n++] = (__VA_ARGS__)), true))

#define array_done(array, alc)                                                                     \
    (alloc_put((alc), (array)->at, (array)->cap, sizeof *(array)->at), (array)->at = NULL,         \
     (array)->n = (array)->cap = 0)

/* Room for one more: at_pointer is the address of the array's `at`. */
bool array_grow_arena(struct arena *arena, void *at_pointer, size_t n, size_t *cap, size_t size);
bool array_grow(const struct ampql_allocator *alc, void *at_pointer, size_t *cap, size_t size);

#endif
