/* Answering selects from a sealed store. */
#include "source/store.h"

#include "source/sink.h"
#include "source/source.h"

/* The two enums are one list. */
_Static_assert((int)MATCH_EQUAL == (int)AMPQL_MATCH_EQUAL &&
                   (int)MATCH_NOT_EQUAL == (int)AMPQL_MATCH_NOT_EQUAL &&
                   (int)MATCH_REGEX == (int)AMPQL_MATCH_REGEX &&
                   (int)MATCH_NOT_REGEX == (int)AMPQL_MATCH_NOT_REGEX,
               "matcher operators");

/* A range of places to look at: those of one metric name, or all. */
struct places {
    const struct store_name *names; /* NULL: place i is i */
    size_t n;
};

static size_t first_name(const struct store *store, symbol name, bool is_after)
{
    size_t low = 0, high = store->nordered;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        symbol at = store->names[middle].name;
        if (at < name || (is_after && at == name))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct places find_places(const struct store *store, const struct ampql_select *select)
{
    for (size_t i = 0; i < select->nmatchers; i++) {
        const struct ampql_matcher *m = &select->matchers[i];
        if (m->op != AMPQL_MATCH_EQUAL || !str_equal(str_view(m->name), STR("__name__")))
            continue;
        symbol name = symbols_find(&store->symbols, str_view(m->value));
        if (name == SYMBOL_NONE)
            return (struct places){0};
        size_t first = first_name(store, name, false);
        return (struct places){store->names + first, first_name(store, name, true) - first};
    }
    return (struct places){NULL, store->nordered};
}

/* False when an = asks for a string that no series has: nothing can match, and the symbol table
 * need not grow for it. */
static bool may_match(const struct store *store, const struct ampql_select *select)
{
    for (size_t i = 0; i < select->nmatchers; i++)
        if (select->matchers[i].op == AMPQL_MATCH_EQUAL &&
            symbols_find(&store->symbols, str_view(select->matchers[i].value)) == SYMBOL_NONE)
            return false;
    return true;
}

static enum ampql_code bind(const struct store *store, const struct ampql_select *select,
                            struct arena *work, struct bound_matchers *out, struct ampql_error *err)
{
    struct matcher *at = arena_alloc(work, select->nmatchers, sizeof *at);
    if (!at)
        return fail_nomem(err, "the matchers of a select");
    for (size_t i = 0; i < select->nmatchers; i++) {
        const struct ampql_matcher *m = &select->matchers[i];
        at[i] = (struct matcher){str_view(m->name), (enum match_op)m->op, str_view(m->value)};
    }
    return matchers_bind_known((struct matchers){at, select->nmatchers}, &store->symbols,
                               select->dialect, work, out, err);
}

/* Of the series that are looked at those of a share. */
static enum ampql_code scan_share(struct store *store, const struct ampql_select *select,
                                  int64_t mint_ms, int64_t maxt_ms, size_t share, size_t nshares,
                                  store_visit *visit, void *payload, struct ampql_error *err)
{
    if (!may_match(store, select))
        return AMPQL_OK;

    struct arena work;
    arena_init(&work, store->alc);
    struct bound_matchers bound = {0};
    enum ampql_code code = bind(store, select, &work, &bound, err);
    struct places places = find_places(store, select);
    size_t from = places.n * share / nshares, upto = places.n * (share + 1) / nshares;
    size_t nseen = 0;
    for (size_t i = from; i < upto && code == AMPQL_OK; i++) {
        size_t place = places.names ? places.names[i].place : i;
        const struct store_series *s = &store->series.at[store->order[place]];
        code = select_go_on(select, &nseen, err);
        if (code != AMPQL_OK || !matchers_match(&bound, &store->symbols, s->labels, &work))
            continue;
        struct samples whole = {s->t, s->v, s->n}, in = samples_clip(&whole, mint_ms, maxt_ms);
        if (in.n)
            code = visit(payload, store, s->labels, &in);
    }
    if (code == AMPQL_OK && matchers_failed(&bound))
        code = fail_nomem(err, "matching a label");
    matchers_unbind(&bound);
    arena_done(&work);
    return code;
}

enum ampql_code store_scan(struct store *store, const struct ampql_select *select, int64_t mint_ms,
                           int64_t maxt_ms, store_visit *visit, void *payload,
                           struct ampql_error *err)
{
    TRY(store_seal(store, err));
    return scan_share(store, select, mint_ms, maxt_ms, 0, 1, visit, payload, err);
}

enum ampql_code store_push(const struct store *store, struct labels labels,
                           const struct samples *samples, struct ampql_sink *sink)
{
    return sink_push_labels(sink, &store->symbols, labels, samples);
}

static enum ampql_code push_samples(void *payload, const struct store *store, struct labels labels,
                                    const struct samples *samples)
{
    return sink_push_known(payload, &store->symbols, labels, samples);
}

static enum ampql_code push_labels(void *payload, const struct store *store, struct labels labels,
                                   const struct samples *samples)
{
    (void)samples;
    return sink_push_known(payload, &store->symbols, labels, &(struct samples){0});
}

static enum ampql_code refuse_kind(struct ampql_error *err)
{
    return fail(err, AMPQL_UNSUPPORTED, "a source of samples answers RAW selects only");
}

enum ampql_code store_select(struct store *store, const struct ampql_select *select,
                             bool is_labels_only, struct ampql_sink *sink, struct ampql_error *err)
{
    if (select->kind != AMPQL_SELECT_RAW && !is_labels_only)
        return refuse_kind(err);
    return store_scan(store, select, select->mint_ms, select->maxt_ms,
                      is_labels_only ? push_labels : push_samples, sink, err);
}

size_t store_count_places(const struct store *store, const struct ampql_select *select)
{
    return find_places(store, select).n;
}

enum ampql_code store_select_share(struct store *store, const struct ampql_select *select,
                                   size_t share, size_t nshares, struct ampql_sink *sink,
                                   struct ampql_error *err)
{
    if (select->kind != AMPQL_SELECT_RAW)
        return refuse_kind(err);
    return scan_share(store, select, select->mint_ms, select->maxt_ms, share, nshares, push_samples,
                      sink, err);
}
