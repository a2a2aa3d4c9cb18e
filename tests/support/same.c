/* Running a case both ways and comparing. */
#include "support/same.h"

#include <ampql/rules.h>

#include "base/number.h"
#include "engine/engine.h"
#include "reference/ruler.h"
#include "reference/script.h"
#include "series/label_set.h"
#include "series/sample.h"
#include "support/answers.h"
#include "support/signatures.h"
#include "tool/compare.h"

#include <math.h>
#include <stdlib.h>

struct judge {
    struct engine_evaluator engine;
    struct engine_evaluator server; /* the engine over answers */
    struct answers answers;
    struct reference_evaluator reference;
};

struct judge *judge_new(void)
{
    struct judge *judge = calloc(1, sizeof *judge);
    if (!judge || engine_evaluator_init(&judge->engine, &alloc_default, NULL) != AMPQL_OK ||
        engine_evaluator_init(&judge->server, &alloc_default, NULL) != AMPQL_OK)
        abort();
    reference_evaluator_init(&judge->reference, signatures_find);
    return judge;
}

void judge_free(struct judge *judge)
{
    engine_evaluator_done(&judge->engine);
    engine_evaluator_done(&judge->server);
    reference_evaluator_done(&judge->reference);
    free(judge);
}

bool values_same(double a, double b)
{
    return isnan(a) && isnan(b) ? is_stale(a) == is_stale(b) : bits_of(a) == bits_of(b);
}

static void say_scalar(struct buf *why, const char *who, double v)
{
    buf_format(why, "  %s scalar %.17g (%016llx)\n", who, v, (unsigned long long)bits_of(v));
}

static void say_series(struct buf *why, const char *who, const struct outcome_series *s)
{
    buf_format(why, "  %s {", who);
    for (size_t k = 0; k < s->nlabels; k++)
        buf_format(why, "%.*s=\"%.*s\" ", (int)s->labels[k].name.size, s->labels[k].name.data,
                   (int)s->labels[k].value.size, s->labels[k].value.data);
    buf_text(why, "}");
    for (size_t i = 0; i < s->n; i++)
        buf_format(why, " %.17g@%lld", s->v[i], (long long)s->t_ms[i]);
    buf_text(why, "\n");
}

static bool same_series(const struct outcome_series *a, const struct outcome_series *b)
{
    if (a->n != b->n || label_sets_compare(a->labels, a->nlabels, b->labels, b->nlabels) != 0)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (a->t_ms[i] != b->t_ms[i] || !values_same(a->v[i], b->v[i]))
            return false;
    return true;
}

static bool same_value(const struct outcome *a, const struct outcome *b)
{
    if (a->kind != b->kind || a->nseries != b->nseries)
        return false;
    if (a->kind == AMPQL_RESULT_SCALAR)
        return values_same(a->scalar, b->scalar);
    if (a->kind == AMPQL_RESULT_STRING)
        return str_equal(a->string, b->string);
    for (size_t i = 0; i < a->nseries; i++)
        if (!same_series(&a->series[i], &b->series[i]))
            return false;
    return true;
}

bool outcomes_same(const struct outcome *a, const struct outcome *b, const char *const who[2],
                   struct buf *why)
{
    const struct outcome *both[] = {a, b};
    if (same_value(a, b))
        return true;
    for (size_t k = 0; why && k < 2; k++) {
        if (both[k]->kind == AMPQL_RESULT_SCALAR)
            say_scalar(why, who[k], both[k]->scalar);
        for (size_t i = 0; i < both[k]->nseries; i++)
            say_series(why, who[k], &both[k]->series[i]);
    }
    if (why && a->kind != b->kind)
        buf_format(why, "kind: %s %d, %s %d\n", who[0], (int)a->kind, who[1], (int)b->kind);
    return false;
}

struct answer {
    enum ampql_code code;
    struct outcome outcome;
    struct ampql_error err;
};

static enum verdict compare(const struct answer *engine, const struct answer *reference,
                            struct buf *why)
{
    if (engine->code != reference->code) {
        buf_format(why, "engine: code %d %s\nreference: code %d %s\n", (int)engine->code,
                   engine->err.message, (int)reference->code, reference->err.message);
        return VERDICT_DIFFERENT;
    }
    if (engine->code == AMPQL_PARSE)
        return VERDICT_REFUSED;
    if (engine->code != AMPQL_OK)
        return VERDICT_FAILED;
    const struct outcome *got = &engine->outcome;
    static const char *const who[2] = {"engine   ", "reference"};
    if (!outcomes_same(got, &reference->outcome, who, why))
        return VERDICT_DIFFERENT;
    bool is_empty =
        got->nseries == 0 && (got->kind == AMPQL_RESULT_VECTOR || got->kind == AMPQL_RESULT_MATRIX);
    return is_empty ? VERDICT_EMPTY : VERDICT_VALUES;
}

static void load(struct judge *judge, const struct expr_case *c)
{
    struct evaluator *engine = &judge->engine.evaluator, *reference = &judge->reference.evaluator;
    judge->answers = (struct answers){c->series, c->nseries};
    ampql_source_free(judge->server.source);
    judge->server.source = NULL;
    if (engine->load(engine->payload, c->series, c->nseries, NULL) != AMPQL_OK ||
        reference->load(reference->payload, c->series, c->nseries, NULL) != AMPQL_OK ||
        answers_source(judge->server.engine, &judge->answers, &judge->server.source, NULL) !=
            AMPQL_OK)
        abort();
}

static void ask(const struct evaluator *e, const struct expr_case *c, struct arena *arena,
                struct answer *out)
{
    *out = (struct answer){0};
    out->code = e->evaluate(e->payload, c->text, &c->options, arena, &out->outcome, &out->err);
}

enum verdict judge_case(struct judge *judge, const struct expr_case *c, struct buf *why)
{
    struct arena arena;
    struct answer reference;
    const struct evaluator *engines[] = {&judge->engine.evaluator, &judge->server.evaluator};
    static const char *const names[] = {"over samples:\n", "over a server's answers:\n"};
    enum verdict verdict = VERDICT_VALUES;
    arena_init(&arena, &alloc_default);
    load(judge, c);
    ask(&judge->reference.evaluator, c, &arena, &reference);
    for (size_t i = 0; i < 2 && verdict != VERDICT_DIFFERENT; i++) {
        struct answer engine;
        ask(engines[i], c, &arena, &engine);
        verdict = compare(&engine, &reference, why);
        if (verdict == VERDICT_DIFFERENT)
            buf_text(why, names[i]);
    }
    arena_done(&arena);
    return verdict;
}

/* ---- rules */

/* The records of a case, and how early they are evaluated for its query. */
struct rules_setup {
    struct ampql_rules *rules;
    struct records records;
    struct ampql_run_options options;
    int64_t first_ms, last_ms; /* ticks */
};

/* Plan the query as an attempt that has learned that all records must be evaluated tick by tick:
 * none asks for more of them. */
static bool find_ticks(struct judge *judge, const struct ampql_query *query,
                       struct rules_setup *setup, struct arena *arena)
{
    struct plan_options options;
    struct plan plan;
    struct node *root;
    if (run_options_check(judge->engine.engine, &setup->options, AMPQL_SOURCE_SAMPLES, arena,
                          &options, NULL) != AMPQL_OK)
        return false;
    for (size_t i = 0; i < options.records->n; i++)
        options.states[i] = (struct record_state){true, true};
    setup->records = *options.records;
    setup->first_ms = setup->options.end_ms;
    setup->last_ms = setup->options.end_ms;
    plan_init(&plan, arena, &options);
    if (plan_add(&plan, query->ast, &root, NULL) != AMPQL_OK ||
        plan_finish(&plan, NULL) != AMPQL_OK)
        return false;
    for (size_t i = 0; i < plan.recordings.n; i++) {
        const struct grid *grid = &plan.recordings.at[i].grid;
        int64_t first = grid->start_ms, last = grid_end(grid) + 120000; /* the longest offset */
        setup->first_ms = first < setup->first_ms ? first : setup->first_ms;
        setup->last_ms = last > setup->last_ms ? last : setup->last_ms;
    }
    setup->first_ms -= 2 * 300000; /* two of the longest interval: it need not be known before */
    return true;
}

static void store_for(struct judge *judge, const struct rules_setup *setup, struct arena *arena)
{
    struct reference_evaluator *e = &judge->reference;
    struct reference_options options = {
        .dialect = setup->options.dialect,
        .lookback_ms = setup->options.lookback_ms,
        .default_interval_ms = setup->options.default_interval_ms,
        .delayed_name_removal = setup->options.delayed_name_removal,
    };
    struct reference_series *all;
    size_t n;
    reference_ruler(&setup->records, e->series, e->n, setup->first_ms, setup->last_ms, &options,
                    arena, &all, &n);
    e->series = all;
    e->n = n;
}

static enum verdict judge_over_rules(struct judge *judge, const struct rules_case *c,
                                     struct rules_setup *setup, struct arena *arena,
                                     struct buf *why)
{
    static const char *const names[] = {"over samples:\n", "over a server's answers:\n"};
    const struct evaluator *engines[] = {&judge->engine.evaluator, &judge->server.evaluator};
    enum { MAX_TICKS = 1000 };
    struct expr_case query = c->query;
    struct ampql_query *compiled = NULL;
    struct answer reference;
    if (ampql_query_compile(query.options.dialect == AMPQL_PROM2 ? judge->engine.prom2
                                                                 : judge->engine.engine,
                            query.text.p, query.text.n, &compiled, NULL) != AMPQL_OK)
        return VERDICT_REFUSED;
    query.options.rules = setup->rules;
    query.options.rule_phase_ms = c->phase_ms;
    query.options.rule_no_markers = c->no_markers;
    setup->options = query.options;
    bool is_planned = find_ticks(judge, compiled, setup, arena);
    ampql_query_free(compiled);
    if (!is_planned || (setup->last_ms - setup->first_ms) / 60000 > MAX_TICKS)
        return VERDICT_REFUSED;
    load(judge, &query);
    store_for(judge, setup, arena);
    ask(&judge->reference.evaluator, &query, arena, &reference);
    enum verdict verdict = VERDICT_VALUES;
    for (size_t i = 0; i < 2 && verdict != VERDICT_DIFFERENT; i++) {
        struct answer engine;
        ask(engines[i], &query, arena, &engine);
        verdict = compare(&engine, &reference, why);
        if (verdict == VERDICT_DIFFERENT)
            buf_text(why, names[i]);
    }
    return verdict;
}

enum verdict judge_rules_case(struct judge *judge, const struct rules_case *c, struct buf *why)
{
    struct rules_setup setup = {0};
    struct arena arena;
    bool is_prom2 = c->query.options.dialect == AMPQL_PROM2;
    if (ampql_rules_load(is_prom2 ? judge->engine.prom2 : judge->engine.engine, c->rules.p,
                         c->rules.n, &setup.rules, NULL) != AMPQL_OK)
        return VERDICT_REFUSED;
    arena_init(&arena, &alloc_default);
    enum verdict verdict = judge_over_rules(judge, c, &setup, &arena, why);
    ampql_rules_free(setup.rules);
    arena_done(&arena);
    return verdict;
}
