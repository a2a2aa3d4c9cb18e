/* The label sets that match a selector: of the source, and of records. */
#include "engine/run.h"

#include "lang/parser.h"

#include <stdlib.h>

struct listing {
    struct arena arena;
    struct symbols symbols;
    struct matchers matchers;
    struct {
        ARRAY(struct labels);
    } sets;
    struct plan_options options;       /* records, among others */
    struct record_list named, records; /* that the selector names, and that may match */
    enum ampql_recorded mode;
    struct bound_matchers bound; /* to the listing's symbols */
};

/* ---- the source's */

static bool is_recorded(const struct listing *listing, struct str name)
{
    for (size_t i = 0; i < listing->named.n; i++)
        if (str_equal(listing->options.records->at[listing->named.at[i]].name, name))
            return true;
    return false;
}

static void leave_out(const struct listing *listing, struct record_list *list, struct str name)
{
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++)
        if (!str_equal(listing->options.records->at[list->at[i]].name, name))
            list->at[n++] = list->at[i];
    list->n = n;
}

static enum ampql_code list_series(void *payload, struct labels labels,
                                   const struct samples *samples)
{
    struct listing *listing = payload;
    struct str name = symbols_text(&listing->symbols, labels_get(labels, SYMBOL_NAME));
    (void)samples;
    if (is_recorded(listing, name)) {
        if (listing->mode == AMPQL_RECORDED_PREFER_LOCAL)
            return AMPQL_OK;
        if (listing->mode == AMPQL_RECORDED_ERROR)
            return AMPQL_BAD_DATA;
        leave_out(listing, &listing->records, name);
        leave_out(listing, &listing->named, name);
    }
    labels = labels_copy(&listing->arena, labels);
    return labels.at && array_push(&listing->sets, &listing->arena, labels) ? AMPQL_OK
                                                                            : AMPQL_NOMEM;
}

static enum ampql_code list_source(struct ampql_engine *engine, struct ampql_source *source,
                                   const struct ampql_run_options *options, struct listing *listing,
                                   struct ampql_stats *stats, struct intake_warnings *warnings,
                                   struct ampql_error *err)
{
    const struct plan_options *o = &listing->options;
    struct intake_limits limits = run_limits_of(options);
    struct select select = {.kind = SELECT_RAW,
                            .matchers = listing->matchers,
                            .mint_ms = options->start_ms - 1,
                            .maxt_ms = options->end_ms};
    enum ampql_code code =
        intake_begin(engine, source, NULL, 0, o->lookback_ms, o->dialect, &limits, err);
    if (code == AMPQL_OK)
        code =
            intake_select(engine, source, &select, o->lookback_ms, o->dialect, true,
                          &listing->symbols, &limits, list_series, listing, stats, warnings, err);
    intake_end(source);
    if (code == AMPQL_BAD_DATA && listing->mode == AMPQL_RECORDED_ERROR && err->message[0] == '\0')
        fail(err, code,
             "the source holds series of a name that a rule records, too: expected none, or to be "
             "told which to prefer");
    if (code == AMPQL_NOMEM && err->code != code) /* list_series cannot say it */
        return fail_nomem(err, "a list of series");
    return code;
}

/* ---- of records */

static enum ampql_code intern(struct listing *listing, const struct symbols *symbols,
                              struct labels labels, struct labels *out, struct ampql_error *err)
{
    struct label *at = arena_alloc(&listing->arena, labels.n, sizeof *at);
    for (size_t i = 0; at && i < labels.n; i++) {
        at[i].name = symbols_intern(&listing->symbols, symbols_text(symbols, labels.at[i].name));
        at[i].value = symbols_intern(&listing->symbols, symbols_text(symbols, labels.at[i].value));
        if (at[i].name == SYMBOL_NONE || at[i].value == SYMBOL_NONE)
            at = NULL;
    }
    *out = (struct labels){.at = at, .n = labels.n};
    return at ? AMPQL_OK : fail_nomem(err, "a series' labels");
}

static enum ampql_code take_recorded(void *payload, size_t want, const struct symbols *symbols,
                                     struct labels labels, const struct samples *samples,
                                     struct ampql_error *err)
{
    struct listing *listing = payload;
    bool is_alive = false;
    (void)want;
    for (size_t i = 0; i < samples->n; i++)
        is_alive |= !is_stale(samples->v[i]);
    if (!is_alive)
        return AMPQL_OK;
    TRY(intern(listing, symbols, labels, &labels, err));
    if (!matchers_match(&listing->bound, &listing->symbols, labels, &listing->arena))
        return AMPQL_OK;
    return array_push(&listing->sets, &listing->arena, labels)
               ? AMPQL_OK
               : fail_nomem(err, "a list of series");
}

static enum ampql_code no_report(void *payload, size_t want, const struct record_report *report,
                                 struct ampql_error *err)
{
    (void)payload;
    (void)want;
    (void)report;
    (void)err;
    return AMPQL_OK;
}

static enum ampql_code no_warning(void *payload, struct str text, struct ampql_error *err)
{
    (void)payload;
    (void)text;
    (void)err;
    return AMPQL_OK;
}

static int by_labels(const void *a, const void *b, void *symbols)
{
    const struct labels *x = a, *y = b;
    return labels_compare(symbols, *x, *y);
}

/* Two records may write parts of one series. */
static void sort_sets(struct listing *listing)
{
    size_t n = 0;
    struct labels *at = listing->sets.at;
    if (listing->sets.n == 0)
        return;
    qsort_r(at, listing->sets.n, sizeof *at, by_labels, &listing->symbols);
    for (size_t i = 0; i < listing->sets.n; i++)
        if (n == 0 || !labels_equal(at[n - 1], at[i]))
            at[n++] = at[i];
    listing->sets.n = n;
}

static enum ampql_code list_records(struct ampql_engine *engine, struct ampql_source *source,
                                    const struct ampql_run_options *options, int64_t from_ms,
                                    struct listing *listing, struct ampql_error *err)
{
    const struct record_taker taker = {no_report, take_recorded, no_warning, listing, true};
    struct record_want *wants = arena_alloc(&listing->arena, listing->records.n, sizeof *wants);
    struct ampql_stats stats;
    struct ruler_costs ruler;
    if (!wants)
        return fail_nomem(err, "a list of series");
    for (size_t i = 0; i < listing->records.n; i++)
        wants[i] = (struct record_want){listing->records.at[i], from_ms, options->end_ms, false};
    TRY(matchers_bind(listing->matchers, &listing->symbols, listing->options.dialect,
                      &listing->arena, &listing->bound, err));
    TRY(engine_record(engine, source, options, wants, listing->records.n, &taker, &stats, &ruler,
                      err));
    if (matchers_failed(&listing->bound))
        return fail_nomem(err, "matching a label");
    sort_sets(listing);
    return AMPQL_OK;
}

/* ---- both */

static enum ampql_code list_all(struct ampql_engine *engine, struct str selector,
                                struct ampql_source *source,
                                const struct ampql_run_options *options, struct listing *listing,
                                struct ampql_stats *stats, struct intake_warnings *warnings,
                                struct ampql_error *err)
{
    struct parse_options parse;
    struct ampql_run_options at_end = *options;
    const struct records *records;
    engine_parse_options(engine, &parse);
    TRY(parse_selector(selector, &parse, &listing->arena, &listing->matchers, err));
    at_end.start_ms = options->end_ms;
    at_end.step_ms = 0;
    TRY(run_options_check(engine, &at_end, source->ops.caps, &listing->arena, &listing->options,
                          err));
    records = listing->options.records;
    if (records)
        TRY(records->find(records, listing->matchers, &listing->arena, &listing->named,
                          &listing->records, err));
    TRY(list_source(engine, source, options, listing, stats, warnings, err));
    return listing->records.n
               ? list_records(engine, source, &at_end, options->start_ms, listing, err)
               : AMPQL_OK;
}

static enum ampql_code series_within(struct ampql_engine *engine, struct str selector,
                                     struct ampql_source *source,
                                     const struct ampql_run_options *options,
                                     struct ampql_result **out, struct ampql_error *err)
{
    struct listing listing = {.mode = options->recorded};
    struct ampql_stats stats = {0};
    if (options->start_ms < -PLAN_TIME_LIMIT || options->end_ms > PLAN_TIME_LIMIT)
        return fail(err, AMPQL_BAD_DATA, "start or end is out of range");
    if (options->end_ms < options->start_ms)
        return fail(err, AMPQL_BAD_DATA,
                    "invalid parameter \"end\": end timestamp must not be before start time");
    if (!symbols_init(&listing.symbols, &engine->alc))
        return fail_nomem(err, "a run");
    arena_init(&listing.arena, &engine->alc);
    struct intake_warnings warnings = {.arena = &listing.arena};
    struct ampql_source_stats before = ampql_source_stats(source);
    enum ampql_code code =
        list_all(engine, selector, source, options, &listing, &stats, &warnings, err);
    stats_since(&stats, &before, source);
    if (code == AMPQL_OK)
        code = result_of_labels(engine, &listing.symbols, listing.sets.at, listing.sets.n,
                                &warnings, out, err);
    if (code == AMPQL_OK)
        (*out)->stats = stats;
    matchers_unbind(&listing.bound);
    arena_done(&listing.arena);
    symbols_done(&listing.symbols);
    return code;
}

enum ampql_code engine_series(struct ampql_engine *engine, struct str selector,
                              struct ampql_source *source, const struct ampql_run_options *options,
                              struct ampql_result **out, struct ampql_error *err)
{
    struct capped capped;
    struct ampql_error local = {0};
    err = err ? err : &local;
    capped_begin(&capped, engine, options);
    enum ampql_code code = series_within(&capped.engine, selector, source, options, out, err);
    if (code == AMPQL_OK)
        capped_keep(&capped, *out);
    return budget_name(&capped.budget, code, err);
}
