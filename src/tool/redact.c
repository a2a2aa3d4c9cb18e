/* Redacting a capture: select by select into the log of another. */
#include "tool/redact.h"

#include "source/capture_log.h"
#include "tool/redact_tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct redacting {
    const struct ampql_allocator *alc;
    struct capture *capture;
    struct tokens *tokens;
    struct capture_log *log;
    struct redact_report *report;
    struct ampql_error *err;

    struct arena work; /* of the select at hand */
    struct hold hold;  /* its series, redacted */
    bool is_too_long;  /* one of its regexes would be */
    struct {
        ARRAY(struct ampql_label);
    } labels;
};

/* ---- series */

static enum ampql_code redact_labels(struct redacting *r, const struct symbols *symbols,
                                     struct labels labels)
{
    r->labels.n = 0;
    for (size_t i = 0; i < labels.n; i++) {
        struct str name = symbols_text(symbols, labels.at[i].name), value;
        TRY(tokens_of_label(r->tokens, name, symbols_text(symbols, labels.at[i].value), &value,
                            r->err));
        struct ampql_label label = {{name.p, name.n}, {value.p, value.n}};
        if (!array_add(&r->labels, r->alc, label))
            return fail_nomem(r->err, "the labels of a series");
    }
    return AMPQL_OK;
}

static enum ampql_code take_series(void *payload, const struct capture *capture,
                                   struct labels labels, const struct samples *samples)
{
    struct redacting *r = payload;
    size_t series;
    TRY(redact_labels(r, &capture->symbols, labels));
    TRY(hold_find_or_add_text(&r->hold, r->labels.at, r->labels.n, &series, r->err));
    return hold_append(&r->hold, series, samples, r->err);
}

/* ---- matchers */

static int compare_texts(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

/* The regex of some values, each once, which are sorted in place; kept values may have characters
 * that mean something. One that nobody could ask with is told by is_too_long. */
static enum ampql_code put_alternatives(struct redacting *r, struct str *values, size_t n,
                                        struct str *out)
{
    struct buf text;
    buf_init(&text, r->alc, REGEX_MAX_BYTES);
    if (n)
        qsort(values, n, sizeof *values, compare_texts);
    for (size_t i = 0; i < n; i++) {
        if (i && str_equal(values[i], values[i - 1]))
            continue;
        buf_text(&text, i ? "|" : "");
        for (size_t k = 0; k < values[i].n; k++) {
            if (memchr("\\.+*?()|[]{}^$", values[i].p[k], 14))
                buf_byte(&text, '\\');
            buf_byte(&text, values[i].p[k]);
        }
    }
    *out = arena_copy(&r->work, buf_view(&text));
    r->is_too_long |= text.failed == AMPQL_LIMIT;
    bool is_whole = out->p && text.failed != AMPQL_NOMEM;
    buf_done(&text);
    return is_whole ? AMPQL_OK : fail_nomem(r->err, "a regex");
}

/* The alternatives of a regex that is nothing else, redacted. */
static enum ampql_code redact_literals(struct redacting *r, const struct regex *regex,
                                       struct str *out)
{
    size_t n = regex_literals(regex);
    struct str *values = arena_alloc(&r->work, n, sizeof *values);
    if (!values)
        return fail_nomem(r->err, "a regex");
    for (size_t i = 0; i < n; i++)
        TRY(tokens_of(r->tokens, regex_literal(regex, i), &values[i], r->err));
    return put_alternatives(r, values, n, out);
}

/* What the series that matched have in that label, absent ones among them. */
static enum ampql_code redact_matched(struct redacting *r, struct str label, struct matcher *out)
{
    const struct store *sets = &r->hold.sets;
    size_t n = sets->series.n;
    symbol name = symbols_find(&sets->symbols, label);
    struct str *values = arena_alloc(&r->work, n, sizeof *values);
    if (!values)
        return fail_nomem(r->err, "a regex");
    for (size_t i = 0; i < n; i++)
        values[i] = name == SYMBOL_NONE
                        ? STR("")
                        : symbols_text(&sets->symbols, labels_get(sets->series.at[i].labels, name));
    out->op = MATCH_REGEX;
    r->report->expanded++;
    return put_alternatives(r, values, n, &out->value);
}

static enum ampql_code redact_regex(struct redacting *r, struct matcher *matcher)
{
    struct regex *regex = NULL;
    if (redaction_is_any(matcher->value))
        return AMPQL_OK;
    TRY(regex_new(r->alc, matcher->value, REGEX_DOT_ALL, &regex, r->err));
    enum ampql_code code = regex_literals(regex) ? redact_literals(r, regex, &matcher->value)
                                                 : redact_matched(r, matcher->name, matcher);
    regex_free(regex);
    return code;
}

static enum ampql_code redact_matcher(struct redacting *r, struct matcher *matcher)
{
    if (redaction_keeps_label(tokens_redaction(r->tokens), matcher->name))
        return AMPQL_OK;
    if (matcher->op == MATCH_EQUAL || matcher->op == MATCH_NOT_EQUAL)
        return tokens_of(r->tokens, matcher->value, &matcher->value, r->err);
    return redact_regex(r, matcher);
}

/* Would a matcher be expanded to what it matched? */
static enum ampql_code needs_series(struct redacting *r, const struct matcher *m, bool *out)
{
    struct regex *regex = NULL;
    *out = false;
    if (m->op == MATCH_EQUAL || m->op == MATCH_NOT_EQUAL || redaction_is_any(m->value) ||
        redaction_keeps_label(tokens_redaction(r->tokens), m->name))
        return AMPQL_OK;
    TRY(regex_new(r->alc, m->value, REGEX_DOT_ALL, &regex, r->err));
    *out = regex_literals(regex) == 0;
    regex_free(regex);
    return AMPQL_OK;
}

/* ---- selects */

static enum ampql_code redact_warnings(struct redacting *r, const struct capture_entry *entry,
                                       struct capture_entry *out)
{
    struct str *warnings = arena_alloc(&r->work, entry->nwarnings, sizeof *warnings);
    if (!warnings)
        return fail_nomem(r->err, "a warning");
    for (size_t i = 0; i < entry->nwarnings; i++) {
        struct str token;
        char text[64 + REDACTION_TOKEN_MAX];
        TRY(tokens_of(r->tokens, entry->warnings[i], &token, r->err));
        int n = snprintf(text, sizeof text, "a warning, redacted: %.*s", STR_ARGS(token));
        warnings[i] = arena_copy(&r->work, str_make(text, (size_t)n));
        if (!warnings[i].p)
            return fail_nomem(r->err, "a warning");
    }
    out->warnings = warnings;
    out->nwarnings = entry->nwarnings;
    return AMPQL_OK;
}

static enum ampql_code append_entry(struct redacting *r, const struct capture_entry *entry)
{
    const struct matchers asked = entry->held.matchers;
    struct matcher *at = arena_alloc(&r->work, asked.n, sizeof *at);
    struct capture_entry out = {
        .held = entry->held, .billed = entry->billed, .settled_ms = entry->settled_ms};
    if (!at)
        return fail_nomem(r->err, "the matchers of a select");
    for (size_t i = 0; i < asked.n; i++) {
        bool is_expanded;
        at[i] = asked.at[i];
        TRY(needs_series(r, &at[i], &is_expanded));
        if (is_expanded && r->hold.sets.series.n == 0) {
            r->report->dropped++;
            return AMPQL_OK;
        }
        TRY(redact_matcher(r, &at[i]));
    }
    if (r->is_too_long) {
        r->report->too_long++;
        return AMPQL_OK;
    }
    out.held.matchers.at = at;
    TRY(redact_warnings(r, entry, &out));
    return capture_log_append(r->log, &out, &r->hold, r->err);
}

static enum ampql_code redact_entry(struct redacting *r, const struct capture_entry *entry)
{
    TRY(hold_init(&r->hold, r->alc, r->err));
    arena_init(&r->work, r->alc);
    r->is_too_long = false;
    enum ampql_code code =
        capture_scan(r->capture, entry, NULL, INT64_MIN, INT64_MAX, take_series, r, r->err);
    if (code == AMPQL_OK)
        code = append_entry(r, entry);
    arena_done(&r->work);
    hold_done(&r->hold);
    return code;
}

static enum ampql_code redact_all(struct redacting *r)
{
    for (size_t i = 0; i < r->capture->entries.n; i++)
        TRY(redact_entry(r, &r->capture->entries.at[i]));
    return AMPQL_OK;
}

/* ---- before: the values, when their order counts */

static enum ampql_code see_series(void *payload, const struct capture *capture,
                                  struct labels labels, const struct samples *samples)
{
    struct redacting *r = payload;
    (void)samples;
    for (size_t i = 0; i < labels.n; i++)
        TRY(tokens_see(r->tokens, symbols_text(&capture->symbols, labels.at[i].value), r->err));
    return AMPQL_OK;
}

static enum ampql_code see_regex(struct redacting *r, struct str source)
{
    struct regex *regex = NULL;
    TRY(regex_new(r->alc, source, REGEX_DOT_ALL, &regex, r->err));
    enum ampql_code code = AMPQL_OK;
    for (size_t i = 0; i < regex_literals(regex) && code == AMPQL_OK; i++)
        code = tokens_see(r->tokens, regex_literal(regex, i), r->err);
    regex_free(regex);
    return code;
}

static enum ampql_code see_entry(struct redacting *r, const struct capture_entry *entry)
{
    for (size_t i = 0; i < entry->held.matchers.n; i++) {
        const struct matcher *m = &entry->held.matchers.at[i];
        TRY(m->op == MATCH_EQUAL || m->op == MATCH_NOT_EQUAL
                ? tokens_see(r->tokens, m->value, r->err)
                : see_regex(r, m->value));
    }
    for (size_t i = 0; i < entry->nwarnings; i++)
        TRY(tokens_see(r->tokens, entry->warnings[i], r->err));
    return capture_scan(r->capture, entry, NULL, INT64_MIN, INT64_MAX, see_series, r, r->err);
}

static enum ampql_code see_all(struct redacting *r)
{
    TRY(tokens_see(r->tokens, r->capture->origin.source, r->err));
    for (size_t i = 0; i < r->capture->entries.n; i++)
        TRY(see_entry(r, &r->capture->entries.at[i]));
    return tokens_rank(r->tokens, r->err);
}

/* ---- all of it */

/* The map first: without it, what it explains is not there either. */
static enum ampql_code finish(struct redacting *r, const struct redact_options *options)
{
    if (options->map_file)
        TRY(tokens_write_map(r->tokens, options->map_file, r->err));
    return capture_log_finish(r->log, false, NULL, r->err);
}

static enum ampql_code write_redacted(struct redacting *r, const char *to,
                                      const struct redact_options *options)
{
    struct capture_origin origin = r->capture->origin;
    struct str token;
    char source[16 + REDACTION_TOKEN_MAX];
    struct capture_log log;
    TRY(tokens_of(r->tokens, origin.source, &token, r->err));
    int n = snprintf(source, sizeof source, "redacted %.*s", STR_ARGS(token));
    origin.source = str_make(source, (size_t)n);
    origin.redaction = *tokens_redaction(r->tokens);
    TRY(capture_log_open(&log, r->alc, to, &origin, false, r->err));
    r->log = &log;
    enum ampql_code code = redact_all(r);
    if (code == AMPQL_OK)
        code = finish(r, options);
    if (code != AMPQL_OK)
        capture_log_discard(&log);
    capture_log_done(&log);
    return code;
}

/* What is redacted cannot be undone, so it does not replace what it was made from. */
static enum ampql_code check_place(const struct redacting *r, const char *to)
{
    struct stat from, there;
    if (fstat(r->capture->file.fd, &from) == 0 && stat(to, &there) == 0 &&
        from.st_dev == there.st_dev && from.st_ino == there.st_ino)
        return fail(r->err, AMPQL_BAD_DATA,
                    "%.160s: the capture itself, expected another file: redaction cannot be undone",
                    to);
    return AMPQL_OK;
}

static enum ampql_code run(struct redacting *r, const char *to,
                           const struct redact_options *options)
{
    if (r->capture->origin.redaction.is_redacted)
        return fail(r->err, AMPQL_BAD_DATA, "%.160s: it is redacted already",
                    r->capture->file.name);
    TRY(check_place(r, to));
    if (options->keeps_order)
        TRY(see_all(r));
    return write_redacted(r, to, options);
}

enum ampql_code tool_capture_redact(const struct ampql_allocator *alc, const char *from,
                                    const char *to, const struct redact_options *options,
                                    struct redact_report *report, struct ampql_error *err)
{
    struct capture capture;
    struct tokens *tokens = NULL;
    *report = (struct redact_report){0};
    TRY(tokens_new(alc, options, &tokens, err));
    enum ampql_code code = capture_open(&capture, alc, from, err);
    if (code == AMPQL_OK) {
        struct redacting r = {
            .alc = alc, .capture = &capture, .tokens = tokens, .report = report, .err = err};
        code = run(&r, to, options);
        report->values = tokens_count(tokens);
        array_done(&r.labels, alc);
        capture_done(&capture);
    }
    tokens_free(tokens);
    return code;
}
