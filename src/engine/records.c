/* Series of records: the evaluations of a rule are made once, and what a ruler would have written
 * is fed to leaves as a source's series are. */
#include "engine/run.h"

#include "base/time.h"
#include "eval/note.h"

/* ---- making */

static void explain(const struct run *run, size_t record, const struct ampql_error *why,
                    struct ampql_error *out)
{
    char rule[512];
    run->records->describe(run->records, record, rule, sizeof rule);
    fail(out, why->code, "%s: %s", rule, why->message);
}

/* The results of all evaluations made at once. */
static enum ampql_code take_rows(struct run *run, size_t k, struct ampql_error *err)
{
    struct eval_query *query = &run->queries[run->nqueries + k];
    struct evaluations *evaluations = &run->recordings[k].evaluations;
    for (size_t i = 0; i < query->rows.n; i++) {
        struct kept *kept = &query->rows.at[i];
        if (query->root->type == VALUE_SCALAR)
            row_fill(&kept->row);
        TRY(evaluations_add(evaluations, &run->eval, kept->labels, &kept->row, err));
    }
    query->rows.n = 0;
    return AMPQL_OK;
}

/* One evaluation failed, or would have added up in another order: but which? */
static bool needs_ticks(const struct eval_query *query)
{
    return query->code == AMPQL_EXECUTION || query->order_varies;
}

static enum ampql_code make_at_once(struct run *run, size_t k, struct ampql_error *err)
{
    struct eval_query *query = &run->queries[run->nqueries + k];
    eval_finish(query);
    if (needs_ticks(query)) {
        run->plan.options.states[run->plan.recordings.at[k].record].by_tick = true;
        run->must_start_again = true;
        return AMPQL_OK;
    }
    if (query->code != AMPQL_OK) {
        *err = query->err;
        return query->code;
    }
    return take_rows(run, k, err);
}

static enum ampql_code make(struct run *run, size_t k, struct ampql_error *err)
{
    const struct recording *recording = &run->plan.recordings.at[k];
    struct recording_run *made = &run->recordings[k];
    struct record_state *state = &run->plan.options.states[recording->record];
    made->is_begun = true;
    TRY(evaluations_init(&made->evaluations, &run->eval, run->records, recording->record,
                         &recording->grid, err));
    run->ruler.evaluations += recording->grid.n;
    if (!recording->root)
        for (size_t i = 0; i < recording->grid.n; i++)
            evaluations_fail(&made->evaluations, i, &recording->err);
    else if (recording->by_tick)
        TRY(run_make_ticks(run, k, err));
    else
        TRY(make_at_once(run, k, err));
    if (run->must_start_again)
        return AMPQL_OK;
    TRY(evaluations_finish(&made->evaluations, &run->eval, err));
    if (made->evaluations.nfailed && recording->root && !state->has_gaps)
        state->has_gaps = run->must_start_again = true;
    return AMPQL_OK;
}

void run_make(struct run *run, size_t k)
{
    struct recording_run *made = &run->recordings[k];
    struct ampql_error err = {0};
    if (made->is_made)
        return;
    made->is_made = true;
    made->code = make(run, k, &err);
    if (made->code != AMPQL_OK) {
        err.code = made->code;
        explain(run, run->plan.recordings.at[k].record, &err, &made->err);
    }
}

/* ---- feeding */

/* The evaluations of some records, in their order. */
struct list {
    ARRAY(struct evaluations *);
};

/* Make all of a record, and add them to the list; the first failure that is not an evaluation's. */
static enum ampql_code add_record(struct run *run, size_t record, struct list *list,
                                  struct ampql_error *err)
{
    for (size_t k = run->first_recording[record];
         k < run->plan.recordings.n && run->plan.recordings.at[k].record == record; k++) {
        struct recording_run *made = &run->recordings[k];
        run_make(run, k);
        if (run->must_start_again)
            return AMPQL_OK;
        if (made->code != AMPQL_OK) {
            *err = made->err;
            return made->code;
        }
        if (!array_push(list, &run->arena, &made->evaluations))
            return fail_nomem(err, "records");
    }
    return AMPQL_OK;
}

static enum ampql_code feed_recorded(void *payload, const struct fed *fed)
{
    struct run *run = payload;
    run_take(run, fed);
    return run->nobody_listens ? AMPQL_CANCELED : AMPQL_OK;
}

static enum ampql_code feed_all(struct run *run, const struct recorded *recorded,
                                const struct list *list, struct ampql_error *err)
{
    struct bound_matchers matchers;
    enum ampql_code code = matchers_bind(recorded->matchers, &run->symbols,
                                         run->plan.options.dialect, &run->arena, &matchers, err);
    run->nobody_listens = false;
    if (code == AMPQL_OK)
        code = recorded_each(&run->eval, run->records, list->at, list->n, &matchers, feed_recorded,
                             run, err);
    matchers_unbind(&matchers);
    return code == AMPQL_CANCELED && run->nobody_listens ? AMPQL_OK : code;
}

/* What a reader of records should know: evaluations that failed, and what the source said. */
static enum ampql_code say(struct run *run, struct eval_query *reader, size_t k,
                           struct ampql_error *err)
{
    const struct evaluations *e = &run->recordings[k].evaluations;
    const struct eval_query *query = &run->queries[run->nqueries + k];
    char rule[512], at[TIME_TEXT_MAX];
    struct ampql_error text; /* a line that is clipped where it is too long */
    for (size_t i = 0; i < query->notes.n; i++)
        if (query->notes.at[i].start == SIZE_MAX && !query->notes.at[i].is_falling)
            TRY(note_plain(reader, query->notes.at[i].text, err));
    if (e->nfailed == 0)
        return AMPQL_OK;
    if (run->is_strict) {
        explain(run, e->number, &e->err, err);
        return AMPQL_EXECUTION;
    }
    run->records->describe(run->records, e->number, rule, sizeof rule);
    time_format(grid_time(e->grid, e->last), at);
    if (e->grid->n == 1)
        fail(&text, AMPQL_OK, "%s: the evaluation at %s failed and wrote nothing: %s", rule, at,
             e->err.message);
    else
        fail(&text, AMPQL_OK,
             "%s: %zu of %zu evaluations failed and wrote nothing, the last at %s: %s", rule,
             e->nfailed, e->grid->n, at, e->err.message);
    return note_plain(reader, str_of(text.message), err);
}

static enum ampql_code say_all(struct run *run, const struct recorded *recorded,
                               struct eval_query *reader, struct ampql_error *err)
{
    for (size_t i = 0; i < recorded->records.n; i++) {
        size_t record = recorded->records.at[i];
        for (size_t k = run->first_recording[record];
             k < run->plan.recordings.n && run->plan.recordings.at[k].record == record; k++)
            TRY(say(run, reader, k, err));
    }
    return AMPQL_OK;
}

static enum ampql_code read_recorded(struct run *run, struct ampql_error *err)
{
    const struct recorded *recorded = &run->plan.recorded.at[run->input - run->plan.selects.n];
    struct list list = {0};
    for (size_t i = 0; i < recorded->records.n; i++) {
        TRY(add_record(run, recorded->records.at[i], &list, err));
        if (run->must_start_again)
            return AMPQL_OK;
    }
    TRY(feed_all(run, recorded, &list, err));
    const struct feed *feed;
    for (size_t at = run->from; (feed = run_next_feed(run, &at));) {
        TRY(say_all(run, recorded, feed->query, err));
        eval_end(feed->query, feed->leaf);
    }
    return AMPQL_OK;
}

void run_read_recorded(struct run *run)
{
    struct ampql_error err = {0};
    enum ampql_code code = read_recorded(run, &err);
    if (code != AMPQL_OK)
        run_fail_waiting(run, code, &err);
}

/* ---- handing out */

/* Of the series of a name those samples that are wanted. */
struct part {
    struct run *run;
    const struct record_want *want;
    size_t number; /* of the want */
    const struct record_taker *taker;
    struct arena arena;
    struct ampql_error *err;
};

static enum ampql_code take_part(void *payload, const struct fed *fed)
{
    struct part *part = payload;
    const struct record_want *want = part->want;
    size_t n = 0;
    arena_reset(&part->arena);
    int64_t *t = arena_alloc(&part->arena, fed->samples.n, sizeof *t);
    double *v = arena_alloc(&part->arena, fed->samples.n, sizeof *v);
    if (!t || !v)
        return fail_nomem(part->err, "a record's series");
    for (size_t i = 0; i < fed->samples.n; i++) {
        int64_t at_ms = fed->samples.t[i];
        if (at_ms < want->from_ms || at_ms > want->to_ms ||
            (!part->taker->by_name && fed->writers[i] != want->record))
            continue;
        t[n] = at_ms;
        v[n++] = fed->samples.v[i];
    }
    if (n == 0)
        return AMPQL_OK;
    return part->taker->series(part->taker->payload, part->number, &part->run->symbols, fed->labels,
                               &(struct samples){t, v, n}, part->err);
}

static void count_failures(const struct evaluations *e, const struct record_want *want,
                           struct record_report *out)
{
    for (size_t i = 0; i < e->grid->n; i++) {
        int64_t t = grid_time(e->grid, i);
        bool has_failed = e->failed[i / 64] >> (i % 64) & 1;
        if (t < want->from_ms || t > want->to_ms)
            continue;
        out->nevaluations++;
        out->nfailed += has_failed;
        if (has_failed) {
            out->err = &e->err;
            out->failed_ms = t;
        }
    }
}

static enum ampql_code report(struct run *run, const struct record_want *want, size_t number,
                              const struct record_taker *taker, struct ampql_error *err)
{
    struct record_report out = {0};
    struct list made = {0};
    TRY(add_record(run, want->record, &made, err));
    for (size_t i = 0; i < made.n; i++)
        count_failures(made.at[i], want, &out);
    if (out.nfailed && run->is_strict) {
        explain(run, want->record, out.err, err);
        return AMPQL_EXECUTION;
    }
    return taker->report(taker->payload, number, &out, err);
}

static bool has_same_name(const struct run *run, const struct record_want *a,
                          const struct record_want *b)
{
    return str_equal(run->records->at[a->record].name, run->records->at[b->record].name);
}

static enum ampql_code hand_out(struct run *run, struct part *part, const struct record_want *wants,
                                struct ampql_error *err)
{
    struct list list = {0};
    for (size_t i = 0; part->taker->by_name && i < part->number; i++)
        if (has_same_name(run, &wants[i], part->want))
            return AMPQL_OK;
    for (size_t r = 0; r < run->records->n; r++)
        if (str_equal(run->records->at[r].name, run->records->at[part->want->record].name))
            TRY(add_record(run, r, &list, err));
    return recorded_each(&run->eval, run->records, list.at, list.n, NULL, take_part, part, err);
}

static enum ampql_code warn_outrun(struct run *run, const struct record_want *want,
                                   const struct record_taker *taker, struct ampql_error *err)
{
    struct list made = {0};
    struct ampql_error text;
    bool was_outrun = false;
    TRY(add_record(run, want->record, &made, err));
    for (size_t i = 0; i < made.n; i++)
        was_outrun |= made.at[i]->was_outrun;
    const struct ampql_error what = {
        .message = "records series that another rule has recorded before: the first one counts"};
    explain(run, want->record, &what, &text);
    return was_outrun ? taker->warning(taker->payload, str_of(text.message), err) : AMPQL_OK;
}

/* What the source said, and what readers heard of evaluations that failed. */
static enum ampql_code pass_notes(struct run *run, const struct record_taker *taker,
                                  struct ampql_error *err)
{
    for (size_t k = 0; k < run->plan.recordings.n; k++) {
        const struct eval_query *query = &run->queries[run->nqueries + k];
        for (size_t i = 0; i < query->notes.n; i++)
            if (query->notes.at[i].start == SIZE_MAX && !query->notes.at[i].is_falling)
                TRY(taker->warning(taker->payload, query->notes.at[i].text, err));
    }
    return AMPQL_OK;
}

enum ampql_code run_hand_out(struct run *run, const struct record_want *wants, size_t nwants,
                             const struct record_taker *taker, struct ampql_error *err)
{
    struct part part = {.run = run, .taker = taker, .err = err};
    enum ampql_code code = AMPQL_OK;
    for (size_t k = 0; k < run->plan.recordings.n && !run->must_start_again; k++)
        run_make(run, k); /* so that nothing is handed out of an attempt that is not the last */
    if (run->must_start_again)
        return AMPQL_OK;
    for (size_t i = 0; i < nwants && code == AMPQL_OK; i++)
        code = report(run, &wants[i], i, taker, err);
    arena_init(&part.arena, &run->engine->alc);
    for (size_t i = 0; i < nwants && code == AMPQL_OK; i++) {
        part.want = &wants[i];
        part.number = i;
        code = hand_out(run, &part, wants, err);
    }
    arena_done(&part.arena);
    for (size_t i = 0; i < nwants && code == AMPQL_OK; i++)
        code = warn_outrun(run, &wants[i], taker, err);
    return code == AMPQL_OK ? pass_notes(run, taker, err) : code;
}
