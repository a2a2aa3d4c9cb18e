/* Results into flat arrays that Go has made. */
#include "flat.h"

#include <string.h>

static int has_value(const struct ampql_series *series, size_t i)
{
    return !series->present || (series->present[i / 64] >> (i % 64) & 1);
}

struct flat_size flat_measure(const struct ampql_result *result)
{
    struct flat_size size = {.nseries = ampql_result_count(result)};
    for (size_t i = 0; i < size.nseries; i++) {
        struct ampql_series series = ampql_result_series(result, i);
        size.nlabels += series.nlabels;
        for (size_t k = 0; k < series.nlabels; k++)
            size.ntext += series.labels[k].name.size + series.labels[k].value.size;
        for (size_t k = 0; k < series.n; k++)
            size.nsamples += (size_t)has_value(&series, k);
    }
    return size;
}

static char *put_text(char *at, struct ampql_string text)
{
    if (text.size)
        memcpy(at, text.data, text.size);
    return at + text.size;
}

void flat_fill(const struct ampql_result *result, uint64_t *counts, uint64_t *ends, char *text,
               int64_t *t_ms, double *v)
{
    int64_t start_ms, step_ms;
    size_t nsteps, n = 0;
    char *at = text;
    ampql_result_grid(result, &start_ms, &step_ms, &nsteps);
    for (size_t i = 0; i < ampql_result_count(result); i++) {
        struct ampql_series series = ampql_result_series(result, i);
        size_t first = n;
        for (size_t k = 0; k < series.nlabels; k++) {
            at = put_text(at, series.labels[k].name);
            *ends++ = (uint64_t)(at - text);
            at = put_text(at, series.labels[k].value);
            *ends++ = (uint64_t)(at - text);
        }
        for (size_t k = 0; k < series.n; k++) {
            if (!has_value(&series, k))
                continue;
            t_ms[n] = series.t_ms ? series.t_ms[k] : start_ms + (int64_t)k * step_ms;
            v[n++] = series.values[k];
        }
        *counts++ = series.nlabels;
        *counts++ = n - first;
    }
}

/* ---- bills */

/* Line i, or behind the last one the total. */
static const struct ampql_allocation *line_at(const struct ampql_allocations *bill, size_t i)
{
    const struct ampql_allocation *line = ampql_allocations_at(bill, i);
    return line ? line : ampql_allocations_total(bill);
}

size_t flat_bill_text(const struct ampql_allocations *bill)
{
    size_t n = 0;
    for (size_t i = 0; i <= ampql_allocations_count(bill); i++) {
        const struct ampql_allocation *line = line_at(bill, i);
#define NUMBER(name, member)
#define TEXT(name, member) n += line->member.size;
#include "allocation.def"
    }
    return n;
}

void flat_bill(const struct ampql_allocations *bill, double *numbers, uint64_t *ends, char *text)
{
    char *at = text;
    for (size_t i = 0; i <= ampql_allocations_count(bill); i++) {
        const struct ampql_allocation *line = line_at(bill, i);
#define NUMBER(name, member) *numbers++ = (double)line->member;
#define TEXT(name, member)                                                                         \
    at = put_text(at, line->member);                                                               \
    *ends++ = (uint64_t)(at - text);
#include "allocation.def"
    }
}
