/* Bytes choose series of a cluster, spoil their labels and values, and set options: the bill is
 * made or refused with a message; made twice it is the same; its lines are in order, each once,
 * inside the window, or its last step; and aggregated again they have the same number of
 * containers. */
#include "support/everything.h"
#include "support/gen_bytes.h"
#include "support/json_tokens.h"
#include "support/series.h"

#include "cost/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_SERIES = 48, MAX_SAMPLES = 40, MAX_LABELS = TEST_LABELS_MAX };

static struct ampql_string string_of(const char *text)
{
    return (struct ampql_string){text, strlen(text)};
}

/* ---- series */

static void spoil(struct gen_bytes *g, struct ampql_label *label)
{
    static const char *const values[] = {
        "",    "a",    "a_b",  "a-b",      "b",           "x/y",       "m",        "n",
        "p",   "q",    "x",    "e2-small", "n2-a",        "fargate",   "__idle__", "__unmounted__",
        "cpu", "core", "true", "false",    "i-1",         "10.0.0.1",  "fd00::1",  "j-1700000000",
        "POD", "v",    "w",    "c",        "gce://p/z/i", "aws:///z/", "\xff",     "a\"b"};
    static const char *const names[] = {"cluster_id", "uid",       "pod",    "pod_name",
                                        "container",  "label_app", "label_", "annotation_note"};
    if (gen_chance(g, 40))
        label->name = string_of(GEN_OF(g, names));
    label->value = string_of(GEN_OF(g, values));
}

static double value_of(struct gen_bytes *g)
{
    static const double values[] = {1,   0,    0.5, 2,   600, -1,       1e300, 1e-300, 3,    0.1,
                                    100, 1e16, NAN, 1e9, 7,   INFINITY, 4,     5,      1024, 1e6};
    return GEN_OF(g, values);
}

/* Labels of one name would be an error of the source, not of the model. */
static size_t sort_labels(struct ampql_label *labels, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = kept;
        bool is_known = labels[i].value.size == 0;
        for (size_t k = 0; k < kept && !is_known; k++)
            is_known = str_equal(str_view(labels[k].name), str_view(labels[i].name));
        if (is_known)
            continue;
        struct ampql_label label = labels[i];
        for (; at > 0 && str_compare(str_view(labels[at - 1].name), str_view(label.name)) > 0; at--)
            labels[at] = labels[at - 1];
        labels[at] = label;
        kept++;
    }
    return kept;
}

static void add_series(struct gen_bytes *g, struct ampql_source *source)
{
    size_t nrows;
    const struct everything_row *rows = everything(&nrows);
    const struct everything_row *row = &rows[gen_pick(g, (unsigned)nrows)];
    struct ampql_label labels[MAX_LABELS];
    size_t n = test_labels(row->name, row->labels, labels);
    for (unsigned k = n > 1 ? gen_pick(g, 3) : 0; k > 0; k--)
        spoil(g, &labels[1 + gen_pick(g, (unsigned)n - 1)]);
    int64_t t[MAX_SAMPLES];
    double v[MAX_SAMPLES];
    int64_t at_ms = (int64_t)gen_pick(g, 60) * 60000;
    size_t nsamples = gen_pick(g, MAX_SAMPLES) + 1;
    double value = value_of(g), next = value_of(g);
    for (size_t i = 0; i < nsamples; i++) {
        t[i] = at_ms;
        v[i] = gen_chance(g, 10) ? next : value;
        at_ms += 60000;
    }
    struct ampql_error err; /* the same series twice is refused */
    ampql_source_add(source, labels, sort_labels(labels, n), t, v, nsamples, &err);
}

/* ---- options */

static struct ampql_cost_options options_of(struct gen_bytes *g, char *quirks)
{
    static const int64_t resolutions[] = {0, 60000, 300000, 1000, 600000, 90000};
    static const int64_t longest[] = {0, 1800000, 3600000, 1200000};
    struct ampql_cost_options o = {.size = sizeof o, .end_ms = 3600000};
    struct ampql_cost_quirk quirk;
    unsigned flags = gen_byte(g);
    o.queries = flags & 1 ? AMPQL_COST_2026 : AMPQL_COST_2024;
    o.provider = flags & 2 ? AMPQL_COST_GCP : AMPQL_COST_AWS;
    o.pod_uids = flags & 4;
    o.idle = flags & 8;
    o.step_ms = flags & 16 ? 1800000 : 0;
    o.custom_prices = flags & 32;
    o.dialect = flags & 64 ? AMPQL_PROM2 : AMPQL_PROM3;
    o.discount = flags & 128 ? 0.3 : 0;
    o.resolution_ms = GEN_OF(g, resolutions);
    o.max_duration_ms = GEN_OF(g, longest);
    o.start_ms = (int64_t)gen_pick(g, 50) * 60000;
    unsigned other = gen_pick(g, 40); /* a quirk that is not as it was */
    if (ampql_cost_quirk_at(other, &quirk)) {
        snprintf(quirks, 100, "%s=%s", quirk.name, quirk.is_on ? "off" : "on");
        o.quirks = quirks;
    }
    return o;
}

static struct ampql_aggregate_options lines_of(struct gen_bytes *g)
{
    static const char *const keys[] = {
        NULL,   "all",     "namespace",           "controller,label:app",
        "team", "service", "node,annotation:note"};
    static const char *const filters[] = {NULL, NULL, "namespace:\"n\"", "label~:\"app\"|pod:\"q\"",
                                          "cluster!:\"c\"+services!:\"s\""};
    static const char *const shared[] = {NULL, NULL, "n", "m,n"};
    struct ampql_aggregate_options o = {.size = sizeof o};
    unsigned flags = gen_byte(g);
    o.share_idle = flags & 1;
    o.idle_by_node = flags & 2;
    o.split_idle = flags & 4;
    o.share_evenly = flags & 8;
    o.share_monthly_cost = flags & 16 ? 730 : 0;
    o.share_labels = flags & 32 ? "app:a" : NULL;
    o.accumulate = flags & 64 ? AMPQL_COST_ALL : AMPQL_COST_STEPS;
    o.share_breakdown = flags & 128;
    o.aggregated_metadata = flags & 2;
    o.aggregate = GEN_OF(g, keys);
    o.filter = GEN_OF(g, filters);
    o.share_namespaces = GEN_OF(g, shared);
    return o;
}

/* ---- what must be so */

static void check_lines(const struct ampql_allocations *bill, const struct ampql_cost_options *o)
{
    for (size_t i = 0; i < ampql_allocations_count(bill); i++) {
        const struct ampql_allocation *a = ampql_allocations_at(bill, i);
        if (a->start_ms > a->end_ms || a->start_ms < o->start_ms ||
            a->end_ms > o->end_ms + o->step_ms || /* the last step may be longer */
            a->minutes < 0)
            abort();
        if (i &&
            str_compare(str_view(ampql_allocations_at(bill, i - 1)->name), str_view(a->name)) >= 0)
            abort();
    }
}

static void check_again(const struct ampql_allocations *bill,
                        const struct ampql_aggregate_options *lines)
{
    struct ampql_allocations *all, *back;
    struct ampql_aggregate_options one = {.size = sizeof one, .aggregate = "all"};
    if (ampql_allocations_aggregate(bill, &one, &all, NULL) != AMPQL_OK ||
        ampql_allocations_aggregate(all, lines, &back, NULL) != AMPQL_OK ||
        ampql_allocations_count(all) > 2 || /* with idle costs */
        ampql_allocations_count(back) != ampql_allocations_count(bill))
        abort();
    ampql_allocations_free(all);
    ampql_allocations_free(back);
}

static int append(void *payload, const char *data, size_t size)
{
    buf_bytes(payload, data, size);
    return 0;
}

/* The report, or the message of what is refused; it is JSON. */
static void make_bill(struct ampql_engine *engine, struct ampql_source *source,
                      const struct ampql_cost_options *o, struct buf *out)
{
    struct ampql_allocations *bill;
    struct ampql_error err = {0};
    struct buf again;
    enum ampql_code code = ampql_allocate(engine, source, o, &bill, &err);
    if (code != AMPQL_OK) {
        if (bill || err.code != code || !err.message[0])
            abort();
        buf_text(out, err.message);
        return;
    }
    check_lines(bill, o);
    check_again(bill, o->lines);
    if (ampql_allocations_json(bill, append, out) != AMPQL_OK)
        abort();
    buf_init(&again, &alloc_default, 1 << 24);
    if (json_rewrite(&alloc_default, str_make(out->p, out->n), &again) != AMPQL_OK)
        abort();
    buf_done(&again);
    ampql_allocations_free(bill);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gen_bytes g = {data, size};
    struct ampql_engine *engine = NULL;
    struct ampql_source *source = NULL;
    struct buf first, second;
    char quirks[100];
    struct ampql_cost_options o = options_of(&g, quirks);
    struct ampql_aggregate_options lines = lines_of(&g);
    o.lines = &lines;
    if (ampql_engine_new(NULL, &engine, NULL) != AMPQL_OK ||
        ampql_source_memory(engine, NULL, &source, NULL) != AMPQL_OK)
        abort();
    for (size_t i = 0; i < MAX_SERIES && g.n > 0; i++)
        add_series(&g, source);
    buf_init(&first, &alloc_default, 1 << 24);
    buf_init(&second, &alloc_default, 1 << 24);
    make_bill(engine, source, &o, &first);
    make_bill(engine, source, &o, &second);
    if (first.n != second.n || (first.n && memcmp(first.p, second.p, first.n) != 0))
        abort();
    buf_done(&first);
    buf_done(&second);
    ampql_source_free(source);
    ampql_engine_free(engine);
    return 0;
}
