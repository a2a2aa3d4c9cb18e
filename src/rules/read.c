/* A rule file's YAML to groups and rules: structure, types, durations and names. */
#include "rules/rules.h"

#include "base/duration.h"

struct reader {
    struct yaml yaml;
    struct arena *arena;
    struct rule_file *file;
    const struct rule_faults
        *faults; /* who hears of what is wrong; NULL: the first ends the reading */
};

/* Something is wrong in the mapping or list that is open at this depth. Where all faults are asked
 * for, tell of it and pass over the rest of its field or item. */
static enum ampql_code go_on(struct reader *r, enum ampql_code code, size_t depth, bool value_too,
                             struct ampql_error *err)
{
    if (!r->faults || code != AMPQL_BAD_DATA || yaml_is_broken(&r->yaml))
        return code;
    r->faults->tell(r->faults->payload, err);
    return yaml_pass(&r->yaml, depth, value_too, err);
}

/* A duration such as 1m, which the duration reader explains when it is none. */
static enum ampql_code read_duration(struct reader *r, const char *what, int64_t *out,
                                     struct ampql_error *err)
{
    struct yaml_scalar scalar;
    TRY(yaml_scalar(&r->yaml, r->arena, what, &scalar, err));
    *out = 0;
    if (scalar.is_null || str_equal(scalar.value, STR("0")))
        return AMPQL_OK;
    struct ampql_error why = {0};
    if (duration_parse(scalar.value, out, &why) != AMPQL_OK)
        return yaml_fail(err, scalar.place, scalar.end, "%s: %s, expected a duration such as 1m",
                         what, why.message);
    return AMPQL_OK;
}

/* A whole number, 0 or more. */
static enum ampql_code read_count(struct reader *r, const char *what, uint64_t *out,
                                  struct ampql_error *err)
{
    struct yaml_scalar scalar;
    TRY(yaml_scalar(&r->yaml, r->arena, what, &scalar, err));
    uint64_t n = 0;
    bool is_number = scalar.is_null || scalar.value.n > 0;
    for (size_t i = 0; i < scalar.value.n && is_number; i++) {
        unsigned digit = (unsigned)(scalar.value.p[i] - '0');
        is_number = digit <= 9 && !__builtin_mul_overflow(n, 10, &n) &&
                    !__builtin_add_overflow(n, digit, &n);
    }
    char quoted[320];
    if (!is_number)
        return yaml_fail(err, scalar.place, scalar.end,
                         "%s is %s, expected a whole number, 0 or more", what,
                         quote_clipped(quoted, sizeof quoted, scalar.value));
    *out = n;
    return AMPQL_OK;
}

/* [a-zA-Z_][a-zA-Z0-9_]*, for metric names with colons. */
static bool is_name(struct str name, bool allow_colon)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
                         (allow_colon && c == ':');
        if (!is_letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return name.n > 0;
}

/* Bounds for what is looked through again and again: far more than any file of use has. */
enum { MAX_LABELS = 256, MAX_GROUPS = 10000, MAX_RULES = 10000 };

static enum ampql_code fail_many(struct ampql_error *err, struct yaml_place place, const char *what,
                                 int most)
{
    return fail_at(err, AMPQL_LIMIT, place.offset, place.offset,
                   "line %zu, column %zu: too many %s, expected at most %d", place.line,
                   place.column, what, most);
}

struct label_list {
    ARRAY(struct ampql_label);
};

static struct ampql_label *find_label(const struct label_list *list, struct str name)
{
    for (size_t i = 0; i < list->n; i++)
        if (str_equal(str_view(list->at[i].name), name))
            return &list->at[i];
    return NULL;
}

/* labels := { name: value, ... }; empty values stay, they remove a label. */
static enum ampql_code read_labels(struct reader *r, struct label_list *out,
                                   struct ampql_error *err)
{
    char quoted[320];
    if (yaml_is_null(&r->yaml))
        return AMPQL_OK;
    TRY(yaml_begin(&r->yaml, YAML_MAPPING_START_EVENT, "labels", err));
    for (;;) {
        struct yaml_scalar name, value;
        bool more;
        TRY(yaml_key(&r->yaml, r->arena, "a label name", &name, &more, err));
        if (!more)
            return AMPQL_OK;
        if (!is_name(name.value, false) || str_equal(name.value, STR("__name__")))
            return yaml_fail(err, name.place, name.end,
                             "invalid label name %s, expected [a-zA-Z_][a-zA-Z0-9_]* and not "
                             "__name__",
                             quote_clipped(quoted, sizeof quoted, name.value));
        if (find_label(out, name.value))
            return yaml_fail(err, name.place, name.end, "label %s is there twice, expected it once",
                             quote_clipped(quoted, sizeof quoted, name.value));
        if (out->n >= MAX_LABELS)
            return fail_many(err, name.place, "labels", MAX_LABELS);
        TRY(yaml_scalar(&r->yaml, r->arena, "a label value", &value, err));
        struct ampql_label label = {string_view(name.value), string_view(value.value)};
        if (!array_push(out, r->arena, label))
            return fail_nomem(err, "labels");
    }
}

/* The group's labels, then the rule's own, which win. */
static enum ampql_code join_labels(const struct label_list *group, const struct label_list *own,
                                   struct arena *arena, struct ampql_rule *out,
                                   struct ampql_error *err)
{
    struct ampql_label *labels = arena_alloc(arena, group->n + own->n, sizeof *labels);
    if (!labels)
        return fail_nomem(err, "labels");
    size_t n = 0;
    for (size_t i = 0; i < group->n; i++)
        if (!find_label(own, str_view(group->at[i].name)))
            labels[n++] = group->at[i];
    for (size_t i = 0; i < own->n; i++)
        labels[n++] = own->at[i];
    out->labels = labels;
    out->nlabels = n;
    return AMPQL_OK;
}

/* annotations := { name: text, ... } */
static enum ampql_code read_annotations(struct reader *r, struct label_list *out,
                                        struct ampql_error *err)
{
    char quoted[320];
    if (yaml_is_null(&r->yaml))
        return AMPQL_OK;
    TRY(yaml_begin(&r->yaml, YAML_MAPPING_START_EVENT, "annotations", err));
    for (;;) {
        struct yaml_scalar name, text;
        bool more;
        TRY(yaml_key(&r->yaml, r->arena, "an annotation name", &name, &more, err));
        if (!more)
            return AMPQL_OK;
        if (!is_name(name.value, false))
            return yaml_fail(err, name.place, name.end,
                             "invalid annotation name %s, expected [a-zA-Z_][a-zA-Z0-9_]*",
                             quote_clipped(quoted, sizeof quoted, name.value));
        if (find_label(out, name.value))
            return yaml_fail(err, name.place, name.end,
                             "annotation %s is there twice, expected it once",
                             quote_clipped(quoted, sizeof quoted, name.value));
        if (out->n >= MAX_LABELS)
            return fail_many(err, name.place, "annotations", MAX_LABELS);
        TRY(yaml_scalar(&r->yaml, r->arena, "an annotation", &text, err));
        struct ampql_label annotation = {string_view(name.value), string_view(text.value)};
        if (!array_push(out, r->arena, annotation))
            return fail_nomem(err, "annotations");
    }
}

enum { RULE_RECORD, RULE_ALERT, RULE_EXPR, RULE_FOR, RULE_KEEP, RULE_LABELS, RULE_ANNOTATIONS };
static const char *const rule_fields[] = {"record",          "alert",  "expr",        "for",
                                          "keep_firing_for", "labels", "annotations", NULL};

struct rule_text {
    struct yaml_place place;
    struct yaml_scalar name[2]; /* by RULE_RECORD, RULE_ALERT */
    struct yaml_scalar expr;
    struct yaml_place alert_only; /* where a field stands that a record does not have */
    const char *alert_only_name;
    int64_t for_ms, keep_firing_for_ms;
    struct label_list labels, annotations;
    bool is_broken; /* something in it was wrong, and was told */
};

static enum ampql_code read_rule_value(struct reader *r, int field, struct rule_text *out,
                                       struct ampql_error *err)
{
    switch (field) {
    case RULE_RECORD:
    case RULE_ALERT:
        return yaml_scalar(&r->yaml, r->arena, rule_fields[field], &out->name[field], err);
    case RULE_EXPR:
        return yaml_scalar(&r->yaml, r->arena, "expr", &out->expr, err);
    case RULE_FOR:
        return read_duration(r, "for", &out->for_ms, err);
    case RULE_KEEP:
        return read_duration(r, "keep_firing_for", &out->keep_firing_for_ms, err);
    case RULE_LABELS:
        return read_labels(r, &out->labels, err);
    default:
        return read_annotations(r, &out->annotations, err);
    }
}

static enum ampql_code read_rule_fields(struct reader *r, struct rule_text *out,
                                        struct ampql_error *err)
{
    size_t depth = r->yaml.depth;
    unsigned seen = 0;
    for (int field;;) {
        enum ampql_code code = yaml_field(&r->yaml, "a rule", rule_fields, &seen, &field, err);
        if (code == AMPQL_OK && field < 0)
            return AMPQL_OK;
        if (field == RULE_FOR || field == RULE_KEEP || field == RULE_ANNOTATIONS) {
            out->alert_only = yaml_here(&r->yaml);
            out->alert_only_name = rule_fields[field];
        }
        if (code == AMPQL_OK)
            code = read_rule_value(r, field, out, err);
        if (code != AMPQL_OK) {
            out->is_broken = true;
            TRY(go_on(r, code, depth, field < 0, err));
        }
    }
}

static enum ampql_code check_rule(const struct rule_text *text, struct ampql_error *err)
{
    const struct yaml_scalar *record = &text->name[RULE_RECORD], *alert = &text->name[RULE_ALERT];
    char quoted[320];
    if (record->value.n && alert->value.n)
        return yaml_fail(err, text->place, 0,
                         "a rule has both record and alert, expected one of them");
    if (!record->value.n && !alert->value.n)
        return yaml_fail(err, text->place, 0, "a rule has no name, expected record or alert");
    if (text->expr.value.n == 0)
        return yaml_fail(err, text->expr.place.line ? text->expr.place : text->place, 0,
                         "a rule has no expression, expected expr");
    if (!record->value.n)
        return AMPQL_OK;
    if (!is_name(record->value, true))
        return yaml_fail(err, record->place, record->end,
                         "invalid record name %s, expected a metric name "
                         "[a-zA-Z_:][a-zA-Z0-9_:]*",
                         quote_clipped(quoted, sizeof quoted, record->value));
    if (text->alert_only_name)
        return yaml_fail(err, text->alert_only, 0,
                         "field \"%s\" in a recording rule, expected it in alerts only",
                         text->alert_only_name);
    return AMPQL_OK;
}

static enum ampql_code read_rule(struct reader *r, struct rule_text *text, struct ampql_error *err)
{
    *text = (struct rule_text){.place = yaml_here(&r->yaml)};
    TRY(yaml_begin(&r->yaml, YAML_MAPPING_START_EVENT, "a rule", err));
    TRY(read_rule_fields(r, text, err));
    return text->is_broken ? AMPQL_OK : check_rule(text, err);
}

/* rules := [ rule, ... ]; the group's own labels may stand below them, so they are joined later. */
struct own_labels {
    ARRAY(struct label_list);
};

static enum ampql_code add_rule(struct reader *r, const struct rule_text *text,
                                struct own_labels *own, struct ampql_error *err)
{
    struct rule_file *file = r->file;
    bool is_alert = text->name[RULE_ALERT].value.n > 0;
    struct rule rule = {
        .view = {.group = file->groups.n,
                 .is_alert = is_alert,
                 .name = string_view(text->name[is_alert ? RULE_ALERT : RULE_RECORD].value),
                 .expr = string_view(text->expr.value),
                 .line = text->place.line},
        .place = text->place,
        .expr = text->expr,
        .alert = {text->for_ms, text->keep_firing_for_ms, text->annotations.at,
                  text->annotations.n},
    };
    if (!array_push(&file->rules, r->arena, rule) || !array_push(own, r->arena, text->labels))
        return fail_nomem(err, "a rule");
    file->nalerts += is_alert;
    return AMPQL_OK;
}

static enum ampql_code read_rules(struct reader *r, struct own_labels *own, struct ampql_error *err)
{
    if (yaml_is_null(&r->yaml))
        return AMPQL_OK;
    TRY(yaml_begin(&r->yaml, YAML_SEQUENCE_START_EVENT, "rules", err));
    for (size_t depth = r->yaml.depth;;) {
        struct rule_text text;
        bool more;
        enum ampql_code code = yaml_item(&r->yaml, &more, err);
        if (code == AMPQL_OK && !more)
            return AMPQL_OK;
        if (r->file->rules.n >= MAX_RULES)
            return fail_many(err, yaml_here(&r->yaml), "rules", MAX_RULES);
        if (code == AMPQL_OK)
            code = read_rule(r, &text, err);
        if (code != AMPQL_OK)
            TRY(go_on(r, code, depth, false, err));
        else if (!text.is_broken)
            TRY(add_rule(r, &text, own, err));
    }
}

enum {
    GROUP_NAME,
    GROUP_INTERVAL,
    GROUP_OFFSET,
    GROUP_LIMIT,
    GROUP_LABELS,
    GROUP_RULES,
};
static const char *const group_fields[] = {"name",  "interval", "query_offset", "limit", "labels",
                                           "rules", NULL};

struct group_text {
    struct ampql_rule_group group;
    struct yaml_place place;
    struct yaml_scalar name;
    bool has_bad_name; /* which was told */
    struct label_list labels;
    struct own_labels own; /* of its rules */
};

static enum ampql_code read_group_value(struct reader *r, int field, struct group_text *out,
                                        struct ampql_error *err)
{
    switch (field) {
    case GROUP_NAME:
        return yaml_scalar(&r->yaml, r->arena, "name", &out->name, err);
    case GROUP_INTERVAL:
        return read_duration(r, "interval", &out->group.interval_ms, err);
    case GROUP_OFFSET:
        return read_duration(r, "query_offset", &out->group.query_offset_ms, err);
    case GROUP_LIMIT:
        return read_count(r, "limit", &out->group.limit, err);
    case GROUP_LABELS:
        return read_labels(r, &out->labels, err);
    default:
        return read_rules(r, &out->own, err);
    }
}

static enum ampql_code read_group_fields(struct reader *r, struct group_text *out,
                                         struct ampql_error *err)
{
    size_t depth = r->yaml.depth;
    unsigned seen = 0;
    for (int field;;) {
        enum ampql_code code = yaml_field(&r->yaml, "a group", group_fields, &seen, &field, err);
        if (code == AMPQL_OK && field < 0)
            return AMPQL_OK;
        if (code == AMPQL_OK)
            code = read_group_value(r, field, out, err);
        if (code != AMPQL_OK) {
            out->has_bad_name |= field == GROUP_NAME;
            TRY(go_on(r, code, depth, field < 0, err));
        }
    }
}

static enum ampql_code check_group_name(const struct rule_file *file, const struct group_text *text,
                                        struct ampql_error *err)
{
    const struct yaml_scalar *name = &text->name;
    char quoted[320];
    if (text->has_bad_name)
        return AMPQL_OK;
    if (name->value.n == 0)
        return yaml_fail(err, name->place.line ? name->place : text->place, 0,
                         "a group has no name, expected name");
    for (size_t i = 0; i < file->groups.n; i++)
        if (str_equal(str_view(file->groups.at[i].name), name->value))
            return yaml_fail(err, name->place, name->end,
                             "group name %s is repeated, first on line %zu, expected another",
                             quote_clipped(quoted, sizeof quoted, name->value),
                             file->groups.at[i].line);
    return AMPQL_OK;
}

/* The group with the rules that were read of it. */
static enum ampql_code add_group(struct reader *r, struct group_text *text, struct ampql_error *err)
{
    struct rule_file *file = r->file;
    struct ampql_rule_group *group = &text->group;
    group->name = string_view(text->name.value);
    group->labels = text->labels.at;
    group->nlabels = text->labels.n;
    group->nrules = file->rules.n - group->first_rule;
    for (size_t i = 0; i < group->nrules; i++)
        TRY(join_labels(&text->labels, &text->own.at[i], r->arena,
                        &file->rules.at[group->first_rule + i].view, err));
    return array_push(&file->groups, r->arena, *group) ? AMPQL_OK : fail_nomem(err, "a group");
}

static enum ampql_code read_group(struct reader *r, struct ampql_error *err)
{
    struct group_text text = {.place = yaml_here(&r->yaml)};
    text.group.first_rule = r->file->rules.n;
    text.group.line = text.place.line;
    TRY(yaml_begin(&r->yaml, YAML_MAPPING_START_EVENT, "a group", err));
    enum ampql_code fields = read_group_fields(r, &text, err);
    if (fields != AMPQL_OK && fields != AMPQL_BAD_DATA)
        return fields;
    if (fields == AMPQL_OK) {
        enum ampql_code code = check_group_name(r->file, &text, err);
        if (code != AMPQL_OK)
            TRY(go_on(r, code, r->yaml.depth, false, err));
    }
    /* A text that breaks off inside a group leaves the rules before: they keep their group. */
    TRY(add_group(r, &text, err));
    return fields;
}

/* groups := [ group, ... ] */
static enum ampql_code read_groups(struct reader *r, struct ampql_error *err)
{
    if (yaml_is_null(&r->yaml))
        return AMPQL_OK;
    TRY(yaml_begin(&r->yaml, YAML_SEQUENCE_START_EVENT, "groups", err));
    for (size_t depth = r->yaml.depth;;) {
        bool more;
        enum ampql_code code = yaml_item(&r->yaml, &more, err);
        if (code == AMPQL_OK && !more)
            return AMPQL_OK;
        if (r->file->groups.n >= MAX_GROUPS)
            return fail_many(err, yaml_here(&r->yaml), "groups", MAX_GROUPS);
        if (code == AMPQL_OK)
            code = read_group(r, err);
        if (code != AMPQL_OK)
            TRY(go_on(r, code, depth, false, err));
    }
}

static enum ampql_code read_file_fields(struct reader *r, struct ampql_error *err)
{
    static const char *const file_fields[] = {"groups", NULL};
    unsigned seen = 0;
    TRY(yaml_begin(&r->yaml, YAML_MAPPING_START_EVENT, "a rule file", err));
    size_t depth = r->yaml.depth;
    for (int field;;) {
        enum ampql_code code = yaml_field(&r->yaml, "a rule file", file_fields, &seen, &field, err);
        if (code == AMPQL_OK && field < 0)
            return AMPQL_OK;
        if (code == AMPQL_OK)
            code = read_groups(r, err);
        if (code != AMPQL_OK)
            TRY(go_on(r, code, depth, field < 0, err));
    }
}

/* file := [ { groups: ... } ] */
static enum ampql_code read_file(struct reader *r, struct ampql_error *err)
{
    bool is_there;
    TRY(yaml_begin_document(&r->yaml, &is_there, err));
    if (is_there)
        TRY(read_file_fields(r, err));
    return yaml_end_document(&r->yaml, err);
}

enum ampql_code rules_read(struct str text, struct arena *arena, const struct rule_faults *faults,
                           struct rule_file *out, struct ampql_error *err)
{
    struct reader r = {.arena = arena, .file = out, .faults = faults};
    *out = (struct rule_file){0};
    TRY(yaml_open(&r.yaml, "a rule file", text, err));
    enum ampql_code code = read_file(&r, err);
    yaml_close(&r.yaml);
    return code;
}
