/* Reading a tsdb dump. */
#include "source/dump.h"

#include "base/time.h"
#include "source/text.h"

/* Go to what follows a native histogram: it has blanks inside its braces. */
static struct str behind_histogram(struct str rest)
{
    const char *end = memchr(rest.p, '}', rest.n);
    return end ? str_from(rest, (size_t)(end - rest.p) + 1) : str_from(rest, rest.n);
}

/* line := "{" labels "}" value ms */
static enum ampql_code read_line(struct text *text, bool skip_histograms, struct ampql_error *err)
{
    struct str rest = text->line;
    char quoted[320];
    size_t series;
    double v;
    int64_t t;
    TRY(text_series(text, &rest, &series, err));
    bool is_skipped = skip_histograms && text_is_histogram(rest);
    if (is_skipped)
        rest = behind_histogram(rest);
    else
        TRY(text_value(text, text_word(&rest), series, &v, err));
    struct str when = text_word(&rest);
    if (when.n == 0)
        return text_fail(text, when.p, AMPQL_BAD_DATA, err, "a sample without a timestamp");
    if (!time_parse_ms(when, &t))
        return text_fail(text, when.p, AMPQL_BAD_DATA, err, "not a timestamp in milliseconds: %s",
                         quote_clipped(quoted, sizeof quoted, when));
    struct str more = text_word(&rest);
    if (more.n)
        return text_fail(text, more.p, AMPQL_BAD_DATA, err,
                         "expected nothing behind the timestamp, found %s",
                         quote_clipped(quoted, sizeof quoted, more));
    if (is_skipped)
        return AMPQL_OK;
    enum ampql_code code = store_append(text->store, series, t, v, err);
    return code == AMPQL_BAD_DATA ? text_name(text, NULL, code, err) : code;
}

static enum ampql_code read_lines(struct text *text, bool skip_histograms, struct ampql_error *err)
{
    for (;;) {
        bool is_end;
        TRY(text_next(text, &is_end, err));
        if (is_end)
            return AMPQL_OK;
        if (!text->has_newline)
            return text_fail(text, NULL, AMPQL_BAD_DATA, err,
                             "the last line has no line feed: the file is truncated");
        struct str rest = text->line;
        if (text_word(&rest).n)
            TRY(read_line(text, skip_histograms, err));
    }
}

enum ampql_code dump_read(struct input *input, struct store *store, bool skip_histograms,
                          struct ampql_error *err)
{
    struct text text;
    text_init(&text, input, store, TEXT_ESCAPES_GO);
    enum ampql_code code = read_lines(&text, skip_histograms, err);
    text_done(&text);
    return code;
}
