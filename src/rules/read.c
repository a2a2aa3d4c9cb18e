/* A rule file's YAML to groups and rules: structure, types, durations and names. */
#include "rules/rules.h"

#include "base/duration.h"

/* A duration such as 1m, which the duration reader explains when it is none. */
static enum ampql_code read_duration(struct yaml *yaml, struct arena *arena, const char *what,
                                     int64_t *out, struct ampql_error *err)
{
    struct yaml_scalar scalar;
    TRY(yaml_scalar(yaml, arena, what, &scalar, err));
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
static enum ampql_code read_count(struct yaml *yaml, struct arena *arena, const char *what,
                                  uint64_t *out, struct ampql_error *err)
{
    struct yaml_scalar scalar;
    TRY(yaml_scalar(yaml, arena, what, &scalar, err));
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
static enum ampql_code read_labels(struct yaml *yaml, struct arena *arena, struct label_list *out,
                                   struct ampql_error *err)
{
    char quoted[320];
    if (yaml_is_null(yaml))
        return AMPQL_OK;
    TRY(yaml_begin(yaml, YAML_MAPPING_START_EVENT, "labels", err));
    for (;;) {
        struct yaml_scalar name, value;
        bool more;
        TRY(yaml_key(yaml, arena, "a label name", &name, &more, err));
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
        TRY(yaml_scalar(yaml, arena, "a label value", &value, err));
        struct ampql_label label = {string_view(name.value), string_view(value.value)};
        if (!array_push(out, arena, label))
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

/* What only an alert has; its text is not used. annotations := { name: text, ... } */
static enum ampql_code skip_annotations(struct yaml *yaml, struct arena *arena,
                                        struct ampql_error *err)
{
    if (yaml_is_null(yaml))
        return AMPQL_OK;
    TRY(yaml_begin(yaml, YAML_MAPPING_START_EVENT, "annotations", err));
    for (;;) {
        struct yaml_scalar name, text;
        bool more;
        TRY(yaml_key(yaml, arena, "an annotation name", &name, &more, err));
        if (!more)
            return AMPQL_OK;
        TRY(yaml_scalar(yaml, arena, "an annotation", &text, err));
    }
}

enum { RULE_RECORD, RULE_ALERT, RULE_EXPR, RULE_FOR, RULE_KEEP, RULE_LABELS, RULE_ANNOTATIONS };
static const char *const rule_fields[] = {"record",          "alert",  "expr",        "for",
                                          "keep_firing_for", "labels", "annotations", NULL};

struct rule_text {
    struct yaml_scalar name[2]; /* by RULE_RECORD, RULE_ALERT */
    struct yaml_scalar expr;
    struct yaml_place alert_only; /* where a field stands that a record does not have */
    const char *alert_only_name;
    struct label_list labels;
};

static enum ampql_code read_rule_fields(struct yaml *yaml, struct arena *arena,
                                        struct rule_text *out, struct ampql_error *err)
{
    unsigned seen = 0;
    for (int field;;) {
        int64_t ms;
        TRY(yaml_field(yaml, "a rule", rule_fields, &seen, &field, err));
        if (field == RULE_FOR || field == RULE_KEEP || field == RULE_ANNOTATIONS) {
            out->alert_only = yaml_here(yaml);
            out->alert_only_name = rule_fields[field];
        }
        switch (field) {
        case -1:
            return AMPQL_OK;
        case RULE_RECORD:
        case RULE_ALERT:
            TRY(yaml_scalar(yaml, arena, rule_fields[field], &out->name[field], err));
            break;
        case RULE_EXPR:
            TRY(yaml_scalar(yaml, arena, "expr", &out->expr, err));
            break;
        case RULE_LABELS:
            TRY(read_labels(yaml, arena, &out->labels, err));
            break;
        case RULE_ANNOTATIONS:
            TRY(skip_annotations(yaml, arena, err));
            break;
        default:
            TRY(read_duration(yaml, arena, rule_fields[field], &ms, err));
        }
    }
}

static enum ampql_code check_rule(const struct rule_text *text, struct yaml_place place,
                                  struct ampql_error *err)
{
    const struct yaml_scalar *record = &text->name[RULE_RECORD], *alert = &text->name[RULE_ALERT];
    char quoted[320];
    if (record->value.n && alert->value.n)
        return yaml_fail(err, place, 0, "a rule has both record and alert, expected one of them");
    if (!record->value.n && !alert->value.n)
        return yaml_fail(err, place, 0, "a rule has no name, expected record or alert");
    if (text->expr.value.n == 0)
        return yaml_fail(err, text->expr.place.line ? text->expr.place : place, 0,
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

static enum ampql_code read_rule(struct yaml *yaml, struct arena *arena, struct yaml_place *place,
                                 struct rule_text *text, struct ampql_error *err)
{
    *text = (struct rule_text){0};
    *place = yaml_here(yaml);
    TRY(yaml_begin(yaml, YAML_MAPPING_START_EVENT, "a rule", err));
    TRY(read_rule_fields(yaml, arena, text, err));
    return check_rule(text, *place, err);
}

/* rules := [ rule, ... ]; the group's own labels may stand below them, so they are joined later. */
struct own_labels {
    ARRAY(struct label_list);
};

static enum ampql_code read_rules(struct yaml *yaml, struct arena *arena, struct rule_file *file,
                                  struct own_labels *own, struct ampql_error *err)
{
    if (yaml_is_null(yaml))
        return AMPQL_OK;
    TRY(yaml_begin(yaml, YAML_SEQUENCE_START_EVENT, "rules", err));
    for (;;) {
        struct yaml_place place;
        struct rule_text text;
        bool more;
        TRY(yaml_item(yaml, &more, err));
        if (!more)
            return AMPQL_OK;
        if (file->rules.n >= MAX_RULES)
            return fail_many(err, yaml_here(yaml), "rules", MAX_RULES);
        TRY(read_rule(yaml, arena, &place, &text, err));
        bool is_alert = text.name[RULE_ALERT].value.n > 0;
        struct rule rule = {
            .view = {.group = file->groups.n,
                     .is_alert = is_alert,
                     .name = string_view(text.name[is_alert ? RULE_ALERT : RULE_RECORD].value),
                     .expr = string_view(text.expr.value),
                     .line = place.line},
            .place = place,
            .expr = text.expr,
        };
        if (!array_push(&file->rules, arena, rule) || !array_push(own, arena, text.labels))
            return fail_nomem(err, "a rule");
        file->nalerts += is_alert;
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

static enum ampql_code read_group_fields(struct yaml *yaml, struct arena *arena,
                                         struct rule_file *file, struct ampql_rule_group *group,
                                         struct yaml_scalar *name, struct label_list *labels,
                                         struct own_labels *own, struct ampql_error *err)
{
    unsigned seen = 0;
    for (int field;;) {
        TRY(yaml_field(yaml, "a group", group_fields, &seen, &field, err));
        switch (field) {
        case -1:
            return AMPQL_OK;
        case GROUP_NAME:
            TRY(yaml_scalar(yaml, arena, "name", name, err));
            break;
        case GROUP_INTERVAL:
            TRY(read_duration(yaml, arena, "interval", &group->interval_ms, err));
            break;
        case GROUP_OFFSET:
            TRY(read_duration(yaml, arena, "query_offset", &group->query_offset_ms, err));
            break;
        case GROUP_LIMIT:
            TRY(read_count(yaml, arena, "limit", &group->limit, err));
            break;
        case GROUP_LABELS:
            TRY(read_labels(yaml, arena, labels, err));
            break;
        default:
            TRY(read_rules(yaml, arena, file, own, err));
        }
    }
}

static enum ampql_code check_group_name(const struct rule_file *file, struct yaml_place place,
                                        const struct yaml_scalar *name, struct ampql_error *err)
{
    char quoted[320];
    if (name->value.n == 0)
        return yaml_fail(err, name->place.line ? name->place : place, 0,
                         "a group has no name, expected name");
    for (size_t i = 0; i < file->groups.n; i++)
        if (str_equal(str_view(file->groups.at[i].name), name->value))
            return yaml_fail(err, name->place, name->end,
                             "group name %s is repeated, first on line %zu, expected another",
                             quote_clipped(quoted, sizeof quoted, name->value),
                             file->groups.at[i].line);
    return AMPQL_OK;
}

static enum ampql_code read_group(struct yaml *yaml, struct arena *arena, struct rule_file *file,
                                  struct ampql_error *err)
{
    struct yaml_place place = yaml_here(yaml);
    struct ampql_rule_group group = {.first_rule = file->rules.n, .line = place.line};
    struct yaml_scalar name = {0};
    struct label_list labels = {0};
    struct own_labels own = {0};
    TRY(yaml_begin(yaml, YAML_MAPPING_START_EVENT, "a group", err));
    TRY(read_group_fields(yaml, arena, file, &group, &name, &labels, &own, err));
    TRY(check_group_name(file, place, &name, err));

    group.name = string_view(name.value);
    group.labels = labels.at;
    group.nlabels = labels.n;
    group.nrules = file->rules.n - group.first_rule;
    for (size_t i = 0; i < group.nrules; i++)
        TRY(join_labels(&labels, &own.at[i], arena, &file->rules.at[group.first_rule + i].view,
                        err));
    return array_push(&file->groups, arena, group) ? AMPQL_OK : fail_nomem(err, "a group");
}

/* groups := [ group, ... ] */
static enum ampql_code read_groups(struct yaml *yaml, struct arena *arena, struct rule_file *file,
                                   struct ampql_error *err)
{
    if (yaml_is_null(yaml))
        return AMPQL_OK;
    TRY(yaml_begin(yaml, YAML_SEQUENCE_START_EVENT, "groups", err));
    for (;;) {
        bool more;
        TRY(yaml_item(yaml, &more, err));
        if (!more)
            return AMPQL_OK;
        if (file->groups.n >= MAX_GROUPS)
            return fail_many(err, yaml_here(yaml), "groups", MAX_GROUPS);
        TRY(read_group(yaml, arena, file, err));
    }
}

/* file := [ { groups: ... } ] */
static enum ampql_code read_file(struct yaml *yaml, struct arena *arena, struct rule_file *file,
                                 struct ampql_error *err)
{
    static const char *const file_fields[] = {"groups", NULL};
    unsigned seen = 0;
    TRY(yaml_next(yaml, err)); /* the stream's start */
    TRY(yaml_next(yaml, err));
    if (yaml->event.type == YAML_STREAM_END_EVENT)
        return AMPQL_OK;
    TRY(yaml_next(yaml, err)); /* the document's */
    if (!yaml_is_null(yaml)) {
        TRY(yaml_begin(yaml, YAML_MAPPING_START_EVENT, "a rule file", err));
        for (int field;;) {
            TRY(yaml_field(yaml, "a rule file", file_fields, &seen, &field, err));
            if (field < 0)
                break;
            TRY(read_groups(yaml, arena, file, err));
        }
    }
    TRY(yaml_next(yaml, err)); /* the document's end */
    TRY(yaml_next(yaml, err));
    if (yaml->event.type != YAML_STREAM_END_EVENT)
        return yaml_fail(err, yaml_here(yaml), 0, "a second document, expected one");
    return AMPQL_OK;
}

enum ampql_code rules_read(struct str text, struct arena *arena, struct rule_file *out,
                           struct ampql_error *err)
{
    struct yaml yaml;
    *out = (struct rule_file){0};
    TRY(yaml_open(&yaml, "a rule file", text, err));
    enum ampql_code code = read_file(&yaml, arena, out, err);
    yaml_close(&yaml);
    return code;
}
