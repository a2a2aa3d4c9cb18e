/* Which saved answers answer a select, and the message when none do. */
#include "source/held.h"
#include "base/buf.h"
#include "base/checked.h"
#include "base/duration.h"
#include "base/time.h"

static bool is_asked(const struct matcher *m, const struct ampql_select *select)
{
    for (size_t i = 0; i < select->nmatchers; i++) {
        const struct ampql_matcher *s = &select->matchers[i];
        if ((int)m->op == (int)s->op && str_equal(m->name, str_view(s->name)) &&
            str_equal(m->value, str_view(s->value)))
            return true;
    }
    return false;
}

/* Everything the select wants is among what the entry holds: applying the select's matchers to the
 * entry's series is exact. */
static bool is_wide_enough(const struct held *e, const struct ampql_select *select)
{
    for (size_t i = 0; i < e->matchers.n; i++)
        if (!is_asked(&e->matchers.at[i], select))
            return false;
    return true;
}

/* Values of a grid depend on lookback and on whether its left end counts; samples do not. */
static bool fits(const struct held *e, const struct ampql_select *select)
{
    if (e->kind != select->kind || !is_wide_enough(e, select))
        return false;
    if (e->kind == AMPQL_SELECT_RAW)
        return true;
    if (e->lookback_ms && e->lookback_ms != select->lookback_ms)
        return false;
    return e->dialect == AMPQL_DIALECT_DEFAULT || select->dialect == AMPQL_DIALECT_DEFAULT ||
           e->dialect == select->dialect;
}

/* ---- covering */

/* Of entries that reach equally far the one with more matchers: it holds less that is not asked. */
struct best {
    size_t entry; /* SIZE_MAX: none */
    int64_t reach;
    size_t nmatchers;
};

static void offer(struct best *best, size_t entry, const struct held *e, int64_t reach)
{
    if (best->entry == SIZE_MAX || reach > best->reach ||
        (reach == best->reach && e->matchers.n > best->nmatchers))
        *best = (struct best){entry, reach, e->matchers.n};
}

/* Cover (mint, maxt] from the left, each time with the entry that reaches farthest. */
static bool cover_raw(const struct held_list *list, const struct ampql_select *select,
                      struct arena *arena, struct held_parts *out, bool *is_covered)
{
    *is_covered = false;
    for (int64_t at = select->mint_ms; at < select->maxt_ms;) {
        struct best best = {.entry = SIZE_MAX};
        for (size_t i = 0; i < list->n; i++) {
            const struct held *e = held_at(list, i);
            if (e->after_ms <= at && e->upto_ms > at && fits(e, select))
                offer(&best, i, e, e->upto_ms);
        }
        if (best.entry == SIZE_MAX)
            return true;
        int64_t to = best.reach < select->maxt_ms ? best.reach : select->maxt_ms;
        if (!array_push(out, arena, (struct held_part){best.entry, at, to}))
            return false;
        at = to;
    }
    *is_covered = true;
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

/* Cover the points from the left. At most one part an entry, so that entries which hold every other
 * point cannot make this long. */
static bool cover_grid(const struct held_list *list, const struct ampql_select *select,
                       struct arena *arena, struct held_parts *out, bool *is_covered)
{
    int64_t step = select->end_ms > select->start_ms ? select->step_ms : 1;
    int64_t p = select->start_ms, rest, last;
    *is_covered = false;
    for (size_t turn = 0; step > 0 && turn < list->n; turn++) {
        struct best best = {.entry = SIZE_MAX};
        for (size_t i = 0; i < list->n; i++) {
            const struct held *e = held_at(list, i);
            if (fits(e, select) && holds(e, p, select->end_ms, step, &last))
                offer(&best, i, e, last);
        }
        if (best.entry == SIZE_MAX)
            return true;
        if (!array_push(out, arena, (struct held_part){best.entry, p, best.reach}))
            return false;
        if (checked_sub(select->end_ms, best.reach, &rest) && rest < step) {
            *is_covered = true;
            return true;
        }
        if (!checked_add(best.reach, step, &p))
            return true;
    }
    return true;
}

/* ---- saying what is missing */

static void write_matcher(struct buf *text, struct str name, enum match_op op, struct str value)
{
    char key[320], quoted[320];
    quote_clipped(key, sizeof key, name);
    quote_clipped(quoted, sizeof quoted, value);
    buf_format(text, "%.*s%s%s", (int)strlen(key) - 2, key + 1, match_op_text(op), quoted);
}

static bool is_name(const struct matcher *m)
{
    return m->op == MATCH_EQUAL && m->value.n && str_equal(m->name, STR("__name__"));
}

static void write_selector(struct buf *text, struct matchers matchers)
{
    enum { SELECTOR_CLIP = 120 };
    const struct matcher *name = NULL;
    for (size_t i = matchers.n; i-- > 0;)
        if (is_name(&matchers.at[i]))
            name = &matchers.at[i];
    if (name) {
        char quoted[320];
        quote_clipped(quoted, sizeof quoted, name->value);
        buf_format(text, "%.*s", (int)strlen(quoted) - 2, quoted + 1);
    }
    const char *between = "{";
    for (size_t i = 0; i < matchers.n; i++) {
        const struct matcher *m = &matchers.at[i];
        if (m == name)
            continue;
        if (text->n > SELECTOR_CLIP) { /* the times behind it must not be cut off */
            buf_text(text, between);
            buf_text(text, "...");
            between = ", ";
            break;
        }
        buf_text(text, between);
        write_matcher(text, m->name, m->op, m->value);
        between = ", ";
    }
    if (*between == ',')
        buf_text(text, "}");
    else if (!name)
        buf_text(text, "{}");
}

static void write_time(struct buf *text, const char *before, int64_t ms)
{
    char when[TIME_TEXT_MAX];
    time_format(ms, when);
    buf_format(text, "%s%s", before, when);
}

static void write_span(struct buf *text, const char *before, int64_t ms, const char *after)
{
    char span[DURATION_MAX];
    duration_format(ms > 0 ? ms : 0, span);
    buf_format(text, "%s%s%s", before, span, after);
}

static const char *kind_text(enum ampql_select_kind kind)
{
    return kind == AMPQL_SELECT_RAW ? "RAW" : kind == AMPQL_SELECT_GRID ? "GRID" : "GRID_TIMESTAMP";
}

static void write_grid(struct buf *text, int64_t start, int64_t end, int64_t step,
                       int64_t lookback_ms, enum ampql_dialect dialect, enum ampql_select_kind kind)
{
    if (start == end) {
        write_time(text, " at ", start);
    } else {
        write_time(text, " from ", start);
        write_time(text, " to ", end);
        write_span(text, " step ", step, "");
    }
    buf_format(text, " (%s", kind_text(kind));
    if (lookback_ms)
        write_span(text, ", lookback ", lookback_ms, "");
    if (dialect != AMPQL_DIALECT_DEFAULT)
        buf_format(text, ", %s", dialect == AMPQL_PROM2 ? "prom2" : "prom3");
    buf_text(text, ")");
}

void held_describe(struct buf *text, const struct ampql_select *select, struct matchers asked)
{
    write_selector(text, asked);
    if (select->kind != AMPQL_SELECT_RAW) {
        write_grid(text, select->start_ms, select->end_ms, select->step_ms, select->lookback_ms,
                   select->dialect, select->kind);
        return;
    }
    int64_t range_ms;
    if (__builtin_sub_overflow(select->maxt_ms, select->mint_ms, &range_ms))
        range_ms = INT64_MAX;
    /* a left-closed window of W asks for one ms more */
    write_span(text, "[", range_ms - (select->dialect == AMPQL_PROM2), "]");
    write_time(text, " at ", select->maxt_ms);
    buf_text(text, " (RAW)");
}

static void write_held(struct buf *text, const struct held *e)
{
    char quoted[320];
    if (e->query.n) {
        if (e->file.n)
            buf_format(text, "%.*s ", (int)(e->file.n < 64 ? e->file.n : 64), e->file.p);
        buf_text(text, quote_clipped(quoted, sizeof quoted, e->query));
    } else if (e->is_any_time) {
        buf_text(text, "an empty vector (GRID)");
        return;
    } else if (e->matchers.n) {
        write_selector(text, e->matchers);
    } else if (e->kind == AMPQL_SELECT_RAW) {
        buf_text(text, "samples of any time (RAW)");
        return;
    } else {
        buf_text(text, "a vector");
    }
    if (e->kind != AMPQL_SELECT_RAW) {
        write_grid(text, e->start_ms, e->end_ms, e->step_ms, e->lookback_ms, e->dialect, e->kind);
        return;
    }
    write_time(text, " from ", e->after_ms + (e->dialect == AMPQL_PROM2));
    write_time(text, " to ", e->upto_ms);
    buf_text(text, " (RAW)");
}

/* 0: another metric; more is nearer. */
static int nearness(const struct held *e, const struct ampql_select *select)
{
    bool is_same_name = false;
    for (size_t i = 0; i < e->matchers.n; i++)
        if (str_equal(e->matchers.at[i].name, STR("__name__")) &&
            is_asked(&e->matchers.at[i], select))
            is_same_name = true;
    bool is_wide = is_wide_enough(e, select);
    if (!is_same_name && !is_wide)
        return 0;
    return 1 + 2 * is_wide + (e->kind == select->kind);
}

struct matchers held_matchers(const struct ampql_select *select, struct arena *arena)
{
    struct matcher *at = arena_alloc(arena, select->nmatchers, sizeof *at);
    for (size_t i = 0; at && i < select->nmatchers; i++) {
        const struct ampql_matcher *m = &select->matchers[i];
        at[i] = (struct matcher){str_view(m->name), (enum match_op)m->op, str_view(m->value)};
    }
    return (struct matchers){at, at ? select->nmatchers : 0};
}

static enum ampql_code refuse(const struct held_list *list, const struct ampql_select *select,
                              struct matchers asked, struct ampql_error *err)
{
    const struct held *nearest = NULL;
    int best = 0;
    for (size_t i = 0; i < list->n; i++) {
        int near = nearness(held_at(list, i), select);
        if (near > best) {
            best = near;
            nearest = held_at(list, i);
        }
    }
    struct buf what, near;
    buf_init(&what, list->alc, AMPQL_MESSAGE_MAX);
    buf_init(&near, list->alc, AMPQL_MESSAGE_MAX);
    held_describe(&what, select, asked);
    if (nearest)
        write_held(&near, nearest);
    else
        buf_text(&near, "nothing of that metric");
    fail(err, AMPQL_NOT_FOUND, "%.160s does not hold %.*s; nearest: %.*s", list->name, (int)what.n,
         what.p ? what.p : "", (int)near.n, near.p ? near.p : "");
    enum ampql_code code = what.failed == AMPQL_NOMEM || near.failed == AMPQL_NOMEM
                               ? fail_nomem(err, "a message")
                               : AMPQL_NOT_FOUND;
    buf_done(&what);
    buf_done(&near);
    return code;
}

enum ampql_code held_plan(const struct held_list *list, const struct ampql_select *select,
                          struct arena *arena, struct held_parts *out, struct ampql_error *err)
{
    bool is_covered = false;
    bool has_memory = select->kind == AMPQL_SELECT_RAW
                          ? cover_raw(list, select, arena, out, &is_covered)
                          : cover_grid(list, select, arena, out, &is_covered);
    if (!has_memory)
        return fail_nomem(err, "the parts of an answer");
    if (is_covered)
        return AMPQL_OK;
    struct matchers asked = held_matchers(select, arena);
    return asked.at ? refuse(list, select, asked, err) : fail_nomem(err, "a message");
}
