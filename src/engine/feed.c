/* Series on their way from the source to the leaves that want them: each select is read once, and
 * each of its series fed to all. */
#include "engine/run.h"

#include "eval/note.h"

#include <stdlib.h>

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

/* By level, else as they stand: queries and their leaves are in arrays. */
static int compare_feeds(const void *a, const void *b)
{
    const struct feed *x = *(struct feed *const *)a, *y = *(struct feed *const *)b;
    if (x->level != y->level)
        return x->level < y->level ? -1 : 1;
    if (x->query != y->query)
        return x->query < y->query ? -1 : 1;
    return (x->leaf > y->leaf) - (x->leaf < y->leaf);
}

static int compare_turns(const void *a, const void *b)
{
    const struct turn *x = a, *y = b;
    if (x->level != y->level)
        return x->level < y->level ? -1 : 1;
    return (x->input > y->input) - (x->input < y->input);
}

static enum ampql_code list_turns(struct run *run, struct ampql_error *err)
{
    size_t nfeeds = run->first_feed[run->ninputs];
    run->turns = arena_alloc(&run->arena, nfeeds, sizeof *run->turns);
    run->ordered = arena_alloc(&run->arena, nfeeds, sizeof(struct feed *));
    if (!run->turns || !run->ordered)
        return fail_nomem(err, "a run");
    for (size_t i = 0; i < nfeeds; i++)
        run->ordered[i] = &run->feeds[i];
    for (size_t input = 0; input < run->ninputs; input++) {
        size_t from = run->first_feed[input], end = run->first_feed[input + 1];
        if (end > from)
            qsort(run->ordered + from, end - from, sizeof(struct feed *), compare_feeds);
        for (size_t upto; from < end; from = upto) {
            unsigned level = run->ordered[from]->level;
            for (upto = from; upto < end && run->ordered[upto]->level == level; upto++)
                continue;
            run->turns[run->nturns++] = (struct turn){level, input, from, upto};
        }
    }
    if (run->nturns)
        qsort(run->turns, run->nturns, sizeof *run->turns, compare_turns);
    return AMPQL_OK;
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
    return list_turns(run, err);
}

struct feed *run_next_feed(const struct run *run, size_t *at)
{
    while (*at < run->upto) {
        struct feed *feed = run->ordered[(*at)++];
        if (eval_wants(feed->query, feed->leaf))
            return feed;
    }
    return NULL;
}

/* Does anyone want the input being read? */
static bool is_wanted(const struct run *run)
{
    size_t at = run->from;
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
    for (size_t at = run->from; (feed = run_next_feed(run, &at));) {
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
    for (size_t at = run->from; (feed = run_next_feed(run, &at));) {
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
    for (size_t at = run->from; (feed = run_next_feed(run, &at));)
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
    for (size_t at = run->from; (feed = run_next_feed(run, &at));)
        eval_end(feed->query, feed->leaf);
}

static void take_turn(struct run *run, const struct turn *turn)
{
    run->level = turn->level;
    run->input = turn->input;
    run->from = turn->from;
    run->upto = turn->upto;
}

enum ampql_code run_prepare(struct run *run, struct ampql_error *err)
{
    size_t n = 0;
    if (!run->source->ops.prepare)
        return AMPQL_OK;
    const struct select **selects = arena_alloc(&run->arena, run->nturns, sizeof *selects);
    if (!selects)
        return fail_nomem(err, "a run");
    for (size_t i = 0; i < run->nturns; i++) {
        take_turn(run, &run->turns[i]);
        if (run->input < run->plan.selects.n && is_wanted(run))
            selects[n++] = &run->plan.selects.at[run->input];
    }
    return intake_begin(run->engine, run->source, selects, n, run->plan.options.lookback_ms,
                        run->plan.options.dialect, &run->limits, err);
}

void run_read(struct run *run)
{
    for (size_t i = 0; i < run->nturns; i++) {
        take_turn(run, &run->turns[i]);
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
