/* Series that wait until all have come: of a leaf that is fed by the source and by records, or of
 * what is evaluated tick by tick. */
#include "eval/wait.h"

#include <stdlib.h>

/* Those that any of the leaf's windows can see. */
static struct samples in_windows(const struct windows *w, const struct samples *samples)
{
    return samples_clip(samples, window_after(w, 0), window_end(w, w->n - 1));
}

enum ampql_code wait_add(struct eval *eval, const struct leaf *leaf, const struct fed *fed,
                         struct ampql_error *err)
{
    struct fed copy = *fed;
    copy.samples = in_windows(&leaf->node->windows, &fed->samples);
    size_t n = copy.samples.n, from = n ? (size_t)(copy.samples.t - fed->samples.t) : 0;
    if (n == 0)
        return AMPQL_OK;
    TRY(eval_count(eval, n, err));
    int64_t *t = arena_alloc(&eval->work, n, sizeof *t);
    double *v = arena_alloc(&eval->work, n, sizeof *v);
    uint32_t *writers = fed->writers ? arena_alloc(&eval->work, n, sizeof *writers) : NULL;
    copy.labels = labels_copy(&eval->work, fed->labels);
    if (!t || !v || (fed->writers && !writers) || !copy.labels.at)
        return fail_nomem(err, "a series' samples");
    memcpy(t, copy.samples.t, n * sizeof *t);
    memcpy(v, copy.samples.v, n * sizeof *v);
    if (writers)
        memcpy(writers, fed->writers + from, n * sizeof *writers);
    copy.samples = (struct samples){t, v, n};
    copy.writers = writers;
    return array_push(leaf->waiting, &eval->work, copy) ? AMPQL_OK
                                                        : fail_nomem(err, "a list of series");
}

static int by_labels(const void *a, const void *b, void *symbols)
{
    const struct fed *x = a, *y = b;
    return labels_compare(symbols, x->labels, y->labels);
}

void wait_sort(struct eval *eval, struct fed_list *waiting)
{
    if (waiting->n)
        qsort_r(waiting->at, waiting->n, sizeof *waiting->at, by_labels, eval->symbols);
}
