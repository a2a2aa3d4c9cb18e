/* Any bytes as a request to sign (request.txt of tests/data/sigv4): refused with a message, or
 * signed so that what is sent signs to the same bytes again; canonical paths and queries stay as
 * they are when made canonical twice, and hold nothing but what AWS leaves unencoded. */
#include "source/http.h"
#include "source/sigv4_canonical.h"
#include "support/sigv4_case.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct str context = {
    "region us-east-1\nservice aps\ndate 20260102T030405Z\naccess_key_id AKIDEXAMPLE\n"
    "secret_access_key wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\nsession_token a//b+c==\n",
    sizeof "region us-east-1\nservice aps\ndate 20260102T030405Z\naccess_key_id AKIDEXAMPLE\n"
           "secret_access_key wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\nsession_token a//b+c==\n" -
        1};

static void query_twice(struct str query, struct arena *arena)
{
    struct buf once, twice;
    buf_init(&once, &alloc_default, SIZE_MAX / 2);
    buf_init(&twice, &alloc_default, SIZE_MAX / 2);
    if (canonical_query(&once, query, arena, NULL) != AMPQL_OK ||
        canonical_query(&twice, buf_view(&once), arena, NULL) != AMPQL_OK || once.failed ||
        twice.failed || !str_equal(buf_view(&once), buf_view(&twice)))
        abort();
    for (size_t i = 0; i < once.n; i++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%&=",
                    once.p[i]) ||
            once.p[i] == '\0')
            abort();
    buf_done(&once);
    buf_done(&twice);
}

static void path_twice(struct str path)
{
    struct buf once, twice;
    buf_init(&once, &alloc_default, SIZE_MAX / 2);
    buf_init(&twice, &alloc_default, SIZE_MAX / 2);
    canonical_path(&once, path);
    canonical_path(&twice, buf_view(&once));
    if (once.failed || twice.failed || !str_equal(buf_view(&once), buf_view(&twice)) ||
        once.n == 0 || once.p[0] != '/')
        abort();
    buf_done(&once);
    buf_done(&twice);
}

static void sign_twice(struct sigv4_case *c, struct arena *arena)
{
    struct sigv4_signed first, again;
    struct sigv4_steps steps;
    struct ampql_error err = {0};
    enum ampql_code code = sigv4_explain(&c->sigv4, &c->request, arena, &steps, &err);
    if (code != AMPQL_OK && (code != AMPQL_BAD_DATA || err.message[0] == '\0'))
        abort();
    code = sigv4_sign(&c->sigv4, &c->request, arena, &first, &err);
    if (code != AMPQL_OK) {
        if (code != AMPQL_BAD_DATA || err.message[0] == '\0')
            abort();
        return;
    }
    c->request.url = first.url;
    if (sigv4_sign(&c->sigv4, &c->request, arena, &again, &err) != AMPQL_OK ||
        !str_equal(first.url, again.url) || first.nheaders != 3 ||
        !str_equal(first.headers[2].value, again.headers[2].value) ||
        !str_has_suffix(first.headers[2].value, steps.signature))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct arena arena;
    struct sigv4_case c;
    arena_init(&arena, &alloc_default);
    query_twice(text, &arena);
    path_twice(text);
    if (sigv4_case_parse(context, text, &c))
        sign_twice(&c, &arena);
    arena_done(&arena);
    return 0;
}
