/* Counting what is taken, and refusing what is too much. */
#include "base/budget.h"

static void *resize_within(void *payload, void *ptr, size_t old_size, size_t new_size)
{
    struct budget *budget = payload;
    if (new_size > old_size && new_size - old_size > budget->max_bytes - budget->live) {
        budget->is_spent = true;
        return NULL;
    }
    void *p = budget->inner.resize(budget->inner.payload, ptr, old_size, new_size);
    if (p || new_size == 0)
        budget->live += new_size - old_size; /* wraps when it shrinks, to what it should be */
    return p;
}

void budget_init(struct budget *budget, const struct ampql_allocator *inner, size_t max_bytes)
{
    *budget =
        (struct budget){.alc = {resize_within, budget}, .inner = *inner, .max_bytes = max_bytes};
}

enum ampql_code budget_name(const struct budget *budget, enum ampql_code code,
                            struct ampql_error *err)
{
    if (!budget->is_spent || code != AMPQL_NOMEM)
        return code;
    return fail(err, AMPQL_LIMIT, "the run would hold more than %zu bytes at once",
                budget->max_bytes);
}
