/* Random expressions of fixed shapes: what few ask for, and what cost models ask. */
#include "support/expr_gen_parts.h"

#include <string.h>

/* What few ask for, around a vector. */
static const struct rare {
    const char *before, *after;
} rares[] = {
    {"sort_by_label(", ", \"ns\")"},
    {"sort_by_label_desc(", ", \"pod\", \"ns\")"},
    {"limitk(2, ", ")"},
    {"limitk by (ns) (1, ", ")"},
    {"limit_ratio(0.5, ", ")"},
    {"limit_ratio by (ns) (-0.3, ", ")"},
    {"limit_ratio without (pod) (time() % 7 / 4 - 1, ", ")"},
    {"start_timestamp(", ")"},
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

/* May the word that a piece of text begins with be used? */
static bool may_say(const struct gen *g, const char *text)
{
    char word[64];
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz_");
    if (n == 0 || n >= sizeof word)
        return true;
    memcpy(word, text, n);
    word[n] = '\0';
    return gen_has(g, word);
}

void gen_rare(struct gen *g, unsigned depth)
{
    const struct rare *r = &GEN_OF(&g->bytes, rares);
    bool is_atan2 = gen_chance(&g->bytes, 10) || !may_say(g, r->before);
    SAY(g, "%s", is_atan2 ? "(" : r->before);
    gen_vector(g, depth);
    if (is_atan2) {
        SAY(g, " atan2");
        gen_matching(g, true);
        SAY(g, " ");
        gen_vector(g, depth);
    }
    SAY(g, "%s", is_atan2 ? ")" : r->after);
}

/* Range functions that few ask for, and windows that depend on the query's grid. */
void gen_rare_range(struct gen *g, unsigned depth)
{
    static const char *const names[] = {"mad_over_time(",
                                        "ts_of_first_over_time(",
                                        "ts_of_last_over_time(",
                                        "ts_of_max_over_time(",
                                        "ts_of_min_over_time(",
                                        "double_exponential_smoothing(",
                                        "stdvar_over_time(",
                                        "deriv(",
                                        "predict_linear(",
                                        "timestamp(last_over_time(",
                                        "integral("};
    static const char *const windows[] = {"[step() + 1m]", "[max_of(step(), 2m)]", "[2 * 90s]",
                                          "[range() + 5m]", "[150]"};
    const char *name = GEN_OF(&g->bytes, names);
    name = may_say(g, name) ? name : "deriv(";
    SAY(g, "%s", name);
    if (gen_chance(&g->bytes, 40)) {
        gen_selector_bare(g);
        SAY(g, "%s", GEN_OF(&g->bytes, windows));
    } else {
        gen_matrix(g, depth);
    }
    if (name[0] == 'd' && name[1] == 'o') {
        SAY(g, ", 0.%u", 1 + gen_pick(&g->bytes, 9));
        SAY(g, ", 0.%u)", 1 + gen_pick(&g->bytes, 9));
        return;
    }
    if (name[0] == 'p')
        SAY(g, ", 600");
    if (name[0] == 'i' && gen_chance(&g->bytes, 70))
        SAY(g, ", %d", (int)gen_pick(&g->bytes, 4));
    SAY(g, name[0] == 't' && name[1] == 'i' ? "))" : ")");
}

/* What cost models ask. */
void gen_cost_shape(struct gen *g, unsigned depth)
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
