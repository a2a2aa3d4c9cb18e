/* `ampql capture convert`: captures, and files of series, into one another.
 *
 * Whatever is read becomes a capture first, beside the output, unless it is one. Then
 *
 *   convert_json.c  a folder of API JSON: select by select, with all that was asked
 *   united.h        for the others: the samples of all windows, each series once, by metric
 *   convert_text.c  OpenMetrics, CSV, tsdb dump
 *   convert_unit.c  input_series of promtool's unit tests
 *
 * What a format has no place for is an error, unless it may be dropped; then it is counted. */
#ifndef AMPQL_SRC_TOOL_CONVERT_H
#define AMPQL_SRC_TOOL_CONVERT_H

#include <ampql/source.h>

#include "base/error.h"
#include "source/capture.h"
#include "tool/new_file.h"

enum convert_format {
    CONVERT_CAPTURE,
    CONVERT_JSON,
    CONVERT_OPENMETRICS,
    CONVERT_CSV,
    CONVERT_DUMP,
    CONVERT_UNIT,
    CONVERT_FORMATS
};

enum loss {
#define LOSS(name, ...) LOSS_##name,
#include "tool/loss.def"
    LOSS_COUNT
};

/* The word that --drop takes, and what it drops. */
const char *loss_word(enum loss loss);
const char *loss_text(enum loss loss, uint64_t n);

struct convert {
    struct ampql_engine *engine;       /* opens what is no capture */
    const struct ampql_allocator *alc; /* of everything else */
    const char *from;                  /* as --source takes files and folders */
    const struct ampql_file_options *options;
    const char *to;
    enum convert_format format; /* of `to` */
    unsigned drops;             /* bits of enum loss: may be dropped */

    uint64_t lost[LOSS_COUNT];  /* out: how many of each were */
    enum ampql_dialect dialect; /* out: that what was read knows and the format does not say */
    bool is_redacted;           /* out: what was read is, and only captures say so */
    bool knows_ends;            /* out: what was read has stale markers where series ended, */
    uint64_t nends;             /*      and CSV that many of them */
    int64_t shift_ms;           /* out: with LOSS_TIMES: what was taken off all times */
};

/* The format that a file's name says.
 *   err  AMPQL_BAD_DATA: none, listing those there are */
enum ampql_code convert_format_of(const char *path, enum convert_format *out,
                                  struct ampql_error *err);

/* Convert; `to` is there only when it is whole.
 *   err  what reading `from` says; AMPQL_UNSUPPORTED: something has no place in the format, naming
 *        the --drop; of new_file_open, new_file_finish; of each writer */
enum ampql_code convert_run(struct convert *convert, struct ampql_error *err);

/* ---- the writers. Each counts in convert->lost what it leaves out. */

/* Has a value a place in a text format? Ends have one in few; of NaNs none keeps the bits. Counts
 * what is lost. */
bool convert_admits(struct convert *convert, double v, bool holds_ends);

/* err  AMPQL_UNSUPPORTED: a name or value that is not UTF-8, which readers would refuse */
enum ampql_code convert_check_labels(const struct ampql_label *labels, size_t nlabels,
                                     struct ampql_error *err);

struct united;

/* err  AMPQL_UNSUPPORTED: samples, or an answer to a select that is none of PromQL's */
enum ampql_code convert_json(struct convert *convert, struct capture *capture, struct new_file *out,
                             struct ampql_error *err);
/* err  of exposition_series */
enum ampql_code convert_openmetrics(struct convert *convert, struct united *series,
                                    struct new_file *out, struct ampql_error *err);
/* err  AMPQL_UNSUPPORTED: names that CSV has no way to write; times outside of the years 1 to 9999
 */
enum ampql_code convert_csv(struct convert *convert, struct united *series, struct new_file *out,
                            struct ampql_error *err);
enum ampql_code convert_dump(struct convert *convert, struct united *series, struct new_file *out,
                             struct ampql_error *err);
/* err  AMPQL_LIMIT: too many points on the grid that all times are on; AMPQL_UNSUPPORTED */
enum ampql_code convert_unit(struct convert *convert, struct united *series, struct new_file *out,
                             struct ampql_error *err);

#endif
