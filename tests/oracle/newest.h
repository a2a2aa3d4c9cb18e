/* The newest Prometheus as a child process: requests and answers of newest/main.go, whose first
 * comment has the line format. Anything unexpected on the pipe ends the program. */
#ifndef AMPQL_TESTS_ORACLE_NEWEST_H
#define AMPQL_TESTS_ORACLE_NEWEST_H

#include "lang/ast.h"
#include "support/coverage.h"
#include "support/expr_gen.h"
#include "support/gen_bytes.h"
#include "support/rules_gen.h"

#include <stdio.h>
#include <sys/types.h>

struct newest {
    FILE *to, *from;
    pid_t pid;
    char *line; /* the last answer, getline's */
    size_t cap;
};

struct newest_answer {
    enum ampql_code code; /* AMPQL_OK, AMPQL_PARSE, AMPQL_EXECUTION */
    struct str message;   /* of the error */
    struct outcome outcome;
    struct str print, pretty; /* of what was only parsed; print: of JSON */
};

/* Start the program at `path`. */
void newest_start(struct newest *newest, const char *path);
void newest_end(struct newest *newest);

/* Evaluate a case, in the prom3 dialect whatever the case says; the answer is in the arena. */
void newest_evaluate(struct newest *newest, const struct expr_case *c, struct arena *arena,
                     struct newest_answer *out);

/* The same as the HTTP API's body, or the message of the failure. */
void newest_json(struct newest *newest, const struct expr_case *c, struct arena *arena,
                 struct str *out);

/* A rule manager's life, in Unix ms: it runs from start to end, and what it wrote in [from, to] is
 * told. */
struct newest_rules {
    const char *file; /* the rule file's name, of which groups have their phases */
    int64_t start_ms, from_ms, to_ms, end_ms;
};

/* What the rules of a case write over its series, stale markers included. */
void newest_record(struct newest *newest, const struct rules_case *c,
                   const struct newest_rules *times, struct arena *arena,
                   struct newest_answer *out);

/* Only parse. */
void newest_parse(struct newest *newest, struct str text, bool experimental, struct arena *arena,
                  struct newest_answer *out);

/* ---- the driver */

enum { GEN_CASE_BYTES = 2000, MAX_BELOW = 8 };

enum outcome_class {
    SAME,
    EMPTY,
    FAILED,
    REFUSED,
    REORDERED,
    UNORDERED,
    THEIR_FAULT,
    DIFFERENT,
    CLASSES
};

struct driver {
    struct newest newest;
    struct engine_evaluator engine;
    size_t of[CLASSES];
    struct coverage coverage;
};

/* The engine's. */
struct answer {
    enum ampql_code code;
    struct outcome outcome;
    struct ampql_error err;
};

/* Ask both for a case and say how they compare; the answers are in the arena, maybe put in another
 * order. newest_judge.c */
enum outcome_class newest_judge(struct driver *d, const struct expr_case *c, struct arena *arena,
                                struct answer *ours, struct newest_answer *theirs);

/* Write the annotations that only one of them has. */
void newest_print_notes(const struct outcome *ours, const struct outcome *theirs, struct buf *out);

/* Operands of a tree, at most MAX_BELOW: how many. */
size_t ast_children(const struct ast *ast, const struct ast **out, size_t max);

/* NULL when the text is refused. */
struct ast *parse_prom3(struct str text, struct arena *arena);

/* The bytes that a seed stands for. */
void gen_seed(uint8_t *bytes, size_t n, uint64_t seed);

/* Compare trees and messages of the expressions in files [n]; 1 when one differs. newest_parse.c */
int newest_parse_files(struct newest *newest, char *const *paths, size_t n);

/* The same for random expressions, most of them damaged. */
int newest_parse_random(struct newest *newest, uint64_t first, size_t count);

/* Compare the numeric grids, and write their checksums to path when nothing differs; 1 when it
 * does. newest_grid.c */
int newest_grids(struct driver *driver, const char *path);

/* Compare what rules record, by random rule files; 1 when something differs. newest_rules.c */
int newest_rules(struct driver *driver, uint64_t first, size_t count);

/* Which characters may begin a name without quotes: each is asked for. */
int newest_parse_letters(struct newest *newest);

#endif
