/* What an expression reads of the records of its file. Decided by the metric name alone: a selector
 * that does not say a name may read any. */
#include "rules/rules.h"

#include "base/regex.h"

/* One walk through a rule's tree. */
struct search {
    struct rule_file *file;
    size_t rule;
    bool *is_dep; /* [nrules] rules above it, in its group */
    bool *hit;    /* [nrules] of the selector at hand */
    const struct ampql_allocator *alc;
};

/* Keep the hits whose name one matcher accepts. */
static enum ampql_code sift(struct search *s, const struct matcher *matcher,
                            struct ampql_error *err)
{
    bool is_regex = matcher->op == MATCH_REGEX || matcher->op == MATCH_NOT_REGEX;
    bool negates = matcher->op == MATCH_NOT_EQUAL || matcher->op == MATCH_NOT_REGEX;
    struct regex *regex = NULL;
    if (is_regex)
        TRY(regex_new(s->alc, matcher->value, REGEX_DOT_ALL, &regex, err));
    for (size_t i = 0; i < s->file->rules.n; i++) {
        struct str name = str_view(s->file->rules.at[i].view.name);
        if (s->hit[i])
            s->hit[i] =
                negates != (is_regex ? regex_match(regex, name) : str_equal(name, matcher->value));
    }
    bool failed = regex && regex_failed(regex);
    regex_free(regex);
    return failed ? fail_nomem(err, "matching a regular expression") : AMPQL_OK;
}

static enum ampql_code find_hits(struct search *s, struct matchers matchers,
                                 struct ampql_error *err)
{
    for (size_t i = 0; i < s->file->rules.n; i++)
        s->hit[i] = !s->file->rules.at[i].view.is_alert;
    for (size_t i = 0; i < matchers.n; i++)
        if (str_equal(matchers.at[i].name, STR("__name__")))
            TRY(sift(s, &matchers.at[i], err));
    return AMPQL_OK;
}

/* how  what makes the selector read more than the present; NULL: nothing does */
static enum ampql_code read_selector(struct search *s, struct matchers matchers, const char *how,
                                     struct ampql_error *err)
{
    struct rule *self = &s->file->rules.at[s->rule];
    size_t first = s->file->groups.at[self->view.group].first_rule;
    struct ampql_string elsewhere = {NULL, 0};
    bool reads_above = false;
    TRY(find_hits(s, matchers, err));
    for (size_t i = 0; i < s->file->rules.n; i++) {
        if (!s->hit[i])
            continue;
        struct ampql_string name = s->file->rules.at[i].view.name;
        if (how && !self->over_time_how) {
            self->over_time = name;
            self->over_time_how = how;
        }
        if (i >= first && i < s->rule)
            s->is_dep[i] = reads_above = true;
        else if (!elsewhere.data)
            elsewhere = name;
    }
    if (!reads_above && !self->elsewhere.data)
        self->elsewhere = elsewhere;
    return AMPQL_OK;
}

static const char *over_time(const struct ast_selector *selector)
{
    if (selector->has_range)
        return "a range";
    if (selector->at.kind != AT_NONE)
        return "an @ modifier";
    if (selector->offset.ms != 0 || selector->offset.expr)
        return "an offset";
    return NULL;
}

/* Recursion is bounded by the parser's depth limit. */
static enum ampql_code walk(struct search *s, const struct ast *ast, const char *how,
                            struct ampql_error *err)
{
    switch (ast->kind) {
    case AST_NUMBER:
    case AST_STRING:
        return AMPQL_OK;
    case AST_SELECTOR:
        return read_selector(s, ast->u.selector.matchers, how ? how : over_time(&ast->u.selector),
                             err);
    case AST_SUBQUERY:
        return walk(s, ast->u.subquery.expr, "a subquery", err);
    case AST_CALL:
        for (size_t i = 0; i < ast->u.call.nargs; i++)
            TRY(walk(s, ast->u.call.args[i], how, err));
        return AMPQL_OK;
    case AST_AGGREGATE:
        if (ast->u.aggregate.param)
            TRY(walk(s, ast->u.aggregate.param, how, err));
        return walk(s, ast->u.aggregate.expr, how, err);
    case AST_BINARY:
        TRY(walk(s, ast->u.binary.first->u.binary.lhs, how, err));
        for (const struct ast *op = ast->u.binary.first; op; op = ast_next(op, ast))
            TRY(walk(s, op->u.binary.rhs, how, err));
        return AMPQL_OK;
    case AST_UNARY:
        return walk(s, ast->u.unary.expr, how, err);
    case AST_PAREN:
        return walk(s, ast->u.paren, how, err);
    }
    return AMPQL_OK;
}

static enum ampql_code keep_deps(const struct search *s, struct arena *arena,
                                 struct ampql_error *err)
{
    struct rule *self = &s->file->rules.at[s->rule];
    size_t n = 0;
    for (size_t i = 0; i < s->rule; i++)
        n += s->is_dep[i];
    if (n == 0)
        return AMPQL_OK;
    size_t *deps = arena_alloc(arena, n, sizeof *deps);
    if (!deps)
        return fail_nomem(err, "what a rule reads");
    for (size_t i = 0; i < s->rule; i++)
        if (s->is_dep[i])
            deps[self->ndeps++] = i;
    self->deps = deps;
    return AMPQL_OK;
}

enum ampql_code rules_depend(struct rule_file *file, size_t i, const struct ast *ast,
                             struct arena *arena, struct ampql_error *err)
{
    struct arena work;
    arena_init(&work, arena->alc);
    struct search s = {
        .file = file,
        .rule = i,
        .is_dep = arena_zeroed(&work, file->rules.n, sizeof *s.is_dep),
        .hit = arena_zeroed(&work, file->rules.n, sizeof *s.hit),
        .alc = arena->alc,
    };
    enum ampql_code code =
        s.is_dep && s.hit ? walk(&s, ast, NULL, err) : fail_nomem(err, "what a rule reads");
    if (code == AMPQL_OK)
        code = keep_deps(&s, arena, err);
    arena_done(&work);
    return code;
}
