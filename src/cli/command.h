/* A command: one row of the table in commands.c, and what it is run with. */
#ifndef AMPQL_SRC_CLI_COMMAND_H
#define AMPQL_SRC_CLI_COMMAND_H

#include "base/arena.h"
#include "cli/exit.h"
#include "cli/options.h"
#include "cli/output.h"

#include <stdint.h>

struct cli {
    const struct command *command; /* that runs; NULL before one is found */
    struct arena arena;            /* lives as long as the command */
    struct output out;
    bool errors_as_json;
    bool err_is_tty;
    bool has_no_memory; /* it was said: see main */
    int64_t now_ms;
};

struct command {
    const char *name;     /* "query", "rules check" */
    const char *operands; /* as help shows them: "EXPR"; NULL: none are taken */
    const char *summary;  /* one line for `ampql help` */
    const char *examples; /* lines that open the command's help; they run on the bundled data */
    const char *details;  /* closes the help; may be NULL */
    const struct option *options; /* [noptions] */
    size_t noptions;
    size_t flags_size;   /* of the command's struct */
    size_t min_operands; /* at least this many, */
    size_t max_operands; /*    at most this many; SIZE_MAX: any number */
    enum exit_status (*run)(struct cli *cli, const void *flags, struct option_list operands);
};

/* For the end of a row. */
#define COMMAND_OPTIONS(table, type)                                                               \
    .options = (table), .noptions = sizeof(table) / sizeof *(table), .flags_size = sizeof(type)

extern const struct command command_capture_convert, command_capture_diff, command_capture_ls,
    command_capture_merge, command_capture_redact, command_capture_show, command_capture_verify,
    command_query, command_fetch, command_explain, command_series, command_labels, command_allocate,
    command_rules_check, command_rules_eval, command_rules_backfill, command_rules_run, command_fmt,
    command_functions, command_test, command_doctor, command_whoami, command_version, command_serve,
    command_completion;

/* All of them, in the order of `ampql help`; what has the same first word stands together. */
extern const struct command *const command_table[]; /* [command_count] */
extern const size_t command_count;

#endif
