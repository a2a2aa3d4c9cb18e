/* Flags as tables.
 *
 * A command lists its flags as rows that say where in its own struct each value goes:
 *
 *   struct flags { struct option_ms time; struct option_list sources; };
 *   static const struct option options[] = {
 *       {"time", 0, OPTION_TIME, offsetof(struct flags, time), "TIME", "when to evaluate"},
 *   };
 *
 * `--time T` and `--time=T` are the same, `-o json` and `-ojson` too; `--` ends the flags. A flag
 * that is not given takes the value of its twin in the environment, AMPQL_TIME for --time. */
#ifndef AMPQL_SRC_CLI_OPTIONS_H
#define AMPQL_SRC_CLI_OPTIONS_H

#include "base/arena.h"
#include "base/error.h"

#include <stdint.h>

enum option_type {
    OPTION_BOOL,     /* bool; takes no value (`--flag=false` is allowed) */
    OPTION_STRING,   /* const char *; NULL when not given */
    OPTION_LIST,     /* struct option_list; may be repeated; in the environment one value a line */
    OPTION_TIME,     /* struct option_ms, Unix ms: RFC 3339, Unix seconds, now, now-1h */
    OPTION_DURATION, /* struct option_ms: 1h30m, or seconds */
    OPTION_ENUM,     /* int: 0 when not given, else 1 + the place of the word in option.value */
    OPTION_INTEGER,  /* uint64_t; 0 when not given */
    OPTION_SIZE      /* uint64_t bytes: 65536, 64KiB, 16MiB, 2GiB; 0 when not given */
};

struct option_ms {
    bool is_set;
    int64_t ms;
};

struct option_list {
    const char *const *at; /* [n] */
    size_t n;
};

struct option {
    const char *name; /* without the dashes */
    char letter;      /* the short form, 'o' for -o; 0: none */
    enum option_type type;
    size_t offset;     /* of the value in the command's struct */
    const char *value; /* what help calls the value; of OPTION_ENUM the words: "table|json" */
    const char *help;  /* one line */
};

enum { OPTION_HINT_MAX = 128 };

/* What the parser is given. */
struct option_input {
    const struct option *options; /* [noptions] */
    size_t noptions;
    const char *const *args; /* [nargs], after the command's name */
    size_t nargs;
    char *(*env)(const char *name); /* getenv; NULL: no environment */
    int64_t now_ms; /* what "now" means; a flag named "now", when given, says otherwise */
};

/* What it gives back besides the values. Strings are those of args or the environment. */
struct option_result {
    struct option_list operands;
    bool wants_help;            /* -h or --help: nothing else was looked at */
    char hint[OPTION_HINT_MAX]; /* after an error: what to do about it, or empty */
};

/* Read flags into the command's struct, which holds the defaults (zeroes).
 *   arena  holds the lists
 *   err    AMPQL_BAD_DATA: unknown flag, value missing or malformed, a flag given twice;
 * AMPQL_NOMEM */
enum ampql_code options_parse(const struct option_input *input, struct arena *arena, void *flags,
                              struct option_result *out, struct ampql_error *err);

/* The name of a flag's twin in the environment: AMPQL_STALE_AFTER; out [size]. */
void option_env_name(const struct option *option, char *out, size_t size);

#endif
