/* Long work asks from time to time whether it may go on: has the caller canceled, is the deadline
 * past? */
#ifndef AMPQL_SRC_EVAL_POLL_H
#define AMPQL_SRC_EVAL_POLL_H

#include "base/error.h"

/* Work is counted in values that are looked at, a few nanoseconds each, or a hundred where each is
 * a power: so it is asked every few milliseconds at most. */
enum { POLL_AFTER = 1 << 16 };

struct poll {
    /* err  AMPQL_CANCELED, AMPQL_TIMEOUT. NULL: nothing stops it */
    enum ampql_code (*check)(const void *payload, struct ampql_error *err);
    const void *payload;
    uint64_t work; /* since it was asked */
};

enum ampql_code poll_check(struct poll *poll, struct ampql_error *err);

/* So much work is about to be done. */
static inline enum ampql_code poll_work(struct poll *poll, uint64_t work, struct ampql_error *err)
{
    poll->work += work;
    return poll->work < POLL_AFTER ? AMPQL_OK : poll_check(poll, err);
}

#endif
