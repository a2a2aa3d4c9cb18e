/* Exit statuses: what a script may rely on. `ampql help` and the man page print this list. */
#ifndef AMPQL_SRC_CLI_EXIT_H
#define AMPQL_SRC_CLI_EXIT_H

enum exit_status {
    STATUS_OK = 0,
    STATUS_NEGATIVE = 1,   /* ran, and the answer is no: a test failed, text is not canonical */
    STATUS_USAGE = 2,      /* command, flags or operands are wrong */
    STATUS_LINT = 3,       /* rules are valid and were found at fault */
    STATUS_PARSE = 4,      /* a query or rule does not parse */
    STATUS_EVALUATION = 5, /* a query cannot be evaluated on this data */
    STATUS_LIMIT = 6,      /* a limit, the timeout, or memory */
    STATUS_SOURCE = 7,     /* a source is missing, cannot be read or does not hold what is asked */
    STATUS_AUTH = 8,       /* credentials */
    STATUS_DATA = 9,       /* a file's content is wrong */
    STATUS_OUTPUT = 10,    /* standard output could not be written */
    STATUS_INTERNAL = 70,  /* a mistake of ours (sysexits' EX_SOFTWARE) */
    STATUS_INTERRUPTED = 130 /* SIGINT, as shells have it */
};

#endif
