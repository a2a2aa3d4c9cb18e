/* Every query that OpenCost and Kubecost's dashboards and rules send parses, and prints as a text
 * that parses to the same tree. */
#include "support/parsed.h"
#include "support/signatures.h"
#include "support/test.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static const struct parse_options prom3 = {.dialect = AMPQL_PROM3};
static const struct parse_options prom2 = {.dialect = AMPQL_PROM2};

/* ---- files */

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("%s: cannot be read; tests run in the project's folder", path);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    long size = ftell(f);
    rewind(f);
    char *text = malloc((size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)size, f), (size_t)size);
    text[size] = '\0';
    fclose(f);
    return text;
}

/* The next entry: a line that is no comment, with the lines that continue it (they begin with a
 * TAB). Returns its last field and the rest in *next; NULL at the end. */
static char *next_entry(char *text, char **name, char **next)
{
    while (*text == '#') {
        text = strchr(text, '\n');
        text = text ? text + 1 : strchr("", '\0');
    }
    if (*text == '\0')
        return NULL;
    char *end = strchr(text, '\n');
    assert_non_null(end);
    char *line_end = end;
    while (end[1] == '\t')
        assert_non_null(end = strchr(end + 1, '\n'));
    *end = '\0';
    *next = end + 1;
    *name = text;
    char *field = NULL;
    for (char *p = text; p < line_end; p++)
        if (*p == '\t')
            field = p;
    assert_non_null(field);
    *field = '\0';
    return field + 1;
}

/* ---- placeholders */

struct value {
    const char *name, *text;
};

static const struct value with_filter[] = {
    {"FILTER", "cluster_id=\"x\""},
    {"OFFSET", "offset 1h"},
    {"LOCALSTORAGE", "+ sum(y) by (cluster_id)"},
    {NULL, NULL},
};
static const struct value without_filter[] = {
    {"FILTER", ""}, {"OFFSET", ""}, {"LOCALSTORAGE", ""}, {NULL, NULL}};
static const struct value fixed[] = {
    {"DUR", "1d"},
    {"RES", "5m"},
    {"RES2", "10m"},
    {"RESm", "5m"},
    {"RESMIN", "5.000000"},
    {"CL", "cluster_id"},
    {"F", "0.083333"},
    {"HOURS_PER_RES", "0.083333"},
    {"USD_PER_GIB_HR", "0.000055"},
    {"__rate_interval", "5m"},
    {"aggregation", "namespace"},
    {"timeRange", "1d"},
    {NULL, NULL},
};

static const char *find_value(const struct value *values, struct str name)
{
    for (; values->name; values++)
        if (str_equal(str_of(values->name), name))
            return values->text;
    return NULL;
}

/* The template with its placeholders filled in. In strings only known ones are; elsewhere others
 * become 1, as dashboards use them for prices. */
static void fill_in(struct buf *out, const char *text, const struct value *values)
{
    char quote = '\0';
    while (*text) {
        if (*text == '"' || *text == '\'')
            quote = quote == *text ? '\0' : quote ? quote : *text;
        size_t n = 1;
        while (text[0] == '$' && (isalnum((unsigned char)text[n]) || text[n] == '_'))
            n++;
        struct str name = str_make(text + 1, n - 1);
        const char *value = NULL;
        if (text[0] == '$' && n > 1 && !quote) {
            value = find_value(values, name);
            value = value ? value : find_value(fixed, name);
            value = value ? value : "1";
        }
        if (value)
            buf_text(out, value);
        else
            buf_bytes(out, text, n);
        text += n;
    }
}

static void check(const char *name, const char *template, const struct value *values,
                  const struct parse_options *options)
{
    struct buf text;
    struct parsed parsed;
    buf_init(&text, &alloc_default, 1 << 20);
    fill_in(&text, template, values);
    parse_text(&parsed, buf_view(&text), options);
    if (!parsed.ast)
        fail_msg("%s: %s\n%.*s", name, parsed.text, STR_ARGS(buf_view(&text)));
    assert_prints_back(parsed.ast, options);
    parsed_done(&parsed);
    buf_done(&text);
}

/* All entries of a file, with both fillings, in both dialects; their number. */
static size_t check_file(const char *path)
{
    char *file = read_file(path), *next = file, *name, *template;
    size_t n = 0;
    while ((template = next_entry(next, &name, &next))) {
        check(name, template, without_filter, &prom3);
        check(name, template, with_filter, &prom3);
        check(name, template, without_filter, &prom2);
        check(name, template, with_filter, &prom2);
        n++;
    }
    free(file);
    return n;
}

static void test_queries(void **state)
{
    (void)state;
    assert_int_equal(check_file("tests/data/opencost/queries.txt"), 139);
}

static void test_newer(void **state)
{
    (void)state;
    assert_int_equal(check_file("tests/data/opencost/queries_newer.txt"), 37);
}

static void test_rules(void **state)
{
    (void)state;
    assert_int_equal(check_file("tests/data/opencost/rules.txt"), 18);
}

static void test_dashboards(void **state)
{
    (void)state;
    assert_int_equal(check_file("tests/data/opencost/dashboards.txt"), 252);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_newer),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_dashboards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
