/* From the clock to ticks, from ticks to what is evaluated and written. */
#include "tool/ruler.h"

#include "base/options.h"

enum { MINUTE_MS = 60000 };

struct ruler {
    const struct ruler_options *options;
    struct ruler_stats *stats;
    struct ampql_run_options run;
    int64_t done_ms;
    struct ampql_error *err;
};

/* ---- ticks */

static int64_t interval_of(const struct ruler *r, size_t group)
{
    if (r->run.rule_interval_ms)
        return r->run.rule_interval_ms;
    struct ampql_rule_group view = ampql_rules_group(r->options->rules, group);
    if (view.interval_ms)
        return view.interval_ms;
    return r->run.default_interval_ms ? r->run.default_interval_ms : MINUTE_MS;
}

/* The time of a record is that of its tick less the group's query_offset. */
static int64_t phase_of(const struct ruler *r, size_t group)
{
    return r->run.rule_phase_ms - ampql_rules_group(r->options->rules, group).query_offset_ms;
}

/* How many ticks of a group lie at or before t, counted from its phase. */
static int64_t tick_number(const struct ruler *r, size_t group, int64_t t_ms)
{
    int64_t interval_ms = interval_of(r, group), since = t_ms - phase_of(r, group);
    return since / interval_ms - (since % interval_ms < 0);
}

static int64_t last_tick(const struct ruler *r, size_t group, int64_t t_ms)
{
    return tick_number(r, group, t_ms) * interval_of(r, group) + phase_of(r, group);
}

static bool records(const struct ruler *r, size_t group)
{
    struct ampql_rule_group view = ampql_rules_group(r->options->rules, group);
    for (size_t i = 0; i < view.nrules; i++)
        if (!ampql_rules_rule(r->options->rules, view.first_rule + i).is_alert)
            return true;
    return false;
}

/* The first tick of any group after t. */
static int64_t next_tick(const struct ruler *r, int64_t t_ms)
{
    int64_t next_ms = INT64_MAX;
    for (size_t g = 0; g < ampql_rules_group_count(r->options->rules); g++) {
        int64_t tick_ms = last_tick(r, g, t_ms) + interval_of(r, g);
        if (records(r, g) && tick_ms < next_ms)
            next_ms = tick_ms;
    }
    return next_ms;
}

/* The ticks of all groups in (from, to], and how many of them lie more than one interval before
 * `now`. */
static uint64_t count_ticks(const struct ruler *r, int64_t from_ms, int64_t to_ms, int64_t now_ms,
                            uint64_t *nlate)
{
    uint64_t n = 0;
    for (size_t g = 0; g < ampql_rules_group_count(r->options->rules); g++) {
        int64_t late_ms = now_ms - interval_of(r, g);
        if (!records(r, g))
            continue;
        n += (uint64_t)(tick_number(r, g, to_ms) - tick_number(r, g, from_ms));
        if (late_ms > to_ms)
            late_ms = to_ms;
        if (late_ms > from_ms)
            *nlate += (uint64_t)(tick_number(r, g, late_ms) - tick_number(r, g, from_ms));
    }
    return n;
}

/* Without a state: before the last tick of every group. */
static int64_t before_last_ticks(const struct ruler *r, int64_t now_ms)
{
    int64_t first_ms = INT64_MAX;
    for (size_t g = 0; g < ampql_rules_group_count(r->options->rules); g++)
        if (records(r, g) && last_tick(r, g, now_ms) < first_ms)
            first_ms = last_tick(r, g, now_ms);
    return first_ms - 1;
}

/* ---- one evaluation */

static enum ampql_code take(void *payload, size_t rule, const struct ampql_series *series,
                            struct ampql_error *err)
{
    const struct ruler *r = payload;
    (void)rule;
    return remote_write_add(r->options->write, series->labels, series->nlabels, series->t_ms,
                            series->values, series->n, err);
}

static void count_failures(struct ruler *r, const struct ampql_rules_result *result)
{
    for (size_t i = 0; i < ampql_rules_count(r->options->rules); i++)
        r->stats->nfailed_rules += ampql_rules_result_rule(result, i).error != NULL;
}

/* Would the same be refused again? */
static bool is_final(enum ampql_code code)
{
    return code == AMPQL_OUTPUT || code == AMPQL_LIMIT || code == AMPQL_BAD_DATA;
}

/* Evaluate and write what was due in (done, to]. */
static enum ampql_code evaluate(struct ruler *r, int64_t to_ms, struct ruler_tick *tick,
                                struct ampql_error *err)
{
    struct ampql_rules_result *result = NULL;
    uint64_t before = remote_write_stats(r->options->write).samples;
    r->run.start_ms = r->done_ms + 1;
    r->run.end_ms = to_ms;
    enum ampql_code code =
        ampql_rules_backfill(r->options->rules, r->options->source, &r->run, take, r, &result, err);
    if (code == AMPQL_OK) {
        count_failures(r, result);
        code = remote_write_send(r->options->write, err);
        tick->is_refused = is_final(code);
    } else {
        remote_write_drop(r->options->write);
    }
    tick->nsamples = remote_write_stats(r->options->write).samples - before;
    tick->result = result;
    tick->error = code == AMPQL_OK ? NULL : err;
    if (r->options->watch)
        r->options->watch(r->options->watch_payload, tick);
    ampql_rules_result_free(result);
    return code;
}

/* What was due up to now. */
static enum ampql_code catch_up(struct ruler *r, int64_t now_ms)
{
    struct ampql_error err = {0};
    int64_t floor_ms = now_ms - r->options->catch_up_ms;
    uint64_t nlate = 0, none = 0;
    if (r->options->catch_up_ms > 0 && r->done_ms < floor_ms) {
        r->stats->nmissed += count_ticks(r, r->done_ms, floor_ms, now_ms, &none);
        r->done_ms = floor_ms;
    }
    uint64_t nticks = count_ticks(r, r->done_ms, now_ms, now_ms, &nlate);
    if (nticks == 0)
        return AMPQL_OK;
    struct ruler_tick tick = {.from_ms = r->done_ms + 1, .to_ms = now_ms, .nticks = nticks};
    enum ampql_code code = evaluate(r, now_ms, &tick, &err);
    if (code == AMPQL_OK || tick.is_refused) {
        r->stats->nticks += nticks;
        r->stats->nlate += nlate;
        r->stats->nrefused += tick.is_refused;
        r->done_ms = now_ms;
    } else {
        r->stats->nfailed++;
    }
    if (code == AMPQL_OK || (!r->options->is_once && code != AMPQL_NOMEM && code != AMPQL_CANCELED))
        return AMPQL_OK;
    if (r->err)
        *r->err = err;
    return code;
}

/* ---- the clock */

/* Records are due when the last of the groups' query_offsets has passed: a group that has a shorter
 * one is evaluated later than it might be, at the same times. */
static int64_t delay_of(const struct ruler *r)
{
    int64_t longest_ms = 0;
    for (size_t g = 0; g < ampql_rules_group_count(r->options->rules); g++) {
        int64_t offset_ms = ampql_rules_group(r->options->rules, g).query_offset_ms;
        if (records(r, g) && offset_ms > longest_ms)
            longest_ms = offset_ms;
    }
    return longest_ms + r->options->delay_ms;
}

static enum ampql_code run(struct ruler *r)
{
    const struct ruler_clock *clock = &r->options->clock;
    int64_t delay_ms = delay_of(r), now_ms = clock->now_ms(clock->payload) - delay_ms;
    if (r->done_ms == INT64_MIN)
        r->done_ms = before_last_ticks(r, now_ms);
    for (;;) {
        if (now_ms > r->done_ms)
            TRY(catch_up(r, now_ms));
        if (r->options->is_once || clock->is_stopped(clock->payload))
            return AMPQL_OK;
        clock->wait_until_ms(clock->payload, next_tick(r, now_ms) + delay_ms);
        if (clock->is_stopped(clock->payload))
            return AMPQL_OK;
        int64_t then_ms = now_ms;
        now_ms = clock->now_ms(clock->payload) - delay_ms;
        if (now_ms < then_ms) /* the clock was put back: what was written stays written */
            now_ms = then_ms;
    }
}

enum ampql_code ruler_run(const struct ruler_options *options, struct ruler_stats *stats,
                          struct ampql_error *err)
{
    struct ruler r = {.options = options, .stats = stats, .done_ms = options->done_ms, .err = err};
    bool any = false;
    OPTIONS_READ(r.run, options->run);
    r.run.size = sizeof r.run;
    *stats = (struct ruler_stats){0};
    for (size_t g = 0; g < ampql_rules_group_count(options->rules); g++)
        any = any || records(&r, g);
    return any ? run(&r) : fail(err, AMPQL_BAD_DATA, "no recording rules to evaluate");
}
