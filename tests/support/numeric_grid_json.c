/* JSON: numbers at every exponent in each of their spellings, times, and texts of every character
 * that JSON, JavaScript or HTML treats as special. */
#include "support/numeric_grid_parts.h"

#include "base/utf8.h"

#include <stdio.h>

enum { STEPS = 2000 };

/* A vector or scalar at a time. */
static void json_at(struct grid *g, const char *text, int64_t t_ms)
{
    struct expr_case c = {.text = grid_text(g, text),
                          .options = {.start_ms = t_ms, .end_ms = t_ms}};
    grid_finish(g, "json", true, &c);
}

/* Numbers as scalars, whose spelling is another one than in vectors. */
static void each_json_scalar(struct grid *g)
{
    enum { EACH = 11 };
    for (size_t i = 0; i < g->values.n; i += EACH) {
        char text[64];
        snprintf(text, sizeof text, "%.17g", g->values.at[i]);
        json_at(g, strcmp(text, "-nan") == 0 ? "nan" : text, 0);
    }
}

/* Up to the last that Prometheus can name: it counts nanoseconds. */
static void each_json_time(struct grid *g)
{
    static const int64_t times[] = {0,
                                    1,
                                    10,
                                    99,
                                    100,
                                    999,
                                    1000,
                                    1001,
                                    1500,
                                    59999,
                                    1700000000000,
                                    1700000000120,
                                    1700000000007,
                                    7999999999999,
                                    9223372036854};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        for (int sign = -1; sign <= 1; sign += 2) {
            json_at(g, "1", sign * times[i]);
            json_at(g, "vector(1)", sign * times[i]);
            json_at(g, "\"text\"", sign * times[i]);
        }
}

/* Label values and strings of each of the first characters, alone and between others, and some
 * more. All are UTF-8: Prometheus takes no other label values. */
static void json_text(struct grid *g, struct str value)
{
    const double one = 1;
    struct expr_case c = {.text = grid_text(g, "x")};
    grid_add(g, &c, "x", "a", value, &one, 1);
    grid_finish(g, "json", true, &c);
}

static void each_json_text(struct grid *g)
{
    static const char *const texts[] = {"<a href=\"b\">&amp;</a>", "\u2028\u2029\ufeff\u200b",
                                        "\xf0\x9f\x98\x80",        "\\u0041\\n",
                                        "a\tb\nc\rd\be\ff",        "\x7f"};
    for (uint32_t rune = 0; rune < 256; rune++) {
        char text[8] = "a";
        size_t n = utf8_encode(rune, text + 1);
        text[1 + n] = 'b';
        json_text(g, str_make(text + 1, n));
        json_text(g, str_make(text, n + 2));
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        json_text(g, str_of(texts[i]));
    json_at(g, "\"<a>&\\\"\\\\ \\u2028\\u2029 \\x07\\n\\t \\u00e9\"", 0);
    json_at(g, "`<script>`", 0);
    json_at(g, "label_replace(vector(1), \"<&>\", \"\\u2029\", \"\", \"\")", 0);
}

static void each_json_value(struct grid *g)
{
    for (size_t from = 0; from < g->values.n; from += STEPS) {
        size_t n = g->values.n - from < STEPS ? g->values.n - from : STEPS;
        struct expr_case c = grid_over(g, "x", g->values.at + from, n);
        grid_finish(g, "json", true, &c);
    }
    /* steps of milliseconds, numbers as labels, nothing at all */
    struct expr_case c = grid_over(g, "x", g->values.at, STEPS);
    c.options.end_ms = 2500;
    c.options.step_ms = 7;
    grid_finish(g, "json", true, &c);
    for (size_t i = 0; i < g->values.n; i += 101) {
        c = grid_over(g, "count_values(\"v\", x)", g->values.at + i, 1);
        grid_finish(g, "json", true, &c);
    }
    json_at(g, "x", 0);
    json_at(g, "x[5m]", 0);
    json_at(g, "vector(NaN)", 0);
}

void grid_json(struct grid *g)
{
    each_json_scalar(g);
    each_json_time(g);
    each_json_text(g);
    each_json_value(g);
}

/* ---- our side */

static int append(void *payload, const char *data, size_t size)
{
    buf_bytes(payload, data, size);
    return 0;
}

enum ampql_code numeric_grid_json(const struct expr_case *c, struct buf *out)
{
    struct ampql_engine *engine = NULL;
    struct ampql_source *source = NULL;
    struct ampql_query *query = NULL;
    struct ampql_result *result = NULL;
    struct ampql_error err = {0};
    const struct ampql_engine_options options = {.experimental = true};
    enum ampql_code code = ampql_engine_new(&options, &engine, &err);
    if (code == AMPQL_OK)
        code = ampql_source_memory(engine, NULL, &source, &err);
    for (size_t i = 0; i < c->nseries && code == AMPQL_OK; i++)
        code = ampql_source_add(source, c->series[i].labels, c->series[i].nlabels,
                                c->series[i].t_ms, c->series[i].v, c->series[i].n, &err);
    if (code == AMPQL_OK)
        code = ampql_query_compile(engine, c->text.p, c->text.n, &query, &err);
    if (code == AMPQL_OK)
        code = ampql_query_run(query, source, &c->options, &result, &err);
    if (code == AMPQL_OK)
        code = ampql_result_json(result, append, out);
    else
        buf_text(out, err.message);
    ampql_result_free(result);
    ampql_query_free(query);
    ampql_source_free(source);
    ampql_engine_free(engine);
    return code;
}
