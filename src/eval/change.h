/* The change of a counter or gauge over each window, extrapolated to the window's ends: rate,
 * increase and delta. */
#ifndef AMPQL_SRC_EVAL_CHANGE_H
#define AMPQL_SRC_EVAL_CHANGE_H

#include "eval/function.h"

struct change {
    bool is_counter; /* what resets took away is added, and zero limits the extrapolation */
    bool is_prom2;   /* the order of 2.42: see change.c */
    double seconds;  /* of the range, to divide by; 0: the change itself */
};

/* Fill out; windows without margins. A window of fewer than two samples has no value. */
void change_over(const struct change *change, const struct samples *s, const struct windows *w,
                 struct row *out, struct scratch *scratch);

#endif
