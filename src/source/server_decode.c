/* An answer's body into packed columns, each sample checked on its way: it is of a series that was
 * asked for, at a time that was asked for, after the one before. */
#include "source/answers.h"
#include "source/server_state.h"

#include "base/time.h"

#include <stdio.h>

enum { GATHER = BLOCK_MAX_SAMPLES };

struct decoder {
    struct server *server;
    const struct job *job;
    const struct part *part;
    struct hold *hold;
    struct arena arena; /* matchers, and what regexes said of values */
    struct bound_matchers matchers;
    uint64_t samples;

    size_t series; /* the one being read */
    int64_t *t;    /* [GATHER] its samples that are not yet packed */
    double *v;
    size_t n;
    bool has_last;
    int64_t last_ms; /* as the server sent it */
    double last;
};

static void describe(void *payload, char *out, size_t size)
{
    const struct decoder *d = payload;
    store_describe(&d->hold->sets, d->hold->sets.series.at[d->series].labels, out, size);
}

/* Names are lost, and this part is of all that were not listed: there should be none. */
static bool is_nameless(const struct decoder *d)
{
    return wire_loses_names(&d->job->select) &&
           wire_lost_name(&d->job->select, &d->part->wire).n == 0;
}

static enum ampql_code take_series(void *payload, const struct ampql_label *labels, size_t nlabels,
                                   struct ampql_error *err)
{
    struct decoder *d = payload;
    char name[200];
    size_t known = d->hold->sets.series.n;
    TRY(hold_find_or_add_text(d->hold, labels, nlabels, &d->series, err));
    d->n = 0;
    d->has_last = false;
    if (is_nameless(d)) {
        describe(d, name, sizeof name);
        return fail(err, AMPQL_UNAVAILABLE,
                    "%.*s: a series %s of timestamp() without the metric name that it has lost: "
                    "the server listed the names, and this is of none of them",
                    STR_ARGS(d->server->origin), name);
    }
    if (d->series < known) {
        describe(d, name, sizeof name);
        return fail(err, AMPQL_BAD_DATA, "series %s is there twice", name);
    }
    struct labels set = d->hold->sets.series.at[d->series].labels;
    if (!matchers_match(&d->matchers, &d->hold->sets.symbols, set, &d->arena)) {
        if (matchers_failed(&d->matchers))
            return fail_nomem(err, "matching a label");
        describe(d, name, sizeof name);
        return fail(err, AMPQL_BAD_DATA,
                    "series %s does not match what was asked for: another query's answer", name);
    }
    return AMPQL_OK;
}

static enum ampql_code refuse_time(const struct decoder *d, int64_t t_ms, struct ampql_error *err)
{
    char name[200], when[TIME_TEXT_MAX];
    describe((void *)d, name, sizeof name);
    time_format(t_ms, when);
    int64_t last = d->part->wire.to_ms;
    bool is_ms = last > 0 && t_ms / 1000 >= last / 2 && t_ms / 1000 <= 2 * last;
    return fail(err, AMPQL_BAD_DATA, "%s has a sample at %s, a time that was not asked for%s", name,
                when, is_ms ? ": the server sends milliseconds where seconds belong" : "");
}

static enum ampql_code refuse_order(const struct decoder *d, int64_t t_ms, const char *what,
                                    struct ampql_error *err)
{
    char name[200], when[TIME_TEXT_MAX];
    describe((void *)d, name, sizeof name);
    time_format(t_ms, when);
    return fail(err, AMPQL_BAD_DATA, "%s has %s at %s", name, what, when);
}

static enum ampql_code pack(struct decoder *d, struct ampql_error *err)
{
    struct samples samples = {d->t, d->v, d->n};
    d->samples += d->n;
    d->n = 0;
    return hold_append(d->hold, d->series, &samples, err);
}

static enum ampql_code take_sample(void *payload, int64_t t_ms, double v, struct ampql_error *err)
{
    struct decoder *d = payload;
    int64_t own;
    enum wire_time_kind kind =
        wire_own(&d->job->select, &d->server->wire, &d->part->wire, t_ms, &own);
    if (kind == WIRE_WRONG)
        return refuse_time(d, t_ms, err);
    if (d->has_last && t_ms < d->last_ms)
        return refuse_order(d, t_ms, "samples out of order", err);
    if (d->has_last && t_ms == d->last_ms)
        return bits_of(v) == bits_of(d->last) ? AMPQL_OK
                                              : refuse_order(d, t_ms, "two different values", err);
    d->has_last = true;
    d->last_ms = t_ms;
    d->last = v;
    if (kind == WIRE_DROP)
        return AMPQL_OK;
    d->t[d->n] = own;
    d->v[d->n] = v;
    return ++d->n == GATHER ? pack(d, err) : AMPQL_OK;
}

static enum ampql_code end_series(void *payload, struct ampql_error *err)
{
    return pack(payload, err);
}

/* ---- */

static enum ampql_code read_transfer(void *payload, char *buffer, size_t size, size_t *out,
                                     struct ampql_error *err)
{
    const struct decoder *d = payload;
    return d->server->transport.read(d->part->transfer, buffer, size, out, err);
}

static enum ampql_code bind_matchers(struct decoder *d, struct ampql_error *err)
{
    static const enum match_op ops[] = {[AMPQL_MATCH_EQUAL] = MATCH_EQUAL,
                                        [AMPQL_MATCH_NOT_EQUAL] = MATCH_NOT_EQUAL,
                                        [AMPQL_MATCH_REGEX] = MATCH_REGEX,
                                        [AMPQL_MATCH_NOT_REGEX] = MATCH_NOT_REGEX};
    const struct ampql_select *select = &d->job->select;
    struct matcher *at = arena_alloc(&d->arena, select->nmatchers, sizeof *at);
    if (!at)
        return fail_nomem(err, "matchers");
    for (size_t i = 0; i < select->nmatchers; i++) {
        const struct ampql_matcher *m = &select->matchers[i];
        at[i] = (struct matcher){str_view(m->name), ops[m->op], str_view(m->value)};
    }
    return matchers_bind((struct matchers){at, select->nmatchers}, &d->hold->sets.symbols,
                         select->dialect, &d->arena, &d->matchers, err);
}

/* An instant query of a range selector gives a matrix, of a bare one a vector. */
static enum ampql_code check_shape(const struct decoder *d, const struct answer *answer,
                                   struct ampql_error *err)
{
    bool wants_matrix = d->job->select.kind == AMPQL_SELECT_RAW ||
                        !wire_is_instant(&d->job->select, &d->part->wire);
    if (answer->is_matrix == wants_matrix)
        return AMPQL_OK;
    return fail(err, AMPQL_BAD_DATA, "%.*s: the answer is a %s, and a %s was asked for",
                STR_ARGS(d->server->origin), answer->is_matrix ? "matrix" : "vector",
                wants_matrix ? "matrix" : "vector");
}

static enum ampql_code keep_warning(struct server *server, const struct answer *answer,
                                    struct arena *arena, struct decoded *out,
                                    struct ampql_error *err)
{
    char text[AMPQL_MESSAGE_MAX], more[48] = "";
    if (answer->nwarnings == 0)
        return AMPQL_OK;
    if (answer->nwarnings > 1)
        snprintf(more, sizeof more, " (and %zu more)", answer->nwarnings - 1);
    snprintf(text, sizeof text, "%.*s: the server warned: %s%s", STR_ARGS(server->origin),
             answer->warning, more);
    server_redact(server, text, strlen(text));
    out->warning = arena_copy(arena, str_of(text));
    return out->warning.p ? AMPQL_OK : fail_nomem(err, "a warning");
}

static enum ampql_code read_body(struct decoder *d, struct arena *arena, struct decoded *out,
                                 struct ampql_error *err)
{
    struct input input;
    struct answer answer = {0};
    const struct ampql_allocator *alc = &d->server->alc;
    const struct answer_taker taker = {take_series, take_sample, end_series, describe, d};
    const struct answer_options options = {d->server->options.skip_histograms,
                                           wire_lost_name(&d->job->select, &d->part->wire)};
    TRY(bind_matchers(d, err));
    d->t = arena_alloc(&d->arena, GATHER, sizeof *d->t);
    d->v = arena_alloc(&d->arena, GATHER, sizeof *d->v);
    if (!d->t || !d->v)
        return fail_nomem(err, "the samples of a series");
    TRY(input_init(&input, alc, d->server->origin.p, read_transfer, d, 0, err));
    enum ampql_code code = answers_stream(&input, alc, &taker, &options, &answer, err);
    input_done(&input);
    out->is_broken = answer.is_broken;
    out->billed_samples = answer.billed_samples;
    out->samples = d->samples;
    if (code == AMPQL_OK)
        code = check_shape(d, &answer, err);
    return code == AMPQL_OK ? keep_warning(d->server, &answer, arena, out, err) : code;
}

enum ampql_code server_decode(struct server *server, const struct job *job, const struct part *part,
                              struct arena *arena, struct decoded *out, struct ampql_error *err)
{
    struct decoder d = {.server = server, .job = job, .part = part};
    *out = (struct decoded){0};
    d.hold = alloc_get(&server->alc, 1, sizeof *d.hold);
    if (!d.hold)
        return fail_nomem(err, "an answer");
    enum ampql_code code = hold_init(d.hold, &server->alc, err);
    if (code != AMPQL_OK) {
        alloc_put(&server->alc, d.hold, 1, sizeof *d.hold);
        return code;
    }
    arena_init(&d.arena, &server->alc);
    code = read_body(&d, arena, out, err);
    matchers_unbind(&d.matchers);
    arena_done(&d.arena);
    if (code == AMPQL_OK) {
        out->hold = d.hold;
        return AMPQL_OK;
    }
    hold_done(d.hold);
    alloc_put(&server->alc, d.hold, 1, sizeof *d.hold);
    return code;
}
