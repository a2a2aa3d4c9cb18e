/* What goes over the wire for a select, and that any cutting of it owns each sample once. */
#include "support/collect.h"
#include "support/test.h"
#include "support/torture.h"

#include "source/wire.h"

#include <stdlib.h>

#define HOUR INT64_C(3600000)

static const struct wire_server exact = {0}, floors = {.floors_ranges = true};

/* ---- text */

static const struct row {
    const char *selector;
    enum ampql_select_kind kind;
    int64_t from, to, step; /* RAW: (from, to] */
    const struct wire_server *server;
    const char *form; /* of the first part */
} rows[] = {
    {"up", AMPQL_SELECT_RAW, 1709399409250, 1709403009250, 0, &exact,
     "query=up%5B3600000ms%5D&time=1709403009.250&stats=all"},
    {"up{job=\"a\",x!=\"b c\"}", AMPQL_SELECT_RAW, 0, 1, 0, &exact,
     "query=up%7Bjob%3D%22a%22%2Cx%21%3D%22b%20c%22%7D%5B1ms%5D&time=0.001&stats=all"},
    {"up", AMPQL_SELECT_RAW, -1500, -500, 0, &exact, "query=up%5B1000ms%5D&time=-0.500&stats=all"},
    {"up", AMPQL_SELECT_GRID, 60000, 60000, 1, &exact, "query=up&time=60.000&stats=all"},
    {"up", AMPQL_SELECT_GRID, 60001, 60001, 7, &floors, "query=up&time=60.001&stats=all"},
    {"up", AMPQL_SELECT_GRID, 60000, 300000, 60000, &floors,
     "query=up&start=60.000&end=300.000&step=60&stats=all"},
    {"up", AMPQL_SELECT_GRID, 60500, 300500, 60000, &exact,
     "query=up&start=60.500&end=300.500&step=60&stats=all"},
    /* asked for 59.5 s later, where 120 s is a multiple of the step */
    {"up", AMPQL_SELECT_GRID, 60500, 300500, 60000, &floors,
     "query=up%20offset%2059500ms&start=120.000&end=360.000&step=60&stats=all"},
    {"up", AMPQL_SELECT_GRID, -500, 500, 1000, &floors,
     "query=up%20offset%20500ms&start=0.000&end=1.000&step=1&stats=all"},
    {"up", AMPQL_SELECT_GRID, 0, 3000, 1500, &exact,
     "query=up&start=0.000&end=3.000&step=1500ms&stats=all"},
    {"up", AMPQL_SELECT_GRID_TIMESTAMP, 60500, 120500, 60000, &floors,
     "query=timestamp%28up%20offset%2059500ms%29&start=120.000&end=180.000&step=60&stats=all"},
    {"up", AMPQL_SELECT_GRID_TIMESTAMP, 5, 5, 1, &floors,
     "query=timestamp%28up%29&time=0.005&stats=all"},
};

static struct ampql_select select_of(const char *selector, enum ampql_select_kind kind,
                                     int64_t from, int64_t to, int64_t step,
                                     struct ampql_matcher *matchers)
{
    struct ampql_select select = kind == AMPQL_SELECT_RAW
                                     ? collect_raw(selector, matchers, from, to)
                                     : collect_grid(selector, matchers, from, to, step);
    select.kind = kind;
    return select;
}

static void forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        struct ampql_matcher matchers[16];
        struct ampql_select select =
            select_of(row->selector, row->kind, row->from, row->to, row->step, matchers);
        struct buf out;
        buf_init(&out, &alloc_default, 1 << 16);
        int64_t at = wire_begin(&select);
        assert_int_equal(wire_check(&select, row->server, NULL), AMPQL_OK);
        struct wire_part part = wire_next(&select, row->server, 0, &at);
        wire_form(&out, &select, row->server, &part);
        buf_byte(&out, '\0');
        assert_int_equal(out.failed, AMPQL_OK);
        assert_string_equal(out.p, row->form);
        buf_done(&out);
    }
}

static struct ampql_matcher matcher(const char *name, enum ampql_match_op op, const char *value)
{
    return (struct ampql_matcher){{name, strlen(name)}, op, {value, strlen(value)}};
}

static void selectors(void **state)
{
    (void)state;
    const struct {
        struct ampql_matcher matchers[3];
        size_t n;
        const char *text;
    } cases[] = {
        {{matcher("__name__", AMPQL_MATCH_EQUAL, "up")}, 1, "up"},
        {{matcher("__name__", AMPQL_MATCH_EQUAL, "job:up:sum")}, 1, "job:up:sum"},
        {{matcher("job", AMPQL_MATCH_EQUAL, "a"), matcher("__name__", AMPQL_MATCH_EQUAL, "up")},
         2,
         "up{job=\"a\"}"},
        {{matcher("__name__", AMPQL_MATCH_REGEX, "a|b"), matcher("x", AMPQL_MATCH_NOT_REGEX, ".+")},
         2,
         "{__name__=~\"a|b\",x!~\".+\"}"},
        /* two matchers of the name: neither may stand before the braces */
        {{matcher("__name__", AMPQL_MATCH_EQUAL, "up"),
          matcher("__name__", AMPQL_MATCH_NOT_EQUAL, "down")},
         2,
         "{__name__=\"up\",__name__!=\"down\"}"},
        /* names that some parser reads as something else, or that only 3.x has */
        {{matcher("__name__", AMPQL_MATCH_EQUAL, "Inf")}, 1, "{__name__=\"Inf\"}"},
        {{matcher("__name__", AMPQL_MATCH_EQUAL, "on")}, 1, "{__name__=\"on\"}"},
        {{matcher("__name__", AMPQL_MATCH_EQUAL, "one")}, 1, "one"},
        {{matcher("__name__", AMPQL_MATCH_EQUAL, "my.metric")}, 1, "{__name__=\"my.metric\"}"},
        {{matcher("__name__", AMPQL_MATCH_EQUAL, "up"), matcher("k8s.pod", AMPQL_MATCH_EQUAL, "p")},
         2,
         "up{\"k8s.pod\"=\"p\"}"},
        {{matcher("a:b", AMPQL_MATCH_EQUAL, "\"\\\n"), matcher("c", AMPQL_MATCH_EQUAL, "\xc3\xa9")},
         2,
         "{\"a:b\"=\"\\\"\\\\\\n\",c=\"\xc3\xa9\"}"},
        {{matcher("__name__", AMPQL_MATCH_EQUAL, "")}, 1, "{__name__=\"\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out;
        buf_init(&out, &alloc_default, 1 << 16);
        wire_selector(&out, cases[i].matchers, cases[i].n, NULL);
        buf_byte(&out, '\0');
        assert_string_equal(out.p, cases[i].text);
        buf_done(&out);
    }
}

static void cuts(void **state)
{
    (void)state;
    struct str values[] = {STR("a.b"), STR("c|d\\e"), STR("\xc3\xa9")}, pods[] = {STR("p-1")};
    struct wire_cut some = {.name = STR("ns"), .values = values, .nvalues = 3};
    struct wire_cut rest = {
        .outer = &some, .name = STR("pod"), .is_rest = true, .values = pods, .nvalues = 1};
    struct ampql_matcher name = matcher("__name__", AMPQL_MATCH_EQUAL, "up");
    struct buf out;
    buf_init(&out, &alloc_default, 1 << 16);
    wire_selector(&out, &name, 1, &rest);
    buf_byte(&out, '\0');
    assert_string_equal(out.p, "up{pod!=\"p-1\",ns=~\"a\\\\.b|c\\\\|d\\\\\\\\e|\xc3\xa9\"}");
    buf_done(&out);
}

static void parameters(void **state)
{
    (void)state;
    struct wire_server server = {.takes_lookback = true, .max_billed = 5000000};
    struct ampql_matcher matchers[16];
    struct ampql_select select = collect_grid("up", matchers, 0, 60000, 60000);
    struct buf out;
    select.lookback_ms = 60000;
    buf_init(&out, &alloc_default, 1 << 16);
    int64_t at = wire_begin(&select);
    struct wire_part part = wire_next(&select, &server, 0, &at);
    wire_form(&out, &select, &server, &part);
    buf_byte(&out, '\0');
    assert_string_equal(out.p, "query=up&start=0.000&end=60.000&step=60&lookback_delta=60&stats=all"
                               "&max_samples_processed_error_threshold=5000000");
    buf_done(&out);
}

/* ---- refusals */

static void refusals(void **state)
{
    (void)state;
    struct ampql_matcher matchers[16];
    struct ampql_error err;
    struct ampql_select select = collect_grid("up", matchers, 0, 60000, 60000);
    select.lookback_ms = 60000;
    assert_int_equal(wire_check(&select, &exact, &err), AMPQL_UNSUPPORTED);
    assert_non_null(strstr(err.message, "a lookback of 1m"));
    assert_int_equal(wire_check(&select, &(struct wire_server){.takes_lookback = true}, &err), 0);
    select.lookback_ms = 300000;
    assert_int_equal(wire_check(&select, &exact, &err), AMPQL_OK);
    select.step_ms = 0;
    assert_int_equal(wire_check(&select, &exact, &err), AMPQL_BAD_DATA);
    select = collect_raw("up", matchers, INT64_MIN, 0);
    assert_int_equal(wire_check(&select, &exact, &err), AMPQL_BAD_DATA);
    select = collect_raw("up", matchers, 0, INT64_MAX);
    assert_int_equal(wire_check(&select, &exact, &err), AMPQL_BAD_DATA);
    select = collect_grid("up", matchers, INT64_MIN, 0, 1);
    assert_int_equal(wire_check(&select, &exact, &err), AMPQL_BAD_DATA);
}

/* ---- limits of one request */

static void limits(void **state)
{
    (void)state;
    struct ampql_matcher matchers[16];
    int64_t at;
    /* 40 days in one instant query are more than AMP takes */
    struct ampql_select select = collect_raw("up", matchers, 0, 40 * WIRE_DAY_MS);
    assert_int_equal(wire_count(&select, &exact, 0), 2);
    assert_int_equal(wire_count(&select, &exact, HOUR), 40 * 24);
    /* 11,000 points, and 90 days */
    select = collect_grid("up", matchers, 0, 29999000, 1000);
    at = wire_begin(&select);
    assert_int_equal(wire_next(&select, &exact, 0, &at).to_ms, 10999000);
    assert_int_equal(at, 11000000);
    assert_int_equal(wire_count(&select, &exact, 0), 3);
    select = collect_grid("up", matchers, 0, 200 * WIRE_DAY_MS, WIRE_DAY_MS);
    assert_int_equal(wire_count(&select, &exact, 0), 3);
    at = wire_begin(&select);
    assert_int_equal(wire_next(&select, &exact, 0, &at).to_ms, 89 * WIRE_DAY_MS);
    /* nothing to ask */
    select = collect_raw("up", matchers, 5, 5);
    assert_int_equal(wire_count(&select, &exact, 0), 0);
    assert_int_equal(wire_samples_a_series(&select, 60000), 0);
    /* a day at 60 s */
    select = collect_raw("up", matchers, 0, WIRE_DAY_MS);
    assert_int_equal(wire_samples_a_series(&select, 60000), 1440);
    select = collect_grid("up", matchers, 0, WIRE_DAY_MS, 300000);
    assert_int_equal(wire_samples_a_series(&select, 60000), 289);
}

/* ---- any cutting owns every time once */

enum { SPAN = 4000 };

/* What a server sends of a series with a sample at every ms: each time that the part keeps is
 * marked, and must not have been before. */
static void answer(const struct ampql_select *select, const struct wire_server *server,
                   const struct wire_part *part, bool is_left_closed, int64_t base, uint8_t *seen)
{
    struct buf query;
    int64_t step = 1, from = part->from_ms + !is_left_closed, to = part->to_ms, shift = 0;
    if (select->kind != AMPQL_SELECT_RAW) {
        buf_init(&query, &alloc_default, 1 << 16);
        wire_query(&query, select, server, part);
        buf_byte(&query, '\0');
        const char *offset = strstr(query.p, " offset ");
        shift = offset ? atoll(offset + 8) : 0;
        buf_done(&query);
        from = part->from_ms;
        if (from != to) {
            step = select->step_ms;
            if (server->floors_ranges) { /* the server's arithmetic */
                int64_t asked = from + shift, floored = asked / step * step;
                assert_int_equal(asked, floored);
                assert_int_equal((to + shift) % step, 0);
            }
        }
    }
    for (int64_t t = from; t <= to; t += step) {
        int64_t own;
        enum wire_time_kind kind = wire_own(select, server, part, t + shift, &own);
        assert_int_not_equal(kind, WIRE_WRONG);
        if (kind == WIRE_KEEP) {
            assert_int_equal(own, t);
            assert_int_equal(seen[own - base]++, 0);
        }
    }
    int64_t own;
    assert_int_equal(wire_own(select, server, part, to + shift + step, &own), WIRE_WRONG);
    assert_int_equal(wire_own(select, server, part, part->from_ms + shift - step, &own),
                     WIRE_WRONG);
}

static void cut_and_answer(const struct ampql_select *select, const struct wire_server *server,
                           const struct wire_part *part, bool is_left_closed, int64_t base,
                           uint8_t *seen)
{
    struct wire_part first, second;
    if (rand() % 3 == 0 && wire_halve(select, part, &first, &second)) {
        cut_and_answer(select, server, &first, is_left_closed, base, seen);
        cut_and_answer(select, server, &second, is_left_closed, base, seen);
    } else {
        answer(select, server, part, is_left_closed, base, seen);
    }
}

static void any_cutting(void **state)
{
    (void)state;
    srand(7);
    for (size_t turn = 0; turn < 4000; turn++) {
        struct ampql_matcher matchers[16];
        int64_t base = (rand() % 2 ? 1709403009000 : 0) + rand() % 10000;
        int64_t from = base + 1 + rand() % 1000, to = from + rand() % 2500, step = 1 + rand() % 90;
        bool is_raw = rand() % 2, is_left_closed = rand() % 2;
        struct wire_server server = {.floors_ranges = rand() % 2,
                                     .max_points = (uint64_t)(1 + rand() % 40)};
        struct ampql_select select =
            is_raw ? collect_raw("up", matchers, from, to)
                   : collect_grid("up", matchers, from, from + (to - from) / step * step, step);
        uint8_t seen[SPAN] = {0};
        uint64_t nparts = 0;
        int64_t chunk = rand() % 5 == 0 ? 0 : 1 + rand() % 1500;
        for (int64_t at = wire_begin(&select); wire_has_part(&select, at); nparts++) {
            struct wire_part part = wire_next(&select, &server, chunk, &at);
            if (is_raw && part.to_ms != to && chunk)
                assert_int_equal(part.to_ms % chunk, 0);
            cut_and_answer(&select, &server, &part, is_left_closed, base, seen);
        }
        assert_int_equal(nparts, wire_count(&select, &server, chunk));
        for (int64_t t = base; t < base + SPAN; t++) {
            bool is_asked = is_raw ? t > from && t <= to
                                   : t >= from && t <= select.end_ms && (t - from) % step == 0;
            assert_int_equal(seen[t - base], is_asked);
        }
    }
}

static bool print_all(const struct ampql_allocator *alc)
{
    struct ampql_matcher matchers[16];
    struct ampql_select select = collect_raw("up{job=\"a\"}", matchers, 0, 1000);
    struct str values[] = {STR("x")};
    struct wire_cut cut = {.name = STR("ns"), .values = values, .nvalues = 1};
    int64_t at = 0;
    struct wire_part part = wire_next(&select, &exact, 0, &at);
    struct buf out;
    part.cut = &cut;
    buf_init(&out, alc, 1 << 16);
    wire_form(&out, &select, &exact, &part);
    bool ok = out.failed == AMPQL_OK;
    buf_done(&out);
    return ok;
}

static void torture(void **state)
{
    (void)state;
    torture_all(print_all);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(forms),       cmocka_unit_test(selectors), cmocka_unit_test(cuts),
    cmocka_unit_test(parameters),  cmocka_unit_test(refusals),  cmocka_unit_test(limits),
    cmocka_unit_test(any_cutting), cmocka_unit_test(torture),
};
TEST_MAIN(tests)
