/* What a server repeats of our secrets does not get into messages. */
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

static const struct CMUnitTest tests[] = {cmocka_unit_test(redacts)};
TEST_MAIN(tests)
