/* Texts that the cost model is given: windows, aggregates, filters, price files; what they say, and
 * where they are wrong. */
#include "base/time.h"
#include "cost/prices.h"

#include "support/test.h"
#include "support/torture.h"

#include <math.h>
#include <string.h>

static struct ampql_engine *new_engine(void)
{
    struct ampql_engine *engine = NULL;
    assert_int_equal(ampql_engine_new(NULL, &engine, NULL), AMPQL_OK);
    return engine;
}

/* ---- windows */

static void test_windows(void **state)
{
    /* 2026-03-04T10:20:30Z is a Wednesday; 2026-03-01 is a Sunday */
    static const char wednesday[] = "2026-03-04T10:20:30Z", midnight[] = "2026-03-01T00:00:00Z";
    static const struct {
        const char *now, *text;
        const char *start, *end; /* NULL: refused, */
        size_t from, to;         /*    with this span */
        const char *message;     /*    and this in the message */
    } rows[] = {
        {wednesday, "today", "2026-03-04T00:00:00Z", "2026-03-05T00:00:00Z", 0, 0, NULL},
        {wednesday, "yesterday", "2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z", 0, 0, NULL},
        {wednesday, "week", "2026-03-01T00:00:00Z", wednesday, 0, 0, NULL},
        {wednesday, "lastweek", "2026-02-22T00:00:00Z", "2026-03-01T00:00:00Z", 0, 0, NULL},
        {wednesday, "month", "2026-03-01T00:00:00Z", wednesday, 0, 0, NULL},
        {wednesday, "lastmonth", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z", 0, 0, NULL},
        {midnight, "today", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z", 0, 0, NULL},
        {midnight, "lastweek", "2026-02-22T00:00:00Z", "2026-03-01T00:00:00Z", 0, 0, NULL},
        {midnight, "week", NULL, NULL, 0, 4, "the end is not after the start"},
        {"2024-03-31T23:00:00Z", "lastmonth", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z", 0, 0,
         NULL},
        {"2026-01-01T00:00:01Z", "lastmonth", "2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z", 0, 0,
         NULL},
        {wednesday, "15m", "2026-03-04T10:06:00Z", "2026-03-04T10:21:00Z", 0, 0, NULL},
        {wednesday, "24h", "2026-03-03T11:00:00Z", "2026-03-04T11:00:00Z", 0, 0, NULL},
        {wednesday, "7d", "2026-02-26T00:00:00Z", "2026-03-05T00:00:00Z", 0, 0, NULL},
        {wednesday, "2w", "2026-02-19T00:00:00Z", "2026-03-05T00:00:00Z", 0, 0, NULL},
        {midnight, "7d", "2026-02-22T00:00:00Z", midnight, 0, 0, NULL},
        {wednesday, "24h offset 1d", "2026-03-02T10:20:30Z", "2026-03-03T10:20:30Z", 0, 0, NULL},
        {wednesday, "1h offset 0m", "2026-03-04T09:20:30Z", wednesday, 0, 0, NULL},
        {wednesday, "1d offset 1w", "2026-02-24T10:20:30Z", "2026-02-25T10:20:30Z", 0, 0, NULL},
        {wednesday, "90s", "2026-03-04T10:19:00Z", wednesday, 0, 0, NULL},
        {wednesday, "1h30m", "2026-03-04T08:50:30Z", wednesday, 0, 0, NULL},
        {wednesday, "1700000000-1700003600", "2023-11-14T22:13:20Z", "2023-11-14T23:13:20Z", 0, 0,
         NULL},
        {wednesday, "1700000000,1700003600", "2023-11-14T22:13:20Z", "2023-11-14T23:13:20Z", 0, 0,
         NULL},
        {wednesday, "2026-03-01T02:00:00+02:00,now-1h", midnight, "2026-03-04T09:20:30Z", 0, 0,
         NULL},
        {wednesday, "", NULL, NULL, 0, 0, "not a window: \"\", expected today,"},
        {wednesday, "0d", NULL, NULL, 0, 2, "the end is not after the start"},
        {wednesday, "Today", NULL, NULL, 0, 5, "not a window: \"Today\""},
        {wednesday, "7d offset", NULL, NULL, 0, 9, "not a window: \"7d offset\""},
        {wednesday, "7d offset 1d1h", NULL, NULL, 0, 14, "not a window: "},
        {wednesday, "99999999999999999999d", NULL, NULL, 0, 21, "not a window: "},
        {wednesday, "9999999999999d", NULL, NULL, 0, 14, "not a window: "},
        {wednesday, "1700003600-1700000000", NULL, NULL, 0, 21, "the end is not after the start"},
        {wednesday, "x,now", NULL, NULL, 0, 1, "not a valid time: \"x\""},
        {wednesday, "now-1h,13:00", NULL, NULL, 7, 12, "not a valid time: \"13:00\""},
        {wednesday, "now,now", NULL, NULL, 0, 7, "the end is not after the start"},
        {wednesday, "now+1h,2027-01-01T00:00:00Z", NULL, NULL, 0, 6,
         "the window begins in the future, at 2026-03-04T11:20:30Z"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ampql_error err = {0};
        int64_t now_ms, start_ms = -1, end_ms = -1, want_start_ms = -1, want_end_ms = -1;
        bool is_refused = !rows[i].start;
        assert_int_equal(time_parse(str_of(rows[i].now), 0, &now_ms, NULL), AMPQL_OK);
        if (!is_refused) {
            assert_int_equal(time_parse(str_of(rows[i].start), 0, &want_start_ms, NULL), AMPQL_OK);
            assert_int_equal(time_parse(str_of(rows[i].end), 0, &want_end_ms, NULL), AMPQL_OK);
        }
        enum ampql_code code =
            ampql_cost_window(rows[i].text, strlen(rows[i].text), now_ms, &start_ms, &end_ms, &err);
        bool is_right = code == (is_refused ? AMPQL_BAD_DATA : AMPQL_OK) &&
                        start_ms == want_start_ms && end_ms == want_end_ms;
        if (is_refused)
            is_right = is_right && strstr(err.message, rows[i].message) && err.has_span &&
                       err.start == rows[i].from && err.end == rows[i].to;
        if (!is_right)
            fail_msg("%s at %s: %d, %lld to %lld, \"%s\" [%zu, %zu)", rows[i].text, rows[i].now,
                     code, (long long)start_ms, (long long)end_ms, err.message, err.start, err.end);
    }
}

/* ---- lines */

/* What is wrong in the text that lines are made by, and where: bytes [start, end). */
static void test_refused_lines(void **state)
{
#define KNOWN                                                                                      \
    "cluster, node, namespace, pod, container, controller, controllerKind, controllerNamespace, "  \
    "deployment, statefulset, daemonset, job, service, label:NAME, annotation:NAME, department, "  \
    "environment, owner, product, team or all"
    static const char deep[] = "((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((("
                               "pod:\"a\"";
    static const struct {
        struct ampql_aggregate_options options;
        size_t start, end; /* both 0: no place is known */
        const char *message;
    } rows[] = {
        {{.aggregate = "namespace, color "}, 11, 16, "aggregating by \"color\", expected " KNOWN},
        {{.aggregate = "namespace,"}, 10, 10, "aggregating by \"\", expected " KNOWN},
        {{.aggregate = "label"}, 0, 5, "aggregating by \"label\", expected " KNOWN},
        {{.aggregate = "label: "}, 0, 6, "aggregating by \"label:\", expected " KNOWN},
        {{.aggregate = "pod:x"}, 0, 5, "aggregating by \"pod:x\", expected " KNOWN},
        {{.aggregate = "providerID"}, 0, 10, "aggregating by \"providerID\", expected " KNOWN},
        {{.aggregate = "pod,pod,pod,pod,pod,pod,pod,pod,pod,pod,pod,pod,pod,pod,pod,pod,pod"},
         64,
         67,
         "aggregating by more than 16 words"},
        {{.filter = "pod:\"a\"|pod:\"b\"+pod:\"c\""},
         15,
         16,
         "+ and | at one level of the filter, expected parentheses around those that belong "
         "together"},
        {{.filter = "pod:a"}, 4, 5, "\"a\" in the filter, expected a value in quotes"},
        {{.filter = "pod:\"a"}, 4, 6, "the filter ends inside a value in quotes, expected \""},
        {{.filter = "pod:\"a\","}, 8, 8, "the filter ends, expected a value in quotes"},
        {{.filter = "pod \"a\""},
         4,
         7,
         "\"\\\"a\\\"\" in the filter, expected an operator: : ~: <~: ~>: or one of these after !"},
        {{.filter = "pod!\"a\""},
         3,
         4,
         "\"!\" in the filter, expected an operator: : ~: <~: ~>: or one of these after !"},
        {{.filter = "label[app:\"a\""},
         5,
         13,
         "the filter ends inside a name in brackets, expected ]"},
        {{.filter = "label[]:\"a\""}, 5, 7, "\"[]\" in the filter, expected a name in brackets"},
        {{.filter = "pod[a]:\"a\""},
         3,
         6,
         "\"[a]\" in the filter, expected an operator: names in brackets are of label and "
         "annotation"},
        {{.filter = "Pod:\"a\""},
         0,
         3,
         "\"Pod\" in the filter, expected a field: cluster, node, namespace, pod, container, "
         "controllerName, controllerKind, services, provider, label, annotation, department, "
         "environment, owner, product, team"},
        {{.filter = "(pod:\"a\""},
         8,
         8,
         "the filter ends, expected ) or more of what is in parentheses"},
        {{.filter = "pod:\"a\")"}, 7, 8, "\")\" in the filter, expected +, | or the end"},
        {{.filter = "pod:\"a\" pod:\"b\""},
         8,
         11,
         "\"pod\" in the filter, expected +, | or the end"},
        {{.filter = deep}, 64, 65, "the filter has more than 64 levels of parentheses"},
        {{.share_labels = "a:b, c"}, 0, 0, "the label to share by is \"c\", expected NAME:VALUE"},
        {{.share_monthly_cost = NAN}, 0, 0, "the cost to share is negative or no number"},
        {{.team_labels = " ,"}, 0, 0, "there are no labels of team, expected a comma list"},
        {{.accumulate = 6}, 0, 0, "there is no way 6 to accumulate"},
    };
    struct ampql_engine *engine = new_engine();
    struct ampql_source *source = NULL;
    (void)state;
    assert_int_equal(ampql_source_memory(engine, NULL, &source, NULL), AMPQL_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ampql_aggregate_options lines = rows[i].options;
        struct ampql_cost_options options = {
            .size = sizeof options, .end_ms = 60000, .lines = &lines};
        struct ampql_allocations *bill = NULL;
        struct ampql_error err = {0};
        lines.size = sizeof lines;
        enum ampql_code code = ampql_allocate(engine, source, &options, &bill, &err);
        if (code != AMPQL_BAD_DATA || bill || err.start != rows[i].start ||
            err.end != rows[i].end || strcmp(err.message, rows[i].message) != 0)
            fail_msg("row %zu: %d \"%s\" [%zu, %zu)", i, code, err.message, err.start, err.end);
    }
    ampql_source_free(source);
    ampql_engine_free(engine);
#undef KNOWN
}

/* ---- price files */

static void test_prices(void **state)
{
    static const struct ampql_prices all = {1, 2, 3, 0.5, 0.25, 0.125, 0.0625};
    static const struct {
        const char *text;
        struct ampql_prices prices; /* of what is given */
        double discount;
        bool is_custom;
    } rows[] = {
        {"{\"CPU\":\"1\",\"RAM\":2,\"GPU\":\"3\",\"spotCPU\":\"0.5\",\"spotRAM\":\"2.5e-1\","
         "\"spotGPU\":\"0.125\",\"storage\":\"0.0625\"}",
         all, 0, false},
        {"cpu: 1\nRam: '2'\ngpu: 3\nSPOTCPU: 0.5\nspotram: 0.25\nspotgpu: 0.125\nStorage: 0.0625\n",
         all, 0, false},
        {"{\"provider\":\"base\",\n\t\"CPU\": \"1\",\n\t\"discount\": \"30%\", "
         "\"zoneNetworkEgress\": \"x\"}",
         {1, -1, -1, -1, -1, -1, -1},
         0.3,
         false},
        {"customPricesEnabled: true\ndiscount: 0\nawsServiceKeySecret: a\nGPU: \"\"\n",
         {-1, -1, -1, -1, -1, -1, -1},
         0,
         true},
        {"{}", {-1, -1, -1, -1, -1, -1, -1}, 0, false},
    };
    struct ampql_engine *engine = new_engine();
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ampql_cost_options options = {.size = sizeof options};
        struct ampql_prices prices, want = ampql_default_prices();
        struct ampql_error err = {0};
        if (ampql_cost_prices_read(engine, rows[i].text, strlen(rows[i].text), &options, &prices,
                                   &err) != AMPQL_OK)
            fail_msg("%s: %s", rows[i].text, err.message);
        const double *given = &rows[i].prices.cpu;
        for (size_t k = 0; k < sizeof want / sizeof(double); k++)
            if (given[k] >= 0)
                (&want.cpu)[k] = given[k];
        assert_memory_equal(&prices, &want, sizeof want);
        assert_ptr_equal(options.prices, &prices);
        assert_true(options.discount == rows[i].discount && options.negotiated_discount == 0);
        assert_int_equal(options.custom_prices, rows[i].is_custom);
    }
    ampql_engine_free(engine);
}

static void test_refused_prices(void **state)
{
    static const struct {
        const char *text;
        size_t start, end;
        const char *message;
    } rows[] = {
        {"", 0, 0, "line 1, column 1: the price file is empty"},
        {"- CPU", 0, 0, "line 1, column 1: a price file is a list, expected a mapping"},
        {"CPU: 0.03 $", 5, 11,
         "line 1, column 6: CPU is \"0.03 $\", expected $ an hour as a number, without a unit"},
        {"{\"CPU\": \"1\", \"RAM\": \"-0.1\"}", 20, 26,
         "line 1, column 21: RAM is \"-0.1\", expected 0 or more"},
        {"GPU: nan", 5, 8, "line 1, column 6: GPU is \"nan\", expected 0 or more"},
        {"spotRAM: inf", 9, 12, "line 1, column 10: spotRAM is \"inf\", expected 0 or more"},
        {"CPU: [1]", 5, 6, "line 1, column 6: CPU is a list, expected a scalar"},
        {"CPUs: 1", 0, 4,
         "line 1, column 1: \"CPUs\" is no price, expected CPU, RAM, GPU, spotCPU, spotRAM, "
         "spotGPU, storage, "
         "discount, negotiatedDiscount, customPricesEnabled, or what else OpenCost's default.json "
         "has"},
        {"CPU: 1\ncpu: 2", 7, 10, "line 2, column 1: CPU is there twice, expected it once"},
        {"discount: 0.3", 10, 13,
         "line 1, column 11: discount is \"0.3\", expected a percentage: 30%"},
        {"negotiatedDiscount: 101%", 20, 24,
         "line 1, column 21: negotiatedDiscount is \"101%\", expected a percentage: 30%"},
        {"customPricesEnabled: 1", 21, 22,
         "line 1, column 22: customPricesEnabled is neither true nor false"},
    };
    struct ampql_engine *engine = new_engine();
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ampql_cost_options options = {.size = sizeof options};
        struct ampql_prices prices = {.cpu = 7};
        struct ampql_error err = {0};
        enum ampql_code code = ampql_cost_prices_read(engine, rows[i].text, strlen(rows[i].text),
                                                      &options, &prices, &err);
        if (code != AMPQL_BAD_DATA || strcmp(err.message, rows[i].message) != 0 ||
            err.start != rows[i].start || err.end != rows[i].end || prices.cpu != 7 ||
            options.prices)
            fail_msg("%s: %d \"%s\" [%zu, %zu)", rows[i].text, code, err.message, err.start,
                     err.end);
    }
    ampql_engine_free(engine);
}

static bool read_prices(const struct ampql_allocator *alc)
{
    struct ampql_cost_options options = {.size = sizeof options};
    struct ampql_prices prices;
    struct arena arena;
    arena_init(&arena, alc);
    bool ok = prices_read(STR("{\"CPU\": \"1\", \"discount\": \"30%\"}"), &arena, &options, &prices,
                          NULL) == AMPQL_OK;
    arena_done(&arena);
    return ok;
}

static void test_torture(void **state)
{
    (void)state;
    torture_all(read_prices);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_windows), cmocka_unit_test(test_refused_lines),
    cmocka_unit_test(test_prices),  cmocka_unit_test(test_refused_prices),
    cmocka_unit_test(test_torture),
};
TEST_MAIN(tests)
