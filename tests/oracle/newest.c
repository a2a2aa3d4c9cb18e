/* The engine against the newest Prometheus, over random queries and series: `make newest`.
 *
 *   newest ORACLE SEED COUNT [PART...]  cases SEED, SEED + 1, ...; only those in whose print
 *                                     (series, times, expression) every PART occurs
 *   newest ORACLE damage SEED COUNT   only the parsers, over damaged expressions
 *   newest ORACLE rules SEED COUNT    what random rule files record, by its rule manager and here
 *   newest ORACLE grids FILE          the numeric grids, and their checksums into FILE
 *   newest ORACLE letters             which characters are letters, in names without quotes
 *   newest ORACLE parse FILE...       the same over files: an expression each, or a C file with
 *                                     tables of them
 *
 * Values are compared bit for bit, and labels, order, times and the kind of failure, and the words
 * of errors and annotations with the places that they name. Prometheus keeps some series in hash
 * maps whose order changes from run to run, so an answer that differs is asked for again: it counts
 * as equal when one of those orders gives ours, and as unordered when Prometheus contradicts itself
 * on that very value, near ours. What is left is a difference; it is made small and printed. */
#include "oracle/newest.h"

#include "lang/parser.h"
#include "support/case_file.h"
#include "support/coverage.h"
#include "support/same.h"
#include "support/shrink.h"

#include <stdlib.h>

enum { MAX_DIFFERENT = 20, MAX_TESTS = 3000 };

static const char *const class_names[CLASSES] = {
    "with values",
    "empty",
    "failed alike",
    "refused alike",
    "equal in one of its orders",
    "unordered",
    "known faults of Prometheus",
    "different",
};

static const char *const who[2] = {"engine    ", "prometheus"};

/* ---- a difference: made small, shown, and kept as a test case */

static bool still_differs(void *payload, const struct expr_case *c)
{
    struct driver *d = payload;
    struct arena arena;
    struct answer ours;
    struct newest_answer theirs;
    arena_init(&arena, &alloc_default);
    bool differs = newest_judge(d, c, &arena, &ours, &theirs) == DIFFERENT;
    arena_done(&arena);
    return differs;
}

static void save(uint64_t seed, const struct expr_case *c, const struct newest_answer *theirs)
{
    char name[64], origin[96];
    const struct case_answer answer = {theirs->code, theirs->message, &theirs->outcome};
    snprintf(name, sizeof name, "newest-%llu", (unsigned long long)seed);
    snprintf(origin, sizeof origin, "make newest SEED=%llu N=1: what Prometheus answers",
             (unsigned long long)seed);
    case_save(c, &answer, origin, "tests/data/pending", name);
}

/* ---- running */

static void print_difference(struct driver *d, uint64_t seed, struct expr_case *c,
                             struct arena *arena)
{
    struct buf why;
    struct answer ours;
    struct newest_answer theirs;
    const struct shrink_options options = {AMPQL_PROM3, MAX_TESTS};
    shrink_case(c, &options, still_differs, d, arena);
    newest_judge(d, c, arena, &ours, &theirs);
    buf_init(&why, &alloc_default, 1 << 20);
    expr_case_print(c, &why);
    if (ours.code != AMPQL_OK || theirs.code != AMPQL_OK) {
        buf_format(&why, "  engine     %d ", (int)ours.code);
        buf_text(&why, ours.err.message);
        buf_format(&why, "\n  prometheus %d ", (int)theirs.code);
        buf_str(&why, theirs.message);
        buf_byte(&why, '\n');
    } else {
        outcomes_same(&ours.outcome, &theirs.outcome, who, &why);
    }
    newest_print_notes(&ours.outcome, &theirs.outcome, &why);
    printf("different, seed %llu\n%.*s\n", (unsigned long long)seed, STR_ARGS(buf_view(&why)));
    save(seed, c, &theirs);
    fflush(stdout);
    buf_done(&why);
}

static uint64_t next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15)); /* splitmix64 */
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

void gen_seed(uint8_t *bytes, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(next(&seed) >> 56);
}

/* Does every part occur in what the case prints as? */
static bool is_wanted(const struct expr_case *c, char *const *parts, size_t nparts)
{
    struct buf print;
    bool has_all = true;
    buf_init(&print, &alloc_default, 1 << 20);
    expr_case_print(c, &print);
    for (size_t i = 0; i < nparts; i++)
        has_all = has_all && memmem(print.p, print.n, parts[i], strlen(parts[i]));
    buf_done(&print);
    return has_all;
}

static void run_case(struct driver *d, const struct expr_names *names, uint64_t seed,
                     char *const *parts, size_t nparts)
{
    uint8_t bytes[GEN_CASE_BYTES];
    struct arena arena;
    struct expr_case c;
    struct answer ours;
    struct newest_answer theirs;
    gen_seed(bytes, sizeof bytes, seed);
    arena_init(&arena, &alloc_default);
    expr_generate(bytes, sizeof bytes, names, &arena, &c);
    c.options.dialect = AMPQL_PROM3;
    if (is_wanted(&c, parts, nparts)) {
        enum outcome_class class = newest_judge(d, &c, &arena, &ours, &theirs);
        d->of[class]++;
        coverage_count(&d->coverage, &c, class == SAME);
        if (class == DIFFERENT)
            print_difference(d, seed, &c, &arena);
    }
    arena_done(&arena);
}

static int run(struct driver *d, uint64_t first, size_t count, char *const *parts, size_t nparts)
{
    struct expr_names names;
    expr_names_of_engine(&names);
    for (size_t i = 0; i < count && d->of[DIFFERENT] < MAX_DIFFERENT; i++)
        run_case(d, &names, first + i, parts, nparts);
    for (int i = 0; i < CLASSES; i++)
        printf("%zu %s%s", d->of[i], class_names[i], i + 1 < CLASSES ? ", " : "\n");
    bool is_covered = nparts > 0 || coverage_print(&d->coverage, &names, stdout);
    return d->of[DIFFERENT] > 0 || !is_covered;
}

int main(int argc, char **argv)
{
    static struct driver d;
    int status = 2;
    bool is_letters = argc == 3 && strcmp(argv[2], "letters") == 0;
    if (argc < 4 && !is_letters) {
        fprintf(stderr, "usage: newest ORACLE SEED COUNT [PART...] | ORACLE damage SEED COUNT | "
                        "ORACLE rules SEED COUNT | ORACLE grids FILE | ORACLE letters "
                        "| ORACLE parse FILE...\n");
        return 2;
    }
    newest_start(&d.newest, argv[1]);
    if (engine_evaluator_init(&d.engine, &alloc_default, NULL) != AMPQL_OK)
        abort();
    if (is_letters)
        status = newest_parse_letters(&d.newest);
    else if (strcmp(argv[2], "grids") == 0)
        status = newest_grids(&d, argv[3]);
    else if (strcmp(argv[2], "rules") == 0)
        status = newest_rules(&d, strtoull(argv[3], NULL, 10),
                              argc > 4 ? strtoull(argv[4], NULL, 10) : 1000);
    else if (strcmp(argv[2], "damage") == 0)
        status = newest_parse_random(&d.newest, strtoull(argv[3], NULL, 10),
                                     argc > 4 ? strtoull(argv[4], NULL, 10) : 1000);
    else if (strcmp(argv[2], "parse") == 0)
        status = newest_parse_files(&d.newest, argv + 3, (size_t)argc - 3);
    else
        status = run(&d, strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10), argv + 4,
                     (size_t)argc - 4);
    engine_evaluator_done(&d.engine);
    newest_end(&d.newest);
    return status;
}
