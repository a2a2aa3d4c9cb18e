/* What a source has of a metric: its series' labels, and how often they have samples. */
#include "tool/rule_check.h"

#include "lang/printer.h"
#include "series/label_set.h"

#include <stdlib.h>

enum { PROBES = 3, TEXT_MAX = 1 << 20 };

/* A source that does not hold what is asked, as a capture of other selects, cannot say. */
static bool cannot_say(enum ampql_code code)
{
    return code == AMPQL_NOT_FOUND || code == AMPQL_UNSUPPORTED;
}

static enum ampql_code keep_series(struct rule_checker *checker, struct metric *metric,
                                   const struct ampql_result *result, struct ampql_error *err)
{
    size_t n = ampql_result_count(result);
    metric->series = arena_alloc(checker->arena, n, sizeof *metric->series);
    if (!metric->series)
        return fail_nomem(err, "series");
    for (; metric->nseries < n; metric->nseries++) {
        struct ampql_series s = ampql_result_series(result, metric->nseries);
        struct ampql_label *labels = label_set_copy(checker->arena, s.labels, s.nlabels);
        if (!labels)
            return fail_nomem(err, "series");
        label_set_sort(labels, s.nlabels);
        metric->series[metric->nseries] = (struct metric_series){labels, s.nlabels};
    }
    return AMPQL_OK;
}

static enum ampql_code look_up(struct rule_checker *checker, struct metric *metric,
                               struct ampql_error *err)
{
    const struct rule_check_data *data = &checker->data;
    struct ampql_result *result = NULL;
    enum ampql_code code = ampql_series_run(data->engine, metric->name.p, metric->name.n,
                                            data->source, data->options, &result, err);
    metric->is_unknown = cannot_say(code);
    if (code == AMPQL_OK)
        code = keep_series(checker, metric, result, err);
    ampql_result_free(result);
    return metric->is_unknown ? AMPQL_OK : code;
}

enum ampql_code metric_find(struct rule_checker *checker, struct str name, struct metric **out,
                            struct ampql_error *err)
{
    for (size_t i = 0; i < checker->metrics.n; i++) {
        *out = &checker->metrics.at[i];
        if (str_equal((*out)->name, name))
            return AMPQL_OK;
    }
    struct metric fresh = {.name = arena_copy(checker->arena, name)};
    if (!fresh.name.p)
        return fail_nomem(err, "a metric");
    TRY(look_up(checker, &fresh, err));
    if (!array_push(&checker->metrics, checker->arena, fresh))
        return fail_nomem(err, "a metric");
    *out = &checker->metrics.at[checker->metrics.n - 1];
    return AMPQL_OK;
}

bool metric_has_label(const struct metric *metric, struct str label)
{
    for (size_t i = 0; i < metric->nseries; i++)
        if (label_set_get(metric->series[i].labels, metric->series[i].nlabels, label).n > 0)
            return true;
    return false;
}

/* ---- intervals */

/* Times between neighbouring samples. */
struct gaps {
    ARRAY(int64_t);
};

static enum ampql_code add_gaps(const struct ampql_result *result, struct gaps *gaps,
                                struct arena *arena, struct ampql_error *err)
{
    for (size_t i = 0; i < ampql_result_count(result); i++) {
        struct ampql_series s = ampql_result_series(result, i);
        for (size_t k = 1; s.t_ms && k < s.n; k++)
            if (!array_push(gaps, arena, s.t_ms[k] - s.t_ms[k - 1]))
                return fail_nomem(err, "times");
    }
    return AMPQL_OK;
}

/* Where series are looked for at any time, samples are read of all times until 2100. */
static const int64_t until_2100_ms = 4102444800000;

static bool is_any_time(const struct rule_checker *checker)
{
    return checker->data.options->end_ms > until_2100_ms;
}

/* The gaps of what a range selector selects at the end of the time that is looked at. */
static enum ampql_code read_gaps(struct rule_checker *checker, struct str selector,
                                 struct gaps *gaps, struct arena *arena, struct ampql_error *err)
{
    const struct rule_check_data *data = &checker->data;
    struct ampql_run_options options = *data->options;
    struct ampql_query *query = NULL;
    struct ampql_result *result = NULL;
    if (is_any_time(checker))
        options.end_ms = until_2100_ms;
    options.start_ms = options.end_ms;
    enum ampql_code code = ampql_query_compile(data->engine, selector.p, selector.n, &query, err);
    if (code == AMPQL_OK)
        code = ampql_query_run(query, data->source, &options, &result, err);
    bool is_nothing = cannot_say(code);
    if (code == AMPQL_OK)
        code = add_gaps(result, gaps, arena, err);
    ampql_result_free(result);
    ampql_query_free(query);
    return is_nothing ? AMPQL_OK : code;
}

/* One series over the last hour, `up{job="a"}[1h]`, or over all time. */
static enum ampql_code probe(struct rule_checker *checker, const struct metric_series *series,
                             struct gaps *gaps, struct arena *arena, struct ampql_error *err)
{
    struct matcher *matchers = arena_alloc(arena, series->nlabels, sizeof *matchers);
    struct buf text;
    if (!matchers)
        return fail_nomem(err, "a selector");
    for (size_t i = 0; i < series->nlabels; i++)
        matchers[i] = (struct matcher){str_view(series->labels[i].name), MATCH_EQUAL,
                                       str_view(series->labels[i].value)};
    buf_init(&text, arena->alc, TEXT_MAX);
    print_matchers(&text, (struct matchers){matchers, series->nlabels});
    buf_text(&text, is_any_time(checker) ? "[140y]" : "[1h]");
    enum ampql_code code = text.failed ? fail_nomem(err, "a selector")
                                       : read_gaps(checker, buf_view(&text), gaps, arena, err);
    buf_done(&text);
    return code;
}

static int by_length(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static enum ampql_code measure(struct rule_checker *checker, struct metric *metric,
                               struct str selector, struct arena *arena, struct ampql_error *err)
{
    struct gaps gaps = {0};
    for (size_t i = 0; i < metric->nseries && i < PROBES; i++)
        TRY(probe(checker, &metric->series[i * metric->nseries / PROBES % metric->nseries], &gaps,
                  arena, err));
    if (gaps.n == 0)
        TRY(read_gaps(checker, selector, &gaps, arena, err));
    if (gaps.n > 0) {
        qsort(gaps.at, gaps.n, sizeof *gaps.at, by_length);
        metric->interval_ms = gaps.at[gaps.n / 2];
    }
    return AMPQL_OK;
}

enum ampql_code metric_measure(struct rule_checker *checker, struct metric *metric,
                               struct str selector, struct ampql_error *err)
{
    struct arena arena;
    if (metric->is_measured)
        return AMPQL_OK;
    metric->is_measured = true;
    arena_init(&arena, checker->arena->alc);
    enum ampql_code code = measure(checker, metric, selector, &arena, err);
    arena_done(&arena);
    return code;
}
