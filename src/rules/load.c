/* Load a rule file: read it, compile every expression, and make its records. */
#include "rules/rules.h"

enum { MAX_BYTES = 8 << 20 };

/* An error inside an expression, with its place in the file. */
static enum ampql_code fail_expr(struct str text, const struct rule *rule, enum ampql_code code,
                                 const struct ampql_error *why, struct ampql_error *err)
{
    char name[100];
    if (code == AMPQL_NOMEM)
        return fail(err, code, "%s", why->message);
    struct yaml_place place = yaml_inside(text, &rule->expr, why->has_span ? why->start : 0);
    struct yaml_place end = yaml_inside(text, &rule->expr, why->has_span ? why->end : 0);
    return fail_at(err, code, place.offset, end.offset, "line %zu, column %zu: expr of %s: %s",
                   place.line, place.column,
                   quote_clipped(name, sizeof name, str_view(rule->view.name)), why->message);
}

static enum ampql_code compile(struct str text, struct ampql_rules *rules, size_t i,
                               struct ampql_error *err)
{
    struct rule *rule = &rules->file.rules.at[i];
    struct ampql_error why = {0};
    enum ampql_code code =
        engine_compile(rules->engine, str_view(rule->view.expr), &rule->query, &why);
    return code == AMPQL_OK ? AMPQL_OK : fail_expr(text, rule, code, &why, err);
}

/* Compile every expression. Those that fail are told, and their rules left out. */
static enum ampql_code compile_all(struct str text, struct ampql_rules *rules,
                                   const struct rule_faults *faults, struct ampql_error *err)
{
    for (size_t i = 0; i < rules->file.rules.n; i++) {
        enum ampql_code code = compile(text, rules, i, err);
        if (code != AMPQL_OK && (!faults || code == AMPQL_NOMEM))
            return code;
        if (code != AMPQL_OK)
            faults->tell(faults->payload, err);
    }
    return AMPQL_OK;
}

static enum ampql_code fill(struct str text, struct ampql_rules *rules,
                            const struct rule_faults *faults, struct ampql_error *err)
{
    if (text.n > MAX_BYTES)
        return fail(err, AMPQL_LIMIT, "a rule file of %zu bytes, expected at most %d", text.n,
                    MAX_BYTES);
    enum ampql_code code = rules_read(text, &rules->arena, faults, &rules->file, err);
    if (code == AMPQL_BAD_DATA && faults)
        faults->tell(faults->payload, err); /* no YAML from there on: what came before is read */
    else
        TRY(code);
    TRY(compile_all(text, rules, faults, err));
    return rules_make_records(rules, err);
}

enum ampql_code rules_load_all(struct ampql_engine *engine, struct str text,
                               const struct rule_faults *faults, struct ampql_rules **out,
                               struct ampql_error *err)
{
    struct ampql_rules *rules = alloc_get(&engine->alc, 1, sizeof *rules);
    *out = NULL;
    if (!rules)
        return fail_nomem(err, "rules");
    *rules = (struct ampql_rules){.maker = rules_maker, .alc = engine->alc, .engine = engine};
    arena_init(&rules->arena, &rules->alc);
    index_init(&rules->by_name, &rules->alc);
    enum ampql_code code = fill(text, rules, faults, err);
    if (code == AMPQL_OK)
        *out = rules;
    else
        rules_free(rules);
    return code;
}

enum ampql_code rules_load(struct ampql_engine *engine, struct str text, struct ampql_rules **out,
                           struct ampql_error *err)
{
    return rules_load_all(engine, text, NULL, out, err);
}

void rules_free(struct ampql_rules *rules)
{
    if (!rules)
        return;
    for (size_t i = 0; i < rules->file.rules.n; i++)
        ampql_query_free(rules->file.rules.at[i].query);
    index_done(&rules->by_name);
    arena_done(&rules->arena);
    struct ampql_allocator alc = rules->alc; /* the block that holds it is freed with it */
    alloc_put(&alc, rules, 1, sizeof *rules);
}
