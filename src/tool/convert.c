/* Converting: reading anything as a capture, and handing it to the writer of a format. */
#include "tool/convert.h"

#include "source/capture_place.h"
#include "source/capture_take.h"
#include "tool/file_source.h"
#include "tool/united.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

/* ---- formats and losses */

static const struct format {
    const char *name;
    const char *suffix;
    enum ampql_code (*write_series)(struct convert *convert, struct united *series,
                                    struct new_file *out, struct ampql_error *err);
} formats[] = {
    [CONVERT_CAPTURE] = {"a capture", ".aqc", NULL},
    [CONVERT_JSON] = {"API JSON", "/", NULL},
    [CONVERT_OPENMETRICS] = {"OpenMetrics", ".om", convert_openmetrics},
    [CONVERT_CSV] = {"CSV", ".csv", convert_csv},
    [CONVERT_DUMP] = {"a tsdb dump", ".dump", convert_dump},
    [CONVERT_UNIT] = {"a unit test", ".yml", convert_unit},
};
_Static_assert(sizeof formats / sizeof *formats == CONVERT_FORMATS, "one row for each format");

static const struct {
    const char *word, *one, *many;
} losses[] = {
#define LOSS(name, ...) [LOSS_##name] = {__VA_ARGS__},
#include "tool/loss.def"
};
_Static_assert(sizeof losses / sizeof *losses == LOSS_COUNT, "one row for each loss");

const char *loss_word(enum loss loss)
{
    return losses[loss].word;
}

const char *loss_text(enum loss loss, uint64_t n)
{
    return n == 1 ? losses[loss].one : losses[loss].many;
}

enum ampql_code convert_format_of(const char *path, enum convert_format *out,
                                  struct ampql_error *err)
{
    struct str name = str_of(path);
    for (size_t i = 0; i < CONVERT_FORMATS; i++) {
        if (str_has_suffix(name, str_of(formats[i].suffix))) {
            *out = (enum convert_format)i;
            return AMPQL_OK;
        }
    }
    if (str_has_suffix(name, STR(".yaml"))) {
        *out = CONVERT_UNIT;
        return AMPQL_OK;
    }
    return fail(
        err, AMPQL_BAD_DATA,
        "%.160s: its name says no format, expected one of .aqc .om .csv .dump .yml, or NAME/ "
        "for a folder of JSON; or say --to",
        path);
}

bool convert_admits(struct convert *convert, double v, bool holds_ends)
{
    if (is_stale(v)) {
        convert->lost[LOSS_ENDS] += !holds_ends;
        convert->nends += holds_ends;
        return holds_ends;
    }
    convert->lost[LOSS_NANS] += isnan(v) && bits_of(v) != NAN_BITS;
    return true;
}

enum ampql_code convert_check_labels(const struct ampql_label *labels, size_t nlabels,
                                     struct ampql_error *err)
{
    for (size_t i = 0; i < nlabels; i++) {
        if (!str_is_utf8(str_view(labels[i].name)))
            return fail_quote(err, AMPQL_UNSUPPORTED, "a label name is not valid UTF-8",
                              str_view(labels[i].name));
        if (!str_is_utf8(str_view(labels[i].value)))
            return fail_quote(err, AMPQL_UNSUPPORTED, "a label value is not valid UTF-8",
                              str_view(labels[i].value));
    }
    return AMPQL_OK;
}

/* Whatever was lost must have been given up. */
static enum ampql_code check_losses(const struct convert *convert, struct ampql_error *err)
{
    char text[AMPQL_MESSAGE_MAX] = "";
    for (size_t i = 0, n = 0; i < LOSS_COUNT; i++) {
        if (convert->lost[i] == 0 || convert->drops >> i & 1)
            continue;
        int length = snprintf(text + n, sizeof text - n, "%s%llu %s (--drop %s)", n ? ", " : "",
                              (unsigned long long)convert->lost[i],
                              loss_text((enum loss)i, convert->lost[i]), losses[i].word);
        n += length > 0 && n + (size_t)length < sizeof text ? (size_t)length : 0;
    }
    return text[0] ? fail(err, AMPQL_UNSUPPORTED, "%s has no place for %s",
                          formats[convert->format].name, text)
                   : AMPQL_OK;
}

/* ---- writing */

/* A window is all there is only when nothing was asked in particular. */
static bool is_everything(const struct held *held)
{
    return held->matchers.n == 0 && held->after_ms <= -CAPTURE_FOREVER &&
           held->upto_ms >= CAPTURE_FOREVER;
}

static void count_selects(struct convert *convert, const struct capture *capture)
{
    for (size_t i = 0; i < capture->entries.n; i++) {
        const struct capture_entry *entry = &capture->entries.at[i];
        convert->lost[LOSS_WARNINGS] += entry->nwarnings;
        if (entry->held.kind == HELD_LISTING)
            convert->lost[LOSS_LISTS]++;
        else if (entry->held.kind != AMPQL_SELECT_RAW)
            convert->lost[LOSS_GRIDS]++;
        else
            convert->lost[LOSS_WINDOWS] += !is_everything(&entry->held);
    }
}

static enum ampql_code write_series(struct convert *convert, struct capture *capture,
                                    struct new_file *out, struct ampql_error *err)
{
    struct united series;
    count_selects(convert, capture);
    TRY(united_open(&series, convert->alc, capture, err));
    enum ampql_code code = formats[convert->format].write_series(convert, &series, out, err);
    united_done(&series);
    return code;
}

static enum ampql_code write_format(struct convert *convert, struct capture *capture,
                                    struct new_file *out, struct ampql_error *err)
{
    convert->dialect = capture->origin.dialect;
    convert->is_redacted = capture->origin.redaction.is_redacted;
    convert->knows_ends = !(capture->origin.caps & (AMPQL_SOURCE_ANSWERS | AMPQL_SOURCE_ENDLESS));
    TRY(convert->format == CONVERT_JSON ? convert_json(convert, capture, out, err)
                                        : write_series(convert, capture, out, err));
    return check_losses(convert, err);
}

/* ---- reading */

static enum ampql_code take_all(struct convert *convert, struct capture_log *log,
                                struct ampql_error *err)
{
    struct ampql_source *source;
    TRY(file_source_open(convert->engine, convert->from, convert->options, &source, err));
    struct capture_origin origin = capture_origin_of(source, str_of(convert->from));
    enum ampql_code code = capture_log_open(log, convert->alc, convert->to, &origin, false, err);
    if (code == AMPQL_OK) {
        code = capture_take_all(log, source, err);
        if (code != AMPQL_OK) {
            capture_log_discard(log);
            capture_log_done(log);
        }
    }
    ampql_source_free(source);
    return code;
}

/* What is no capture becomes the log of one beside the output. */
static enum ampql_code write_from_log(struct convert *convert, struct new_file *out,
                                      struct ampql_error *err)
{
    struct capture_log log;
    struct capture capture;
    TRY(take_all(convert, &log, err));
    enum ampql_code code = capture_open_log(&capture, convert->alc, log.part, log.fd, err);
    if (code == AMPQL_OK) {
        code = write_format(convert, &capture, out, err);
        capture_done(&capture);
    }
    capture_log_discard(&log);
    capture_log_done(&log);
    return code;
}

static enum ampql_code write_from_capture(struct convert *convert, struct new_file *out,
                                          struct ampql_error *err)
{
    struct capture capture;
    TRY(capture_open(&capture, convert->alc, convert->from, err));
    enum ampql_code code = write_format(convert, &capture, out, err);
    capture_done(&capture);
    return code;
}

static enum ampql_code capture_from_capture(struct convert *convert, struct ampql_error *err)
{
    struct capture capture, *inputs[] = {&capture};
    TRY(capture_open(&capture, convert->alc, convert->from, err));
    enum ampql_code code = capture_write_new(convert->alc, convert->to, inputs, 1, NULL, err);
    capture_done(&capture);
    return code;
}

static enum ampql_code capture_from_file(struct convert *convert, struct ampql_error *err)
{
    struct capture_log log;
    TRY(take_all(convert, &log, err));
    enum ampql_code code = capture_log_finish(&log, false, NULL, err);
    if (code != AMPQL_OK)
        capture_log_discard(&log);
    capture_log_done(&log);
    return code;
}

static enum ampql_code run(struct convert *convert, struct ampql_error *err)
{
    bool is_capture = str_has_suffix(str_of(convert->from), STR(".aqc"));
    if (convert->format == CONVERT_CAPTURE)
        return is_capture ? capture_from_capture(convert, err) : capture_from_file(convert, err);
    struct new_file out;
    TRY(convert->format == CONVERT_JSON ? new_folder_open(&out, convert->alc, convert->to, err)
                                        : new_file_open(&out, convert->alc, convert->to, err));
    enum ampql_code code =
        is_capture ? write_from_capture(convert, &out, err) : write_from_log(convert, &out, err);
    return new_file_finish(&out, code, err);
}

/* A folder's name may end in slashes, the names of files beside it may not have them. */
enum ampql_code convert_run(struct convert *convert, struct ampql_error *err)
{
    struct arena work;
    size_t n = strlen(convert->to);
    while (n > 1 && convert->to[n - 1] == '/')
        n--;
    arena_init(&work, convert->alc);
    const char *to = convert->to;
    convert->to = arena_copy(&work, str_make(to, n)).p;
    enum ampql_code code = convert->to ? run(convert, err) : fail_nomem(err, "the name of a file");
    convert->to = to;
    arena_done(&work);
    return code;
}
