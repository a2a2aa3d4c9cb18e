/* What records read of each other: in which order they are to be looked at, and which of them read
 * themselves and so have no first value. */
#include "rules/rules.h"

#include <stdio.h>

/* How many records all selectors together may look through, and find. */
enum { MAX_LOOKS = 20000000, MAX_READS = 1000000 };

/* What each record reads: record r reads to [first[r] .. first[r + 1]). */
struct graph {
    size_t *first; /* [n + 1] */
    struct {
        ARRAY(size_t);
    } to;
};

struct search {
    struct ampql_rules *rules;
    const struct records *records;
    struct arena *work; /* freed when the search ends */
    struct graph graph;
    size_t nlooks;
};

static enum ampql_code no_room(struct ampql_error *err)
{
    return fail_nomem(err, "what rules read");
}

/* ---- edges */

static enum ampql_code fail_many(const struct search *s, size_t record, struct ampql_error *err)
{
    struct yaml_place place = s->rules->file.rules.at[s->rules->rule_of[record]].place;
    return fail_at(err, AMPQL_LIMIT, place.offset, place.offset,
                   "line %zu, column %zu: too many selectors that may read what rules record, "
                   "expected fewer that name no metric",
                   place.line, place.column);
}

static enum ampql_code add_selector(struct search *s, struct matchers matchers, size_t record,
                                    struct ampql_error *err)
{
    struct record_list named, list;
    s->nlooks += rules_name_of(matchers) ? 1 : s->records->n;
    if (s->nlooks > MAX_LOOKS)
        return fail_many(s, record, err);
    TRY(rules_find(s->records, matchers, s->work, &named, &list, err));
    if (list.n > MAX_READS - s->graph.to.n)
        return fail_many(s, record, err);
    for (size_t i = 0; i < list.n; i++)
        if (!array_push(&s->graph.to, s->work, list.at[i]))
            return no_room(err);
    return AMPQL_OK;
}

/* Recursion is bounded by the parser's depth limit. */
static enum ampql_code walk(struct search *s, const struct ast *ast, size_t record,
                            struct ampql_error *err)
{
    switch (ast->kind) {
    case AST_NUMBER:
    case AST_STRING:
        return AMPQL_OK;
    case AST_SELECTOR:
        return add_selector(s, ast->u.selector.matchers, record, err);
    case AST_SUBQUERY:
        return walk(s, ast->u.subquery.expr, record, err);
    case AST_CALL:
        for (size_t i = 0; i < ast->u.call.nargs; i++)
            TRY(walk(s, ast->u.call.args[i], record, err));
        return AMPQL_OK;
    case AST_AGGREGATE:
        if (ast->u.aggregate.param)
            TRY(walk(s, ast->u.aggregate.param, record, err));
        return walk(s, ast->u.aggregate.expr, record, err);
    case AST_BINARY:
        TRY(walk(s, ast->u.binary.first->u.binary.lhs, record, err));
        for (const struct ast *op = ast->u.binary.first; op; op = ast_next(op, ast))
            TRY(walk(s, op->u.binary.rhs, record, err));
        return AMPQL_OK;
    case AST_UNARY:
        return walk(s, ast->u.unary.expr, record, err);
    case AST_PAREN:
        return walk(s, ast->u.paren, record, err);
    }
    return AMPQL_OK;
}

static enum ampql_code find_edges(struct search *s, struct ampql_error *err)
{
    size_t n = s->records->n;
    s->graph.first = arena_zeroed(s->work, n + 1, sizeof *s->graph.first);
    if (!s->graph.first)
        return no_room(err);
    for (size_t r = 0; r < n; r++) {
        TRY(walk(s, s->records->at[r].ast, r, err));
        s->graph.first[r + 1] = s->graph.to.n;
    }
    return AMPQL_OK;
}

/* ---- circles */

/* A way through the graph, deepest record last. */
struct path {
    size_t *record, *next; /* [n] the record, and the next edge of it to follow */
    size_t n;
};

/* `"a" (line 4) reads "b" (line 9), which reads "a"` of the path from place `from` on. */
static enum ampql_code name_circle(struct search *s, const struct path *path, size_t from,
                                   struct str *out, struct ampql_error *err)
{
    enum { MAX_NAMED = 8 };
    char text[200 * MAX_NAMED], name[100];
    size_t n = 0, last = path->n;
    for (size_t i = from; i <= last; i++) {
        size_t record = path->record[i < last ? i : from];
        size_t line = s->rules->file.rules.at[s->rules->rule_of[record]].view.line;
        if (i - from == MAX_NAMED && i < last) {
            n += (size_t)snprintf(text + n, sizeof text - n, ", which reads ...");
            break;
        }
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s",
                              i == from ? "" : (i == from + 1 ? " reads " : ", which reads "),
                              quote_clipped(name, sizeof name, s->records->at[record].name));
        if (i < last)
            n += (size_t)snprintf(text + n, sizeof text - n, " (line %zu)", line);
    }
    *out = arena_copy(&s->rules->arena, str_make(text, n));
    return out->p ? AMPQL_OK : no_room(err);
}

enum { NOT_SEEN, ON_PATH, DONE };

/* The path came back to a record on it: all from there on have no beginning. */
static enum ampql_code close_circle(struct search *s, const struct path *path, size_t record,
                                    struct record *at, struct ampql_error *err)
{
    size_t from = path->n - 1;
    struct str text;
    while (path->record[from] != record)
        from--;
    TRY(name_circle(s, path, from, &text, err));
    for (size_t i = from; i < path->n; i++)
        if (!at[path->record[i]].endless.p)
            at[path->record[i]].endless = text;
    return AMPQL_OK;
}

/* Follow all that a record reads; *n counts those that are done, in order. */
static enum ampql_code follow(struct search *s, size_t start, struct path *path,
                              unsigned char *state, size_t *order, size_t *n,
                              struct ampql_error *err)
{
    struct record *at = s->rules->records;
    path->n = 0;
    path->record[path->n] = start;
    path->next[path->n++] = s->graph.first[start];
    state[start] = ON_PATH;
    while (path->n) {
        size_t record = path->record[path->n - 1], *next = &path->next[path->n - 1];
        if (*next == s->graph.first[record + 1]) {
            state[record] = DONE;
            order[(*n)++] = record;
            path->n--;
            continue;
        }
        size_t read = s->graph.to.at[(*next)++];
        if (state[read] == ON_PATH) {
            TRY(close_circle(s, path, read, at, err));
        } else if (state[read] == NOT_SEEN) {
            state[read] = ON_PATH;
            path->record[path->n] = read;
            path->next[path->n++] = s->graph.first[read];
        }
    }
    return AMPQL_OK;
}

/* What reads something without a beginning has none, either. */
static void spread(struct search *s, const size_t *done)
{
    struct record *at = s->rules->records;
    for (size_t i = 0; i < s->records->n; i++) {
        size_t record = done[i];
        for (size_t e = s->graph.first[record]; e < s->graph.first[record + 1]; e++)
            if (!at[record].endless.p)
                at[record].endless = at[s->graph.to.at[e]].endless;
    }
}

static enum ampql_code put_in_order(struct search *s, struct ampql_error *err)
{
    size_t n = s->records->n, ndone = 0;
    struct path path = {.record = arena_alloc(s->work, n + 1, sizeof *path.record),
                        .next = arena_alloc(s->work, n + 1, sizeof *path.next)};
    unsigned char *state = arena_zeroed(s->work, n, sizeof *state);
    size_t *done = arena_alloc(s->work, n, sizeof *done);
    size_t *order = arena_alloc(&s->rules->arena, n, sizeof *order);
    if (!path.record || !path.next || !state || !done || !order)
        return no_room(err);
    for (size_t r = 0; r < n; r++)
        if (state[r] == NOT_SEEN)
            TRY(follow(s, r, &path, state, done, &ndone, err));
    spread(s, done);
    for (size_t i = 0; i < n; i++)
        order[i] = done[n - 1 - i];
    s->rules->order = order;
    return AMPQL_OK;
}

enum ampql_code rules_order(struct ampql_rules *rules, const struct records *records,
                            struct ampql_error *err)
{
    struct arena work;
    arena_init(&work, &rules->alc);
    struct search s = {.rules = rules, .records = records, .work = &work};
    enum ampql_code code = find_edges(&s, err);
    if (code == AMPQL_OK)
        code = put_in_order(&s, err);
    arena_done(&work);
    return code;
}
