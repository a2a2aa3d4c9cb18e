/* Flags of rule files, and what they give a session. */
#ifndef AMPQL_SRC_CLI_RULES_H
#define AMPQL_SRC_CLI_RULES_H

#include "cli/remote.h"
#include "cli/session.h"

struct rules_flags {
    const char *file;
    int recorded; /* enum ampql_recorded + 1 */
    const char *phase;
    int markers; /* 1: on, 2: off */
};

/* clang-format off */
/* When groups are evaluated, and what they write. */
#define TICK_OPTIONS(type, member) \
    {"rule-phase", 0, OPTION_STRING, offsetof(type, member.phase), "DURATION|hash:FILE", \
     "groups are evaluated so long past the multiples of their interval; hash:FILE: as Prometheus " \
     "does when it calls the rule file so; 0s when not given"}, \
    {"rule-markers", 0, OPTION_ENUM, offsetof(type, member.markers), "on|off", \
     "off: no stale markers, as promtool's backfill"}

/* Which of two to believe. */
#define RECORDED_OPTION(type, member) \
    {"recorded", 0, OPTION_ENUM, offsetof(type, member.recorded), \
     "prefer-local|prefer-stored|error", \
     "when the source holds series of a name that a rule records; prefer-local when not given"}

/* For commands that read what rules record. */
#define RULES_OPTIONS(type, member) \
    {"rules", 0, OPTION_STRING, offsetof(type, member.file), "FILE", \
     "recording rules: their records can be read as if a ruler had written them"}, \
    RECORDED_OPTION(type, member), \
    TICK_OPTIONS(type, member)
/* clang-format on */

/* Check the flags and read the file, before sources are opened: a mistake in either is told first.
 * Without --rules nothing is read. Failures are reported. */
enum exit_status rules_read_flags(struct cli *cli, const struct rules_flags *flags,
                                  const struct run_flags *run, struct session *session);

/* After session_source, whose dialect it is compiled in: the rules, into the session's options. */
enum exit_status rules_open(struct cli *cli, const struct rules_flags *flags,
                            struct session *session);

/* The flags of a command that evaluates a file of rules. */
struct rules_command {
    const struct rules_flags *rules;
    const struct run_flags *run;
    const struct source_flags *source;
    const struct remote_flags *remote;
    const char *job; /* what a state file of the receiver is about; NULL: the text of the rules */
};

/* After session_open: rules, source and receiver, of which the caller closes the last. */
enum exit_status rules_start(struct cli *cli, const struct rules_command *command,
                             struct session *session, struct remote *remote);

struct ampql_rules_result;

/* Warnings of a run of rules, and those that failed, each with its expression. Returns the status
 * of the first failure. */
enum exit_status rules_report(struct cli *cli, const struct session *session,
                              const struct ampql_rules_result *result);

/* What the run has cost, and what a ruler and this command cost a day, with the arithmetic. */
void rules_report_costs(struct cli *cli, const struct ampql_rules_result *result);

#endif
