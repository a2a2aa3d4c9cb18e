/* Random rule files. Their expressions are expr_gen's, whose metrics are the names that they
 * record; so that not all of them go round in circles, a rule mostly reads only what rules before
 * it record, and raw series. */
#include "support/rules_gen.h"

#include "series/label_set.h"
#include "support/gen_bytes.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RULES = 6, MAX_PART = 200 };

/* What rules record, in this order; "mem" is always raw. */
static const char *const recorded[] = {"price", "up", "info"};
enum { NRECORDED = sizeof recorded / sizeof *recorded };

bool rules_gen_records(struct str name)
{
    for (size_t k = 0; k < NRECORDED; k++)
        if (str_equal(name, str_of(recorded[k])))
            return true;
    return false;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Copy an expression, with the recorded names from `known` on replaced by a raw one. */
static void copy_expr(struct buf *out, struct str text, size_t known)
{
    for (size_t i = 0; i < text.n;) {
        size_t n = 0;
        while (i + n < text.n && is_word(text.p[i + n]))
            n++;
        bool is_late = false;
        for (size_t k = known; k < NRECORDED; k++)
            is_late |= str_equal(str_make(text.p + i, n), str_of(recorded[k]));
        if (is_late)
            buf_text(out, "mem");
        else if (n)
            buf_bytes(out, text.p + i, n);
        else if (text.p[i] == '\'')
            buf_text(out, "''");
        else
            buf_byte(out, text.p[i]);
        i += n ? n : 1;
    }
}

static struct ampql_label *with_name(const struct test_series *s, const char *name,
                                     struct arena *arena)
{
    struct ampql_label *labels = arena_alloc(arena, s->nlabels, sizeof *labels);
    if (!labels)
        abort();
    memcpy(labels, s->labels, s->nlabels * sizeof *labels);
    labels[0].value = (struct ampql_string){name, strlen(name)};
    return labels;
}

/* The same series under other names, which are what an expression over them reads: of every two
 * one is a record's, if there are any yet. */
static struct expr_case rename_series(const struct expr_case *data, size_t nrecorded,
                                      struct arena *arena)
{
    static const char *const raw[] = {"mem", "cpu_total", "d_bucket"};
    struct expr_case out = *data;
    for (size_t i = 0; i < out.nseries; i++) {
        const char *name = i % 2 && nrecorded ? recorded[i / 2 % nrecorded] : raw[i / 2 % 3];
        out.series[i].labels = with_name(&data->series[i], name, arena);
    }
    return out;
}

/* Most of the data are to be read by rules, not to be hidden by them. */
static void make_raw(struct gen_bytes *g, struct arena *arena, struct expr_case *c)
{
    for (size_t i = 0; i < c->nseries; i++) {
        bool is_raw = !rules_gen_records(str_view(c->series[i].labels[0].value));
        if (is_raw || gen_chance(g, 25))
            continue;
        const struct ampql_label *old = c->series[i].labels;
        c->series[i].labels = with_name(&c->series[i], i % 2 ? "mem" : "cpu_total", arena);
        for (size_t k = 0; k < c->nseries; k++)
            if (k != i && label_sets_compare(c->series[k].labels, c->series[k].nlabels,
                                             c->series[i].labels, c->series[i].nlabels) == 0)
                c->series[i].labels = old;
    }
}

static struct str generate_expr(struct gen_bytes *g, const struct expr_names *names,
                                const struct expr_case *data, size_t nrecorded, struct arena *arena)
{
    struct expr_case one = rename_series(data, nrecorded, arena);
    size_t n = g->n < MAX_PART ? g->n : 20 + gen_byte(g) % (MAX_PART - 20);
    n = n < g->n ? n : g->n;
    expr_generate_over(g->p, n, names, 0, arena, &one);
    g->p += n;
    g->n -= n;
    return one.text;
}

static void write_labels(struct gen_bytes *g, struct buf *out, const char *indent)
{
    static const char *const labels[] = {"ns: z",  "region: ''", "pod: ''",
                                         "rec: r", "node: n",    "ns: a"};
    if (!gen_chance(g, 25))
        return;
    buf_format(out, "%slabels: {%s}\n", indent, GEN_OF(g, labels));
}

static void write_group(struct gen_bytes *g, struct buf *out, size_t number)
{
    static const char *const intervals[] = {"1m", "2m", "90s", "1m", "5m"};
    static const char *const offsets[] = {"30s", "1m", "2m"};
    buf_format(out, "- name: g%zu\n  interval: %s\n", number, GEN_OF(g, intervals));
    if (gen_chance(g, 25))
        buf_format(out, "  query_offset: %s\n", GEN_OF(g, offsets));
    if (gen_chance(g, 10))
        buf_format(out, "  limit: %u\n", 1 + gen_pick(g, 5));
    write_labels(g, out, "  ");
    buf_text(out, "  rules:\n");
}

/* Returns how many names they record. */
static size_t write_rules(struct gen_bytes *g, const struct expr_names *names,
                          const struct expr_case *data, struct arena *arena, struct buf *out)
{
    size_t n = 1 + gen_pick(g, MAX_RULES), name = 0;
    buf_text(out, "groups:\n");
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || gen_chance(g, 30))
            write_group(g, out, i);
        if (i > 0 && gen_chance(g, 55))
            name = name + 1 < NRECORDED ? name + 1 : name;
        size_t known = gen_chance(g, 12) ? NRECORDED : name; /* now and then a circle */
        buf_format(out, "  - record: %s\n    expr: '", recorded[name]);
        copy_expr(out, generate_expr(g, names, data, known, arena), known);
        buf_text(out, "'\n");
        write_labels(g, out, "    ");
    }
    return name + 1;
}

void rules_generate(const uint8_t *bytes, size_t size, const struct expr_names *names,
                    struct arena *arena, struct rules_case *out)
{
    struct gen_bytes g = {bytes, size};
    struct buf text;
    *out = (struct rules_case){0};
    size_t head = size / 2;
    expr_generate(g.p, head, names, arena, &out->query);
    g.p += head;
    g.n -= head;
    make_raw(&g, arena, &out->query);
    out->phase_ms = gen_chance(&g, 20) ? (int64_t)gen_pick(&g, 60) * 1000 : 0;
    out->no_markers = gen_chance(&g, 10);
    buf_init(&text, arena->alc, 1 << 20);
    size_t nrecorded = write_rules(&g, names, &out->query, arena, &text);
    out->query.text = generate_expr(&g, names, &out->query, nrecorded, arena);
    out->rules = arena_copy(arena, buf_view(&text));
    if (text.failed != AMPQL_OK || !out->rules.p)
        abort();
    buf_done(&text);
}

void rules_case_print(const struct rules_case *c, struct buf *out)
{
    buf_format(out, "phase %lld ms%s\n", (long long)c->phase_ms,
               c->no_markers ? ", no stale markers" : "");
    buf_str(out, c->rules);
    expr_case_print(&c->query, out);
}
