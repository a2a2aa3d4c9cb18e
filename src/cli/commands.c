/* The table of commands: one row a command, in the order of `ampql help`. */
#include "cli/command.h"

const struct command *const command_table[] = {
    &command_query,
    &command_fetch,
    &command_explain,
    &command_series,
    &command_labels,
    &command_allocate,
    &command_serve,
    &command_rules_check,
    &command_rules_eval,
    &command_rules_backfill,
    &command_rules_run,
    &command_capture_ls,
    &command_capture_show,
    &command_capture_verify,
    &command_capture_convert,
    &command_capture_merge,
    &command_capture_redact,
    &command_capture_diff,
    &command_fmt,
    &command_functions,
    &command_test,
    &command_doctor,
    &command_whoami,
    &command_completion,
    &command_version,
};
const size_t command_count = sizeof command_table / sizeof *command_table;
