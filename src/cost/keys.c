/* By what to aggregate: options read and checked, and from allocations to the names of their lines.
 */
#include "cost/aggregate.h"

#include "base/options.h"

#include <float.h>
#include <strings.h>

enum { AGGREGATE_MAX = 16, HOURS_PER_MONTH = 730 };

/* ---- lists of fields */

struct reader {
    struct str text;
    const struct label_names *aliases;
    struct arena *arena;
    struct aggregate *out;
    struct ampql_error *err;
};

/* "label:NAME" and "annotation:NAME" are split; a NULL name is none. */
static const struct field *find_field(struct str word, struct str *name)
{
    const char *colon = word.n ? memchr(word.p, ':', word.n) : NULL;
    size_t n = colon ? (size_t)(colon - word.p) : word.n;
    const struct field *field = field_of_aggregate(str_make(word.p, n));
    bool has_name = field && (field->kind == FIELD_LABEL || field->kind == FIELD_ANNOTATION);
    *name = colon ? field_trim(str_from(word, n + 1)) : (struct str){NULL, 0};
    return field && (has_name ? colon && name->n : !colon) && field->kind != FIELD_NOTHING ? field
                                                                                           : NULL;
}

static enum ampql_code read_word(struct reader *r, size_t start, size_t end)
{
    char quoted[320], names[FIELD_NAMES_MAX];
    struct str word = field_trim(str_make(r->text.p + start, end - start)), name;
    const struct field *field = find_field(word, &name);
    if (!field)
        return fail_at(r->err, AMPQL_BAD_DATA, (size_t)(word.p - r->text.p),
                       (size_t)(word.p - r->text.p) + word.n,
                       "aggregating by %s, expected %s or all",
                       quote_clipped(quoted, sizeof quoted, word), field_names(false, names));
    if (r->out->nparts == AGGREGATE_MAX)
        return fail_at(r->err, AMPQL_BAD_DATA, start, end, "aggregating by more than %d words",
                       AGGREGATE_MAX);
    struct key_part *part = &r->out->parts[r->out->nparts++];
    *part = (struct key_part){.field = field};
    if (field->kind == FIELD_ALIAS)
        part->labels = r->aliases[field_alias(field)];
    return name.p ? field_label_names(name, r->arena, &part->labels, r->err) : AMPQL_OK;
}

/* aggregate := "" | "all" | field ("," field)* */
static enum ampql_code read_fields(struct reader *r)
{
    r->out->parts = arena_alloc(r->arena, AGGREGATE_MAX, sizeof *r->out->parts);
    if (!r->out->parts)
        return fail_nomem(r->err, "an aggregate");
    if (field_trim(r->text).n == 0)
        r->text = STR("cluster,node,namespace,pod,container");
    struct str word = field_trim(r->text);
    if (word.n == 3 && strncasecmp(word.p, "all", 3) == 0)
        return AMPQL_OK;
    for (size_t start = 0, i = 0; i <= r->text.n; i++) {
        if (i < r->text.n && r->text.p[i] != ',')
            continue;
        TRY(read_word(r, start, i));
        start = i + 1;
    }
    return AMPQL_OK;
}

/* ---- what is shared: a filter of namespaces and labels, any of which will do */

static enum ampql_code add_test(struct filter *any, struct filter test, struct arena *arena,
                                struct ampql_error *err)
{
    struct filter *copy = arena_new(arena, struct filter);
    if (!copy)
        return fail_nomem(err, "a filter");
    test.next = any->first;
    *copy = test;
    any->first = copy;
    return AMPQL_OK;
}

static enum ampql_code share_namespace(struct filter *any, struct str name, struct arena *arena,
                                       struct ampql_error *err)
{
    struct str *value = arena_new(arena, struct str);
    if (!value)
        return fail_nomem(err, "a filter");
    *value = name;
    struct filter test = {.kind = FILTER_TEST,
                          .field = field_of_filter(STR("namespace")),
                          .values = value,
                          .nvalues = 1};
    return add_test(any, test, arena, err);
}

/* "NAME:VALUE" */
static enum ampql_code share_label(struct filter *any, struct str pair, struct arena *arena,
                                   struct ampql_error *err)
{
    char quoted[320];
    const char *colon = memchr(pair.p, ':', pair.n);
    struct str *value = arena_new(arena, struct str);
    if (!colon || colon == pair.p)
        return fail(err, AMPQL_BAD_DATA, "the label to share by is %s, expected NAME:VALUE",
                    quote_clipped(quoted, sizeof quoted, pair));
    if (!value)
        return fail_nomem(err, "a filter");
    *value = field_trim(str_from(pair, (size_t)(colon - pair.p) + 1));
    struct filter test = {
        .kind = FILTER_TEST, .field = field_of_filter(STR("label")), .values = value, .nvalues = 1};
    TRY(field_label_names(str_make(pair.p, (size_t)(colon - pair.p)), arena, &test.keys, err));
    return add_test(any, test, arena, err);
}

typedef enum ampql_code share_one(struct filter *any, struct str item, struct arena *arena,
                                  struct ampql_error *err);

static enum ampql_code share_each(const char *list, share_one *share, struct filter *any,
                                  struct arena *arena, struct ampql_error *err)
{
    struct str text = str_of(list ? list : "");
    for (size_t start = 0, i = 0; i <= text.n; i++) {
        if (i < text.n && text.p[i] != ',')
            continue;
        struct str item = field_trim(str_make(text.p + start, i - start));
        if (item.n)
            TRY(share(any, item, arena, err));
        start = i + 1;
    }
    return AMPQL_OK;
}

static enum ampql_code read_shared(const struct ampql_aggregate_options *options,
                                   struct arena *arena, struct aggregate *out,
                                   struct ampql_error *err)
{
    struct filter *any = arena_new(arena, struct filter);
    if (!any)
        return fail_nomem(err, "a filter");
    any->kind = FILTER_OR;
    TRY(share_each(options->share_namespaces, share_namespace, any, arena, err));
    TRY(share_each(options->share_labels, share_label, any, arena, err));
    out->shared = any->first ? any : NULL;
    if (!(options->share_monthly_cost >= 0 && options->share_monthly_cost <= DBL_MAX))
        return fail(err, AMPQL_BAD_DATA, "the cost to share is negative or no number");
    out->shared_hourly_cost = options->share_monthly_cost / HOURS_PER_MONTH;
    return AMPQL_OK;
}

/* ---- all options */

static enum ampql_code read_aliases(const struct ampql_aggregate_options *options,
                                    struct arena *arena, struct label_names *out,
                                    struct ampql_error *err)
{
    const char *const lists[ALIAS_COUNT] = {options->department_labels, options->environment_labels,
                                            options->owner_labels, options->product_labels,
                                            options->team_labels};
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (fields[i].kind != FIELD_ALIAS)
            continue;
        size_t alias = field_alias(&fields[i]);
        struct str list = str_of(lists[alias] ? lists[alias] : fields[i].label);
        TRY(field_label_names(list, arena, &out[alias], err));
        if (out[alias].n == 0)
            return fail(err, AMPQL_BAD_DATA, "there are no labels of %s, expected a comma list",
                        fields[i].aggregate);
    }
    return AMPQL_OK;
}

enum ampql_code aggregate_read(const struct ampql_aggregate_options *options, struct arena *arena,
                               struct aggregate *out, struct ampql_error *err)
{
    struct ampql_aggregate_options all;
    struct label_names aliases[ALIAS_COUNT];
    OPTIONS_READ(all, options);
    *out = (struct aggregate){.shares_evenly = all.share_evenly,
                              .shares_idle = all.share_idle,
                              .idle_by_node = all.idle_by_node,
                              .splits_idle = all.split_idle,
                              .keeps_metadata = all.aggregated_metadata,
                              .breaks_down = all.share_breakdown,
                              .has_parts = all.proportional_assets,
                              .shares_balancers = all.share_balancers,
                              .accumulate = all.accumulate};
    if ((unsigned)all.accumulate > AMPQL_COST_MONTHS)
        return fail(err, AMPQL_BAD_DATA, "there is no way %d to accumulate", (int)all.accumulate);
    TRY(read_aliases(&all, arena, aliases, err));
    struct reader reader = {str_of(all.aggregate ? all.aggregate : ""), aliases, arena, out, err};
    TRY(read_fields(&reader));
    TRY(filter_parse(str_of(all.filter ? all.filter : ""), aliases, arena, &out->filter, err));
    return read_shared(&all, arena, out, err);
}

/* Tests of what is shared have one value each, and those of labels one name. */
struct str aggregate_shared_name(const struct aggregate *aggregate,
                                 const struct ampql_allocation *allocation)
{
    const struct filter *best = NULL;
    const struct filter *test = aggregate->shared ? aggregate->shared->first : NULL;
    for (; test; test = test->next) {
        if (!filter_matches(test, allocation))
            continue;
        bool is_before =
            !best || (test->keys.n &&
                      (best->keys.n == 0 || str_compare(test->keys.at[0], best->keys.at[0]) < 0));
        if (is_before)
            best = test;
    }
    return best ? best->values[0] : STR("");
}

/* ---- names */

static void put_label(struct buf *out, const struct ampql_string *value)
{
    buf_str(out, value ? str_view(*value) : STR(NAME_UNALLOCATED));
}

/* Each label of the alias has a part of the name. */
static void put_alias(struct buf *out, struct label_names labels, const struct ampql_allocation *a)
{
    for (size_t i = 0; i < labels.n; i++) {
        const struct ampql_string *value = field_label(a->labels, a->nlabels, labels.at[i]);
        if (!value)
            value = field_label(a->annotations, a->nannotations, labels.at[i]);
        if (i)
            buf_byte(out, '/');
        put_label(out, value);
    }
}

/* [KIND ":"] [NAMESPACE ":"] NAME */
static void put_controller(struct buf *out, const struct ampql_allocation *a,
                           struct str namespace_name)
{
    const struct str before[] = {str_view(a->controller_kind), namespace_name};
    for (size_t i = 0; i < 2 && a->controller.size; i++) {
        buf_str(out, before[i]);
        if (before[i].n)
            buf_byte(out, ':');
    }
    buf_str(out, a->controller.size ? str_view(a->controller) : STR(NAME_UNALLOCATED));
}

/* What nobody uses has services when load balancers are in it, but is not theirs. */
static void put_service(struct buf *out, const struct ampql_allocation *a)
{
    struct str none = STR(NAME_UNMOUNTED);
    bool is_unmounted = str_equal(str_view(a->pod), none) ||
                        str_equal(str_view(a->namespace_name), none) ||
                        str_equal(str_view(a->container), none);
    if (a->nservices == 0)
        buf_text(out, NAME_UNALLOCATED);
    else
        buf_str(out, is_unmounted ? none : str_view(a->services[0]));
}

/* A name that is there already is not repeated beside the controller's. */
static bool names_namespace(const struct aggregate *aggregate)
{
    bool is_there = false;
    for (size_t i = 0; i < aggregate->nparts; i++)
        is_there = is_there || aggregate->parts[i].field == field_of_filter(STR("namespace"));
    return is_there;
}

static void put_part(struct buf *out, const struct aggregate *aggregate,
                     const struct key_part *part, const struct ampql_allocation *a)
{
    struct str kind = str_view(a->controller_kind), none = STR(NAME_UNALLOCATED);
    switch (part->field->kind) {
    case FIELD_CONTROLLER:
        put_controller(out, a, STR(""));
        break;
    case FIELD_NAMESPACED:
        put_controller(out, a, names_namespace(aggregate) ? STR("") : str_view(a->namespace_name));
        break;
    case FIELD_CONTROLLER_KIND:
        buf_str(out, kind.n ? kind : none);
        break;
    case FIELD_OF_KIND:
        buf_str(out, a->controller.size && str_equal(kind, str_of(part->field->aggregate))
                         ? str_view(a->controller)
                         : none);
        break;
    case FIELD_SERVICES:
        put_service(out, a);
        break;
    case FIELD_LABEL:
        put_label(out, field_label(a->labels, a->nlabels, part->labels.at[0]));
        break;
    case FIELD_ANNOTATION:
        put_label(out, field_label(a->annotations, a->nannotations, part->labels.at[0]));
        break;
    case FIELD_ALIAS:
        put_alias(out, part->labels, a);
        break;
    default:
        buf_str(out, field_text(part->field, a));
    }
}

void aggregate_name(struct buf *out, const struct aggregate *aggregate,
                    const struct ampql_allocation *a)
{
    for (size_t i = 0; i < aggregate->nparts; i++) {
        if (i)
            buf_byte(out, '/');
        put_part(out, aggregate, &aggregate->parts[i], a);
    }
}
