/* Shapes, each with a size that differs from one time to the next. */
#include "support/hostile_query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MANY = 2000, /* series of y and buckets of b, with FEW samples a minute apart */
    FEW = 120,
    MOST = 20000 /* series of z, with one sample */
};

static void must(bool ok)
{
    if (!ok)
        abort();
}

static struct ampql_label label(const char *name, const char *value)
{
    return (struct ampql_label){{name, strlen(name)}, {value, strlen(value)}};
}

static void add(struct hostile_data *data, const char *name, size_t number, const char *le,
                const int64_t *t, const double *v, size_t n)
{
    char text[32], group[32];
    snprintf(text, sizeof text, "%zu", number);
    snprintf(group, sizeof group, "%zu", number / 10);
    struct ampql_label labels[] = {label("__name__", name), label("g", group), label("i", text),
                                   label("le", le)};
    must(ampql_source_add(data->source, labels, le[0] ? 4 : 3, t, v, n, NULL) == AMPQL_OK);
}

static uint64_t next(uint64_t *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return *random >> 33;
}

void hostile_data_init(struct hostile_data *data)
{
    static const char *const bounds[] = {"0.1", "0.2", "0.5", "1",  "2",
                                         "5",   "10",  "20",  "50", "+Inf"};
    const struct ampql_engine_options engine = {.experimental = true};
    const struct ampql_memory_options options = {.size = sizeof options, .borrow = true};
    static int64_t minutes[FEW];
    uint64_t random = 42;
    must(ampql_engine_new(&engine, &data->engine, NULL) == AMPQL_OK);
    must(ampql_source_memory(data->engine, &options, &data->source, NULL) == AMPQL_OK);
    data->t = malloc(HOSTILE_SECONDS * sizeof *data->t);
    data->v = malloc(HOSTILE_SECONDS * sizeof *data->v);
    must(data->t && data->v);
    for (size_t i = 0; i < HOSTILE_SECONDS; i++) {
        data->t[i] = (int64_t)i * 1000;
        data->v[i] = (double)next(&random) / 1000;
    }
    for (size_t k = 0; k < FEW; k++)
        minutes[k] = (int64_t)k * 60000;
    add(data, "x", 0, "", data->t, data->v, HOSTILE_SECONDS);
    for (size_t i = 0; i < MANY; i++) {
        add(data, "y", i, "", minutes, data->v + i * FEW, FEW);
        add(data, "b", i / 10, bounds[i % 10], minutes, data->v + i, FEW);
    }
    for (size_t i = 0; i < MOST; i++)
        add(data, "z", i, "", minutes, data->v + i, 1);
}

void hostile_data_done(struct hostile_data *data)
{
    ampql_source_free(data->source);
    ampql_engine_free(data->engine);
    free(data->t);
    free(data->v);
}

/* ---- shapes: before, a piece many times, after; %zu in a piece is its number */

static const struct shape {
    const char *before, *piece, *after;
    size_t pieces;         /* at most */
    int64_t end_s, step_s; /* 0: an instant query at the end; steps may become more */
} shapes[] = {
    {"x[", "", "1000000s]", 0, 999999, 0},
    {"sum_over_time(x[5m])", "", "", 0, 999999, 90},
    {"quantile_over_time(0.5, x[12h])", "", "", 0, 999999, 900},
    {"{__name__=~\".+\"}[2h]", "", "", 0, 7200, 0},
    {"y", "", "", 0, 7200, 1},
    {"y", " + y", "", 40, 7200, 60},
    {"y", " or label_replace(y, \"k\", \"%zu\", \"\", \"\")", "", 30, 7200, 60},
    {"y * on (i) group_left () y", "", "", 0, 7200, 1},
    {"y * on (g) group_left () sum by (g) (y)", "", "", 0, 7200, 2},
    {"y and on (g) y or y unless y", "", "", 0, 7200, 2},
    {"topk(1500, y)", "", "", 0, 7200, 1},
    {"quantile by (g) (0.9, y)", "", "", 0, 7200, 1},
    {"quantile(0.9, y)", "", "", 0, 7200, 3},
    {"stddev by (i) (y)", "", "", 0, 7200, 2},
    {"limitk(1900, y)", "", "", 0, 7200, 3},
    {"count_values(\"v\", y)", "", "", 0, 7200, 60},
    {"count_values(\"v\", x)", "", "", 0, 999999, 100},
    {"histogram_quantile(0.9, rate(b[5m]))", "", "", 0, 7200, 1},
    {"sort_desc(z)", "", "", 0, 0, 0},
    {"label_replace(z, \"k\", \"$1-$2\", \"i\", \"(.*)(.)\")", "", "", 0, 60, 1},
    {"max_over_time(sum_over_time(x[1m])[999999s:1s])", "", "", 0, 999999, 0},
    {"max_over_time(y[2h:1s])", "", "", 0, 7200, 0},
    {"sum_over_time((y * 2)[1h:5s])", "", "", 0, 7200, 60},
    {"avg_over_time(avg_over_time(avg_over_time(y[30m:10s])[30m:10s])[1h:10s])", "", "", 0, 7200,
     0},
    {"count_over_time(vector(1)[1000000s:1s])", "", "", 0, 999999, 0},
    {"count_over_time((y or y)[290y:1ms])", "", "", 0, 0, 0},
    {"absent_over_time(x[5m])", " or absent(nothing{a=\"%zu\"})", "", 500, 999999, 90},
    {"vector(0)", " + scalar(y{i=\"%zu\"})", "", 2000, 7200, 60},
    {"count(y{i=\"0\"})", " + count(y{i=~\"%zu.*\"})", "", 1000, 7200, 600},
    {"count(y{i=~\"a\"", ",i!~\"%zu(a|b)?c[d-f]{20}\"", "})", 100, 0, 0},
    {"count({i=~\"(a|b)*c(d|e)*f", "|%zu[a-z]?(x|y)+", "\"})", 100, 0, 0},
    {"count(z{i=~\"(?:[0-9]?){200}\"})", "", "", 0, 0, 0},
    {"label_replace(z, \"k\", \"$1\", \"i\", \"(.?.?.?.?)*\\\\pL{0,20}(.*)\")", "", "", 0, 0, 0},
    {"", "label_replace(", "z", 200, 0, 0},
    {"", "label_join(", "y", 60, 0, 0},
    {"", "sum by (i) (", "y", 200, 7200, 60},
    {"", "-", "y", 250, 7200, 60},
    {"1", " + 1", "", 5000, 7200, 1},
    {"y", " == y", "", 200, 7200, 600},
    {"sum by (g", ", l%zu", ") (y)", 20000, 7200, 60},
    {"timestamp(y)", " + timestamp(y)", "", 30, 7200, 20},
    {"((x ^ 1.7) ^ 0.3) ^ 2.2", "", "", 0, 999999, 1},
    {"double_exponential_smoothing(x[1h], 0.5, 0.5)", "", "", 0, 999999, 900},
    {"changes(x[1h])", " + resets(x[1h])", "", 20, 999999, 100},
    {"predict_linear(y[10m], 3600)", "", "", 0, 7200, 20},
};

enum { NSHAPES = sizeof shapes / sizeof *shapes };

/* What closes pieces that open a parenthesis. */
static const char *closing(const char *piece)
{
    int nopen = 0;
    for (const char *c = piece; *c; c++)
        nopen += (*c == '(') - (*c == ')');
    return nopen == 0                             ? ""
           : strcmp(piece, "label_replace(") == 0 ? ", \"k%zu\", \"$0$0\", \"i\", \"(.*)\")"
           : strcmp(piece, "label_join(") == 0    ? ", \"g\", \"\", \"g\", \"g\")"
                                                  : ")";
}

static void write_pieces(struct buf *text, const char *piece, size_t n)
{
    const char *number = strstr(piece, "%zu");
    for (size_t i = 0; i < n; i++) {
        if (!number) {
            buf_text(text, piece);
            continue;
        }
        buf_format(text, "%.*s%zu", (int)(number - piece), piece, i);
        buf_text(text, number + 3);
    }
}

void hostile_query_make(size_t i, struct hostile_query *out)
{
    const struct shape *shape = &shapes[i % NSHAPES];
    uint64_t random = i * 2654435761u + 1;
    next(&random);
    size_t n = shape->pieces ? 1 + next(&random) % shape->pieces : 0;
    int64_t step_s = shape->step_s ? 1 + (int64_t)next(&random) % (2 * shape->step_s) : 0;
    bool is_range = step_s > 0;
    buf_init(&out->text, &alloc_default, 1 << 20);
    buf_text(&out->text, shape->before);
    write_pieces(&out->text, shape->piece, n);
    buf_text(&out->text, shape->after);
    write_pieces(&out->text, closing(shape->piece), n);
    must(out->text.failed == AMPQL_OK);
    out->options = (struct ampql_run_options){.size = sizeof out->options,
                                              .start_ms = is_range ? 0 : shape->end_s * 1000,
                                              .end_ms = shape->end_s * 1000,
                                              .step_ms = step_s * 1000,
                                              .dialect = i % 7 == 0 ? AMPQL_PROM2 : AMPQL_PROM3,
                                              .max_points = UINT64_MAX};
}
