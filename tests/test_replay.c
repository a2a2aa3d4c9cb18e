/* Replay: whatever is asked of a capture, it gives the bits that its source gives, or says what it
 * does not hold and which command fetches that; and following these commands ends in the answer.
 *
 *   test_replay [CASES [SEED]]
 *
 * Each case captures a few random queries of random series, from a source of samples with stale
 * markers or from answers in either dialect, and asks others: windows, matchers, grids, lookbacks
 * and dialects that are parts of what was captured, or only look like it. */
#include <ampql.h>

#include "base/double.h"
#include "base/duration.h"
#include "base/time.h"
#include "series/sample.h"
#include "source/source.h"
#include "support/answers.h"
#include "support/gen_bytes.h"
#include "support/scratch.h"
#include "support/series.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    MAX_SERIES = 24,
    EVERY_MS = 30000,
    NSAMPLES = 161, /* 80 minutes */
    MAX_LABELS = 4,
    NCAPTURED = 5,
    NASKED = 12,
    MAX_COMMANDS = 12,
    TEXT_ROOM = 256,
    NBYTES = 8192
};

static size_t ncases = 80;
static uint64_t first_seed = 1, seed;

/* Fail, with what repeats it: test_replay 1 SEED. */
#define FAIL(format, ...) fail_msg("seed %llu: " format, (unsigned long long)seed, __VA_ARGS__)

/* ---- series */

struct data {
    struct test_series series[MAX_SERIES]; /* [n], in label order */
    struct ampql_label labels[MAX_SERIES][MAX_LABELS];
    int64_t t[MAX_SERIES][NSAMPLES];
    double v[MAX_SERIES][NSAMPLES];
    struct answers answers;
    struct ampql_source *memory; /* NULL: the source gives answers */
};

/* Samples every 30 s, some late, with gaps and ends. */
static void fill_series(struct gen_bytes *g, struct data *d, size_t s)
{
    size_t n = 0;
    bool is_late = gen_chance(g, 30), is_gone = false;
    for (size_t i = 0; i < NSAMPLES; i++) {
        if (is_gone) {
            is_gone = gen_chance(g, 90);
            continue;
        }
        if (gen_chance(g, 8))
            continue;
        is_gone = gen_chance(g, 6); /* for a while, with a marker or without */
        d->t[s][n] = (int64_t)i * EVERY_MS + (is_late ? (int64_t)gen_pick(g, 200) : 0);
        d->v[s][n++] = is_gone && gen_chance(g, 50) ? double_of(STALE_BITS)
                                                    : (double)(int64_t)gen_pick(g, 200) / 8 - 3;
    }
    d->series[s].t_ms = d->t[s];
    d->series[s].v = d->v[s];
    d->series[s].n = n;
}

static struct ampql_string text_of(const char *text)
{
    return (struct ampql_string){text, strlen(text)};
}

static void generate(struct gen_bytes *g, struct data *d)
{
    static const char *const names[] = {"m", "n"}, *const spaces[] = {"", "a", "ab", "b"},
                             *const pods[] = {"1", "2", "3"};
    size_t n = 0;
    for (size_t i = 0; i < 2 * 4 * 3; i++) {
        struct ampql_label *labels = d->labels[n];
        size_t nlabels = 0;
        if (gen_chance(g, 25))
            continue;
        labels[nlabels++] = (struct ampql_label){text_of("__name__"), text_of(names[i / 12])};
        if (*spaces[i / 3 % 4])
            labels[nlabels++] = (struct ampql_label){text_of("ns"), text_of(spaces[i / 3 % 4])};
        labels[nlabels++] = (struct ampql_label){text_of("pod"), text_of(pods[i % 3])};
        if (i % 5 == 0)
            labels[nlabels++] = (struct ampql_label){text_of("zone"), text_of("z")};
        d->series[n] = (struct test_series){.labels = labels, .nlabels = nlabels};
        fill_series(g, d, n++);
    }
    d->answers = (struct answers){d->series, n};
}

/* ---- questions */

struct question {
    char text[TEXT_ROOM];
    struct ampql_run_options options;
};

static const char *const matchers[] = {
    "", /* the first half are wide */
    "",
    "pod!=\"\"",
    "ns!=\"b\"",
    "zone=\"\"",
    "ns=~\"a.*\"",
    "ns=\"a\"",
    "ns=\"b\"",
    "ns=~\"a|b\"",
    "ns=\"a\",pod=\"2\"",
    "ns=\"\"",
    "ns=~\"a.*\",pod!~\"3|4\"",
};
enum { NMATCHERS = sizeof matchers / sizeof *matchers };

static const char *const shapes[] = {
    /* S a selector, D a duration, T a time */
    "S",
    "sum by (ns) (S)",
    "count_over_time(S[D])",
    "rate(S[D])",
    "max by (pod) (last_over_time(S[D] offset D))",
    "timestamp(S)",
    "max_over_time(S[D:1m])",
    "sum(sum_over_time(S[D:30s] offset D))",
    "S offset D",
    "sum_over_time(S[D] @ T)",
    "count(S @ T)",
    "S + ignoring (zone) S",
};

static const char *const wide_durations[] = {"1h", "40m"}, *const narrow_durations[] = {
                                                               "2m", "5m", "7m30s", "20m", "1h"};

static void put_shape(struct gen_bytes *g, bool is_wide, char *out)
{
    const char *name = gen_chance(g, 30) ? "n" : "m";
    size_t n = 0;
    for (const char *p = GEN_OF(g, shapes); *p; p++) {
        size_t room = TEXT_ROOM - n;
        char *to = out + n;
        if (*p == 'S')
            n += (size_t)snprintf(to, room, "%s{%s}", name,
                                  matchers[gen_pick(g, is_wide ? NMATCHERS / 2 : NMATCHERS)]);
        else if (*p == 'D')
            n += (size_t)snprintf(
                to, room, "%s", is_wide ? GEN_OF(g, wide_durations) : GEN_OF(g, narrow_durations));
        else if (*p == 'T')
            n += (size_t)snprintf(to, room, "%u", 1200 + 60 * gen_pick(g, 50));
        else
            n += (size_t)snprintf(to, room, "%c", *p);
        assert_true(n < TEXT_ROOM);
    }
}

static void put_question(struct gen_bytes *g, bool is_wide, enum ampql_dialect dialect,
                         struct question *out)
{
    static const int64_t steps[] = {30000, 60000, 120000, 240000};
    struct ampql_run_options *o = &out->options;
    *o = (struct ampql_run_options){.size = sizeof *o};
    put_shape(g, is_wide, out->text);
    o->dialect = dialect;
    o->lookback_ms = gen_chance(g, 10) ? 120000 : 300000;
    o->start_ms = 60000 * (int64_t)(is_wide ? 20 : 20 + gen_pick(g, 50));
    o->start_ms += gen_chance(g, 10) ? 17000 : 0;
    o->end_ms = o->start_ms;
    if (is_wide) {
        o->step_ms = steps[gen_pick(g, 2)];
        o->end_ms += 60 * o->step_ms;
    } else if (gen_chance(g, 60)) {
        o->step_ms = GEN_OF(g, steps);
        o->end_ms += (int64_t)gen_pick(g, 10) * o->step_ms;
    }
}

/* The same text with other matchers between each pair of braces. */
static void put_matchers(struct gen_bytes *g, const char *from, char *out)
{
    size_t n = 0;
    for (const char *p = from; *p; p++) {
        n += (size_t)snprintf(out + n, TEXT_ROOM - n, "%c%s", *p,
                              *p == '{' ? GEN_OF(g, matchers) : "");
        assert_true(n < TEXT_ROOM);
        if (*p == '{')
            p = strchr(p, '}') - 1;
    }
}

/* Something near a question that was captured: part of its grid, other matchers, another lookback
 * or dialect. */
static void put_part(struct gen_bytes *g, const struct question *captured, struct question *out)
{
    *out = *captured;
    struct ampql_run_options *o = &out->options;
    int64_t step = o->step_ms ? o->step_ms : 60000, wider = step * (1 + (int64_t)gen_pick(g, 3));
    o->start_ms += step * (int64_t)gen_pick(g, 30);
    o->end_ms = o->start_ms + wider * (int64_t)gen_pick(g, 10);
    o->step_ms = gen_chance(g, 70) ? wider : 0;
    if (gen_chance(g, 50))
        put_matchers(g, captured->text, out->text);
    if (gen_chance(g, 15))
        o->lookback_ms = 420000 - o->lookback_ms;
    if (gen_chance(g, 15))
        o->dialect = o->dialect == AMPQL_PROM2 ? AMPQL_PROM3 : AMPQL_PROM2;
}

/* ---- asking */

static struct ampql_engine *engine;
static char path[96];

static enum ampql_code ask(struct ampql_source *source, const struct question *q,
                           struct test_text *out, struct ampql_error *err)
{
    struct ampql_query *query;
    struct ampql_result *result = NULL;
    out->n = 0;
    if (ampql_query_compile(engine, q->text, strlen(q->text), &query, err) != AMPQL_OK)
        FAIL("%s: %s", q->text, err->message);
    enum ampql_code code = ampql_query_run(query, source, &q->options, &result, err);
    if (code == AMPQL_OK)
        assert_int_equal(ampql_result_json(result, test_write, out), AMPQL_OK);
    ampql_result_free(result);
    ampql_query_free(query);
    return code;
}

/* A source of the case's series; answers are the tests' own. */
static struct ampql_source *source_of(struct data *d, bool gives_answers)
{
    struct ampql_source *source = NULL;
    struct ampql_error err = {0};
    if (gives_answers) {
        assert_int_equal(answers_source(engine, &d->answers, &source, &err), AMPQL_OK);
        return source;
    }
    assert_int_equal(source_memory_new(&alloc_default, NULL, &source, &err), AMPQL_OK);
    for (size_t i = 0; i < d->answers.n; i++) {
        const struct test_series *s = &d->series[i];
        assert_int_equal(
            source_memory_add(source, s->labels, s->nlabels, s->t_ms, s->v, s->n, &err), AMPQL_OK);
    }
    return source;
}

static struct ampql_source *replay_of(void)
{
    struct ampql_source *replay = NULL;
    struct ampql_error err = {0};
    if (ampql_source_capture(engine, path, NULL, &replay, &err) != AMPQL_OK)
        FAIL("%s", err.message);
    return replay;
}

/* Ask questions [n] through a recording that is added to what is there. */
static void record(struct data *d, bool gives_answers, const struct question *questions, size_t n)
{
    static struct test_text text;
    struct ampql_error err = {0};
    struct ampql_record_options options = {
        .size = sizeof options, .name = "http://server", .append = true, .now_ms = 1 << 30};
    struct ampql_source *recording = NULL;
    assert_int_equal(
        ampql_source_record(engine, source_of(d, gives_answers), path, &options, &recording, &err),
        AMPQL_OK);
    for (size_t i = 0; i < n; i++) {
        enum ampql_code code = ask(recording, &questions[i], &text, &err);
        if (code != AMPQL_OK && code != AMPQL_EXECUTION)
            FAIL("%s: %s", questions[i].text, err.message);
    }
    if (ampql_record_finish(recording, NULL, &err) != AMPQL_OK)
        FAIL("%s", err.message);
    ampql_source_free(recording);
}

/* ---- commands */

/* The word behind a flag, unquoted; false: there is none. */
static bool find_flag(const char *command, const char *flag, char *out)
{
    const char *p = strstr(command, flag);
    if (p)
        snprintf(out, TEXT_ROOM, "%.*s", (int)strcspn(p + strlen(flag), " "), p + strlen(flag));
    return p != NULL;
}

static int64_t time_flag(const char *text)
{
    int64_t ms = 0;
    struct ampql_error err = {0};
    assert_int_equal(time_parse(str_of(text), 0, &ms, &err), AMPQL_OK);
    return ms;
}

static int64_t duration_flag(const char *text)
{
    int64_t ms = 0;
    struct ampql_error err = {0};
    assert_int_equal(duration_parse(str_of(text), &ms, &err), AMPQL_OK);
    return ms;
}

/* The question that `ampql fetch ...` in a message asks. */
static void read_command(const char *message, const struct question *asked, struct question *out)
{
    char word[TEXT_ROOM];
    const char *command = strstr(message, "; to fetch it: ampql fetch --append --out ");
    if (!command || !strstr(message, " does not hold "))
        FAIL("%s: %s", asked->text, message);
    *out = (struct question){
        .options = {.size = sizeof out->options, .dialect = asked->options.dialect}};
    assert_true(find_flag(command, " --source ", word));
    assert_string_equal(word, "http://server");
    if (find_flag(command, " --time ", word)) {
        out->options.start_ms = time_flag(word);
    } else {
        assert_true(find_flag(command, " --start ", word));
        out->options.start_ms = time_flag(word);
        assert_true(find_flag(command, " --end ", word));
        out->options.end_ms = time_flag(word);
        assert_true(find_flag(command, " --step ", word));
        out->options.step_ms = duration_flag(word);
    }
    if (find_flag(command, " --lookback-delta ", word))
        out->options.lookback_ms = duration_flag(word);
    const char *quote = strchr(command, '\'');
    const char *query = quote ? quote + 1 : strrchr(command, ' ') + 1;
    snprintf(out->text, sizeof out->text, "%.*s", (int)strcspn(query, "'"), query);
}

/* ---- one case */

struct tally {
    size_t nanswered, nrefused, ncommands, nempty;
};

/* As `wanted` says; or refused, and then after each refusal what its command fetches is added. */
static void check(struct data *d, bool gives_answers, struct ampql_source *source,
                  const struct question *q, struct tally *tally)
{
    static struct test_text wanted, got;
    struct ampql_error err = {0}, refused = {0};
    enum ampql_code code = ask(source, q, &wanted, &err);
    for (size_t i = 0;; i++) {
        struct ampql_source *replay = replay_of();
        enum ampql_code found = ask(replay, q, &got, &refused);
        ampql_source_free(replay);
        if (found != AMPQL_NOT_FOUND) {
            if (found != code ||
                strcmp(code ? err.message : wanted.at, code ? refused.message : got.at) != 0)
                FAIL("%s: %s, and its capture: %s", q->text, code ? err.message : wanted.at,
                     found ? refused.message : got.at);
            tally->nanswered += i == 0;
            tally->nempty += strstr(wanted.at, "\"result\":[]") != NULL;
            return;
        }
        tally->nrefused += i == 0;
        if (i == MAX_COMMANDS)
            FAIL("%s: still, after so many commands: %s", q->text, refused.message);
        struct question command;
        read_command(refused.message, q, &command);
        record(d, gives_answers, &command, 1);
        tally->ncommands++;
    }
}

static void run_case(struct gen_bytes *g, struct tally *tally)
{
    static struct data data;
    struct question captured[NCAPTURED], asked[NASKED];
    bool gives_answers = gen_chance(g, 70);
    enum ampql_dialect dialect = gen_chance(g, 50) ? AMPQL_PROM2 : AMPQL_PROM3;
    generate(g, &data);
    for (size_t i = 0; i < NCAPTURED; i++)
        put_question(g, i < NCAPTURED - 2, dialect, &captured[i]);
    for (size_t i = 0; i < NASKED; i++)
        if (gen_chance(g, 50))
            put_part(g, &captured[gen_pick(g, NCAPTURED)], &asked[i]);
        else
            put_question(g, false, dialect, &asked[i]);
    unlink(path);
    record(&data, gives_answers, captured, NCAPTURED - 1);
    record(&data, gives_answers, captured + NCAPTURED - 1, 1);
    struct ampql_source *source = source_of(&data, gives_answers);
    for (size_t i = 0; i < NASKED; i++)
        check(&data, gives_answers, source, &asked[i], tally);
    ampql_source_free(source);
}

static uint64_t next_random(uint64_t *state) /* xorshift */
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void random_questions(void **state)
{
    (void)state;
    static uint8_t bytes[NBYTES];
    struct tally tally = {0};
    struct ampql_error err = {0};
    snprintf(path, sizeof path, "%s/a.aqc", scratch_folder);
    assert_int_equal(ampql_engine_new(NULL, &engine, &err), AMPQL_OK);
    for (seed = first_seed; seed < first_seed + ncases; seed++) {
        uint64_t random = seed * UINT64_C(0x9E3779B97F4A7C15);
        for (size_t i = 0; i < NBYTES; i++)
            bytes[i] = (uint8_t)(next_random(&random) >> 32);
        struct gen_bytes g = {bytes, NBYTES};
        run_case(&g, &tally);
    }
    ampql_engine_free(engine);
    print_message("%zu cases: %zu questions answered (%zu without series), %zu refused and then "
                  "answered after %zu commands\n",
                  ncases, tally.nanswered, tally.nempty, tally.nrefused, tally.ncommands);
    if (ncases < 50) /* a few that are repeated */
        return;
    assert_true(tally.nanswered * 5 > ncases * NASKED);
    assert_true(tally.nrefused * 5 > ncases * NASKED);
    assert_true(tally.nempty * 3 < ncases * NASKED);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_questions, scratch_make, scratch_drop)};
    ncases = argc > 1 ? strtoul(argv[1], NULL, 10) : ncases;
    first_seed = argc > 2 ? strtoull(argv[2], NULL, 10) : first_seed;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
