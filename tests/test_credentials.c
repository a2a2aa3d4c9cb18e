/* Which provider is chosen, from environments and profile files made up here; and when keys are
 * renewed, with a clock and a command under control. What goes over the network: tests/whoami.py.
 */
#include "source/credentials.h"

#include "source/http.h"
#include "support/test.h"
#include "support/torture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- an environment */

static char folder[] = "/tmp/ampql-credentials-XXXXXX";

struct variables {
    const char *text; /* "NAME=value\n..."; @ stands for the folder */
    char values[64][512];
    size_t n;
};

static const char *lookup(void *payload, const char *name)
{
    struct variables *v = payload;
    size_t length = strlen(name);
    for (const char *line = v->text; *line;) {
        const char *end = strchr(line, '\n');
        if (strncmp(line, name, length) == 0 && line[length] == '=') {
            char *out = v->values[v->n++ % 64];
            size_t n = 0;
            for (const char *p = line + length + 1; p < end && n < 400; p++)
                n += (size_t)(*p == '@' ? sprintf(out + n, "%s", folder) : (out[n] = *p, 1));
            out[n] = '\0';
            return out;
        }
        line = end + 1;
    }
    return NULL;
}

static void write_file(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (const char *p = text; *p; p++)
        if (*p == '@')
            fputs(folder, f);
        else
            fputc(*p, f);
    assert_int_equal(fclose(f), 0);
}

static const char credentials_file[] =
    "[default]\naws_access_key_id = AKIDEFAULT\naws_secret_access_key = canary\n"
    "[keys]\naws_access_key_id = AKIKEYS\naws_secret_access_key = canary\naws_session_token = tok\n"
    "[half]\naws_access_key_id = AKIHALF\n"
    "[both]\naws_access_key_id = AKIBOTH\naws_secret_access_key = canary\n"
    "[both]\nrole_arn = arn:aws:iam::1:role/b\nsource_profile = both\n";

static const char config_file[] =
    "[default]\nregion = eu-west-1\n"
    "[profile confkeys]\naws_access_key_id = AKICONF\naws_secret_access_key = canary\n"
    "[profile \"with blanks\"]\naws_access_key_id = AKIBLANK\naws_secret_access_key = canary\n"
    "[profile process]\ncredential_process = cat '@/process.json'\n"
    "[profile slow]\ncredential_process = sh -c 'echo x >>@/runs; sleep 0.2; cat @/process.json'\n"
    "[profile badprocess]\ncredential_process = '@/process.json\n"
    "[profile nosuch]\ncredential_process = @/no/such/command\n"
    "[profile fails]\ncredential_process = sh -c 'echo canary; exit 3'\n"
    "[profile talks]\ncredential_process = sh -c 'echo canary >&2; echo nothing'\n"
    "[profile version]\ncredential_process = echo '{\"Version\":2}'\n"
    "[profile floods]\ncredential_process = head -c 70000 /dev/zero\n"
    "[profile role]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = keys\nregion = us-west-2\n"
    "[profile chain]\nrole_arn = arn:aws:iam::1:role/c\nsource_profile = role\n"
    "[profile circle1]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = circle2\n"
    "[profile circle2]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = circle1\n"
    "[profile itself]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = itself\n"
    "[profile nosource]\nrole_arn = arn:aws:iam::1:role/a\n"
    "[profile twosources]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = keys\n"
    "credential_source = Environment\n"
    "[profile missing]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = nowhere\n"
    "[profile bysource]\nrole_arn = arn:aws:iam::1:role/a\ncredential_source = Environment\n"
    "[profile badsource]\nrole_arn = arn:aws:iam::1:role/a\ncredential_source = Moon\n"
    "[profile mfa]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = keys\nmfa_serial = x\n"
    "[profile long]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = keys\n"
    "duration_seconds = 43201\n"
    "[profile web]\nrole_arn = arn:aws:iam::1:role/w\nweb_identity_token_file = @/token\n"
    "[profile webonly]\nweb_identity_token_file = @/token\n"
    "[profile sso]\nsso_session = x\n"
    "[profile empty]\nregion = eu-west-1\n";

static void make_files(void)
{
    write_file("credentials", credentials_file);
    write_file("config", config_file);
    write_file("broken", "canary\n");
    write_file("token", "canarytoken");
    write_file("process.json", "{\"Version\":1,\"AccessKeyId\":\"AKIPROC\",\"SecretAccessKey\":"
                               "\"canary\",\"Expiration\":\"2026-01-02T04:00:00Z\"}");
}

#define FILES "AWS_SHARED_CREDENTIALS_FILE=@/credentials\nAWS_CONFIG_FILE=@/config\n"
#define NODE "AWS_EC2_METADATA_DISABLED=true\n"
#define ENV "AWS_ACCESS_KEY_ID=AKIENV\nAWS_SECRET_ACCESS_KEY=canary\n"
#define IRSA "AWS_WEB_IDENTITY_TOKEN_FILE=@/token\nAWS_ROLE_ARN=arn:aws:iam::1:role/i\n"
#define POD                                                                                        \
    "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://169.254.170.23/v1/credentials\n"                    \
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=@/token\n"
#define P(name) "AWS_PROFILE=" name "\n"

/* ---- who is chosen */

static const struct choice {
    const char *env, *profile, *role_arn;
    const char *provider, *reason; /* or the error, */
    const char *error;             /*    a part of it */
    const char *region, *role;
    const char *shadowed; /* the first */
} choices[] = {
    {.env = ENV, .provider = "environment", .reason = "AWS_ACCESS_KEY_ID is set"},
    {.env = ENV FILES IRSA POD,
     .provider = "environment",
     .reason = "AWS_ACCESS_KEY_ID is set",
     .region = "eu-west-1",
     .shadowed = "web identity: AWS_WEB_IDENTITY_TOKEN_FILE is set (IRSA)"},
    {.env = FILES POD,
     .provider = "shared credentials file",
     .reason = "profile \"default\" in",
     .shadowed = "container endpoint: AWS_CONTAINER_CREDENTIALS_*_URI is set"},
    {.env = FILES IRSA POD,
     .provider = "web identity",
     .reason = "(IRSA)",
     .role = "arn:aws:iam::1:role/i",
     .shadowed = "profile \"default\" has credentials"},
    {.env = FILES ENV,
     .profile = "keys",
     .provider = "shared credentials file",
     .reason = "profile \"keys\"",
     .shadowed = "environment: AWS_ACCESS_KEY_ID is set"},
    {.env = FILES P("confkeys"), .provider = "config file", .reason = "profile \"confkeys\""},
    {.env = FILES P("with blanks"), .provider = "config file", .reason = "\"with blanks\""},
    {.env = FILES P("process"), .provider = "credential_process", .reason = "\"process\""},
    {.env = FILES P("role") "AWS_REGION=ap-south-1\n",
     .provider = "shared credentials file",
     .reason = "profile \"role\" has role_arn; its source: profile \"keys\" in",
     .region = "ap-south-1",
     .role = "arn:aws:iam::1:role/a"},
    {.env = FILES P("role") IRSA,
     .provider = "shared credentials file",
     .reason = "role_arn",
     .role = "arn:aws:iam::1:role/a",
     .region = "us-west-2",
     .shadowed = "web identity"},
    {.env = FILES P("chain") "AWS_REGION=us-east-1\n",
     .provider = "shared credentials file",
     .reason = "profile \"chain\"",
     .role = "arn:aws:iam::1:role/c"},
    {.env = FILES P("both") "AWS_REGION=us-east-1\n",
     .provider = "shared credentials file",
     .reason = "profile \"both\" has role_arn",
     .role = "arn:aws:iam::1:role/b"},
    {.env = FILES ENV "AWS_REGION=us-east-1\n",
     .profile = "bysource",
     .provider = "environment",
     .reason = "profile \"bysource\"",
     .role = "arn:aws:iam::1:role/a"},
    {.env = FILES P("web") "AWS_REGION=us-east-1\n",
     .provider = "web identity",
     .reason = "profile \"web\" has web_identity_token_file",
     .role = "arn:aws:iam::1:role/w"},
    {.env = POD NODE, .provider = "container endpoint", .reason = "(EKS Pod Identity)"},
    {.env = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/x\n",
     .provider = "container endpoint",
     .reason = "(ECS)"},
    {.env = "AWS_CONTAINER_CREDENTIALS_FULL_URI=https://agent.example/x\n",
     .provider = "container endpoint",
     .reason = "is set"},
    {.env = "", .provider = "instance metadata", .reason = "nothing else is configured"},
    {.env = FILES P("empty"), .provider = "instance metadata", .reason = "nothing else"},
    {.env = ENV "AWS_REGION=us-east-1\n",
     .role_arn = "arn:aws:iam::2:role/x",
     .provider = "environment",
     .reason = "AWS_ACCESS_KEY_ID",
     .role = "arn:aws:iam::2:role/x"},
    /* empty values are none */
    {.env = "AWS_ACCESS_KEY_ID=\nAWS_PROFILE=\n" FILES,
     .provider = "shared credentials file",
     .reason = "\"default\""},

    {.env = NODE, .error = "no AWS credentials: no AWS_ACCESS_KEY_ID, no AWS_WEB_IDENTITY"},
    {.env = FILES P("nobody"), .error = "profile \"nobody\" (AWS_PROFILE) is neither in"},
    {.env = FILES ENV, .profile = "nobody", .error = "profile \"nobody\" (asked for)"},
    {.env = FILES P("half"), .error = "\"half\" has an aws_access_key_id and no aws_secret"},
    {.env = FILES P("circle1"), .error = "source_profile \"circle1\" goes round in a circle"},
    {.env = FILES P("itself"), .error = "\"itself\" is its own source_profile and has no keys"},
    {.env = FILES P("nosource"), .error = "neither source_profile nor credential_source"},
    {.env = FILES P("twosources"), .error = "both source_profile and credential_source"},
    {.env = FILES P("missing"), .error = "source_profile \"nowhere\" does not exist"},
    {.env = FILES P("badsource"), .error = "credential_source \"Moon\": expected Environment"},
    {.env = FILES P("bysource"), .error = "credential_source \"Environment\", and there is noth"},
    {.env = FILES P("mfa"), .error = "\"mfa\" has mfa_serial"},
    {.env = FILES P("long"), .error = "duration_seconds: expected 900 to 43200"},
    {.env = FILES P("webonly"), .error = "web identity: web_identity_token_file says where"},
    {.env = FILES P("sso"), .error = "AWS SSO, which is not supported"},
    {.env = "AWS_WEB_IDENTITY_TOKEN_FILE=@/token\n", .error = "AWS_ROLE_ARN names no role"},
    {.env = IRSA, .error = "web identity: a role is assumed at a region's STS, and no region"},
    {.env = IRSA "AWS_REGION=a.evil.example/\n", .error = "not an AWS region"},
    {.env = IRSA "AWS_REGION=us-east-1\nAWS_ENDPOINT_URL_STS=http://evil.example/\n",
     .error = "AWS_ENDPOINT_URL_STS: plain http is allowed to the loopback"},
    {.env = "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://10.0.0.1/x\n",
     .error = "AWS_CONTAINER_CREDENTIALS_FULL_URI: plain http is allowed"},
    {.env = "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1.evil.example/x\n",
     .error = "plain http is allowed"},
    {.env = "AWS_CONTAINER_CREDENTIALS_FULL_URI=file:///x\n", .error = "container endpoint:"},
    {.env = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=.evil.example\n",
     .provider = "container endpoint",
     .reason = "(ECS)"}, /* a path there, not another host */
    {.env = "AWS_CONFIG_FILE=@/broken\n", .error = "broken\": line 1: expected key = value"},
    {.env = "AWS_CONFIG_FILE=@\n", .error = "is a folder"},
};

static void check_choice(const struct choice *c)
{
    struct credentials *credentials = NULL;
    struct credentials_description d;
    struct ampql_error err = {0};
    struct variables variables = {.text = c->env};
    struct credentials_options options = {.env = lookup, .env_payload = &variables};
    struct arena arena;
    if (c->profile)
        options.profile = str_of(c->profile);
    if (c->role_arn)
        options.role_arn = str_of(c->role_arn);
    /* values must stay; a ring of a test's size does */
    enum ampql_code code = credentials_open(&alloc_default, &options, NULL, &credentials, &err);
    assert_true(variables.n <= 64);
    if (strstr(err.message, "canary"))
        fail_msg("a secret in: %s", err.message);
    if (c->error) {
        if (code == AMPQL_OK || !strstr(err.message, c->error))
            fail_msg("%s: %d %s", c->error, (int)code, err.message);
        return;
    }
    if (code != AMPQL_OK)
        fail_msg("%s: %s", c->provider, err.message);
    arena_init(&arena, &alloc_default);
    assert_int_equal(credentials_describe(credentials, &arena, &d, &err), AMPQL_OK);
    char reason[600];
    snprintf(reason, sizeof reason, "%.*s", STR_ARGS(d.reason));
    if (!str_equal(d.provider, str_of(c->provider)) || !strstr(reason, c->reason))
        fail_msg("expected %s (%s), got %.*s (%s)", c->provider, c->reason, STR_ARGS(d.provider),
                 reason);
    if (!str_equal(d.role_arn, str_of(c->role ? c->role : "")))
        fail_msg("%s: role %.*s", c->reason, STR_ARGS(d.role_arn));
    if (c->region && !str_equal(credentials_region(credentials), str_of(c->region)))
        fail_msg("%s: region %.*s", c->reason, STR_ARGS(d.region));
    if (c->shadowed && (d.nshadowed == 0 || !str_has_prefix(d.shadowed[0], str_of(c->shadowed))))
        fail_msg("%s: %zu shadowed, the first %.*s", c->reason, d.nshadowed,
                 STR_ARGS(d.nshadowed ? d.shadowed[0] : STR("")));
    if (!c->shadowed && d.nshadowed)
        fail_msg("%s: shadows %.*s", c->reason, STR_ARGS(d.shadowed[0]));
    arena_done(&arena);
    credentials_close(credentials);
}

static void test_choice(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
        check_choice(&choices[i]);
}

/* ---- keys */

/* 2026-01-02T03:00:00Z: an hour before process.json expires */
static const int64_t NOW = INT64_C(1767322800000);

struct opened {
    struct variables variables;
    struct credentials *credentials;
    struct http *http;
};

static void open_env(struct opened *o, const char *env)
{
    struct ampql_error err = {0};
    o->variables = (struct variables){.text = env};
    struct credentials_options options = {.env = lookup, .env_payload = &o->variables};
    assert_int_equal(http_new(&alloc_default, NULL, &o->http, &err), AMPQL_OK);
    if (credentials_open(&alloc_default, &options, o->http, &o->credentials, &err) != AMPQL_OK)
        fail_msg("%s: %s", env, err.message);
}

static void shut(struct opened *o)
{
    credentials_close(o->credentials);
    http_free(o->http);
}

static void test_keys(void **state)
{
    (void)state;
    static const struct {
        const char *env, *id, *token;
        int64_t expires_ms;
        const char *error;
    } rows[] = {
        {ENV, "AKIENV", "", 0, NULL},
        {ENV "AWS_SESSION_TOKEN=tok\n", "AKIENV", "tok", 0, NULL},
        {ENV "AWS_CREDENTIAL_EXPIRATION=2026-01-02T04:00:00Z\n", "AKIENV", "", NOW + 3600000, NULL},
        {"AWS_ACCESS_KEY_ID=AKIENV\n", NULL, NULL, 0, "AWS_SECRET_ACCESS_KEY"},
        {ENV "AWS_CREDENTIAL_EXPIRATION=canary\n", NULL, NULL, 0, "AWS_CREDENTIAL_EXPIRATION"},
        {ENV "AWS_CREDENTIAL_EXPIRATION=2026-01-02T02:00:00Z\n", NULL, NULL, 0,
         "environment: the credentials it gives expired at 2026-01-02T02:00:00Z"},
        {FILES P("keys"), "AKIKEYS", "tok", 0, NULL},
        {FILES P("confkeys"), "AKICONF", "", 0, NULL},
        {FILES P("process"), "AKIPROC", "", NOW + 3600000, NULL},
        {FILES P("badprocess"), NULL, NULL, 0, "credential_process: a quote in the command"},
        {FILES P("nosuch"), NULL, NULL, 0, "credential_process: cannot start"},
        {FILES P("fails"), NULL, NULL, 0, "credential_process: the command failed with status 3"},
        {FILES P("talks"), NULL, NULL, 0, "the command printed not a JSON object"},
        {FILES P("version"), NULL, NULL, 0, "the command's JSON is not of Version 1"},
        {FILES P("floods"), NULL, NULL, 0, "the command printed more than 65536 bytes"},
        {"AWS_WEB_IDENTITY_TOKEN_FILE=@/nothing\nAWS_ROLE_ARN=arn:aws:iam::1:role/i\n"
         "AWS_REGION=us-east-1\n",
         NULL, NULL, 0, "web identity: token file"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct opened o;
        struct ampql_error err = {0};
        const struct aws_credentials *keys;
        open_env(&o, rows[i].env);
        enum ampql_code code = credentials_get(o.credentials, NOW, &keys, &err);
        if (rows[i].error) {
            if (code == AMPQL_OK || !strstr(err.message, rows[i].error) ||
                strstr(err.message, "canary"))
                fail_msg("row %zu: %d %s", i, (int)code, err.message);
            assert_null(keys);
        } else {
            if (code != AMPQL_OK)
                fail_msg("row %zu: %s", i, err.message);
            assert_true(str_equal(keys->access_key_id, str_of(rows[i].id)));
            assert_true(str_equal(keys->secret_access_key, STR("canary")));
            assert_true(str_equal(keys->session_token, str_of(rows[i].token)));
            assert_true(keys->expires_ms == rows[i].expires_ms);
        }
        shut(&o);
    }
}

/* process.json with another key that ends at another time; "": a file that is no JSON */
static void issue(const char *id, const char *expiration)
{
    char text[256];
    snprintf(text, sizeof text,
             "{\"Version\":1,\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"canary\","
             "\"Expiration\":\"%s\"}",
             id, expiration);
    write_file("process.json", id[0] ? text : "");
}

enum { MINUTE = 60000 };

static void test_renewal(void **state)
{
    (void)state;
    static const struct {
        const char *issued, *expiration; /* before the call; NULL: as it was */
        int64_t at_ms;
        const char *id; /* that comes; NULL: an error */
        bool has_note;
    } rows[] = {
        {"K1", "2026-01-02T04:00:00Z", 0, "K1", false},
        {"K2", "2026-01-02T05:00:00Z", 49 * MINUTE, "K1", false},        /* good for long enough */
        {NULL, NULL, 51 * MINUTE, "K2", false},                          /* ten minutes before */
        {"", "", 112 * MINUTE, "K2", true},                              /* fails: no matter yet, */
        {"K3", "2026-01-02T06:00:00Z", 112 * MINUTE + 1000, "K2", true}, /* not at every call */
        {"", "", 113 * MINUTE, "K2", true},
        {NULL, NULL, 119 * MINUTE, NULL, true}, /*    two minutes before it matters */
        {"K4", "2026-01-02T06:00:00Z", 119 * MINUTE, "K4", false},
        {"K5", "2026-01-02T05:00:01Z", 180 * MINUTE, NULL, false}, /* already gone */
        {"K6", "2026-01-02T06:00:01Z", 180 * MINUTE, "K6", false}, /* for a second */
        {"K7", "2026-01-02T07:00:00Z", 180 * MINUTE + 100, "K6", false},
        {NULL, NULL, 180 * MINUTE + 600, "K7", false},
    };
    struct opened o;
    open_env(&o, FILES P("process"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ampql_error err = {0};
        const struct aws_credentials *keys;
        struct credentials_description d;
        struct arena arena;
        arena_init(&arena, &alloc_default);
        if (rows[i].issued)
            issue(rows[i].issued, rows[i].expiration);
        enum ampql_code code = credentials_get(o.credentials, NOW + rows[i].at_ms, &keys, &err);
        if (rows[i].id ? code != AMPQL_OK || !str_equal(keys->access_key_id, str_of(rows[i].id))
                       : code != AMPQL_UNAUTHORIZED)
            fail_msg("row %zu: %d %s %.*s", i, (int)code, err.message,
                     STR_ARGS(keys ? keys->access_key_id : STR("")));
        assert_int_equal(credentials_describe(o.credentials, &arena, &d, NULL), AMPQL_OK);
        assert_int_equal(d.note.n > 0, rows[i].has_note);
        arena_done(&arena);
    }
    /* forced, once, and not again for keys that were refused before */
    const struct aws_credentials *old, *fresh, *same;
    int64_t now = NOW + 181 * MINUTE;
    assert_int_equal(credentials_get(o.credentials, now, &old, NULL), AMPQL_OK);
    issue("K8", "2026-01-02T08:00:00Z");
    assert_int_equal(credentials_refresh(o.credentials, now, old, &fresh, NULL), AMPQL_OK);
    assert_true(str_equal(fresh->access_key_id, STR("K8")));
    assert_true(str_equal(old->access_key_id, STR("K7"))); /* still there for who holds it */
    issue("K9", "2026-01-02T08:00:00Z");
    assert_int_equal(credentials_refresh(o.credentials, now, old, &same, NULL), AMPQL_OK);
    assert_ptr_equal(same, fresh);
    issue("", "");
    assert_int_equal(credentials_refresh(o.credentials, now, fresh, &same, NULL),
                     AMPQL_UNAUTHORIZED);
    assert_int_equal(credentials_get(o.credentials, now, &same, NULL), AMPQL_OK);
    assert_ptr_equal(same, fresh);
    shut(&o);
    make_files();
}

/* ---- one thread renews, the others wait for it */

struct asker {
    pthread_t thread;
    struct credentials *credentials;
    const struct aws_credentials *refused, *keys;
};

static void *ask(void *payload)
{
    struct asker *a = payload;
    enum ampql_code code =
        a->refused ? credentials_refresh(a->credentials, NOW, a->refused, &a->keys, NULL)
                   : credentials_get(a->credentials, NOW, &a->keys, NULL);
    return code == AMPQL_OK ? payload : NULL;
}

static long count_runs(void)
{
    char path[256];
    snprintf(path, sizeof path, "%s/runs", folder);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    long n = ftell(f) / 2;
    fclose(f);
    return n;
}

static void test_single_flight(void **state)
{
    enum { N = 8 };
    struct opened o;
    const struct aws_credentials *refused = NULL;
    (void)state;
    open_env(&o, FILES P("slow"));
    for (long turn = 1; turn <= 3; turn++) {
        struct asker askers[N];
        for (size_t i = 0; i < N; i++) {
            askers[i] = (struct asker){.credentials = o.credentials, .refused = refused};
            assert_int_equal(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
        }
        for (size_t i = 0; i < N; i++) {
            void *done = NULL;
            assert_int_equal(pthread_join(askers[i].thread, &done), 0);
            assert_non_null(done);
            assert_ptr_equal(askers[i].keys, askers[0].keys);
        }
        assert_ptr_not_equal(askers[0].keys, refused);
        assert_int_equal(count_runs(), turn);
        refused = askers[0].keys;
    }
    shut(&o);
}

static void test_mask(void **state)
{
    (void)state;
    struct opened o;
    struct credentials_description d;
    struct arena arena;
    const struct aws_credentials *keys;
    arena_init(&arena, &alloc_default);
    open_env(&o, "AWS_ACCESS_KEY_ID=AKIDEXAMPLE\nAWS_SECRET_ACCESS_KEY=canary\n");
    assert_int_equal(credentials_describe(o.credentials, &arena, &d, NULL), AMPQL_OK);
    assert_int_equal(d.access_key_id.n, 0);
    assert_int_equal(credentials_get(o.credentials, NOW, &keys, NULL), AMPQL_OK);
    assert_int_equal(credentials_describe(o.credentials, &arena, &d, NULL), AMPQL_OK);
    assert_true(str_equal(d.access_key_id, STR("*******MPLE")));
    arena_done(&arena);
    shut(&o);
}

/* ---- memory */

static bool choose_and_get(const struct ampql_allocator *alc)
{
    struct variables variables = {.text = FILES P("process") "AWS_REGION=us-east-1\n"};
    struct credentials_options options = {.env = lookup, .env_payload = &variables};
    struct credentials *credentials = NULL;
    const struct aws_credentials *keys;
    struct ampql_error err = {0};
    enum ampql_code code = credentials_open(alc, &options, NULL, &credentials, &err);
    if (code == AMPQL_OK)
        code = credentials_get(credentials, NOW, &keys, &err);
    credentials_close(credentials);
    if (code != AMPQL_OK && code != AMPQL_NOMEM)
        fail_msg("%d %s", (int)code, err.message);
    return code == AMPQL_OK;
}

static bool find_role(const struct ampql_allocator *alc)
{
    struct variables variables = {.text = FILES P("chain") IRSA POD "AWS_REGION=cn-north-1\n"};
    struct credentials_options options = {
        .env = lookup, .env_payload = &variables, .role_arn = STR("arn:aws:iam::3:role/x")};
    struct credentials *credentials = NULL;
    struct credentials_description d;
    struct arena arena;
    arena_init(&arena, alc);
    enum ampql_code code = credentials_open(alc, &options, NULL, &credentials, NULL);
    if (code == AMPQL_OK)
        code = credentials_describe(credentials, &arena, &d, NULL);
    arena_done(&arena);
    credentials_close(credentials);
    assert_true(code == AMPQL_OK || code == AMPQL_NOMEM);
    return code == AMPQL_OK;
}

static void test_torture(void **state)
{
    (void)state;
    assert_true(torture_all(choose_and_get) > 5);
    assert_true(torture_all(find_role) > 5);
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
    const struct ampql_allocator alc = {looking, NULL};
    assert_true(choose_and_get(&alc));
    assert_int_equal(nseen, 0);
}

static int set_up(void **state)
{
    (void)state;
    unsetenv("AWS_PROFILE");
    if (!mkdtemp(folder))
        return 1;
    make_files();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const names[] = {"credentials", "config", "broken",
                                        "token",       "runs",   "process.json"};
    char path[256];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_choice),  cmocka_unit_test(test_keys),
    cmocka_unit_test(test_renewal), cmocka_unit_test(test_single_flight),
    cmocka_unit_test(test_mask),    cmocka_unit_test(test_torture),
    cmocka_unit_test(test_wiped),
};

int main(void)
{
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
