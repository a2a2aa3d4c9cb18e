/* Random expressions. Each kind of expression is a row of a table: how often, and who writes it. */
#include "support/expr_gen.h"

#include "base/number.h"
#include "series/sample.h"
#include "support/data_gen.h"
#include "support/gen_bytes.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct gen {
    struct gen_bytes bytes;
    const struct expr_names *names;
    struct buf out;
    const struct expr_case *data;
    int64_t base_ms;
    unsigned in_subquery; /* how deep */
};

static void vector(struct gen *g, unsigned depth);
static void scalar(struct gen *g, unsigned depth);

#define SAY(g, ...) buf_format(&(g)->out, __VA_ARGS__)

static bool has(const struct gen *g, const char *name)
{
    if (ispunct((unsigned char)name[0]))
        return true; /* operators that are no word */
    for (size_t i = 0; i < g->names->n; i++)
        if (strcmp(g->names->at[i], name) == 0)
            return true;
    return false;
}

/* One of the names that the engine knows; the first should be one that it surely knows. */
static const char *known(struct gen *g, const char *const *names, size_t n)
{
    const char *name = names[gen_pick(&g->bytes, (unsigned)n)];
    return has(g, name) ? name : names[0];
}
#define KNOWN(g, array) known((g), (array), sizeof(array) / sizeof *(array))

/* ---- pieces */

static void duration(struct gen *g)
{
    static const char *const texts[] = {"5m",  "1m",  "2m",    "10m", "90s",
                                        "30s", "61s", "3m20s", "1ms"};
    SAY(g, "%s", GEN_OF(&g->bytes, texts));
}

/* at := "@" (time | "start()" | "end()") */
static void at_modifier(struct gen *g)
{
    static const struct time {
        const char *text;
        int64_t ms;
    } times[] = {{"300", 300000}, {"600.5", 600500}, {"start()", -1},
                 {"end()", -1},   {"-60", -60000},   {"1200", 1200000}};
    const struct time *time = &times[gen_pick(&g->bytes, sizeof times / sizeof *times)];
    char absolute[NUMBER_MAX];
    number_format_seconds(g->base_ms + time->ms, absolute);
    SAY(g, " @ %s", g->base_ms != 0 && time->ms != -1 ? absolute : time->text);
}

static void modifiers(struct gen *g)
{
    bool is_at = gen_chance(&g->bytes, 8);
    if (gen_chance(&g->bytes, 10)) {
        SAY(g, " offset %s", gen_chance(&g->bytes, 20) ? "-" : "");
        duration(g);
    }
    if (is_at)
        at_modifier(g);
}

/* A metric that there is, mostly. */
static struct ampql_string metric(struct gen *g)
{
    static const char *const metrics[] = {"cpu_total", "mem", "price", "info", "up", "d_bucket"};
    const char *any = GEN_OF(&g->bytes, metrics);
    if (g->data->nseries == 0 || gen_chance(&g->bytes, 10))
        return (struct ampql_string){any, strlen(any)};
    return g->data->series[gen_pick(&g->bytes, (unsigned)g->data->nseries)].labels[0].value;
}

static void selector_bare(struct gen *g)
{
    static const char *const matchers[] = {
        "ns=\"a\"",        "ns!=\"\"",    "pod=~\"p.*\"", "pod!~\"q|r\"", "node=\"n\"",
        "region=~\"|eu\"", "ns=~\"a|b\"", "pod=\"\"",     "ns!~\"c.+\"",  "le!=\"x\""};
    bool is_any = gen_chance(&g->bytes, 6);
    struct ampql_string name = metric(g);
    if (is_any)
        SAY(g, "{__name__=~\"cpu_total|mem|up\"");
    else
        SAY(g, "%.*s", (int)name.size, name.data);
    if (gen_chance(&g->bytes, 22)) {
        SAY(g, "%s%s", is_any ? ", " : "{", GEN_OF(&g->bytes, matchers));
        if (gen_chance(&g->bytes, 20))
            SAY(g, ", %s", GEN_OF(&g->bytes, matchers));
        SAY(g, "}");
    } else if (is_any) {
        SAY(g, "}");
    }
}

static void selector(struct gen *g, unsigned depth)
{
    (void)depth;
    selector_bare(g);
    modifiers(g);
}

static const char *labels(struct gen *g)
{
    static const char *const lists[] = {"ns",     "ns, pod", "node",     "pod",      "",
                                        "region", "le",      "ns, node", "__name__", "nothing"};
    return GEN_OF(&g->bytes, lists);
}

/* matrix := selector "[" d "]" | vector "[" d ":" [d] "]" */
static void matrix(struct gen *g, unsigned depth)
{
    static const char *const steps[] = {"1m", "", "30s", "5m", "45s", "2m"};
    static const char *const ranges[] = {"5m", "10m", "1m", "3m", "7m30s"};
    if (g->in_subquery > 1 || !gen_chance(&g->bytes, 30)) {
        selector_bare(g);
        SAY(g, "[");
        duration(g);
        SAY(g, "]");
    } else {
        g->in_subquery++;
        SAY(g, "(");
        vector(g, depth);
        SAY(g, ")[%s:", GEN_OF(&g->bytes, ranges));
        SAY(g, "%s]", GEN_OF(&g->bytes, steps));
        g->in_subquery--;
    }
    modifiers(g);
}

/* ---- vectors */

static void range_function(struct gen *g, unsigned depth)
{
    static const char *const names[] = {"rate",
                                        "avg_over_time",
                                        "max_over_time",
                                        "increase",
                                        "irate",
                                        "sum_over_time",
                                        "count_over_time",
                                        "min_over_time",
                                        "last_over_time",
                                        "present_over_time",
                                        "first_over_time",
                                        "delta",
                                        "idelta",
                                        "changes",
                                        "resets",
                                        "stddev_over_time",
                                        "stdvar_over_time",
                                        "deriv",
                                        "absent_over_time",
                                        "quantile_over_time",
                                        "predict_linear"};
    const char *name = KNOWN(g, names);
    SAY(g, "%s(", name);
    if (name[0] == 'q') {
        scalar(g, 0);
        SAY(g, ", ");
    }
    matrix(g, depth);
    if (strcmp(name, "predict_linear") == 0) {
        SAY(g, ", ");
        scalar(g, 0);
    }
    SAY(g, ")");
}

static void aggregation(struct gen *g, unsigned depth)
{
    static const char *const names[] = {"sum",      "avg",          "max",    "count", "min",
                                        "group",    "stddev",       "stdvar", "topk",  "bottomk",
                                        "quantile", "count_values", "sum",    "avg"};
    const char *name = KNOWN(g, names);
    const char *mode = gen_pick(&g->bytes, 4) < 3 ? "by" : "without";
    bool has_grouping = !gen_chance(&g->bytes, 15), is_last = gen_chance(&g->bytes, 30);
    const char *list = labels(g);
    SAY(g, "%s", name);
    if (has_grouping && !is_last)
        SAY(g, " %s (%s) ", mode, list);
    SAY(g, "(");
    if (strcmp(name, "topk") == 0 || strcmp(name, "bottomk") == 0)
        SAY(g, "%u, ", gen_pick(&g->bytes, 5));
    if (strcmp(name, "quantile") == 0) {
        scalar(g, 0);
        SAY(g, ", ");
    }
    if (strcmp(name, "count_values") == 0)
        SAY(g, "\"%s\", ", gen_chance(&g->bytes, 20) ? "pod" : "v");
    vector(g, depth);
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
    vector(g, depth);
    for (int i = 0; is_clamp && i < (name[5] ? 1 : 2); i++) {
        SAY(g, ", ");
        scalar(g, 0);
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
    bool is_join = gen_chance(&g->bytes, 30) && has(g, "label_join");
    SAY(g, is_join ? "label_join(" : "label_replace(");
    vector(g, depth);
    SAY(g, ", %s)", is_join ? GEN_OF(&g->bytes, joins) : GEN_OF(&g->bytes, replaces));
}

static void matching(struct gen *g, bool may_group)
{
    static const char *const includes[] = {"", "region", "node", "pod, region", "__name__"};
    unsigned kind = gen_pick(&g->bytes, 4);
    if (kind == 0)
        return;
    SAY(g, " %s (%s)", kind < 3 ? "on" : "ignoring", labels(g));
    if (!may_group || !gen_chance(&g->bytes, 55))
        return;
    SAY(g, " group_%s", gen_chance(&g->bytes, 30) ? "right" : "left");
    if (kind == 3 && gen_chance(&g->bytes, 70)) /* in on() a label may not be named twice */
        SAY(g, " (%s)", GEN_OF(&g->bytes, includes));
    else if (kind < 3 && gen_chance(&g->bytes, 30))
        SAY(g, gen_chance(&g->bytes, 50) ? " (extra)" : " (__name__)");
    else
        SAY(g, " ()"); /* a parenthesis after it would be read as its list */
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
    vector(g, depth);
    SAY(g, " %s", operator_text(g, &is_comparison));
    if (is_comparison && gen_chance(&g->bytes, 30))
        SAY(g, " bool");
    matching(g, true);
    SAY(g, " ");
    vector(g, depth);
    SAY(g, ")");
}

/* A join that works: both sides aggregated to labels that fit. */
static void tidy_join(struct gen *g, unsigned depth)
{
    static const char *const aggregations[] = {"sum", "avg", "max", "min", "count"};
    bool is_comparison, is_left = gen_chance(&g->bytes, 60);
    SAY(g, "(%s by (ns, pod, node) (", GEN_OF(&g->bytes, aggregations));
    vector(g, depth);
    SAY(g, ") %s on (node) group_left%s %s by (node%s) (", operator_text(g, &is_comparison),
        is_left ? " (region)" : "", GEN_OF(&g->bytes, aggregations), is_left ? ", region" : "");
    vector(g, depth);
    SAY(g, "))");
}

static void scalar_operator(struct gen *g, unsigned depth)
{
    bool is_comparison, is_swapped = gen_chance(&g->bytes, 30);
    SAY(g, "(");
    if (is_swapped)
        scalar(g, depth);
    else
        vector(g, depth);
    SAY(g, " %s ", operator_text(g, &is_comparison));
    if (is_comparison && gen_chance(&g->bytes, 20))
        SAY(g, "bool ");
    if (is_swapped)
        vector(g, depth);
    else
        scalar(g, depth);
    SAY(g, ")");
}

static void set_operator(struct gen *g, unsigned depth)
{
    static const char *const operators[] = {"or", "and", "unless", "or"};
    SAY(g, "(");
    vector(g, depth);
    SAY(g, " %s", GEN_OF(&g->bytes, operators));
    matching(g, false);
    SAY(g, " ");
    vector(g, depth);
    SAY(g, ")");
}

static void minus(struct gen *g, unsigned depth)
{
    SAY(g, gen_chance(&g->bytes, 20) ? "+" : "-");
    vector(g, depth);
}

static void of_scalar(struct gen *g, unsigned depth)
{
    SAY(g, "vector(");
    scalar(g, depth);
    SAY(g, ")");
}

static void histogram(struct gen *g, unsigned depth)
{
    if (!has(g, "histogram_quantile")) {
        aggregation(g, depth);
        return;
    }
    SAY(g, "histogram_quantile(");
    scalar(g, 0);
    SAY(g, ", ");
    if (gen_chance(&g->bytes, 50))
        SAY(g, "sum by (ns, le) (rate(d_bucket[5m])))");
    else
        SAY(g, "d_bucket)");
}

/* What few ask for, around a vector. */
static const struct rare {
    const char *before, *after;
} rares[] = {
    {"sort_by_label(", ", \"ns\")"},
    {"sort_by_label_desc(", ", \"pod\", \"ns\")"},
    {"limitk(2, ", ")"},
    {"limitk by (ns) (1, ", ")"},
    {"hour(", ")"},
    {"sgn(", ")"},
    {"histogram_fraction(0, 2, ", ")"},
    {"absent(", ")"},
    {"vector(scalar(", "))"},
    {"sum without (ns) (", ")"},
    {"histogram_count(", ")"},
    {"(pi() * ", ")"},
    {"(hour() + ", ")"},
    {"round(", ", 0.3)"},
    {"sin(", ")"},
    {"cos(", ")"},
    {"tan(", ")"},
    {"asin(", ")"},
    {"acos(1 / ", ")"},
    {"atan(", ")"},
    {"sinh(", ")"},
    {"cosh(", ")"},
    {"tanh(", ")"},
    {"asinh(", ")"},
    {"acosh(", ")"},
    {"atanh(1 / ", ")"},
};

static void rare(struct gen *g, unsigned depth)
{
    const struct rare *r = &GEN_OF(&g->bytes, rares);
    bool is_atan2 = gen_chance(&g->bytes, 10);
    SAY(g, "%s", is_atan2 ? "(" : r->before);
    vector(g, depth);
    if (is_atan2) {
        SAY(g, " atan2");
        matching(g, true);
        SAY(g, " ");
        vector(g, depth);
    }
    SAY(g, "%s", is_atan2 ? ")" : r->after);
}

/* Range functions that few ask for, and windows that depend on the query's grid. */
static void rare_range(struct gen *g, unsigned depth)
{
    static const char *const names[] = {"mad_over_time(",        "ts_of_first_over_time(",
                                        "ts_of_last_over_time(", "ts_of_max_over_time(",
                                        "ts_of_min_over_time(",  "double_exponential_smoothing(",
                                        "stdvar_over_time(",     "deriv(",
                                        "predict_linear(",       "timestamp(last_over_time("};
    static const char *const windows[] = {"[step() + 1m]", "[max_of(step(), 2m)]", "[2 * 90s]",
                                          "[range() + 5m]", "[150]"};
    const char *name = GEN_OF(&g->bytes, names);
    SAY(g, "%s", name);
    if (gen_chance(&g->bytes, 40)) {
        selector_bare(g);
        SAY(g, "%s", GEN_OF(&g->bytes, windows));
    } else {
        matrix(g, depth);
    }
    if (name[0] == 'd' && name[1] == 'o') {
        SAY(g, ", 0.%u", 1 + gen_pick(&g->bytes, 9));
        SAY(g, ", 0.%u)", 1 + gen_pick(&g->bytes, 9));
        return;
    }
    if (name[0] == 'p')
        SAY(g, ", 600");
    SAY(g, name[0] == 't' && name[1] == 'i' ? "))" : ")");
}

/* What cost models ask. */
static void cost_shape(struct gen *g, unsigned depth)
{
    static const char *const shapes[] = {
        "sum by (ns, pod) (rate(cpu_total[5m]))",
        "avg(avg_over_time(mem[10m])) by (ns, pod, node)",
        "avg_over_time(sum by (ns) (mem)[10m:1m])",
        "sum(cpu_total * on (node) group_left (region) price) by (ns)",
        "sum_over_time(up[10m:1m]) / 60",
        "count_over_time(up{pod!=\"\"}[15m:5m])",
        "avg_over_time((avg(avg by (node) (price)) by (node))[10m:1m])",
        "max(max_over_time(mem[5m] offset 1m)) by (pod, ns) != 0",
        "sum(increase(cpu_total[5m])) by (ns) or sum(mem) by (ns) * 0",
        "label_replace(avg_over_time(info[5m]), \"host\", \"$1\", \"pod\", \"(p).*\")",
        "sum without (pod) (mem) * on (node) group_left () avg by (node) (price)",
        "max by (ns) (timestamp(up)) - min by (ns) (timestamp(up))",
        "irate(cpu_total[2m]) * on (ns, pod, node) group_left () max by (ns, pod, node) (up)",
        "sum(rate(cpu_total[3m])) / sum(rate(cpu_total[10m]))",
        "absent_over_time(up{ns=\"a\", pod=~\"z.*\"}[3m])",
        "avg_over_time(max by (ns) (rate(cpu_total[2m]))[6m:2m] offset 1m)",
        "max_over_time(rate(cpu_total[2m])[8m:1m])",
        "min_over_time(sum(mem * on (node) group_left max by (node) (price))[5m:1m])",
    };
    unsigned i = gen_pick(&g->bytes, sizeof shapes / sizeof *shapes);
    (void)depth;
    SAY(g, "(%s)", shapes[i]);
}

static const struct kind {
    unsigned weight;
    bool is_leaf;
    void (*write)(struct gen *g, unsigned depth);
} kinds[] = {
    {14, true, selector},
    {12, true, range_function},
    {8, true, cost_shape},
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
    {3, false, rare},
    {2, true, rare_range},
};

static void vector(struct gen *g, unsigned depth)
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

static void scalar(struct gen *g, unsigned depth)
{
    static const char *const numbers[] = {"1",    "0",   "0.5",  "2",   "60",  "-1",
                                          "1024", "0.9", "1e9",  "NaN", "Inf", "-0.25",
                                          "1e-3", "3.7", "-Inf", "100"};
    switch (gen_pick(&g->bytes, 10)) {
    case 7:
        SAY(g, "time()");
        break;
    case 8:
        if (depth > 0) {
            SAY(g, "scalar(");
            vector(g, depth - 1);
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
        matrix(g, depth);
    else if (kind == 38)
        scalar(g, depth);
    else
        vector(g, depth);
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
    *out = (struct expr_names){{"atan2"}, 1};
    for (size_t i = 0; out->n < EXPR_GEN_NAMES && ampql_function_at(i, &f); i++)
        out->at[out->n++] = f.name;
}
