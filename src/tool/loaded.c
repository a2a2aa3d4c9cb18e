/* Keeping what load commands say. */
#include "tool/loaded.h"

#include "base/number.h"
#include "series/label_set.h"
#include "series/sample.h"

void loaded_init(struct loaded *loaded, const struct ampql_allocator *alc)
{
    *loaded = (struct loaded){0};
    arena_init(&loaded->arena, alc);
    index_init(&loaded->index, alc);
}

void loaded_done(struct loaded *loaded)
{
    arena_done(&loaded->arena);
    index_done(&loaded->index);
}

void loaded_clear(struct loaded *loaded)
{
    arena_done(&loaded->arena);
    index_clear(&loaded->index);
    loaded->series.at = NULL;
    loaded->series.n = loaded->series.cap = 0;
}

/* The series of those labels, new when there is none; NULL: no memory. */
static struct loaded_series *find_series(struct loaded *loaded, const struct ampql_label *labels,
                                         size_t nlabels)
{
    uint64_t hash = label_set_hash(labels, nlabels);
    size_t at;
    for (size_t i = index_first(&loaded->index, hash, &at); i != INDEX_NONE;
         i = index_next(&loaded->index, hash, &at)) {
        struct loaded_series *s = &loaded->series.at[i];
        if (label_sets_compare(s->labels, s->nlabels, labels, nlabels) == 0)
            return s;
    }
    struct loaded_series fresh = {.labels = labels, .nlabels = nlabels};
    if (!array_push(&loaded->series, &loaded->arena, fresh) ||
        !index_add(&loaded->index, hash, loaded->series.n - 1))
        return NULL;
    return &loaded->series.at[loaded->series.n - 1];
}

/* Is a sample the last one, said again? */
static bool is_repeated(const struct loaded_series *s, int64_t t, double v)
{
    return s->t.n > 0 && s->t.at[s->t.n - 1] == t && bits_of(s->v.at[s->v.n - 1]) == bits_of(v);
}

static enum ampql_code add_series(struct loaded *loaded, const struct script_series *s,
                                  int64_t interval_ms, const char *file, struct ampql_error *err)
{
    struct loaded_series *to = find_series(loaded, s->labels, s->nlabels);
    if (!to)
        return fail_nomem(err, "the series of a script");
    if (to->load == loaded->nloads)
        to->t.n = to->v.n = to->nbefore;
    to->load = loaded->nloads;
    to->nbefore = to->t.n;
    to->has_histograms = to->has_histograms || s->has_histograms;
    to->has_start_times = to->has_start_times || s->has_start_times;
    for (size_t i = 0; i < s->nvalues; i++) {
        int64_t t = (int64_t)i * interval_ms;
        double v = s->values[i].v;
        if (s->values[i].kind != SCRIPT_NUMBER || is_repeated(to, t, v))
            continue;
        if (to->t.n > 0 && to->t.at[to->t.n - 1] >= t)
            return fail(err, AMPQL_BAD_DATA,
                        "%s:%zu:%zu: the series was loaded before, with a sample at or after "
                        "%lld ms",
                        file, s->line, s->column, (long long)t);
        if (!array_push(&to->t, &loaded->arena, t) || !array_push(&to->v, &loaded->arena, v))
            return fail_nomem(err, "the series of a script");
    }
    return AMPQL_OK;
}

/* The length of a histogram's name in that of one of its classic series, of which `le` needs to be
 * a number; 0: it is no such series. */
static size_t histogram_name(const struct script_series *s, struct str name)
{
    double le;
    bool is_bucket = str_has_suffix(name, STR("_bucket"));
    if (str_has_suffix(name, STR("_count")))
        return name.n - 6;
    if (str_has_suffix(name, STR("_sum")))
        return name.n - 4;
    for (size_t i = 0; is_bucket && i < s->nlabels; i++)
        if (str_equal(str_view(s->labels[i].name), STR("le")) &&
            number_parse(str_view(s->labels[i].value), &le) && le == le)
            return name.n - 7;
    return 0;
}

/* What load_with_nhcb makes besides: a native histogram under the same labels without le and
 * suffix. Only that it is there is kept. */
static enum ampql_code convert_series(struct loaded *loaded, const struct script_series *s,
                                      struct ampql_error *err)
{
    struct ampql_label *labels = arena_alloc(&loaded->arena, s->nlabels, sizeof *labels);
    size_t nlabels = 0;
    bool is_histogram = false;
    if (!labels)
        return fail_nomem(err, "the series of a script");
    for (size_t i = 0; i < s->nlabels; i++) {
        struct ampql_label label = s->labels[i];
        if (str_equal(str_view(label.name), STR("le")))
            continue;
        if (str_equal(str_view(label.name), STR("__name__"))) {
            size_t n = histogram_name(s, str_view(label.value));
            is_histogram = n > 0;
            label.value.size = n;
        }
        labels[nlabels++] = label;
    }
    if (!is_histogram)
        return AMPQL_OK;
    struct loaded_series *to = find_series(loaded, labels, nlabels);
    if (!to)
        return fail_nomem(err, "the series of a script");
    to->has_histograms = true;
    return AMPQL_OK;
}

enum ampql_code loaded_add(struct loaded *loaded, const struct script_command *load,
                           const char *file, struct ampql_error *err)
{
    loaded->nloads++;
    for (size_t i = 0; i < load->nseries; i++) {
        TRY(add_series(loaded, &load->series[i], load->interval_ms, file, err));
        if (load->converts_histograms)
            TRY(convert_series(loaded, &load->series[i], err));
    }
    return AMPQL_OK;
}

struct test_series *loaded_view(struct loaded *loaded)
{
    struct test_series *series = arena_alloc(&loaded->arena, loaded->series.n, sizeof *series);
    for (size_t i = 0; series && i < loaded->series.n; i++) {
        const struct loaded_series *s = &loaded->series.at[i];
        series[i] = (struct test_series){s->labels, s->nlabels, s->t.at, s->v.at, s->t.n};
    }
    return series;
}
