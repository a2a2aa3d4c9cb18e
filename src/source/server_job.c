/* Jobs: selects that are being answered. Parts are made as requests become possible, read as they
 * come, and joined in the order of time. */
#include "source/server_state.h"

#include "base/checked.h"

/* ---- making */

static bool copy_select(struct job *job, const struct ampql_select *select)
{
    struct ampql_matcher *at = arena_alloc(&job->arena, select->nmatchers, sizeof *at);
    job->select = *select;
    job->select.matchers = at;
    for (size_t i = 0; at && i < select->nmatchers; i++) {
        struct str name = arena_copy(&job->arena, str_view(select->matchers[i].name));
        struct str value = arena_copy(&job->arena, str_view(select->matchers[i].value));
        if (!name.p || !value.p)
            return false;
        at[i] =
            (struct ampql_matcher){{name.p, name.n}, select->matchers[i].op, {value.p, value.n}};
    }
    return at;
}

static bool is_same(const struct ampql_select *a, const struct ampql_select *b)
{
    if (a->kind != b->kind || a->nmatchers != b->nmatchers || a->mint_ms != b->mint_ms ||
        a->maxt_ms != b->maxt_ms || a->start_ms != b->start_ms || a->end_ms != b->end_ms ||
        a->step_ms != b->step_ms || a->lookback_ms != b->lookback_ms || a->dialect != b->dialect)
        return false;
    for (size_t i = 0; i < a->nmatchers; i++)
        if (a->matchers[i].op != b->matchers[i].op ||
            !str_equal(str_view(a->matchers[i].name), str_view(b->matchers[i].name)) ||
            !str_equal(str_view(a->matchers[i].value), str_view(b->matchers[i].value)))
            return false;
    return true;
}

/* How long the first part is, whose answer tells how long the others may be. */
static int64_t first_chunk(const struct server *server, const struct job *job)
{
    enum { FIRST_RAW_MS = 2 * 60 * 60 * 1000, FIRST_POINTS = 128 };
    int64_t ms;
    if (server->options.chunk_ms > 0)
        return server->options.chunk_ms;
    if (job->select.kind == AMPQL_SELECT_RAW)
        return FIRST_RAW_MS;
    return checked_mul(job->select.step_ms, (int64_t)FIRST_POINTS, &ms) ? ms : INT64_MAX;
}

static enum ampql_code job_new(struct server *server, const struct ampql_select *select,
                               struct job **out, struct ampql_error *err)
{
    struct job *job = alloc_get(&server->alc, 1, sizeof *job);
    if (!job)
        return fail_nomem(err, "a select");
    *job = (struct job){.at = wire_begin(select)};
    arena_init(&job->arena, &server->alc);
    if (!copy_select(job, select)) {
        arena_done(&job->arena);
        alloc_put(&server->alc, job, 1, sizeof *job);
        return fail_nomem(err, "a select");
    }
    job->chunk_ms = first_chunk(server, job);
    job->knows_rate = server->options.chunk_ms > 0;
    *out = job;
    return AMPQL_OK;
}

/* Charge the job with what has been counted since: one job is worked on at a time. */
static void charge(const struct server *server, struct job *job,
                   const struct ampql_source_stats *before)
{
    job->cost.requests += server->stats.requests - before->requests;
    job->cost.retries += server->stats.retries - before->retries;
    job->cost.bytes += server->stats.bytes - before->bytes;
    job->cost.billed_samples += server->stats.billed_samples - before->billed_samples;
}

enum ampql_code job_find_or_add(struct server *server, const struct ampql_select *select,
                                struct job **out, struct ampql_error *err)
{
    struct job **end = &server->jobs;
    for (; *end; end = &(*end)->next) {
        if (is_same(&(*end)->select, select)) {
            *out = *end;
            return AMPQL_OK;
        }
    }
    TRY(server_learn(server, select, err));
    TRY(wire_check(select, &server->wire, err));
    TRY(job_new(server, select, end, err));
    struct ampql_source_stats before = server->stats;
    enum ampql_code code = names_cut(server, *end, err);
    charge(server, *end, &before);
    if (code != AMPQL_OK)
        job_free(server, *end);
    else
        *out = *end;
    return code;
}

void job_free(struct server *server, struct job *job)
{
    for (struct job **at = &server->jobs; *at; at = &(*at)->next)
        if (*at == job) {
            *at = job->next;
            break;
        }
    for (struct part *part = job->first; part; part = part->next)
        part_drop(server, part);
    if (job->hold) {
        hold_done(job->hold);
        alloc_put(&server->alc, job->hold, 1, sizeof *job->hold);
    }
    arena_done(&job->arena);
    alloc_put(&server->alc, job, 1, sizeof *job);
}

/* ---- parts */

enum ampql_code job_add_part(struct job *job, struct part *behind, const struct wire_part *wire,
                             struct part **out, struct ampql_error *err)
{
    if (job->nparts == SERVER_MAX_PARTS)
        return fail(err, AMPQL_LIMIT,
                    "one select would take more than %d requests: ask for less time at once",
                    SERVER_MAX_PARTS);
    struct part *part = arena_new(&job->arena, struct part);
    if (!part)
        return fail_nomem(err, "a request");
    part->wire = *wire;
    part->next = behind ? behind->next : NULL;
    if (behind)
        behind->next = part;
    else
        job->first = part;
    if (!part->next)
        job->last = part;
    job->nparts++;
    *out = part;
    return AMPQL_OK;
}

/* How long the next part is. */
static int64_t chunk_now(const struct job *job)
{
    return job->most_ms && job->most_ms < job->chunk_ms ? job->most_ms : job->chunk_ms;
}

/* Lengths, each a multiple of those before it, so that parts begin and end at the same times
 * whatever the select's own window is. */
static const int64_t ladder[] = {
    1000,
    5 * 1000,
    15 * 1000,
    60 * 1000,
    5 * 60 * 1000,
    15 * 60 * 1000,
    30 * 60 * 1000,
    60 * 60 * 1000,
    2 * 3600 * 1000,
    4 * 3600 * 1000,
    12 * 3600 * 1000,
    24 * 3600 * 1000,
    7 * WIRE_DAY_MS,
    28 * WIRE_DAY_MS,
};
enum { NRUNGS = sizeof ladder / sizeof *ladder };

void job_learn(struct server *server, struct job *job, const struct part *part,
               const struct decoded *decoded)
{
    if (server->options.chunk_ms > 0)
        return;
    bool is_raw = job->select.kind == AMPQL_SELECT_RAW;
    uint64_t n =
        decoded->samples > decoded->billed_samples ? decoded->samples : decoded->billed_samples;
    uint64_t most = server->options.max_request_samples;
    int64_t span = part->wire.to_ms - part->wire.from_ms;
    if (!is_raw)
        span += job->select.end_ms > job->select.start_ms ? job->select.step_ms : 1;
    /* a window may hold nothing and the next one much: grow by steps */
    const double growth = 4;
    double fits = n ? (double)span * ((double)most / (double)n) : (double)span * growth;
    if (fits > (double)span * growth)
        fits = (double)span * growth;
    int64_t chunk = is_raw ? ladder[0] : 1;
    for (size_t i = 0; is_raw && i < NRUNGS && (double)ladder[i] <= fits; i++)
        chunk = ladder[i];
    if (!is_raw && fits >= 1)
        chunk = (int64_t)fits;
    job->chunk_ms = chunk;
    job->knows_rate = true;
}

/* Lengths that are no rung are cut down to one, so that parts still end at round times. */
static int64_t rung_below(int64_t ms)
{
    int64_t rung = ms < ladder[0] ? ms : ladder[0];
    for (size_t i = 0; i < NRUNGS && ladder[i] <= ms; i++)
        rung = ladder[i];
    return rung;
}

/* The parts of one window; *out is the first. */
static enum ampql_code add_window(struct job *job, struct wire_part *wire, struct part **out,
                                  struct ampql_error *err)
{
    struct part *part = NULL;
    *out = NULL;
    for (size_t i = 0; i == 0 || i < job->cuts.n; i++) {
        wire->cut = job->cuts.n ? job->cuts.at[i] : NULL;
        TRY(job_add_part(job, job->last, wire, &part, err));
        if (!*out)
            *out = part;
    }
    return AMPQL_OK;
}

static enum ampql_code plan_part(struct server *server, struct job *job, struct part **out,
                                 struct ampql_error *err)
{
    int64_t at = job->at, chunk = chunk_now(job);
    if (job->select.kind == AMPQL_SELECT_RAW && server->options.chunk_ms == 0)
        chunk = rung_below(chunk);
    struct wire_part wire = wire_next(&job->select, &server->wire, chunk, &at);
    TRY(add_window(job, &wire, out, err));
    job->at = at;
    return AMPQL_OK;
}

static int64_t clock_of(const struct server *server)
{
    return server->transport.monotonic(server->transport.payload);
}

/* A part of the job that may be asked for now; NULL: none. */
static enum ampql_code next_part(struct server *server, struct job *job, struct part **out,
                                 struct ampql_error *err)
{
    int64_t now = clock_of(server);
    *out = NULL;
    if (now < server->not_before_ms)
        return AMPQL_OK;
    for (struct part *part = job->first; part; part = part->next) {
        if (part->state == PART_WAITING && part->due_ms <= now) {
            *out = part;
            return AMPQL_OK;
        }
        /* after a cut the first half shows how small parts must be */
        if (job->ncuts && part->state != PART_DONE)
            return AMPQL_OK;
    }
    /* before the first answer nobody knows how much a request may ask for */
    if (!wire_has_part(&job->select, job->at) || (!job->knows_rate && job->nparts))
        return AMPQL_OK;
    return plan_part(server, job, out, err);
}

static enum ampql_code start_parts(struct server *server, struct job *job, size_t max_flying,
                                   struct ampql_error *err)
{
    while (server->nflying < max_flying) {
        struct part *part;
        TRY(next_part(server, job, &part, err));
        if (!part)
            break;
        struct ampql_source_stats before = server->stats;
        enum ampql_code code = part_start(server, job, part, err);
        charge(server, job, &before);
        if (code != AMPQL_OK)
            return code;
    }
    return AMPQL_OK;
}

/* Start what may be started: of this job first, then of those that come after it, which leave one
 * place free: nobody reads them yet, and what of this job has to be asked for again would wait for
 * ever. */
static enum ampql_code fill(struct server *server, struct job *current, struct ampql_error *err)
{
    size_t max = server->options.max_concurrency;
    TRY(start_parts(server, current, max, err));
    for (struct job *job = server->jobs; job; job = job->next)
        if (job != current)
            TRY(start_parts(server, job, max - 1, err));
    return AMPQL_OK;
}

/* ---- joining */

static void count_held(struct server *server)
{
    uint64_t bytes = 0, samples = 0;
    for (const struct job *job = server->jobs; job; job = job->next) {
        bytes += job->hold ? hold_bytes(job->hold) : 0;
        samples += job->hold ? hold_samples(job->hold) : 0;
        for (const struct part *part = job->first; part; part = part->next) {
            bytes += part->hold ? hold_bytes(part->hold) : 0;
            samples += part->hold ? hold_samples(part->hold) : 0;
        }
    }
    if (bytes > server->stats.held_bytes) {
        server->stats.held_bytes = bytes;
        server->stats.held_samples = samples;
    }
}

/* Parts at the front that are done go into the whole. */
static enum ampql_code join(struct server *server, struct job *job, struct ampql_error *err)
{
    while (job->first && job->first->state == PART_DONE) {
        struct part *part = job->first;
        if (!job->hold) {
            job->hold = part->hold;
            part->hold = NULL;
        } else {
            enum ampql_code code = hold_join(job->hold, part->hold, err);
            if (code != AMPQL_OK)
                return code;
        }
        part_drop(server, part);
        job->first = part->next;
        if (!job->first)
            job->last = NULL;
    }
    return AMPQL_OK;
}

/* ---- driving */

/* The part to read: one whose bytes are there, else the first under way. */
static struct part *flying_part(struct server *server, const struct job *job)
{
    struct part *first = NULL;
    for (struct part *part = job->first; part; part = part->next) {
        if (part->state != PART_FLYING)
            continue;
        if (server->transport.is_ready(part->transfer))
            return part;
        if (!first)
            first = part;
    }
    return first;
}

/* How long until something of the job may be started. */
static int64_t idle_ms(const struct server *server, const struct job *job)
{
    int64_t now = clock_of(server), due = INT64_MAX;
    for (const struct part *part = job->first; part; part = part->next) {
        if (part->state == PART_WAITING && part->due_ms < due)
            due = part->due_ms;
        if (job->ncuts && part->state != PART_DONE) /* as next_part */
            break;
    }
    if (due == INT64_MAX || due < server->not_before_ms)
        due = server->not_before_ms;
    return due > now ? due - now : 0;
}

static bool is_over(const struct job *job)
{
    return !job->first && !wire_has_part(&job->select, job->at);
}

enum ampql_code job_finish(struct server *server, struct job *job, struct ampql_error *err)
{
    while (!is_over(job)) {
        TRY(fill(server, job, err));
        struct part *part = flying_part(server, job);
        if (!part) {
            int64_t ms = idle_ms(server, job);
            server->retry_at_ms = clock_of(server) + ms;
            TRY(server->transport.wait(server->transport.payload, ms, err));
            server->retry_at_ms = 0;
            continue;
        }
        struct ampql_source_stats before = server->stats;
        enum ampql_code code = part_read(server, job, part, err);
        charge(server, job, &before);
        if (code != AMPQL_OK)
            return code;
        if (part->state == PART_DONE) {
            count_held(server);
            TRY(join(server, job, err));
        }
    }
    return AMPQL_OK;
}
