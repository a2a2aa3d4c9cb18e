/* What AWS's small services send: XML, JSON, refusals; and memory that is wiped. */
#include "source/aws_call.h"
#include "source/aws_secret.h"
#include "source/aws_sts.h"
#include "source/aws_xml.h"
#include "source/credentials_chain.h"
#include "support/test.h"
#include "support/torture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void test_xml(void **state)
{
    (void)state;
    static const struct {
        const char *xml, *text; /* of <a> */
        const char *message;
    } rows[] = {
        {"<a>x</a>", "x", NULL},
        {"<r><b>1</b><a> x\n</a><a>y</a></r>", "x", NULL},
        {"<?xml version='1.0'?>\n<r xmlns=\"u>v\"><n:a q='/'>x</n:a></r>", "x", NULL},
        {"<a/>", "", NULL},
        {"<a b=\"c\" />", "", NULL},
        {"<a>&amp;&lt;&gt;&quot;&apos;</a>", "&<>\"'", NULL},
        {"<a>&#65;&#x42;&#xe9;</a>", "AB\xc3\xa9", NULL},
        {"<a><![CDATA[<&amp;>]]>y</a>", "<&amp;>y", NULL},
        {"<a>x<!-- <b> -->y</a>", "xy", NULL},
        {"<aa>1</aa><a>2</a>", "2", NULL},
        {"<r><a>x<b/></a></r>", NULL, "an XML element where text was expected"},
        {"<r></r>", NULL, "no XML element: \"a\""},
        {"", NULL, "no XML element: \"a\""},
        {"<html>Sign in<br><p></html>", NULL, "an XML tag that closes nothing"},
        {"<a>x", NULL, "the XML ends inside a tag or element"},
        {"<a>x</a", NULL, "the XML ends inside a tag or element"},
        {"<a>x</b>", NULL, "an XML tag that closes nothing"},
        {"</a>", NULL, "an XML tag that closes nothing"},
        {"<a>&nbsp;</a>", NULL, "an XML entity that is none of the five"},
        {"<a>&amp</a>", NULL, "an XML entity that is none of the five"},
        {"<a>&#0;</a>", NULL, "an XML entity that is none of the five"},
        {"<a>&#xd800;</a>", NULL, "an XML entity that is none of the five"},
        {"<a>&#99999999999;</a>", NULL, "an XML entity that is none of the five"},
        {"<!DOCTYPE a [<!ENTITY b 'c'>]><a>x</a>", NULL, "XML with a document type"},
        {"<a <b>x</a>", NULL, "a < inside of an XML tag"},
        {"<>x</>", NULL, "an XML tag without a name"},
        {"<!-- ", NULL, "the XML ends inside a tag or element"},
        {"<![CDATA[", NULL, "the XML ends inside a tag or element"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena arena;
        struct str text = {0};
        struct ampql_error err = {0};
        arena_init(&arena, &alloc_default);
        enum ampql_code code = aws_xml_text(str_of(rows[i].xml), STR("a"), &arena, &text, &err);
        if (rows[i].text ? code != AMPQL_OK || !str_equal(text, str_of(rows[i].text))
                         : code == AMPQL_OK || strcmp(err.message, rows[i].message) != 0)
            fail_msg("%s: %d %.*s %s", rows[i].xml, (int)code, STR_ARGS(text), err.message);
        arena_done(&arena);
    }
    char deep[400];
    struct str inside;
    memset(deep, 0, sizeof deep);
    for (size_t i = 0; i < 65; i++)
        memcpy(deep + 3 * i, "<b>", 3);
    assert_int_equal(aws_xml_find(str_of(deep), STR("a"), &inside, NULL), AMPQL_BAD_DATA);
}

#define XML(...)                                                                                   \
    "<AssumeRoleResponse><AssumeRoleResult><Credentials>" __VA_ARGS__                              \
    "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
#define KEY "<AccessKeyId>ASIA1</AccessKeyId>"
#define CANARY "<SecretAccessKey>canary&amp;1</SecretAccessKey>"
#define TOKEN "<SessionToken>canary2</SessionToken>"
#define WHEN "<Expiration>2026-01-02T04:04:05Z</Expiration>"

static void test_sts_answers(void **state)
{
    (void)state;
    static const struct {
        const char *xml, *message;
    } rows[] = {
        {XML(KEY CANARY TOKEN WHEN), NULL},
        {XML(WHEN TOKEN CANARY KEY), NULL},
        {XML(CANARY TOKEN WHEN), "no XML element: \"AccessKeyId\""},
        {XML(KEY CANARY TOKEN), "no XML element: \"Expiration\""},
        {XML(KEY CANARY TOKEN "<Expiration>canary</Expiration>"), "an expiration that is no time"},
        {XML(KEY CANARY TOKEN "<Expiration>now</Expiration>"), "an expiration that is no time"},
        {XML(KEY CANARY "<SessionToken/>" WHEN), "an empty key or token"},
        {KEY CANARY TOKEN WHEN, "no XML element: \"Credentials\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena arena;
        struct aws_credentials keys;
        struct ampql_error err = {0};
        arena_init(&arena, &alloc_default);
        enum ampql_code code = aws_sts_read_credentials(str_of(rows[i].xml), &arena, &keys, &err);
        if (rows[i].message ? code == AMPQL_OK || strcmp(err.message, rows[i].message) != 0
                            : code != AMPQL_OK)
            fail_msg("row %zu: %d %s", i, (int)code, err.message);
        if (code == AMPQL_OK) {
            assert_true(str_equal(keys.secret_access_key, STR("canary&1")));
            assert_true(str_equal(keys.session_token, STR("canary2")));
            assert_true(keys.expires_ms == INT64_C(1767326645000));
        }
        assert_null(strstr(err.message, "canary"));
        arena_done(&arena);
    }
}

static void test_documents(void **state)
{
    (void)state;
    static const struct {
        const char *json, *message;
    } rows[] = {
        {"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"canary\",\"Token\":\"t\"}", NULL},
        {"{\"Other\":{\"AccessKeyId\":[1]},\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"canary\","
         "\"SessionToken\":\"t\",\"Expiration\":\"2026-01-02T04:04:05Z\",\"x\":null}",
         NULL},
        {"{\"SecretAccessKey\":\"canary\"}", "no AccessKeyId in the JSON"},
        {"{\"AccessKeyId\":\"A\"}", "no SecretAccessKey in the JSON"},
        {"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"canary\",\"Expiration\":\"canary\"}",
         "Expiration in the JSON is no RFC 3339 time"},
        {"{\"AccessKeyId\":\"canary", "not a JSON object"},
        {"[\"canary\"]", "not a JSON object"},
        {"canary", "not a JSON object"},
        {"", "not a JSON object"},
        {"{}", "no AccessKeyId in the JSON"},
        {"{} x", "not a JSON object"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena arena;
        struct credentials_document document;
        struct aws_credentials keys;
        struct ampql_error err = {0};
        arena_init(&arena, &alloc_default);
        enum ampql_code code =
            credentials_document_read(str_of(rows[i].json), &arena, &document, &err);
        if (code == AMPQL_OK)
            code = credentials_document_keys(&document, &keys, &err);
        if (rows[i].message ? code != AMPQL_BAD_DATA || strcmp(err.message, rows[i].message) != 0
                            : code != AMPQL_OK || !str_equal(keys.session_token, STR("t")))
            fail_msg("row %zu: %d %s", i, (int)code, err.message);
        arena_done(&arena);
    }
}

static void test_split(void **state)
{
    (void)state;
    static const struct {
        const char *command, *words, *message;
    } rows[] = {
        {"a b  c", "a|b|c", NULL},
        {" \ta\n", "a", NULL},
        {"a 'b c' \"d e\"f", "a|b c|d ef", NULL},
        {"a \"b\\\"c\\\\d\\e\" '\\' \\ x\\'", "a|b\"c\\d\\e|\\| x'", NULL},
        {"a '' \"\"", "a||", NULL},
        {"a $HOME `x` ; | > &", "a|$HOME|`x`|;|||>|&", NULL},
        {"a 'b", NULL, "a quote in the command is not closed"},
        {"a \"b\\\"", NULL, "a quote in the command is not closed"},
        {"", NULL, "an empty command"},
        {"  ", NULL, "an empty command"},
        {"''", NULL, "an empty command"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena arena;
        struct ampql_error err = {0};
        char **argv = NULL, joined[256] = "";
        size_t n = 0, used = 0;
        arena_init(&arena, &alloc_default);
        enum ampql_code code = command_split(str_of(rows[i].command), &arena, &argv, &n, &err);
        for (size_t k = 0; code == AMPQL_OK && k < n; k++)
            used += (size_t)sprintf(joined + used, "%s%s", k ? "|" : "", argv[k]);
        if (rows[i].message ? code != AMPQL_BAD_DATA || strcmp(err.message, rows[i].message) != 0
                            : code != AMPQL_OK || strcmp(joined, rows[i].words) != 0 || argv[n])
            fail_msg("%s: %d %s %s", rows[i].command, (int)code, joined, err.message);
        arena_done(&arena);
    }
}

/* What a service says comes into the message, clipped and escaped, unless it repeats a secret. */
static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *code, *message, *request_id, *advice, *text;
    } rows[] = {
        {"AccessDenied", "not for you", "r-1", "ask",
         "me: HTTP 403 AccessDenied: \"not for you\" (request id \"r-1\"): ask"},
        {"", "", "", NULL, "me: HTTP 403"},
        {"A\x1b[B", "a\nb\x1b", "", NULL, "me: HTTP 403 AB: \"a\\nb\\x1b\""},
        {"", "you sent TheSecretToken0123456789", "", NULL,
         "me: HTTP 403: (its message repeats a secret)"},
        {"", "part: n0123456789", "", NULL, "me: HTTP 403: \"part: n0123456789\""},
        {"", "part: etToken01234567..", "", NULL, "me: HTTP 403: (its message repeats a secret)"},
        {"TheSecretToken0123456789", "x", "TheSecretToken0123456789", NULL, "me: HTTP 403: \"x\""},
        {"", "short pw7 here", "", NULL, "me: HTTP 403: (its message repeats a secret)"},
    };
    const struct aws_call call = {.who = "me",
                                  .secrets = {STR("TheSecretToken0123456789"), STR("pw7")}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ampql_error err = {0};
        struct aws_refusal refusal = {403, str_of(rows[i].code), str_of(rows[i].message),
                                      str_of(rows[i].request_id), rows[i].advice};
        assert_int_equal(aws_call_refused(&call, &refusal, AMPQL_UNAUTHORIZED, &err),
                         AMPQL_UNAUTHORIZED);
        if (strcmp(err.message, rows[i].text) != 0)
            fail_msg("row %zu: %s", i, err.message);
    }
}

static void test_token_file(void **state)
{
    (void)state;
    char path[] = "/tmp/ampql-token-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const struct {
        const char *content, *token, *message;
    } rows[] = {
        {"tok", "tok", NULL},
        {"tok\r\n\n", "tok", NULL},
        {"", NULL, "is empty"},
        {"\n", NULL, "is empty"},
        {"canary\nX: y", NULL, "holds a blank, line break or control byte"},
        {"can ary", NULL, "holds a blank, line break or control byte"},
    };
    struct arena arena;
    struct str token;
    struct ampql_error err = {0};
    arena_init(&arena, &alloc_default);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, rows[i].content, strlen(rows[i].content), 0),
                         strlen(rows[i].content));
        enum ampql_code code = aws_token_file(&arena, "me", str_of(path), &token, &err);
        if (rows[i].token ? code != AMPQL_OK || !str_equal(token, str_of(rows[i].token))
                          : code != AMPQL_UNAUTHORIZED || !strstr(err.message, rows[i].message) ||
                                !strstr(err.message, path) || strstr(err.message, "canary"))
            fail_msg("row %zu: %d %s", i, (int)code, err.message);
    }
    assert_int_equal(ftruncate(fd, 65537), 0);
    assert_int_equal(aws_token_file(&arena, "me", str_of(path), &token, &err), AMPQL_UNAUTHORIZED);
    close(fd);
    unlink(path);
    assert_int_equal(aws_token_file(&arena, "me", str_of(path), &token, &err), AMPQL_UNAUTHORIZED);
    assert_non_null(strstr(err.message, "No such file"));
    assert_int_equal(aws_token_file(&arena, "me", STR("/tmp"), &token, &err), AMPQL_UNAUTHORIZED);
    arena_done(&arena);
}

/* ---- memory */

static bool read_all(const struct ampql_allocator *alc)
{
    struct arena arena;
    struct aws_credentials keys;
    struct credentials_document document;
    char **argv;
    size_t n;
    arena_init(&arena, alc);
    enum ampql_code code =
        aws_sts_read_credentials(STR(XML(KEY CANARY TOKEN WHEN)), &arena, &keys, NULL);
    if (code == AMPQL_OK)
        code = credentials_document_read(
            STR("{\"AccessKeyId\":\"A\\u0041\",\"SecretAccessKey\":\"b\"}"), &arena, &document,
            NULL);
    if (code == AMPQL_OK)
        code = command_split(STR("a 'b c' d e f g h i j k"), &arena, &argv, &n, NULL);
    arena_done(&arena);
    assert_true(code == AMPQL_OK || code == AMPQL_NOMEM);
    return code == AMPQL_OK;
}

static void test_torture(void **state)
{
    (void)state;
    assert_true(torture_all(read_all) > 3);
}

static size_t nseen;

static void *looking(void *payload, void *ptr, size_t old_size, size_t new_size)
{
    (void)payload;
    for (size_t i = 0; i + 6 <= old_size; i++)
        nseen += memcmp((char *)ptr + i, "canary", 6) == 0;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, new_size);
}

static void test_wiped(void **state)
{
    (void)state;
    const struct ampql_allocator base = {looking, NULL};
    struct aws_secret_allocator secret;
    aws_secret_init(&secret, &base);
    assert_true(read_all(&secret.alc));
    assert_int_equal(nseen, 0);
    assert_true(read_all(&base));
    assert_true(nseen > 0);
    assert_true(torture_all(read_all) > 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_xml),       cmocka_unit_test(test_sts_answers),
    cmocka_unit_test(test_documents), cmocka_unit_test(test_split),
    cmocka_unit_test(test_refusals),  cmocka_unit_test(test_token_file),
    cmocka_unit_test(test_torture),   cmocka_unit_test(test_wiped),
};
TEST_MAIN(tests)
