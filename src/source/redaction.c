/* What a redacted capture can still say. */
#include "source/redaction.h"

#include "base/regex.h"
#include "series/matcher.h"

static bool is_in(const struct str *list, size_t n, struct str text)
{
    for (size_t i = 0; i < n; i++)
        if (str_equal(list[i], text))
            return true;
    return false;
}

bool redaction_keeps_label(const struct redaction *redaction, struct str name)
{
    return !redaction->is_redacted || is_in(redaction->labels, redaction->nlabels, name);
}

bool redaction_keeps_value(const struct redaction *redaction, struct str value)
{
    return value.n == 0 || !redaction->is_redacted ||
           is_in(redaction->values, redaction->nvalues, value);
}

static bool lists_equal(const struct str *a, size_t na, const struct str *b, size_t nb)
{
    bool is_equal = na == nb;
    for (size_t i = 0; is_equal && i < na; i++)
        is_equal = str_equal(a[i], b[i]);
    return is_equal;
}

bool redactions_equal(const struct redaction *a, const struct redaction *b)
{
    return a->is_redacted == b->is_redacted && a->keeps_order == b->keeps_order &&
           lists_equal(a->labels, a->nlabels, b->labels, b->nlabels) &&
           lists_equal(a->values, a->nvalues, b->values, b->nvalues);
}

static bool is_hex(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (!((text.p[i] >= '0' && text.p[i] <= '9') || (text.p[i] >= 'a' && text.p[i] <= 'f')))
            return false;
    return true;
}

bool redaction_is_token(struct str text)
{
    if (!str_has_prefix(text, STR("r_")))
        return false;
    text = str_from(text, 2);
    if (text.n == 25 && text.p[8] == '_')
        return is_hex(str_make(text.p, 8)) && is_hex(str_from(text, 9));
    return text.n == 16 && is_hex(text);
}

bool redaction_is_any(struct str regex)
{
    static const char *const any[] = {".*", ".+", "(.*)", "(.+)"};
    for (size_t i = 0; i < sizeof any / sizeof *any; i++)
        if (str_equal(regex, str_of(any[i])))
            return true;
    return false;
}

/* ---- asking */

static bool is_known(const struct redaction *redaction, struct str value)
{
    return redaction_keeps_value(redaction, value) || redaction_is_token(value);
}

/* An alternation of values that are known is as good as any number of =. */
static enum ampql_code check_regex(const struct redaction *redaction, struct str source,
                                   const struct ampql_allocator *alc, bool *is_told,
                                   struct ampql_error *err)
{
    struct regex *regex = NULL;
    *is_told = redaction_is_any(source);
    if (*is_told)
        return AMPQL_OK;
    TRY(regex_new(alc, source, REGEX_DOT_ALL, &regex, err));
    size_t n = regex_literals(regex);
    *is_told = n > 0;
    for (size_t i = 0; i < n && *is_told; i++)
        *is_told = is_known(redaction, regex_literal(regex, i));
    regex_free(regex);
    return AMPQL_OK;
}

enum ampql_code redaction_check(const struct redaction *redaction,
                                const struct ampql_select *select, const char *name,
                                const struct ampql_allocator *alc, struct ampql_error *err)
{
    for (size_t i = 0; i < select->nmatchers && redaction->is_redacted; i++) {
        const struct ampql_matcher *m = &select->matchers[i];
        struct str label = str_view(m->name), value = str_view(m->value);
        bool is_regex = m->op == AMPQL_MATCH_REGEX || m->op == AMPQL_MATCH_NOT_REGEX;
        bool is_told = redaction_keeps_label(redaction, label);
        if (!is_told && is_regex)
            TRY(check_regex(redaction, value, alc, &is_told, err));
        else if (!is_told)
            is_told = is_known(redaction, value);
        if (is_told)
            continue;
        char quoted[96], asked[160];
        quote_clipped(quoted, sizeof quoted, label);
        quote_clipped(asked, sizeof asked, value);
        return fail(err, AMPQL_UNSUPPORTED,
                    "%.120s is redacted: it has tokens for the values of %s, and cannot tell which "
                    "are %s%s; ask for tokens, such as \"r_0123456789abcdef\"%s",
                    name, quoted, match_op_text((enum match_op)m->op), asked,
                    is_regex ? ", or alternatives of them, or .+" : "");
    }
    return AMPQL_OK;
}

void redaction_warning(struct buf *out, const struct redaction *redaction)
{
    if (!redaction->is_redacted)
        return;
    buf_text(out, "label values are redacted: what looks into their text is not what it was");
    if (!redaction->keeps_order)
        buf_text(out,
                 ", and sums, which add in the order of labels, may differ in the last digits");
}
