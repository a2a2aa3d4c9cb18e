/* The command's flags: both spellings, the environment, and what is said of mistakes. */
#include "cli/options.h"

#include "support/test.h"
#include "support/torture.h"

#include <stdio.h>

struct flags {
    bool stats;
    const char *window;
    struct option_list sources;
    struct option_ms time, now, step;
    int format;
    uint64_t limit;
};

static const struct option table[] = {
    {"stats", 0, OPTION_BOOL, offsetof(struct flags, stats), NULL, ""},
    {"window", 'w', OPTION_STRING, offsetof(struct flags, window), "WINDOW", ""},
    {"source", 's', OPTION_LIST, offsetof(struct flags, sources), "SOURCE", ""},
    {"time", 0, OPTION_TIME, offsetof(struct flags, time), "TIME", ""},
    {"now", 0, OPTION_TIME, offsetof(struct flags, now), "TIME", ""},
    {"step", 0, OPTION_DURATION, offsetof(struct flags, step), "DURATION", ""},
    {"output", 'o', OPTION_ENUM, offsetof(struct flags, format), "table|json|csv", ""},
    {"max-samples", 0, OPTION_INTEGER, offsetof(struct flags, limit), "N", ""},
};

enum { MAX_ARGS = 8 };

/* Parse a NULL-ended list of words. */
static enum ampql_code parse(const struct ampql_allocator *alc, const char *const *args,
                             char *(*env)(const char *), struct arena *arena, struct flags *flags,
                             struct option_result *result, struct ampql_error *err)
{
    size_t n = 0;
    while (n < MAX_ARGS && args[n])
        n++;
    struct option_input input = {table, sizeof table / sizeof *table, args, n, env, 1000000};
    arena_init(arena, alc);
    *flags = (struct flags){0};
    return options_parse(&input, arena, flags, result, err);
}

/* The flags as one line of text. */
static void show(const struct flags *f, const struct option_result *result, char *out, size_t size)
{
    int n = snprintf(out, size, "%s%s", f->stats ? "stats " : "", f->window ? f->window : "");
    for (size_t i = 0; i < f->sources.n; i++)
        n += snprintf(out + n, size - (size_t)n, "[%s]", f->sources.at[i]);
    if (f->time.is_set)
        n += snprintf(out + n, size - (size_t)n, " t=%lld", (long long)f->time.ms);
    if (f->step.is_set)
        n += snprintf(out + n, size - (size_t)n, " step=%lld", (long long)f->step.ms);
    if (f->format || f->limit)
        n += snprintf(out + n, size - (size_t)n, " o=%d max=%llu", f->format,
                      (unsigned long long)f->limit);
    for (size_t i = 0; i < result->operands.n; i++)
        n += snprintf(out + n, size - (size_t)n, " '%s'", result->operands.at[i]);
    if (result->wants_help)
        snprintf(out + n, size - (size_t)n, "help");
}

static const struct row {
    const char *args[MAX_ARGS];
    const char *expected; /* as show() has it; NULL: refused, */
    const char *message;  /*    with this text in the message, */
    const char *hint;     /*    and this in the hint */
} rows[] = {
    {{NULL}, "", NULL, NULL},
    {{"--stats"}, "stats ", NULL, NULL},
    {{"--stats=false"}, "", NULL, NULL},
    {{"--window", "1d"}, "1d", NULL, NULL},
    {{"--window=1d"}, "1d", NULL, NULL},
    {{"--window="}, "", NULL, NULL},
    {{"-w", "1d"}, "1d", NULL, NULL},
    {{"-w1d"}, "1d", NULL, NULL},
    {{"--window", "--stats"}, "--stats", NULL, NULL}, /* a value may look like a flag */
    {{"-s", "a", "up", "--source=b", "-sc"}, "[a][b][c] 'up'", NULL, NULL},
    {{"--time", "2024-02-29T12:00:00.5Z"}, " t=1709208000500", NULL, NULL},
    {{"--time", "now-1s"}, " t=999000", NULL, NULL},
    {{"--time", "now", "--now", "5"}, " t=5000", NULL, NULL}, /* also when it comes later */
    {{"--step", "5m"}, " step=300000", NULL, NULL},
    {{"--step", "0.5"}, " step=500", NULL, NULL},
    {{"-o", "table"}, " o=1 max=0", NULL, NULL},
    {{"-o", "csv", "--max-samples", "18446744073709551615"},
     " o=3 max=18446744073709551615",
     NULL,
     NULL},
    {{"--", "--stats", "-1"}, " '--stats' '-1'", NULL, NULL},
    {{"-", "up"}, " '-' 'up'", NULL, NULL},
    {{"--help", "--nonsense"}, "help", NULL, NULL},
    {{"-h"}, "help", NULL, NULL},

    {{"--sorce", "x"}, NULL, "unknown flag: \"--sorce\"", "did you mean --source?"},
    {{"--soruce=x"}, NULL, "unknown flag: \"--soruce=x\"", "did you mean --source?"},
    {{"--max"}, NULL, "unknown flag", "did you mean --max-samples?"},
    {{"--zzz"}, NULL, "unknown flag", ""},
    {{"-1"}, NULL, "unknown flag: \"-1\"", "put -- before"},
    {{"-\x1b[2J"}, NULL, "\\x1b", ""},
    {{"--window"}, NULL, "--window needs a value: WINDOW", ""},
    {{"-w", "a", "--window", "b"}, NULL, "--window is given twice", ""},
    {{"--stats=maybe"}, NULL, "--stats: expected true or false: \"maybe\"", ""},
    {{"-o", "xml"}, NULL, "--output: expected table|json|csv: \"xml\"", ""},
    {{"-o", "tab"}, NULL, "--output: expected", ""},
    {{"-o", ""}, NULL, "--output: expected", ""},
    {{"--max-samples", "12x"}, NULL, "--max-samples: expected a whole number", ""},
    {{"--max-samples", ""}, NULL, "--max-samples: expected a whole number", ""},
    {{"--max-samples", "-1"}, NULL, "--max-samples: expected a whole number", ""},
    {{"--max-samples", "18446744073709551616"}, NULL, "--max-samples: expected", ""},
    {{"--time", "yesterdey"}, NULL, "--time: ", ""},
    {{"--step", "30m1h"}, NULL, "--step: ", ""},
};

static void reads_and_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        struct arena arena;
        struct flags flags;
        struct option_result result;
        struct ampql_error err = {0};
        char shown[256] = "";
        enum ampql_code code =
            parse(&alloc_default, row->args, NULL, &arena, &flags, &result, &err);
        if (code == AMPQL_OK)
            show(&flags, &result, shown, sizeof shown);
        if (row->expected ? code != AMPQL_OK || strcmp(shown, row->expected) != 0
                          : code != AMPQL_BAD_DATA || !strstr(err.message, row->message) ||
                                !strstr(result.hint, row->hint))
            fail_msg("row %zu (%s): %d [%s] \"%s\" hint \"%s\"", i, row->args[0], (int)code, shown,
                     err.message, result.hint);
        arena_done(&arena);
    }
}

static char *environment(const char *name)
{
    static const char *const pairs[][2] = {
        {"AMPQL_SOURCE", "a\n\nb c\n"}, {"AMPQL_STATS", "yes"},        {"AMPQL_OUTPUT", "json"},
        {"AMPQL_WINDOW", ""},           {"AMPQL_MAX_SAMPLES", "1000"}, {"AMPQL_TIME", "7"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (strcmp(pairs[i][0], name) == 0)
            return (char *)pairs[i][1];
    return NULL;
}

static void environment_fills_what_is_not_given(void **state)
{
    static const struct {
        const char *args[MAX_ARGS];
        const char *expected;
    } env_rows[] = {
        {{NULL}, "stats [a][b c] t=7000 o=2 max=1000"},
        {{"-o", "csv", "--stats=no", "-s", "d"}, "[d] t=7000 o=3 max=1000"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof env_rows / sizeof *env_rows; i++) {
        struct arena arena;
        struct flags flags;
        struct option_result result;
        struct ampql_error err = {0};
        char shown[256] = "";
        assert_int_equal(
            parse(&alloc_default, env_rows[i].args, environment, &arena, &flags, &result, &err),
            AMPQL_OK);
        show(&flags, &result, shown, sizeof shown);
        assert_string_equal(shown, env_rows[i].expected);
        arena_done(&arena);
    }
}

static bool parse_tortured(const struct ampql_allocator *alc)
{
    static const char *const args[MAX_ARGS] = {"up", "-s", "x", "-sy", "--time", "3", NULL};
    struct arena arena;
    struct flags flags;
    struct option_result result;
    struct ampql_error err = {0};
    enum ampql_code code = parse(alc, args, environment, &arena, &flags, &result, &err);
    arena_done(&arena);
    assert_true(code == AMPQL_OK || code == AMPQL_NOMEM);
    return code == AMPQL_OK;
}

static void survives_without_memory(void **state)
{
    (void)state;
    assert_true(torture_all(parse_tortured) > 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(reads_and_refuses),
    cmocka_unit_test(environment_fills_what_is_not_given),
    cmocka_unit_test(survives_without_memory),
};
TEST_MAIN(tests)
