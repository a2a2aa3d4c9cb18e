/* Filters: parsed into a small tree, and matched. */
#include "cost/filter.h"

#include "base/array.h"
#include "cost/set.h"

#include <stdio.h>

/* ---- tokens */

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,
    TOKEN_KEY,   /* "[name]", without the brackets */
    TOKEN_VALUE, /* without the quotes */
    TOKEN_OPERATOR,
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_COMMA,
    TOKEN_OPEN,
    TOKEN_CLOSE
};

struct token {
    enum token_kind kind;
    size_t start, end; /* bytes of the text */
    struct str text;
    enum filter_op op;
    bool is_negated;
};

struct parser {
    struct str text;
    const struct label_names *aliases;
    struct arena *arena;
    struct token token; /* the current one */
    size_t depth;
    struct ampql_error *err;
};

static enum ampql_code fail_here(const struct parser *p, const char *expected)
{
    char quoted[320];
    struct str text = str_make(p->text.p + p->token.start, p->token.end - p->token.start);
    if (p->token.kind == TOKEN_END)
        return fail_at(p->err, AMPQL_BAD_DATA, p->token.start, p->token.start,
                       "the filter ends, expected %s", expected);
    return fail_at(p->err, AMPQL_BAD_DATA, p->token.start, p->token.end,
                   "%s in the filter, expected %s", quote_clipped(quoted, sizeof quoted, text),
                   expected);
}

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || (unsigned char)c >= 0x80;
}

/* What stands between two delimiters; the token's text is without them. */
static enum ampql_code lex_enclosed(struct parser *p, enum token_kind kind, char close)
{
    struct token *t = &p->token;
    const char *end = memchr(p->text.p + t->start + 1, close, p->text.n - t->start - 1);
    t->end = end ? (size_t)(end - p->text.p) + 1 : p->text.n;
    if (!end)
        return fail_at(p->err, AMPQL_BAD_DATA, t->start, t->end,
                       "the filter ends inside %s, expected %c",
                       kind == TOKEN_KEY ? "a name in brackets" : "a value in quotes", close);
    t->kind = kind;
    t->text = str_make(p->text.p + t->start + 1, t->end - t->start - 2);
    return AMPQL_OK;
}

static bool lex_operator(struct parser *p)
{
    static const struct {
        const char *text;
        enum filter_op op;
    } rows[] = {{":", FILTER_EQUALS},
                {"~:", FILTER_CONTAINS},
                {"<~:", FILTER_STARTS},
                {"~>:", FILTER_ENDS}};
    struct token *t = &p->token;
    bool is_negated = p->text.p[t->start] == '!';
    struct str rest = str_from(p->text, t->start + is_negated);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!str_has_prefix(rest, str_of(rows[i].text)))
            continue;
        t->kind = TOKEN_OPERATOR;
        t->op = rows[i].op;
        t->is_negated = is_negated;
        t->end = t->start + is_negated + strlen(rows[i].text);
        return true;
    }
    return false;
}

/* Make the next token current. */
static enum ampql_code next(struct parser *p)
{
    static const char marks[] = "+|,()";
    static const enum token_kind kinds[] = {TOKEN_AND, TOKEN_OR, TOKEN_COMMA, TOKEN_OPEN,
                                            TOKEN_CLOSE};
    size_t at = p->token.end;
    while (at < p->text.n && (p->text.p[at] == ' ' || p->text.p[at] == '\t' ||
                              p->text.p[at] == '\n' || p->text.p[at] == '\r'))
        at++;
    p->token = (struct token){.kind = TOKEN_END, .start = at, .end = at};
    if (at == p->text.n)
        return AMPQL_OK;
    char c = p->text.p[at];
    const char *mark = memchr(marks, c, sizeof marks - 1);
    if (c == '"')
        return lex_enclosed(p, TOKEN_VALUE, '"');
    if (c == '[')
        return lex_enclosed(p, TOKEN_KEY, ']');
    if (lex_operator(p))
        return AMPQL_OK;
    p->token.end++;
    if (mark) {
        p->token.kind = kinds[mark - marks];
        return AMPQL_OK;
    }
    while (is_word_byte(c) && p->token.end < p->text.n && is_word_byte(p->text.p[p->token.end]))
        p->token.end++;
    p->token.kind = TOKEN_WORD; /* any other byte is a word that nobody knows */
    p->token.text = str_make(p->text.p + at, p->token.end - at);
    return AMPQL_OK;
}

/* ---- grammar */

/* value ("," value)* */
static enum ampql_code parse_values(struct parser *p, struct filter *test)
{
    struct {
        ARRAY(struct str);
    } values = {0};
    const struct field *field = test->field;
    bool is_of_names = (field->kind == FIELD_LABEL || field->kind == FIELD_ANNOTATION) &&
                       test->keys.n == 0; /* whose names are sanitized */
    for (;;) {
        if (p->token.kind != TOKEN_VALUE)
            return fail_here(p, "a value in quotes");
        struct str value = p->token.text;
        if (is_of_names)
            value = field_sanitize(value, p->arena);
        if (str_equal(value, STR(NAME_UNALLOCATED)))
            value = STR("");
        if (!value.p || !array_push(&values, p->arena, value))
            return fail_nomem(p->err, "a filter");
        TRY(next(p));
        if (p->token.kind != TOKEN_COMMA)
            break;
        TRY(next(p));
    }
    test->values = values.at;
    test->nvalues = values.n;
    return AMPQL_OK;
}

/* field ["[" name "]"] */
static enum ampql_code parse_field(struct parser *p, struct filter *test)
{
    char names[FIELD_NAMES_MAX], expected[FIELD_NAMES_MAX + 32];
    test->field = p->token.kind == TOKEN_WORD ? field_of_filter(p->token.text) : NULL;
    if (!test->field) {
        snprintf(expected, sizeof expected, "a field: %s", field_names(true, names));
        return fail_here(p, expected);
    }
    TRY(next(p));
    if (test->field->kind == FIELD_ALIAS)
        test->keys = p->aliases[field_alias(test->field)];
    if (p->token.kind != TOKEN_KEY)
        return AMPQL_OK;
    if (test->field->kind != FIELD_LABEL && test->field->kind != FIELD_ANNOTATION)
        return fail_here(p, "an operator: names in brackets are of label and annotation");
    struct str *key = arena_new(p->arena, struct str);
    if (key)
        *key = field_sanitize(p->token.text, p->arena);
    if (!key || !key->p)
        return fail_nomem(p->err, "a filter");
    if (key->n == 0)
        return fail_here(p, "a name in brackets");
    test->keys = (struct label_names){key, 1};
    return next(p);
}

static enum ampql_code parse_comparison(struct parser *p, struct filter *test)
{
    test->kind = FILTER_TEST;
    TRY(parse_field(p, test));
    if (p->token.kind != TOKEN_OPERATOR)
        return fail_here(p, "an operator: : ~: <~: ~>: or one of these after !");
    test->op = p->token.op;
    test->is_negated = p->token.is_negated;
    TRY(next(p));
    return parse_values(p, test);
}

static enum ampql_code parse_filter(struct parser *p, const struct filter **out);

/* comparison | "(" filter ")" */
static enum ampql_code parse_element(struct parser *p, struct filter **out)
{
    struct filter *element = *out = arena_new(p->arena, struct filter);
    if (!element)
        return fail_nomem(p->err, "a filter");
    if (p->token.kind != TOKEN_OPEN)
        return parse_comparison(p, element);
    if (p->depth == FILTER_DEPTH_MAX)
        return fail_at(p->err, AMPQL_BAD_DATA, p->token.start, p->token.end,
                       "the filter has more than %d levels of parentheses", FILTER_DEPTH_MAX);
    p->depth++;
    TRY(next(p));
    element->kind = FILTER_AND; /* of one: operands of others are linked by it */
    TRY(parse_filter(p, &element->first));
    p->depth--;
    if (p->token.kind != TOKEN_CLOSE)
        return fail_here(p, ") or more of what is in parentheses");
    return next(p);
}

/* element (("+" element)* | ("|" element)*) */
static enum ampql_code parse_filter(struct parser *p, const struct filter **out)
{
    struct filter *group = arena_new(p->arena, struct filter), *last;
    enum token_kind joint;
    *out = group;
    if (!group)
        return fail_nomem(p->err, "a filter");
    TRY(parse_element(p, &last));
    group->first = last;
    joint = p->token.kind;
    group->kind = joint == TOKEN_OR ? FILTER_OR : FILTER_AND;
    while (p->token.kind == TOKEN_AND || p->token.kind == TOKEN_OR) {
        struct filter *element;
        if (p->token.kind != joint)
            return fail_at(p->err, AMPQL_BAD_DATA, p->token.start, p->token.end,
                           "+ and | at one level of the filter, expected parentheses around those "
                           "that belong together");
        TRY(next(p));
        TRY(parse_element(p, &element));
        last->next = element;
        last = element;
    }
    return AMPQL_OK;
}

enum ampql_code filter_parse(struct str text, const struct label_names *aliases,
                             struct arena *arena, const struct filter **out,
                             struct ampql_error *err)
{
    struct parser p = {.text = text, .aliases = aliases, .arena = arena, .err = err};
    *out = NULL;
    TRY(next(&p));
    if (p.token.kind == TOKEN_END)
        return AMPQL_OK;
    TRY(parse_filter(&p, out));
    return p.token.kind == TOKEN_END ? AMPQL_OK : fail_here(&p, "+, | or the end");
}

/* ---- matching */

static bool matches_text(enum filter_op op, struct str text, struct str value)
{
    switch (op) {
    case FILTER_EQUALS:
        return str_equal(text, value);
    case FILTER_CONTAINS:
        return value.n == 0 || (text.n && memmem(text.p, text.n, value.p, value.n));
    case FILTER_STARTS:
        return str_has_prefix(text, value);
    default:
        return str_has_suffix(text, value);
    }
}

/* Of a list one string must be the value, whatever the operator: containing is being in it. */
static bool matches_item(enum filter_op op, struct str item, struct str value)
{
    return matches_text(op == FILTER_CONTAINS ? FILTER_EQUALS : op, item, value);
}

static bool matches_services(const struct ampql_allocation *a, enum filter_op op, struct str value)
{
    bool is_exact = op == FILTER_EQUALS || op == FILTER_CONTAINS;
    for (size_t i = 0; i < a->nservices; i++)
        if (matches_item(op, str_view(a->services[i]), value))
            return true;
    return is_exact && a->nservices == 0 && value.n == 0;
}

/* A label's value, or without its name whether there is such a label. */
static bool matches_labels(const struct filter *test, const struct ampql_label *labels, size_t n,
                           struct str value)
{
    if (test->keys.n) {
        const struct ampql_string *label = field_label(labels, n, test->keys.at[0]);
        return matches_text(test->op, label ? str_view(*label) : STR(""), value);
    }
    for (size_t i = 0; i < n; i++)
        if (matches_item(test->op, str_view(labels[i].name), value))
            return true;
    return false;
}

/* The first of its labels, else annotations, that the allocation has; none is unallocated. */
static bool matches_alias(const struct filter *test, const struct ampql_allocation *a,
                          struct str value)
{
    const struct ampql_string *found = NULL;
    for (size_t i = 0; i < test->keys.n && !found; i++)
        found = field_label(a->labels, a->nlabels, test->keys.at[i]);
    for (size_t i = 0; i < test->keys.n && !found; i++)
        found = field_label(a->annotations, a->nannotations, test->keys.at[i]);
    return found ? matches_text(test->op, str_view(*found), value) : value.n == 0;
}

static bool matches_value(const struct filter *test, const struct ampql_allocation *a,
                          struct str value)
{
    switch (test->field->kind) {
    case FIELD_SERVICES:
        return matches_services(a, test->op, value);
    case FIELD_LABEL:
        return matches_labels(test, a->labels, a->nlabels, value);
    case FIELD_ANNOTATION:
        return matches_labels(test, a->annotations, a->nannotations, value);
    case FIELD_ALIAS:
        return matches_alias(test, a, value);
    default:
        return matches_text(test->op, field_text(test->field, a), value);
    }
}

bool filter_matches(const struct filter *filter, const struct ampql_allocation *a)
{
    if (!filter)
        return true;
    if (filter->kind == FILTER_TEST) {
        bool matches = false;
        for (size_t i = 0; i < filter->nvalues && !matches; i++)
            matches = matches_value(filter, a, filter->values[i]);
        return matches != filter->is_negated;
    }
    bool is_or = filter->kind == FILTER_OR;
    for (const struct filter *f = filter->first; f; f = f->next)
        if (filter_matches(f, a) == is_or)
            return is_or;
    return !is_or;
}
