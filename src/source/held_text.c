/* How selects and saved answers are called, and what to say when one is missing. */
#include "base/buf.h"
#include "base/checked.h"
#include "base/duration.h"
#include "base/time.h"
#include "source/held.h"
#include "source/sink.h"
#include "source/wire.h"

/* ---- names */

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

/* The W of `sel[W]`: a left-closed window asks for one ms more. */
static int64_t range_of(const struct ampql_select *select)
{
    int64_t range_ms;
    if (!checked_sub(select->maxt_ms, select->mint_ms, &range_ms))
        range_ms = INT64_MAX;
    return range_ms - (select->dialect == AMPQL_PROM2);
}

void held_describe(struct buf *text, const struct ampql_select *select, struct matchers asked)
{
    write_selector(text, asked);
    if (select->kind != AMPQL_SELECT_RAW) {
        write_grid(text, select->start_ms, select->end_ms, select->step_ms, select->lookback_ms,
                   select->dialect, select->kind);
        return;
    }
    write_span(text, "[", range_of(select), "]");
    write_time(text, " at ", select->maxt_ms);
    buf_text(text, " (RAW)");
}

void held_print(struct buf *text, const struct held *e)
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
    if (!held_is_window(e)) {
        write_grid(text, e->start_ms, e->end_ms, e->step_ms, e->lookback_ms, e->dialect, e->kind);
        return;
    }
    write_time(text, " from ", e->after_ms + (e->dialect == AMPQL_PROM2));
    write_time(text, " to ", e->upto_ms);
    buf_text(text, e->kind == AMPQL_SELECT_RAW ? " (RAW)" : " (series)");
}

/* ---- the command that fetches what is missing */

enum { COMMAND_MAX = 1000, DEFAULT_MAX_POINTS = 11001 };

/* A word as a shell reads it back. */
static void write_word(struct buf *text, struct str word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "@%+=:,./-_";
    bool is_plain = word.n > 0;
    for (size_t i = 0; i < word.n; i++)
        is_plain = is_plain && word.p[i] && strchr(plain, word.p[i]);
    if (is_plain) {
        buf_str(text, word);
        return;
    }
    buf_byte(text, '\'');
    for (size_t i = 0; i < word.n; i++)
        if (word.p[i] == '\'')
            buf_text(text, "'\\''");
        else
            buf_byte(text, word.p[i]);
    buf_byte(text, '\'');
}

/* Sources that were read together are kept as one name: "a + b". */
static void write_sources(struct buf *text, struct str origin)
{
    static const char between[] = HELD_BETWEEN_ORIGINS;
    for (const char *next; origin.n; origin = str_from(origin, (size_t)(next - origin.p))) {
        const char *end = memmem(origin.p, origin.n, between, sizeof between - 1);
        next = end ? end + sizeof between - 1 : origin.p + origin.n;
        buf_text(text, " --source ");
        write_word(text, str_make(origin.p, (size_t)((end ? end : next) - origin.p)));
    }
}

static void write_times(struct buf *text, const struct ampql_select *select)
{
    bool is_raw = select->kind == AMPQL_SELECT_RAW;
    if (is_raw || select->start_ms == select->end_ms) {
        write_time(text, " --time ", is_raw ? select->maxt_ms : select->end_ms);
    } else {
        uint64_t npoints = (uint64_t)((select->end_ms - select->start_ms) / select->step_ms) + 1;
        write_time(text, " --start ", select->start_ms);
        write_time(text, " --end ", select->end_ms);
        write_span(text, " --step ", select->step_ms, "");
        if (npoints > DEFAULT_MAX_POINTS)
            buf_format(text, " --max-points %llu", (unsigned long long)npoints);
    }
    if (!is_raw && select->lookback_ms && select->lookback_ms != WIRE_DEFAULT_LOOKBACK_MS)
        write_span(text, " --lookback-delta ", select->lookback_ms, "");
}

static void write_query(struct buf *text, const struct ampql_select *select)
{
    bool is_timestamp = select->kind == AMPQL_SELECT_GRID_TIMESTAMP;
    if (is_timestamp)
        buf_text(text, "timestamp(");
    wire_selector(text, select->matchers, select->nmatchers, NULL);
    if (is_timestamp)
        buf_byte(text, ')');
    if (select->kind == AMPQL_SELECT_RAW)
        write_span(text, "[", range_of(select), "]");
}

void held_fetch_command(struct buf *text, const struct held_list *list,
                        const struct ampql_select *select)
{
    struct buf query;
    buf_init(&query, list->alc, COMMAND_MAX);
    write_query(&query, select);
    buf_text(text, "ampql fetch --append --out ");
    write_word(text, str_of(list->name));
    write_sources(text, list->origin);
    write_times(text, select);
    buf_byte(text, ' ');
    write_word(text, buf_view(&query));
    if (query.failed && text->failed == AMPQL_OK)
        text->failed = query.failed;
    buf_done(&query);
}

/* ---- refusing */

/* 0: another metric; more is nearer. */
static int nearness(const struct held *e, const struct ampql_select *select)
{
    bool is_same_name = false, is_wide = true;
    for (size_t i = 0; i < e->matchers.n; i++) {
        bool is_asked = held_is_asked(&e->matchers.at[i], select);
        is_wide = is_wide && is_asked;
        if (is_asked && str_equal(e->matchers.at[i].name, STR("__name__")))
            is_same_name = true;
    }
    if (!is_same_name && !is_wide)
        return 0;
    return 1 + 2 * is_wide + (e->kind == select->kind);
}

static void write_nearest(struct buf *text, const struct held_list *list,
                          const struct ampql_select *select)
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
    buf_text(text, "; nearest: ");
    if (nearest)
        held_print(text, nearest);
    else
        buf_text(text, "nothing of that metric");
}

/* A command that is too long for a message is left out: a part of one is none. */
static void write_advice(struct buf *text, const struct held_list *list,
                         const struct ampql_select *select)
{
    struct buf command;
    if (list->origin.n == 0 || str_equal(list->origin, STR("-")))
        return;
    buf_init(&command, list->alc, COMMAND_MAX);
    held_fetch_command(&command, list, select);
    if (!command.failed) {
        buf_text(text, "; to fetch it: ");
        buf_str(text, buf_view(&command));
    } else if (command.failed == AMPQL_NOMEM && !text->failed) {
        text->failed = AMPQL_NOMEM;
    }
    buf_done(&command);
}

enum ampql_code held_refuse(const struct held_list *list, const struct ampql_select *select,
                            struct ampql_error *err)
{
    struct buf text;
    struct arena work;
    arena_init(&work, list->alc);
    buf_init(&text, list->alc, AMPQL_MESSAGE_MAX);
    struct matchers asked = held_matchers(select, &work);
    if (asked.at) {
        buf_format(&text, "%.160s does not hold ", list->name);
        held_describe(&text, select, asked);
        write_nearest(&text, list, select);
        write_advice(&text, list, select);
    }
    enum ampql_code code = !asked.at || text.failed == AMPQL_NOMEM
                               ? fail_nomem(err, "a message")
                               : fail(err, AMPQL_NOT_FOUND, "%.*s", STR_ARGS(buf_view(&text)));
    buf_done(&text);
    arena_done(&work);
    return code;
}

/* ---- partial answers */

enum ampql_code held_warn(const struct held_list *list, const struct ampql_select *select,
                          const struct held_cover *cover, struct ampql_sink *sink,
                          struct ampql_error *err)
{
    struct buf text;
    struct arena work;
    if (cover->missing.n == 0)
        return AMPQL_OK;
    arena_init(&work, list->alc);
    buf_init(&text, list->alc, AMPQL_MESSAGE_MAX);
    struct matchers asked = held_matchers(select, &work);
    const struct held_part *first = &cover->missing.at[0];
    if (asked.at) {
        buf_format(&text, "partial answer: %.160s %s ", list->name,
                   cover->held.n ? "holds only a part of" : "holds nothing of");
        held_describe(&text, select, asked);
        if (cover->held.n) {
            write_time(&text, "; missing from ", first->from_ms);
            write_time(&text, " to ", first->to_ms);
        }
        if (cover->held.n && cover->missing.n > 1)
            buf_format(&text, " and %zu more", cover->missing.n - 1);
    }
    enum ampql_code code = !asked.at || text.failed == AMPQL_NOMEM
                               ? fail_nomem(err, "a warning")
                               : sink_warn(sink, buf_view(&text));
    buf_done(&text);
    arena_done(&work);
    return code;
}
