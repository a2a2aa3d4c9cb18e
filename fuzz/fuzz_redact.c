/* Any text as a regex and as values of a label: a capture of the series that it matches is
 * redacted, and then answers its own select with as many series, none of which has a value that was
 * there.
 *
 * Input: the first byte's bits say the operator and whether order is kept; then lines, the regex
 * first, values after it. */
#include "base/regex.h"
#include "source/capture_log.h"
#include "source/capture_source.h"
#include "source/capture_take.h"
#include "source/sink.h"
#include "tool/redact.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOT = 1, KEEPS_ORDER = 2, MAX_VALUES = 16, PATH = 96 };

static char folder[64], from[PATH], to[PATH], key[PATH];

static void require(bool claim)
{
    if (!claim)
        abort();
}

static void remove_files(void)
{
    unlink(from);
    unlink(to);
    unlink(key);
    rmdir(folder);
}

static void make_files(void)
{
    snprintf(folder, sizeof folder, "%s/ampql-fuzz-redact-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    require(mkdtemp(folder));
    snprintf(from, sizeof from, "%s/from.aqc", folder);
    snprintf(to, sizeof to, "%s/to.aqc", folder);
    snprintf(key, sizeof key, "%s/key", folder);
    FILE *file = fopen(key, "wb");
    require(file && fputs("a key of this target", file) >= 0 && fclose(file) == 0);
    atexit(remove_files);
}

static struct str take_line(struct str *rest)
{
    const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
    struct str line = str_make(rest->p, end ? (size_t)(end - rest->p) : rest->n);
    *rest = str_from(*rest, end ? line.n + 1 : rest->n);
    return line;
}

/* What was captured: the values that matched. */
struct given {
    struct str value[MAX_VALUES];
    size_t n;
};

static void add_series(struct hold *hold, struct str value, size_t number)
{
    static const int64_t t = 1000;
    static const double v = 1;
    char digit = (char)('a' + number);
    size_t series;
    struct ampql_label labels[3] = {{{"__name__", 8}, {"up", 2}}, {{"i", 1}, {&digit, 1}}};
    size_t nlabels = 2;
    if (value.n)
        labels[nlabels++] = (struct ampql_label){{"ns", 2}, {value.p, value.n}};
    require(hold_find_or_add_text(hold, labels, nlabels, &series, NULL) == AMPQL_OK);
    require(hold_append(hold, series, &(struct samples){&t, &v, 1}, NULL) == AMPQL_OK);
}

static void write_capture(struct str source, enum match_op op, const struct given *given)
{
    struct matcher matchers[] = {{STR("__name__"), MATCH_EQUAL, STR("up")},
                                 {STR("ns"), op, source}};
    struct capture_entry entry = {.held = {.matchers = {matchers, 2}, .upto_ms = 2000}};
    struct capture_origin origin = {.source = STR("fuzz"), .caps = AMPQL_SOURCE_ANSWERS};
    struct capture_log log;
    struct hold hold;
    require(capture_log_open(&log, &alloc_default, from, &origin, false, NULL) == AMPQL_OK);
    require(hold_init(&hold, &alloc_default, NULL) == AMPQL_OK);
    for (size_t i = 0; i < given->n; i++)
        add_series(&hold, given->value[i], i);
    require(capture_log_append(&log, &entry, &hold, NULL) == AMPQL_OK);
    require(capture_log_finish(&log, false, NULL, NULL) == AMPQL_OK);
    hold_done(&hold);
    capture_log_done(&log);
}

struct taking {
    const struct redaction *redaction;
    size_t n;
};

static enum ampql_code take(void *payload, const struct ampql_label *labels, size_t nlabels,
                            const struct samples *samples)
{
    struct taking *taking = payload;
    require(samples->n == 1);
    taking->n++;
    for (size_t i = 0; i < nlabels; i++) {
        struct str value = str_view(labels[i].value);
        if (str_equal(str_view(labels[i].name), STR("ns")))
            require(redaction_is_token(value) || redaction_keeps_value(taking->redaction, value));
    }
    return AMPQL_OK;
}

static void ask(const struct given *given, uint64_t nleft_out)
{
    struct capture capture;
    struct ampql_error err = {0};
    require(capture_open(&capture, &alloc_default, to, &err) == AMPQL_OK);
    require(capture.entries.n + nleft_out == 1);
    for (size_t i = 0; i < capture.entries.n; i++) {
        struct ampql_matcher matchers[2];
        struct ampql_sink sink;
        struct taking taking = {&capture.origin.redaction, 0};
        struct ampql_select select = capture_select_of(&capture.entries.at[i].held, matchers);
        sink_init(&sink, &alloc_default, take, &taking, false);
        enum ampql_code code = capture_answer(&capture, &select, &sink, &err);
        require(sink_finish(&sink, code, &err) == AMPQL_OK && taking.n == given->n);
        sink_done(&sink);
    }
    capture_done(&capture);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct regex *regex = NULL;
    struct given given = {.n = 0};
    if (size == 0)
        return 0;
    if (!folder[0])
        make_files();
    struct str rest = str_make((const char *)data + 1, size - 1), source = take_line(&rest);
    bool is_not = data[0] & NOT;
    if (regex_new(&alloc_default, source, REGEX_DOT_ALL, &regex, NULL) != AMPQL_OK)
        return 0;
    while (rest.n && given.n < MAX_VALUES) {
        struct str value = take_line(&rest);
        if (regex_match(regex, value) != is_not)
            given.value[given.n++] = value;
    }
    regex_free(regex);

    struct redact_options options = {.key_file = key, .keeps_order = data[0] & KEEPS_ORDER};
    struct redact_report report;
    struct ampql_error err = {0};
    write_capture(source, is_not ? MATCH_NOT_REGEX : MATCH_REGEX, &given);
    require(tool_capture_redact(&alloc_default, from, to, &options, &report, &err) == AMPQL_OK);
    ask(&given, report.dropped + report.too_long);
    return 0;
}
