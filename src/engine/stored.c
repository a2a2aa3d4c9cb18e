/* Has the source stored series under a record's name? Asked while a run is planned, for
 * options->recorded. */
#include "engine/engine.h"

/* One series is enough. */
static enum ampql_code found(void *payload, struct labels labels, const struct samples *samples)
{
    bool *is_there = payload;
    (void)labels;
    (void)samples;
    *is_there = true;
    return AMPQL_CANCELED;
}

static struct str name_of(struct matchers matchers)
{
    for (size_t i = matchers.n; i-- > 0;)
        if (matchers.at[i].op == MATCH_EQUAL && str_equal(matchers.at[i].name, STR("__name__")))
            return matchers.at[i].value;
    return STR("");
}

static enum ampql_code is_stored(void *payload, struct matchers matchers, int64_t mint_ms,
                                 int64_t maxt_ms, bool *out, struct ampql_error *err)
{
    const struct stored_asker *asker = payload;
    struct select select = {
        .kind = SELECT_RAW, .matchers = matchers, .mint_ms = mint_ms, .maxt_ms = maxt_ms};
    struct arena arena;
    char name[100];
    *out = false;
    TRY(intake_begin(asker->engine, asker->source, NULL, 0, asker->lookback_ms, asker->dialect,
                     asker->limits, err));
    arena_init(&arena, &asker->engine->alc);
    struct intake_warnings warnings = {.arena = &arena};
    enum ampql_code code = intake_select(asker->engine, asker->source, &select, asker->lookback_ms,
                                         asker->dialect, true, asker->symbols, asker->limits, found,
                                         out, asker->stats, &warnings, err);
    intake_end(asker->source);
    arena_done(&arena);
    /* a capture that was never asked has none */
    if (code == AMPQL_NOT_FOUND || (code == AMPQL_CANCELED && *out))
        code = AMPQL_OK;
    if (code == AMPQL_OK && *out && asker->must_not)
        return fail(
            err, AMPQL_BAD_DATA,
            "the source holds series of %s, which a rule records, too: expected none, or to "
            "be told which to prefer",
            quote_clipped(name, sizeof name, name_of(matchers)));
    return code;
}

void stored_ask(struct stored_asker *asker, enum ampql_recorded mode, struct plan_options *out)
{
    asker->dialect = out->dialect;
    asker->lookback_ms = out->lookback_ms;
    asker->must_not = mode == AMPQL_RECORDED_ERROR;
    out->is_stored = out->records && mode != AMPQL_RECORDED_PREFER_LOCAL ? is_stored : NULL;
    out->is_stored_payload = asker;
}
