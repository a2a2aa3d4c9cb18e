/* From a select to requests, and from times in an answer to those of the select. */
#include "source/wire.h"

#include "base/checked.h"
#include "base/duration.h"
#include "base/quote.h"
#include "base/time.h"

#include <stdio.h>

/* ---- times */

static bool is_raw(const struct ampql_select *select)
{
    return select->kind == AMPQL_SELECT_RAW;
}

/* The step of a grid; of a single point anything. */
static int64_t step_of(const struct ampql_select *select)
{
    return select->end_ms > select->start_ms ? select->step_ms : 1;
}

/* t less its distance from the multiple of `of` below it. */
static int64_t floor_to(int64_t t, int64_t of)
{
    int64_t rest = t % of;
    return t - (rest < 0 ? rest + of : rest);
}

bool wire_is_instant(const struct ampql_select *select, const struct wire_part *part)
{
    return is_raw(select) || part->from_ms == part->to_ms;
}

/* How much later a part's points are asked for than they are: up to the next multiple of step. */
static int64_t offset_of(const struct ampql_select *select, const struct wire_server *server,
                         const struct wire_part *part)
{
    if (wire_is_instant(select, part) || !server->floors_ranges)
        return 0;
    int64_t past = part->from_ms - floor_to(part->from_ms, select->step_ms);
    return past ? select->step_ms - past : 0;
}

size_t wire_time(int64_t ms, char *out)
{
    uint64_t size = ms < 0 ? -(uint64_t)ms : (uint64_t)ms;
    return (size_t)snprintf(out, WIRE_TIME_MAX, "%s%llu.%03u", ms < 0 ? "-" : "",
                            (unsigned long long)(size / 1000), (unsigned)(size % 1000));
}

enum wire_time_kind wire_own(const struct ampql_select *select, const struct wire_server *server,
                             const struct wire_part *part, int64_t t_ms, int64_t *own)
{
    int64_t t;
    if (is_raw(select)) {
        *own = t_ms;
        return t_ms == part->from_ms                         ? WIRE_DROP
               : t_ms > part->from_ms && t_ms <= part->to_ms ? WIRE_KEEP
                                                             : WIRE_WRONG;
    }
    if (!checked_sub(t_ms, offset_of(select, server, part), &t) || t < part->from_ms ||
        t > part->to_ms || (t - part->from_ms) % step_of(select) != 0)
        return WIRE_WRONG;
    *own = t;
    return WIRE_KEEP;
}

/* ---- parts */

bool wire_is_time(int64_t ms)
{
    return ms >= TIME_FIRST_MS && ms <= TIME_LAST_MS;
}

static enum ampql_code refuse_lookback(const struct ampql_select *select, struct ampql_error *err)
{
    char asked[DURATION_MAX];
    duration_format(select->lookback_ms, asked);
    return fail(err, AMPQL_UNSUPPORTED,
                "a lookback of %s: this server looks back 5m (or what it was started with) and "
                "takes no lookback_delta",
                asked);
}

static bool is_equal_name(const struct ampql_matcher *m)
{
    return m->op == AMPQL_MATCH_EQUAL && m->value.size > 0 &&
           str_equal(str_view(m->name), STR("__name__"));
}

static struct str name_of(const struct ampql_select *select)
{
    for (size_t i = 0; i < select->nmatchers; i++)
        if (is_equal_name(&select->matchers[i]))
            return str_view(select->matchers[i].value);
    return (struct str){0};
}

bool wire_loses_names(const struct ampql_select *select)
{
    return select->kind == AMPQL_SELECT_GRID_TIMESTAMP && name_of(select).n == 0;
}

struct str wire_lost_name(const struct ampql_select *select, const struct wire_part *part)
{
    if (select->kind != AMPQL_SELECT_GRID_TIMESTAMP)
        return (struct str){0};
    for (const struct wire_cut *cut = part->cut; cut; cut = cut->outer)
        if (!cut->is_rest && cut->nvalues == 1 && str_equal(cut->name, STR("__name__")))
            return cut->values[0];
    return name_of(select);
}

enum ampql_code wire_check(const struct ampql_select *select, const struct wire_server *server,
                           struct ampql_error *err)
{
    if (is_raw(select)) {
        if (!wire_is_time(select->mint_ms) || !wire_is_time(select->maxt_ms))
            return fail(err, AMPQL_BAD_DATA,
                        "samples from a time that no server takes: before year 1 or after 9999");
        return AMPQL_OK;
    }
    if (!wire_is_time(select->start_ms) || !wire_is_time(select->end_ms))
        return fail(err, AMPQL_BAD_DATA,
                    "values at a time that no server takes: before year 1 or after 9999");
    if (step_of(select) <= 0)
        return fail(err, AMPQL_BAD_DATA, "a grid whose step is not above 0");
    if (select->lookback_ms && select->lookback_ms != WIRE_DEFAULT_LOOKBACK_MS &&
        !server->takes_lookback)
        return refuse_lookback(select, err);
    return AMPQL_OK;
}

int64_t wire_begin(const struct ampql_select *select)
{
    return is_raw(select) ? select->mint_ms : select->start_ms;
}

bool wire_has_part(const struct ampql_select *select, int64_t at)
{
    return is_raw(select) ? at < select->maxt_ms : at <= select->end_ms;
}

static int64_t chunk_of(const struct ampql_select *select, int64_t chunk_ms)
{
    int64_t most = is_raw(select) ? WIRE_MAX_RAW_MS : WIRE_MAX_GRID_MS;
    return chunk_ms > 0 && chunk_ms < most ? chunk_ms : most;
}

/* Where the RAW part that begins at `at` ends. What is left of a chunk goes with the next one when
 * it is less than half of it: a left-closed window begins one ms before a round time. */
static int64_t raw_end(const struct ampql_select *select, int64_t chunk_ms, int64_t at)
{
    int64_t chunk = chunk_of(select, chunk_ms), end = floor_to(at, chunk) + chunk;
    if (end - at < chunk / 2 && end - at + chunk <= WIRE_MAX_RAW_MS)
        end += chunk;
    return end < select->maxt_ms ? end : select->maxt_ms;
}

/* Steps from a GRID part's first point to its last. */
static int64_t steps_of(const struct ampql_select *select, const struct wire_server *server,
                        int64_t chunk_ms, int64_t at)
{
    int64_t step = step_of(select), left = (select->end_ms - at) / step;
    uint64_t max_points = server->max_points ? server->max_points : WIRE_MAX_POINTS;
    int64_t n = chunk_of(select, chunk_ms) / step;
    if (n > 0)
        n--; /* the chunk is half open: the point at its end is the next one's */
    if ((uint64_t)n >= max_points)
        n = (int64_t)(max_points - 1);
    return n < left ? n : left;
}

struct wire_part wire_next(const struct ampql_select *select, const struct wire_server *server,
                           int64_t chunk_ms, int64_t *at)
{
    struct wire_part part = {.from_ms = *at};
    if (is_raw(select)) {
        part.to_ms = raw_end(select, chunk_ms, *at);
        *at = part.to_ms;
    } else {
        part.to_ms = *at + steps_of(select, server, chunk_ms, *at) * step_of(select);
        *at = part.to_ms + step_of(select);
    }
    return part;
}

uint64_t wire_count(const struct ampql_select *select, const struct wire_server *server,
                    int64_t chunk_ms)
{
    if (!wire_has_part(select, wire_begin(select)))
        return 0;
    if (is_raw(select)) {
        int64_t chunk = chunk_of(select, chunk_ms);
        int64_t rest = select->maxt_ms - raw_end(select, chunk_ms, select->mint_ms);
        return 1 + ((uint64_t)rest + (uint64_t)chunk - 1) / (uint64_t)chunk;
    }
    uint64_t points = (uint64_t)((select->end_ms - select->start_ms) / step_of(select)) + 1;
    uint64_t each = (uint64_t)steps_of(select, server, chunk_ms, select->start_ms) + 1;
    return (points + each - 1) / each;
}

bool wire_halve(const struct ampql_select *select, const struct wire_part *part,
                struct wire_part *first, struct wire_part *second)
{
    *first = *second = *part;
    int64_t span = part->to_ms - part->from_ms;
    if (is_raw(select)) {
        if (span < 2)
            return false;
        first->to_ms = second->from_ms = part->from_ms + span / 2;
        return true;
    }
    int64_t step = step_of(select), nsteps = span / step;
    if (nsteps < 1)
        return false;
    first->to_ms = part->from_ms + nsteps / 2 * step;
    second->from_ms = first->to_ms + step;
    return true;
}

/* ---- text */

static bool is_word(struct str s, bool may_have_colon)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
                         (may_have_colon && c == ':');
        if (!is_letter && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return s.n > 0;
}

/* Words that some parser takes for something else than a metric's name, in any case. Too many of
 * them do no harm: such a name goes into the braces, which mean the same. */
static bool is_keyword(struct str s)
{
    static const char *const words[] = {
        "and",          "or",       "unless",   "atan2",      "offset",      "by",
        "without",      "on",       "ignoring", "group_left", "group_right", "bool",
        "start",        "end",      "step",     "range",      "inf",         "nan",
        "sum",          "avg",      "count",    "min",        "max",         "group",
        "stddev",       "stdvar",   "topk",     "bottomk",    "limitk",      "limit_ratio",
        "count_values", "quantile", "smoothed", "anchored",   "fill",        "fill_left",
        "fill_right",
    };
    for (size_t w = 0; w < sizeof words / sizeof *words; w++) {
        size_t i = 0;
        while (i < s.n && words[w][i] && (s.p[i] | 0x20) == words[w][i])
            i++;
        if (i == s.n && !words[w][i])
            return true;
    }
    return false;
}

static void put_name(struct buf *out, struct str name)
{
    if (is_word(name, false))
        buf_str(out, name);
    else
        print_quoted(out, name);
}

static void put_matcher(struct buf *out, const struct ampql_matcher *m)
{
    static const char *const ops[] = {[AMPQL_MATCH_EQUAL] = "=",
                                      [AMPQL_MATCH_NOT_EQUAL] = "!=",
                                      [AMPQL_MATCH_REGEX] = "=~",
                                      [AMPQL_MATCH_NOT_REGEX] = "!~"};
    put_name(out, str_view(m->name));
    buf_text(out, ops[m->op]);
    print_quoted(out, str_view(m->value));
}

/* Text that a regex matches and nothing else, as RE2::QuoteMeta would leave plain UTF-8. */
static void put_literal(struct buf *out, struct str value)
{
    for (size_t i = 0; i < value.n; i++) {
        if (memchr("\\.+*?()|[]{}^$", value.p[i], 14))
            buf_byte(out, '\\');
        buf_byte(out, value.p[i]);
    }
}

static void put_cut(struct buf *out, const struct wire_cut *cut)
{
    struct buf regex;
    if (cut->nvalues == 1) {
        put_name(out, cut->name);
        buf_text(out, cut->is_rest ? "!=" : "=");
        print_quoted(out, cut->values[0]);
        return;
    }
    buf_init(&regex, out->alc, out->max_bytes);
    for (size_t i = 0; i < cut->nvalues; i++) {
        if (i)
            buf_byte(&regex, '|');
        put_literal(&regex, cut->values[i]);
    }
    put_name(out, cut->name);
    buf_text(out, cut->is_rest ? "!~" : "=~");
    print_quoted(out, buf_view(&regex));
    if (regex.failed != AMPQL_OK)
        out->failed = regex.failed;
    buf_done(&regex);
}

void wire_selector(struct buf *out, const struct ampql_matcher *matchers, size_t nmatchers,
                   const struct wire_cut *cut)
{
    size_t name = SIZE_MAX, nnames = 0;
    for (size_t i = 0; i < nmatchers; i++) {
        if (!str_equal(str_view(matchers[i].name), STR("__name__")))
            continue;
        nnames++;
        if (is_equal_name(&matchers[i]) && is_word(str_view(matchers[i].value), true) &&
            !is_keyword(str_view(matchers[i].value)))
            name = i;
    }
    if (nnames != 1) /* beside a name nothing else may ask for it */
        name = SIZE_MAX;
    if (name != SIZE_MAX)
        buf_str(out, str_view(matchers[name].value));
    const char *between = "{";
    for (size_t i = 0; i < nmatchers; i++) {
        if (i == name)
            continue;
        buf_text(out, between);
        put_matcher(out, &matchers[i]);
        between = ",";
    }
    for (; cut; cut = cut->outer) {
        buf_text(out, between);
        put_cut(out, cut);
        between = ",";
    }
    if (*between == ',')
        buf_byte(out, '}');
    else if (name == SIZE_MAX)
        buf_text(out, "{}");
}

void wire_query(struct buf *out, const struct ampql_select *select,
                const struct wire_server *server, const struct wire_part *part)
{
    bool is_timestamp = select->kind == AMPQL_SELECT_GRID_TIMESTAMP;
    int64_t offset = offset_of(select, server, part);
    if (is_timestamp)
        buf_text(out, "timestamp(");
    wire_selector(out, select->matchers, select->nmatchers, part->cut);
    if (is_raw(select))
        buf_format(out, "[%lldms]", (long long)(part->to_ms - part->from_ms));
    if (offset)
        buf_format(out, " offset %lldms", (long long)offset);
    if (is_timestamp)
        buf_byte(out, ')');
}

const char *wire_path(const struct ampql_select *select, const struct wire_part *part)
{
    return wire_is_instant(select, part) ? "/api/v1/query" : "/api/v1/query_range";
}

void wire_parameter(struct buf *out, const char *name, struct str value)
{
    static const char hex[] = "0123456789ABCDEF";
    if (out->n)
        buf_byte(out, '&');
    buf_text(out, name);
    buf_byte(out, '=');
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || (c && strchr("-._~", c));
        if (is_plain) {
            buf_byte(out, (char)c);
        } else {
            char escaped[3] = {'%', hex[c >> 4], hex[c & 15]};
            buf_bytes(out, escaped, sizeof escaped);
        }
    }
}

static void put_time(struct buf *out, const char *name, int64_t ms)
{
    char text[WIRE_TIME_MAX];
    wire_parameter(out, name, str_make(text, wire_time(ms, text)));
}

/* Whole seconds are exact however they are read; others are given as a duration, because servers
 * multiply fractions and cut the result off. */
static void put_span(struct buf *out, const char *name, int64_t ms)
{
    char text[40];
    int n = ms % 1000 == 0 ? snprintf(text, sizeof text, "%lld", (long long)(ms / 1000))
                           : snprintf(text, sizeof text, "%lldms", (long long)ms);
    wire_parameter(out, name, str_make(text, (size_t)n));
}

void wire_form(struct buf *out, const struct ampql_select *select, const struct wire_server *server,
               const struct wire_part *part)
{
    struct buf query;
    buf_init(&query, out->alc, out->max_bytes);
    wire_query(&query, select, server, part);
    wire_parameter(out, "query", buf_view(&query));
    if (query.failed != AMPQL_OK)
        out->failed = query.failed;
    buf_done(&query);
    if (wire_is_instant(select, part)) {
        put_time(out, "time", part->to_ms);
    } else {
        int64_t offset = offset_of(select, server, part);
        put_time(out, "start", part->from_ms + offset);
        put_time(out, "end", part->to_ms + offset);
        put_span(out, "step", select->step_ms);
    }
    if (!is_raw(select) && select->lookback_ms && select->lookback_ms != WIRE_DEFAULT_LOOKBACK_MS)
        put_span(out, "lookback_delta", select->lookback_ms);
    wire_parameter(out, "stats", STR("all"));
    if (server->max_billed) {
        char text[24];
        int n = snprintf(text, sizeof text, "%llu", (unsigned long long)server->max_billed);
        wire_parameter(out, "max_samples_processed_error_threshold", str_make(text, (size_t)n));
    }
}

/* ---- money */

uint64_t wire_samples_a_series(const struct ampql_select *select, int64_t interval_ms)
{
    if (!is_raw(select))
        return (uint64_t)(select->end_ms - select->start_ms) / (uint64_t)step_of(select) + 1;
    if (interval_ms <= 0 || select->maxt_ms <= select->mint_ms)
        return 0;
    uint64_t span = (uint64_t)select->maxt_ms - (uint64_t)select->mint_ms;
    return (span + (uint64_t)interval_ms - 1) / (uint64_t)interval_ms;
}
