/* Selects whose answers have lost their metric names: timestamp() of a selector that does not say
 * the name. Two series that differ in it alone would be one, and nobody could tell whose a time is.
 * So the server lists the names, each is asked for by itself, and so is all that has none of them,
 * which must be nothing. */
#include "source/server_state.h"

static enum ampql_code list(struct server *server, const struct ampql_select *select,
                            struct arena *work, struct strs *out, struct ampql_error *err)
{
    struct wire_part whole = {.from_ms = select->start_ms, .to_ms = select->end_ms};
    return server_values(server, select, &whole, STR("__name__"), work, out, err);
}

enum ampql_code names_count(struct server *server, const struct ampql_select *select, size_t *out,
                            struct ampql_error *err)
{
    struct arena work;
    struct strs names;
    arena_init(&work, &server->alc);
    enum ampql_code code = list(server, select, &work, &names, err);
    *out = names.n;
    arena_done(&work);
    return code;
}

static bool add(struct job *job, struct wire_cut cut)
{
    struct wire_cut *copy = arena_new(&job->arena, struct wire_cut);
    if (!copy)
        return false;
    *copy = cut;
    return array_push(&job->cuts, &job->arena, copy);
}

/* A cut for each name, then one for the rest: no name of any of the lists that regexes can hold. */
static bool cut_by(struct job *job, const struct str *names, size_t n)
{
    struct wire_cut *rest = NULL;
    size_t bytes = SERVER_MAX_REGEX;
    for (size_t i = 0; i < n; i++) {
        if (!add(job, (struct wire_cut){NULL, STR("__name__"), false, &names[i], 1}))
            return false;
        bytes += names[i].n + 1;
        if (bytes > SERVER_MAX_REGEX) {
            struct wire_cut *inner = arena_new(&job->arena, struct wire_cut);
            if (!inner)
                return false;
            *inner = (struct wire_cut){rest, STR("__name__"), true, &names[i], 0};
            rest = inner;
            bytes = names[i].n;
        }
        rest->nvalues++;
    }
    return array_push(&job->cuts, &job->arena, rest);
}

enum ampql_code names_cut(struct server *server, struct job *job, struct ampql_error *err)
{
    struct arena work;
    struct strs names;
    if (!wire_loses_names(&job->select))
        return AMPQL_OK;
    arena_init(&work, &server->alc);
    enum ampql_code code = list(server, &job->select, &work, &names, err);
    if (code == AMPQL_OK && names.n > SERVER_MAX_NAMES)
        code = fail(err, AMPQL_LIMIT,
                    "timestamp() of a selector that %zu metrics match, and at most %d are asked "
                    "for one by one: name the metric",
                    names.n, SERVER_MAX_NAMES);
    struct str *kept = arena_alloc(&job->arena, names.n, sizeof *kept);
    bool ok = kept;
    for (size_t i = 0; i < names.n && ok && code == AMPQL_OK; i++) {
        kept[i] = arena_copy(&job->arena, names.at[i]);
        ok = kept[i].p;
    }
    if (code == AMPQL_OK && !(ok && cut_by(job, kept, names.n)))
        code = fail_nomem(err, "the names of metrics");
    arena_done(&work);
    return code;
}
