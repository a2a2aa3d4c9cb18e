/* Functions of the reference evaluator other than those of range vectors and histograms. */
#include "reference/table.h"

#include "base/gomath.h"

#include "base/letter.h"
#include "base/quote.h"
#include "base/regex.h"

#include <math.h>
#include <stdlib.h>

static bool is_named(const struct ast_call *call, const char *name)
{
    return str_equal(str_of(call->function->name), str_of(name));
}

/* ---- value by value, the name dropped */

static double sgn(double x)
{
    return x > 0 ? 1 : x < 0 ? -1 : x;
}

static double deg(double x)
{
    return x * (180 / M_PI);
}

static double rad(double x)
{
    return x * (M_PI / 180);
}

static double deg_prom2(double x)
{
    return x * 180 / M_PI;
}

static double rad_prom2(double x)
{
    return x * M_PI / 180;
}

/* The angles are the library's own: tests/oracle/functions.py holds them against Prometheus. */
static const struct map {
    const char *name;
    double (*f)(double);
} maps[] = {
    {"abs", fabs},       {"ceil", ceil},      {"floor", floor},    {"sqrt", sqrt},
    {"exp", ref_exp},    {"ln", ref_ln},      {"log2", ref_log2},  {"log10", ref_log10},
    {"sgn", sgn},        {"deg", deg},        {"rad", rad},        {"sin", go_sin},
    {"cos", go_cos},     {"tan", go_tan},     {"asin", go_asin},   {"acos", go_acos},
    {"atan", go_atan},   {"sinh", go_sinh},   {"cosh", go_cosh},   {"tanh", go_tanh},
    {"asinh", go_asinh}, {"acosh", go_acosh}, {"atanh", go_atanh},
};

/* 2.42 multiplied and divided where the newest multiply by a quotient. */
static double (*map_of(const struct map *map, bool prom2))(double)
{
    if (prom2 && map->f == deg)
        return deg_prom2;
    return prom2 && map->f == rad ? rad_prom2 : map->f;
}

static struct ref_table *call_map(struct ref_run *run, const struct ast_call *call,
                                  struct ref_grid grid)
{
    for (size_t m = 0; m < sizeof maps / sizeof *maps; m++) {
        if (!is_named(call, maps[m].name))
            continue;
        double (*f)(double) = map_of(&maps[m], run->prom2);
        struct ref_table *table = ref_eval(run, call->args[0], grid);
        for (size_t i = 0; i < table->n; i++) {
            table->at[i].labels = ref_drop_name(run, table->at[i].labels);
            for (size_t s = 0; s < grid.n; s++)
                table->at[i].v[s] = f(table->at[i].v[s]);
        }
        return ref_merge(run, table, false);
    }
    return NULL;
}

static struct ref_table *clamp(struct ref_run *run, const struct ast_call *call,
                               struct ref_grid grid)
{
    bool is_min = is_named(call, "clamp_min"), is_max = is_named(call, "clamp_max");
    struct ref_table *table = ref_eval(run, call->args[0], grid);
    struct ref_table *low = is_max ? NULL : ref_eval(run, call->args[1], grid);
    struct ref_table *high = is_min ? NULL : ref_eval(run, call->args[is_max ? 1 : 2], grid);
    for (size_t i = 0; i < table->n; i++) {
        struct ref_row *row = &table->at[i];
        row->labels = ref_drop_name(run, row->labels);
        for (size_t s = 0; s < grid.n; s++) {
            double a = low ? low->scalar[s] : -INFINITY, b = high ? high->scalar[s] : INFINITY;
            if (b < a)
                row->here[s] = false;
            row->v[s] = ref_max(a, ref_min(b, row->v[s]));
        }
    }
    return ref_merge(run, table, false);
}

static struct ref_table *round_to(struct ref_run *run, const struct ast_call *call,
                                  struct ref_grid grid)
{
    struct ref_table *table = ref_eval(run, call->args[0], grid);
    struct ref_table *to = call->nargs > 1 ? ref_eval(run, call->args[1], grid) : NULL;
    for (size_t i = 0; i < table->n; i++) {
        struct ref_row *row = &table->at[i];
        row->labels = ref_drop_name(run, row->labels);
        for (size_t s = 0; s < grid.n; s++) {
            double inverse = 1 / (to ? to->scalar[s] : 1);
            row->v[s] = floor(row->v[s] * inverse + 0.5) / inverse;
        }
    }
    return ref_merge(run, table, false);
}

/* ---- time */

static struct ref_table *eval_times(struct ref_run *run, struct ref_grid grid)
{
    struct ref_table *table = ref_table_new(run, VALUE_SCALAR, grid.n);
    for (size_t s = 0; s < grid.n; s++)
        table->scalar[s] = (double)ref_grid_time(&grid, s) / 1000;
    return table;
}

static struct ref_table *vector_of(struct ref_run *run, const struct ref_table *scalar)
{
    struct ref_table *table = ref_table_new(run, VALUE_VECTOR, scalar->nsteps);
    struct ref_row *row = ref_row_new(run, table, (struct ref_labels){0});
    for (size_t s = 0; s < scalar->nsteps; s++) {
        row->here[s] = true;
        row->v[s] = scalar->scalar[s];
    }
    return ref_merge(run, table, false);
}

static struct ref_table *timestamp(struct ref_run *run, const struct ast_call *call,
                                   struct ref_grid grid)
{
    const struct ast *arg = ast_unwrap(call->args[0]);
    bool is_selector = arg->kind == AST_SELECTOR;
    struct ref_table *table =
        is_selector ? ref_select(run, arg, grid, true) : ref_eval(run, arg, grid);
    for (size_t i = 0; i < table->n; i++) {
        table->at[i].labels = ref_drop_name(run, table->at[i].labels);
        for (size_t s = 0; !is_selector && s < grid.n; s++)
            table->at[i].v[s] = (double)ref_grid_time(&grid, s) / 1000;
    }
    return ref_merge(run, table, false);
}

static struct ref_table *call_date(struct ref_run *run, const struct ast_call *call,
                                   struct ref_grid grid)
{
    static const char *const names[] = {"minute",       "hour",        "day_of_week",
                                        "day_of_month", "day_of_year", "days_in_month",
                                        "month",        "year"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        if (!is_named(call, names[k]))
            continue;
        struct ref_table *table = call->nargs > 0 ? ref_eval(run, call->args[0], grid)
                                                  : vector_of(run, eval_times(run, grid));
        for (size_t i = 0; i < table->n; i++) {
            table->at[i].labels = ref_drop_name(run, table->at[i].labels);
            for (size_t s = 0; s < grid.n; s++)
                table->at[i].v[s] = ref_date(names[k], table->at[i].v[s]);
        }
        return ref_merge(run, table, false);
    }
    return NULL;
}

/* ---- scalars and absence */

static struct ref_table *scalar_of(struct ref_run *run, const struct ref_table *vector)
{
    struct ref_table *table = ref_table_new(run, VALUE_SCALAR, vector->nsteps);
    for (size_t s = 0; s < vector->nsteps; s++) {
        size_t n = 0;
        for (size_t i = 0; i < vector->n; i++) {
            if (!vector->at[i].here[s])
                continue;
            table->scalar[s] = vector->at[i].v[s];
            n++;
        }
        if (n != 1)
            table->scalar[s] = NAN;
    }
    return table;
}

struct ref_labels ref_absent_labels(struct ref_run *run, const struct ast *ast)
{
    struct ref_labels labels = {0};
    ast = ast_unwrap(ast);
    if (ast->kind != AST_SELECTOR)
        return labels;
    const struct matchers *matchers = &ast->u.selector.matchers;
    for (size_t i = 0; i < matchers->n; i++) {
        const struct matcher *m = &matchers->at[i];
        bool is_set = false;
        for (size_t j = 0; j < i; j++)
            is_set |= matchers->at[j].op == MATCH_EQUAL && str_equal(matchers->at[j].name, m->name);
        bool sets = m->op == MATCH_EQUAL && !is_set;
        bool is_metadata =
            str_equal(m->name, STR("__type__")) || str_equal(m->name, STR("__unit__"));
        if (!str_equal(m->name, STR("__name__")) && (!is_metadata || run->prom2))
            labels = ref_set(run, labels, m->name, sets ? m->value : (struct str){NULL, 0});
    }
    return labels;
}

static struct ref_table *absent(struct ref_run *run, const struct ast *arg, struct ref_grid grid)
{
    struct ref_table *in = ref_eval(run, arg, grid);
    struct ref_table *out = ref_table_new(run, VALUE_VECTOR, grid.n);
    struct ref_row *row = ref_row_new(run, out, ref_absent_labels(run, arg));
    for (size_t s = 0; s < grid.n; s++) {
        row->v[s] = 1;
        row->here[s] = true;
        for (size_t i = 0; i < in->n; i++)
            row->here[s] = row->here[s] && !in->at[i].here[s];
    }
    return ref_merge(run, out, false);
}

/* ---- sorting: in an instant query only, since the series of a range query are sorted by labels */

static bool goes_before(double x, double y, bool descending)
{
    if (isnan(x) || isnan(y))
        return isnan(y); /* of two the later one: Go's sort for few is this insertion */
    return descending ? x > y : x < y;
}

static struct ref_table *sorted(struct ref_run *run, const struct ast_call *call,
                                struct ref_grid grid)
{
    bool descending = is_named(call, "sort_desc");
    struct ref_table *table = ref_eval(run, call->args[0], grid);
    if (grid.n != 1)
        return table;
    for (size_t i = 1; i < table->n; i++)
        for (size_t j = i;
             j > 0 && goes_before(table->at[j].v[0], table->at[j - 1].v[0], descending); j--) {
            struct ref_row row = table->at[j];
            table->at[j] = table->at[j - 1];
            table->at[j - 1] = row;
        }
    return table;
}

/* ---- labels */

static struct str string_arg(const struct ast_call *call, size_t i)
{
    return ast_unwrap(call->args[i])->u.string;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Text byte by byte, but runs of digits as numbers. As in Prometheus an empty text is after any
 * other and any other after it, and of two equal numbers either is before the other. */
static int natural(struct str a, struct str b)
{
    size_t i = 0, j = 0;
    while (i < a.n && j < b.n) {
        size_t m = i, n = j;
        if (is_digit(a.p[i]) != is_digit(b.p[j]))
            return a.p[i] < b.p[j] ? -1 : 1;
        bool digits = is_digit(a.p[i]);
        while (m < a.n && is_digit(a.p[m]) == digits)
            m++;
        while (n < b.n && is_digit(b.p[n]) == digits)
            n++;
        for (; digits && i + 1 < m && a.p[i] == '0'; i++)
            ;
        for (; digits && j + 1 < n && b.p[j] == '0'; j++)
            ;
        int order = str_compare(str_make(a.p + i, m - i), str_make(b.p + j, n - j));
        if (digits && m - i != n - j)
            order = m - i < n - j ? -1 : 1;
        if (order)
            return order;
        i = m;
        j = n;
    }
    return (i < a.n) - (j < b.n);
}

static int by_labels(const struct ast_call *call, const struct ref_row *a, const struct ref_row *b)
{
    for (size_t i = 1; i < call->nargs; i++) {
        struct str x = ref_get(a->labels, string_arg(call, i)),
                   y = ref_get(b->labels, string_arg(call, i));
        if (str_equal(x, y))
            continue;
        if (x.n == 0 || y.n == 0)
            return 1;
        int order = natural(x, y);
        return order ? order : -1;
    }
    return reference_labels_compare(a->labels.at, a->labels.n, b->labels.at, b->labels.n);
}

static struct ref_table *sorted_by_label(struct ref_run *run, const struct ast_call *call,
                                         struct ref_grid grid)
{
    int sign = is_named(call, "sort_by_label_desc") ? -1 : 1;
    struct ref_table *table = ref_eval(run, call->args[0], grid);
    for (size_t i = 1; i < table->n && grid.n == 1; i++)
        for (size_t j = i; j > 0 && sign * by_labels(call, &table->at[j], &table->at[j - 1]) < 0;
             j--) {
            struct ref_row row = table->at[j];
            table->at[j] = table->at[j - 1];
            table->at[j - 1] = row;
        }
    return table;
}

static void append(char *out, size_t *n, struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        out[(*n)++] = s.p[i];
}

/* A reference after a dollar: "$name", "${name}", "$1"; its name is the longest run of letters,
 * digits and underscores. Returns its length, 0 when it is none. */
static size_t read_reference(struct str text, struct str *name)
{
    size_t brace = text.n > 0 && text.p[0] == '{', end = brace, width;
    while (end < text.n) {
        uint32_t rune = rune_decode(text, end, &width);
        if (rune != '_' && !(rune >= '0' && rune <= '9') && !(rune >= 'a' && rune <= 'z') &&
            !(rune >= 'A' && rune <= 'Z') && !rune_is_letter(rune) && !rune_is_digit(rune))
            break;
        end += width;
    }
    if (end == brace || (brace && (end == text.n || text.p[end] != '}')))
        return 0;
    *name = str_make(text.p + brace, end - brace);
    return end + brace;
}

static struct str group_text(const struct regex *regex, struct str name, const struct str *groups)
{
    size_t number = 0;
    bool is_number = name.n == 1 || name.p[0] != '0';
    for (size_t i = 0; i < name.n && is_number; i++) {
        is_number = name.p[i] >= '0' && name.p[i] <= '9' && number < 100000000;
        number = number * 10 + (size_t)(name.p[i] - '0');
    }
    if (is_number)
        return number <= regex_ngroups(regex) ? groups[number] : STR("");
    int at = 0;
    do
        at = regex_group(regex, name, at);
    while (at > 0 && !groups[at].p);
    return at > 0 ? groups[at] : STR("");
}

static struct str expand(struct ref_run *run, struct str text, const struct regex *regex,
                         struct str source)
{
    size_t ngroups = regex_ngroups(regex) + 1;
    struct str *groups = ref_alloc(run, ngroups, sizeof *groups);
    if (!regex_match_groups(regex, source, groups, ngroups))
        return (struct str){0};
    char *out = ref_alloc(run, text.n * (source.n + 1) + 1, 1);
    size_t n = 0;
    while (text.n > 0) {
        struct str name;
        size_t length;
        if (text.p[0] != '$') {
            append(out, &n, str_make(text.p, 1));
            text = str_from(text, 1);
        } else if (text.n > 1 && text.p[1] == '$') {
            append(out, &n, STR("$"));
            text = str_from(text, 2);
        } else if ((length = read_reference(str_from(text, 1), &name)) > 0) {
            append(out, &n, group_text(regex, name, groups));
            text = str_from(text, 1 + length);
        } else {
            append(out, &n, STR("$"));
            text = str_from(text, 1);
        }
    }
    return str_make(out, n);
}

static struct regex *compile(struct ref_run *run, struct str source)
{
    struct regex *regex = NULL;
    struct ampql_error err = {0};
    if (regex_new(&alloc_default, source, run->prom2 ? REGEX_DOT_NO_NEWLINE : REGEX_DOT_ALL, &regex,
                  &err) != AMPQL_OK)
        ref_fail(run, AMPQL_EXECUTION, "invalid regular expression in label_replace(): %.*s",
                 STR_ARGS(source));
    return regex;
}

static struct ref_table *label_replace(struct ref_run *run, const struct ast_call *call,
                                       struct ref_grid grid)
{
    struct str to = string_arg(call, 1), replacement = string_arg(call, 2),
               from = string_arg(call, 3), source = string_arg(call, 4);
    if (grid.n > 0) /* a bad one is refused before anything is evaluated */
        regex_free(compile(run, source));
    if (grid.n > 0 && !ref_is_label_name(run, to))
        ref_fail(run, AMPQL_EXECUTION, "invalid destination label name in label_replace(): %.*s",
                 STR_ARGS(to));
    struct ref_table *table = ref_eval(run, call->args[0], grid);
    if (grid.n == 0)
        return table;
    struct regex *regex = compile(run, source);
    for (size_t i = 0; i < table->n; i++) {
        struct ref_labels *labels = &table->at[i].labels;
        struct str value = expand(run, replacement, regex, ref_get(*labels, from));
        if (!value.p)
            continue;
        *labels = ref_set(run, *labels, to, value);
        if (str_equal(to, STR("__name__")))
            labels->loses_name = false;
    }
    regex_free(regex);
    return ref_merge(run, table, false);
}

static struct ref_table *label_join(struct ref_run *run, const struct ast_call *call,
                                    struct ref_grid grid)
{
    struct str to = string_arg(call, 1), separator = string_arg(call, 2);
    bool checks = grid.n > 0;
    for (size_t k = 3; k < call->nargs; k++)
        if (checks && !ref_is_label_name(run, string_arg(call, k)))
            ref_fail(run, AMPQL_EXECUTION, "invalid source label name in label_join(): %.*s",
                     STR_ARGS(string_arg(call, k)));
    if (checks && !ref_is_label_name(run, to))
        ref_fail(run, AMPQL_EXECUTION, "invalid destination label name in label_join(): %.*s",
                 STR_ARGS(to));
    struct ref_table *table = ref_eval(run, call->args[0], grid);
    for (size_t i = 0; i < table->n; i++) {
        struct ref_labels *labels = &table->at[i].labels;
        size_t size = 1, n = 0;
        for (size_t k = 3; k < call->nargs; k++)
            size += separator.n + ref_get(*labels, string_arg(call, k)).n;
        char *value = ref_alloc(run, size, 1);
        for (size_t k = 3; k < call->nargs; k++) {
            if (k > 3)
                append(value, &n, separator);
            append(value, &n, ref_get(*labels, string_arg(call, k)));
        }
        *labels = ref_set(run, *labels, to, str_make(value, n));
        if (str_equal(to, STR("__name__")))
            labels->loses_name = false;
    }
    return ref_merge(run, table, false);
}

/* ---- which is it */

static struct ref_table *call_other(struct ref_run *run, const struct ast_call *call,
                                    struct ref_grid grid)
{
    if (is_named(call, "time"))
        return eval_times(run, grid);
    if (is_named(call, "pi")) {
        struct ref_table *pi = ref_table_new(run, VALUE_SCALAR, grid.n);
        for (size_t s = 0; s < grid.n; s++)
            pi->scalar[s] = M_PI;
        return pi;
    }
    if (is_named(call, "scalar"))
        return scalar_of(run, ref_eval(run, call->args[0], grid));
    if (is_named(call, "vector"))
        return vector_of(run, ref_eval(run, call->args[0], grid));
    if (is_named(call, "timestamp"))
        return timestamp(run, call, grid);
    if (is_named(call, "absent"))
        return absent(run, call->args[0], grid);
    if (is_named(call, "round"))
        return round_to(run, call, grid);
    if (is_named(call, "clamp") || is_named(call, "clamp_min") || is_named(call, "clamp_max"))
        return clamp(run, call, grid);
    if (is_named(call, "sort") || is_named(call, "sort_desc"))
        return sorted(run, call, grid);
    if (is_named(call, "sort_by_label") || is_named(call, "sort_by_label_desc"))
        return sorted_by_label(run, call, grid);
    if (is_named(call, "label_replace"))
        return label_replace(run, call, grid);
    if (is_named(call, "label_join"))
        return label_join(run, call, grid);
    return NULL;
}

struct ref_table *ref_call(struct ref_run *run, const struct ast *ast, struct ref_grid grid)
{
    static const char *const of_native[] = {"start_timestamp",  "histogram_avg",
                                            "histogram_count",  "histogram_stddev",
                                            "histogram_stdvar", "histogram_sum"};
    const struct ast_call *call = &ast->u.call;
    struct ref_table *out = call_map(run, call, grid);
    if (!out)
        out = call_date(run, call, grid);
    if (!out)
        out = call_other(run, call, grid);
    if (!out && is_named(call, "histogram_quantile"))
        out = ref_histogram_quantile(run, ast, grid);
    if (!out && is_named(call, "histogram_quantiles"))
        out = ref_histogram_quantiles(run, ast, grid);
    if (!out && is_named(call, "histogram_fraction"))
        out = ref_histogram_fraction(run, ast, grid);
    for (size_t i = 0; !out && i < sizeof of_native / sizeof *of_native; i++)
        if (is_named(call, of_native[i])) { /* floats are none, but their evaluation may fail */
            ref_eval(run, call->args[0], grid);
            out = ref_table_new(run, VALUE_VECTOR, grid.n);
        }
    if (!out)
        out = ref_query_call(run, ast, grid);
    if (!out)
        out = ref_range_call(run, ast, grid);
    if (!out)
        ref_fail(run, AMPQL_UNSUPPORTED, "%s() is not in the reference", call->function->name);
    return out;
}
