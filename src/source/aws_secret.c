/* Blocks that are wiped when they go. */
#include "source/aws_secret.h"

#include <string.h>

static void *resize(void *payload, void *ptr, size_t old_size, size_t new_size)
{
    const struct ampql_allocator *base = ((struct aws_secret_allocator *)payload)->base;
    void *moved = NULL;
    if (new_size) {
        moved = base->resize(base->payload, NULL, 0, new_size);
        if (!moved)
            return NULL;
        if (old_size)
            memcpy(moved, ptr, old_size < new_size ? old_size : new_size);
    }
    if (old_size) {
        explicit_bzero(ptr, old_size);
        base->resize(base->payload, ptr, old_size, 0);
    }
    return moved;
}

void aws_secret_init(struct aws_secret_allocator *secret, const struct ampql_allocator *base)
{
    *secret = (struct aws_secret_allocator){{resize, secret}, base};
}
