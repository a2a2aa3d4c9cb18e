/* What the bill does not say: warnings, each naming what it is of. */
#include "cost/model.h"

#include <stdarg.h>
#include <stdio.h>

void tally_add(struct tally *tally, struct str a, struct str b)
{
    if (tally->n++ == 0) {
        tally->first[0] = a;
        tally->first[1] = b;
    }
}

static enum ampql_code add_warning(struct cost_set *set, struct str text, struct str kind,
                                   struct ampql_error *err)
{
    struct cost_warning warning = {set_text(set, text), set_text(set, kind)};
    if (!warning.text.data || !warning.kind.data ||
        !array_push(&set->warnings, &set->arena, warning))
        return fail_nomem(err, "a warning");
    return AMPQL_OK;
}

enum ampql_code set_warn(struct cost_set *set, struct ampql_error *err, const char *format, ...)
{
    char text[AMPQL_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return add_warning(set, str_of(text), str_of(text), err);
}

enum ampql_code set_warn_of(struct cost_set *set, struct str text, const char *query,
                            const char *what, struct ampql_error *err)
{
    char whole[AMPQL_MESSAGE_MAX], kind[AMPQL_MESSAGE_MAX];
    snprintf(whole, sizeof whole, "%s: %.*s", query, STR_ARGS(text));
    snprintf(kind, sizeof kind, "%s: %s", query, what);
    return add_warning(set, str_of(whole), str_of(kind), err);
}

enum ampql_code set_warn_tally(struct cost_set *set, const struct tally *tally, const char *query,
                               const char *what, const char *first, const char *second,
                               struct ampql_error *err)
{
    char quoted[2][100], text[AMPQL_MESSAGE_MAX];
    if (tally->n == 0)
        return AMPQL_OK;
    snprintf(text, sizeof text, "%zu %s, such as %s %s %s %s", tally->n, what, first,
             quote_clipped(quoted[0], sizeof quoted[0], tally->first[0]), second,
             quote_clipped(quoted[1], sizeof quoted[1], tally->first[1]));
    return set_warn_of(set, str_of(text), query, what, err);
}

/* Has an answer before this one the same annotation? */
static bool was_said(const struct model *model, size_t i, struct ampql_string text)
{
    for (size_t k = 0; k < i; k++) {
        const struct ampql_result *result = model->answers[k].result;
        for (size_t n = 0; result && n < ampql_result_annotation_count(result); n++)
            if (str_equal(str_view(ampql_result_annotation(result, n, NULL)), str_view(text)))
                return true;
    }
    return false;
}

/* A partial answer says of which times, and these are others in each piece of a window. */
static enum ampql_code warn_annotation(struct cost_set *set, const char *query, struct str text,
                                       struct ampql_error *err)
{
    static const char partial[] = "partial answer: "; /* as held_warn begins */
    if (str_has_prefix(text, str_of(partial)))
        return set_warn_of(set, text, query, partial, err);
    return set_warn(set, err, "%s: %.*s", query, STR_ARGS(text));
}

/* What the engine and the source said of the answers. */
static enum ampql_code warn_annotations(struct model *model, struct ampql_error *err)
{
    for (size_t i = 0; i < COST_QUERY_COUNT; i++) {
        const struct ampql_result *result = model->answers[i].result;
        for (size_t n = 0; result && n < ampql_result_annotation_count(result); n++) {
            bool is_info;
            struct ampql_string text = ampql_result_annotation(result, n, &is_info);
            if (!is_info && !was_said(model, i, text))
                TRY(warn_annotation(model->set, query_info[i].name, str_view(text), err));
        }
    }
    return AMPQL_OK;
}

enum ampql_code warn_answers(struct model *model, struct ampql_error *err)
{
    TRY(warn_annotations(model, err));
    for (size_t i = 0; i < COST_QUERY_COUNT; i++) {
        const struct query_info *info = &query_info[i];
        const struct answer *answer = &model->answers[i];
        if (answer->n == 0 && info->loss && query_is_asked((enum cost_query)i, model->params))
            TRY(set_warn(model->set, err, "%s: no series of %s: %s", info->name, info->metric,
                         info->loss));
        if (answer->nreplaced) {
            static const char what[] = "values that are no numbers are taken as 0";
            char text[100];
            snprintf(text, sizeof text, "%zu %s", answer->nreplaced, what);
            TRY(set_warn_of(model->set, str_of(text), info->name, what, err));
        }
    }
    return AMPQL_OK;
}
