/* label_replace label_join: the same rows under other labels. */
#include "eval/eval.h"
#include "eval/function.h"

#include "base/ascii.h"
#include "base/buf.h"
#include "base/letter.h"
#include "base/quote.h"
#include "base/regex.h"
#include "eval/stage.h"

enum { MAX_VALUE = 1 << 20 };

static struct str string_of(const struct ast_call *ast, size_t i)
{
    return ast_unwrap(ast->args[i])->u.string;
}

static struct str string_argument(const struct call *call, size_t i)
{
    return string_of(&call->ast->u.call, i);
}

static enum ampql_code refuse(struct ampql_error *err, const char *what, struct str text)
{
    return fail(err, AMPQL_EXECUTION, "invalid %s: %.*s", what, (int)(text.n > 256 ? 256 : text.n),
                text.p);
}

/* The length of the letter, digit or underscore at text[at]; 0: there is none. */
static size_t word_rune(struct str text, size_t at)
{
    size_t n;
    uint32_t rune = rune_decode(text, at, &n);
    bool is_word = rune < 0x80 ? is_ascii_letter((int)rune) || is_digit((int)rune) || rune == '_'
                               : rune_is_letter(rune) || rune_is_digit(rune);
    return is_word ? n : 0;
}

/* Is a reference a number? One with a leading zero is a name. */
static bool is_number(struct str name, size_t *out)
{
    *out = 0;
    for (size_t i = 0; i < name.n; i++) {
        if (!is_digit(name.p[i]) || *out >= 100000000)
            return false;
        *out = *out * 10 + (size_t)(name.p[i] - '0');
    }
    return name.n == 1 || name.p[0] != '0';
}

/* The text of the group that a reference names: of several groups of one name, the first that took
 * part. */
static struct str group_text(const struct regex *regex, struct str name, const struct str *groups)
{
    size_t number;
    if (is_number(name, &number))
        return number <= regex_ngroups(regex) ? groups[number] : STR("");
    for (int i = regex_group(regex, name, 0); i > 0; i = regex_group(regex, name, i))
        if (groups[i].p)
            return groups[i];
    return STR("");
}

/* Replace $1, ${1}, $name, ${name} and $$ in a template. A reference to no group is empty; `$1x`
 * names the group "1x". */
static void expand(struct buf *out, const struct regex *regex, struct str template,
                   const struct str *groups)
{
    for (size_t i = 0; i < template.n;) {
        if (template.p[i] != '$') {
            buf_byte(out, template.p[i++]);
            continue;
        }
        i++;
        if (i < template.n && template.p[i] == '$') {
            buf_byte(out, '$');
            i++;
            continue;
        }
        bool braced = i < template.n && template.p[i] == '{';
        size_t start = i + braced, end = start, n;
        while (end < template.n && (n = word_rune(template, end)) > 0)
            end += n;
        if (end == start || (braced && (end == template.n || template.p[end] != '}'))) {
            buf_byte(out, '$'); /* malformed: the dollar stands for itself */
            continue;
        }
        buf_str(out, group_text(regex, str_make(template.p + start, end - start), groups));
        i = end + braced;
    }
}

static enum ampql_code replace_series(struct call *call, const struct regex *regex,
                                      struct kept *kept, const symbol names[2], struct str *groups,
                                      struct buf *value, struct ampql_error *err)
{
    enum { MATCHED_EACH = 4096 }; /* looks at a value cost as much */
    size_t ngroups = regex_ngroups(regex) + 1;
    struct str source = symbols_text(call->symbols, labels_get(kept->labels, names[1]));
    struct labels labels = kept->labels;
    TRY(stage_polls(call->stage, MATCHED_EACH + source.n));
    if (regex_match_groups(regex, source, groups, ngroups)) {
        value->n = 0;
        expand(value, regex, string_argument(call, 2), groups);
        if (value->failed != AMPQL_OK)
            return fail(err, value->failed, "no room for the value of a label");
        symbol id = symbols_intern(call->symbols, buf_view(value));
        labels = id == SYMBOL_NONE
                     ? (struct labels){0}
                     : labels_set(call_arena(call), call->symbols, labels, names[0], id);
        if (!labels.at)
            return fail_nomem(err, "a series' labels");
        labels.loses_name &= names[0] != SYMBOL_NAME; /* a name written stays */
    }
    return call_emit_unique(call, labels, &kept->row);
}

static enum ampql_code compile(const struct ast_call *ast, enum ampql_dialect dialect,
                               const struct ampql_allocator *alc, struct regex **out,
                               struct ampql_error *err)
{
    enum regex_dot dot = dialect == AMPQL_PROM2 ? REGEX_DOT_NO_NEWLINE : REGEX_DOT_ALL;
    struct str source = string_of(ast, 4);
    enum ampql_code code = regex_new(alc, source, dot, out, NULL);
    if (code == AMPQL_NOMEM)
        return fail_nomem(err, "a regular expression");
    return code == AMPQL_OK ? AMPQL_OK
                            : refuse(err, "regular expression in label_replace()", source);
}

static enum ampql_code check_replace(const struct ast_call *ast, enum ampql_dialect dialect,
                                     const struct ampql_allocator *alc, struct ampql_error *err)
{
    struct regex *regex = NULL;
    TRY(compile(ast, dialect, alc, &regex, err));
    regex_free(regex);
    return label_name_is_valid(string_of(ast, 1), dialect)
               ? AMPQL_OK
               : refuse(err, "destination label name in label_replace()", string_of(ast, 1));
}

static enum ampql_code label_replace(struct call *call, struct ampql_error *err)
{
    struct str dst = string_argument(call, 1), src = string_argument(call, 3);
    struct regex *regex = NULL;
    TRY(compile(&call->ast->u.call, call->dialect, call_alc(call), &regex, err));
    enum ampql_code code = regex_count(regex) ? AMPQL_OK : fail_nomem(err, "a regex");
    struct buf value;
    buf_init(&value, call_alc(call), MAX_VALUE);
    /* the whole match, then the groups */
    struct str *groups = arena_zeroed(call_arena(call), regex_ngroups(regex) + 1, sizeof *groups);
    if (!groups) {
        code = fail_nomem(err, "the groups of a regular expression");
        goto done;
    }
    symbol names[2] = {symbols_intern(call->symbols, dst), symbols_intern(call->symbols, src)};
    if (names[0] == SYMBOL_NONE || names[1] == SYMBOL_NONE) {
        code = fail_nomem(err, "a label name");
        goto done;
    }
    for (size_t i = 0; i < call->args[0].n && code == AMPQL_OK; i++)
        code = replace_series(call, regex, &call->args[0].at[i], names, groups, &value, err);
    if (code == AMPQL_OK && regex_failed(regex))
        code = fail_nomem(err, "matching a label");
done:
    buf_done(&value);
    regex_free(regex);
    return code;
}

/* label_join(v, dst, separator, src...) */
static enum ampql_code join_series(struct call *call, struct kept *kept, symbol dst,
                                   struct buf *value, struct ampql_error *err)
{
    value->n = 0;
    for (size_t i = 3; i < call->ast->u.call.nargs; i++) {
        if (i > 3)
            buf_str(value, string_argument(call, 2));
        symbol src = symbols_find(call->symbols, string_argument(call, i));
        if (src != SYMBOL_NONE)
            buf_str(value, symbols_text(call->symbols, labels_get(kept->labels, src)));
    }
    if (value->failed != AMPQL_OK)
        return fail(err, value->failed, "no room for the value of a label");
    symbol id = symbols_intern(call->symbols, buf_view(value));
    struct labels labels = id == SYMBOL_NONE
                               ? (struct labels){0}
                               : labels_set(call_arena(call), call->symbols, kept->labels, dst, id);
    if (!labels.at)
        return fail_nomem(err, "a series' labels");
    labels.loses_name &= dst != SYMBOL_NAME;
    return call_emit_unique(call, labels, &kept->row);
}

static enum ampql_code check_join(const struct ast_call *ast, enum ampql_dialect dialect,
                                  const struct ampql_allocator *alc, struct ampql_error *err)
{
    (void)alc;
    for (size_t i = 3; i < ast->nargs; i++)
        if (!label_name_is_valid(string_of(ast, i), dialect))
            return refuse(err, "source label name in label_join()", string_of(ast, i));
    return label_name_is_valid(string_of(ast, 1), dialect)
               ? AMPQL_OK
               : refuse(err, "destination label name in label_join()", string_of(ast, 1));
}

static enum ampql_code label_join(struct call *call, struct ampql_error *err)
{
    struct str dst = string_argument(call, 1);
    symbol id = symbols_intern(call->symbols, dst);
    if (id == SYMBOL_NONE)
        return fail_nomem(err, "a label name");
    struct buf value;
    buf_init(&value, call_alc(call), MAX_VALUE);
    enum ampql_code code = AMPQL_OK;
    for (size_t i = 0; i < call->args[0].n && code == AMPQL_OK; i++)
        code = join_series(call, &call->args[0].at[i], id, &value, err);
    buf_done(&value);
    return code;
}

static const struct function rows[] = {
    {.sig = {.name = "label_join",
             .help = "Join labels' values into a label.",
             .args = {VALUE_VECTOR, VALUE_STRING, VALUE_STRING, VALUE_STRING},
             .nargs = 4,
             .optional = SIGNATURE_ANY,
             .result = VALUE_VECTOR,
             .kernel = KERNEL_CALL,
             .keeps_name = true},
     .form = FORM_CALL,
     .u.call = label_join,
     .check = check_join},
    {.sig = {.name = "label_replace",
             .help = "Set a label from a regex match of another.",
             .args = {VALUE_VECTOR, VALUE_STRING, VALUE_STRING, VALUE_STRING, VALUE_STRING},
             .nargs = 5,
             .result = VALUE_VECTOR,
             .kernel = KERNEL_CALL,
             .keeps_name = true},
     .form = FORM_CALL,
     .u.call = label_replace,
     .check = check_replace},
};
const struct function_table functions_label = {rows, sizeof rows / sizeof *rows};
