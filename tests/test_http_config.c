/* promtool's --http.config.file: what each field sets, where each refusal points, and that nothing
 * which could be a secret is repeated. */
#include "source/http_config.h"

#include "base/alloc.h"

#include "support/test.h"
#include "support/torture.h"

#include <stdio.h>
#include <string.h>

static const char name[] = "conf/web.yml";

static enum ampql_code read_text(const char *text, struct arena *arena, struct http_config *out,
                                 struct ampql_error *err)
{
    return http_config_read(str_of(name), str_of(text), arena, out, err);
}

/* ---- fields */

/* Everything that was read, one "name=value" after the other. */
static void show(const struct http_config *c, char *out, size_t size)
{
    static const char *const kinds[] = {"none", "basic", "authorization", "sigv4"};
    const struct auth_options *a = &c->auth;
    const struct {
        const char *name;
        struct str value;
    } texts[] = {{"user", a->username},
                 {"type", a->type},
                 {"secret", a->secret},
                 {"secret_file", a->secret_file},
                 {"region", a->region},
                 {"profile", a->profile},
                 {"role", a->role_arn},
                 {"external", a->external_id},
                 {"key", a->access_key_id},
                 {"secret_key", a->secret_access_key},
                 {"ca", str_of(c->ca_file ? c->ca_file : "")},
                 {"cert", str_of(c->cert_file ? c->cert_file : "")},
                 {"key_file", str_of(c->key_file ? c->key_file : "")},
                 {"server", str_of(c->server_name ? c->server_name : "")},
                 {"proxy", str_of(c->proxy_url ? c->proxy_url : "")}};
    int n = snprintf(out, size, "%s", kinds[a->kind]);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].value.n)
            n += snprintf(out + n, size - (size_t)n, " %s=%.*s", texts[i].name,
                          (int)texts[i].value.n, texts[i].value.p);
    for (size_t i = 0; i < a->nheaders; i++)
        n += snprintf(out + n, size - (size_t)n, " %.*s:%.*s%s", (int)a->headers[i].name.n,
                      a->headers[i].name.p, (int)a->headers[i].value.n, a->headers[i].value.p,
                      a->headers[i].is_secret ? "!" : "");
    if (c->no_http2)
        n += snprintf(out + n, size - (size_t)n, " no_http2");
    assert_true((size_t)n < size);
}

static const struct {
    const char *text, *shown;
} fields[] = {
    {"", "none"},
    {"# nothing\n", "none"},
    {"~\n", "none"},
    {"{}", "none"},
    {"basic_auth:\n  username: u\n  password: p\n", "basic user=u secret=p"},
    {"basic_auth: {username: u, password_file: p}\n", "basic user=u secret_file=conf/p"},
    {"basic_auth: {username: u, password_file: /p}\n", "basic user=u secret_file=/p"},
    {"authorization:\n  credentials: t\n", "authorization secret=t"},
    {"authorization: {type: Token, credentials: t}\n", "authorization type=Token secret=t"},
    {"authorization: {credentials_file: ../t}\n", "authorization secret_file=conf/../t"},
    {"bearer_token: t\n", "authorization secret=t"},
    {"bearer_token_file: t\n", "authorization secret_file=conf/t"},
    {"sigv4:\n", "sigv4"},
    {"sigv4: {region: r, access_key: a, secret_key: s}\n", "sigv4 region=r key=a secret_key=s"},
    {"sigv4: {profile: p, role_arn: arn, external_id: e}\n", "sigv4 profile=p role=arn external=e"},
    {"tls_config:\n  ca_file: ca.pem\n  cert_file: c.pem\n  key_file: /k.pem\n"
     "  server_name: h\n  insecure_skip_verify: false\n  min_version: TLS12\n",
     "none ca=conf/ca.pem cert=conf/c.pem key_file=/k.pem server=h"},
    {"http_headers:\n  X-One:\n    values: [a, b]\n  X-Two: {secrets: [s]}\n",
     "none X-One:a! X-One:b! X-Two:s!"},
    {"proxy_url: http://p:1\n", "none proxy=http://p:1"},
    {"proxy_url: ''\nproxy_from_environment: true\n", "none"},
    {"enable_http2: false\nfollow_redirects: false\n", "none no_http2"},
    {"enable_http2: true\n", "none"},
};

static void test_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct arena arena;
        struct http_config config;
        struct ampql_error err = {0};
        char shown[1024];
        arena_init(&arena, &alloc_default);
        if (read_text(fields[i].text, &arena, &config, &err) != AMPQL_OK)
            fail_msg("%s: %s", fields[i].text, err.message);
        show(&config, shown, sizeof shown);
        assert_string_equal(shown, fields[i].shown);
        arena_done(&arena);
    }
}

/* ---- refusals; "canary" stands for whatever could be a secret */

static const struct {
    const char *text;
    enum ampql_code code;
    const char *place, *says; /* "LINE:COLUMN: ", and words of the message */
} refusals[] = {
    {"canary", AMPQL_BAD_DATA, "1:1: ", "expected"},
    {"- canary\n", AMPQL_BAD_DATA, "1:1: ", "expected"},
    {"basic_auth: [canary\n", AMPQL_BAD_DATA, "", ""},
    {"a: canary\n", AMPQL_BAD_DATA, "1:1: ", "unknown"},
    {"bearer_token: canary\nbearer_token: canary\n", AMPQL_BAD_DATA, "2:1: ", ""},
    {"bearer_token: &x canary\n", AMPQL_BAD_DATA, "1:15: ", "anchor"},
    {"bearer_token: ''\n", AMPQL_BAD_DATA, "1:15: ", "bearer_token is empty"},
    {"bearer_token: [canary]\n", AMPQL_BAD_DATA, "1:15: ", "bearer_token"},
    {"bearer_token: \"canary\\0\"\n", AMPQL_BAD_DATA, "1:15: ", "NUL byte"},
    {"bearer_token_file: ''\n", AMPQL_BAD_DATA, "1:20: ", "bearer_token_file is empty"},
    {"bearer_token: canary\nsigv4: {}\n", AMPQL_BAD_DATA, "2:8: ", "both bearer_token and sigv4"},
    {"authorization: {credentials: canary}\nbasic_auth: {}\n", AMPQL_BAD_DATA,
     "2:13: ", "both authorization and basic_auth"},
    {"basic_auth: {password: canary, password_file: f}\n", AMPQL_BAD_DATA,
     "1:48: ", "both password and password_file"},
    {"basic_auth:\n  passwort: canary\n", AMPQL_BAD_DATA, "2:3: ", "unknown"},
    {"authorization: {type: T}\n", AMPQL_BAD_DATA, "1:24: ", "no credentials"},
    {"authorization: {type: 'two words', credentials: canary}\n", AMPQL_BAD_DATA,
     "1:23: ", "expected a word"},
    {"authorization: {credentials: canary, credentials_file: f}\n", AMPQL_BAD_DATA,
     "1:57: ", "both credentials and credentials_file"},
    {"sigv4: {access_key: canary}\n", AMPQL_BAD_DATA, "1:27: ", "expected both or none"},
    {"sigv4: {secret_key: canary}\n", AMPQL_BAD_DATA, "1:27: ", "expected both or none"},
    {"sigv4: {region: ''}\n", AMPQL_BAD_DATA, "1:17: ", "region is empty"},
    {"tls_config: {key_file: k}\n", AMPQL_BAD_DATA, "1:25: ", "key_file without cert_file"},
    {"tls_config: {insecure_skip_verify: canary}\n", AMPQL_BAD_DATA,
     "1:36: ", "expected true or false"},
    {"tls_config: {insecure_skip_verify: true}\n", AMPQL_UNSUPPORTED,
     "1:36: ", "insecure_skip_verify is refused"},
    {"tls_config: {min_version: TLS10}\n", AMPQL_UNSUPPORTED, "1:27: ", "min_version"},
    {"tls_config:\n  key: canary\n", AMPQL_UNSUPPORTED, "2:8: ", "key in tls_config"},
    {"tls_config:\n  max_version: TLS12\n", AMPQL_UNSUPPORTED, "2:16: ", "max_version"},
    {"http_headers: {X: {files: [f]}}\n", AMPQL_UNSUPPORTED, "1:27: ", "files of a header"},
    {"http_headers: {X: canary}\n", AMPQL_BAD_DATA, "1:19: ", "expected"},
    {"enable_http2: canary\n", AMPQL_BAD_DATA, "1:15: ", "expected true or false"},
    {"follow_redirects: true\n", AMPQL_UNSUPPORTED, "1:19: ", "is refused"},
    {"oauth2: {client_secret: canary}\n", AMPQL_UNSUPPORTED, "1:9: ", "oauth2 is not supported"},
    {"no_proxy: h\n", AMPQL_UNSUPPORTED, "1:11: ", "no_proxy is not supported"},
    {"enable_http2: true\n---\nbearer_token: canary\n", AMPQL_BAD_DATA,
     "2:1: ", "a second document"},
};

static void test_refusals(void **state)
{
    size_t nwrong = 0;
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct arena arena;
        struct http_config config;
        struct ampql_error err = {0};
        char place[64];
        arena_init(&arena, &alloc_default);
        enum ampql_code code = read_text(refusals[i].text, &arena, &config, &err);
        snprintf(place, sizeof place, "%s:%s", name, refusals[i].place);
        if (code != refusals[i].code || err.code != code || strstr(err.message, "canary") ||
            strncmp(err.message, place, strlen(place)) != 0 ||
            !strstr(err.message, refusals[i].says)) {
            print_error("%s: %d: %s\n", refusals[i].text, (int)code, err.message);
            nwrong++;
        }
        arena_done(&arena);
    }
    assert_int_equal(nwrong, 0);
}

/* ---- files, memory */

static void test_load(void **state)
{
    struct arena arena;
    struct http_config config;
    struct ampql_error err = {0};
    (void)state;
    arena_init(&arena, &alloc_default);
    assert_int_equal(http_config_load("/nowhere/at-all.yml", &arena, &config, &err),
                     AMPQL_NOT_FOUND);
    assert_non_null(strstr(err.message, "/nowhere/at-all.yml"));
    assert_int_equal(http_config_load("/", &arena, &config, &err), AMPQL_UNAVAILABLE);
    assert_int_equal(http_config_load("/dev/zero", &arena, &config, &err), AMPQL_LIMIT);
    assert_int_equal(http_config_load("/dev/null", &arena, &config, &err), AMPQL_OK);
    assert_int_equal(config.auth.kind, AUTH_NONE);
    arena_done(&arena);
}

static bool read_all(const struct ampql_allocator *alc)
{
    bool ok = true;
    for (size_t i = 0; i < sizeof fields / sizeof *fields && ok; i++) {
        struct arena arena;
        struct http_config config;
        struct ampql_error err = {0};
        arena_init(&arena, alc);
        enum ampql_code code = read_text(fields[i].text, &arena, &config, &err);
        if (code != AMPQL_OK)
            assert_int_equal(code, AMPQL_NOMEM);
        ok = code == AMPQL_OK;
        arena_done(&arena);
    }
    return ok;
}

static void test_torture(void **state)
{
    (void)state;
    torture_all(read_all);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_fields),
    cmocka_unit_test(test_refusals),
    cmocka_unit_test(test_load),
    cmocka_unit_test(test_torture),
};
TEST_MAIN(tests)
