/* Signing: AWS's published cases and our own, each step of them; what is refused; what is left in
 * memory. */
#include "source/sigv4.h"

#include "base/digest.h"
#include "source/http.h"
#include "source/sigv4_canonical.h"
#include "support/sigv4_case.h"
#include "support/test.h"
#include "support/torture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define CASES "tests/data/sigv4"

static void same(const char *name, const char *what, struct str got, struct str expected)
{
    if (!str_equal(got, expected))
        fail_msg("%s: %s is\n%.*s\nexpected\n%.*s", name, what, STR_ARGS(got), STR_ARGS(expected));
}

static bool can_be_sent(const struct sigv4_case *c)
{
    for (size_t i = 0; i < c->request.url.n; i++)
        if (c->request.url.p[i] == ' ' || (unsigned char)c->request.url.p[i] > 0x7e)
            return false;
    for (size_t i = 0; i < c->request.nheaders; i++)
        if (memchr(c->headers[i].value.p, '\n', c->headers[i].value.n))
            return false;
    return true;
}

static void check_case(const char *name)
{
    struct arena arena;
    struct sigv4_case c;
    struct sigv4_steps steps;
    struct sigv4_signed out;
    struct ampql_error err = {0};
    char folder[512];
    arena_init(&arena, &alloc_default);
    snprintf(folder, sizeof folder, CASES "/%s", name);
    if (!sigv4_case_load(folder, &arena, &c))
        fail_msg("%s cannot be read", folder);
    if (sigv4_explain(&c.sigv4, &c.request, &arena, &steps, &err) != AMPQL_OK)
        fail_msg("%s: %s", name, err.message);
    same(name, "the canonical request", steps.canonical_request, c.canonical_request);
    same(name, "the string to sign", steps.string_to_sign, c.string_to_sign);
    assert_true(str_has_suffix(c.authorization, steps.signature));
    enum ampql_code code = sigv4_sign(&c.sigv4, &c.request, &arena, &out, &err);
    if (!can_be_sent(&c)) {
        if (strstr(name, "utf8-query")) /* is encoded on the way */
            assert_int_equal(code, AMPQL_OK);
        else
            assert_int_equal(code, AMPQL_BAD_DATA);
    } else {
        if (code != AMPQL_OK)
            fail_msg("%s: %s", name, err.message);
        same(name, "authorization", out.headers[out.nheaders - 1].value, c.authorization);
        /* what is sent signs to the same again */
        struct str authorization = out.headers[out.nheaders - 1].value;
        c.request.url = out.url;
        assert_int_equal(sigv4_sign(&c.sigv4, &c.request, &arena, &out, &err), AMPQL_OK);
        same(name, "the URL signed again", out.url, c.request.url);
        same(name, "authorization again", out.headers[out.nheaders - 1].value, authorization);
    }
    arena_done(&arena);
}

static void test_cases(void **state)
{
    (void)state;
    DIR *dir = opendir(CASES);
    size_t n = 0;
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strchr(entry->d_name, '.'))
            continue;
        check_case(entry->d_name);
        n++;
    }
    closedir(dir);
    assert_true(n >= 52);
}

/* ---- what goes on the wire, and what is refused */

static const struct aws_credentials keys = {
    .access_key_id = {"AKIDEXAMPLE", 11},
    .secret_access_key = {"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", 40},
    .session_token = {"TOKEN//abc+def==", 16},
};

static const struct sigv4 aps = {
    {"us-east-1", 9}, {"aps", 3}, &keys, INT64_C(1767323045000), false};

static void test_wire_url(void **state)
{
    (void)state;
    static const struct {
        const char *url, *sent, *message;
    } rows[] = {
        {"https://h", "https://h/", NULL},
        {"HTTPS://H.Example:443/a/../b//c/", "https://h.example/b/c/", NULL},
        {"http://127.0.0.1:80/?", "http://127.0.0.1/", NULL},
        {"http://[FD00:ec2::23]:8080/x", "http://[fd00:ec2::23]:8080/x", NULL},
        {"https://h/%7b?b=%7b&a=~&b=%2B&c&&=d&b=+",
         "https://h/%7b?=d&a=~&b=%2B&b=%2B&b=%7B&c=", NULL},
        {"https://h/?a=%zz%4&b==", "https://h/?a=%25zz%254&b=%3D", NULL},
        {"ftp://h/", NULL, "expected http://HOST"},
        {"h/x", NULL, "expected http://HOST"},
        {"", NULL, "expected http://HOST"},
        {"https:///x", NULL, "not a host and port"},
        {"https://user:pass@h/", NULL, "may not hold a user name"},
        {"https://h:0/", NULL, "not a host and port"},
        {"https://h:65536/", NULL, "not a host and port"},
        {"https://h:99999999999999999999/", NULL, "not a host and port"},
        {"https://h:/", NULL, "not a host and port"},
        {"https://h:x/", NULL, "not a host and port"},
        {"https://a b/", NULL, "not a host and port"},
        {"https://h/a b", NULL, "not percent-encoded"},
        {"https://h/%4", NULL, "not percent-encoded"},
        {"https://h/\xc3\xa9", NULL, "not percent-encoded"},
        {"https://h/a\r\nHost: x", NULL, "control characters"},
        {"https://h/#f", NULL, "no fragment"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena arena;
        struct sigv4_signed out;
        struct ampql_error err = {0};
        struct http_request request = {.method = STR("GET"), .url = str_of(rows[i].url)};
        arena_init(&arena, &alloc_default);
        enum ampql_code code = sigv4_sign(&aps, &request, &arena, &out, &err);
        if (rows[i].sent) {
            if (code != AMPQL_OK)
                fail_msg("%s: %s", rows[i].url, err.message);
            same(rows[i].url, "the URL", out.url, str_of(rows[i].sent));
            assert_int_equal(out.nheaders, 3);
            assert_ptr_equal(out.headers[1].value.p, keys.session_token.p);
            assert_true(out.headers[1].is_secret && out.headers[2].is_secret);
        } else if (code != AMPQL_BAD_DATA || !strstr(err.message, rows[i].message) ||
                   strstr(err.message, "user:pass")) {
            fail_msg("%s: %d %s", rows[i].url, (int)code, err.message);
        }
        arena_done(&arena);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *method, *name, *value, *region, *id, *message;
        int64_t now_ms;
    } rows[] = {
        {"GET", "a", "b", "us-east-1", "AKID", NULL, 0},
        {"G T", "a", "b", "us-east-1", "AKID", "not an HTTP method", 0},
        {"", "a", "b", "us-east-1", "AKID", "not an HTTP method", 0},
        {"GET", "a:", "b", "us-east-1", "AKID", "not a header name", 0},
        {"GET", "", "b", "us-east-1", "AKID", "not a header name", 0},
        {"GET", "a", "canary\r\nx: y", "us-east-1", "AKID", "in the value of header: \"a\"", 0},
        {"GET", "X-Amz-Date", "b", "us-east-1", "AKID", "belongs to the signature", 0},
        {"GET", "AUTHORIZATION", "b", "us-east-1", "AKID", "belongs to the signature", 0},
        {"GET", "a", "b", "", "AKID", "takes a region", 0},
        {"GET", "a", "b", "us east", "AKID", "takes a region", 0},
        {"GET", "a", "b", "us-east-1", "", "impossible form", 0},
        {"GET", "a", "b", "us-east-1", "AK\nID", "impossible form", 0},
        {"GET", "a", "b", "us-east-1", "AKID", "beyond the years", INT64_C(253402300800000)},
        {"GET", "a", "b", "us-east-1", "AKID", "beyond the years", INT64_MIN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena arena;
        struct sigv4_signed out;
        struct ampql_error err = {0};
        struct aws_credentials mine = {.access_key_id = str_of(rows[i].id),
                                       .secret_access_key = STR("canary")};
        struct sigv4 sigv4 = {str_of(rows[i].region), STR("aps"), &mine, rows[i].now_ms, false};
        struct http_header header = {str_of(rows[i].name), str_of(rows[i].value), false};
        struct http_request request = {.method = str_of(rows[i].method),
                                       .url = STR("https://h/"),
                                       .headers = &header,
                                       .nheaders = 1};
        arena_init(&arena, &alloc_default);
        enum ampql_code code = sigv4_sign(&sigv4, &request, &arena, &out, &err);
        if (rows[i].message ? code != AMPQL_BAD_DATA || !strstr(err.message, rows[i].message)
                            : code != AMPQL_OK)
            fail_msg("row %zu: %d %s", i, (int)code, err.message);
        assert_null(strstr(err.message, "canary"));
        arena_done(&arena);
    }
}

/* RFC 4231's second case, and a key longer than a block. */
static void test_digests(void **state)
{
    (void)state;
    unsigned char digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES], key[131];
    assert_int_equal(sha256(NULL, 0, digest, NULL), AMPQL_OK);
    hex_of(digest, SHA256_BYTES, hex);
    assert_memory_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                        64);
    assert_int_equal(hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), digest, NULL),
                     AMPQL_OK);
    hex_of(digest, SHA256_BYTES, hex);
    assert_memory_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
                        64);
    memset(key, 0xaa, sizeof key);
    assert_int_equal(hmac_sha256(str_make(key, sizeof key),
                                 STR("Test Using Larger Than Block-Size Key - Hash Key First"),
                                 digest, NULL),
                     AMPQL_OK);
    hex_of(digest, SHA256_BYTES, hex);
    assert_memory_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
                        64);
}

/* ---- memory */

static const struct http_header two_headers[] = {
    {{"Content-Type", 12}, {"application/x-www-form-urlencoded", 33}, false},
    {{"My-Header", 9}, {" a  b ", 6}, false},
};

static const struct http_request post = {
    .method = {"POST", 4},
    .url = {"https://h.example:8443/a/./b?z=1&y=%20&x", 40},
    .headers = two_headers,
    .nheaders = 2,
    .body = {"query=up", 8},
};

static bool sign_once(const struct ampql_allocator *alc)
{
    struct arena arena;
    struct sigv4_signed out;
    struct sigv4_steps steps;
    struct ampql_error err = {0};
    arena_init(&arena, alc);
    enum ampql_code code = sigv4_sign(&aps, &post, &arena, &out, &err);
    if (code == AMPQL_OK)
        code = sigv4_explain(&aps, &post, &arena, &steps, &err);
    arena_done(&arena);
    assert_true(code == AMPQL_OK || code == AMPQL_NOMEM);
    return code == AMPQL_OK;
}

static void test_torture(void **state)
{
    (void)state;
    assert_true(torture_all(sign_once) > 10);
}

/* An allocator that looks through every block given back. */
static size_t nleft;

static bool holds(const char *p, size_t n, const char *needle, size_t m)
{
    for (size_t i = 0; i + m <= n; i++)
        if (memcmp(p + i, needle, m) == 0)
            return true;
    return false;
}

static void *watching(void *payload, void *ptr, size_t old_size, size_t new_size)
{
    (void)payload;
    const struct str secrets[] = {keys.secret_access_key, keys.session_token};
    for (size_t i = 0; old_size && i < 2; i++)
        nleft += holds(ptr, old_size, secrets[i].p, secrets[i].n);
    if (old_size == 0)
        return calloc(1, new_size);
    if (new_size) {
        void *moved = calloc(1, new_size);
        if (moved)
            memcpy(moved, ptr, old_size < new_size ? old_size : new_size);
        free(moved ? ptr : NULL);
        return moved;
    }
    free(ptr);
    return NULL;
}

static void test_no_secret_left(void **state)
{
    (void)state;
    const struct ampql_allocator alc = {watching, NULL};
    struct arena arena;
    struct sigv4_signed out;
    arena_init(&arena, &alc);
    assert_int_equal(sigv4_sign(&aps, &post, &arena, &out, NULL), AMPQL_OK);
    arena_done(&arena);
    assert_int_equal(nleft, 0);
    /* the watcher sees something when there is something */
    struct sigv4_steps steps;
    arena_init(&arena, &alc);
    assert_int_equal(sigv4_explain(&aps, &post, &arena, &steps, NULL), AMPQL_OK);
    arena_done(&arena);
    assert_int_equal(nleft, 1);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_cases),   cmocka_unit_test(test_wire_url),
    cmocka_unit_test(test_refused), cmocka_unit_test(test_digests),
    cmocka_unit_test(test_torture), cmocka_unit_test(test_no_secret_left),
};
TEST_MAIN(tests)
