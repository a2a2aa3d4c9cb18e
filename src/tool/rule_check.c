/* Findings, file by file and rule by rule. */
#include "tool/rule_check.h"

#include "engine/engine.h"
#include "lang/parser.h"
#include "series/label_set.h"
#include "tool/expression.h"
#include "tool/template.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const struct rule_check rule_checks[CHECK_COUNT] = {
#define CHECK(name, text, severity, needs_source, help)                                            \
    [CHECK_##name] = {text, severity, needs_source, help},
#include "tool/rule_check.def"
};

const char *rule_severity_name(enum rule_severity severity)
{
    static const char *const names[] = {"info", "warning", "error"};
    return names[severity];
}

void rule_checker_init(struct rule_checker *checker, struct arena *arena,
                       const struct rule_check_data *data, enum ampql_dialect dialect)
{
    *checker = (struct rule_checker){.arena = arena, .data = *data, .dialect = dialect};
}

void rule_checker_done(struct rule_checker *checker)
{
    for (size_t i = 0; i < checker->files.n; i++)
        rules_free(checker->files.at[i].rules);
}

/* ---- findings */

static enum ampql_code add(struct rule_checker *checker, struct rule_finding finding,
                           const char *message, const char *advice, struct ampql_error *err)
{
    finding.message = arena_copy(checker->arena, str_of(message));
    finding.advice = arena_copy(checker->arena, str_of(advice ? advice : ""));
    return finding.message.p && finding.advice.p &&
                   array_push(&checker->findings, checker->arena, finding)
               ? AMPQL_OK
               : fail_nomem(err, "findings");
}

static const struct checked_file *file_of(const struct rule_case *c)
{
    return &c->checker->files.at[c->file];
}

enum ampql_code rule_note(struct rule_case *c, enum rule_check_id check,
                          enum rule_severity severity, struct span span, const char *advice,
                          const char *format, ...)
{
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    struct str text = file_of(c)->text;
    struct rule_finding finding = {
        .check = check,
        .severity = severity,
        .file = c->file,
        .rule = c->index,
        .place = yaml_inside(text, &c->rule->expr, span.start),
        .end = yaml_inside(text, &c->rule->expr, span.end).offset,
    };
    return add(c->checker, finding, message, advice, c->err);
}

/* ---- loading */

struct faults {
    struct rule_checker *checker;
    size_t file;
    enum ampql_code code;
};

/* "line L, column C: " is the finding's place already. */
static void take_fault(void *payload, const struct ampql_error *err)
{
    struct faults *faults = payload;
    struct rule_checker *checker = faults->checker;
    unsigned long line = 0, column = 0;
    int used = 0;
    sscanf(err->message, "line %lu, column %lu: %n", &line, &column, &used);
    struct rule_finding finding = {
        .check = CHECK_SYNTAX,
        .severity = RULE_ERROR,
        .file = faults->file,
        .rule = SIZE_MAX,
        .place = {line, column, err->start},
        .end = err->end,
        .code = err->code,
    };
    if (add(checker, finding, err->message + used, NULL, NULL) != AMPQL_OK)
        faults->code = AMPQL_NOMEM;
}

enum ampql_code rule_checker_add(struct rule_checker *checker, const char *path, struct str text,
                                 struct ampql_error *err)
{
    struct faults faults = {checker, checker->files.n, AMPQL_OK};
    struct rule_faults told = {take_fault, &faults};
    struct checked_file file = {.path = path, .text = text};
    TRY(rules_load_all(checker->data.engine, text, &told, &file.rules, err));
    if (faults.code != AMPQL_OK || !array_push(&checker->files, checker->arena, file)) {
        rules_free(file.rules);
        return fail_nomem(err, "a rule file");
    }
    return AMPQL_OK;
}

/* ---- checks that need no data */

bool is_recorded(const struct rule_checker *checker, struct str name)
{
    for (size_t f = 0; f < checker->files.n; f++) {
        const struct ampql_rules *rules = checker->files.at[f].rules;
        for (size_t i = 0; i < rules->file.rules.n; i++) {
            const struct ampql_rule *rule = &rules->file.rules.at[i].view;
            if (!rule->is_alert && str_equal(str_view(rule->name), name))
                return true;
        }
    }
    return false;
}

static bool same_labels(const struct ampql_rule *a, const struct ampql_rule *b)
{
    if (a->nlabels != b->nlabels)
        return false;
    for (size_t i = 0; i < a->nlabels; i++) {
        size_t k = 0;
        while (k < b->nlabels &&
               !(str_equal(str_view(a->labels[i].name), str_view(b->labels[k].name)) &&
                 str_equal(str_view(a->labels[i].value), str_view(b->labels[k].value))))
            k++;
        if (k == b->nlabels)
            return false;
    }
    return true;
}

static bool is_double(const struct ampql_rule *a, const struct ampql_rule *b)
{
    return a->is_alert == b->is_alert && str_equal(str_view(a->name), str_view(b->name)) &&
           same_labels(a, b);
}

/* The same name and labels as a rule before it, in this file or another. */
static enum ampql_code check_duplicate(struct rule_case *c)
{
    for (size_t f = 0; f <= c->file; f++) {
        const struct checked_file *file = &c->checker->files.at[f];
        size_t n = f < c->file ? file->rules->file.rules.n : c->index;
        for (size_t i = 0; i < n; i++) {
            const struct ampql_rule *other = &file->rules->file.rules.at[i].view;
            if (!is_double(other, &c->rule->view))
                continue;
            struct rule_finding finding = {.check = CHECK_DUPLICATE,
                                           .severity = RULE_WARNING,
                                           .file = c->file,
                                           .rule = c->index,
                                           .place = c->rule->place};
            char message[512];
            snprintf(message, sizeof message,
                     "the rule of line %zu%s%s has this name and these labels, too", other->line,
                     f < c->file ? " in " : "", f < c->file ? file->path : "");
            return add(c->checker, finding, message,
                       "give them different labels, or drop one: of two samples with one time the "
                       "first is kept, and the second refused",
                       c->err);
        }
    }
    return AMPQL_OK;
}

static enum ampql_code check_closed(struct rule_case *c, const char *what,
                                    const struct ampql_label *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char message[200], quoted[100];
        struct rule_finding finding = {.check = CHECK_SYNTAX,
                                       .severity = RULE_ERROR,
                                       .file = c->file,
                                       .rule = c->index,
                                       .place = c->rule->place,
                                       .end = c->rule->place.offset,
                                       .code = AMPQL_PARSE};
        if (template_is_closed(str_view(texts[i].value)))
            continue;
        snprintf(message, sizeof message, "%s %s: a template action has no end", what,
                 quote_clipped(quoted, sizeof quoted, str_view(texts[i].name)));
        TRY(add(c->checker, finding, message, NULL, c->err));
    }
    return AMPQL_OK;
}

/* The texts of an alert are templates. */
static enum ampql_code check_templates(struct rule_case *c)
{
    const struct rule_alert *alert = &c->rule->alert;
    if (!c->rule->view.is_alert)
        return AMPQL_OK;
    TRY(check_closed(c, "label", c->rule->view.labels, c->rule->view.nlabels));
    return check_closed(c, "annotation", alert->annotations, alert->nannotations);
}

/* ---- the run */

static enum ampql_code check_shadow(struct rule_case *c)
{
    struct metric *metric;
    char quoted[200];
    if (!c->checker->data.source || c->rule->view.is_alert)
        return AMPQL_OK;
    TRY(metric_find(c->checker, str_view(c->rule->view.name), &metric, c->err));
    if (metric->is_unknown || metric->nseries == 0)
        return AMPQL_OK;
    struct rule_finding finding = {.check = CHECK_SHADOWS,
                                   .severity = RULE_WARNING,
                                   .file = c->file,
                                   .rule = c->index,
                                   .place = c->rule->place};
    char message[512];
    snprintf(message, sizeof message, "the source has %zu series of %s already", metric->nseries,
             quote_clipped(quoted, sizeof quoted, metric->name));
    return add(c->checker, finding, message,
               "a ruler writes them: evaluate the rule here or there, not both; or record another "
               "name",
               c->err);
}

static enum ampql_code check_rule(struct rule_checker *checker, size_t file, size_t index,
                                  struct ampql_error *err)
{
    const struct ampql_rules *rules = checker->files.at[file].rules;
    struct rule_case c = {
        .checker = checker,
        .file = file,
        .index = index,
        .rule = &rules->file.rules.at[index],
        .first = checker->findings.n,
        .err = err,
    };
    struct expression expression;
    TRY(check_templates(&c));
    TRY(check_duplicate(&c));
    TRY(check_shadow(&c));
    if (!c.rule->query)
        return AMPQL_OK;
    TRY(expression_parse(str_view(c.rule->view.expr), checker->dialect,
                         checker->data.engine->experimental, checker->arena, &expression, err));
    c.ast = expression.ast;
    TRY(rule_check_expr(&c));
    if (!c.has_old_label && !c.merges && !c.has_short_window)
        return AMPQL_OK;
    return rule_fix(&c, &checker->findings.at[c.first].fixed);
}

static int by_place(const void *a, const void *b)
{
    const struct rule_finding *x = a, *y = b;
    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    if (x->place.offset != y->place.offset)
        return x->place.offset < y->place.offset ? -1 : 1;
    return (x->check > y->check) - (x->check < y->check);
}

enum ampql_code rule_checker_run(struct rule_checker *checker, struct ampql_error *err)
{
    for (size_t f = 0; f < checker->files.n; f++)
        for (size_t i = 0; i < checker->files.at[f].rules->file.rules.n; i++)
            TRY(check_rule(checker, f, i, err));
    if (checker->findings.n > 1)
        qsort(checker->findings.at, checker->findings.n, sizeof *checker->findings.at, by_place);
    return AMPQL_OK;
}
