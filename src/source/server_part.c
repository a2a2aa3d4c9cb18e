/* One part of a select: asking for it, reading it, and cutting it when it is too much. */
#include "source/server_state.h"

enum {
    MIN_SPAN_MS = 60000, /* RAW: below this fewer series help more than less time */
    MAX_QUERY = 4 << 20
};

void part_drop(struct server *server, struct part *part)
{
    if (part->state == PART_FLYING) {
        server_end(server, part->transfer);
        server->nflying--;
    }
    if (part->hold) {
        hold_done(part->hold);
        alloc_put(&server->alc, part->hold, 1, sizeof *part->hold);
    }
    part->transfer = NULL;
    part->hold = NULL;
    part->state = PART_WAITING;
}

/* ---- asking */

/* What the run may still cost; the rest of the budget is what the server gets as its threshold. */
static enum ampql_code check_money(struct server *server, struct ampql_error *err)
{
    uint64_t max = server->options.max_billed_samples;
    uint64_t spent = server->stats.billed_samples - server->billed_before;
    if (max == 0)
        return AMPQL_OK;
    if (spent >= max)
        return fail(
            err, AMPQL_LIMIT,
            "%.*s has billed %llu samples, and --max-billed-samples is %llu: nothing more is "
            "asked",
            STR_ARGS(server->origin), (unsigned long long)spent, (unsigned long long)max);
    server->wire.max_billed = server->options.is_amp ? max - spent : 0;
    return AMPQL_OK;
}

enum ampql_code part_start(struct server *server, struct job *job, struct part *part,
                           struct ampql_error *err)
{
    struct arena work;
    struct buf form;
    TRY(check_money(server, err));
    arena_init(&work, &server->alc);
    buf_init(&form, &server->alc, MAX_QUERY);
    wire_form(&form, &job->select, &server->wire, &part->wire);
    struct server_ask ask = {str_of(wire_path(&job->select, &part->wire)), buf_view(&form), false};
    enum ampql_code code =
        form.failed == AMPQL_OK ? AMPQL_OK
        : form.failed == AMPQL_NOMEM
            ? fail_nomem(err, "a request")
            : fail(err, AMPQL_LIMIT, "a selector of over %d MiB", MAX_QUERY >> 20);
    if (code == AMPQL_OK)
        code = server_start(server, &ask, &work, &part->transfer, err);
    if (code == AMPQL_OK) {
        part->state = PART_FLYING;
        server->nflying++;
    }
    buf_done(&form);
    arena_done(&work);
    return code;
}

/* ---- cutting */

static enum ampql_code replace(struct job *job, struct part *part, const struct wire_part *first,
                               const struct wire_part *second, struct ampql_error *err)
{
    struct part *added;
    TRY(job_add_part(job, part, second, &added, err));
    job->ncuts++;
    part->wire = *first;
    part->due_ms = 0;
    /* what was waited counts for both halves: a server that is down must not be asked for ever */
    part->attempt.was_broken = false;
    added->attempt = part->attempt;
    return AMPQL_OK;
}

static bool cut_time(struct job *job, const struct part *part, int64_t min_ms,
                     struct wire_part *first, struct wire_part *second)
{
    bool is_raw = job->select.kind == AMPQL_SELECT_RAW;
    int64_t span = part->wire.to_ms - part->wire.from_ms;
    return !(is_raw && span <= min_ms) && wire_halve(&job->select, &part->wire, first, second);
}

/* One cut names the first half of the values, as many as a regex may hold, the other all the rest.
 */
static enum ampql_code make_cut(struct job *job, const struct part *part, struct str name,
                                const struct strs *values, struct wire_part *first,
                                struct wire_part *second, struct ampql_error *err)
{
    struct wire_cut *some = arena_new(&job->arena, struct wire_cut);
    struct wire_cut *rest = arena_new(&job->arena, struct wire_cut);
    struct strs named = {0};
    struct str name_copy = arena_copy(&job->arena, name);
    bool ok = some && rest && name_copy.p;
    for (size_t i = 0, bytes = 0; ok && i < (values->n + 1) / 2; i++) {
        bytes += values->at[i].n + 1;
        if (i && bytes > SERVER_MAX_REGEX)
            break;
        struct str copy = arena_copy(&job->arena, values->at[i]);
        ok = copy.p && array_push(&named, &job->arena, copy);
    }
    if (!ok)
        return fail_nomem(err, "the values of a label");
    *some = (struct wire_cut){part->wire.cut, name_copy, false, named.at, named.n};
    *rest = (struct wire_cut){part->wire.cut, name_copy, true, named.at, named.n};
    *first = *second = part->wire;
    first->cut = some;
    second->cut = rest;
    return AMPQL_OK;
}

/* Is this label pinned to one value by the select itself? */
static bool is_pinned(const struct job *job, struct str name)
{
    for (size_t i = 0; i < job->select.nmatchers; i++)
        if (job->select.matchers[i].op == AMPQL_MATCH_EQUAL &&
            str_equal(str_view(job->select.matchers[i].name), name))
            return true;
    return false;
}

/* Can a series with this value of a label lie in the part, by what was cut already? */
static bool may_have(const struct wire_cut *cut, struct str name, struct str value)
{
    for (; cut; cut = cut->outer) {
        bool is_named = false;
        if (!str_equal(cut->name, name))
            continue;
        for (size_t i = 0; i < cut->nvalues && !is_named; i++)
            is_named = str_equal(cut->values[i], value);
        if (is_named == cut->is_rest)
            return false;
    }
    return true;
}

/* Values that lie outside of the part go: some servers do not look at match[], and cutting off the
 * same values again would never end. */
static void keep_inside(const struct part *part, struct str name, struct strs *values)
{
    size_t n = 0;
    for (size_t i = 0; i < values->n; i++)
        if (may_have(part->wire.cut, name, values->at[i]))
            values->at[n++] = values->at[i];
    values->n = n;
}

static enum ampql_code try_label(struct server *server, struct job *job, const struct part *part,
                                 struct str name, struct arena *work, bool *is_cut,
                                 struct wire_part *first, struct wire_part *second,
                                 struct ampql_error *err)
{
    struct strs values;
    if (is_pinned(job, name))
        return AMPQL_OK;
    TRY(server_values(server, &job->select, &part->wire, name, work, &values, err));
    keep_inside(part, name, &values);
    if (values.n < 2)
        return AMPQL_OK;
    *is_cut = true;
    return make_cut(job, part, name, &values, first, second, err);
}

/* Find a label that tells the series of a part apart: first those that clusters have, then any. */
static enum ampql_code cut_labels(struct server *server, struct job *job, const struct part *part,
                                  bool *is_cut, struct wire_part *first, struct wire_part *second,
                                  struct ampql_error *err)
{
    static const char *const usual[] = {"namespace", "node", "instance", "pod", "job"};
    enum { NUSUAL = sizeof usual / sizeof *usual };
    struct arena work;
    struct strs names = {0};
    enum ampql_code code = AMPQL_OK;
    *is_cut = false;
    arena_init(&work, &server->alc);
    for (size_t i = 0; i < NUSUAL && code == AMPQL_OK && !*is_cut; i++)
        code = try_label(server, job, part, str_of(usual[i]), &work, is_cut, first, second, err);
    if (code == AMPQL_OK && !*is_cut)
        code = server_values(server, &job->select, &part->wire, STR(""), &work, &names, err);
    for (size_t i = 0; i < names.n && code == AMPQL_OK && !*is_cut; i++)
        code = try_label(server, job, part, names.at[i], &work, is_cut, first, second, err);
    arena_done(&work);
    return code;
}

/* Cut a part that was refused with the code and message in err, which stay when it cannot be. */
static enum ampql_code cut(struct server *server, struct job *job, struct part *part,
                           const struct verdict *verdict, struct ampql_error *err)
{
    struct wire_part first, second;
    struct ampql_error inner = {0};
    bool is_cut = false;
    bool labels_first = verdict->kind == VERDICT_SPLIT_LABELS;
    if (job->ncuts == SERVER_MAX_CUTS)
        return verdict->code;
    if (!labels_first && cut_time(job, part, MIN_SPAN_MS, &first, &second)) {
        int64_t span = part->wire.to_ms - part->wire.from_ms;
        if (job->most_ms == 0 || span / 2 < job->most_ms) /* and those to come are no longer */
            job->most_ms = span / 2 > 0 ? span / 2 : 1;
        return replace(job, part, &first, &second, err);
    }
    enum ampql_code code = cut_labels(server, job, part, &is_cut, &first, &second, &inner);
    if (code == AMPQL_OK && !is_cut)
        is_cut = cut_time(job, part, 1, &first, &second);
    if (code == AMPQL_OK && is_cut)
        return replace(job, part, &first, &second, err);
    if (code == AMPQL_OK)
        return verdict->code;
    if (err)
        *err = inner;
    return code;
}

/* ---- reading */

/* What a verdict means for a part whose transfer has ended. */
static enum ampql_code follow(struct server *server, struct job *job, struct part *part,
                              const struct verdict *verdict, struct ampql_error *err)
{
    switch (verdict->kind) {
    case VERDICT_AGAIN:
        part->due_ms = server->transport.monotonic(server->transport.payload) + verdict->wait_ms;
        return AMPQL_OK;
    case VERDICT_SPLIT:
    case VERDICT_SPLIT_LABELS:
        return cut(server, job, part, verdict, err);
    case VERDICT_OVER:
        break;
    }
    return verdict->code;
}

static enum ampql_code keep_warning(struct job *job, struct str warning, struct ampql_error *err)
{
    for (size_t i = 0; i < job->warnings.n; i++)
        if (str_equal(job->warnings.at[i], warning))
            return AMPQL_OK;
    return warning.n == 0 || array_push(&job->warnings, &job->arena, warning)
               ? AMPQL_OK
               : fail_nomem(err, "a warning");
}

static enum ampql_code take(struct server *server, struct job *job, struct part *part,
                            struct decoded *decoded, struct ampql_error *err)
{
    part->hold = decoded->hold;
    part->state = PART_DONE;
    part->transfer = NULL;
    server->stats.billed_samples += decoded->billed_samples;
    server->samples += decoded->samples;
    server->windows_done++;
    job->ncuts = 0;
    job_learn(server, job, part, decoded);
    return keep_warning(job, decoded->warning, err);
}

/* The body of a 200. A broken one is asked for once more: it may have been cut on the way. */
static enum ampql_code read_answer(struct server *server, struct job *job, struct part *part,
                                   struct verdict *verdict, struct ampql_error *err)
{
    struct decoded decoded;
    enum ampql_code code = server_decode(server, job, part, &job->arena, &decoded, err);
    void *transfer = part->transfer;
    if (code == AMPQL_OK) {
        code = take(server, job, part, &decoded, err);
        server_end(server, transfer);
        server->nflying--;
        return code;
    }
    server_refuse_body(server, transfer, code, err);
    server_judge_transport(server, transfer, code, &part->attempt, verdict, err);
    if (verdict->kind == VERDICT_OVER && decoded.is_broken && !part->attempt.was_broken) {
        part->attempt.was_broken = true;
        server->stats.retries++;
        *verdict = (struct verdict){.kind = VERDICT_AGAIN, .code = code};
    }
    part_drop(server, part);
    return AMPQL_OK;
}

enum ampql_code part_read(struct server *server, struct job *job, struct part *part,
                          struct ampql_error *err)
{
    struct verdict verdict = {.kind = VERDICT_OVER};
    int status = 0;
    enum ampql_code code = server->transport.status(part->transfer, &status, err);
    if (code == AMPQL_OK && status == 200) {
        TRY(read_answer(server, job, part, &verdict, err));
        if (part->state == PART_DONE)
            return AMPQL_OK;
    } else if (code == AMPQL_OK) {
        TRY(server_judge_answer(server, part->transfer, status, &part->attempt, &verdict, err));
        part_drop(server, part);
    } else {
        server_judge_transport(server, part->transfer, code, &part->attempt, &verdict, err);
        part_drop(server, part);
    }
    return follow(server, job, part, &verdict, err);
}
