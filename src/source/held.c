/* Which saved answers answer a select. */
#include "source/held.h"

#include "base/checked.h"

/* ---- matchers */

struct matchers held_matchers(const struct ampql_select *select, struct arena *arena)
{
    struct matcher *at = arena_alloc(arena, select->nmatchers, sizeof *at);
    for (size_t i = 0; at && i < select->nmatchers; i++) {
        const struct ampql_matcher *m = &select->matchers[i];
        at[i] = (struct matcher){str_view(m->name), (enum match_op)m->op, str_view(m->value)};
    }
    return (struct matchers){at, at ? select->nmatchers : 0};
}

bool held_is_asked(const struct matcher *m, const struct ampql_select *select)
{
    for (size_t i = 0; i < select->nmatchers; i++) {
        const struct ampql_matcher *s = &select->matchers[i];
        if ((int)m->op == (int)s->op && str_equal(m->name, str_view(s->name)) &&
            str_equal(m->value, str_view(s->value)))
            return true;
    }
    return false;
}

/* Does the entry's matcher take this value? A regex that is none takes nothing. */
static enum ampql_code takes(const struct matcher *m, struct str value, enum ampql_dialect dialect,
                             const struct ampql_allocator *alc, bool *out, struct ampql_error *err)
{
    struct regex *regex = NULL;
    if (m->op == MATCH_EQUAL || m->op == MATCH_NOT_EQUAL) {
        *out = str_equal(m->value, value) == (m->op == MATCH_EQUAL);
        return AMPQL_OK;
    }
    enum regex_dot dot = dialect == AMPQL_PROM2 ? REGEX_DOT_NO_NEWLINE : REGEX_DOT_ALL;
    enum ampql_code code = regex_new(alc, m->value, dot, &regex, NULL);
    *out = code == AMPQL_OK && regex_match(regex, value) == (m->op == MATCH_REGEX);
    if (code == AMPQL_OK && regex_failed(regex))
        code = AMPQL_NOMEM;
    regex_free(regex);
    return code == AMPQL_NOMEM ? fail_nomem(err, "matching a label") : AMPQL_OK;
}

/* Do all series that the select asks for match m? So it is when it is one of the select's own, or
 * takes the one value that the select allows. */
static enum ampql_code is_implied(const struct matcher *m, const struct ampql_select *select,
                                  const struct ampql_allocator *alc, bool *out,
                                  struct ampql_error *err)
{
    *out = held_is_asked(m, select);
    for (size_t i = 0; i < select->nmatchers && !*out; i++) {
        const struct ampql_matcher *s = &select->matchers[i];
        if (s->op == AMPQL_MATCH_EQUAL && str_equal(m->name, str_view(s->name)))
            TRY(takes(m, str_view(s->value), select->dialect, alc, out, err));
    }
    return AMPQL_OK;
}

/* Values of a grid depend on lookback and on whether its left end counts; samples do not. */
static bool is_same_question(const struct held *e, const struct ampql_select *select)
{
    if (e->kind != select->kind)
        return false;
    if (e->kind == AMPQL_SELECT_RAW)
        return true;
    if (e->lookback_ms && e->lookback_ms != select->lookback_ms)
        return false;
    return e->dialect == AMPQL_DIALECT_DEFAULT || select->dialect == AMPQL_DIALECT_DEFAULT ||
           e->dialect == select->dialect;
}

/* Everything the select wants is among what the entry holds: applying the select's matchers to the
 * entry's series is exact. */
static enum ampql_code is_wide_enough(const struct held *e, const struct ampql_select *select,
                                      const struct ampql_allocator *alc, bool *out,
                                      struct ampql_error *err)
{
    *out = true;
    for (size_t i = 0; i < e->matchers.n && *out; i++)
        TRY(is_implied(&e->matchers.at[i], select, alc, out, err));
    return AMPQL_OK;
}

/* The entries that a select may be answered from. */
struct fitting {
    ARRAY(size_t);
};

static enum ampql_code find_fitting(const struct held_list *list, const struct ampql_select *select,
                                    struct arena *arena, struct fitting *out,
                                    struct ampql_error *err)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct held *e = held_at(list, i);
        bool fits = is_same_question(e, select);
        if (fits)
            TRY(is_wide_enough(e, select, list->alc, &fits, err));
        if (fits && !array_push(out, arena, i))
            return fail_nomem(err, "the parts of an answer");
    }
    return AMPQL_OK;
}

/* ---- covering */

struct covering {
    const struct held_list *list;
    const struct ampql_select *select;
    struct fitting fitting;
    struct arena *arena;
    struct held_cover *out;
};

/* First of all the entry with most of the select's own matchers: it holds less that is not asked,
 * and one that was made of this very select answers as its source did. Then the one that reaches
 * farthest. */
struct best {
    size_t entry; /* SIZE_MAX: none */
    int64_t reach;
    size_t nasked;
};

static void offer(const struct covering *c, struct best *best, size_t entry, int64_t reach)
{
    const struct held *e = held_at(c->list, entry);
    size_t nasked = 0;
    for (size_t i = 0; i < e->matchers.n; i++)
        nasked += held_is_asked(&e->matchers.at[i], c->select);
    if (best->entry == SIZE_MAX || nasked > best->nasked ||
        (nasked == best->nasked && reach > best->reach))
        *best = (struct best){entry, reach, nasked};
}

static bool add_held(struct covering *c, size_t entry, int64_t from_ms, int64_t to_ms)
{
    return array_push(&c->out->held, c->arena, (struct held_part){entry, from_ms, to_ms});
}

static bool add_missing(struct covering *c, int64_t from_ms, int64_t to_ms)
{
    return array_push(&c->out->missing, c->arena, (struct held_part){SIZE_MAX, from_ms, to_ms});
}

/* Cover (mint, maxt] from the left, each time with the best entry as far as it reaches. */
static bool cover_raw(struct covering *c)
{
    const struct ampql_select *select = c->select;
    for (int64_t at = select->mint_ms; at < select->maxt_ms;) {
        struct best best = {.entry = SIZE_MAX};
        int64_t next = select->maxt_ms;
        for (size_t i = 0; i < c->fitting.n; i++) {
            const struct held *e = held_at(c->list, c->fitting.at[i]);
            if (e->after_ms <= at && e->upto_ms > at)
                offer(c, &best, c->fitting.at[i], e->upto_ms);
            else if (e->after_ms > at && e->after_ms < next)
                next = e->after_ms;
        }
        int64_t to = best.entry == SIZE_MAX         ? next
                     : best.reach < select->maxt_ms ? best.reach
                                                    : select->maxt_ms;
        if (best.entry == SIZE_MAX ? !add_missing(c, at, to) : !add_held(c, best.entry, at, to))
            return false;
        at = to;
    }
    return true;
}

/* Does the entry hold point p; and which is the last of p, p + step, ... end that it holds without
 * a hole? */
static bool holds(const struct held *e, int64_t p, int64_t end, int64_t step, int64_t *last)
{
    *last = p;
    if (e->is_any_time)
        return true;
    if (p < e->start_ms || p > e->end_ms || (p - e->start_ms) % e->step_ms != 0)
        return false;
    if (step % e->step_ms == 0)
        *last = p + ((e->end_ms < end ? e->end_ms : end) - p) / step * step;
    return true;
}

/* Nobody holds point p: the last of p, p + step, ... up to which nobody can, because all others
 * begin later. */
static int64_t last_before_all(const struct covering *c, int64_t p, int64_t step)
{
    int64_t last = c->select->end_ms, distance;
    for (size_t i = 0; i < c->fitting.n; i++) {
        const struct held *e = held_at(c->list, c->fitting.at[i]);
        if (e->start_ms <= p && e->end_ms >= p)
            return p;
        if (e->start_ms > p && e->start_ms <= last)
            last = e->start_ms - 1;
    }
    return checked_sub(last, p, &distance) ? p + distance / step * step : p;
}

/* Point p is missing, and so may be some that follow it; *last is the last of them. */
static bool skip(struct covering *c, int64_t p, int64_t step, int64_t *last)
{
    struct held_parts *missing = &c->out->missing;
    struct held_part *before = missing->n ? &missing->at[missing->n - 1] : NULL;
    int64_t behind;
    *last = last_before_all(c, p, step);
    if (before && checked_add(before->to_ms, step, &behind) && behind == p) {
        before->to_ms = *last;
        return true;
    }
    return add_missing(c, p, *last);
}

/* Cover the points from the left. At most one part an entry, so that entries which hold every other
 * point cannot make this long: what is behind that counts as missing. */
static bool cover_grid(struct covering *c)
{
    const struct ampql_select *select = c->select;
    int64_t step = select->end_ms > select->start_ms ? select->step_ms : 1;
    int64_t p = select->start_ms, rest, last;
    if (step <= 0) /* no grid: nobody holds it */
        return add_missing(c, select->start_ms, select->end_ms);
    for (;;) {
        struct best best = {.entry = SIZE_MAX};
        bool is_last = c->out->held.n == c->fitting.n;
        for (size_t i = 0; i < c->fitting.n && !is_last; i++) {
            const struct held *e = held_at(c->list, c->fitting.at[i]);
            if (holds(e, p, select->end_ms, step, &last))
                offer(c, &best, c->fitting.at[i], last);
        }
        if (is_last)
            return add_missing(c, p, select->end_ms);
        last = best.reach;
        if (best.entry == SIZE_MAX ? !skip(c, p, step, &last) : !add_held(c, best.entry, p, last))
            return false;
        if (!checked_sub(select->end_ms, last, &rest) || rest < step ||
            !checked_add(last, step, &p))
            return true;
    }
}

enum ampql_code held_cover(const struct held_list *list, const struct ampql_select *select,
                           struct arena *arena, struct held_cover *out, struct ampql_error *err)
{
    struct covering c = {.list = list, .select = select, .arena = arena, .out = out};
    *out = (struct held_cover){0};
    TRY(find_fitting(list, select, arena, &c.fitting, err));
    bool has_memory = select->kind == AMPQL_SELECT_RAW ? cover_raw(&c) : cover_grid(&c);
    return has_memory ? AMPQL_OK : fail_nomem(err, "the parts of an answer");
}

enum ampql_code held_plan(const struct held_list *list, const struct ampql_select *select,
                          struct arena *arena, struct held_cover *out, struct ampql_error *err)
{
    TRY(held_cover(list, select, arena, out, err));
    return out->missing.n == 0 || list->allows_partial ? AMPQL_OK : held_refuse(list, select, err);
}

enum ampql_code held_listing(const struct held_list *list, const struct ampql_select *select,
                             size_t *out, struct ampql_error *err)
{
    *out = SIZE_MAX;
    for (size_t i = 0; i < list->n && *out == SIZE_MAX; i++) {
        const struct held *e = held_at(list, i);
        bool fits = e->kind == HELD_LISTING && e->after_ms == select->mint_ms &&
                    e->upto_ms == select->maxt_ms;
        if (fits)
            TRY(is_wide_enough(e, select, list->alc, &fits, err));
        if (fits)
            *out = i;
    }
    return AMPQL_OK;
}
