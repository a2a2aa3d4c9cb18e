/* Random expressions. Each kind of expression is a row of a table: how often, and who writes it. */
#include "support/expr_gen_parts.h"

#include "base/number.h"
#include "series/sample.h"
#include "support/data_gen.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

bool expr_name_is_newer(const char *name)
{
    static const char *const newer[] = {"first_over_time",
                                        "anchored",
                                        "fill",
                                        "histogram_quantiles",
                                        "start",
                                        "end",
                                        "step",
                                        "range",
                                        "max_of",
                                        "limitk",
                                        "limit_ratio",
                                        "sort_by_label",
                                        "sort_by_label_desc",
                                        "start_timestamp",
                                        "mad_over_time",
                                        "ts_of_first_over_time",
                                        "ts_of_last_over_time",
                                        "ts_of_max_over_time",
                                        "ts_of_min_over_time",
                                        "double_exponential_smoothing",
                                        "integral"};
    for (size_t i = 0; i < sizeof newer / sizeof *newer; i++)
        if (strcmp(name, newer[i]) == 0)
            return true;
    return false;
}

bool gen_has(const struct gen *g, const char *name)
{
    if (g->data->options.dialect == AMPQL_PROM2 && expr_name_is_newer(name))
        return false;
    if (ispunct((unsigned char)name[0]))
        return true; /* operators that are no word */
    for (size_t i = 0; i < g->names->n; i++)
        if (strcmp(g->names->at[i], name) == 0)
            return true;
    return false;
}

const char *gen_known(struct gen *g, const char *const *names, size_t n)
{
    const char *name = names[gen_pick(&g->bytes, (unsigned)n)];
    return gen_has(g, name) ? name : names[0];
}

static void aggregation(struct gen *g, unsigned depth)
{
    static const char *const names[] = {"sum",      "avg",          "max",    "count", "min",
                                        "group",    "stddev",       "stdvar", "topk",  "bottomk",
                                        "quantile", "count_values", "sum",    "avg"};
    const char *name = KNOWN(g, names);
    const char *mode = gen_pick(&g->bytes, 4) < 3 ? "by" : "without";
    bool has_grouping = !gen_chance(&g->bytes, 15), is_last = gen_chance(&g->bytes, 30);
    const char *list = gen_labels(g);
    SAY(g, "%s", name);
    if (has_grouping && !is_last)
        SAY(g, " %s (%s) ", mode, list);
    SAY(g, "(");
    if (strcmp(name, "topk") == 0 || strcmp(name, "bottomk") == 0)
        SAY(g, "%u, ", gen_pick(&g->bytes, 5));
    if (strcmp(name, "quantile") == 0) {
        gen_scalar(g, 0);
        SAY(g, ", ");
    }
    if (strcmp(name, "count_values") == 0)
        SAY(g, "\"%s\", ", gen_chance(&g->bytes, 20) ? "pod" : "v");
    gen_vector(g, depth);
    SAY(g, ")");
    if (has_grouping && is_last)
        SAY(g, " %s (%s)", mode, list);
}

static void instant_function(struct gen *g, unsigned depth)
{
    static const char *const names[] = {
        "timestamp",    "abs",    "round", "ceil",      "floor",       "clamp_min",
        "sqrt",         "absent", "sort",  "exp",       "ln",          "log2",
        "log10",        "sgn",    "clamp", "clamp_max", "sort_desc",   "hour",
        "day_of_week",  "month",  "year",  "minute",    "day_of_year", "days_in_month",
        "day_of_month", "deg",    "rad",   "sin",       "cos",         "tan",
        "asin",         "acos",   "atan",  "sinh",      "cosh",        "tanh",
        "asinh",        "acosh",  "atanh"};
    const char *name = KNOWN(g, names);
    bool is_clamp = strncmp(name, "clamp", 5) == 0;
    SAY(g, "%s(", name);
    gen_vector(g, depth);
    for (int i = 0; is_clamp && i < (name[5] ? 1 : 2); i++) {
        SAY(g, ", ");
        gen_scalar(g, 0);
    }
    SAY(g, ")");
}

static void label_function(struct gen *g, unsigned depth)
{
    static const char *const replaces[] = {
        "\"pod\", \"$1\", \"pod\", \"(.*)-1\"",     "\"x\", \"$1\", \"ns\", \"(.*)\"",
        "\"node\", \"\", \"node\", \".*\"",         "\"__name__\", \"mem\", \"ns\", \"a|b\"",
        "\"ns\", \"${1}z$$\", \"pod\", \"(p)?.*\"", "\"region\", \"eu\", \"\", \"\"",
        "\"pod\", \"p\", \"ns\", \".+\"",           "\"a b\", \"1\", \"ns\", \"a\""};
    static const char *const joins[] = {"\"x\", \"/\", \"ns\", \"pod\"", "\"pod\", \"\", \"ns\"",
                                        "\"node\", \"-\"",
                                        "\"ns\", \"\", \"__name__\", \"missing\""};
    bool is_join = gen_chance(&g->bytes, 30) && gen_has(g, "label_join");
    SAY(g, is_join ? "label_join(" : "label_replace(");
    gen_vector(g, depth);
    SAY(g, ", %s)", is_join ? GEN_OF(&g->bytes, joins) : GEN_OF(&g->bytes, replaces));
}

static const char *operator_text(struct gen *g, bool *is_comparison)
{
    static const char *const arithmetic[] = {"*", "+", "-", "/", "*", "%", "^", "atan2"};
    static const char *const comparison[] = {">", "<", "==", "!=", ">=", "<="};
    *is_comparison = gen_chance(&g->bytes, 30);
    return *is_comparison ? GEN_OF(&g->bytes, comparison) : KNOWN(g, arithmetic);
}

static void vector_operator(struct gen *g, unsigned depth)
{
    bool is_comparison;
    SAY(g, "(");
    gen_vector(g, depth);
    SAY(g, " %s", operator_text(g, &is_comparison));
    if (is_comparison && gen_chance(&g->bytes, 30))
        SAY(g, " bool");
    gen_matching(g, true);
    SAY(g, " ");
    gen_vector(g, depth);
    SAY(g, ")");
}

/* A join that works: both sides aggregated to labels that fit. */
static void tidy_join(struct gen *g, unsigned depth)
{
    static const char *const aggregations[] = {"sum", "avg", "max", "min", "count"};
    bool is_comparison, is_left = gen_chance(&g->bytes, 60);
    SAY(g, "(%s by (ns, pod, node) (", GEN_OF(&g->bytes, aggregations));
    gen_vector(g, depth);
    SAY(g, ") %s on (node) group_left%s %s by (node%s) (", operator_text(g, &is_comparison),
        is_left ? " (region)" : "", GEN_OF(&g->bytes, aggregations), is_left ? ", region" : "");
    gen_vector(g, depth);
    SAY(g, "))");
}

static void scalar_operator(struct gen *g, unsigned depth)
{
    bool is_comparison, is_swapped = gen_chance(&g->bytes, 30);
    SAY(g, "(");
    if (is_swapped)
        gen_scalar(g, depth);
    else
        gen_vector(g, depth);
    SAY(g, " %s ", operator_text(g, &is_comparison));
    if (is_comparison && gen_chance(&g->bytes, 20))
        SAY(g, "bool ");
    if (is_swapped)
        gen_vector(g, depth);
    else
        gen_scalar(g, depth);
    SAY(g, ")");
}

static void set_operator(struct gen *g, unsigned depth)
{
    static const char *const operators[] = {"or", "and", "unless", "or"};
    SAY(g, "(");
    gen_vector(g, depth);
    SAY(g, " %s", GEN_OF(&g->bytes, operators));
    gen_matching(g, false);
    SAY(g, " ");
    gen_vector(g, depth);
    SAY(g, ")");
}

static void minus(struct gen *g, unsigned depth)
{
    SAY(g, gen_chance(&g->bytes, 20) ? "+" : "-");
    gen_vector(g, depth);
}

static void of_scalar(struct gen *g, unsigned depth)
{
    SAY(g, "vector(");
    gen_scalar(g, depth);
    SAY(g, ")");
}

static void histogram(struct gen *g, unsigned depth)
{
    if (!gen_has(g, "histogram_quantile")) {
        aggregation(g, depth);
        return;
    }
    bool is_several = gen_has(g, "histogram_quantiles") && gen_chance(&g->bytes, 30);
    if (is_several) {
        SAY(g, "histogram_quantiles(%s, \"%s\", ",
            gen_chance(&g->bytes, 50) ? "d_bucket" : "sum by (ns, le) (rate(d_bucket[5m]))",
            gen_chance(&g->bytes, 80) ? "q" : "le");
        gen_scalar(g, 0);
        SAY(g, ", 0.125)"); /* another than that, so that labels differ */
        return;
    }
    SAY(g, "histogram_quantile(");
    gen_scalar(g, 0);
    SAY(g, ", ");
    if (gen_chance(&g->bytes, 50))
        SAY(g, "sum by (ns, le) (rate(d_bucket[5m])))");
    else
        SAY(g, "d_bucket)");
}

static const struct kind {
    unsigned weight;
    bool is_leaf;
    void (*write)(struct gen *g, unsigned depth);
} kinds[] = {
    {14, true, gen_selector},
    {12, true, gen_range_function},
    {8, true, gen_cost_shape},
    {16, false, aggregation},
    {6, false, vector_operator},
    {6, false, tidy_join},
    {8, false, scalar_operator},
    {7, false, set_operator},
    {5, false, instant_function},
    {4, false, label_function},
    {2, false, minus},
    {2, true, of_scalar},
    {2, true, histogram},
    {3, false, gen_rare},
    {2, true, gen_rare_range},
};

void gen_vector(struct gen *g, unsigned depth)
{
    unsigned total = 0, i = 0;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        if (depth > 0 || kinds[k].is_leaf)
            total += kinds[k].weight;
    unsigned at = gen_pick(&g->bytes, total);
    for (;; i++) {
        if (depth == 0 && !kinds[i].is_leaf)
            continue;
        if (at < kinds[i].weight)
            break;
        at -= kinds[i].weight;
    }
    kinds[i].write(g, depth > 0 ? depth - 1 : 0);
}

void gen_scalar(struct gen *g, unsigned depth)
{
    static const char *const numbers[] = {"1",    "0",   "0.5",  "2",   "60",  "-1",
                                          "1024", "0.9", "1e9",  "NaN", "Inf", "-0.25",
                                          "1e-3", "3.7", "-Inf", "100"};
    static const char *const times[] = {"time", "start", "end", "step", "range"};
    switch (gen_pick(&g->bytes, 11)) {
    case 10:
        if (gen_has(g, "max_of")) {
            SAY(g, "%s_of(", gen_chance(&g->bytes, 50) ? "max" : "min");
            gen_scalar(g, depth);
            SAY(g, ", %s)", GEN_OF(&g->bytes, numbers));
            break;
        }
        /* fall through */
    case 7:
        SAY(g, "%s()", KNOWN(g, times));
        break;
    case 8:
        if (depth > 0) {
            SAY(g, "scalar(");
            gen_vector(g, depth - 1);
            SAY(g, ")");
            break;
        }
        /* fall through */
    case 9:
        SAY(g, "(%s + ", GEN_OF(&g->bytes, numbers));
        SAY(g, "%s)", GEN_OF(&g->bytes, numbers));
        break;
    default:
        SAY(g, "%s", GEN_OF(&g->bytes, numbers));
    }
}

static void make_options(struct gen_bytes *g, struct ampql_run_options *out)
{
    static const int64_t steps[] = {60000, 30000, 300000, 15000, 61000, 7000};
    static const int64_t lookbacks[] = {0, 60000, 90000, 1};
    *out = (struct ampql_run_options){.size = sizeof *out, .dialect = AMPQL_PROM3};
    out->start_ms = (int64_t)gen_pick(g, 30) * 60000 + (gen_chance(g, 40) ? gen_byte(g) * 500 : 0);
    if (gen_chance(g, 15))
        out->dialect = AMPQL_PROM2;
    out->delayed_name_removal = gen_chance(g, 30);
    if (gen_chance(g, 10))
        out->lookback_ms = GEN_OF(g, lookbacks);
    out->end_ms = out->start_ms;
    if (!gen_chance(g, 60))
        return;
    size_t n = gen_chance(g, 6) ? 60 + gen_pick(g, 80) : gen_pick(g, 12);
    out->step_ms = GEN_OF(g, steps);
    if (gen_chance(g, 50))
        out->start_ms = (int64_t)gen_pick(g, 20) * 60000;
    out->end_ms = out->start_ms + (int64_t)n * out->step_ms + gen_byte(g) % 3;
}

/* The text; then the samples, when there are none yet. */
static void make_text(struct gen *g, struct arena *arena, struct expr_case *out, bool has_samples)
{
    unsigned kind = gen_pick(&g->bytes, 40), depth = gen_pick(&g->bytes, 4);
    buf_init(&g->out, arena->alc, 1 << 20);
    if (kind == 39 && out->options.step_ms == 0)
        gen_matrix(g, depth);
    else if (kind == 38)
        gen_scalar(g, depth);
    else
        gen_vector(g, depth);
    if (!has_samples)
        data_generate_samples(&g->bytes, arena, out);
    out->text = arena_copy(arena, buf_view(&g->out));
    if (g->out.failed != AMPQL_OK || !out->text.p)
        abort();
    buf_done(&g->out);
}

void expr_generate(const uint8_t *bytes, size_t size, const struct expr_names *names,
                   struct arena *arena, struct expr_case *out)
{
    struct gen g = {.bytes = {bytes, size}, .names = names, .data = out};
    *out = (struct expr_case){0};
    make_options(&g.bytes, &out->options);
    data_generate_labels(&g.bytes, arena, out);
    make_text(&g, arena, out, false);
}

void expr_generate_over(const uint8_t *bytes, size_t size, const struct expr_names *names,
                        int64_t base_ms, struct arena *arena, struct expr_case *out)
{
    struct gen g = {.bytes = {bytes, size}, .names = names, .data = out, .base_ms = base_ms};
    make_options(&g.bytes, &out->options);
    out->options.start_ms += base_ms;
    out->options.end_ms += base_ms;
    make_text(&g, arena, out, true);
}

static void print_series(const struct test_series *s, struct buf *out)
{
    buf_text(out, "  {");
    for (size_t k = 0; k < s->nlabels; k++)
        buf_format(out, "%s%.*s=\"%.*s\"", k ? ", " : "", (int)s->labels[k].name.size,
                   s->labels[k].name.data, (int)s->labels[k].value.size, s->labels[k].value.data);
    buf_text(out, "}");
    for (size_t i = 0; i < s->n; i++) {
        char number[NUMBER_MAX];
        number_format(s->v[i], number);
        buf_format(out, " %s@%lld", is_stale(s->v[i]) ? "stale" : number, (long long)s->t_ms[i]);
    }
    buf_text(out, "\n");
}

void expr_case_print(const struct expr_case *c, struct buf *out)
{
    buf_format(out, "%s%s, lookback %lld ms, times in ms\n",
               c->options.dialect == AMPQL_PROM2 ? "prom2" : "prom3",
               c->options.delayed_name_removal ? ", names go at the end" : "",
               (long long)c->options.lookback_ms);
    for (size_t i = 0; i < c->nseries; i++)
        print_series(&c->series[i], out);
    buf_format(out, "from %lld to %lld step %lld: ", (long long)c->options.start_ms,
               (long long)c->options.end_ms, (long long)c->options.step_ms);
    buf_str(out, c->text);
    buf_byte(out, '\n');
}

void expr_names_of_engine(struct expr_names *out)
{
    struct ampql_function f;
    *out = (struct expr_names){{"atan2", "anchored", "fill"}, 3};
    for (size_t i = 0; out->n < EXPR_GEN_NAMES && ampql_function_at(i, &f); i++)
        out->at[out->n++] = f.name;
}
