/* An alerting rule over time, as Prometheus's rule manager has it. */
#include "tool/unit.h"

#include "series/label_set.h"
#include "tool/template.h"

enum { MAX_TEXT = 1 << 20 };

/* One evaluation. */
struct evaluation {
    struct alert_rule *alert;
    const struct unit_test *test;
    int64_t t_ms;
    struct arena *keep, *work;
    struct ampql_error *err;
};

static enum ampql_code no_memory(const struct evaluation *e)
{
    return fail_nomem(e->err, "an alert");
}

/* ---- texts */

static enum ampql_code expand(const struct evaluation *e, const struct template_data *data,
                              struct ampql_string text, struct ampql_string *out)
{
    struct buf buf;
    buf_init(&buf, e->work->alc, MAX_TEXT);
    enum ampql_code code = template_expand(str_view(text), data, e->work, &buf, e->err);
    struct str copy = {0};
    if (code == AMPQL_OK) {
        copy = arena_copy(e->keep, str_make(buf.n ? buf.p : "", buf.n));
        code = copy.p ? AMPQL_OK : no_memory(e);
    }
    buf_done(&buf);
    *out = string_view(copy);
    return code;
}

static struct ampql_label label_of(const char *name, struct str value)
{
    return (struct ampql_label){string_view(str_of(name)), string_view(value)};
}

/* The series' labels without a name, the rule's over them, alertname over all. */
static enum ampql_code make_labels(const struct evaluation *e, const struct template_data *data,
                                   struct active_alert *out)
{
    const struct ampql_rule *rule = &e->alert->rule->view;
    struct ampql_label *labels =
        arena_alloc(e->work, data->nlabels + rule->nlabels + 1, sizeof *labels);
    size_t n = 0;
    if (!labels)
        return no_memory(e);
    for (size_t i = 0; i < data->nlabels; i++)
        if (!str_equal(str_view(data->labels[i].name), STR("__name__")))
            labels[n++] = data->labels[i];
    for (size_t i = 0; i < rule->nlabels; i++) {
        struct ampql_label label = {.name = rule->labels[i].name};
        TRY(expand(e, data, rule->labels[i].value, &label.value));
        label_set_put(labels, &n, label);
    }
    label_set_put(labels, &n, label_of("alertname", str_view(rule->name)));
    label_set_sort(labels, n);
    out->labels = label_set_copy(e->keep, labels, n);
    out->nlabels = n;
    return out->labels ? AMPQL_OK : no_memory(e);
}

/* What no template here can make is noted in the rule: then nothing is known of its annotations. */
static enum ampql_code make_annotations(const struct evaluation *e,
                                        const struct template_data *data, struct active_alert *out)
{
    const struct rule_alert *texts = &e->alert->rule->alert;
    struct ampql_label *annotations =
        arena_alloc(e->keep, texts->nannotations, sizeof *annotations);
    if (!annotations)
        return no_memory(e);
    for (size_t i = 0; i < texts->nannotations; i++) {
        annotations[i].name = texts->annotations[i].name;
        struct ampql_error why = {0};
        struct evaluation inner = *e;
        inner.err = &why;
        enum ampql_code code =
            expand(&inner, data, texts->annotations[i].value, &annotations[i].value);
        if (code == AMPQL_UNSUPPORTED && !e->alert->unsupported.p)
            e->alert->unsupported = arena_copy(e->keep, str_of(why.message));
        else if (code != AMPQL_OK && code != AMPQL_UNSUPPORTED)
            return fail(e->err, code, "%s", why.message);
    }
    label_set_sort(annotations, texts->nannotations);
    out->annotations = annotations;
    out->nannotations = texts->nannotations;
    return AMPQL_OK;
}

/* ---- states */

static struct active_alert *find_active(struct alert_rule *alert, const struct active_alert *like)
{
    for (size_t i = 0; i < alert->active.n; i++) {
        struct active_alert *active = &alert->active.at[i];
        if (label_sets_compare(active->labels, active->nlabels, like->labels, like->nlabels) == 0)
            return active;
    }
    return NULL;
}

/* A series of the result: an alert that goes on, or a new one. */
static enum ampql_code take_series(const struct evaluation *e, const struct ampql_label *labels,
                                   size_t nlabels, double value)
{
    struct alert_rule *alert = e->alert;
    struct template_data data = {
        .labels = labels,
        .nlabels = nlabels,
        .external_labels = e->test->external_labels,
        .nexternal_labels = e->test->nexternal_labels,
        .external_url = e->test->external_url,
        .value = value,
    };
    struct active_alert fresh = {.active_at_ms = e->t_ms, .seen = alert->nevaluations};
    TRY(make_labels(e, &data, &fresh));
    TRY(make_annotations(e, &data, &fresh));
    struct active_alert *active = find_active(alert, &fresh);
    if (active && active->seen == alert->nevaluations)
        return fail(e->err, AMPQL_EXECUTION,
                    "vector contains metrics with the same labelset after applying alert labels");
    if (!active)
        return array_push(&alert->active, e->keep, fresh) ? AMPQL_OK : no_memory(e);
    if (active->state == ALERT_INACTIVE) {
        *active = fresh;
        return AMPQL_OK;
    }
    active->annotations = fresh.annotations;
    active->nannotations = fresh.nannotations;
    active->seen = alert->nevaluations;
    return AMPQL_OK;
}

/* Is an alert that the expression no longer gives to fire on for a while? */
static bool is_kept(const struct evaluation *e, struct active_alert *active)
{
    int64_t keep_ms = e->alert->rule->alert.keep_firing_for_ms;
    if (active->state != ALERT_FIRING || keep_ms == 0)
        return false;
    if (!active->is_kept)
        active->keep_since_ms = e->t_ms;
    active->is_kept = true;
    return e->t_ms - active->keep_since_ms < keep_ms;
}

/* ALERTS (with its state), or ALERTS_FOR_STATE: the alert's labels over the rule's as they are
 * written. */
static enum ampql_code add_sample(const struct evaluation *e, const struct active_alert *active,
                                  const char *name, const char *state, double v,
                                  struct unit_samples *out)
{
    const struct ampql_rule *rule = &e->alert->rule->view;
    struct ampql_label *labels =
        arena_alloc(e->work, rule->nlabels + active->nlabels + 3, sizeof *labels);
    size_t n = 0;
    if (!labels)
        return no_memory(e);
    for (size_t i = 0; i < rule->nlabels; i++)
        label_set_put(labels, &n, rule->labels[i]);
    for (size_t i = 0; i < active->nlabels; i++)
        label_set_put(labels, &n, active->labels[i]);
    label_set_put(labels, &n, label_of("__name__", str_of(name)));
    label_set_put(labels, &n, label_of("alertname", str_view(rule->name)));
    if (state)
        label_set_put(labels, &n, label_of("alertstate", str_of(state)));
    label_set_sort(labels, n);
    struct unit_sample sample = {labels, n, v};
    return array_push(out, e->work, sample) ? AMPQL_OK : no_memory(e);
}

/* Seconds since 1970, rounded down as Go has them. */
static double seconds_of(int64_t t_ms)
{
    return (double)(t_ms >= 0 ? t_ms / 1000 : -((-t_ms + 999) / 1000));
}

static enum ampql_code settle(const struct evaluation *e, struct active_alert *active,
                              uint64_t *nactive, struct unit_samples *out)
{
    static const char *const states[] = {"pending", "firing"};
    bool is_given = active->seen == e->alert->nevaluations;
    if (is_given)
        active->is_kept = false;
    else if (!is_kept(e, active))
        active->state = ALERT_INACTIVE;
    if (active->state == ALERT_INACTIVE)
        return AMPQL_OK;
    ++*nactive;
    if (active->state == ALERT_PENDING &&
        e->t_ms - active->active_at_ms >= e->alert->rule->alert.for_ms)
        active->state = ALERT_FIRING;
    TRY(add_sample(e, active, "ALERTS", states[active->state], 1, out));
    return add_sample(e, active, "ALERTS_FOR_STATE", NULL, seconds_of(active->active_at_ms), out);
}

static enum ampql_code take_result(const struct evaluation *e, const struct ampql_result *result)
{
    enum ampql_result_kind kind = ampql_result_kind(result);
    if (kind == AMPQL_RESULT_SCALAR)
        return take_series(e, NULL, 0, ampql_result_scalar(result));
    if (kind != AMPQL_RESULT_VECTOR)
        return fail(e->err, AMPQL_EXECUTION, "rule result is not a vector or scalar");
    for (size_t i = 0; i < ampql_result_count(result); i++) {
        struct ampql_series series = ampql_result_series(result, i);
        struct ampql_label *labels = label_set_copy(e->work, series.labels, series.nlabels);
        if (!labels)
            return no_memory(e);
        label_set_sort(labels, series.nlabels);
        TRY(take_series(e, labels, series.nlabels, series.values[0]));
    }
    return AMPQL_OK;
}

enum ampql_code alert_evaluate(struct alert_rule *alert, const struct unit_test *test, int64_t t_ms,
                               const struct ampql_result *result, struct arena *keep,
                               struct arena *work, struct unit_samples *out,
                               struct ampql_error *err)
{
    struct evaluation e = {alert, test, t_ms, keep, work, err};
    uint64_t nactive = 0;
    alert->nevaluations++;
    TRY(take_result(&e, result));
    for (size_t i = 0; i < alert->active.n; i++)
        TRY(settle(&e, &alert->active.at[i], &nactive, out));
    if (alert->limit > 0 && nactive > alert->limit) {
        alert->active.n = 0;
        return fail(err, AMPQL_EXECUTION, "exceeded limit of %llu with %llu alerts",
                    (unsigned long long)alert->limit, (unsigned long long)nactive);
    }
    return AMPQL_OK;
}
