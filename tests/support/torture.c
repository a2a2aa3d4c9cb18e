/* The allocation-failure harness. Each block remembers its size in front of it, so that a wrong
 * old_size is found. */
#include "support/torture.h"

#include "support/test.h"

#include <stdlib.h>
#include <string.h>

enum { FRONT = 16, LIMIT = 200000 };

static void *resize(void *payload, void *ptr, size_t old_size, size_t new_size)
{
    struct torture *t = payload;
    char *base = ptr ? (char *)ptr - FRONT : NULL;
    size_t held = 0;
    if (base) {
        memcpy(&held, base, sizeof held);
        assert_int_equal(held, old_size);
    } else {
        assert_int_equal(old_size, 0);
    }
    if (new_size == 0) {
        if (base) {
            t->live--;
            t->live_bytes -= held;
            memset(base, 0xdb, FRONT + held); /* so that use after free shows */
        }
        free(base);
        return NULL;
    }
    t->calls++;
    if (t->fail_at && (t->calls == t->fail_at || (t->keep_failing && t->calls > t->fail_at)))
        return NULL;
    char *fresh = malloc(FRONT + new_size); /* always moves */
    if (!fresh)
        abort();
    memset(fresh + FRONT, 0xa5, new_size);
    memcpy(fresh, &new_size, sizeof new_size);
    if (base) {
        memcpy(fresh + FRONT, ptr, held < new_size ? held : new_size);
        memset(base, 0xdb, FRONT + held);
        free(base);
        t->live--;
        t->live_bytes -= held;
    }
    t->live++;
    t->live_bytes += new_size;
    if (t->live_bytes > t->peak_bytes)
        t->peak_bytes = t->live_bytes;
    return fresh + FRONT;
}

void torture_init(struct torture *torture, size_t fail_at)
{
    *torture = (struct torture){.fail_at = fail_at};
    torture->alc = (struct ampql_allocator){resize, torture};
}

static size_t run(bool (*work)(const struct ampql_allocator *alc, void *payload), void *payload,
                  bool lenient, bool keep_failing)
{
    for (size_t n = 1; n < LIMIT; n++) {
        struct torture t;
        torture_init(&t, n);
        t.keep_failing = keep_failing;
        bool ok = work(&t.alc, payload);
        if (t.live)
            fail_msg("allocation %zu failed: %zu blocks leaked", n, t.live);
        if (t.calls < n) { /* nothing failed: all paths seen */
            assert_true(ok);
            return n - 1;
        }
        if (ok && !lenient)
            fail_msg("allocation %zu failed, and the work did not say so", n);
    }
    fail_msg("more than %d allocations", LIMIT);
    return 0;
}

size_t torture_with(bool (*work)(const struct ampql_allocator *alc, void *payload), void *payload,
                    bool lenient)
{
    run(work, payload, lenient, true);
    return run(work, payload, lenient, false);
}

static bool call_plain(const struct ampql_allocator *alc, void *payload)
{
    bool (*work)(const struct ampql_allocator *alc);
    memcpy(&work, payload, sizeof work);
    return work(alc);
}

size_t torture_all(bool (*work)(const struct ampql_allocator *alc))
{
    return torture_with(call_plain, &work, false);
}

size_t torture_all_lenient(bool (*work)(const struct ampql_allocator *alc))
{
    return torture_with(call_plain, &work, true);
}
