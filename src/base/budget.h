/* An allocator with a ceiling: what is taken through it and not yet given back is at most
 * max_bytes, and while a block grows it counts twice, as it was and as it will be. */
#ifndef AMPQL_SRC_BASE_BUDGET_H
#define AMPQL_SRC_BASE_BUDGET_H

#include "base/alloc.h"
#include "base/error.h"

#include <stdatomic.h>

struct budget {
    struct ampql_allocator alc; /* to be used; its payload is the budget, which must not move */
    struct ampql_allocator inner;
    size_t max_bytes;
    atomic_size_t live;
    atomic_bool is_spent; /* something was refused: a failure is no lack of memory, but of budget */
};

/* For any number of threads, when inner is. */
void budget_init(struct budget *budget, const struct ampql_allocator *inner, size_t max_bytes);

/* The budget that an allocator is of; NULL: it is none's. */
struct budget *budget_of(const struct ampql_allocator *alc);

/* What to say of a failure: memory that the budget refused was not lacking.
 *   returns  code, or for AMPQL_NOMEM of a budget that is spent AMPQL_LIMIT, and err says so */
enum ampql_code budget_name(const struct budget *budget, enum ampql_code code,
                            struct ampql_error *err);

#endif
