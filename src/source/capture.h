/* Captures: what a source answered, in one file that checks itself.
 *
 * A finished file (`.aqc`) is canonical: symbols sorted, selects sorted, series in label order,
 * samples in blocks of 1,024. While it is made there is a log beside it (`.aqc.part`) of the same
 * blocks, select by select as they come, from which a killed run goes on.
 *
 *   capture_block.h   blocks: lengths, checksums, zstd
 *   capture_read.c    opening either kind
 *   capture_scan.c    the series of a select
 *   capture_code.c    what is in a block
 *   capture_log.c     the log
 *   capture_merge.c   selects joined, and the finished file written
 *   capture_source.c  replay
 *   capture_take.c    asking a source, and keeping what it answers
 *   capture_record.c  a source that does so with all it is asked
 *
 * src/source/README.md has the format byte by byte. */
#ifndef AMPQL_SRC_SOURCE_CAPTURE_H
#define AMPQL_SRC_SOURCE_CAPTURE_H

#include "source/capture_block.h"
#include "source/held.h"
#include "source/hold.h"
#include "source/redaction.h"

/* Times in a capture lie between this and its negative, so that no sum of them overflows. */
#define CAPTURE_FOREVER (INT64_C(1) << 60)

/* A SERIES block of an entry. The metric names of its series, also of one that only goes on in it,
 * lie between two, so that whoever asks for another name need not read it. */
struct capture_place {
    uint64_t offset;
    uint32_t nseries; /* that begin in it */
    bool is_inside;   /* a series of the block before goes on at its start; true also when the file
                         does not say */
    /* By the file's own numbers, which are in the order of names; CAPTURE_ANY_NAME: it is not said,
     * or a series has no name. */
    uint32_t first_name, last_name;
};

#define CAPTURE_ANY_NAME UINT32_MAX

/* What was asked, and where the answer is. */
struct capture_entry {
    struct held held;
    const struct str *warnings; /* [nwarnings] that came with the answer */
    size_t nwarnings;
    uint64_t billed;    /* samples that the server billed for it */
    int64_t settled_ms; /* what is after this may not have been all there yet when it was asked */
    uint64_t nseries, nsamples;
    ARRAY(struct capture_place); /* in label order of their series */
};

/* Whose answers they are. */
struct capture_origin {
    struct str source; /* as it was given, without credentials */
    enum ampql_dialect dialect;
    uint32_t caps;           /* enum ampql_source_caps, without SORTED */
    int64_t marked_after_ms; /* stale markers were put in after so long a silence; 0: no */
    struct redaction redaction;
};

struct capture {
    struct ampql_allocator alc;
    bool allows_partial; /* of replay: what is missing is left out of answers, which say so */
    struct arena arena;  /* entries and what they point to */
    struct capture_file file;
    struct symbols symbols;
    struct {
        ARRAY(symbol); /* by the file's own numbers */
    } ids;
    struct str tool;    /* that wrote it */
    int64_t created_ms; /* of its first block */
    struct capture_origin origin;
    struct {
        ARRAY(struct capture_entry); /* on alc */
    } entries;
    bool is_log;
    bool is_reader;                   /* of another one, whose index and symbols it has */
    uint64_t whole;                   /* of a log: bytes up to its last END */
    uint8_t content_id[SHA256_BYTES]; /* of a finished file */

    /* one series unpacked, used again and again */
    struct label *label; /* [label_room] */
    int64_t *t;          /* [room] */
    double *v;
    size_t label_room, room;
};

/* Open a finished capture.
 *   path  must stay as long as the capture
 *   err   "PATH: ...": AMPQL_NOT_FOUND; AMPQL_BAD_DATA: a folder, other magic, newer version, cut
 *         short, damaged, with the block's offset; AMPQL_UNAVAILABLE; AMPQL_NOMEM */
enum ampql_code capture_open(struct capture *capture, const struct ampql_allocator *alc,
                             const char *path, struct ampql_error *err);

/* Another reader of a finished capture, for another thread: it has buffers of its own, and looks at
 * what `from` knows of the file, which must last longer. err  of capture_open */
enum ampql_code capture_open_again(struct capture *capture, const struct capture *from,
                                   struct ampql_error *err);

/* Open a log by its descriptor (a copy is made): all selects that are whole, and none of what
 * follows the last of them. whole is 0 when it was cut before the first could begin. */
enum ampql_code capture_open_log(struct capture *capture, const struct ampql_allocator *alc,
                                 const char *path, int fd, struct ampql_error *err);

/* Open a finished capture, or a log when its name ends in ".part".
 *   err  of capture_open */
enum ampql_code capture_open_any(struct capture *capture, const struct ampql_allocator *alc,
                                 const char *path, struct ampql_error *err);

/* Open only the head of a file, and take the blocks behind it one by one, for what must work on
 * damaged files too: first ABOUT and ORIGIN, each at *offset, which is then behind it; then all
 * others. */
enum ampql_code capture_open_damaged(struct capture *capture, const struct ampql_allocator *alc,
                                     const char *path, struct ampql_error *err);
enum ampql_code capture_take_head(struct capture *capture, enum capture_kind kind, uint64_t *offset,
                                  struct ampql_error *err);
enum ampql_code capture_take_block(struct capture *capture, struct capture_block *block,
                                   struct ampql_error *err);

void capture_done(struct capture *capture);

/* Takes one series of a scan: labels in capture->symbols, views. */
typedef enum ampql_code capture_visit(void *payload, const struct capture *capture,
                                      struct labels labels, const struct samples *samples);

/* Hand on the series of an entry that match `select` (NULL: all) and have samples in (after, upto],
 * with those samples, in label order.
 *   err  AMPQL_BAD_DATA: damaged, with the block's offset; AMPQL_PARSE: a regex; AMPQL_NOMEM; what
 *        visit returned */
enum ampql_code capture_scan(struct capture *capture, const struct capture_entry *entry,
                             const struct ampql_select *select, int64_t after_ms, int64_t upto_ms,
                             capture_visit *visit, void *payload, struct ampql_error *err);

/* How many SERIES blocks of an entry may have what `select` asks for. */
size_t capture_count_blocks(const struct capture *capture, const struct capture_entry *entry,
                            const struct ampql_select *select);

/* The same scan in shares: those of [0, nshares) hand on, one after the other, what the whole does.
 * Series belong to the share of the block that they begin in. */
enum ampql_code capture_scan_share(struct capture *capture, const struct capture_entry *entry,
                                   const struct ampql_select *select, int64_t after_ms,
                                   int64_t upto_ms, size_t share, size_t nshares,
                                   capture_visit *visit, void *payload, struct ampql_error *err);

/* The list that held_plan takes. */
struct held_list capture_list(const struct capture *capture);

/* ---- capture_code.c: payloads. Reading fails with a bytes_in that has failed, or false. */

/* The numbers under which a file knows strings. */
struct capture_names {
    const uint32_t *id_of; /* by symbol */
    const struct symbols *symbols;
};

void capture_put_about(struct buf *out, struct str tool, int64_t created_ms);
void capture_put_origin(struct buf *out, const struct capture_origin *origin);
void capture_put_select(struct buf *out, const struct capture_entry *entry,
                        const struct capture_names *names);
/* What it is known of an entry's answer, in END and in INDEX: samples billed, until when it is
 * settled, series, samples. */
void capture_put_counts(struct buf *out, const struct capture_entry *entry);
void capture_get_counts(struct bytes_in *in, struct capture_entry *out);
bool capture_get_about(struct bytes_in *in, struct capture *capture, struct ampql_error *err);
bool capture_get_origin(struct bytes_in *in, struct capture *capture);
/* Add the strings of a block. err AMPQL_NOMEM, AMPQL_BAD_DATA */
enum ampql_code capture_get_symbols(struct capture *capture, struct capture_block *block,
                                    struct ampql_error *err);
enum ampql_code capture_get_select(struct capture *capture, struct capture_block *block,
                                   struct capture_entry *out, struct ampql_error *err);

/* Series written into SERIES blocks. */
struct capture_series_out {
    struct capture_out *out;
    const struct capture_names *names;
    struct buf plain;
    struct capture_place place;  /* of what is in plain */
    struct capture_entry *entry; /* gets places and counts; NULL: not kept */
    enum ampql_code (*wrote)(void *payload, const uint8_t *digest, struct ampql_error *err);
    void *payload; /* told of each block; wrote may be NULL */
};

void capture_series_begin(struct capture_series_out *series, struct capture_out *out,
                          const struct capture_names *names, struct capture_entry *entry);
enum ampql_code capture_series_add(struct capture_series_out *series, struct labels labels,
                                   const struct samples *samples, struct ampql_error *err);
/* Write what is left. Call it once; capture_series_done also after failures. */
enum ampql_code capture_series_end(struct capture_series_out *series, struct ampql_error *err);
void capture_series_done(struct capture_series_out *series);

#endif
