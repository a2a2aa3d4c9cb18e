/* Sources: where series come from. The public constructors are thin wrappers (src/api) of these,
 * which take an allocator instead of an engine.
 *
 *   sink.h     what a source pushes into
 *   store.h    series held in memory, which memory and file sources share
 *   input.h    files, standard input and gzip, piece by piece */
#ifndef AMPQL_SRC_SOURCE_SOURCE_H
#define AMPQL_SRC_SOURCE_SOURCE_H

#include <ampql/source.h>

#include "base/error.h"
#include "series/matcher.h"
#include "source/redaction.h"

/* How a select is asked for in shares, by several threads at once. One after the other they push
 * what the select does, each series whole, with ids of one table that lasts as long as the source
 * (sink_push_known); what the select warns of, each warns of.
 *
 *   count   *out is how many pieces of work there are, some dozens of series or more each; 0 or 1:
 *           they are not worth a thread, or hang together
 *   select  share `share` of `nshares`
 *   err     as select of ampql_source_ops */
struct source_shares {
    enum ampql_code (*count)(void *payload, const struct ampql_select *select, size_t *out,
                             struct ampql_error *err);
    enum ampql_code (*select)(void *payload, const struct ampql_select *select, size_t share,
                              size_t nshares, struct ampql_sink *sink, struct ampql_error *err);
};

struct ampql_source {
    struct ampql_source_ops ops; /* all members set, also when the caller's struct was older */
    void *payload;
    const struct source_shares *shares; /* NULL: one thread reads a select */
    struct ampql_allocator alc;         /* a copy: a source may outlive its engine */
    enum ampql_dialect dialect; /* that the data was recorded with; DEFAULT: it does not say */
    struct str recorded_of; /* what its answers are of, when they say so themselves; n 0: they do
                               not. As long as the source */
    const struct redaction
        *redaction;    /* NULL: label values are what they are. As long as the source */
    bool is_trusted;   /* one of ours: the sink need not check what it pushes */
    bool is_static;    /* it never says anything else: files */
    int64_t window_ms; /* of a server: about as much time as one request asks for; 0: no matter */
    int64_t marked_after_ms; /* its stale markers were put in, after so long a silence; 0: no */
};

/* Reads the selector text of a selects.json: the layer knows no PromQL, so the function is handed
 * in.
 *
 *   parse  fills matchers (in the arena, with the metric name as `__name__` = ...), and range_ms:
 *          the W of `sel[W]`, 0 for a bare selector; err AMPQL_PARSE for anything else than a bare
 *          or range selector without offset and @ */
struct selector_parser {
    enum ampql_code (*parse)(void *payload, struct str text, struct arena *arena,
                             struct matchers *out, int64_t *range_ms, struct ampql_error *err);
    void *payload;
};

/* Wrap ops (copied) and payload. On failure payload stays the caller's.
 *   err  AMPQL_BAD_DATA: no select function, or caps say neither SAMPLES nor ANSWERS, or both;
 *        AMPQL_NOMEM */
enum ampql_code source_new(const struct ampql_allocator *alc, const struct ampql_source_ops *ops,
                           void *payload, struct ampql_source **out, struct ampql_error *err);

/* NULL is fine. */
void source_free(struct ampql_source *source);

/* An empty source in memory: SAMPLES | SORTED | PARALLEL, ENDLESS with has_no_markers. options may
 * be NULL. err  AMPQL_NOMEM */
enum ampql_code source_memory_new(const struct ampql_allocator *alc,
                                  const struct ampql_memory_options *options,
                                  struct ampql_source **out, struct ampql_error *err);

/* Add a series to a memory source, also after a run, but not during one.
 *   err  AMPQL_BAD_DATA: a label name empty or twice, times not strictly ascending, or the label
 *        set was added before; AMPQL_UNSUPPORTED: not a memory source; AMPQL_NOMEM */
enum ampql_code source_memory_add(struct ampql_source *source, const struct ampql_label *labels,
                                  size_t nlabels, const int64_t *t_ms, const double *v, size_t n,
                                  struct ampql_error *err);

/* Open a file, folder or "-" as ampql_source_file says. The files of a folder are read when a
 * select first needs them. options may be NULL.
 *
 *   parser  for the queries of a selects.json; it must stay valid as long as the call only
 *   err     AMPQL_NOT_FOUND, AMPQL_UNAVAILABLE (reading failed), AMPQL_BAD_DATA "FILE:LINE: ..." or
 *           "FILE: offset N: ...", AMPQL_UNSUPPORTED (native histograms, scalar and string answers,
 *           a range answer without an entry), AMPQL_LIMIT (max_bytes, line length), AMPQL_NOMEM;
 *           AMPQL_PARSE for a query of a selects.json */
enum ampql_code source_file_open(const struct ampql_allocator *alc, const char *path,
                                 const struct ampql_file_options *options,
                                 const struct selector_parser *parser, struct ampql_source **out,
                                 struct ampql_error *err);

/* Several sources as one. Takes them over, also when it fails. nsources may be 0 only for an error.
 *
 * A select fails when it fails in any of the sources, also with AMPQL_NOT_FOUND: never a part of an
 * answer.
 *   err  AMPQL_BAD_DATA: no source; AMPQL_UNSUPPORTED: SAMPLES and ANSWERS do not mix; AMPQL_NOMEM;
 *        a select fails with AMPQL_BAD_DATA when two sources have different values at one time */
enum ampql_code source_merge(const struct ampql_allocator *alc, struct ampql_source **sources,
                             size_t nsources, bool last_wins, struct ampql_source **out,
                             struct ampql_error *err);
/* Ask the run whether to go on, at every few of the series that are looked at; *n counts them, from
 * 0.  err  AMPQL_CANCELED, AMPQL_TIMEOUT */
static inline enum ampql_code select_go_on(const struct ampql_select *select, size_t *n,
                                           struct ampql_error *err)
{
    enum { SOME = 64 }; /* regexes take microseconds each */
    if (!select->poll || ++*n % SOME)
        return AMPQL_OK;
    return select->poll(select->poll_payload, err);
}

#endif
