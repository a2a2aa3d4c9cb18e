/* XXH3 with a seed chosen once a process, so that nobody can prepare colliding labels. Results
 * never depend on it. */
#ifndef AMPQL_SRC_BASE_HASH_H
#define AMPQL_SRC_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* The seed: environment-free, from the address space's layout and the monotonic clock; fixed at
 * first use. */
uint64_t hash_seed(void);

uint64_t hash_bytes(const void *p, size_t n);

#endif
