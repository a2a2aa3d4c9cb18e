/* rate increase delta: the change over a range, extrapolated to its ends. irate idelta: between the
 * last two samples.
 *
 * The order of operations is Prometheus's, because that is what the bits are. */
#include "eval/change.h"
#include "eval/extended.h"
#include "eval/function.h"
#include "eval/note.h"
#include "eval/regular.h"

static void change_loop(const struct samples *s, const struct windows *w, struct row *out,
                        bool is_counter, double seconds, struct scratch *scratch)
{
    struct change change = {.is_counter = is_counter,
                            .is_prom2 = scratch->params->dialect == AMPQL_PROM2,
                            .seconds = seconds};
    if (w->margin_before_ms > 0)
        extended_change(s, w, is_counter, seconds, out, scratch);
    else
        change_over(&change, s, w, out, scratch);
}

static void rate(const struct samples *s, const struct windows *w, struct row *out,
                 struct scratch *scratch)
{
    change_loop(s, w, out, true, (double)window_range(w) / 1000, scratch);
}

static void increase(const struct samples *s, const struct windows *w, struct row *out,
                     struct scratch *scratch)
{
    change_loop(s, w, out, true, 0, scratch);
}

static void delta(const struct samples *s, const struct windows *w, struct row *out,
                  struct scratch *scratch)
{
    change_loop(s, w, out, false, 0, scratch);
}

/* The change between two neighbours; a counter that fell began again from zero. */
static inline double step_change(double before, double last, double seconds, bool is_rate)
{
    double change = is_rate && last < before ? last : last - before;
    return is_rate ? change / seconds : change;
}

static inline void instant_loop(const struct samples *s, const struct windows *w, struct row *out,
                                bool is_rate, struct scratch *scratch)
{
    size_t lo = 0, hi = 0, stride = 0, from, to;
    uint64_t work = 0;
    struct regular run = {0};
    windows_reach(s, w, out, &from, &to);
    for (size_t i = from; i < to; i++) {
        window_advance(s, w, i, &lo, &hi);
        out->v[i] = 0;
        if (scratch_stops(scratch, &work, 1))
            return;
        if (hi - lo < 2)
            continue;
        double seconds = (double)(s->t[hi - 1] - s->t[hi - 2]) / 1000;
        out->v[i] = step_change(s->v[hi - 2], s->v[hi - 1], seconds, is_rate);
        row_mark(out, i);

        size_t m = regular_steps(&run, s, w, i, lo, hi, &stride);
        if (scratch_stops(scratch, &work, m))
            return;
        const double *v = s->v + hi - 2 + stride;
        double *o = out->v + i + 1;
        if (stride == 1)
            for (size_t k = 0; k < m; k++)
                o[k] = step_change(v[k], v[k + 1], seconds, is_rate);
        else
            for (size_t k = 0; k < m; k++)
                o[k] = step_change(v[k * stride], v[k * stride + 1], seconds, is_rate);
        row_mark_range(out, i + 1, m);
        i += m;
        lo += m * stride;
        hi += m * stride;
    }
}

static void irate(const struct samples *s, const struct windows *w, struct row *out,
                  struct scratch *scratch)
{
    instant_loop(s, w, out, true, scratch);
}

static void idelta(const struct samples *s, const struct windows *w, struct row *out,
                   struct scratch *scratch)
{
    instant_loop(s, w, out, false, scratch);
}

static enum ampql_code note_name(struct stage *stage, struct labels labels, const struct row *out,
                                 const struct params *params)
{
    (void)out;
    (void)params;
    return note_not_counter(stage, stage->node->ast->u.call.args[0], labels);
}

static const struct function rows[] = {
    RANGE("delta", delta, "Change of a gauge over the range."),
    RANGE("idelta", idelta, "Change between the last two samples of the range."),
    RANGE_NOTED("increase", increase, note_name, "Increase of a counter over the range.",
                .args = {VALUE_MATRIX}, .nargs = 1),
    RANGE("irate", irate, "Per-second increase of a counter between the last two samples."),
    RANGE_NOTED("rate", rate, note_name, "Per-second increase of a counter over the range.",
                .args = {VALUE_MATRIX}, .nargs = 1),
};
const struct function_table functions_rate = {rows, sizeof rows / sizeof *rows};
