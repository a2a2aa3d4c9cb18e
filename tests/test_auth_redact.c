/* What a server repeats of our secrets does not get into messages; and how requests say who asks.
 */
#include "source/auth.h"

#include "base/alloc.h"

#include "support/test.h"
#include "support/torture.h"

#include <stdio.h>

static const struct row {
    const char *name;
    struct auth_options options;
    const char *text, *redacted;
} rows[] = {
    {"none", {.kind = AUTH_NONE}, "Bearer abc", "Bearer abc"},
    {"bearer",
     {.kind = AUTH_AUTHORIZATION, .secret = {"canary-token", 12}},
     "you sent Authorization: Bearer canary-token; twice canary-token",
     "you sent Authorization: Bearer ************; twice ************"},
    {"basic",
     {.kind = AUTH_BASIC, .username = {"user", 4}, .secret = {"canary", 6}},
     "dXNlcjpjYW5hcnk= is user:canary",
     "**************** is user:******"},
    {"clipped in the middle of it",
     {.kind = AUTH_AUTHORIZATION, .secret = {"canary-token", 12}},
     "you sent canary-t",
     "you sent ********"},
};

static bool redact_all(const struct ampql_allocator *alc)
{
    struct http *http;
    if (http_new(alc, NULL, &http, NULL) != AMPQL_OK)
        return false;
    bool ok = true;
    for (size_t i = 0; i < sizeof rows / sizeof *rows && ok; i++) {
        struct auth *auth;
        char text[128];
        ok = auth_open(alc, &rows[i].options, STR("https://h"), http, &auth, NULL) == AMPQL_OK;
        if (!ok)
            break;
        snprintf(text, sizeof text, "%s", rows[i].text);
        auth_redact(auth, text, strlen(text));
        /* without memory everything is hidden, never less */
        if (strcmp(text, rows[i].redacted) != 0) {
            ok = strspn(text, "*") == strlen(text);
            if (!ok)
                print_error("%s: %s\n", rows[i].name, text);
            assert_true(ok);
            ok = false;
        }
        auth_close(auth);
    }
    http_free(http);
    return ok;
}

static void redacts(void **state)
{
    (void)state;
    assert_true(redact_all(&alloc_default));
    torture_all(redact_all);
}

static void describes(void **state)
{
    static const struct http_header header = {.name = {"x-api-key", 9}, .value = {"canary", 6}};
    static const struct {
        struct auth_options options;
        const char *text;
    } askers[] = {
        {{.kind = AUTH_NONE}, ""},
        {{.kind = AUTH_NONE, .headers = &header, .nheaders = 1}, "sent with the header X-Api-Key"},
        {{.kind = AUTH_BASIC, .username = {"u", 1}, .secret = {"canary", 6}},
         "sent with a password"},
        {{.kind = AUTH_AUTHORIZATION, .secret = {"canary", 6}}, "sent with a token"},
        {{.kind = AUTH_SIGV4,
          .region = {"us-east-1", 9},
          .access_key_id = {"A", 1},
          .secret_access_key = {"canary", 6}},
         "signed with the keys that were given"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof askers / sizeof *askers; i++) {
        struct http *http;
        struct auth *auth;
        char text[AUTH_DESCRIPTION_MAX], few[8];
        assert_int_equal(http_new(&alloc_default, NULL, &http, NULL), AMPQL_OK);
        assert_int_equal(
            auth_open(&alloc_default, &askers[i].options, STR("https://h"), http, &auth, NULL),
            AMPQL_OK);
        auth_describe(auth, text, sizeof text);
        assert_string_equal(text, askers[i].text);
        auth_describe(auth, few, sizeof few);
        assert_memory_equal(few, text, strlen(few));
        auth_close(auth);
        http_free(http);
    }
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(redacts), cmocka_unit_test(describes)};
TEST_MAIN(tests)
