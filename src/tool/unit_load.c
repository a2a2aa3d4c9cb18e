/* The rule files of a unit test: found by their patterns, loaded, their groups put in order. */
#include "tool/unit.h"

#include "tool/text_file.h"

#include <glob.h>
#include <stdlib.h>

struct loader {
    const struct unit_file *file;
    struct ampql_engine *engine;
    struct arena *arena;
    void (*warn)(void *payload, const char *message);
    void *payload;
    struct unit_rules *out;
    struct ampql_error *err;
};

/* One rule file; its groups in the order of the file. */
static enum ampql_code load_file(struct loader *l, const char *path)
{
    struct str text, name;
    struct ampql_rules *rules = NULL;
    struct ampql_error why = {0};
    for (size_t i = 0; i < l->out->groups.n; i++)
        if (str_equal(str_of(l->out->groups.at[i].path), str_of(path)))
            return AMPQL_OK; /* named twice */
    enum ampql_code code = text_file_read(l->arena, path, &text, &why);
    if (code == AMPQL_OK)
        code = rules_load(l->engine, text, &rules, &why);
    if (code != AMPQL_OK)
        return fail(l->err, code, "%s: %s", path, why.message);
    if (!array_push(&l->out->loaded, l->arena, rules)) {
        rules_free(rules);
        return fail_nomem(l->err, "the rules of a unit test");
    }
    name = arena_copy(l->arena, str_of(path));
    for (size_t i = 0; name.p && i < rules->file.groups.n; i++)
        if (!array_push(&l->out->groups, l->arena,
                        (struct unit_group){.path = name.p, .rules = rules, .group = i}))
            name.p = NULL;
    return name.p ? AMPQL_OK : fail_nomem(l->err, "the rules of a unit test");
}

/* The path without ".", empty parts and "..", as Go joins paths: one file has one name then. */
static void clean(char *path)
{
    char *to = path + (path[0] == '/'), *root = to;
    for (const char *part = to; *part;) {
        size_t n = strcspn(part, "/");
        bool is_up = n == 2 && part[0] == '.' && part[1] == '.';
        const char *next = part + n + (part[n] == '/');
        char *last = to > root ? memrchr(root, '/', (size_t)(to - root)) : NULL;
        last = last ? last + 1 : root;
        bool can_go_up = to > root && strncmp(last, "..", (size_t)(to - last)) != 0;
        if (is_up && can_go_up) {
            to = last > root ? last - 1 : root;
        } else if (n > 0 && !(n == 1 && part[0] == '.') && !(is_up && root > path)) {
            if (to > root)
                *to++ = '/';
            memmove(to, part, n);
            to += n;
        }
        part = next;
    }
    *to = '\0';
}

static enum ampql_code load_pattern(struct loader *l, struct str dir, struct str pattern)
{
    bool is_relative = pattern.n == 0 || pattern.p[0] != '/';
    size_t ndir = is_relative && pattern.n > 0 ? dir.n : 0;
    char *path = arena_alloc(l->arena, ndir + pattern.n + 1, 1);
    glob_t found = {0};
    if (!path)
        return fail_nomem(l->err, "a path");
    if (ndir)
        memcpy(path, dir.p, ndir);
    memcpy(path + ndir, pattern.p, pattern.n);
    path[ndir + pattern.n] = '\0';
    if (strlen(path) < ndir + pattern.n)
        return fail(l->err, AMPQL_BAD_DATA, "a NUL byte in the name of a rule file");
    clean(path);

    enum ampql_code code = AMPQL_OK;
    int status = glob(path, 0, NULL, &found);
    if (status == GLOB_NOSPACE) {
        code = fail_nomem(l->err, "the names of rule files");
    } else if (status != 0) {
        struct ampql_error message;
        char quoted[320];
        fail(&message, AMPQL_NOT_FOUND, "no file matches %s of rule_files",
             quote_clipped(quoted, sizeof quoted, str_of(path)));
        l->warn(l->payload, message.message);
    }
    for (size_t i = 0; code == AMPQL_OK && status == 0 && i < found.gl_pathc; i++)
        code = load_file(l, found.gl_pathv[i]);
    globfree(&found);
    return code;
}

static struct str name_of(const struct unit_group *group)
{
    return str_view(group->rules->file.groups.at[group->group].name);
}

static int by_place(const void *a, const void *b)
{
    const struct unit_group *x = a, *y = b;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

/* Those that are not in group_eval_order share the place of the first that is. */
static void put_in_order(const struct unit_file *file, struct unit_rules *rules)
{
    for (size_t i = 0; i < rules->groups.n; i++) {
        struct unit_group *group = &rules->groups.at[i];
        group->number = i;
        for (size_t k = 0; k < file->norder; k++)
            if (str_equal(file->order[k].value, name_of(group)))
                group->place = k;
    }
    if (rules->groups.n > 1)
        qsort(rules->groups.at, rules->groups.n, sizeof *rules->groups.at, by_place);
}

static void warn_of_order(const struct loader *l)
{
    for (size_t i = 0; i < l->file->norder; i++) {
        const struct yaml_scalar *name = &l->file->order[i];
        struct ampql_error message;
        char quoted[320];
        bool is_there = false;
        for (size_t k = 0; k < l->out->groups.n && !is_there; k++)
            is_there = str_equal(name_of(&l->out->groups.at[k]), name->value);
        fail(&message, AMPQL_NOT_FOUND, "line %zu: no group is named %s of group_eval_order",
             name->place.line, quote_clipped(quoted, sizeof quoted, name->value));
        if (!is_there)
            l->warn(l->payload, message.message);
    }
}

enum ampql_code unit_load(const struct unit_file *file, struct str dir, struct ampql_engine *engine,
                          struct arena *arena, void (*warn)(void *payload, const char *message),
                          void *payload, struct unit_rules *out, struct ampql_error *err)
{
    struct loader l = {file, engine, arena, warn, payload, out, err};
    *out = (struct unit_rules){0};
    for (size_t i = 0; i < file->nrule_files; i++)
        TRY(load_pattern(&l, dir, file->rule_files[i].value));
    put_in_order(file, out);
    warn_of_order(&l);
    return AMPQL_OK;
}

void unit_unload(struct unit_rules *rules)
{
    for (size_t i = 0; i < rules->loaded.n; i++)
        rules_free(rules->loaded.at[i]);
    *rules = (struct unit_rules){0};
}
