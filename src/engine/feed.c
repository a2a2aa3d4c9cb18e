/* Series on their way from the source to the leaves that want them: each select is read once, and
 * each of its series fed to all. */
#include "engine/run.h"

#include "eval/note.h"

/* The input that a leaf's records are. */
static size_t recorded_input(const struct run *run, const struct leaf *leaf)
{
    return run->plan.selects.n + leaf->node->recorded;
}

/* Call visit for each input of each leaf. A leaf that the source feeds beside records takes the
 * source's series first. */
typedef void visit_input(struct run *run, size_t input, struct feed feed);

static void each_input(struct run *run, visit_input *visit)
{
    for (size_t q = 0; q < run->nall; q++)
        for (size_t i = 0; i < run->queries[q].leaves.n; i++) {
            struct leaf *leaf = &run->queries[q].leaves.at[i];
            const struct node *node = leaf->node;
            struct feed feed = {&run->queries[q], leaf, node->level, 0};
            if (node->recorded != PLAN_NONE)
                visit(run, recorded_input(run, leaf), feed);
            if (node->select == PLAN_NONE)
                continue;
            if (node->recorded != PLAN_NONE)
                feed.level = 0;
            visit(run, node->select, feed);
        }
}

/* first_feed[s + 2] counts input s, then first_feed[s + 1] is where its next leaf goes. */
static void count_input(struct run *run, size_t input, struct feed feed)
{
    (void)feed;
    run->first_feed[input + 2]++;
}

static void place_input(struct run *run, size_t input, struct feed feed)
{
    run->feeds[run->first_feed[input + 1]++] = feed;
}

enum ampql_code run_list_feeds(struct run *run, struct ampql_error *err)
{
    run->ninputs = run->plan.selects.n + run->plan.recorded.n;
    run->first_feed = arena_zeroed(&run->arena, run->ninputs + 2, sizeof *run->first_feed);
    if (!run->first_feed)
        return fail_nomem(err, "a run");
    each_input(run, count_input);
    for (size_t s = 2; s < run->ninputs + 2; s++)
        run->first_feed[s] += run->first_feed[s - 1];
    run->feeds = arena_alloc(&run->arena, run->first_feed[run->ninputs + 1], sizeof *run->feeds);
    run->costs = arena_zeroed(&run->arena, run->plan.selects.n, sizeof *run->costs);
    if (!run->feeds || !run->costs)
        return fail_nomem(err, "a run");
    each_input(run, place_input);
    return AMPQL_OK;
}

struct feed *run_next_feed(const struct run *run, size_t *at)
{
    while (*at < run->first_feed[run->input + 1]) {
        struct feed *feed = &run->feeds[(*at)++];
        if (feed->level == run->level && eval_wants(feed->query, feed->leaf))
            return feed;
    }
    return NULL;
}

/* Does anyone want the input being read? */
static bool is_wanted(const struct run *run)
{
    size_t at = run->first_feed[run->input];
    return run_next_feed(run, &at);
}

/* Records take the place of the source's series of their names. */
static bool is_replaced(const struct run *run, const struct leaf *leaf, const struct fed *fed)
{
    if (fed->writers || leaf->node->recorded == PLAN_NONE)
        return false;
    const struct record_list *list = &run->plan.recorded.at[leaf->node->recorded].named;
    struct str name = symbols_text(&run->symbols, labels_get(fed->labels, SYMBOL_NAME));
    for (size_t i = 0; i < list->n; i++)
        if (str_equal(run->records->at[list->at[i]].name, name))
            return true;
    return false;
}

void run_take(struct run *run, const struct fed *fed)
{
    struct feed *feed;
    run->nobody_listens = true;
    for (size_t at = run->first_feed[run->input]; (feed = run_next_feed(run, &at));) {
        run->nobody_listens = false;
        if (is_replaced(run, feed->leaf, fed))
            continue;
        if (run->source->ops.stats || run_is_recording(run, feed->query))
            feed->remote_samples += money_remote_samples(feed->leaf, &fed->samples);
        eval_series(feed->query, feed->leaf, fed);
    }
}

static enum ampql_code take(void *payload, struct labels labels, const struct samples *samples)
{
    struct run *run = payload;
    bool is_points = run->plan.selects.at[run->input].kind != SELECT_RAW;
    run_take(run, &(struct fed){.labels = labels, .samples = *samples, .is_points = is_points});
    /* when all have failed there is no need to read on */
    return run->nobody_listens ? AMPQL_CANCELED : AMPQL_OK;
}

static void fail_query(struct eval_query *query, enum ampql_code code,
                       const struct ampql_error *err)
{
    if (query->code != AMPQL_OK)
        return;
    query->code = code;
    query->err = *err;
}

void run_fail_waiting(struct run *run, enum ampql_code code, const struct ampql_error *err)
{
    const struct feed *feed;
    for (size_t at = run->first_feed[run->input]; (feed = run_next_feed(run, &at));) {
        struct ampql_error own = *err;
        struct span span = feed->leaf->node->ast->span;
        own.has_span = code == AMPQL_LIMIT;
        own.start = own.has_span ? span.start : 0;
        own.end = own.has_span ? span.end : 0;
        fail_query(feed->query, code, &own);
    }
    if (code == AMPQL_CANCELED || code == AMPQL_TIMEOUT)
        for (size_t q = 0; q < run->nall; q++)
            fail_query(&run->queries[q], code, err);
}

/* What the source said of a select reaches all queries that read it. */
static void pass_warnings(struct run *run, const struct intake_warnings *warnings)
{
    const struct feed *feed;
    struct ampql_error err = {0};
    for (size_t at = run->first_feed[run->input]; (feed = run_next_feed(run, &at));)
        for (size_t i = 0; i < warnings->n; i++)
            if (note_plain(feed->query, warnings->at[i], &err) != AMPQL_OK)
                fail_query(feed->query, AMPQL_NOMEM, &err);
}

static void read_select(struct run *run)
{
    struct ampql_error err = {0};
    struct intake_warnings warnings = {.arena = &run->arena};
    run->nobody_listens = false;
    enum ampql_code code;
    if (!run_read_shares(run, &warnings, &code, &err))
        code = intake_select(run->engine, run->source, &run->plan.selects.at[run->input],
                             run->plan.options.lookback_ms, run->plan.options.dialect, false,
                             &run->symbols, &run->limits, take, run, &run->costs[run->input],
                             &warnings, &err);
    if (code == AMPQL_CANCELED && run->nobody_listens)
        return;
    if (code != AMPQL_OK) {
        run_fail_waiting(run, code, &err);
        return;
    }
    pass_warnings(run, &warnings);
    const struct feed *feed;
    for (size_t at = run->first_feed[run->input]; (feed = run_next_feed(run, &at));)
        eval_end(feed->query, feed->leaf);
}

enum ampql_code run_prepare(struct run *run, struct ampql_error *err)
{
    size_t n = 0, room = run->plan.selects.n * (run->plan.nlevels + (size_t)1);
    if (!run->source->ops.prepare)
        return AMPQL_OK;
    const struct select **selects = arena_alloc(&run->arena, room, sizeof *selects);
    if (!selects)
        return fail_nomem(err, "a run");
    for (run->level = 0; run->level < run->plan.nlevels; run->level++)
        for (run->input = 0; run->input < run->plan.selects.n; run->input++)
            if (is_wanted(run))
                selects[n++] = &run->plan.selects.at[run->input];
    return intake_begin(run->engine, run->source, selects, n, run->plan.options.lookback_ms,
                        run->plan.options.dialect, &run->limits, err);
}

void run_read(struct run *run)
{
    for (run->level = 0; run->level < run->plan.nlevels; run->level++)
        for (run->input = 0; run->input < run->ninputs; run->input++) {
            if (!is_wanted(run))
                continue;
            eval_begin_select(&run->eval);
            if (run->input < run->plan.selects.n)
                read_select(run);
            else
                run_read_recorded(run);
            if (run->must_start_again)
                return;
        }
}
