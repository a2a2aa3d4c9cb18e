/* --remote-write: where recorded samples go. */
#ifndef AMPQL_SRC_CLI_REMOTE_H
#define AMPQL_SRC_CLI_REMOTE_H

#include "cli/session.h"
#include "tool/remote_write.h"

/* Credentials of sources (--header, --http.config.file) do not go to this receiver; AWS's are found
 * in the same way. */
struct remote_flags {
    const char *to, *config_file, *state;
    uint64_t max_samples;
    bool dry_run;
};

/* clang-format off */
#define REMOTE_OPTIONS(type, member) \
    {"remote-write", 0, OPTION_STRING, offsetof(type, member.to), "URL|amp:WORKSPACE@REGION", \
     "write what is recorded to this receiver instead of printing it"}, \
    {"remote-write.config.file", 0, OPTION_STRING, offsetof(type, member.config_file), "FILE", \
     "promtool's, for the receiver: authentication, TLS, headers"}, \
    {"remote-write.state", 0, OPTION_STRING, offsetof(type, member.state), "FILE", \
     "what has arrived: the same command takes up from there"}, \
    {"remote-write.max-samples", 0, OPTION_INTEGER, offsetof(type, member.max_samples), "N", \
     "in one request to the receiver; 2000 when not given"}, \
    {"dry-run", 0, OPTION_BOOL, offsetof(type, member.dry_run), NULL, \
     "--remote-write: only say how many samples would be written, and billed"}
/* clang-format on */

/* A receiver; remote_close is fine also after a failure and on zeroes. */
struct remote {
    struct remote_write *write; /* NULL: none was asked for */
    bool is_dry;
};

/* Open what the flags name, if any.
 *   aws  whose region, profile, role are AWS's
 *   job  what is written, for the state file */
enum exit_status remote_open(struct cli *cli, const struct remote_flags *flags,
                             const struct server_flags *aws, struct str job,
                             struct ampql_cancel *cancel, struct remote *out);

/* Send what was added, and say what came of it. */
enum exit_status remote_finish(struct cli *cli, const struct remote *remote);

/* Report a failure of it. */
enum exit_status remote_failed(struct cli *cli, const struct ampql_error *err);

void remote_close(struct remote *remote);

#endif
