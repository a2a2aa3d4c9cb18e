/* Selectors, windows and matching clauses of random expressions. */
#include "support/expr_gen_parts.h"

#include "base/number.h"

#include <string.h>

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

void gen_selector_bare(struct gen *g)
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

/* extension := "anchored" | "smoothed", now and then */
static void extension(struct gen *g, unsigned percent)
{
    static const char *const words[] = {" smoothed", " anchored", " smoothed"};
    if (gen_has(g, "anchored") && gen_chance(&g->bytes, percent))
        SAY(g, "%s", GEN_OF(&g->bytes, words));
}

void gen_selector(struct gen *g, unsigned depth)
{
    (void)depth;
    gen_selector_bare(g);
    extension(g, 5);
    modifiers(g);
}

const char *gen_labels(struct gen *g)
{
    static const char *const lists[] = {"ns",     "ns, pod", "node",     "pod",      "",
                                        "region", "le",      "ns, node", "__name__", "nothing"};
    return GEN_OF(&g->bytes, lists);
}

/* matrix := selector "[" d "]" | vector "[" d ":" [d] "]" */
void gen_matrix(struct gen *g, unsigned depth)
{
    static const char *const steps[] = {"1m", "", "30s", "5m", "45s", "2m"};
    static const char *const ranges[] = {"5m", "10m", "1m", "3m", "7m30s"};
    bool takes_extension = g->takes_extension;
    g->takes_extension = false;
    if (g->in_subquery > 1 || !gen_chance(&g->bytes, 30)) {
        gen_selector_bare(g);
        SAY(g, "[");
        duration(g);
        SAY(g, "]");
        extension(g, takes_extension ? 30 : 1);
    } else {
        g->in_subquery++;
        SAY(g, "(");
        gen_vector(g, depth);
        SAY(g, ")[%s:", GEN_OF(&g->bytes, ranges));
        SAY(g, "%s]", GEN_OF(&g->bytes, steps));
        g->in_subquery--;
    }
    modifiers(g);
}

void gen_range_function(struct gen *g, unsigned depth)
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
    static const char *const takers[] = {"rate", "increase", "delta", "changes", "resets"};
    const char *name = KNOWN(g, names);
    SAY(g, "%s(", name);
    if (name[0] == 'q') {
        gen_scalar(g, 0);
        SAY(g, ", ");
    }
    for (size_t i = 0; i < sizeof takers / sizeof *takers; i++)
        g->takes_extension |= strcmp(name, takers[i]) == 0;
    gen_matrix(g, depth);
    if (strcmp(name, "predict_linear") == 0) {
        SAY(g, ", ");
        gen_scalar(g, 0);
    }
    SAY(g, ")");
}

/* fill := "fill" "(" number ")" ..., now and then */
static void fill(struct gen *g)
{
    static const char *const fills[] = {"fill (0)",
                                        "fill_left (1)",
                                        "fill_right (-2)",
                                        "fill_left (NaN) fill_right (3)",
                                        "fill_right (0.5) fill_left (1m)",
                                        "fill (Inf)"};
    if (gen_has(g, "fill") && gen_chance(&g->bytes, 15))
        SAY(g, " %s", GEN_OF(&g->bytes, fills));
}

static void matching_labels(struct gen *g, bool may_group)
{
    static const char *const includes[] = {"", "region", "node", "pod, region", "__name__"};
    unsigned kind = gen_pick(&g->bytes, 4);
    if (kind == 0)
        return;
    SAY(g, " %s (%s)", kind < 3 ? "on" : "ignoring", gen_labels(g));
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

void gen_matching(struct gen *g, bool may_group)
{
    matching_labels(g, may_group);
    if (may_group) /* what may not, may not be filled either */
        fill(g);
}
