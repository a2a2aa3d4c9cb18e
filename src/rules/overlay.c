/* A source in which the records of a run take the place of the base source's series of the same
 * name. It says what the base says it is, SAMPLES or ANSWERS, and is asked at the records' time
 * only: what reads them over time has been refused before. */
#include "rules/rules.h"

#include "base/alloc.h"
#include "source/sink.h"
#include "source/source.h"

static bool is_name_of_ours(const struct overlay *overlay, struct ampql_string name)
{
    for (size_t i = 0; i < overlay->nnames; i++)
        if (str_equal(str_view(overlay->names[i]), str_view(name)))
            return true;
    return false;
}

static bool is_ours(const struct overlay *overlay, const struct ampql_label *labels, size_t nlabels)
{
    for (size_t i = 0; i < nlabels; i++)
        if (str_equal(str_view(labels[i].name), STR("__name__")))
            return is_name_of_ours(overlay, labels[i].value);
    return false;
}

/* The name that a select asks for by "=", or NULL. */
static const struct ampql_string *pinned_name(const struct ampql_select *select)
{
    for (size_t i = 0; i < select->nmatchers; i++)
        if (select->matchers[i].op == AMPQL_MATCH_EQUAL &&
            str_equal(str_view(select->matchers[i].name), STR("__name__")))
            return &select->matchers[i].value;
    return NULL;
}

static enum ampql_code push_records(const struct overlay *overlay,
                                    const struct ampql_select *select, struct ampql_sink *sink)
{
    for (size_t i = 0; i < overlay->nrecords; i++) {
        const struct ampql_record *record = &overlay->records[i];
        double value = select->kind == AMPQL_SELECT_GRID_TIMESTAMP ? (double)record->t_ms / 1000
                                                                   : record->value;
        TRY(ampql_sink_push(sink, record->labels, record->nlabels, &record->t_ms, &value, 1));
    }
    return AMPQL_OK;
}

/* Between the base and the engine's sink: leaves out the base's series of our names. */
struct filter {
    const struct overlay *overlay;
    struct ampql_sink *sink;
};

static enum ampql_code pass_on(void *payload, const struct ampql_label *labels, size_t nlabels,
                               const struct samples *samples)
{
    struct filter *filter = payload;
    if (is_ours(filter->overlay, labels, nlabels))
        return AMPQL_OK;
    return ampql_sink_push(filter->sink, labels, nlabels, samples->t, samples->v, samples->n);
}

static enum ampql_code push_base(const struct overlay *overlay, const struct ampql_select *select,
                                 struct ampql_sink *sink, struct ampql_error *err)
{
    struct filter filter = {overlay, sink};
    struct ampql_sink between;
    sink_init(&between, overlay->alc, pass_on, &filter, overlay->base->is_trusted);
    enum ampql_code code = overlay->base->ops.select(overlay->base->payload, select, &between, err);
    code = sink_finish(&between, code, err);
    ampql_sink_cost(sink, &between.cost);
    if (code == AMPQL_OK)
        code = sink_pass_warnings(&between, sink);
    sink_done(&between);
    return code;
}

static enum ampql_code select_both(void *payload, const struct ampql_select *select,
                                   struct ampql_sink *sink, struct ampql_error *err)
{
    const struct overlay *overlay = payload;
    const struct ampql_string *name = pinned_name(select);
    bool wants_ours = !name || is_name_of_ours(overlay, *name);
    if (!name || !wants_ours)
        TRY(push_base(overlay, select, sink, err));
    return wants_ours ? push_records(overlay, select, sink) : AMPQL_OK;
}

/* The base hears of what it will be asked. */
static enum ampql_code prepare_base(void *payload, const struct ampql_prepare *prepare,
                                    struct ampql_error *err)
{
    const struct overlay *overlay = payload;
    struct ampql_source *base = overlay->base;
    if (!base->ops.prepare)
        return AMPQL_OK;
    struct ampql_prepare ours = *prepare;
    struct ampql_select *selects = alloc_get(overlay->alc, prepare->nselects, sizeof *selects);
    if (!selects && prepare->nselects)
        return fail_nomem(err, "selects");
    ours.selects = selects;
    ours.nselects = 0;
    for (size_t i = 0; i < prepare->nselects; i++) {
        const struct ampql_string *name = pinned_name(&prepare->selects[i]);
        if (!name || !is_name_of_ours(overlay, *name))
            selects[ours.nselects++] = prepare->selects[i];
    }
    enum ampql_code code = base->ops.prepare(base->payload, &ours, err);
    alloc_put(overlay->alc, selects, prepare->nselects, sizeof *selects);
    return code;
}

static void stats_of_base(void *payload, struct ampql_source_stats *out)
{
    const struct overlay *overlay = payload;
    *out = ampql_source_stats(overlay->base);
}

/* Records are at the time that is asked for, so a selector that names one sees no series too long.
 */
static bool knows_ends(const void *payload, struct matchers matchers)
{
    for (size_t i = 0; i < matchers.n; i++)
        if (matchers.at[i].op == MATCH_EQUAL && str_equal(matchers.at[i].name, STR("__name__")))
            return is_name_of_ours(
                payload, (struct ampql_string){matchers.at[i].value.p, matchers.at[i].value.n});
    return false;
}

enum ampql_code overlay_source(struct overlay *overlay, struct ampql_source **out,
                               struct ampql_error *err)
{
    struct ampql_source_ops ops = {
        .size = sizeof ops,
        .caps = overlay->base->ops.caps & ~(uint32_t)AMPQL_SOURCE_SORTED,
        .select = select_both,
        .prepare = prepare_base,
        .stats = stats_of_base,
    };
    TRY(source_new(overlay->alc, &ops, overlay, out, err));
    (*out)->dialect = overlay->base->dialect;
    (*out)->knows_ends = knows_ends;
    return AMPQL_OK;
}
