/* The memory hook and its default. */
#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

static void *resize_with_malloc(void *payload, void *ptr, size_t old_size, size_t new_size)
{
    (void)payload;
    (void)old_size;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, new_size);
}

const struct ampql_allocator alloc_default = {resize_with_malloc, NULL};

void *alloc_get(const struct ampql_allocator *alc, size_t count, size_t size)
{
    return alloc_resize(alc, NULL, 0, count, size);
}

void *alloc_resize(const struct ampql_allocator *alc, void *ptr, size_t old_count, size_t new_count,
                   size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(new_count, size, &bytes) || bytes == 0 || bytes > PTRDIFF_MAX)
        return NULL;
    return alc->resize(alc->payload, ptr, old_count * size, bytes);
}

void alloc_touched_soon(void *ptr, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    const uintptr_t page = (uintptr_t)2 << 20;
    uintptr_t from = ((uintptr_t)ptr + page - 1) & ~(page - 1),
              to = ((uintptr_t)ptr + bytes) & ~(page - 1);
    if (from < to)
        (void)madvise((void *)from, to - from, MADV_HUGEPAGE);
#else
    (void)ptr;
    (void)bytes;
#endif
}

void alloc_put(const struct ampql_allocator *alc, void *ptr, size_t count, size_t size)
{
    if (ptr)
        alc->resize(alc->payload, ptr, count * size, 0);
}
