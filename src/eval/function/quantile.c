/* quantile_over_time: of the samples in a range.
 *
 * The window's values stay sorted while it slides: a few that leave and enter cost less than
 * sorting again. */
#include "eval/quantile.h"
#include "eval/function.h"
#include "eval/note.h"

/* Values of samples [from, to), sorted. */
struct sorted {
    double *v;
    size_t from, to;
    uint64_t work; /* for polling */
};

static bool make_sorted(struct sorted *sorted, const struct samples *s, size_t lo, size_t hi,
                        struct scratch *scratch)
{
    enum { CHEAPER = 8 }; /* sorting, when more than one value in so many is new */
    enum { SORTED_EACH = 16, MOVED_EACH = 64 }; /* looks at a value; so many moved cost one look */
    size_t kept_to = sorted->to < lo ? lo : sorted->to, from = sorted->from, n;
    size_t moved = (lo - from) + (hi - kept_to);
    bool slides = sorted->to > lo && moved < (hi - lo) / CHEAPER;
    uint64_t work = slides ? moved * ((hi - lo) / MOVED_EACH + 1) : (hi - lo) * SORTED_EACH;
    if (scratch_stops(scratch, &sorted->work, work))
        return false;
    sorted->v = scratch_room(scratch, 2 * (hi - lo)); /* the second half for sorting */
    if (!sorted->v)
        return false;
    if (slides) {
        n = sorted->to - from;
        for (; from < lo; from++)
            quantile_remove(sorted->v, n--, s->v[from]);
        for (; kept_to < hi; kept_to++)
            quantile_insert(sorted->v, n++, s->v[kept_to]);
    } else {
        memcpy(sorted->v, s->v + lo, (hi - lo) * sizeof *sorted->v);
        quantile_sort(sorted->v, sorted->v + (hi - lo), hi - lo);
    }
    sorted->from = lo;
    sorted->to = hi;
    return true;
}

static void quantile_over_time(const struct samples *s, const struct windows *windows,
                               struct row *out, struct scratch *scratch)
{
    size_t lo = 0, hi = 0;
    struct sorted sorted = {0};
    for (size_t i = 0; i < windows->n; i++) {
        window_advance(s, windows, i, &lo, &hi);
        out->v[i] = 0;
        if (scratch_stops(scratch, &sorted.work, 1))
            return;
        if (lo == hi)
            continue;
        if (!make_sorted(&sorted, s, lo, hi, scratch))
            return;
        out->v[i] =
            quantile_of(param(scratch->params, 0, i), sorted.v, hi - lo, scratch->params->dialect);
        row_mark(out, i);
    }
}

static enum ampql_code note_values(struct stage *stage, struct labels labels, const struct row *out,
                                   const struct params *params)
{
    (void)labels;
    for (size_t i = 0; i < out->n; i++) {
        double q = param(params, 0, i);
        bool is_new =
            i == 0 || bits_of(q) != bits_of(param(params, 0, i - 1)) || !row_has(out, i - 1);
        if (row_has(out, i) && is_new)
            TRY(note_quantile(stage, stage->node->ast->u.call.args[0], q));
    }
    return AMPQL_OK;
}

static const struct function rows[] = {
    RANGE_NOTED("quantile_over_time", quantile_over_time, note_values,
                "Quantile of the samples in the range.", .args = {VALUE_SCALAR, VALUE_MATRIX},
                .nargs = 2),
};
const struct function_table functions_quantile = {rows, sizeof rows / sizeof *rows};
