/* The cost model: queries as OpenCost asks them, bills worked out by hand (tests/data/cost), what
 * is refused, and the shape of the report. */
#include "cost/model.h"

#include "support/series.h"
#include "support/test.h"
#include "support/torture.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ampql_engine *new_engine(const struct ampql_allocator *alc)
{
    struct ampql_engine_options options = {.size = sizeof options, .allocator = alc};
    struct ampql_engine *engine = NULL;
    return ampql_engine_new(&options, &engine, NULL) == AMPQL_OK ? engine : NULL;
}

/* ---- bills by hand */

/* A case file, cut into lines and words in place. */
struct bill_case {
    char *text;
    struct ampql_cost_options options;
    struct ampql_prices prices;
    struct ampql_source *source;
    int64_t step_ms, from_ms; /* of the series that follow */
};

static char *read_file(const char *path)
{
    enum { MAX = 1 << 16 };
    FILE *f = fopen(path, "rb");
    char *text = malloc(MAX);
    if (!f || !text)
        fail_msg("%s cannot be read", path);
    size_t n = fread(text, 1, MAX - 1, f);
    fclose(f);
    text[n] = '\0';
    return text;
}

/* The next line of *at, cut off; NULL at the end. */
static char *next_line(char **at)
{
    char *line = *at;
    if (!line || !*line)
        return NULL;
    char *end = strchr(line, '\n');
    *at = end ? end + 1 : NULL;
    if (end)
        *end = '\0';
    return line;
}

/* The next word of *at, cut off; what follows stays. */
static char *next_word(char **at)
{
    char *word = *at;
    size_t n = strcspn(word, " ");
    *at = word + n;
    if (word[n]) {
        word[n] = '\0';
        *at = word + n + 1;
    }
    return word;
}

static void set_option(struct bill_case *c, const char *key, const char *value)
{
    static const struct {
        const char *key;
        size_t offset;
    } prices[] = {{"price_cpu", offsetof(struct ampql_prices, cpu)},
                  {"price_ram", offsetof(struct ampql_prices, ram)},
                  {"price_spot_cpu", offsetof(struct ampql_prices, spot_cpu)},
                  {"price_spot_ram", offsetof(struct ampql_prices, spot_ram)}};
    struct ampql_cost_options *o = &c->options;
    for (size_t i = 0; i < sizeof prices / sizeof *prices; i++) {
        if (strcmp(key, prices[i].key) == 0) {
            *(double *)((char *)&c->prices + prices[i].offset) = strtod(value, NULL);
            o->prices = &c->prices;
            return;
        }
    }
    if (strcmp(key, "dialect") == 0)
        o->dialect = strcmp(value, "prom2") == 0 ? AMPQL_PROM2 : AMPQL_PROM3;
    else if (strcmp(key, "cluster_id") == 0)
        o->cluster_id = value;
    else if (strcmp(key, "filter_cluster") == 0)
        o->filter_cluster = value[0] == '1';
    else if (strcmp(key, "custom_prices") == 0)
        o->custom_prices = value[0] == '1';
    else if (strcmp(key, "discount") == 0)
        o->discount = strtod(value, NULL);
    else if (strcmp(key, "negotiated_discount") == 0)
        o->negotiated_discount = strtod(value, NULL);
    else if (strcmp(key, "resolution_ms") == 0)
        o->resolution_ms = strtoll(value, NULL, 10);
    else
        fail_msg("no option %s", key);
}

/* Worked out by hand: nine digits or more. */
static bool is_near(double a, double b)
{
    return fabs(a - b) <= 1e-8 * fmax(fabs(a), fabs(b));
}

static void check_field(const struct ampql_allocation *a, const char *key, const char *value,
                        const char *where)
{
    static const struct {
        const char *key;
        size_t offset;
    } numbers[] =
        {
#define NUMBER(field) {#field, offsetof(struct ampql_allocation, field)}
            NUMBER(minutes),
            NUMBER(cpu_core_hours),
            NUMBER(cpu_cores),
            NUMBER(cpu_core_request_average),
            NUMBER(cpu_core_usage_average),
            NUMBER(cpu_core_usage_max),
            NUMBER(ram_byte_hours),
            NUMBER(ram_bytes),
            NUMBER(ram_byte_request_average),
            NUMBER(ram_byte_usage_average),
            NUMBER(ram_byte_usage_max),
            NUMBER(gpu_hours),
            NUMBER(gpu_count),
            NUMBER(gpu_request_average),
            NUMBER(gpu_usage_average),
            NUMBER(cpu_cost),
            NUMBER(ram_cost),
            NUMBER(gpu_cost),
            NUMBER(total_cost),
            NUMBER(cpu_efficiency),
            NUMBER(ram_efficiency),
            NUMBER(gpu_efficiency),
            NUMBER(total_efficiency),
#undef NUMBER
        },
      texts[] = {
          {"cluster", offsetof(struct ampql_allocation, cluster)},
          {"node", offsetof(struct ampql_allocation, node)},
          {"namespace", offsetof(struct ampql_allocation, namespace_name)},
          {"pod", offsetof(struct ampql_allocation, pod)},
          {"container", offsetof(struct ampql_allocation, container)},
          {"provider_id", offsetof(struct ampql_allocation, provider_id)},
      };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (strcmp(key, numbers[i].key) != 0)
            continue;
        double got = *(const double *)((const char *)a + numbers[i].offset);
        if (!is_near(got, strtod(value, NULL)))
            fail_msg("%s: %s is %.15g, want %s", where, key, got, value);
        return;
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (strcmp(key, texts[i].key) != 0)
            continue;
        struct ampql_string got = *(const struct ampql_string *)((const char *)a + texts[i].offset);
        if (!test_is(got, value))
            fail_msg("%s: %s is %.*s, want %s", where, key, (int)got.size, got.data, value);
        return;
    }
    int64_t ms = strcmp(key, "start") == 0 ? a->start_ms : a->end_ms;
    if (strcmp(key, "start") != 0 && strcmp(key, "end") != 0)
        fail_msg("%s: no field %s", where, key);
    if (ms != strtoll(value, NULL, 10) * 1000)
        fail_msg("%s: %s is %lld ms, want %s s", where, key, (long long)ms, value);
}

/* "  NAME FIELD=VALUE ..." */
static void check_line(const struct ampql_allocations *bill, size_t i, char *line, const char *path)
{
    char where[1024];
    char *name = next_word(&line);
    snprintf(where, sizeof where, "%s: %s", path, name);
    if (i >= ampql_allocations_count(bill))
        fail_msg("%s: the bill has %zu lines only", where, ampql_allocations_count(bill));
    const struct ampql_allocation *a = ampql_allocations_at(bill, i);
    if (!test_is(a->name, name))
        fail_msg("%s: line %zu is %.*s", where, i, (int)a->name.size, a->name.data);
    while (*line) {
        char *field = next_word(&line);
        char *equals = strchr(field, '=');
        assert_non_null(equals);
        *equals = '\0';
        check_field(a, field, equals + 1, where);
    }
}

/* The total is the sum of the lines, whatever they are aggregated by. */
static void check_total(const struct ampql_allocations *bill, const char *path)
{
    const struct ampql_allocation *total = ampql_allocations_total(bill);
    double cost = 0, hours = 0;
    for (size_t i = 0; i < ampql_allocations_count(bill); i++) {
        cost += ampql_allocations_at(bill, i)->total_cost;
        hours += ampql_allocations_at(bill, i)->cpu_core_hours;
    }
    if (!is_near(cost, total->total_cost) || !is_near(hours, total->cpu_core_hours))
        fail_msg("%s: the total is %.15g, the lines add up to %.15g", path, total->total_cost,
                 cost);
}

/* One "bill" and the lines under it; the last bill is kept for the warnings. */
static void check_bill(struct bill_case *c, struct ampql_engine *engine, const char *aggregate,
                       char **at, struct ampql_allocations **bill, const char *path)
{
    struct ampql_error err = {0};
    size_t n = 0;
    c->options.aggregate = aggregate;
    ampql_allocations_free(*bill);
    if (ampql_allocate(engine, c->source, &c->options, bill, &err) != AMPQL_OK)
        fail_msg("%s: %s", path, err.message);
    while (*at && strncmp(*at, "  ", 2) == 0)
        check_line(*bill, n++, next_line(at) + 2, path);
    if (n != ampql_allocations_count(*bill))
        fail_msg("%s: bill %s has %zu lines, want %zu", path, aggregate,
                 ampql_allocations_count(*bill), n);
    check_total(*bill, path);
}

static void check_case(struct ampql_engine *engine, const char *path)
{
    struct bill_case c = {.text = read_file(path), .prices = ampql_default_prices()};
    struct ampql_allocations *bill = NULL;
    size_t nwarnings = 0;
    c.options.size = sizeof c.options;
    assert_int_equal(ampql_source_memory(engine, NULL, &c.source, NULL), AMPQL_OK);
    for (char *at = c.text, *line; (line = next_line(&at));) {
        if (line[0] == '#')
            continue;
        if (strncmp(line, "? ", 2) == 0) {
            assert_non_null(bill);
            if (nwarnings >= ampql_allocations_warning_count(bill) ||
                !test_is(ampql_allocations_warning(bill, nwarnings), line + 2)) {
                for (size_t i = 0; i < ampql_allocations_warning_count(bill); i++)
                    print_message("? %.*s\n", (int)ampql_allocations_warning(bill, i).size,
                                  ampql_allocations_warning(bill, i).data);
                fail_msg("%s: no warning %zu: %s", path, nwarnings, line + 2);
            }
            nwarnings++;
            continue;
        }
        if (strncmp(line, "  ", 2) == 0) {
            line += 2;
            char *name = next_word(&line), *labels = next_word(&line);
            if (!test_add(c.source, name, labels, c.from_ms, c.step_ms, line))
                fail_msg("%s: %s %s is not added", path, name, labels);
            continue;
        }
        char *word = next_word(&line);
        if (strcmp(word, "window") == 0) {
            c.options.start_ms = strtoll(next_word(&line), NULL, 10) * 1000;
            c.options.end_ms = strtoll(line, NULL, 10) * 1000;
        } else if (strcmp(word, "set") == 0) {
            char *key = next_word(&line);
            set_option(&c, key, line);
        } else if (strcmp(word, "load") == 0) {
            c.step_ms = strtoll(next_word(&line), NULL, 10) * 1000;
            next_word(&line); /* from */
            c.from_ms = strtoll(line, NULL, 10) * 1000;
        } else if (strcmp(word, "bill") == 0) {
            check_bill(&c, engine, line, &at, &bill, path);
        } else {
            fail_msg("%s: what is %s?", path, word);
        }
    }
    assert_non_null(bill);
    for (size_t i = nwarnings; i < ampql_allocations_warning_count(bill); i++)
        fail_msg("%s: a warning too many: %.*s", path, (int)ampql_allocations_warning(bill, i).size,
                 ampql_allocations_warning(bill, i).data);
    ampql_allocations_free(bill);
    ampql_source_free(c.source);
    free(c.text);
}

static void test_bills(void **state)
{
    struct ampql_engine *engine = new_engine(NULL);
    struct dirent **files;
    size_t ncases = 0;
    (void)state;
    int n = scandir("tests/data/cost", &files, NULL, alphasort);
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        char path[512];
        const char *name = files[i]->d_name;
        size_t len = strlen(name);
        if (len > 4 && strcmp(name + len - 4, ".txt") == 0 && strcmp(name, "queries.txt") != 0) {
            snprintf(path, sizeof path, "tests/data/cost/%s", name);
            check_case(engine, path);
            ncases++;
        }
        free(files[i]);
    }
    free(files);
    assert_true(ncases >= 15);
    ampql_engine_free(engine);
}

/* ---- queries */

static const char *expected_query(char *section, const char *name)
{
    size_t n = strlen(name);
    for (char *line = section; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (line != section && line[0] == '[')
            return NULL;
        if (strncmp(line, name, n) == 0 && line[n] == ' ')
            return line + n + 1;
    }
    return NULL;
}

static void check_queries(struct ampql_engine *engine, char *section,
                          const struct ampql_cost_options *options)
{
    struct ampql_cost_query query;
    for (size_t i = 0; ampql_cost_query_at(i, &query); i++) {
        static struct test_text text;
        struct ampql_query *compiled = NULL;
        text.n = 0;
        assert_int_equal(ampql_cost_query_text(engine, i, options, test_write, &text, NULL),
                         AMPQL_OK);
        const char *expected = expected_query(section, query.name);
        if (!expected || strncmp(expected, text.at, text.n) != 0 || expected[text.n] != '\n')
            fail_msg("%s: %s", query.name, text.at);
        assert_int_equal(ampql_query_compile(engine, text.at, text.n, &compiled, NULL), AMPQL_OK);
        ampql_query_free(compiled);
        assert_non_null(strstr(text.at, query.metric));
    }
}

static void test_queries(void **state)
{
    struct ampql_engine *engine = new_engine(NULL);
    char *text = read_file("tests/data/cost/queries.txt");
    struct ampql_cost_options day = {.size = sizeof day, .end_ms = 86400000},
                              filtered = {.size = sizeof filtered,
                                          .end_ms = 5400000,
                                          .resolution_ms = 45000,
                                          .cluster_label = "cluster",
                                          .cluster_id = "a\"b",
                                          .filter_cluster = true};
    struct ampql_error err = {0};
    (void)state;
    check_queries(engine, strstr(text, "[day]"), &day);
    check_queries(engine, strstr(text, "[filtered]"), &filtered);
    assert_int_equal(ampql_cost_query_text(engine, 1000, &day, test_write, NULL, &err),
                     AMPQL_NOT_FOUND);
    free(text);
    ampql_engine_free(engine);
}

static void test_durations(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {{1, "1s"},     {60, "1m"},     {90, "90s"},    {3600, "1h"},     {5400, "90m"},
                {86400, "1d"}, {90000, "25h"}, {604800, "7d"}, {86401, "86401s"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out;
        buf_init(&out, &alloc_default, 64);
        render_duration(&out, rows[i].seconds);
        buf_byte(&out, '\0');
        assert_string_equal(out.p, rows[i].text);
        buf_done(&out);
    }
}

static void test_rounding(void **state)
{
    static const struct {
        int64_t ms, rounded;
    } rows[] = {{0, 0},
                {4999, 0},
                {5000, 10000},
                {14999, 10000},
                {-4999, 0},
                {-5000, -10000},
                {-15000, -20000},
                {36084000, 36080000},
                {36085000, 36090000},
                {INT64_MAX, INT64_MAX - INT64_MAX % 10000}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(round_time(rows[i].ms), rows[i].rounded);
}

/* ---- refusals */

static void test_refused(void **state)
{
    static const struct {
        struct ampql_cost_options options;
        enum ampql_code code;
        const char *message;
    } rows[] = {
        {{.start_ms = 0}, AMPQL_BAD_DATA, "the window is empty, expected its start before its end"},
        {{.start_ms = 60000, .end_ms = 0},
         AMPQL_BAD_DATA,
         "the window is empty, expected its start before its end"},
        {{.start_ms = INT64_MIN, .end_ms = INT64_MAX},
         AMPQL_BAD_DATA,
         "the window is out of range"},
        {{.start_ms = 500, .end_ms = 60000},
         AMPQL_BAD_DATA,
         "the window does not start and end at whole seconds"},
        {{.end_ms = 60000, .resolution_ms = 1500},
         AMPQL_BAD_DATA,
         "the resolution is 1500 ms, expected whole seconds, more than 0"},
        {{.end_ms = 60000, .resolution_ms = -1000},
         AMPQL_BAD_DATA,
         "the resolution is -1000 ms, expected whole seconds, more than 0"},
        {{.end_ms = 60000, .cluster_label = "a-b"},
         AMPQL_BAD_DATA,
         "the cluster label is \"a-b\", expected a label name"},
        {{.end_ms = 60000, .cluster_label = ""},
         AMPQL_BAD_DATA,
         "the cluster label is \"\", expected a label name"},
        {{.end_ms = 60000, .discount = 1.5},
         AMPQL_BAD_DATA,
         "a discount is out of range, expected 0 to 1"},
        {{.end_ms = 60000, .negotiated_discount = NAN},
         AMPQL_BAD_DATA,
         "a discount is out of range, expected 0 to 1"},
        {{.end_ms = 60000, .aggregate = "namespace,color"},
         AMPQL_BAD_DATA,
         "aggregating by \"color\", expected cluster, node, namespace, pod, container or all"},
        {{.end_ms = 60000, .aggregate = "namespace,"},
         AMPQL_BAD_DATA,
         "aggregating by \"\", expected cluster, node, namespace, pod, container or all"},
        {{.end_ms = 60000, .aggregate = "label:app"},
         AMPQL_UNSUPPORTED,
         "aggregating by \"label:app\" is not supported yet, expected cluster, node, namespace, "
         "pod, container or all"},
        {{.end_ms = 60000, .aggregate = "controllerKind"},
         AMPQL_UNSUPPORTED,
         "aggregating by \"controllerKind\" is not supported yet, expected cluster, node, "
         "namespace, pod, container or all"},
        {{.end_ms = 60000,
          .aggregate = "pod,pod,pod,pod,pod,pod,pod,pod,pod,pod,pod,pod,pod,pod,pod,pod,pod"},
         AMPQL_BAD_DATA,
         "aggregating by more than 16 words"},
    };
    struct ampql_engine *engine = new_engine(NULL);
    struct ampql_source *source = NULL;
    (void)state;
    assert_int_equal(ampql_source_memory(engine, NULL, &source, NULL), AMPQL_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ampql_allocations *bill = NULL;
        struct ampql_cost_options options = rows[i].options;
        struct ampql_error err = {0};
        options.size = sizeof options;
        enum ampql_code code = ampql_allocate(engine, source, &options, &bill, &err);
        if (code != rows[i].code || err.code != code || bill ||
            strcmp(err.message, rows[i].message) != 0)
            fail_msg("row %zu: %d \"%s\", want %d \"%s\"", i, code, err.message, rows[i].code,
                     rows[i].message);
    }
    ampql_source_free(source);
    ampql_engine_free(engine);
}

/* ---- a source that counts and fails */

struct counting {
    size_t nasked;
    char asked[64][400]; /* matchers and times of each select */
    size_t fail_at;      /* from 1; 0: never */
};

static enum ampql_code count_select(void *payload, const struct ampql_select *select,
                                    struct ampql_sink *sink, struct ampql_error *err)
{
    struct counting *c = payload;
    (void)sink;
    assert_true(c->nasked < 64);
    char *out = c->asked[c->nasked++];
    size_t n = (size_t)snprintf(
        out, 400, "%d %lld %lld", (int)select->kind,
        (long long)(select->kind == AMPQL_SELECT_RAW ? select->mint_ms : select->start_ms),
        (long long)(select->kind == AMPQL_SELECT_RAW ? select->maxt_ms : select->end_ms));
    for (size_t i = 0; i < select->nmatchers && n < 400; i++)
        n += (size_t)snprintf(out + n, 400 - n, " %.*s%d%.*s", (int)select->matchers[i].name.size,
                              select->matchers[i].name.data, (int)select->matchers[i].op,
                              (int)select->matchers[i].value.size, select->matchers[i].value.data);
    if (c->nasked != c->fail_at)
        return AMPQL_OK;
    snprintf(err->message, sizeof err->message, "the wire is cut");
    return AMPQL_UNAVAILABLE;
}

/* No two selects ask for the same, and each failure of the source fails the whole, with the query's
 * name. */
static void test_source(void **state)
{
    static const uint32_t caps[] = {AMPQL_SOURCE_SAMPLES, AMPQL_SOURCE_ANSWERS};
    struct ampql_engine *engine = new_engine(NULL);
    struct ampql_cost_options options = {.size = sizeof options, .end_ms = 3600000};
    static struct counting counting;
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct ampql_source_ops ops = {.size = sizeof ops, .caps = caps[k], .select = count_select};
        struct ampql_source *source = NULL;
        struct ampql_allocations *bill = NULL;
        counting = (struct counting){0};
        assert_int_equal(ampql_source_new(engine, &ops, &counting, &source, NULL), AMPQL_OK);
        assert_int_equal(ampql_allocate(engine, source, &options, &bill, NULL), AMPQL_OK);
        assert_int_equal(ampql_allocations_stats(bill).selects, counting.nasked);
        ampql_allocations_free(bill);
        size_t nselects = counting.nasked;
        assert_true(nselects >= 14 && nselects <= 16); /* of 17 queries */
        for (size_t i = 0; i < nselects; i++)
            for (size_t j = 0; j < i; j++)
                assert_string_not_equal(counting.asked[i], counting.asked[j]);

        for (size_t i = 1; i <= nselects; i++) {
            struct ampql_error err = {0};
            counting = (struct counting){.fail_at = i};
            assert_int_equal(ampql_allocate(engine, source, &options, &bill, &err),
                             AMPQL_UNAVAILABLE);
            assert_null(bill);
            assert_non_null(strstr(err.message, ": the wire is cut"));
        }
        ampql_source_free(source);
    }
    ampql_engine_free(engine);
}

/* ---- the report */

static bool fill_small(struct ampql_source *source)
{
    return test_add(source, "kube_pod_container_status_running",
                    "cluster_id=c,namespace=n,pod=\"p\",container=x", 0, 60000, "1x60") &&
           test_add(source, "container_cpu_allocation",
                    "cluster_id=c,namespace=n,pod=\"p\",container=x,node=n1", 0, 60000, "1x60") &&
           test_add(source, "kubecost_container_cpu_usage_irate",
                    "namespace=n,pod=\"p\",container=x,cluster_id=c", 0, 60000, "0.123456789x60");
}

static int refuse(void *payload, const char *data, size_t size)
{
    (void)payload, (void)data, (void)size;
    return 1;
}

static void test_json(void **state)
{
    struct ampql_engine *engine = new_engine(NULL);
    struct ampql_source *source = NULL;
    struct ampql_allocations *bill = NULL;
    struct ampql_cost_options options = {.size = sizeof options, .end_ms = 3600000};
    static struct test_text text;
    (void)state;
    assert_int_equal(ampql_source_memory(engine, NULL, &source, NULL), AMPQL_OK);
    assert_true(fill_small(source));
    assert_int_equal(ampql_allocate(engine, source, &options, &bill, NULL), AMPQL_OK);
    assert_int_equal(ampql_allocations_json(bill, test_write, &text), AMPQL_OK);
    const char *begin =
        "{\"code\":200,\"status\":\"success\",\"data\":[{\"c/n1/n/\\\"p\\\"/x\":{\"name\":"
        "\"c/n1/n/\\\"p\\\"/x\",\"properties\":{\"cluster\":\"c\",\"node\":\"n1\",\"container\":"
        "\"x\",\"namespace\":\"n\",\"pod\":\"\\\"p\\\"\"},\"window\":{\"start\":"
        "\"1970-01-01T00:00:00Z\",\"end\":\"1970-01-01T01:00:00Z\"},\"start\":"
        "\"1970-01-01T00:05:00Z\",\"end\":\"1970-01-01T01:00:00Z\",\"minutes\":55,\"cpuCores\":1,"
        "\"cpuCoreRequestAverage\":0,\"cpuCoreUsageAverage\":0,\"cpuCoreHours\":0.91667,"
        "\"cpuCost\":0.02898,\"cpuCostAdjustment\":0,\"cpuCostIdle\":0,\"cpuEfficiency\":0,"
        "\"gpuCount\":0,\"gpuRequestAverage\":0,\"gpuUsageAverage\":0,\"gpuHours\":0,"
        "\"gpuCost\":0,\"gpuCostAdjustment\":0,\"gpuCostIdle\":0,\"gpuEfficiency\":0,"
        "\"networkTransferBytes\":0,\"networkReceiveBytes\":0,\"networkCost\":0,"
        "\"networkCrossZoneCost\":0,\"networkCrossRegionCost\":0,\"networkInternetCost\":0,"
        "\"networkCostAdjustment\":0,\"loadBalancerCost\":0,\"loadBalancerCostAdjustment\":0,"
        "\"pvBytes\":0,\"pvByteHours\":0,\"pvCost\":0,\"pvs\":null,\"pvCostAdjustment\":0,"
        "\"ramBytes\":0,\"ramByteRequestAverage\":0,\"ramByteUsageAverage\":0,"
        "\"ramByteHours\":0,\"ramCost\":0,\"ramCostAdjustment\":0,\"ramCostIdle\":0,"
        "\"ramEfficiency\":0,\"externalCost\":0,\"sharedCost\":0,\"totalCost\":0.02898,"
        "\"totalEfficiency\":0,\"rawAllocationOnly\":{\"cpuCoreUsageMax\":0.123456789,"
        "\"ramByteUsageMax\":0},\"proportionalAssetResourceCosts\":{},\"lbAllocations\":null,"
        "\"sharedCostBreakdown\":{}}}],\"warnings\":[\"CPURequests: no ";
    text.at[strlen(begin)] = '\0';
    assert_string_equal(text.at, begin);
    assert_int_equal(ampql_allocations_json(bill, refuse, NULL), AMPQL_OUTPUT);
    ampql_allocations_free(bill);
    ampql_allocations_free(NULL);
    ampql_source_free(source);
    ampql_engine_free(engine);
}

/* The same containers by something else, the two freed in either order. */
static void test_aggregate_again(void **state)
{
    struct ampql_engine *engine = new_engine(NULL);
    struct ampql_source *source = NULL;
    struct ampql_allocations *bill = NULL, *again = NULL;
    struct ampql_cost_options options = {
        .size = sizeof options, .end_ms = 3600000, .aggregate = "namespace"};
    struct ampql_aggregate_options by = {.size = sizeof by, .aggregate = "node,pod"};
    struct ampql_error err = {0};
    (void)state;
    assert_int_equal(ampql_source_memory(engine, NULL, &source, NULL), AMPQL_OK);
    assert_true(fill_small(source));
    assert_int_equal(ampql_allocate(engine, source, &options, &bill, NULL), AMPQL_OK);
    assert_true(test_is(ampql_allocations_at(bill, 0)->name, "n"));
    assert_null(ampql_allocations_at(bill, 1));

    assert_int_equal(ampql_allocations_aggregate(bill, &by, &again, NULL), AMPQL_OK);
    ampql_allocations_free(bill);
    assert_true(test_is(ampql_allocations_at(again, 0)->name, "n1/\"p\""));
    assert_int_equal(ampql_allocations_aggregate(again, NULL, &bill, NULL), AMPQL_OK);
    assert_true(test_is(ampql_allocations_at(bill, 0)->name, "c/n1/n/\"p\"/x"));
    assert_true(ampql_allocations_total(bill)->total_cost ==
                ampql_allocations_total(again)->total_cost);
    assert_true(ampql_allocations_warning_count(bill) == ampql_allocations_warning_count(again));
    ampql_allocations_free(again);

    by.aggregate = "color";
    assert_int_equal(ampql_allocations_aggregate(bill, &by, &again, &err), AMPQL_BAD_DATA);
    assert_null(again);
    ampql_allocations_free(bill);
    ampql_source_free(source);
    ampql_engine_free(engine);
}

/* ---- torture */

static bool make_bill(const struct ampql_allocator *alc)
{
    static struct test_text text;
    struct ampql_cost_options options = {
        .size = sizeof options, .end_ms = 3600000, .aggregate = "namespace"};
    struct ampql_engine *engine = new_engine(alc);
    struct ampql_source *source = NULL;
    struct ampql_allocations *bill = NULL, *again = NULL;
    text.n = 0;
    bool ok = engine && ampql_source_memory(engine, NULL, &source, NULL) == AMPQL_OK &&
              fill_small(source) &&
              ampql_allocate(engine, source, &options, &bill, NULL) == AMPQL_OK &&
              ampql_allocations_json(bill, test_write, &text) == AMPQL_OK &&
              ampql_allocations_aggregate(bill, NULL, &again, NULL) == AMPQL_OK;
    ampql_allocations_free(bill);
    ampql_allocations_free(again);
    ampql_source_free(source);
    ampql_engine_free(engine);
    return ok;
}

static void test_torture(void **state)
{
    (void)state;
    torture_all(make_bill);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_bills),     cmocka_unit_test(test_queries),
    cmocka_unit_test(test_durations), cmocka_unit_test(test_rounding),
    cmocka_unit_test(test_refused),   cmocka_unit_test(test_source),
    cmocka_unit_test(test_json),      cmocka_unit_test(test_aggregate_again),
    cmocka_unit_test(test_torture),
};
TEST_MAIN(tests)
