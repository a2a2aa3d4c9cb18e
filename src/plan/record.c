/* Records in a plan: which of them a selector reads, at which of their ticks, and the recordings
 * that make them. */
#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>

/* What is asked of one record by all that read it. */
struct demand {
    struct {
        ARRAY(struct grid);
    } grids;
    struct matchers pushed; /* that all of its readers have */
    bool is_read;
};

int64_t record_last(const struct record *record, int64_t t_ms)
{
    int64_t past = (t_ms - record->phase_ms + record->query_offset_ms) % record->interval_ms;
    return t_ms - (past < 0 ? past + record->interval_ms : past);
}

int64_t plan_reach(const struct plan *plan, const struct grid *grid, const struct windows *windows)
{
    if (windows->step_ms == 0 || plan->reach_ms == PLAN_TIME_LIMIT) /* @: any time */
        return PLAN_TIME_LIMIT;
    int64_t reach = plan->reach_ms + windows->end_ms - grid->start_ms;
    return reach < PLAN_TIME_LIMIT ? reach : PLAN_TIME_LIMIT;
}

/* ---- what may be written when */

static int64_t common_divisor(int64_t a, int64_t b)
{
    return b == 0 ? a : common_divisor(b, a % b);
}

/* Are there times at which both are evaluated? */
static bool ticks_meet(const struct record *a, const struct record *b)
{
    return (a->phase_ms - b->phase_ms) % common_divisor(a->interval_ms, b->interval_ms) == 0;
}

/* When record `reader` is evaluated, has all been written that lies at most reach_ms past its
 * time? A rule above it in its group writes before it at the same tick; any other one's sample of
 * that tick is not there yet. */
static bool is_written(const struct records *records, size_t reader, size_t writer,
                       int64_t reach_ms)
{
    const struct record *r = &records->at[reader], *w = &records->at[writer];
    if (r->group == w->group && writer < reader)
        return reach_ms <= 0;
    int64_t least = r->query_offset_ms - w->query_offset_ms;
    return reach_ms < least || (reach_ms == least && !ticks_meet(r, w));
}

/* What a rule sets a label to; NULL: it leaves the label as it is. */
static const struct str *label_set_to(const struct record *record, struct str label)
{
    if (str_equal(label, STR("__name__")))
        return &record->name;
    for (size_t i = 0; i < record->nlabels; i++)
        if (str_equal(record->labels[i].name, label))
            return &record->labels[i].value;
    return NULL;
}

/* Does a label that one sets have another value in all series of the other? */
static bool is_told_apart(const struct record *a, const struct record *b)
{
    for (size_t i = 0; i < a->nlabels; i++) {
        const struct str *other = label_set_to(b, a->labels[i].name);
        if (other ? !str_equal(*other, a->labels[i].value)
                  : a->labels[i].value.n && expr_lacks_label(b->ast, a->labels[i].name))
            return true;
    }
    return false;
}

/* Can two records write the same series? */
static bool may_meet(const struct record *a, const struct record *b)
{
    return str_equal(a->name, b->name) && !is_told_apart(a, b) && !is_told_apart(b, a);
}

/* What else must be known of a record where others may write the same series: whose sample is there
 * first keeps the other's out, and so does a stale marker.
 *
 *   before_ms  earlier evaluations: they tell whether there is a marker
 *   after_ms   later ones, that write before another one's samples of the span come */
struct margin {
    int64_t before_ms, after_ms;
};

/* How far back a series of evaluations that failed is followed, where rules meet. */
enum { MAX_GAP = 64 };

static struct margin margin_of(const struct plan *plan, const size_t *others, size_t n,
                               size_t record)
{
    const struct records *records = plan->options.records;
    const struct record *r = &records->at[record];
    bool has_gaps = plan->options.states[record].has_gaps;
    int64_t interval_ms = r->interval_ms, apart_ms = 0, back = 0;
    struct margin margin = {0};
    for (size_t i = 0; i < n; i++) {
        size_t other = others ? others[i] : i;
        const struct record *o = &records->at[other];
        if (other == record || !may_meet(r, o))
            continue;
        int64_t after_ms = o->query_offset_ms - r->query_offset_ms;
        int64_t distance_ms = after_ms < 0 ? -after_ms : after_ms;
        back++;
        has_gaps |= plan->options.states[other].has_gaps;
        interval_ms = o->interval_ms > interval_ms ? o->interval_ms : interval_ms;
        apart_ms = distance_ms > apart_ms ? distance_ms : apart_ms;
        margin.after_ms = after_ms > margin.after_ms ? after_ms : margin.after_ms;
    }
    /* whether a rule had written a series hangs on the markers of another, which hang on those of a
     * third at the evaluation before */
    if (back > 0)
        margin.before_ms = (has_gaps && back < MAX_GAP ? MAX_GAP : back) * interval_ms + apart_ms;
    return margin;
}

/* ---- demands */

static enum ampql_code no_plan(struct ampql_error *err)
{
    return fail_nomem(err, "the plan");
}

static enum ampql_code make_room(struct plan *plan, struct ampql_error *err)
{
    if (!plan->demands)
        plan->demands = arena_zeroed(plan->arena, plan->options.records->n, sizeof *plan->demands);
    return plan->demands ? AMPQL_OK : no_plan(err);
}

static enum ampql_code demand_grid(struct plan *plan, size_t record, struct grid grid,
                                   struct ampql_error *err)
{
    return array_push(&plan->demands[record].grids, plan->arena, grid) ? AMPQL_OK : no_plan(err);
}

/* All that is written for the times (mint, maxt]. */
static enum ampql_code demand_span(struct plan *plan, size_t record, int64_t mint_ms,
                                   int64_t maxt_ms, struct ampql_error *err)
{
    const struct record *r = &plan->options.records->at[record];
    int64_t first = record_last(r, mint_ms) + r->interval_ms, last = record_last(r, maxt_ms);
    if (first > last)
        return AMPQL_OK;
    size_t n = (size_t)((uint64_t)(last - first) / (uint64_t)r->interval_ms) + 1;
    return demand_grid(plan, record, (struct grid){first, r->interval_ms, n}, err);
}

/* What an instant selector sees: at each step the newest evaluation tells which series are alive,
 * and their values. */
static enum ampql_code demand_newest(struct plan *plan, size_t record, const struct windows *w,
                                     struct ampql_error *err)
{
    const struct record *r = &plan->options.records->at[record];
    int64_t first = record_last(r, w->end_ms);
    bool is_old = first <= window_after(w, 0);
    if (w->n == 1 || w->step_ms == 0)
        return is_old ? AMPQL_OK
                      : demand_grid(plan, record, (struct grid){first, r->interval_ms, 1}, err);
    if (w->step_ms % r->interval_ms == 0)
        return is_old ? AMPQL_OK
                      : demand_grid(plan, record, (struct grid){first, w->step_ms, w->n}, err);
    return demand_span(plan, record, first - 1, window_end(w, w->n - 1), err);
}

/* Keep those matchers of a record's readers that all of them have, and that the expression decides.
 */
static enum ampql_code demand_matchers(struct plan *plan, size_t record, struct matchers matchers,
                                       struct ampql_error *err)
{
    static const struct str names[] = {{"__type__", 8}, {"__unit__", 8}}; /* go with the name */
    struct demand *demand = &plan->demands[record];
    struct matchers from = demand->is_read ? demand->pushed : matchers;
    struct matcher *at = arena_alloc(plan->arena, from.n, sizeof *at);
    size_t n = 0;
    if (!at)
        return no_plan(err);
    for (size_t i = 0; i < from.n; i++) {
        const struct matcher *m = &from.at[i];
        bool is_common = !demand->is_read;
        for (size_t k = 0; k < matchers.n; k++)
            is_common |= matchers.at[k].op == m->op && str_equal(matchers.at[k].name, m->name) &&
                         str_equal(matchers.at[k].value, m->value);
        if (is_common && !label_set_to(&plan->options.records->at[record], m->name) &&
            !str_equal(m->name, names[0]) && !str_equal(m->name, names[1]))
            at[n++] = *m;
    }
    demand->pushed = (struct matchers){at, n};
    demand->is_read = true;
    return AMPQL_OK;
}

static enum ampql_code demand_leaf(struct plan *plan, const struct node *leaf,
                                   const struct recorded *recorded, size_t i,
                                   struct ampql_error *err)
{
    size_t record = recorded->records.at[i];
    const struct windows *w = &leaf->windows;
    struct margin margin = margin_of(plan, recorded->records.at, recorded->records.n, record);
    bool is_newest_enough = leaf->kind == NODE_INSTANT && w->margin_after_ms == 0 &&
                            margin.before_ms == 0 && !plan->by_tick &&
                            !plan->options.states[record].has_gaps &&
                            !plan->options.records->writes_no_markers;
    TRY(demand_matchers(plan, record, recorded->matchers, err));
    if (is_newest_enough)
        return demand_newest(plan, record, w, err);
    return demand_span(plan, record, window_after(w, 0) - margin.before_ms,
                       window_end(w, w->n - 1) + margin.after_ms, err);
}

/* ---- selectors */

static enum ampql_code refuse_endless(const struct plan *plan, size_t record,
                                      struct ampql_error *err)
{
    const struct record *r = &plan->options.records->at[record];
    if (!r->endless.p)
        return AMPQL_OK;
    return fail(err, AMPQL_UNSUPPORTED, "%.*s: recursion without end, which has no first value",
                STR_ARGS(r->endless));
}

static bool has_name(struct matchers matchers)
{
    for (size_t i = 0; i < matchers.n; i++)
        if (matchers.at[i].op == MATCH_EQUAL && str_equal(matchers.at[i].name, STR("__name__")))
            return true;
    return false;
}

/* Has the source stored series of this name that the leaf would read? */
static enum ampql_code ask_stored(struct plan *plan, const struct node *leaf,
                                  struct matchers matchers, struct str name, bool *out,
                                  struct ampql_error *err)
{
    const struct windows *w = &leaf->windows;
    struct matcher *named = arena_alloc(plan->arena, matchers.n + 1, sizeof *named);
    if (!named)
        return no_plan(err);
    memcpy(named, matchers.at, matchers.n * sizeof *named);
    named[matchers.n] = (struct matcher){STR("__name__"), MATCH_EQUAL, name};
    return plan->options.is_stored(plan->options.is_stored_payload,
                                   (struct matchers){named, matchers.n + 1}, window_after(w, 0),
                                   window_end(w, w->n - 1), out, err);
}

static void leave_out(const struct records *records, struct record_list *list, struct str name)
{
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++)
        if (!str_equal(records->at[list->at[i]].name, name))
            list->at[n++] = list->at[i];
    list->n = n;
}

/* Leave out the records whose names the source has stored series of. */
static enum ampql_code leave_out_stored(struct plan *plan, const struct node *leaf,
                                        struct recorded *recorded, struct ampql_error *err)
{
    const struct records *records = plan->options.records;
    struct record_list *named = &recorded->named;
    for (size_t i = 0; i < named->n;) {
        struct str name = records->at[named->at[i]].name;
        bool is_stored = false;
        TRY(ask_stored(plan, leaf, recorded->matchers, name, &is_stored, err));
        if (is_stored) {
            leave_out(records, &recorded->records, name);
            leave_out(records, named, name);
            continue;
        }
        while (i < named->n && str_equal(records->at[named->at[i]].name, name))
            i++; /* records of one name stand mostly together */
    }
    return AMPQL_OK;
}

static bool lists_equal(const struct record_list *a, const struct record_list *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->at, b->at, a->n * sizeof *a->at) == 0);
}

/* The number of what reads these records through these matchers. */
static enum ampql_code find_recorded(struct plan *plan, const struct recorded *recorded,
                                     size_t *out, struct ampql_error *err)
{
    for (size_t i = 0; i < plan->recorded.n; i++) {
        const struct recorded *r = &plan->recorded.at[i];
        *out = i;
        if (lists_equal(&r->records, &recorded->records) &&
            lists_equal(&r->named, &recorded->named) &&
            matchers_equal(r->matchers, recorded->matchers))
            return AMPQL_OK;
    }
    *out = plan->recorded.n;
    return array_push(&plan->recorded, plan->arena, *recorded) ? AMPQL_OK : no_plan(err);
}

enum ampql_code plan_want_records(struct plan *plan, struct node *leaf, struct matchers matchers,
                                  bool *reads_source, struct ampql_error *err)
{
    const struct records *records = plan->options.records;
    struct recorded recorded = {.matchers = matchers};
    TRY(records->find(records, matchers, plan->arena, &recorded.named, &recorded.records, err));
    if (recorded.named.n && plan->options.is_stored && !plan->is_trial)
        TRY(leave_out_stored(plan, leaf, &recorded, err));
    const struct record_list *list = &recorded.records;
    for (size_t i = 0; i < list->n; i++)
        TRY(refuse_endless(plan, list->at[i], err));
    if (plan->is_trial) {
        int64_t reach_ms = plan_reach(plan, leaf->grid, &leaf->windows);
        for (size_t i = 0; i < list->n; i++)
            plan->sees_later |= !is_written(records, plan->record, list->at[i], reach_ms);
        return AMPQL_OK;
    }
    if (recorded.named.n == 0)
        return AMPQL_OK;
    TRY(make_room(plan, err));
    *reads_source = !has_name(matchers);
    TRY(find_recorded(plan, &recorded, &leaf->recorded, err));
    for (size_t i = 0; i < list->n; i++)
        TRY(demand_leaf(plan, leaf, &plan->recorded.at[leaf->recorded], i, err));
    return AMPQL_OK;
}

/* How far back the evaluation lies that tells which series end at the first one. */
static int64_t last_evaluation(const struct plan *plan, size_t record)
{
    const struct records *records = plan->options.records;
    if (records->writes_no_markers)
        return 0;
    return (plan->options.states[record].has_gaps ? MAX_GAP : 1) * records->at[record].interval_ms;
}

enum ampql_code plan_add_record(struct plan *plan, const struct record_want *want,
                                struct ampql_error *err)
{
    size_t record = want->record;
    TRY(refuse_endless(plan, record, err));
    TRY(make_room(plan, err));
    TRY(demand_matchers(plan, record, (struct matchers){0}, err));
    struct margin margin = margin_of(plan, NULL, plan->options.records->n, record);
    int64_t before_ms = want->has_first_ends ? last_evaluation(plan, record) : 0;
    if (before_ms > margin.before_ms)
        margin.before_ms = before_ms;
    return demand_span(plan, record, want->from_ms - 1 - margin.before_ms,
                       want->to_ms + margin.after_ms, err);
}

/* ---- recordings */

/* Grids of one step and phase next to each other, from left to right. */
static int by_phase(const void *a, const void *b)
{
    const struct grid *x = a, *y = b;
    if (x->step_ms != y->step_ms)
        return x->step_ms < y->step_ms ? -1 : 1;
    int64_t px = x->start_ms % x->step_ms, py = y->start_ms % y->step_ms;
    if (px != py)
        return px < py ? -1 : 1;
    return (x->start_ms > y->start_ms) - (x->start_ms < y->start_ms);
}

/* Join the grids that touch or overlap; leave out those that lie in one without gaps. Where grids
 * of different steps cross, a few times may be evaluated twice. */
static void join_grids(struct demand *demand, int64_t interval_ms)
{
    struct grid *at = demand->grids.at;
    size_t n = 0, nwhole = 0;
    if (demand->grids.n == 0)
        return;
    qsort(at, demand->grids.n, sizeof *at, by_phase);
    for (size_t i = 0; i < demand->grids.n; i++) {
        const struct grid g = at[i];
        struct grid *last = n ? &at[n - 1] : NULL;
        bool is_more = last && last->step_ms == g.step_ms &&
                       (g.start_ms - last->start_ms) % g.step_ms == 0 &&
                       g.start_ms <= grid_end(last) + g.step_ms;
        bool is_there = false;
        for (size_t k = 0; k < nwhole && g.step_ms > interval_ms; k++)
            is_there |= at[k].start_ms <= g.start_ms && grid_end(&g) <= grid_end(&at[k]);
        if (is_there)
            continue;
        if (!is_more)
            at[n++] = g;
        else if (grid_end(&g) > grid_end(last))
            last->n = (size_t)((grid_end(&g) - last->start_ms) / g.step_ms) + 1;
        if (g.step_ms == interval_ms)
            nwhole = n;
    }
    demand->grids.n = n;
}

/* Build the expression as the instant queries at the times of a grid see it. */
static enum ampql_code build_over(struct plan *plan, size_t record, const struct grid *grid,
                                  struct node **root, struct ampql_error *err)
{
    struct plan_options options = plan->options;
    const struct record *r = &plan->options.records->at[record];
    plan->options.grid = *grid;
    plan->options.end_ms = grid->start_ms; /* which makes range() 0 */
    plan->options.is_range_query = false;
    plan->end_ms = grid_end(grid);
    plan->reach_ms = 0;
    enum ampql_code code = plan_build(plan, r->ast, grid, root, err);
    plan->options = options;
    return code;
}

/* Find out whether all evaluations can be made at once, and which matchers may be pushed. */
static enum ampql_code try_record(struct plan *plan, size_t record, const struct grid *grid,
                                  struct ampql_error *err)
{
    struct record_state *state = &plan->options.states[record];
    struct node *root;
    uint64_t points = plan->points;
    plan->is_trial = true;
    plan->sees_later = false;
    enum ampql_code code = build_over(plan, record, grid, &root, err);
    plan->is_trial = false;
    plan->points = points;
    TRY(code);
    state->by_tick = state->by_tick || plan->sees_later || !plan_is_exact(plan, root);
    return plan_push(plan, &plan->options.records->at[record], root, plan->demands[record].pushed,
                     err);
}

static enum ampql_code add_recording(struct plan *plan, size_t record, const struct grid *grid,
                                     struct ampql_error *err)
{
    struct recording recording = {.record = record, .grid = *grid};
    if (grid->n > plan->options.max_points - plan->points)
        return fail(err, AMPQL_LIMIT, "records need more than %llu evaluations",
                    (unsigned long long)plan->options.max_points);
    plan->points += grid->n;
    struct grid *own = arena_new(plan->arena, struct grid);
    if (!own)
        return no_plan(err);
    *own = *grid;
    enum value_type type = plan->options.records->at[record].ast->type;
    enum ampql_code code =
        type == VALUE_SCALAR || type == VALUE_VECTOR
            ? AMPQL_OK
            : fail(&recording.err, AMPQL_EXECUTION, "rule result is not a vector or scalar");
    if (code == AMPQL_OK)
        code = try_record(plan, record, own, &recording.err);
    plan->by_tick = recording.by_tick = plan->options.states[record].by_tick;
    if (code == AMPQL_OK)
        code = build_over(plan, record, own, &recording.root, &recording.err);
    plan->by_tick = false;
    if (code != AMPQL_OK && code != AMPQL_EXECUTION) {
        *err = recording.err;
        return code;
    }
    if (code != AMPQL_OK)
        recording.root = NULL; /* durations that cannot be: as each evaluation would fail */
    if (recording.root && !recording.by_tick)
        plan_is_exact(plan, recording.root); /* marks the nodes */
    if (recording.root)
        plan_number(recording.root, &plan->nnumbers);
    return array_push(&plan->recordings, plan->arena, recording) ? AMPQL_OK : no_plan(err);
}

enum ampql_code plan_records(struct plan *plan, struct ampql_error *err)
{
    const struct records *records = plan->options.records;
    for (size_t i = 0; plan->demands && i < records->n; i++) {
        size_t record = records->order[i];
        struct demand *demand = &plan->demands[record];
        join_grids(demand, records->at[record].interval_ms);
        for (size_t k = 0; k < demand->grids.n; k++) {
            plan->record = record;
            plan->pushes.n = 0;
            TRY(add_recording(plan, record, &demand->grids.at[k], err));
        }
    }
    plan->record = PLAN_NONE;
    plan->pushes.n = 0;
    return AMPQL_OK;
}
