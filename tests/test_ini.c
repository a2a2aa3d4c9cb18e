/* INI files as AWS's tools read them. */
#include "source/ini.h"

#include "support/test.h"
#include "support/torture.h"

#include <stdio.h>
#include <string.h>

/* "[section] key=value|..." of all entries, sections' own lines left out. */
static void print(const struct ini *ini, char *out)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < ini->n; i++) {
        const struct ini_entry *e = &ini->at[i];
        if (e->key.n)
            n += (size_t)sprintf(out + n, "%s[%.*s]%.*s=%.*s", n ? "|" : "", STR_ARGS(e->section),
                                 STR_ARGS(e->key), STR_ARGS(e->value));
    }
}

static void test_ini(void **state)
{
    (void)state;
    static const struct {
        const char *text, *entries, *message;
    } rows[] = {
        {"", "", NULL},
        {"[a]\nk = v\n", "[a]k=v", NULL},
        {"[a]\r\nk=v\r\n", "[a]k=v", NULL},
        {"\xef\xbb\xbf[a]\nk: v", "[a]k=v", NULL},
        {"[profile my name]\n Key =  v = w : x \n", "[profile my name]key=v = w : x", NULL},
        {"# c\n; c\n\n[a]\n# k = 1\nk = #2\nl = v # kept\n", "[a]k=#2|[a]l=v # kept", NULL},
        {"[a]\ns3 =\n  x = 1\n  y = 2\nk = v\n", "[a]s3=\nx = 1\ny = 2|[a]k=v", NULL},
        {"[a]\nk=1\n[b]\nk=2\n[a]\nk=3\n", "[a]k=1|[b]k=2|[a]k=3", NULL},
        {"[a]\nk =\n", "[a]k=", NULL},
        {"k = v\n", NULL, "line 1: expected [section] before the first key"},
        {"[", NULL, "line 1: expected [section]"},
        {"[a\nk = v\n", NULL, "line 1: expected [section]"},
        {"\n[]\n", NULL, "line 2: expected [section]"},
        {"[a]\ncanary\n", NULL, "line 2: expected key = value"},
        {"[a]\n= canary\n", NULL, "line 2: expected key = value"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena arena;
        struct ini ini;
        struct ampql_error err = {0};
        char text[512];
        arena_init(&arena, &alloc_default);
        enum ampql_code code = ini_parse(str_of(rows[i].text), &arena, &ini, &err);
        if (code == AMPQL_OK)
            print(&ini, text);
        if (rows[i].entries ? code != AMPQL_OK || strcmp(text, rows[i].entries) != 0
                            : code != AMPQL_BAD_DATA || strcmp(err.message, rows[i].message) != 0)
            fail_msg("row %zu: %d %s", i, (int)code, code ? err.message : text);
        assert_null(strstr(err.message, "canary"));
        arena_done(&arena);
    }
    struct arena arena;
    struct ini ini;
    arena_init(&arena, &alloc_default);
    assert_int_equal(ini_parse(STR("[a]\nk = \0v\n"), &arena, &ini, NULL), AMPQL_BAD_DATA);
    arena_done(&arena);
}

static bool parse(const struct ampql_allocator *alc)
{
    struct arena arena;
    struct ini ini;
    arena_init(&arena, alc);
    enum ampql_code code =
        ini_parse(STR("[a]\nk = 1\n l\n[b]\nk=1\nl=2\nm=3\nn=4\no=5\n"), &arena, &ini, NULL);
    arena_done(&arena);
    return code == AMPQL_OK;
}

static void test_torture(void **state)
{
    (void)state;
    assert_true(torture_all(parse) > 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_ini),
    cmocka_unit_test(test_torture),
};
TEST_MAIN(tests)
