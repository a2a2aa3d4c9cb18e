/* Saved answers and other files as sources: what a folder holds, what it does not and says so. */
#include "support/collect.h"
#include "support/test.h"
#include "support/torture.h"

#include "source/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATA "tests/data/source/"

static struct ampql_source *open_file(const char *path, const struct ampql_file_options *options)
{
    struct ampql_source *source = NULL;
    struct ampql_error err = {0};
    if (source_file_open(&alloc_default, path, options, &collect_parser, &source, &err) != AMPQL_OK)
        fail_msg("%s: %s", path, err.message);
    return source;
}

static const struct row {
    const char *selector;
    enum ampql_select_kind kind;
    int64_t a, b, step;   /* RAW: seconds (a, b]; GRID: a, a + step, ... b */
    const char *expected; /* the series, times in seconds * 1000; */
    const char *message;  /* or a part of the message */
    enum ampql_code code;
    int64_t lookback_ms; /* 0: 5m */
    enum ampql_dialect dialect;
} rows[] = {
#define RAW AMPQL_SELECT_RAW
#define GRID AMPQL_SELECT_GRID
    /* one entry */
    {"up", RAW, 0, 900, 0,
     .expected =
         "up{instance=\"1\", job=\"a\"} 1@900000\nup{instance=\"1\", job=\"b\"} 5@450000\n"},
    {"up", RAW, -1, 0, 0,
     .message = "does not hold up[1s] at 1970-01-01T00:00:00Z (RAW); nearest: ",
     .code = AMPQL_NOT_FOUND},
    {"up{job=\"b\"}", RAW, 0, 3600, 0, .expected = "up{instance=\"1\", job=\"b\"} 5@450000\n"},
    {"up{job=~\"x|b\"}", RAW, 100, 3000, 0, .expected = "up{instance=\"1\", job=\"b\"} 5@450000\n"},
    {"up{job=\"nowhere\"}", RAW, 0, 3600, 0, .expected = ""},
    {"up", RAW, 100, 100, 0, .expected = ""},
    /* two that adjoin: the sample at 3600 is in both */
    {"up{job!=\"b\"}", RAW, 1800, 7200, 0,
     .expected = "up{instance=\"1\", job=\"a\"} 1@2700000 1@3600000 2@4500000 2@5400000 2@6300000 "
                 "2@7200000\n"
                 "up{instance=\"1\", job=\"c\"} 7@7200000\n"},
    /* a hole between entries, and a narrower entry does not serve a wider select */
    {"up", RAW, 3600, 10801, 0,
     .message =
         "tests/data/source/folder does not hold up[2h1s] at 1970-01-01T03:00:01Z (RAW); nearest: "
         "raw1.json \"up[1h]\" from 1970-01-01T00:00:00Z to 1970-01-01T01:00:00Z (RAW)",
     .code = AMPQL_NOT_FOUND},
    {"up", RAW, 11000, 12000, 0, .message = "does not hold up[16m40s]", .code = AMPQL_NOT_FOUND},
    {"up{job=\"a\"}", RAW, 11000, 12000, 0,
     .expected = "up{instance=\"1\", job=\"a\"} 3@11700000\n"},
    {"up{job=\"a\",instance=\"1\"}", RAW, 10800, 14400, 0,
     .expected = "up{instance=\"1\", job=\"a\"} 3@11700000 3@12600000 3@13500000\n"},
    {"down", RAW, 0, 300, 0,
     .message =
         "does not hold down[5m] at 1970-01-01T00:05:00Z (RAW); nearest: nothing of that metric",
     .code = AMPQL_NOT_FOUND},
    {"{job=\"a\"}", RAW, 0, 300, 0, .message = "does not hold {job=\"a\"}[5m]",
     .code = AMPQL_NOT_FOUND},
    /* grids */
    {"up", GRID, 0, 600, 300,
     .expected = "up{instance=\"1\", job=\"a\"} 0@0 5@300000 10@600000\nup{instance=\"1\", "
                 "job=\"b\"} 9@600000\n"},
    {"up{job=\"b\"}", GRID, 60, 180, 60, .expected = "up{instance=\"1\", job=\"b\"} 9@120000\n"},
    {"up", GRID, 120, 120, 1,
     .expected =
         "up{instance=\"1\", job=\"a\"} 2@120000\nup{instance=\"1\", job=\"b\"} 9@120000\n"},
    {"up", GRID, 660, 660, 1, .expected = "up{instance=\"1\", job=\"a\"} 11@660000\n"},
    {"up", GRID, 540, 660, 60,
     .expected = "up{instance=\"1\", job=\"a\"} 9@540000 10@600000 11@660000\nup{instance=\"1\", "
                 "job=\"b\"} 9@600000\n"},
    {"up", GRID, 420, 660, 120,
     .expected = "up{instance=\"1\", job=\"a\"} 7@420000 9@540000 11@660000\n"},
    {"up", GRID, 0, 720, 60,
     .message = "does not hold up from 1970-01-01T00:00:00Z to 1970-01-01T00:12:00Z step 1m (GRID, "
                "lookback 5m); nearest: grid1.json \"up\" from",
     .code = AMPQL_NOT_FOUND},
    {"up", GRID, 30, 90, 30, .message = "does not hold up from", .code = AMPQL_NOT_FOUND},
    {"up", GRID, 0, 660, 45, .message = "does not hold up from", .code = AMPQL_NOT_FOUND},
    {"up", GRID, 61, 61, 1, .message = "does not hold up at 1970-01-01T00:01:01Z (GRID",
     .code = AMPQL_NOT_FOUND},
    {"up", GRID, 60, 60, 1, .message = "lookback 1m", .code = AMPQL_NOT_FOUND,
     .lookback_ms = 60000},
    {"up", GRID, 60, 60, 1,
     .message = "prom3); nearest: grid1.json \"up\" from 1970-01-01T00:00:00Z to "
                "1970-01-01T00:10:00Z step 1m (GRID, lookback 5m, prom2)",
     .code = AMPQL_NOT_FOUND, .dialect = AMPQL_PROM3},
    {"up", GRID, 60, 60, 1, .expected = "up{instance=\"1\", job=\"a\"} 1@60000\n",
     .dialect = AMPQL_PROM2},
    {"up{job=\"a\"}", AMPQL_SELECT_GRID_TIMESTAMP, 0, 60, 60,
     .expected = "up{job=\"a\"} -3@0 57.5@60000\n"},
    {"up", AMPQL_SELECT_GRID_TIMESTAMP, 0, 60, 60, .message = "(GRID_TIMESTAMP, ",
     .code = AMPQL_NOT_FOUND},
    /* answers that are not what selects.json says */
    {"bad_time", RAW, 800, 900, 0,
     .message = DATA "folder/bad_time.json: up{instance=\"1\", job=\"a\"} has a sample at "
                     "1970-01-01T00:00:01Z, where selects.json",
     .code = AMPQL_BAD_DATA},
    {"bad_grid", GRID, 0, 0, 1, .message = "bad_grid.json: up{", .code = AMPQL_BAD_DATA},
    {"bad_shape", RAW, 400, 600, 0,
     .message = "grid2.json: a vector, where selects.json says what gives a matrix",
     .code = AMPQL_BAD_DATA},
    {"cut", RAW, -10, 0, 0, .message = "cut.json: ", .code = AMPQL_BAD_DATA},
    {"missing", RAW, -10, 0, 0, .message = DATA "folder/missing.json: No such file",
     .code = AMPQL_NOT_FOUND},
};

static struct ampql_select make_select(const struct row *row, struct ampql_matcher *matchers)
{
    struct ampql_select select =
        row->kind == RAW
            ? collect_raw(row->selector, matchers, row->a * 1000, row->b * 1000)
            : collect_grid(row->selector, matchers, row->a * 1000, row->b * 1000, row->step * 1000);
    select.kind = row->kind;
    select.dialect = row->dialect;
    if (row->lookback_ms)
        select.lookback_ms = row->lookback_ms;
    return select;
}

static void check_row(struct ampql_source *source, struct collect *c, const struct row *row)
{
    struct ampql_matcher matchers[16];
    struct ampql_select select = make_select(row, matchers);
    struct ampql_error err = {0};
    enum ampql_code code;
    const char *text = collect_select(c, source, &select, &code, &err);
    if (code != row->code || (code != AMPQL_OK && !strstr(err.message, row->message)))
        fail_msg("%s %lld: %d %s", row->selector, (long long)row->a, code, err.message);
    if (code == AMPQL_OK)
        assert_string_equal(text, row->expected);
}

static void folder(void **state)
{
    (void)state;
    struct ampql_source *source = open_file(DATA "folder", NULL);
    assert_int_equal(ampql_source_caps(source), AMPQL_SOURCE_ANSWERS | AMPQL_SOURCE_SORTED);
    assert_int_equal(ampql_source_dialect(source), AMPQL_PROM2);
    struct collect c;
    collect_init(&c, &alloc_default, false);
    for (int turn = 0; turn < 2; turn++) /* read, and kept */
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            check_row(source, &c, &rows[i]);
    collect_done(&c);
    source_free(source);
}

static bool folder_works(const struct ampql_allocator *alc, void *payload)
{
    struct ampql_source *source = NULL;
    struct ampql_error err = {0};
    struct ampql_matcher matchers[16];
    struct ampql_select select = make_select(payload, matchers);
    enum ampql_code code =
        source_file_open(alc, DATA "folder", NULL, &collect_parser, &source, &err);
    if (code != AMPQL_OK) {
        assert_int_equal(code, AMPQL_NOMEM);
        return false;
    }
    struct collect c;
    collect_init(&c, alc, false);
    collect_select(&c, source, &select, &code, &err);
    collect_done(&c);
    source_free(source);
    return code != AMPQL_NOMEM;
}

static void torture(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct row row = rows[i];
        if (i == 4 || i == 6 || i == 7 || i == 13 || i == 18)
            torture_with(folder_works, &row, true);
    }
}

/* ---- selects.json */

static const struct selects_row {
    const char *text;
    const char *message; /* NULL: accepted */
    enum ampql_code code;
} selects_rows[] = {
#define ENTRY(fields) "{\"version\":1,\"answers\":[{\"file\":\"a\"," fields "}]}"
#define NAMED(file)                                                                                \
    "{\"version\":1,\"answers\":[{\"file\":\"" file                                                \
    "\",\"kind\":\"GRID\",\"query\":\"up\",\"time\":1}]}"
    {"{\"version\":1,\"answers\":[]}", NULL, AMPQL_OK},
    {ENTRY("\"kind\":\"GRID\",\"query\":\"up\",\"time\":1"), NULL, AMPQL_OK},
    {ENTRY("\"kind\":\"RAW\",\"query\":\"up[5m]\",\"range\":300,\"time\":1"), NULL, AMPQL_OK},
    {NAMED("a/b.json"), NULL, AMPQL_OK},
    {NAMED("..."), NULL, AMPQL_OK},
    {NAMED("/etc/passwd"), "not the name of a file in this folder: \"/etc/passwd\"",
     AMPQL_BAD_DATA},
    {NAMED("../x"), "not the name", AMPQL_BAD_DATA},
    {NAMED("a/../../x"), "not the name", AMPQL_BAD_DATA},
    {NAMED("a//x"), "not the name", AMPQL_BAD_DATA},
    {NAMED("a/"), "not the name", AMPQL_BAD_DATA},
    {NAMED("."), "not the name", AMPQL_BAD_DATA},
    {NAMED(""), "not the name", AMPQL_BAD_DATA},
    {NAMED("a\\u0000b"), "not the name", AMPQL_BAD_DATA},
    {NAMED("a\\u001b[31m"), "not the name of a file in this folder: \"a\\x1b[31m\"",
     AMPQL_BAD_DATA},
    {"{\"version\":2,\"answers\":[]}", "knows version 1, found: \"2\"", AMPQL_UNSUPPORTED},
    {"{\"answers\":[]}", "expected \"version\" and \"answers\"", AMPQL_BAD_DATA},
    {"{\"version\":1}", "expected \"version\" and \"answers\"", AMPQL_BAD_DATA},
    {"{\"version\":\"1\",\"answers\":[]}", "a version, as a number", AMPQL_BAD_DATA},
    {"{\"version\":1,\"answers\":{}}", "an array of entries", AMPQL_BAD_DATA},
    {"{\"version\":1,\"answers\":[1]}", "expected an entry", AMPQL_BAD_DATA},
    {"{\"version\":1,\"answers\":[]}x", "offset 26", AMPQL_BAD_DATA},
    {"{\"version\":1,\"answers\":[", "s: ", AMPQL_BAD_DATA},
    {"[]", "offset 0: expected an object", AMPQL_BAD_DATA},
    {ENTRY("\"kind\":\"GRID\",\"time\":1"), "needs \"file\", \"query\" and \"kind\"",
     AMPQL_BAD_DATA},
    {ENTRY("\"kind\":\"raw\",\"query\":\"up\",\"time\":1"),
     "expected the kind RAW, GRID or GRID_TIMESTAMP, found: \"raw\"", AMPQL_BAD_DATA},
    {ENTRY("\"kind\":\"GRID\",\"query\":\"up +\",\"time\":1"),
     "does not parse as a selector: not a selector: \"up +\"", AMPQL_BAD_DATA},
    {ENTRY("\"kind\":\"GRID\",\"query\":\"up\",\"time\":1,\"dialect\":\"prom4\""),
     "the dialect prom2 or prom3", AMPQL_BAD_DATA},
    {ENTRY("\"kind\":\"GRID\",\"query\":\"up\",\"time\":\"x\""), "expected a time in seconds",
     AMPQL_BAD_DATA},
    {ENTRY("\"kind\":\"GRID\",\"query\":\"up\",\"time\":\"2024-13-01T00:00:00Z\""),
     "the month is not", AMPQL_BAD_DATA},
    {ENTRY("\"kind\":\"GRID\",\"query\":\"up\",\"time\":1e17"), "not in the years", AMPQL_BAD_DATA},
    {ENTRY("\"kind\":\"GRID\",\"query\":\"up\",\"time\":1,\"lookback\":\"unknown\""), NULL,
     AMPQL_OK},
    {ENTRY("\"kind\":\"GRID\",\"query\":\"up\",\"time\":1,\"lookback\":\"?\""),
     "not a valid duration", AMPQL_BAD_DATA},
    {ENTRY("\"kind\":\"GRID\",\"query\":\"up\",\"time\":1,\"warnings\":[\"a\",\"b\"],\"billed\":"
           "18446744073709551615"),
     NULL, AMPQL_OK},
    {ENTRY("\"kind\":\"GRID\",\"query\":\"up\",\"time\":1,\"warnings\":\"a\""),
     "an array of warnings", AMPQL_BAD_DATA},
    {ENTRY("\"kind\":\"GRID\",\"query\":\"up\",\"time\":1,\"warnings\":[1]"),
     "expected a warning, as a string", AMPQL_BAD_DATA},
    {ENTRY("\"kind\":\"GRID\",\"query\":\"up\",\"time\":1,\"billed\":18446744073709551616"),
     "not a number of samples: \"18446744073709551616\"", AMPQL_BAD_DATA},
    {ENTRY("\"kind\":\"GRID\",\"query\":\"up\",\"time\":1,\"billed\":-1"),
     "not a number of samples: \"-1\"", AMPQL_BAD_DATA},
    {"{\"version\":1,\"source\":\"amp:ws-1@us-east-1\",\"answers\":[]}", NULL, AMPQL_OK},
    {"{\"version\":1,\"source\":1,\"answers\":[]}", "the source that was asked, as a string",
     AMPQL_BAD_DATA},
    {ENTRY("\"kind\":\"GRID\",\"query\":\"up\""), "a GRID entry has a \"time\", or",
     AMPQL_BAD_DATA},
    {ENTRY("\"kind\":\"GRID\",\"query\":\"up\",\"time\":1,\"start\":1,\"end\":2,\"step\":1"),
     "a GRID entry has", AMPQL_BAD_DATA},
    {ENTRY("\"kind\":\"GRID\",\"query\":\"up\",\"start\":1,\"end\":2"), "a GRID entry has",
     AMPQL_BAD_DATA},
    {ENTRY("\"kind\":\"GRID\",\"query\":\"up\",\"start\":2,\"end\":1,\"step\":1"),
     "\"end\" is before \"start\"", AMPQL_BAD_DATA},
    {ENTRY("\"kind\":\"GRID\",\"query\":\"up\",\"start\":2,\"end\":3,\"step\":0"),
     "a duration above 0", AMPQL_BAD_DATA},
    {ENTRY("\"kind\":\"GRID\",\"query\":\"up\",\"start\":2,\"end\":3,\"step\":[]"),
     "expected seconds", AMPQL_BAD_DATA},
    {ENTRY("\"kind\":\"GRID\",\"query\":\"up[5m]\",\"time\":1"), "has no range", AMPQL_BAD_DATA},
    {ENTRY("\"kind\":\"RAW\",\"query\":\"up\",\"time\":1"), "a RAW entry needs a range",
     AMPQL_BAD_DATA},
    {ENTRY("\"kind\":\"RAW\",\"query\":\"up[5m]\",\"range\":\"6m\",\"time\":1"), "differ",
     AMPQL_BAD_DATA},
    {ENTRY("\"kind\":\"RAW\",\"query\":\"up[5m]\",\"start\":1,\"end\":2,\"step\":1"),
     "a RAW entry has a \"time\"", AMPQL_BAD_DATA},
    {ENTRY("\"kind\":\"GRID_TIMESTAMP\",\"query\":\"timestamp({a=\\\"b\\\"})\",\"time\":1"),
     "needs a metric name", AMPQL_BAD_DATA},
};

static void selects(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof selects_rows / sizeof *selects_rows; i++) {
        const struct selects_row *row = &selects_rows[i];
        struct bytes bytes = {row->text, strlen(row->text), 0};
        struct ampql_file_options options = {0};
        struct ampql_error err = {0};
        struct folder *f = NULL;
        struct input input;
        assert_int_equal(folder_new(&alloc_default, "f", &options, &f, &err), AMPQL_OK);
        assert_int_equal(input_init(&input, &alloc_default, "s", bytes_read, &bytes, 0, &err),
                         AMPQL_OK);
        enum ampql_code code = selects_read(&input, f, &collect_parser, &err);
        if (code != row->code || (row->message && !strstr(err.message, row->message)))
            fail_msg("%s: %d %s", row->text, code, err.message);
        input_done(&input);
        folder_free(f);
    }
}

/* Names that lead out of the folder by links, and things that are no files. */
static void escapes(void **state)
{
    (void)state;
    char dir[] = "/tmp/ampql_folder_XXXXXX", path[256];
    static const char *const names[] = {"link.json", "links/x.json", "pipe", "sub"};
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(symlink("/etc/passwd", "link.json"), 0);
    assert_int_equal(symlink("/etc", "links"), 0);
    assert_int_equal(mkfifo("pipe", 0600), 0);
    assert_int_equal(mkdir("sub", 0700), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        FILE *f = fopen("selects.json", "w");
        assert_non_null(f);
        fprintf(f,
                "{\"version\":1,\"answers\":[{\"file\":\"%s\",\"kind\":\"GRID\",\"query\":\"up\","
                "\"time\":1}]}",
                names[i]);
        fclose(f);
        struct ampql_source *source = open_file(".", NULL);
        struct ampql_matcher matchers[16];
        struct ampql_select select = collect_grid("up", matchers, 1000, 1000, 1);
        struct collect c;
        struct ampql_error err = {0};
        enum ampql_code code;
        collect_init(&c, &alloc_default, false);
        assert_null(collect_select(&c, source, &select, &code, &err));
        assert_int_equal(code, i < 2 ? AMPQL_NOT_FOUND : AMPQL_UNAVAILABLE);
        snprintf(path, sizeof path, "./%s: ", names[i]);
        assert_non_null(strstr(err.message, path));
        collect_done(&c);
        source_free(source);
    }
    static const char *const made[] = {"link.json", "links", "pipe", "selects.json"};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        unlink(made[i]);
    rmdir("sub");
    struct ampql_source *source = NULL;
    struct ampql_error err = {0};
    assert_int_equal(source_file_open(&alloc_default, dir, NULL, &collect_parser, &source, &err),
                     AMPQL_NOT_FOUND);
    assert_non_null(
        strstr(err.message, ": neither saved answers, which have a selects.json, nor "));
    rmdir(dir);
}

static void series_of_folder(void **state)
{
    (void)state;
    char dir[] = "/tmp/ampql_folder_XXXXXX";
    assert_non_null(mkdtemp(dir));
    char command[512];
    snprintf(command, sizeof command,
             "cp " DATA "folder/raw* " DATA "folder/grid1.json %s && "
             "head -5 " DATA "folder/selects.json | sed '5s/},/}]}/' > %s/selects.json",
             dir, dir);
    assert_int_equal(system(command), 0);
    struct ampql_source *source = open_file(dir, NULL);
    struct ampql_matcher matchers[16];
    struct ampql_select select = collect_raw("{job!=\"b\"}", matchers, 0, 7200000);
    struct collect c;
    struct ampql_error err = {0};
    collect_init(&c, &alloc_default, false);
    assert_int_equal(source->ops.series(source->payload, &select, &c.sink, &err), AMPQL_OK);
    buf_byte(&c.text, '\0');
    assert_string_equal(c.text.p, "up{instance=\"1\", job=\"a\"}\nup{instance=\"1\", job=\"c\"}\n");
    collect_done(&c);
    source_free(source);
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

/* ---- single files */

static const struct file_row {
    const char *path;
    struct ampql_file_options options;
    const char *open_message; /* opening fails with this */
    enum ampql_code open_code;
    uint32_t caps;
    struct row select;
} file_rows[] = {
#define ANSWERS (AMPQL_SOURCE_ANSWERS | AMPQL_SOURCE_SORTED)
#define SAMPLES (AMPQL_SOURCE_SAMPLES | AMPQL_SOURCE_SORTED | AMPQL_SOURCE_PARALLEL)
#define UP_A "up{job=\"a\"} 1@1709403009123 0@1709403069123"
    {DATA "vector.json", .caps = ANSWERS,
     .select = {"up{job=\"a\"}", GRID, 1709403009, 1709403009, 1,
                .expected = "up{instance=\"1\", job=\"a\"} 0.25@1709403009000\n"}},
    {DATA "no_name_json", .caps = ANSWERS,
     .select = {"up{job=\"b\"}", GRID, 1709403009, 1709403009, 60,
                .expected = "up{instance=\"1\", job=\"b\"} NaN@1709403009000\n"}},
    {DATA "vector.json", .caps = ANSWERS,
     .select = {"up", GRID, 1709403010, 1709403010, 1,
                .message = DATA "vector.json does not hold up at 2024-03-02T18:10:10Z (GRID, "
                                "lookback 5m); nearest: a vector at 2024-03-02T18:10:09Z (GRID)",
                .code = AMPQL_NOT_FOUND}},
    {DATA "vector.json", .caps = ANSWERS,
     .select = {"up", RAW, 0, 1709403010, 1, .message = "nearest: a vector",
                .code = AMPQL_NOT_FOUND}},
    {DATA "empty.json", .caps = ANSWERS, .select = {"up", GRID, 5, 5, 1, .expected = ""}},
    {DATA "empty.json", .caps = ANSWERS,
     .select = {"up", GRID, 5, 6, 1, .message = "nearest: an empty vector (GRID)",
                .code = AMPQL_NOT_FOUND}},
    {DATA "differ.json", .open_code = AMPQL_BAD_DATA,
     .open_message = DATA "differ.json: the samples of a vector have different times"},
    {DATA "matrix.json.gz", .open_code = AMPQL_UNSUPPORTED, .open_message = "say --as raw"},
    {DATA "matrix.json.gz",
     {.as_raw = true},
     .caps = ANSWERS,
     .select = {"up", RAW, 1, 1000, 0, .expected = "up{instance=\"1\", job=\"a\"} 2@2000\n"}},
    {DATA "matrix.json.gz",
     {.as_raw = true},
     .caps = ANSWERS,
     .select = {"up", GRID, 1, 1, 1, .message = "nearest: samples of any time (RAW)",
                .code = AMPQL_NOT_FOUND}},
    {DATA "matrix.json.gz",
     {.max_bytes = 50},
     .open_code = AMPQL_LIMIT,
     .open_message = "more than the limit of 50 bytes"},
    {DATA "samples.om", .caps = SAMPLES | AMPQL_SOURCE_ENDLESS,
     .select = {"up", RAW, 0, 1709403070, 0, .expected = UP_A "\n"}},
    {DATA "no_name_om", .caps = SAMPLES | AMPQL_SOURCE_ENDLESS,
     .select = {"up", RAW, 0, 1709403070, 0, .expected = UP_A "\n"}},
    {DATA "samples.prom", .caps = SAMPLES | AMPQL_SOURCE_ENDLESS,
     .select = {"up", RAW, 0, 1709403070, 0, .expected = UP_A "\n"}},
    {DATA "samples.dump", .caps = SAMPLES | AMPQL_SOURCE_ENDLESS,
     .select = {"up", RAW, 0, 1709403070, 0, .expected = UP_A "\n"}},
    {DATA "no_name_dump", .caps = SAMPLES | AMPQL_SOURCE_ENDLESS,
     .select = {"up", RAW, 0, 1709403070, 0, .expected = UP_A "\n"}},
    {DATA "members.txt.gz",
     {.stale_after_ms = 60000},
     .caps = SAMPLES,
     .select = {"up", RAW, 0, 1709403900, 0, .expected = UP_A " stale@1709403129123\n"}},
    {DATA "samples.dump",
     {.stale_after_ms = -1},
     .open_code = AMPQL_BAD_DATA,
     .open_message = "negative"},
    {DATA "cut.txt.gz", .open_code = AMPQL_BAD_DATA,
     .open_message = DATA "cut.txt.gz: the gzip data is truncated"},
    {DATA "corrupt.txt.gz", .open_code = AMPQL_BAD_DATA,
     .open_message = DATA "corrupt.txt.gz: the gzip data is corrupt after 72 bytes"},
    {DATA "none.om", .open_code = AMPQL_NOT_FOUND, .open_message = DATA "none.om: No such file"},
    {DATA, .open_code = AMPQL_NOT_FOUND,
     .open_message = DATA ": neither saved answers, which have a selects.json, nor a block"},
};

static void files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof file_rows / sizeof *file_rows; i++) {
        const struct file_row *row = &file_rows[i];
        struct ampql_source *source = NULL;
        struct ampql_error err = {0};
        struct ampql_file_options options = row->options;
        options.size = sizeof options;
        enum ampql_code code =
            source_file_open(&alloc_default, row->path, &options, &collect_parser, &source, &err);
        if (code != row->open_code ||
            (row->open_message && !strstr(err.message, row->open_message)))
            fail_msg("%s: %d %s", row->path, code, err.message);
        if (code != AMPQL_OK)
            continue;
        assert_int_equal(ampql_source_caps(source), row->caps);
        struct collect c;
        collect_init(&c, &alloc_default, false);
        check_row(source, &c, &row->select);
        collect_done(&c);
        source_free(source);
    }
}

static bool file_works(const struct ampql_allocator *alc, void *payload)
{
    const struct file_row *row = payload;
    struct ampql_source *source = NULL;
    struct ampql_error err = {0};
    enum ampql_code code =
        source_file_open(alc, row->path, &row->options, &collect_parser, &source, &err);
    assert_true(code == AMPQL_OK || code == AMPQL_NOMEM);
    source_free(source);
    return code == AMPQL_OK;
}

static void torture_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof file_rows / sizeof *file_rows; i++) {
        struct file_row row = file_rows[i];
        row.options.size = sizeof row.options;
        if (row.open_code == AMPQL_OK)
            torture_with(file_works, &row, true);
    }
}

/* The amp guide's answers, as anybody saves them. */
static void amp_guide(void **state)
{
    (void)state;
    struct ampql_source *source = open_file("tests/data/amp_guide", NULL);
    struct collect c;
    struct ampql_matcher matchers[16];
    struct ampql_select select =
        collect_grid("node_total_hourly_cost{cluster_id=\"qa-eks1\",job=\"kubecost\"}", matchers,
                     1697630306000, 1697630306000, 1);
    struct ampql_error err = {0};
    enum ampql_code code;
    collect_init(&c, &alloc_default, false);
    const char *text = collect_select(&c, source, &select, &code, &err);
    if (!text)
        fail_msg("%s", err.message);
    assert_non_null(strstr(text, "0.04160104542160034@1697630306000"));
    select = collect_grid("node_total_hourly_cost", matchers, 1709400000000, 1709400000000, 1);
    assert_string_equal(collect_select(&c, source, &select, &code, &err), "");
    collect_done(&c);
    source_free(source);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(folder),           cmocka_unit_test(selects),
    cmocka_unit_test(series_of_folder), cmocka_unit_test(files),
    cmocka_unit_test(amp_guide),        cmocka_unit_test(torture),
    cmocka_unit_test(torture_files),    cmocka_unit_test(escapes), /* changes the folder: last */
};
TEST_MAIN(tests)
