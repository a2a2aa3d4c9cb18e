/* From the selectors of tests to rules, and from the selectors of those to further rules. */
#include "tool/rule_coverage.h"

#include "tool/expression.h"

/* The rules of one unit test file. */
struct cover {
    const struct rule **rule; /* [n] */
    size_t *entry;            /* [n] of the coverage */
    struct expression *expr;  /* [n] of the rule */
    size_t n;
    enum ampql_dialect dialect;
    struct arena work;
    struct rule_coverage *out;
    struct ampql_error *err;
};

static enum ampql_code no_memory(const struct cover *c)
{
    return fail_nomem(c->err, "what tests read");
}

static struct ampql_label label_of(const char *name, struct ampql_string value)
{
    return (struct ampql_label){string_view(str_of(name)), value};
}

/* Labels that a rule's series have for certain, [*n] with room for 3 + nlabels. An alert's may be
 * templates. */
static void known_labels(const struct ampql_rule *rule, const char *name,
                         struct ampql_label *labels, size_t *n)
{
    *n = 0;
    labels[(*n)++] = label_of("__name__", rule->is_alert ? string_view(str_of(name)) : rule->name);
    if (rule->is_alert)
        labels[(*n)++] = label_of("alertname", rule->name);
    for (size_t i = 0; i < rule->nlabels; i++)
        if (!rule->is_alert ||
            !memmem(rule->labels[i].value.data, rule->labels[i].value.size, "{{", 2))
            labels[(*n)++] = rule->labels[i];
}

/* Does a selector say which name it reads (and of ALERTS, which alert), and may it read this rule's
 * series? */
static enum ampql_code reads(struct cover *c, struct matchers matchers, size_t i, bool *out)
{
    static const char *const alerts[] = {"ALERTS", "ALERTS_FOR_STATE"};
    const struct ampql_rule *rule = &c->rule[i]->view;
    struct ampql_label *labels = arena_alloc(&c->work, rule->nlabels + 3, sizeof *labels);
    bool says_name = false, says_alert = !rule->is_alert;
    *out = false;
    if (!labels)
        return no_memory(c);
    for (size_t m = 0; m < matchers.n; m++) {
        says_name = says_name || str_equal(matchers.at[m].name, STR("__name__"));
        says_alert = says_alert || str_equal(matchers.at[m].name, STR("alertname"));
    }
    for (size_t k = 0; k < (rule->is_alert ? 2 : 1) && says_name && says_alert && !*out; k++) {
        size_t n;
        known_labels(rule, alerts[k], labels, &n);
        *out = selector_allows(matchers, labels, n, c->dialect);
    }
    return AMPQL_OK;
}

static enum ampql_code mark(struct cover *c, const struct expression *by, enum rule_cover cover,
                            bool *changed)
{
    for (size_t s = 0; s < by->nselectors; s++) {
        for (size_t i = 0; i < c->n; i++) {
            struct covered_rule *entry = &c->out->at[c->entry[i]];
            bool is_read;
            if (entry->cover >= cover)
                continue;
            TRY(reads(c, by->selectors[s], i, &is_read));
            if (is_read) {
                entry->cover = cover;
                *changed = true;
            }
        }
    }
    return AMPQL_OK;
}

static enum ampql_code mark_tested(struct cover *c, const struct unit_test *test)
{
    bool changed;
    for (size_t i = 0; i < test->nexprs; i++) {
        struct expression expression;
        enum ampql_code code = expression_parse(test->exprs[i].expr.value, c->dialect, true,
                                                &c->work, &expression, NULL);
        if (code == AMPQL_NOMEM)
            return no_memory(c);
        if (code == AMPQL_OK)
            TRY(mark(c, &expression, COVER_TESTED, &changed));
    }
    for (size_t i = 0; i < test->nalerts; i++)
        for (size_t k = 0; k < c->n; k++)
            if (c->rule[k]->view.is_alert &&
                str_equal(str_view(c->rule[k]->view.name), test->alerts[i].name))
                c->out->at[c->entry[k]].cover = COVER_TESTED;
    return AMPQL_OK;
}

/* Until nothing more is reached. */
static enum ampql_code mark_passing(struct cover *c)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < c->n; i++)
            if (c->out->at[c->entry[i]].cover != COVER_NONE)
                TRY(mark(c, &c->expr[i], COVER_PASSING, &changed));
    }
    return AMPQL_OK;
}

/* The rule's place in the coverage, where another file may have put it already. */
static enum ampql_code enter(struct cover *c, const struct unit_group *group,
                             const struct rule *rule, size_t *out)
{
    struct str path = str_of(group->path);
    for (size_t i = 0; i < c->out->n; i++) {
        const struct covered_rule *entry = &c->out->at[i];
        if (entry->line == rule->view.line && str_equal(entry->path, path) &&
            str_equal(entry->name, str_view(rule->view.name))) {
            *out = i;
            return AMPQL_OK;
        }
    }
    struct covered_rule entry = {
        .path = arena_copy(c->out->arena, path),
        .name = arena_copy(c->out->arena, str_view(rule->view.name)),
        .line = rule->view.line,
        .is_alert = rule->view.is_alert,
    };
    *out = c->out->n;
    return entry.path.p && entry.name.p && array_push(c->out, c->out->arena, entry) ? AMPQL_OK
                                                                                    : no_memory(c);
}

static enum ampql_code enter_all(struct cover *c, const struct unit_rules *rules)
{
    size_t n = 0;
    for (size_t g = 0; g < rules->loaded.n; g++)
        n += rules->loaded.at[g]->file.rules.n;
    c->rule = arena_alloc(&c->work, n, sizeof *c->rule);
    c->entry = arena_alloc(&c->work, n, sizeof *c->entry);
    c->expr = arena_zeroed(&c->work, n, sizeof *c->expr);
    if (!c->rule || !c->entry || !c->expr)
        return no_memory(c);
    for (size_t g = 0; g < rules->groups.n; g++) {
        const struct unit_group *group = &rules->groups.at[g];
        const struct ampql_rule_group *view = &group->rules->file.groups.at[group->group];
        for (size_t i = 0; i < view->nrules; i++, c->n++) {
            const struct rule *rule = &group->rules->file.rules.at[view->first_rule + i];
            c->rule[c->n] = rule;
            TRY(enter(c, group, rule, &c->entry[c->n]));
            if (expression_parse(str_view(rule->view.expr), c->dialect, true, &c->work,
                                 &c->expr[c->n], NULL) != AMPQL_OK)
                return no_memory(c); /* it was compiled before */
        }
    }
    return AMPQL_OK;
}

enum ampql_code rule_coverage_add(struct rule_coverage *coverage, const struct unit_file *file,
                                  const struct unit_rules *rules, enum ampql_dialect dialect,
                                  struct ampql_error *err)
{
    struct cover c = {.dialect = dialect, .out = coverage, .err = err};
    arena_init(&c.work, coverage->arena->alc);
    enum ampql_code code = enter_all(&c, rules);
    for (size_t i = 0; i < file->ntests && code == AMPQL_OK; i++)
        code = mark_tested(&c, &file->tests[i]);
    if (code == AMPQL_OK)
        code = mark_passing(&c);
    arena_done(&c.work);
    return code;
}

void rule_coverage_print(const struct rule_coverage *coverage, FILE *out)
{
    size_t n[2] = {0}, tested[2] = {0};
    for (size_t i = 0; i < coverage->n; i++) {
        n[coverage->at[i].is_alert]++;
        tested[coverage->at[i].is_alert] += coverage->at[i].cover == COVER_TESTED;
    }
    fprintf(out, "tested %zu of %zu recording rules, %zu of %zu alerts\n", tested[0], n[0],
            tested[1], n[1]);
    for (size_t i = 0; i < coverage->n; i++) {
        const struct covered_rule *rule = &coverage->at[i];
        if (rule->cover == COVER_TESTED)
            continue;
        fprintf(out, "%.*s:%zu: %s %.*s: %s\n", STR_ARGS(rule->path), rule->line,
                rule->is_alert ? "alert" : "record", STR_ARGS(rule->name),
                rule->cover == COVER_PASSING ? "read by tested rules only" : "no test reads it");
    }
}
