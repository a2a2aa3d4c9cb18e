/* How much there was of what queries need. The window is looked at in steps of the resolution, at
 * the times of its subqueries; a step has data of a metric when any series of the cluster has a
 * sample in the resolution, and at least the lookback, before it. Needed are the steps in which
 * pods of the cluster ran. What is missing is not billed as nothing: averages are over what there
 * is. */
#include "cost/coverage.h"

#include "base/time.h"

#include <stdio.h>

enum { LOOKBACK_MS = 300000, WORD_BITS = 64 };

/* The steps that are looked at: multiples of the resolution, so far into the window that what they
 * look back to is of it. */
struct steps {
    int64_t first_ms, step_ms;
    size_t n;
};

static int64_t reach(const struct params *params)
{
    return params->resolution_ms > LOOKBACK_MS ? params->resolution_ms : LOOKBACK_MS;
}

static struct steps steps_of(const struct params *params)
{
    int64_t step_ms = params->resolution_ms;
    struct steps steps = {.step_ms = step_ms};
    if (params->end_ms - params->start_ms < reach(params))
        return steps;
    int64_t from_ms = params->start_ms + reach(params), rest = from_ms % step_ms;
    if (rest < 0)
        rest += step_ms;
    int64_t up_ms = rest ? step_ms - rest : 0;
    if (up_ms > params->end_ms - from_ms)
        return steps;
    steps.first_ms = from_ms + up_ms;
    steps.n = (size_t)((params->end_ms - steps.first_ms) / step_ms) + 1;
    return steps;
}

/* ---- what is asked */

static struct str text_of(enum cost_query query, const struct params *params)
{
    const char *newer = query_info[query].text[params->queries];
    const char *text = newer ? newer : query_info[query].text[AMPQL_COST_2024];
    return text ? str_of(text) : STR("");
}

static bool text_has(enum cost_query query, const struct params *params, struct str part)
{
    struct str text = text_of(query, params);
    return memmem(text.p, text.n, part.p, part.n) != NULL;
}

/* A subquery as the whole of a query: its own points say when there was data. */
static bool is_matrix(enum cost_query query, const struct params *params)
{
    struct str text = text_of(query, params), end = STR("[$SPAN:$RES]");
    return text.n > end.n && str_equal(str_from(text, text.n - end.n), end);
}

/* Newer queries of counters are subqueries of whole minutes. */
static bool is_grid(enum cost_query query, const struct params *params)
{
    return params->queries != AMPQL_COST_2024 && text_has(query, params, STR("[$DUR$SUB]"));
}

static bool is_raw(enum cost_query query, const struct params *params)
{
    return text_has(query, params, STR("$S[$DUR")) && !is_grid(query, params);
}

/* Of queries of the same series the first one's data is counted. */
static bool is_first(enum cost_query query, const struct params *params)
{
    for (enum cost_query q = 0; q < query; q++)
        if (query_is_asked(q, params) &&
            strcmp(query_info[q].metric, query_info[query].metric) == 0 &&
            strcmp(query_info[q].selector, query_info[query].selector) == 0)
            return false;
    return true;
}

bool cost_coverage_is_kept(enum cost_query query, const struct params *params)
{
    bool is_known = is_matrix(query, params) || is_raw(query, params) ||
                    (is_grid(query, params) && params->resolution_ms % 60000 == 0);
    return query_info[query].is_counted && is_known && (params->groups & QUERY_ALLOCATION) &&
           query_is_asked(query, params) && is_first(query, params) && steps_of(params).n > 0;
}

bool cost_coverage_is_asked(enum cost_query query, const struct params *params)
{
    return cost_coverage_is_kept(query, params) && !is_matrix(query, params);
}

void cost_coverage_render(struct buf *out, enum cost_query query, const struct params *params)
{
    bool is_closed = params->dialect == AMPQL_PROM2;
    int64_t span = (params->end_ms - params->start_ms - reach(params)) / 1000;
    if (is_grid(query, params)) {
        query_render_text(out, query, STR("count($S) by ($CL)[$DUR:$RES]"), params);
        return;
    }
    query_render_text(out, query, STR("count(count_over_time($S["), params);
    render_duration(out, reach(params) / 1000);
    query_render_text(out, query, STR("])) by ($CL)["), params);
    if (!is_closed || span == 0) /* where the first step is the first counted */
        span++;
    render_duration(out, span);
    query_render_text(out, query, STR(":$RES]"), params);
}

/* ---- steps with data, by cluster */

struct clusters {
    struct steps steps;
    size_t nwords; /* of a cluster's bits */
    struct {
        ARRAY(struct str);
    } names;         /* of clusters with pods, in the order of the answer */
    uint64_t *ran;   /* [names.n * nwords]: steps in which pods ran */
    uint64_t *there; /* the same: steps in which the query at hand had data */
};

static size_t cluster_find(const struct clusters *all, struct str name)
{
    size_t i = all->names.n;
    while (i > 0 && !str_equal(all->names.at[i - 1], name)) /* rows are sorted: mostly the last */
        i--;
    return i ? i - 1 : SIZE_MAX;
}

static bool has_bit(const uint64_t *bits, size_t i)
{
    return bits[i / WORD_BITS] >> (i % WORD_BITS) & 1;
}

/* Set the bits of the points of each series of a result. */
static void mark(const struct model *model, const struct clusters *all,
                 const struct ampql_result *result, uint64_t *bits)
{
    const struct steps *steps = &all->steps;
    for (size_t i = 0; i < ampql_result_count(result); i++) {
        struct ampql_series series = ampql_result_series(result, i);
        struct cost_row row = {.labels = series.labels, .nlabels = series.nlabels};
        size_t cluster = cluster_find(all, row_cluster(&row, model->params));
        if (cluster == SIZE_MAX)
            continue;
        for (size_t k = 0; k < series.n; k++) {
            if (series.t_ms[k] < steps->first_ms)
                continue;
            size_t step = (size_t)((series.t_ms[k] - steps->first_ms) / steps->step_ms);
            if (step < steps->n)
                bits[cluster * all->nwords + step / WORD_BITS] |= UINT64_C(1) << step % WORD_BITS;
        }
    }
}

static enum ampql_code find_clusters(const struct model *model, struct clusters *all,
                                     struct ampql_error *err)
{
    const struct answer *pods = &model->answers[COST_PODS];
    for (size_t i = 0; i < pods->n; i++) {
        struct str cluster = row_cluster(&pods->rows[i], model->params);
        if (cluster_find(all, cluster) == SIZE_MAX &&
            !array_push(&all->names, model->arena, cluster))
            return fail_nomem(err, "coverage");
    }
    size_t nbits = all->names.n * all->nwords; /* each of less than the pods' points */
    all->ran = arena_zeroed(model->arena, nbits, sizeof *all->ran);
    all->there = arena_zeroed(model->arena, nbits, sizeof *all->there);
    if (!all->ran || !all->there)
        return fail_nomem(err, "coverage");
    if (pods->result)
        mark(model, all, pods->result, all->ran);
    return AMPQL_OK;
}

/* ---- counting */

/* Steps of one cluster: needed ones, those with data, and the longest run of needed ones without.
 */
static void count_steps(const struct clusters *all, size_t cluster, bool is_pods,
                        struct cost_coverage *out)
{
    const struct steps *steps = &all->steps;
    const uint64_t *ran = all->ran + cluster * all->nwords;
    const uint64_t *there = all->there + cluster * all->nwords;
    size_t run = 0, longest = 0;
    for (size_t i = 0; i < steps->n; i++) {
        if (!is_pods && !has_bit(ran, i))
            continue;
        out->nneeded++;
        out->ncovered += has_bit(there, i);
        run = has_bit(there, i) ? 0 : run + 1;
        if (run <= longest)
            continue;
        longest = run;
        out->gap_end_ms = steps->first_ms + (int64_t)i * steps->step_ms;
        out->gap_start_ms = out->gap_end_ms - (int64_t)run * steps->step_ms;
    }
}

static enum ampql_code fold_query(struct model *model, const struct clusters *all,
                                  enum cost_query query, struct ampql_error *err)
{
    const struct answer *answer = &model->answers[query];
    const struct ampql_result *result =
        is_matrix(query, model->params) ? answer->result : answer->coverage;
    memset(all->there, 0, all->names.n * all->nwords * sizeof *all->there);
    if (result)
        mark(model, all, result, all->there);
    for (size_t i = 0; i < all->names.n; i++) {
        struct cost_coverage fresh = {.query = query,
                                      .has_series = answer->n > 0,
                                      .cluster = set_text(model->set, all->names.at[i])};
        count_steps(all, i, query == COST_PODS, &fresh);
        if (!fresh.cluster.data || !array_push(&model->set->coverage, &model->set->arena, fresh))
            return fail_nomem(err, "coverage");
    }
    return AMPQL_OK;
}

enum ampql_code cost_coverage_fold(struct model *model, struct ampql_error *err)
{
    struct clusters all = {.steps = steps_of(model->params)};
    all.nwords = all.steps.n / WORD_BITS + 1;
    TRY(find_clusters(model, &all, err));
    if (all.names.n == 0)
        return AMPQL_OK;
    for (enum cost_query query = 0; query < COST_QUERY_COUNT; query++)
        if (cost_coverage_is_kept(query, model->params))
            TRY(fold_query(model, &all, query, err));
    return AMPQL_OK;
}

/* ---- the whole window */

enum ampql_code cost_coverage_add(struct cost_set *set, const struct cost_set *piece,
                                  struct ampql_error *err)
{
    for (size_t i = 0; i < piece->coverage.n; i++) {
        struct cost_coverage more = piece->coverage.at[i], *sum = NULL;
        for (size_t k = 0; k < set->coverage.n && !sum; k++)
            if (set->coverage.at[k].query == more.query &&
                str_equal(str_view(set->coverage.at[k].cluster), str_view(more.cluster)))
                sum = &set->coverage.at[k];
        if (!sum) {
            more.cluster = set_text(set, str_view(more.cluster));
            if (!more.cluster.data || !array_push(&set->coverage, &set->arena, more))
                return fail_nomem(err, "coverage");
            continue;
        }
        sum->nneeded += more.nneeded;
        sum->ncovered += more.ncovered;
        sum->has_series = sum->has_series || more.has_series;
        if (more.gap_end_ms - more.gap_start_ms > sum->gap_end_ms - sum->gap_start_ms) {
            sum->gap_start_ms = more.gap_start_ms;
            sum->gap_end_ms = more.gap_end_ms;
        }
    }
    return AMPQL_OK;
}

static enum ampql_code warn(struct cost_set *set, const struct cost_coverage *c,
                            struct ampql_error *err)
{
    const struct query_info *info = &query_info[c->query];
    char start[TIME_TEXT_MAX], end[TIME_TEXT_MAX], cluster[100];
    int nstart = (int)time_format(c->gap_start_ms, start);
    int nend = (int)time_format(c->gap_end_ms, end);
    quote_clipped(cluster, sizeof cluster, str_view(c->cluster));
    if (c->ncovered == 0)
        return set_warn(set, err, "%s: no samples of %s in cluster %s: %s", info->name,
                        info->metric, cluster, info->loss);
    return set_warn(set, err,
                    "%s: no samples of %s in cluster %s in %llu of %llu steps%s, the longest time "
                    "from %.*s to %.*s",
                    info->name, info->metric, cluster,
                    (unsigned long long)(c->nneeded - c->ncovered), (unsigned long long)c->nneeded,
                    c->query == COST_PODS ? "" : " in which pods ran", nstart, start, nend, end);
}

enum ampql_code cost_coverage_warn(struct cost_set *set, struct ampql_error *err)
{
    for (size_t i = 0; i < set->coverage.n; i++) {
        const struct cost_coverage *c = &set->coverage.at[i];
        bool is_said = !c->has_series; /* that the metric has no series at all */
        if (c->ncovered < c->nneeded && query_info[c->query].loss && !is_said)
            TRY(warn(set, c, err));
    }
    return AMPQL_OK;
}
