/* Which records a selector may read: decided by the record's name, by the labels that its rule
 * sets, and by those that its expression cannot have. */
#include "rules/rules.h"

#include "base/hash.h"
#include "base/regex.h"

#include <stdlib.h>

/* The value that a label has in all series of a record. False: it differs, or is not known. */
static bool known_value(const struct record *record, struct str label, struct str *out)
{
    if (str_equal(label, STR("__name__"))) {
        *out = record->name;
        return true;
    }
    for (size_t i = 0; i < record->nlabels; i++)
        if (str_equal(record->labels[i].name, label)) {
            *out = record->labels[i].value;
            return true;
        }
    *out = STR("");
    return expr_lacks_label(record->ast, label);
}

static bool matches(const struct matcher *m, const struct regex *regex, struct str value)
{
    bool negates = m->op == MATCH_NOT_EQUAL || m->op == MATCH_NOT_REGEX;
    return negates != (regex ? regex_match(regex, value) : str_equal(value, m->value));
}

/* Keep the records that one matcher may accept. */
static enum ampql_code sift(const struct records *records, const struct matcher *m,
                            const struct ampql_allocator *alc, struct record_list *list,
                            struct ampql_error *err)
{
    struct regex *regex = NULL;
    struct str value;
    size_t n = 0;
    if (m->op == MATCH_REGEX || m->op == MATCH_NOT_REGEX) /* of the dialects, what accepts more */
        TRY(regex_new(alc, m->value, m->op == MATCH_REGEX ? REGEX_DOT_ALL : REGEX_DOT_NO_NEWLINE,
                      &regex, err));
    for (size_t i = 0; i < list->n; i++)
        if (!known_value(&records->at[list->at[i]], m->name, &value) || matches(m, regex, value))
            list->at[n++] = list->at[i];
    list->n = n;
    bool failed = regex && regex_failed(regex);
    regex_free(regex);
    return failed ? fail_nomem(err, "matching a regular expression") : AMPQL_OK;
}

const struct matcher *rules_name_of(struct matchers matchers)
{
    for (size_t i = 0; i < matchers.n; i++)
        if (matchers.at[i].op == MATCH_EQUAL && str_equal(matchers.at[i].name, STR("__name__")))
            return &matchers.at[i];
    return NULL;
}

/* All records, or where the selector says a name, those of that name. */
static enum ampql_code begin_list(const struct records *records, struct matchers matchers,
                                  struct arena *arena, struct record_list *out,
                                  struct ampql_error *err)
{
    const struct ampql_rules *rules = records->payload;
    const struct matcher *name = rules_name_of(matchers);
    size_t at, i = 0;
    bool ok = true;
    if (!name) {
        for (; i < records->n && ok; i++)
            ok = array_push(out, arena, i);
        return ok ? AMPQL_OK : fail_nomem(err, "records");
    }
    for (i = index_first(&rules->by_name, hash_bytes(name->value.p, name->value.n), &at);
         i != INDEX_NONE && ok;
         i = index_next(&rules->by_name, hash_bytes(name->value.p, name->value.n), &at))
        if (str_equal(records->at[i].name, name->value))
            ok = array_push(out, arena, i);
    return ok ? AMPQL_OK : fail_nomem(err, "records");
}

static int ascending(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

static bool is_name(const struct matcher *m)
{
    return str_equal(m->name, STR("__name__"));
}

enum ampql_code rules_find(const struct records *records, struct matchers matchers,
                           struct arena *arena, struct record_list *named,
                           struct record_list *matching, struct ampql_error *err)
{
    const struct ampql_rules *rules = records->payload;
    *named = *matching = (struct record_list){0};
    TRY(begin_list(records, matchers, arena, named, err));
    for (size_t i = 0; i < matchers.n && named->n; i++)
        if (is_name(&matchers.at[i]))
            TRY(sift(records, &matchers.at[i], &rules->alc, named, err));
    if (named->n)
        qsort(named->at, named->n, sizeof *named->at, ascending);
    for (size_t i = 0; i < named->n; i++)
        if (!array_push(matching, arena, named->at[i]))
            return fail_nomem(err, "records");
    for (size_t i = 0; i < matchers.n && matching->n; i++)
        if (!is_name(&matchers.at[i]))
            TRY(sift(records, &matchers.at[i], &rules->alc, matching, err));
    return AMPQL_OK;
}
