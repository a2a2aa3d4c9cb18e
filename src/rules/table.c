/* The records of a rule file as planner and runs know them. */
#include "rules/rules.h"

#include "base/buf.h"
#include "base/hash.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

_Static_assert(offsetof(struct ampql_rules, maker) == 0, "the engine finds it at the start");

enum { MAX_HASHED = 16 << 20 };

/* ---- made once, when rules are loaded */

static enum ampql_code make_record(struct ampql_rules *rules, size_t i, struct record *out,
                                   struct ampql_error *err)
{
    const struct rule *rule = &rules->file.rules.at[i];
    const struct ampql_rule_group *group = &rules->file.groups.at[rule->view.group];
    struct record_label *labels = arena_alloc(&rules->arena, rule->view.nlabels, sizeof *labels);
    if (!labels)
        return fail_nomem(err, "records");
    for (size_t k = 0; k < rule->view.nlabels; k++)
        labels[k] = (struct record_label){str_view(rule->view.labels[k].name),
                                          str_view(rule->view.labels[k].value)};
    *out = (struct record){
        .name = str_view(rule->view.name),
        .labels = labels,
        .nlabels = rule->view.nlabels,
        .ast = rule->query->ast,
        .text = rule->query->text,
        .interval_ms = group->interval_ms,
        .query_offset_ms = group->query_offset_ms,
        .limit = group->limit,
        .group = rule->view.group,
    };
    return AMPQL_OK;
}

static void describe(const struct records *records, size_t record, char *out, size_t size)
{
    const struct ampql_rules *rules = records->payload;
    const struct ampql_rule *rule = &rules->file.rules.at[rules->rule_of[record]].view;
    char group_name[100], rule_name[100];
    snprintf(out, size, "group %s, record %s, line %zu",
             quote_clipped(group_name, sizeof group_name,
                           str_view(rules->file.groups.at[rule->group].name)),
             quote_clipped(rule_name, sizeof rule_name, str_view(rule->name)), rule->line);
}

static struct records view(const struct ampql_rules *rules, const struct record *at)
{
    return (struct records){.at = at,
                            .n = rules->nrecords,
                            .order = rules->order,
                            .payload = rules,
                            .find = rules_find,
                            .describe = describe};
}

enum ampql_code rules_make_records(struct ampql_rules *rules, struct ampql_error *err)
{
    size_t n = rules->file.rules.n;
    rules->records = arena_alloc(&rules->arena, n, sizeof *rules->records);
    rules->rule_of = arena_alloc(&rules->arena, n, sizeof *rules->rule_of);
    if (!rules->records || !rules->rule_of)
        return fail_nomem(err, "records");
    for (size_t i = 0; i < rules->file.rules.n; i++) {
        const struct rule *rule = &rules->file.rules.at[i];
        if (rule->view.is_alert || !rule->query) /* whose fault has been told */
            continue;
        struct record *record = &rules->records[rules->nrecords];
        TRY(make_record(rules, i, record, err));
        if (!index_add(&rules->by_name, hash_bytes(record->name.p, record->name.n),
                       rules->nrecords))
            return fail_nomem(err, "records");
        rules->rule_of[rules->nrecords++] = i;
    }
    struct records records = view(rules, rules->records);
    return rules_order(rules, &records, err);
}

/* ---- made for each run */

/* size := byte | 255 low middle high, as the label sets of Prometheus 3.x hold their strings. */
static void put_sized(struct buf *out, struct str s)
{
    if (s.n < 255) {
        buf_byte(out, (char)s.n);
    } else {
        buf_byte(out, (char)255);
        for (unsigned shift = 0; shift < 24; shift += 8)
            buf_byte(out, (char)(s.n >> shift & 0xff));
    }
    buf_str(out, s);
}

/* As 2.42 hashes label sets. */
static void put_separated(struct buf *out, struct str s)
{
    buf_str(out, s);
    buf_byte(out, (char)0xff);
}

/* How long past the multiples of its interval Prometheus evaluates a group: by a hash of the labels
 * {file="...", name="..."}, in ns, of which the samples' times keep the ms. */
static enum ampql_code phase_of(const struct ampql_rules *rules, struct str file, struct str group,
                                enum ampql_dialect dialect, struct record *out,
                                struct ampql_error *err)
{
    const struct str parts[] = {STR("file"), file, STR("name"), group};
    struct buf text;
    buf_init(&text, &rules->alc, MAX_HASHED);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        (dialect == AMPQL_PROM2 ? put_separated : put_sized)(&text, parts[i]);
    enum ampql_code code = text.failed;
    uint64_t hash = code == AMPQL_OK ? XXH64(text.p, text.n, 0) : 0;
    buf_done(&text);
    out->phase_ms = (int64_t)(hash % ((uint64_t)out->interval_ms * 1000000) / 1000000);
    return code == AMPQL_OK ? code : fail(err, code, "the phase of a group");
}

static enum ampql_code make_table(const struct record_maker *maker,
                                  const struct ampql_run_options *options, struct arena *arena,
                                  struct records *out, struct ampql_error *err)
{
    const struct ampql_rules *rules = (const struct ampql_rules *)maker;
    enum ampql_dialect dialect = options->dialect ? options->dialect : rules->engine->dialect;
    struct record *at = arena_alloc(arena, rules->nrecords, sizeof *at);
    if (!at)
        return fail_nomem(err, "records");
    for (size_t i = 0; i < rules->nrecords; i++) {
        struct record *record = &at[i];
        *record = rules->records[i];
        if (options->rule_interval_ms > 0)
            record->interval_ms = options->rule_interval_ms;
        else if (record->interval_ms == 0)
            record->interval_ms =
                options->default_interval_ms > 0 ? options->default_interval_ms : RULES_INTERVAL_MS;
        record->phase_ms = options->rule_phase_ms % record->interval_ms;
        if (options->rule_file)
            TRY(phase_of(rules, str_of(options->rule_file),
                         str_view(rules->file.groups.at[record->group].name), dialect, record,
                         err));
    }
    *out = view(rules, at);
    out->writes_no_markers = options->rule_no_markers;
    return AMPQL_OK;
}

const struct record_maker rules_maker = {make_table};
