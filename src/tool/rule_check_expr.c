/* A rule's expression against the data: what its selectors match, which labels its result keeps,
 * how long its windows are. */
#include "tool/rule_check.h"

#include "base/duration.h"
#include "cost/queries.h"
#include "lang/printer.h"
#include "series/label_set.h"
#include "tool/expression.h"
#include "tool/suggest.h"

enum { TEXT_MAX = 1 << 20 };

/* ---- names */

const char *label_now(struct str metric, struct str label)
{
    static const struct {
        const char *before, *now;
    } renamed[] = {{"container_name", "container"}, {"pod_name", "pod"}};
    for (size_t i = 0; i < sizeof renamed / sizeof *renamed; i++)
        if (str_has_prefix(metric, STR("container_")) &&
            str_equal(label, str_of(renamed[i].before)))
            return renamed[i].now;
    return NULL;
}

struct str selector_name(const struct ast_selector *selector)
{
    for (size_t i = 0; i < selector->matchers.n; i++)
        if (selector->matchers.at[i].op == MATCH_EQUAL &&
            str_equal(selector->matchers.at[i].name, STR("__name__")))
            return selector->matchers.at[i].value;
    return STR("");
}

/* A metric of the cost model, or a record, whose name is near. */
static const char *suggest_metric(const struct rule_case *c, struct str name)
{
    struct suggest suggest = {.word = name};
    for (size_t i = 0; i < COST_QUERY_COUNT; i++)
        suggest_try(&suggest, query_info[i].metric);
    for (size_t f = 0; f < c->checker->files.n; f++) {
        const struct ampql_rules *rules = c->checker->files.at[f].rules;
        for (size_t i = 0; i < rules->file.rules.n; i++)
            if (!rules->file.rules.at[i].view.is_alert)
                suggest_try(&suggest, rules->file.rules.at[i].view.name.data);
    }
    return suggest.best;
}

static const char *suggest_label(const struct metric *metric, struct str label)
{
    struct suggest suggest = {.word = label};
    for (size_t i = 0; i < metric->nseries; i++)
        for (size_t k = 0; k < metric->series[i].nlabels; k++)
            suggest_try(&suggest, metric->series[i].labels[k].name.data);
    return suggest.best;
}

/* "did you mean X?" in the arena; NULL: there is nothing near, or no memory for it. */
static const char *did_you_mean(const struct rule_case *c, struct str asked, const char *word)
{
    char text[256];
    if (!word || str_equal(asked, str_of(word)))
        return NULL;
    snprintf(text, sizeof text, "did you mean %s?", word);
    return arena_copy(c->checker->arena, str_of(text)).p;
}

/* ---- selectors */

static size_t count_matched(const struct rule_case *c, const struct metric *metric,
                            struct matchers matchers)
{
    struct expression one = {.selectors = &matchers, .nselectors = 1};
    size_t n = 0;
    for (size_t i = 0; i < metric->nseries; i++)
        n += expression_selects(&one, metric->series[i].labels, metric->series[i].nlabels,
                                c->checker->dialect);
    return n;
}

static const char *show_matcher(char *out, size_t size, const struct matcher *matcher)
{
    char quoted[200];
    snprintf(out, size, "%.*s%s%s", (int)(matcher->name.n < 100 ? matcher->name.n : 100),
             matcher->name.p, match_op_text(matcher->op),
             quote_clipped(quoted, sizeof quoted, matcher->value));
    return out;
}

/* A label by its old name, which some or all series do not have. */
static enum ampql_code note_old(struct rule_case *c, const struct ast *ast,
                                const struct matcher *matcher, const struct metric *metric)
{
    char text[400], advice[200];
    const char *now = label_now(selector_name(&ast->u.selector), matcher->name);
    size_t without = 0;
    show_matcher(text, sizeof text, matcher);
    for (size_t i = 0; metric && i < metric->nseries; i++)
        without +=
            label_set_get(metric->series[i].labels, metric->series[i].nlabels, matcher->name).n ==
            0;
    c->has_old_label = true;
    snprintf(advice, sizeof advice, "the label is %s since Kubernetes 1.16", now);
    if (!metric)
        return rule_note(c, CHECK_OLD_LABEL, RULE_WARNING, ast->span, advice,
                         "%s matches nothing on clusters of today", text);
    return rule_note(c, CHECK_OLD_LABEL, without == metric->nseries ? RULE_ERROR : RULE_WARNING,
                     ast->span, advice, "%s: %zu of %zu series have no such label", text, without,
                     metric->nseries);
}

/* Which single matcher no series of the metric meets; NULL: none alone. */
static const struct matcher *culprit(const struct rule_case *c, const struct metric *metric,
                                     struct matchers matchers)
{
    for (size_t i = 0; i < matchers.n; i++)
        if (count_matched(c, metric, (struct matchers){&matchers.at[i], 1}) == 0)
            return &matchers.at[i];
    return NULL;
}

static enum ampql_code note_nothing(struct rule_case *c, const struct ast *ast,
                                    const struct metric *metric)
{
    const struct ast_selector *selector = &ast->u.selector;
    const struct matcher *matcher = culprit(c, metric, selector->matchers);
    char text[400];
    if (!matcher)
        return rule_note(c, CHECK_MATCHES_NOTHING, RULE_ERROR, ast->span,
                         "each matcher alone finds some: no series meets all of them",
                         "none of the %zu series of the metric match", metric->nseries);
    bool is_there = metric_has_label(metric, matcher->name);
    return rule_note(
        c, CHECK_MATCHES_NOTHING, RULE_ERROR, ast->span,
        is_there ? NULL : did_you_mean(c, matcher->name, suggest_label(metric, matcher->name)),
        "%s matches none of the %zu series of the metric%s",
        show_matcher(text, sizeof text, matcher), metric->nseries,
        is_there ? "" : ": they have no such label");
}

/* Old labels first: they explain why nothing matches. */
static enum ampql_code check_labels(struct rule_case *c, const struct ast *ast,
                                    const struct metric *metric, bool *has_old)
{
    const struct ast_selector *selector = &ast->u.selector;
    for (size_t i = 0; i < selector->matchers.n; i++) {
        const struct matcher *matcher = &selector->matchers.at[i];
        if (!label_now(selector_name(selector), matcher->name))
            continue;
        bool is_known = metric && !metric->is_unknown;
        bool is_fine = is_known && metric->nseries > 0;
        for (size_t k = 0; is_fine && k < metric->nseries; k++)
            is_fine =
                label_set_get(metric->series[k].labels, metric->series[k].nlabels, matcher->name)
                    .n > 0;
        if (is_fine)
            continue;
        if (!*has_old) /* once a selector */
            TRY(note_old(c, ast, matcher, is_known && metric->nseries ? metric : NULL));
        *has_old = true;
    }
    return AMPQL_OK;
}

static enum ampql_code check_selector(struct rule_case *c, const struct ast *ast)
{
    const struct ast_selector *selector = &ast->u.selector;
    struct str name = selector_name(selector);
    struct metric *metric = NULL;
    bool has_old = false;
    char quoted[200];
    if (name.n > 0 && c->checker->data.source)
        TRY(metric_find(c->checker, name, &metric, c->err));
    TRY(check_labels(c, ast, metric, &has_old));
    if (!metric || metric->is_unknown)
        return AMPQL_OK;
    if (metric->nseries == 0 && is_recorded(c->checker, name))
        return AMPQL_OK;
    if (metric->nseries == 0)
        return rule_note(c, CHECK_MISSING_METRIC, RULE_ERROR, ast->span,
                         did_you_mean(c, name, suggest_metric(c, name)),
                         "the source has no series of %s",
                         quote_clipped(quoted, sizeof quoted, name));
    if (!has_old && !is_recorded(c->checker, name) &&
        count_matched(c, metric, selector->matchers) == 0)
        return note_nothing(c, ast, metric);
    return AMPQL_OK;
}

/* ---- windows */

int64_t window_for(int64_t interval_ms)
{
    enum { SECOND_MS = 1000, MINUTE_MS = 60000 };
    int64_t four = interval_ms * 4, unit = four >= MINUTE_MS ? MINUTE_MS : SECOND_MS;
    return (four + unit - 1) / unit * unit;
}

bool is_too_short(int64_t window_ms, int64_t interval_ms)
{
    return interval_ms > 0 && (double)window_ms < 1.9 * (double)interval_ms;
}

bool needs_two_samples(const struct signature *function)
{
    static const char *const names[] = {"rate",  "increase",       "delta",   "irate", "idelta",
                                        "deriv", "predict_linear", "changes", "resets"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(function->name, names[i]) == 0)
            return true;
    return false;
}

static enum ampql_code check_window(struct rule_case *c, const struct ast *call,
                                    const struct ast *ast)
{
    const struct ast_selector *selector = &ast->u.selector;
    struct str name = selector_name(selector);
    struct metric *metric;
    struct buf text;
    if (name.n == 0 || !c->checker->data.source || selector->range.expr)
        return AMPQL_OK;
    TRY(metric_find(c->checker, name, &metric, c->err));
    if (metric->nseries == 0)
        return AMPQL_OK;
    buf_init(&text, c->checker->arena->alc, TEXT_MAX);
    print_expr(&text, ast);
    enum ampql_code code = text.failed
                               ? fail_nomem(c->err, "a selector")
                               : metric_measure(c->checker, metric, buf_view(&text), c->err);
    buf_done(&text);
    TRY(code);
    if (!is_too_short(selector->range.ms, metric->interval_ms))
        return AMPQL_OK;
    char window[DURATION_MAX], interval[DURATION_MAX], wanted[DURATION_MAX], advice[128];
    window[duration_format(selector->range.ms, window)] = '\0';
    interval[duration_format(metric->interval_ms, interval)] = '\0';
    wanted[duration_format(window_for(metric->interval_ms), wanted)] = '\0';
    snprintf(advice, sizeof advice, "[%s] holds four samples", wanted);
    c->has_short_window = true;
    return rule_note(c, CHECK_SHORT_WINDOW, RULE_ERROR, ast->span, advice,
                     "a window of %s where there is a sample every %s: %s needs two of them",
                     window, interval, call->u.call.function->name);
}

/* ---- records of other groups */

static enum ampql_code check_order(struct rule_case *c, const struct ast *ast)
{
    const struct ampql_rules *rules = c->checker->files.at[c->file].rules;
    const struct ampql_rule_group *group = &rules->file.groups.at[c->rule->view.group];
    struct str name = selector_name(&ast->u.selector);
    const struct ampql_rule *later = NULL;
    for (size_t i = 0; i < rules->file.rules.n && name.n > 0; i++) {
        const struct ampql_rule *other = &rules->file.rules.at[i].view;
        if (other->is_alert || !str_equal(str_view(other->name), name))
            continue;
        if (i >= group->first_rule && i < c->index)
            return AMPQL_OK; /* one above it in its group */
        later = other;
    }
    if (!later || later == &c->rule->view)
        return AMPQL_OK;
    if (c->checker->data.source) { /* what is stored is read: check_shadow tells of that */
        struct metric *metric;
        TRY(metric_find(c->checker, name, &metric, c->err));
        if (metric->nseries > 0)
            return AMPQL_OK;
    }
    return rule_note(c, CHECK_READS_LATER, RULE_WARNING, ast->span,
                     later->group == c->rule->view.group
                         ? "put it below the rule that it reads"
                         : "put both into one group, the one that is read first",
                     "line %zu records it, %s: this rule sees the evaluation before", later->line,
                     later->group == c->rule->view.group ? "below" : "in another group");
}

/* ---- the walk */

/* Recursion is bounded by the parser's depth limit. */
static enum ampql_code walk(struct rule_case *c, const struct ast *ast)
{
    switch (ast->kind) {
    case AST_NUMBER:
    case AST_STRING:
        return AMPQL_OK;
    case AST_SELECTOR:
        TRY(check_order(c, ast));
        return check_selector(c, ast);
    case AST_SUBQUERY:
        return walk(c, ast->u.subquery.expr);
    case AST_CALL:
        for (size_t i = 0; i < ast->u.call.nargs; i++) {
            const struct ast *arg = ast_unwrap(ast->u.call.args[i]);
            TRY(walk(c, arg));
            if (arg->kind == AST_SELECTOR && arg->u.selector.has_range &&
                needs_two_samples(ast->u.call.function))
                TRY(check_window(c, ast, arg));
        }
        return AMPQL_OK;
    case AST_AGGREGATE:
        if (ast->u.aggregate.param)
            TRY(walk(c, ast->u.aggregate.param));
        return walk(c, ast->u.aggregate.expr);
    case AST_BINARY:
        TRY(walk(c, ast->u.binary.first->u.binary.lhs));
        for (const struct ast *op = ast->u.binary.first; op; op = ast_next(op, ast))
            TRY(walk(c, op->u.binary.rhs));
        return AMPQL_OK;
    case AST_UNARY:
        return walk(c, ast->u.unary.expr);
    case AST_PAREN:
        return walk(c, ast->u.paren);
    }
    return AMPQL_OK;
}

/* ---- the cluster label */

static bool has_name(struct names names, struct str name)
{
    for (size_t i = 0; i < names.n; i++)
        if (str_equal(names.at[i], name))
            return true;
    return false;
}

static enum ampql_code selector_keeps(struct rule_case *c, const struct ast_selector *selector,
                                      bool *out)
{
    struct str name = selector_name(selector);
    struct metric *metric;
    *out = false;
    if (name.n == 0)
        return AMPQL_OK;
    TRY(metric_find(c->checker, name, &metric, c->err));
    *out = metric_has_label(metric, c->checker->data.cluster_label);
    return AMPQL_OK;
}

static enum ampql_code aggregate_keeps(struct rule_case *c, const struct ast *ast, bool *out,
                                       const struct ast **dropped)
{
    const struct ast_aggregate *a = &ast->u.aggregate;
    struct str label = c->checker->data.cluster_label;
    bool picks = a->op == AGGREGATION_TOPK || a->op == AGGREGATION_BOTTOMK;
    TRY(keeps_label(c, a->expr, out, dropped));
    if (!*out || picks)
        return AMPQL_OK;
    *out = a->has_grouping && has_name(a->grouping, label) != a->is_without;
    if (!*out && !*dropped)
        *dropped = ast;
    return AMPQL_OK;
}

bool operator_keeps(const struct rule_case *c, const struct ast *op, bool lhs, bool rhs)
{
    const struct ast_binary *b = &op->u.binary;
    if (b->lhs->type == VALUE_SCALAR || b->rhs->type == VALUE_SCALAR)
        return lhs || rhs;
    if (b->card == MANY_TO_ONE || b->card == MANY_TO_MANY)
        return lhs;
    if (b->card == ONE_TO_MANY)
        return rhs;
    bool is_matched = has_name(b->matching, c->checker->data.cluster_label) == b->is_on;
    return lhs && (!b->has_matching || is_matched);
}

static enum ampql_code chain_keeps(struct rule_case *c, const struct ast *last, bool *out,
                                   const struct ast **dropped)
{
    const struct ast *op = last->u.binary.first;
    TRY(keeps_label(c, op->u.binary.lhs, out, dropped));
    for (; op; op = ast_next(op, last)) {
        bool rhs;
        TRY(keeps_label(c, op->u.binary.rhs, &rhs, dropped));
        *out = operator_keeps(c, op, *out, rhs);
    }
    return AMPQL_OK;
}

enum ampql_code keeps_label(struct rule_case *c, const struct ast *ast, bool *out,
                            const struct ast **dropped)
{
    *out = false;
    switch (ast->kind) {
    case AST_NUMBER:
    case AST_STRING:
        return AMPQL_OK;
    case AST_SELECTOR:
        return selector_keeps(c, &ast->u.selector, out);
    case AST_SUBQUERY:
        return keeps_label(c, ast->u.subquery.expr, out, dropped);
    case AST_CALL:
        for (size_t i = 0; i < ast->u.call.nargs; i++) {
            bool arg;
            TRY(keeps_label(c, ast->u.call.args[i], &arg, dropped));
            *out = *out || arg;
        }
        *out = *out && ast->type != VALUE_SCALAR;
        return AMPQL_OK;
    case AST_AGGREGATE:
        return aggregate_keeps(c, ast, out, dropped);
    case AST_BINARY:
        return chain_keeps(c, ast, out, dropped);
    case AST_UNARY:
        return keeps_label(c, ast->u.unary.expr, out, dropped);
    case AST_PAREN:
        return keeps_label(c, ast->u.paren, out, dropped);
    }
    return AMPQL_OK;
}

/* How many values the label has in the metrics that were looked at. */
static size_t count_clusters(const struct rule_case *c)
{
    const struct rule_checker *checker = c->checker;
    size_t most = 0;
    for (size_t m = 0; m < checker->metrics.n; m++) {
        const struct metric *metric = &checker->metrics.at[m];
        struct {
            ARRAY(struct str);
        } values = {0};
        struct arena arena;
        arena_init(&arena, checker->arena->alc);
        for (size_t i = 0; i < metric->nseries; i++) {
            struct str value = label_set_get(metric->series[i].labels, metric->series[i].nlabels,
                                             checker->data.cluster_label);
            size_t k = 0;
            while (k < values.n && !str_equal(values.at[k], value))
                k++;
            if (k == values.n && value.n > 0 && !array_push(&values, &arena, value))
                break; /* the count is for a message only */
        }
        most = values.n > most ? values.n : most;
        arena_done(&arena);
    }
    return most;
}

static enum ampql_code check_clusters(struct rule_case *c)
{
    const struct ast *dropped = NULL;
    bool keeps;
    char quoted[100], advice[200];
    if (!c->checker->data.source)
        return AMPQL_OK;
    TRY(keeps_label(c, c->ast, &keeps, &dropped));
    if (keeps || !dropped)
        return AMPQL_OK;
    size_t n = count_clusters(c);
    c->merges = true;
    quote_clipped(quoted, sizeof quoted, c->checker->data.cluster_label);
    snprintf(advice, sizeof advice, "keep %s: aggregate by it, too", quoted);
    struct span span = {dropped->span.start, dropped->span.start + 1};
    while (span.end < dropped->span.end && str_view(c->rule->view.expr).p[span.end] != '(')
        span.end++;
    return rule_note(c, CHECK_MERGES_CLUSTERS, n > 1 ? RULE_WARNING : RULE_INFO, span, advice,
                     n > 1 ? "%s adds up %zu clusters"
                           : "%s would add up clusters, of which there is %zu",
                     aggregation_info[dropped->u.aggregate.op].text, n);
}

enum ampql_code rule_check_expr(struct rule_case *c)
{
    TRY(walk(c, c->ast));
    return check_clusters(c);
}
