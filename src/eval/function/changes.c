/* changes resets: how often neighbouring samples of a range differ, or fall. */
#include "eval/extended.h"
#include "eval/function.h"

#include <math.h>

static inline bool differ(double before, double after)
{
    return before != after && !(isnan(before) && isnan(after));
}

static inline bool falls(double before, double after)
{
    return after < before;
}

/* Count the pairs inside each window. From one window to the next only the pairs that leave it and
 * those that enter it are looked at. */
static inline void count_pairs(const struct samples *s, const struct windows *windows,
                               struct row *out, struct scratch *scratch,
                               bool (*counts)(double before, double after))
{
    if (windows->margin_before_ms > 0) {
        extended_count(s, windows, counts, out, scratch);
        return;
    }
    size_t lo = 0, hi = 0, count = 0;
    uint64_t work = 0;
    for (size_t i = 0; i < windows->n; i++) {
        size_t old_lo = lo, old_hi = hi;
        window_advance(s, windows, i, &lo, &hi);
        if (scratch_stops(scratch, &work, hi - old_hi + 1))
            return;
        for (size_t k = old_lo + 1; k <= lo && k < old_hi; k++)
            count -= counts(s->v[k - 1], s->v[k]);
        for (size_t k = old_hi > lo ? old_hi : lo + 1; k < hi; k++)
            count += counts(s->v[k - 1], s->v[k]);
        out->v[i] = (double)count;
        if (hi > lo)
            row_mark(out, i);
    }
}

static void changes(const struct samples *s, const struct windows *windows, struct row *out,
                    struct scratch *scratch)
{
    count_pairs(s, windows, out, scratch, differ);
}

static void resets(const struct samples *s, const struct windows *windows, struct row *out,
                   struct scratch *scratch)
{
    count_pairs(s, windows, out, scratch, falls);
}

static const struct function rows[] = {
    RANGE("changes", changes, "How often the value changed in the range."),
    RANGE("resets", resets, "How often a counter was reset in the range."),
};
const struct function_table functions_changes = {rows, sizeof rows / sizeof *rows};
