/* Saved answers with what had been asked: a folder with a selects.json, or one answer alone.
 *
 * examples/data/README.md describes selects.json; held.h says which entries serve a select. */
#ifndef AMPQL_SRC_SOURCE_FOLDER_H
#define AMPQL_SRC_SOURCE_FOLDER_H

#include "source/answers.h"
#include "source/held.h"
#include "source/source.h"

struct folder_entry {
    struct held held; /* its file and query as selects.json has them */
    bool is_instant;  /* the answer is a vector */

    bool is_loaded;
    struct store store;
    struct str warning;         /* what the server said of this answer; n 0: nothing */
    const struct str *warnings; /* [nwarnings] what selects.json says that was said */
    size_t nwarnings;
    uint64_t billed; /* samples that the server billed for it; 0: it does not say */
};

struct folder {
    struct ampql_allocator alc;
    struct arena arena; /* of the entries and what they point to */
    const char *path;   /* for messages */
    int dir_fd;         /* -1 for one answer alone */
    bool last_wins, skip_histograms, allows_partial;
    uint64_t max_bytes;
    struct str recorded_of; /* the source that was asked; n 0: selects.json does not say */
    struct {
        ARRAY(struct folder_entry); /* on the arena until read, then as it is */
    } entries;
};

/* A folder without entries.
 *   err  AMPQL_NOMEM; then nothing is held */
enum ampql_code folder_new(const struct ampql_allocator *alc, const char *path,
                           const struct ampql_file_options *options, struct folder **out,
                           struct ampql_error *err);
void folder_free(struct folder *folder);

/* Read a selects.json into a folder's entries.
 *   err  "NAME: offset N: ...": AMPQL_BAD_DATA: not what the description says, a file name that
 *        leaves the folder, a query that is no selector; AMPQL_UNSUPPORTED: a higher version;
 *        AMPQL_LIMIT; AMPQL_UNAVAILABLE; AMPQL_NOMEM */
enum ampql_code selects_read(struct input *input, struct folder *folder,
                             const struct selector_parser *parser, struct ampql_error *err);

/* Give a folder its selects.json from its directory.
 *   err  of selects_read; AMPQL_NOT_FOUND: no such folder, or no selects.json in it */
enum ampql_code folder_open(struct folder *folder, const struct selector_parser *parser,
                            struct ampql_error *err);

/* Take one answer alone: a vector as a GRID of one step, or with as_raw a matrix as RAW samples
 * that cover all times. err  AMPQL_UNSUPPORTED: a matrix without as_raw; AMPQL_BAD_DATA: a vector
 * of several times; and of answers_read */
enum ampql_code folder_take_answer(struct folder *folder, struct input *input, bool as_raw,
                                   struct ampql_error *err);

/* Make it a source, ANSWERS | SORTED, which owns it; also freed when this fails.
 *   err  AMPQL_NOMEM. Its selects fail with AMPQL_NOT_FOUND, naming the select and what is nearest,
 *        and as answers_read does */
enum ampql_code folder_source(struct folder *folder, struct ampql_source **out,
                              struct ampql_error *err);

/* What a source of this kind holds, valid as long as the source; false when it is of another kind.
 */
bool folder_held(const struct ampql_source *source, struct held_list *out);

/* Samples that the server billed for an entry of that list, as selects.json says; 0: it does not.
 */
uint64_t folder_billed(const struct ampql_source *source, size_t entry);

#endif
