/* Uniting the windows of a capture. */
#include "tool/united.h"

#include <stdlib.h>

/* Label sets as strings, for whoever knows no symbols. */
static enum ampql_code name_labels(struct united *u, const struct symbols *symbols,
                                   struct labels labels, struct ampql_error *err)
{
    u->labels.n = 0;
    for (size_t i = 0; i < labels.n; i++) {
        struct str name = symbols_text(symbols, labels.at[i].name);
        struct str value = symbols_text(symbols, labels.at[i].value);
        struct ampql_label label = {{name.p, name.n}, {value.p, value.n}};
        if (!array_add(&u->labels, u->hold.sets.alc, label))
            return fail_nomem(err, "the labels of a series");
    }
    return AMPQL_OK;
}

struct taking {
    struct united *united;
    struct ampql_error *err;
};

static enum ampql_code take(void *payload, const struct capture *capture, struct labels labels,
                            const struct samples *samples)
{
    struct taking *t = payload;
    struct united *u = t->united;
    size_t series;
    TRY(name_labels(u, &capture->symbols, labels, t->err));
    TRY(hold_find_or_add_text(&u->hold, u->labels.at, u->labels.n, &series, t->err));
    return hold_unite(&u->hold, series, samples, t->err);
}

static enum ampql_code take_all(struct united *u, struct capture *capture, struct ampql_error *err)
{
    struct taking t = {u, err};
    for (size_t i = 0; i < capture->entries.n; i++) {
        const struct capture_entry *entry = &capture->entries.at[i];
        if (entry->held.kind == AMPQL_SELECT_RAW)
            TRY(capture_scan(capture, entry, NULL, INT64_MIN, INT64_MAX, take, &t, err));
    }
    return hold_sort(&u->hold, err);
}

static int by_metric(const void *a, const void *b, void *symbols)
{
    const struct store_name *x = a, *y = b;
    int order = x->name == y->name
                    ? 0
                    : str_compare(symbols_text(symbols, x->name), symbols_text(symbols, y->name));
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

/* Label order alone does not bring a metric's series together: labels like "A" sort before
 * "__name__". */
static enum ampql_code order_by_metric(struct united *u, struct ampql_error *err)
{
    struct store *sets = &u->hold.sets;
    size_t n = sets->series.n;
    if (n == 0)
        return AMPQL_OK;
    u->order = alloc_get(sets->alc, n, sizeof *u->order);
    if (!u->order)
        return fail_nomem(err, "the series of a capture");
    u->norder = n;
    for (size_t i = 0; i < n; i++)
        u->order[i] =
            (struct store_name){labels_get(sets->series.at[sets->order[i]].labels, SYMBOL_NAME), i};
    qsort_r(u->order, n, sizeof *u->order, by_metric, &sets->symbols);
    return AMPQL_OK;
}

enum ampql_code united_open(struct united *united, const struct ampql_allocator *alc,
                            struct capture *capture, struct ampql_error *err)
{
    *united = (struct united){0};
    TRY(hold_init(&united->hold, alc, err));
    enum ampql_code code = take_all(united, capture, err);
    if (code == AMPQL_OK)
        code = order_by_metric(united, err);
    if (code != AMPQL_OK)
        united_done(united);
    return code;
}

void united_done(struct united *united)
{
    const struct ampql_allocator *alc = united->hold.sets.alc;
    alloc_put(alc, united->order, united->norder, sizeof *united->order);
    array_done(&united->labels, alc);
    hold_done(&united->hold);
}

enum ampql_code united_scan(struct united *united, united_visit *visit, void *payload,
                            struct ampql_error *err)
{
    struct store *sets = &united->hold.sets;
    for (size_t i = 0; i < united->norder; i++) {
        size_t series = sets->order[united->order[i].place];
        struct samples samples;
        TRY(hold_unpack(&united->hold, series, &samples, err));
        TRY(name_labels(united, &sets->symbols, sets->series.at[series].labels, err));
        TRY(visit(payload, united->labels.at, united->labels.n, &samples, err));
    }
    return AMPQL_OK;
}
