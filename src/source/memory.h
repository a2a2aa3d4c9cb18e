/* A store as a source of samples. */
#ifndef AMPQL_SRC_SOURCE_MEMORY_H
#define AMPQL_SRC_SOURCE_MEMORY_H

#include "source/source.h"
#include "source/store.h"

#include <pthread.h>

struct memory {
    struct ampql_allocator alc;
    pthread_mutex_t sealing; /* the store is sealed by the first run that reads it */
    struct store store;
    bool borrows;
};

/* err  AMPQL_NOMEM */
enum ampql_code memory_new(const struct ampql_allocator *alc, bool last_wins, struct memory **out,
                           struct ampql_error *err);
void memory_free(struct memory *memory);

/* Make it a source, SAMPLES | SORTED | PARALLEL, which owns it; also freed when this fails.
 *   err  AMPQL_NOMEM */
enum ampql_code memory_source(struct memory *memory, bool is_endless, struct ampql_source **out,
                              struct ampql_error *err);

#endif
