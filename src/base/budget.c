/* Counting what is taken, and refusing what is too much. */
#include "base/budget.h"

/* Not by adding first and looking then: others would be refused for what is never taken. */
static bool reserve(struct budget *budget, size_t bytes)
{
    size_t live = atomic_load(&budget->live);
    do {
        if (bytes > budget->max_bytes - live)
            return false;
    } while (!atomic_compare_exchange_weak(&budget->live, &live, live + bytes));
    return true;
}

static void *resize_within(void *payload, void *ptr, size_t old_size, size_t new_size)
{
    struct budget *budget = payload;
    size_t more = new_size > old_size ? new_size : 0;
    if (!reserve(budget, more)) {
        atomic_store(&budget->is_spent, true);
        return NULL;
    }
    void *p = budget->inner.resize(budget->inner.payload, ptr, old_size, new_size);
    size_t less = !p && new_size ? more : old_size + more - new_size;
    atomic_fetch_sub(&budget->live, less);
    return p;
}

void budget_init(struct budget *budget, const struct ampql_allocator *inner, size_t max_bytes)
{
    budget->alc = (struct ampql_allocator){resize_within, budget};
    budget->inner = *inner;
    budget->max_bytes = max_bytes;
    atomic_init(&budget->live, 0);
    atomic_init(&budget->is_spent, false);
}

struct budget *budget_of(const struct ampql_allocator *alc)
{
    return alc->resize == resize_within ? alc->payload : NULL;
}

enum ampql_code budget_name(const struct budget *budget, enum ampql_code code,
                            struct ampql_error *err)
{
    if (!atomic_load(&budget->is_spent) || code != AMPQL_NOMEM)
        return code;
    return fail(err, AMPQL_LIMIT, "the run would hold more than %zu bytes at once",
                budget->max_bytes);
}
