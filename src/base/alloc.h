/* Memory through the caller's hook, with sizes as (count, element size), overflow-checked here and
 * nowhere else. */
#ifndef AMPQL_SRC_BASE_ALLOC_H
#define AMPQL_SRC_BASE_ALLOC_H

#include <ampql/base.h>

/* malloc, realloc and free. */
extern const struct ampql_allocator alloc_default;

/* [count] elements of size bytes, not zeroed. NULL when memory is out, count * size overflows or is
 * 0. */
void *alloc_get(const struct ampql_allocator *alc, size_t count, size_t size);

/* Grow or shrink [old_count] elements to [new_count]; NULL leaves ptr as it was. ptr may be NULL
 * when old_count is 0. */
void *alloc_resize(const struct ampql_allocator *alc, void *ptr, size_t old_count, size_t new_count,
                   size_t size);

/* All of [bytes] will be written soon: ask for pages that come by the large piece, which costs a
 * third of what it does page by page. Advice only, and about whole 2 MiB pages inside. */
void alloc_touched_soon(void *ptr, size_t bytes);

/* Free what alloc_get or alloc_resize gave; NULL is fine. */
void alloc_put(const struct ampql_allocator *alc, void *ptr, size_t count, size_t size);

#endif
