/* The sink that a source pushes series into: checks them, puts pieces together, and hands each
 * whole series on, once.
 *
 *   struct ampql_sink sink;
 *   sink_init(&sink, alc, take_series, payload, source->is_trusted);
 *   code = source->ops.select(source->payload, &select, &sink, err);
 *   code = sink_finish(&sink, code, err);
 *   sink_done(&sink); */
#ifndef AMPQL_SRC_SOURCE_SINK_H
#define AMPQL_SRC_SOURCE_SINK_H

#include <ampql/source.h>

#include "base/arena.h"
#include "base/array.h"
#include "base/error.h"
#include "series/labels.h"
#include "series/sample.h"

/* Takes one whole series; all of it are views, used up when it returns. labels are in the order of
 * the source, and may have empty values. Anything but AMPQL_OK stops the source. */
typedef enum ampql_code sink_series(void *payload, const struct ampql_label *labels, size_t nlabels,
                                    const struct samples *samples);

/* The same for a series whose labels are ids of the source's own table: in label order, without
 * empty values. The source has matched it. */
typedef enum ampql_code sink_known(void *payload, const struct symbols *symbols,
                                   struct labels labels, const struct samples *samples);

struct ampql_sink {
    const struct ampql_allocator *alc;
    sink_series *series;
    sink_known *known; /* NULL: such series come to `series`, as text */
    void *payload;
    bool is_trusted;        /* names and times need no check */
    enum ampql_code failed; /* the first failure: nothing is taken any more */
    struct ampql_error err; /* its message, when the sink itself refused */

    struct ampql_source_stats cost; /* that the source has said */

    struct arena notes; /* what the source warns of, each once */
    struct {
        ARRAY(struct str);
    } warnings;

    bool is_open;      /* a series is coming in pieces: */
    struct arena text; /* its labels, copied */
    struct ampql_label *labels;
    size_t nlabels;
    struct {
        ARRAY(int64_t);
    } t;
    struct {
        ARRAY(double);
    } v;
};

void sink_init(struct ampql_sink *sink, const struct ampql_allocator *alc, sink_series *series,
               void *payload, bool is_trusted);
void sink_done(struct ampql_sink *sink);

/* End the last series, and say how it all went. code is what the source returned.
 *
 *   returns  the sink's failure, with its message in err, whatever the source made of it; a failure
 *            of the series function leaves err as that function (or the source) filled it; else
 *            code */
enum ampql_code sink_finish(struct ampql_sink *sink, enum ampql_code code, struct ampql_error *err);

/* Push a series whose labels are ids of a table: as text.  returns  as ampql_sink_push */
enum ampql_code sink_push_labels(struct ampql_sink *sink, const struct symbols *symbols,
                                 struct labels labels, const struct samples *samples);

/* The same for a source of the library's own whose table lasts as long as itself, and whose series
 * are matched and whole: the receiver may remember what the ids mean. */
enum ampql_code sink_push_known(struct ampql_sink *sink, const struct symbols *symbols,
                                struct labels labels, const struct samples *samples);

/* Say something about what is pushed that whoever reads the result must know. Copied; said twice
 * it is kept once, and an empty text is nothing.
 *   returns  AMPQL_NOMEM: stop and return it */
enum ampql_code sink_warn(struct ampql_sink *sink, struct str text);

/* Pass on what was said to one sink to another. */
enum ampql_code sink_pass_warnings(const struct ampql_sink *from, struct ampql_sink *to);

#endif
