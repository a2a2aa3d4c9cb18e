/* Fields of allocations, by their words in lists of aggregates and in filters. */
#include "cost/field.h"

#include "base/utf8.h"

#include <stdio.h>

#define MEMBER(name) offsetof(struct ampql_allocation, name)
const struct field fields[FIELD_COUNT] = {
    {"cluster", "cluster", FIELD_TEXT, MEMBER(cluster), NULL},
    {"node", "node", FIELD_TEXT, MEMBER(node), NULL},
    {"namespace", "namespace", FIELD_TEXT, MEMBER(namespace_name), NULL},
    {"pod", "pod", FIELD_TEXT, MEMBER(pod), NULL},
    {"container", "container", FIELD_TEXT, MEMBER(container), NULL},
    {"controller", "controllerName", FIELD_CONTROLLER, MEMBER(controller), NULL},
    {"controllerKind", "controllerKind", FIELD_CONTROLLER_KIND, MEMBER(controller_kind), NULL},
    {"controllerNamespace", NULL, FIELD_NAMESPACED, MEMBER(controller), NULL},
    {"deployment", NULL, FIELD_OF_KIND, MEMBER(controller), NULL},
    {"statefulset", NULL, FIELD_OF_KIND, MEMBER(controller), NULL},
    {"daemonset", NULL, FIELD_OF_KIND, MEMBER(controller), NULL},
    {"job", NULL, FIELD_OF_KIND, MEMBER(controller), NULL},
    {"service", NULL, FIELD_SERVICES, 0, NULL},
    {NULL, "services", FIELD_SERVICES, 0, NULL},
    {NULL, "provider", FIELD_TEXT, MEMBER(provider_id), NULL},
    {"label", "label", FIELD_LABEL, 0, NULL},
    {"annotation", "annotation", FIELD_ANNOTATION, 0, NULL},
    {"department", "department", FIELD_ALIAS, 0, "department"},
    {"environment", "environment", FIELD_ALIAS, 0, "env"},
    {"owner", "owner", FIELD_ALIAS, 0, "owner"},
    {"product", "product", FIELD_ALIAS, 0, "app"},
    {"team", "team", FIELD_ALIAS, 0, "team"},
    {"providerID", NULL, FIELD_NOTHING, 0, NULL},
    {"namespaceLabel", NULL, FIELD_NOTHING, 0, NULL},
};
#undef MEMBER

static bool is_same_word(struct str text, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i < text.n && i < n; i++) {
        char a = text.p[i], b = word[i];
        if ((a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) !=
            (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b))
            return false;
    }
    return text.n == n;
}

const struct field *field_of_aggregate(struct str word)
{
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (fields[i].aggregate && is_same_word(word, fields[i].aggregate))
            return &fields[i];
    return NULL;
}

const struct field *field_of_filter(struct str word)
{
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (fields[i].filter && str_equal(word, str_of(fields[i].filter)))
            return &fields[i];
    return NULL;
}

size_t field_alias(const struct field *field)
{
    size_t alias = 0;
    for (const struct field *f = fields; f < field; f++)
        alias += f->kind == FIELD_ALIAS;
    return alias;
}

const char *field_names(bool of_filter, char *out)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const char *word = of_filter ? fields[i].filter : fields[i].aggregate;
        bool needs_name =
            !of_filter && (fields[i].kind == FIELD_LABEL || fields[i].kind == FIELD_ANNOTATION);
        if (word && fields[i].kind != FIELD_NOTHING)
            n += (size_t)snprintf(out + n, FIELD_NAMES_MAX - n, "%s%s%s", n ? ", " : "", word,
                                  needs_name ? ":NAME" : "");
    }
    return out;
}

struct str field_text(const struct field *field, const struct ampql_allocation *a)
{
    return str_view(*(const struct ampql_string *)((const char *)a + field->offset));
}

struct str field_trim(struct str s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = str_from(s, 1);
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

struct str field_sanitize(struct str name, struct arena *arena)
{
    char *p = arena_alloc(arena, name.n, 1);
    size_t n = 0;
    for (size_t i = 0; p && i < name.n;) {
        char c = name.p[i];
        size_t length = utf8_length(name.p + i, name.n - i);
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        p[n++] = is_plain ? c : '_';
        i += length ? length : 1;
    }
    return (struct str){p, n};
}

enum ampql_code field_label_names(struct str list, struct arena *arena, struct label_names *out,
                                  struct ampql_error *err)
{
    *out = (struct label_names){arena_alloc(arena, list.n / 2 + 1, sizeof *out->at), 0};
    if (!out->at)
        return fail_nomem(err, "label names");
    for (size_t start = 0, i = 0; i <= list.n; i++) {
        if (i < list.n && list.p[i] != ',')
            continue;
        struct str name = field_trim(str_make(list.p + start, i - start));
        start = i + 1;
        if (name.n == 0)
            continue;
        name = field_sanitize(name, arena);
        if (!name.p)
            return fail_nomem(err, "label names");
        out->at[out->n++] = name;
    }
    return AMPQL_OK;
}

const struct ampql_string *field_label(const struct ampql_label *labels, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_equal(str_view(labels[i].name), name))
            return &labels[i].value;
    return NULL;
}
