/* Which entries of a folder answer a select, and the message when none do. */
#include "base/buf.h"
#include "base/checked.h"
#include "base/duration.h"
#include "base/time.h"
#include "source/folder.h"

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
static bool is_wide_enough(const struct folder_entry *e, const struct ampql_select *select)
{
    for (size_t i = 0; i < e->matchers.n; i++)
        if (!is_asked(&e->matchers.at[i], select))
            return false;
    return true;
}

/* Values of a grid depend on lookback and on whether its left end counts; samples do not. */
static bool fits(const struct folder_entry *e, const struct ampql_select *select)
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
static bool is_better(const struct folder_entry *e, int64_t reach, const struct folder_entry *best,
                      int64_t best_reach)
{
    return !best || reach > best_reach || (reach == best_reach && e->matchers.n > best->matchers.n);
}

/* Cover (mint, maxt] from the left, each time with the entry that reaches farthest. */
static bool cover_raw(struct folder *folder, const struct ampql_select *select, struct arena *arena,
                      struct folder_parts *out, bool *is_covered)
{
    int64_t at = select->mint_ms;
    while (at < select->maxt_ms) {
        struct folder_entry *best = NULL;
        for (size_t i = 0; i < folder->entries.n; i++) {
            struct folder_entry *e = &folder->entries.at[i];
            if (e->after_ms <= at && e->upto_ms > at && fits(e, select) &&
                is_better(e, e->upto_ms, best, best ? best->upto_ms : 0))
                best = e;
        }
        if (!best) {
            *is_covered = false;
            return true;
        }
        int64_t to = best->upto_ms < select->maxt_ms ? best->upto_ms : select->maxt_ms;
        if (!array_push(out, arena, (struct folder_part){best, at, to}))
            return false;
        at = to;
    }
    *is_covered = true;
    return true;
}

/* Does the entry hold point p; and which is the last of p, p + step, ... end that it holds without
 * a hole? */
static bool holds(const struct folder_entry *e, int64_t p, int64_t end, int64_t step, int64_t *last)
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
static bool cover_grid(struct folder *folder, const struct ampql_select *select,
                       struct arena *arena, struct folder_parts *out, bool *is_covered)
{
    int64_t step = select->end_ms > select->start_ms ? select->step_ms : 1;
    int64_t p = select->start_ms;
    *is_covered = false;
    if (step <= 0)
        return true;
    for (size_t turn = 0; turn < folder->entries.n; turn++) {
        struct folder_entry *best = NULL;
        int64_t best_last = p, rest;
        for (size_t i = 0; i < folder->entries.n; i++) {
            struct folder_entry *e = &folder->entries.at[i];
            int64_t last;
            if (fits(e, select) && holds(e, p, select->end_ms, step, &last) &&
                is_better(e, last, best, best_last)) {
                best = e;
                best_last = last;
            }
        }
        if (!best)
            return true;
        if (!array_push(out, arena, (struct folder_part){best, p, best_last}))
            return false;
        if (checked_sub(select->end_ms, best_last, &rest) && rest < step) {
            *is_covered = true;
            return true;
        }
        if (!checked_add(best_last, step, &p))
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

static void write_selector(struct buf *text, const struct ampql_select *select)
{
    enum { SELECTOR_CLIP = 120 };
    size_t name = select->nmatchers;
    for (size_t i = select->nmatchers; i-- > 0;)
        if (select->matchers[i].op == AMPQL_MATCH_EQUAL && select->matchers[i].value.size &&
            str_equal(str_view(select->matchers[i].name), STR("__name__")))
            name = i;
    if (name < select->nmatchers) {
        char quoted[320];
        quote_clipped(quoted, sizeof quoted, str_view(select->matchers[name].value));
        buf_format(text, "%.*s", (int)strlen(quoted) - 2, quoted + 1);
    }
    const char *between = "{";
    for (size_t i = 0; i < select->nmatchers; i++) {
        const struct ampql_matcher *m = &select->matchers[i];
        if (i == name)
            continue;
        if (text->n > SELECTOR_CLIP) { /* the times behind it must not be cut off */
            buf_text(text, between);
            buf_text(text, "...");
            between = ", ";
            break;
        }
        buf_text(text, between);
        write_matcher(text, str_view(m->name), (enum match_op)m->op, str_view(m->value));
        between = ", ";
    }
    if (*between == ',')
        buf_text(text, "}");
    else if (name == select->nmatchers)
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

static void write_select(struct buf *text, const struct ampql_select *select)
{
    write_selector(text, select);
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

static void write_entry(struct buf *text, const struct folder_entry *e)
{
    char quoted[320];
    if (e->query.n) {
        buf_format(text, "%.*s ", (int)(e->file.n < 64 ? e->file.n : 64), e->file.p);
        buf_text(text, quote_clipped(quoted, sizeof quoted, e->query));
    } else if (e->is_any_time) {
        buf_text(text, "an empty vector (GRID)");
        return;
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
static int nearness(const struct folder_entry *e, const struct ampql_select *select)
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

/* Nothing here may fail: without memory the message is shorter. */
static enum ampql_code refuse(const struct folder *folder, const struct ampql_select *select,
                              struct ampql_error *err)
{
    const struct folder_entry *nearest = NULL;
    int best = 0;
    for (size_t i = 0; i < folder->entries.n; i++) {
        int near = nearness(&folder->entries.at[i], select);
        if (near > best) {
            best = near;
            nearest = &folder->entries.at[i];
        }
    }
    struct buf what, near;
    buf_init(&what, &folder->alc, AMPQL_MESSAGE_MAX);
    buf_init(&near, &folder->alc, AMPQL_MESSAGE_MAX);
    write_select(&what, select);
    if (nearest)
        write_entry(&near, nearest);
    else
        buf_text(&near, "nothing of that metric");
    fail(err, AMPQL_NOT_FOUND, "%.160s does not hold %.*s; nearest: %.*s", folder->path,
         (int)what.n, what.p ? what.p : "", (int)near.n, near.p ? near.p : "");
    enum ampql_code code = what.failed == AMPQL_NOMEM || near.failed == AMPQL_NOMEM
                               ? fail_nomem(err, "a message")
                               : AMPQL_NOT_FOUND;
    buf_done(&what);
    buf_done(&near);
    return code;
}

enum ampql_code folder_plan(struct folder *folder, const struct ampql_select *select,
                            struct arena *arena, struct folder_parts *out, struct ampql_error *err)
{
    bool is_covered = false;
    bool has_memory = select->kind == AMPQL_SELECT_RAW
                          ? cover_raw(folder, select, arena, out, &is_covered)
                          : cover_grid(folder, select, arena, out, &is_covered);
    if (!has_memory)
        return fail_nomem(err, "the parts of an answer");
    return is_covered ? AMPQL_OK : refuse(folder, select, err);
}
