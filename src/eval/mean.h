/* Means as Prometheus computes them, value by value: for avg and avg_over_time. */
#ifndef AMPQL_SRC_EVAL_MEAN_H
#define AMPQL_SRC_EVAL_MEAN_H

#include "eval/kahan.h"

#include <stdbool.h>
#include <stddef.h>

/* The state of one mean. Starts with the first value; then mean_add for each further one;
 * mean_value at any time. */
struct mean {
    double sum, c; /* sum of values; the mean itself once is_running */
    double n;
    bool is_running; /* the sum overflowed: from there on an incremental mean */
};

static inline void mean_first(struct mean *m, double v)
{
    *m = (struct mean){.sum = v, .n = 1};
}

static inline void mean_add(struct mean *m, double v)
{
    m->n++;
    if (!m->is_running) {
        double sum = m->sum, c = m->c;
        kahan_add(v, &sum, &c);
        if (!isinf(sum)) {
            m->sum = sum;
            m->c = c;
            return;
        }
        m->is_running = true;
        m->sum /= m->n - 1;
        m->c /= m->n - 1;
    }
    double q = (m->n - 1) / m->n;
    m->sum *= q;
    m->c *= q;
    kahan_add(v / m->n, &m->sum, &m->c);
}

static inline double mean_value(const struct mean *m)
{
    return m->is_running ? m->sum + m->c : m->sum / m->n + m->c / m->n;
}

/* 2.42 keeps an infinite mean unless the next value contradicts it. */
static inline bool mean_stays_infinite(double mean, double v)
{
    return isinf(mean) && (isinf(v) ? (mean > 0) == (v > 0) : !isnan(v));
}

/* Of v [n], n > 0. An overflow shows in the sum, so the plain loop comes first. */
static inline double mean(const double *v, size_t n)
{
    double sum, c;
    kahan_sum(v, n, &sum, &c);
    if (isfinite(sum))
        return sum / (double)n + c / (double)n;
    struct mean m;
    mean_first(&m, v[0]);
    for (size_t i = 1; i < n; i++)
        mean_add(&m, v[i]);
    return mean_value(&m);
}

/* A value that is the mean already changes neither it nor its compensation: what is allocated or
 * costs the same all day is only looked through, without the divisions that wait for each other. */
static inline double mean_prom2(const double *v, size_t n)
{
    double m = 0, c = 0;
    for (size_t i = 0; i < n; i++) {
        if (v[i] == m)
            continue;
        double count = (double)(i + 1);
        if (!mean_stays_infinite(m, v[i]))
            kahan_add_prom2(v[i] / count - m / count, &m, &c);
    }
    return isinf(m) ? m : m + c;
}

#endif
