/* The public functions of query.h: arguments are checked here, the work is the engine's. */
#include <ampql/query.h>

#include "base/options.h"
#include "engine/engine.h"
#include "eval/aggregate.h"
#include "eval/function.h"
#include "lang/printer.h"

#include <stdio.h>
#include <stdlib.h>

const char *ampql_version(void)
{
    return AMPQL_VERSION;
}

/* Walks of the tree recurse, and a thread's stack may be small. */
enum { MAX_DEPTH = 2048 };

enum ampql_code ampql_engine_new(const struct ampql_engine_options *options,
                                 struct ampql_engine **out, struct ampql_error *err)
{
    struct ampql_engine_options o;
    OPTIONS_READ(o, options);
    const struct ampql_allocator *alc = o.allocator ? o.allocator : &alloc_default;
    if (o.max_depth > MAX_DEPTH)
        return fail(err, AMPQL_BAD_DATA, "max_depth is %zu, expected at most %d", o.max_depth,
                    MAX_DEPTH);
    struct ampql_engine *engine = alloc_get(alc, 1, sizeof *engine);
    if (!engine)
        return fail_nomem(err, "an engine");
    *engine = (struct ampql_engine){.alc = *alc,
                                    .dialect = o.dialect ? o.dialect : AMPQL_PROM3,
                                    .experimental = o.experimental,
                                    .max_query_bytes = o.max_query_bytes,
                                    .max_depth = o.max_depth};
    *out = engine;
    return AMPQL_OK;
}

void ampql_engine_free(struct ampql_engine *engine)
{
    if (!engine)
        return;
    struct ampql_allocator alc = engine->alc;
    alloc_put(&alc, engine, 1, sizeof *engine);
}

enum ampql_code ampql_query_compile(struct ampql_engine *engine, const char *text, size_t len,
                                    struct ampql_query **out, struct ampql_error *err)
{
    return engine_compile(engine, str_make(text, len), out, err);
}

void ampql_query_free(struct ampql_query *query)
{
    engine_query_free(query);
}

enum ampql_code ampql_query_print(const struct ampql_query *query, bool pretty, ampql_write write,
                                  void *payload)
{
    enum { MAX_TEXT = 1 << 26 };
    struct buf buf;
    buf_init(&buf, &query->engine->alc, MAX_TEXT);
    if (pretty)
        print_expr_pretty(&buf, query->ast);
    else
        print_expr(&buf, query->ast);
    enum ampql_code code = buf.failed;
    if (code == AMPQL_OK && write(payload, buf.p, buf.n) != 0)
        code = AMPQL_OUTPUT;
    buf_done(&buf);
    return code;
}

enum ampql_code ampql_query_run(const struct ampql_query *query, struct ampql_source *source,
                                const struct ampql_run_options *options, struct ampql_result **out,
                                struct ampql_error *err)
{
    return ampql_batch_run(query->engine, &query, 1, source, options, out, err);
}

enum ampql_code ampql_batch_run(struct ampql_engine *engine,
                                const struct ampql_query *const *queries, size_t nqueries,
                                struct ampql_source *source,
                                const struct ampql_run_options *options,
                                struct ampql_result **results, struct ampql_error *errs)
{
    struct ampql_run_options o;
    OPTIONS_READ(o, options);
    return engine_run(engine, queries, nqueries, source, &o, results, errs);
}

enum ampql_code ampql_batch_explain(struct ampql_engine *engine,
                                    const struct ampql_query *const *queries, size_t nqueries,
                                    uint32_t caps, const struct ampql_run_options *options,
                                    ampql_write write, void *payload, struct ampql_error *err)
{
    struct ampql_run_options o;
    OPTIONS_READ(o, options);
    return engine_explain(engine, queries, nqueries, caps, &o, write, payload, err);
}

enum ampql_code ampql_series_run(struct ampql_engine *engine, const char *selector, size_t len,
                                 struct ampql_source *source,
                                 const struct ampql_run_options *options, struct ampql_result **out,
                                 struct ampql_error *err)
{
    struct ampql_run_options o;
    OPTIONS_READ(o, options);
    return engine_series(engine, str_make(selector, len), source, &o, out, err);
}

enum ampql_code ampql_cancel_new(struct ampql_engine *engine, struct ampql_cancel **out,
                                 struct ampql_error *err)
{
    struct ampql_cancel *cancel = alloc_get(&engine->alc, 1, sizeof *cancel);
    if (!cancel)
        return fail_nomem(err, "a cancel flag");
    cancel->alc = engine->alc;
    atomic_init(&cancel->is_set, false);
    *out = cancel;
    return AMPQL_OK;
}

void ampql_cancel_set(struct ampql_cancel *cancel)
{
    atomic_store_explicit(&cancel->is_set, true, memory_order_relaxed);
}

void ampql_cancel_free(struct ampql_cancel *cancel)
{
    if (!cancel)
        return;
    struct ampql_allocator alc = cancel->alc;
    alloc_put(&alc, cancel, 1, sizeof *cancel);
}

/* ---- the language's tables */

static void describe_function(const struct signature *sig, struct ampql_function *out)
{
    size_t n = (size_t)snprintf(out->signature, sizeof out->signature, "%s(", sig->name);
    size_t first = sig->nargs - (sig->optional == SIGNATURE_ANY ? 1u : (size_t)sig->optional);
    bool repeats = sig->optional == SIGNATURE_ANY || sig->nargs > SIGNATURE_ARGS;
    for (size_t i = 0; i < (repeats ? first + 1 : sig->nargs) && n < sizeof out->signature; i++) {
        bool optional = i >= first;
        n += (size_t)snprintf(out->signature + n, sizeof out->signature - n, "%s%s%s",
                              i ? ", " : "", value_type_text((enum value_type)sig->args[i]),
                              !optional ? ""
                              : repeats ? "..."
                                        : "?");
    }
    if (n < sizeof out->signature)
        snprintf(out->signature + n, sizeof out->signature - n, ") %s",
                 value_type_text((enum value_type)sig->result));
    out->name = sig->name;
    out->help = sig->help;
    out->is_experimental = sig->experimental;
}

static void describe_aggregation(const struct aggregation_info *info, struct ampql_function *out)
{
    snprintf(out->signature, sizeof out->signature,
             "%s by|without(...) (%s%sinstant vector) instant vector", info->text,
             info->param == VALUE_NONE ? "" : value_type_text(info->param),
             info->param == VALUE_NONE ? "" : ", ");
    out->name = info->text;
    out->help = info->help;
    out->is_experimental = info->experimental;
    out->is_aggregation = true;
}

/* A line of the tables: a function or an aggregation. */
struct table_entry {
    const char *name;
    const struct signature *function;
    const struct aggregation_info *aggregation;
};

static int by_name(const void *a, const void *b)
{
    const struct table_entry *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* All that have a kernel, by name. */
static size_t list_tables(struct table_entry *out, size_t room)
{
    const struct function *f;
    size_t n = 0;
    for (size_t i = 0; (f = function_at(i)) && n < room; i++)
        if (!f->sig.is_refused)
            out[n++] = (struct table_entry){f->sig.name, &f->sig, NULL};
    for (size_t a = 0; a < AGGREGATION_COUNT_ALL && n < room; a++)
        if (aggregate_find((enum aggregation)a))
            out[n++] = (struct table_entry){aggregation_info[a].text, NULL, &aggregation_info[a]};
    qsort(out, n, sizeof *out, by_name);
    return n;
}

bool ampql_function_at(size_t i, struct ampql_function *out)
{
    enum { ROOM = 512 };
    struct table_entry all[ROOM];
    if (i >= list_tables(all, ROOM))
        return false;
    *out = (struct ampql_function){0};
    if (all[i].function)
        describe_function(all[i].function, out);
    else
        describe_aggregation(all[i].aggregation, out);
    return true;
}
