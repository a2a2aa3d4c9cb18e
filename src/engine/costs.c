/* What a run has cost: select by select, and in total. */
#include "engine/run.h"

/* The feeds that an input has in a query: how much they would have cost elsewhere. */
static uint64_t remote_samples(const struct run *run, const struct eval_query *query, size_t input)
{
    uint64_t sum = 0;
    for (size_t i = run->first_feed[input]; i < run->first_feed[input + 1]; i++)
        if (run->feeds[i].query == query)
            sum += run->feeds[i].remote_samples;
    return sum;
}

/* Feeds are in the order of queries. */
static size_t count_readers(const struct run *run, size_t select)
{
    size_t n = 0;
    for (size_t i = run->first_feed[select]; i < run->first_feed[select + 1]; i++)
        n += i == run->first_feed[select] || run->feeds[i].query != run->feeds[i - 1].query;
    return n;
}

/* What a query read, each select once. */
struct reads {
    struct run *run;
    bool *is_listed; /* [nselects] */
    bool *is_walked; /* [nrecordings] */
    struct read_select *at;
    size_t n;
};

static void list_query(struct reads *reads, const struct eval_query *query);

static void list_records(struct reads *reads, size_t recorded)
{
    const struct run *run = reads->run;
    const struct record_list *records = &run->plan.recorded.at[recorded].records;
    for (size_t i = 0; i < records->n; i++)
        for (size_t k = run->first_recording[records->at[i]];
             k < run->plan.recordings.n && run->plan.recordings.at[k].record == records->at[i]; k++)
            if (!reads->is_walked[k]) {
                reads->is_walked[k] = true;
                list_query(reads, &run->queries[run->nqueries + k]);
            }
}

/* As deep as rules read each other. */
static void list_query(struct reads *reads, const struct eval_query *query)
{
    struct run *run = reads->run;
    for (size_t i = 0; i < query->leaves.n; i++) {
        const struct node *node = query->leaves.at[i].node;
        size_t s = node->select;
        if (node->recorded != PLAN_NONE)
            list_records(reads, node->recorded);
        if (s == PLAN_NONE || reads->is_listed[s])
            continue;
        reads->is_listed[s] = true;
        struct read_select *read = &reads->at[reads->n++];
        *read =
            (struct read_select){&run->plan.selects.at[s], count_readers(run, s), run->costs[s]};
        read->stats.remote_samples = remote_samples(run, query, s);
    }
}

enum ampql_code run_list_reads(struct run *run, const struct eval_query *query,
                               struct read_select **out, size_t *n, struct ampql_error *err)
{
    size_t nselects = run->plan.selects.n;
    struct reads reads = {.run = run};
    reads.is_listed = arena_zeroed(&run->arena, nselects, sizeof *reads.is_listed);
    reads.is_walked = arena_zeroed(&run->arena, run->plan.recordings.n, sizeof *reads.is_walked);
    reads.at = arena_alloc(&run->arena, nselects, sizeof *reads.at);
    if (!reads.is_listed || !reads.is_walked || !reads.at)
        return fail_nomem(err, "a result");
    list_query(&reads, query);
    *out = reads.at;
    *n = reads.n;
    return AMPQL_OK;
}

void stats_add(struct ampql_stats *sum, struct ampql_stats more)
{
    sum->selects += more.selects;
    sum->series += more.series;
    sum->samples += more.samples;
    sum->requests += more.requests;
    sum->retries += more.retries;
    sum->bytes += more.bytes;
    sum->billed_samples += more.billed_samples;
    sum->remote_samples += more.remote_samples;
}

void stats_since(struct ampql_stats *stats, const struct ampql_source_stats *before,
                 const struct ampql_source *source)
{
    struct ampql_source_stats now = ampql_source_stats(source);
    if (!source->ops.stats) /* what it told the sinks is all there is */
        return;
    stats->requests = now.requests - before->requests;
    stats->retries = now.retries - before->retries;
    stats->bytes = now.bytes - before->bytes;
    stats->billed_samples = now.billed_samples - before->billed_samples;
}

/* ---- a day of rules, reckoned from the evaluations of a run */

enum { DAY_MS = 24 * 60 * 60 * 1000 };

static size_t recording_of(const struct run *run, const struct feed *feed)
{
    return (size_t)(feed->query - run->queries) - run->nqueries;
}

static double ticks_a_day(const struct run *run, size_t record)
{
    return (double)DAY_MS / (double)run->records->at[record].interval_ms;
}

/* The record of the first recording that a select feeds; PLAN_NONE: it feeds none. */
static size_t record_fed_by(const struct run *run, size_t select)
{
    for (size_t i = run->first_feed[select]; i < run->first_feed[select + 1]; i++)
        if (run_is_recording(run, run->feeds[i].query))
            return run->plan.recordings.at[recording_of(run, &run->feeds[i])].record;
    return PLAN_NONE;
}

/* The longest time that evaluations of a record span. */
static double longest_span(const struct run *run)
{
    double longest_ms = 0;
    for (size_t k = 0; k < run->plan.recordings.n; k++) {
        const struct grid *grid = &run->plan.recordings.at[k].grid;
        double span_ms = (double)(grid_end(grid) - grid->start_ms);
        longest_ms = span_ms > longest_ms ? span_ms : longest_ms;
    }
    return longest_ms;
}

/* Of a window each sample once, a day of them and what the rules' own ranges reach back; of a grid
 * each point. */
static double day_of_select(const struct run *run, size_t s)
{
    const struct select *select = &run->plan.selects.at[s];
    size_t record = record_fed_by(run, s);
    double samples = (double)run->costs[s].samples;
    double window_ms = (double)(select->maxt_ms - select->mint_ms);
    if (record == PLAN_NONE || (select->kind == SELECT_RAW && window_ms <= 0))
        return 0;
    if (select->kind != SELECT_RAW)
        return samples / (double)select->grid.n * ticks_a_day(run, record);
    return samples / window_ms * ((double)DAY_MS + window_ms - longest_span(run));
}

/* first  of the recordings of one record */
static void add_day_of_record(struct run *run, size_t first)
{
    const struct recording *recordings = run->plan.recordings.at;
    size_t record = recordings[first].record;
    uint64_t read = 0;
    double evaluations = 0;
    for (size_t k = first; k < run->plan.recordings.n && recordings[k].record == record; k++) {
        const struct eval_query *query = &run->queries[run->nqueries + k];
        evaluations += (double)recordings[k].grid.n;
        for (size_t i = 0; i < run->first_feed[run->ninputs]; i++)
            if (run->feeds[i].query == query)
                read += run->feeds[i].remote_samples;
    }
    run->ruler.day_evaluations += ticks_a_day(run, record);
    run->ruler.day_samples_read += (double)read / evaluations * ticks_a_day(run, record);
}

static void add_day(struct run *run)
{
    for (size_t r = 0; r < run->records->n; r++)
        if (run->first_recording[r] != PLAN_NONE)
            add_day_of_record(run, run->first_recording[r]);
    for (size_t s = 0; s < run->plan.selects.n; s++)
        run->ruler.day_samples_here += day_of_select(run, s);
}

/* What the attempt has cost. A ruler's reading is not that of the queries. */
void run_add_costs(struct run *run, const struct ampql_source_stats *before)
{
    bool is_listed = run->feeds && run->costs;
    for (size_t s = 0; is_listed && s < run->plan.selects.n; s++)
        stats_add(&run->stats, run->costs[s]);
    for (size_t i = 0; is_listed && i < run->first_feed[run->ninputs]; i++)
        *(run_is_recording(run, run->feeds[i].query) ? &run->ruler.samples_read
                                                     : &run->stats.remote_samples) +=
            run->feeds[i].remote_samples;
    if (run->nqueries == 0 && run->source->ops.stats)
        run->stats.remote_samples = run->ruler.samples_read;
    if (run->nqueries == 0 && is_listed && run->records)
        add_day(run);
    stats_since(&run->stats, before, run->source);
}
