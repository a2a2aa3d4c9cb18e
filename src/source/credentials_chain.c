/* Looking for the provider, in botocore's order. */
#include "source/credentials_chain.h"

#include "base/buf.h"
#include "source/http_url.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

enum { MAX_ROLES = 8 };

struct finder {
    const struct credentials_options *options;
    struct arena *arena;
    struct chain *chain;
    struct profiles profiles;
    struct str profile;         /* the one in use */
    const char *profile_reason; /* "AWS_PROFILE"; NULL: nobody chose it */
};

/* A sentence in the arena; p is NULL when memory is out. */
static struct str say(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static struct str say(struct arena *arena, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return arena_copy(arena, str_of(text));
}

struct quoted {
    char text[320];
};

static struct quoted quote(struct str s)
{
    struct quoted out;
    quote_clipped(out.text, sizeof out.text, s);
    return out;
}

struct str chain_getenv(const struct chain_env *env, const char *name)
{
    const char *value = env->get(env->payload, name);
    return value ? str_of(value) : STR("");
}

static struct str get(const struct finder *f, const char *name)
{
    return chain_getenv(&f->chain->env, name);
}

static struct str of_profile(const struct finder *f, struct str name, const char *key)
{
    return profiles_get(&f->profiles, name, key);
}

static bool is_true(struct str s)
{
    return s.n == 4 && strncasecmp(s.p, "true", 4) == 0;
}

/* ---- providers: each says whether it is configured (kind is set), or fails */

static enum ampql_code found(struct provider *p, enum provider_kind kind, const char *name,
                             struct str reason, struct ampql_error *err)
{
    p->kind = kind;
    p->name = name;
    p->reason = reason;
    return reason.p ? AMPQL_OK : fail_nomem(err, "credentials");
}

static enum ampql_code find_environment(struct finder *f, struct provider *p,
                                        struct ampql_error *err)
{
    if (get(f, "AWS_ACCESS_KEY_ID").n == 0)
        return AMPQL_OK;
    return found(p, PROVIDER_ENVIRONMENT, "environment", STR("AWS_ACCESS_KEY_ID is set"), err);
}

/* Keys of one of the files. */
static enum ampql_code find_keys(struct finder *f, const struct profile_file *file,
                                 const char *name, struct str profile, struct provider *p,
                                 struct ampql_error *err)
{
    struct aws_credentials *keys = &p->keys;
    keys->access_key_id = profile_file_get(&f->profiles, file, profile, "aws_access_key_id");
    if (keys->access_key_id.n == 0)
        return AMPQL_OK;
    keys->secret_access_key =
        profile_file_get(&f->profiles, file, profile, "aws_secret_access_key");
    keys->session_token = profile_file_get(&f->profiles, file, profile, "aws_session_token");
    if (keys->session_token.n == 0)
        keys->session_token = profile_file_get(&f->profiles, file, profile, "aws_security_token");
    if (keys->secret_access_key.n == 0)
        return fail(err, AMPQL_UNAUTHORIZED,
                    "%s: profile %s has an aws_access_key_id and no aws_secret_access_key", name,
                    quote(profile).text);
    return found(p, PROVIDER_KEYS, name,
                 say(f->arena, "profile %s in %s has aws_access_key_id", quote(profile).text,
                     quote(file->path).text),
                 err);
}

static enum ampql_code find_web_identity(struct finder *f, struct str profile, bool with_env,
                                         struct provider *p, struct ampql_error *err)
{
    static const struct {
        const char *env, *key;
    } rows[] = {{"AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file"},
                {"AWS_ROLE_ARN", "role_arn"},
                {"AWS_ROLE_SESSION_NAME", "role_session_name"}};
    struct str *const into[] = {&p->token_file, &p->role.arn, &p->role.session_name};
    bool is_env = false;
    for (size_t i = 0; i < 3; i++) {
        *into[i] = with_env ? get(f, rows[i].env) : STR("");
        is_env = is_env || (i == 0 && into[i]->n);
        if (into[i]->n == 0)
            *into[i] = of_profile(f, profile, rows[i].key);
    }
    if (p->token_file.n == 0)
        return AMPQL_OK;
    if (p->role.arn.n == 0)
        return fail(err, AMPQL_UNAUTHORIZED,
                    "web identity: %s says where the token is, but %s names no role",
                    is_env ? rows[0].env : rows[0].key,
                    is_env ? "AWS_ROLE_ARN" : "the profile's role_arn");
    struct str reason =
        is_env ? STR("AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN are set (IRSA)")
               : say(f->arena, "profile %s has web_identity_token_file", quote(profile).text);
    return found(p, PROVIDER_WEB_IDENTITY, "web identity", reason, err);
}

static enum ampql_code find_sso(struct finder *f, struct str profile, struct provider *p,
                                struct ampql_error *err)
{
    (void)p;
    if (of_profile(f, profile, "sso_start_url").n == 0 &&
        of_profile(f, profile, "sso_session").n == 0)
        return AMPQL_OK;
    return fail(err, AMPQL_UNSUPPORTED,
                "profile %s uses AWS SSO, which is not supported: add a profile with "
                "credential_process = aws configure export-credentials --profile NAME --format "
                "process",
                quote(profile).text);
}

static enum ampql_code find_process(struct finder *f, struct str profile, struct provider *p,
                                    struct ampql_error *err)
{
    p->command = of_profile(f, profile, "credential_process");
    if (p->command.n == 0)
        return AMPQL_OK;
    return found(p, PROVIDER_PROCESS, "credential_process",
                 say(f->arena, "profile %s has credential_process", quote(profile).text), err);
}

/* What a profile itself holds, without the roles it may assume. */
static enum ampql_code find_in_profile(struct finder *f, struct str profile, bool with_env,
                                       struct provider *p, struct ampql_error *err)
{
    *p = (struct provider){0};
    TRY(find_web_identity(f, profile, with_env, p, err));
    if (!p->kind)
        TRY(find_sso(f, profile, p, err));
    if (!p->kind)
        TRY(find_keys(f, &f->profiles.credentials, "shared credentials file", profile, p, err));
    if (!p->kind)
        TRY(find_process(f, profile, p, err));
    if (!p->kind)
        TRY(find_keys(f, &f->profiles.config, "config file", profile, p, err));
    return AMPQL_OK;
}

/* Where plain http may carry keys: this machine, and the two addresses of AWS's agents. */
static bool may_hold_keys(struct str text, struct ampql_error *err)
{
    struct http_url url;
    if (http_url_parse(text, &url, err) != AMPQL_OK)
        return false;
    static const char *const hosts[] = {"169.254.170.2", "169.254.170.23", "fd00:ec2::23"};
    for (size_t i = 0; i < 3; i++)
        if (url.host.n == strlen(hosts[i]) && strncasecmp(url.host.p, hosts[i], url.host.n) == 0)
            return true;
    if (url.is_https || http_url_is_loopback(&url))
        return true;
    fail(err, AMPQL_BAD_DATA,
         "plain http is allowed to the loopback, 169.254.170.2, 169.254.170.23 and fd00:ec2::23 "
         "only, not to %s",
         quote(url.host).text);
    return false;
}

static enum ampql_code find_container(struct finder *f, struct provider *p, struct ampql_error *err)
{
    struct str relative = get(f, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    struct str full = get(f, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    const char *name = relative.n ? "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
                                  : "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    struct ampql_error why = {0};
    if (relative.n == 0 && full.n == 0)
        return AMPQL_OK;
    p->url = full;
    if (relative.n) {
        struct buf url;
        buf_init(&url, f->arena->alc, SIZE_MAX / 2);
        buf_text(&url, "http://169.254.170.2");
        buf_text(&url, relative.p[0] == '/' ? "" : "/");
        buf_str(&url, relative);
        p->url = url.failed ? (struct str){0} : arena_copy(f->arena, buf_view(&url));
        buf_done(&url);
        if (!p->url.p)
            return fail_nomem(err, "credentials");
    }
    if (!may_hold_keys(p->url, &why))
        return fail(err, AMPQL_UNAUTHORIZED, "container endpoint: %s: %s", name, why.message);
    p->token_file = get(f, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    p->token = get(f, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    return found(p, PROVIDER_CONTAINER, "container endpoint",
                 say(f->arena, "%s is set (%s)", name, relative.n ? "ECS" : "EKS Pod Identity"),
                 err);
}

/* A whole number from low to high; empty text leaves *out as it is. */
static bool read_number(struct str text, int64_t low, int64_t high, int64_t *out)
{
    int64_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9' || n > 100000)
            return false;
        n = n * 10 + (text.p[i] - '0');
    }
    if (text.n == 0)
        return true;
    *out = n;
    return n >= low && n <= high;
}

/* How long the instance's endpoint is waited for: elsewhere it answers nobody, so by default not
 * long. botocore's names, in seconds. */
static enum ampql_code read_patience(struct finder *f, struct provider *p, struct ampql_error *err)
{
    static const char seconds[] = "AWS_METADATA_SERVICE_TIMEOUT";
    static const char tries[] = "AWS_METADATA_SERVICE_NUM_ATTEMPTS";
    int64_t timeout_s = 1, ntries = 1;
    bool is_time = read_number(get(f, seconds), 1, 300, &timeout_s);
    if (!is_time || !read_number(get(f, tries), 1, 20, &ntries))
        return fail(err, AMPQL_UNAUTHORIZED,
                    "instance metadata: %s: expected a whole number from 1 to %d",
                    is_time ? tries : seconds, is_time ? 20 : 300);
    p->timeout_ms = timeout_s * 1000;
    p->tries = (unsigned)ntries;
    return AMPQL_OK;
}

static enum ampql_code find_instance(struct finder *f, struct provider *p, struct ampql_error *err)
{
    struct str endpoint = get(f, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    struct str mode = get(f, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    struct http_url url;
    struct ampql_error why = {0};
    if (is_true(get(f, "AWS_EC2_METADATA_DISABLED")))
        return AMPQL_OK;
    p->url = endpoint.n ? endpoint
             : mode.n == 4 && strncasecmp(mode.p, "ipv6", mode.n) == 0
                 ? STR("http://[fd00:ec2::254]")
                 : STR("http://169.254.169.254");
    if (http_url_parse(p->url, &url, &why) != AMPQL_OK)
        return fail(err, AMPQL_UNAUTHORIZED,
                    "instance metadata: AWS_EC2_METADATA_SERVICE_ENDPOINT: %s", why.message);
    while (p->url.n && p->url.p[p->url.n - 1] == '/')
        p->url.n--;
    TRY(read_patience(f, p, err));
    return found(p, PROVIDER_INSTANCE, "instance metadata",
                 STR("nothing else is configured, so this machine's own role is asked for"), err);
}

/* ---- roles of profiles */

static bool has_role(const struct finder *f, struct str profile)
{
    return of_profile(f, profile, "role_arn").n > 0 &&
           of_profile(f, profile, "web_identity_token_file").n == 0;
}

static bool has_keys(const struct finder *f, struct str profile)
{
    return of_profile(f, profile, "aws_access_key_id").n > 0;
}

static enum ampql_code read_role(struct finder *f, struct str profile, struct aws_role *out,
                                 struct ampql_error *err)
{
    *out = (struct aws_role){.arn = of_profile(f, profile, "role_arn"),
                             .session_name = of_profile(f, profile, "role_session_name"),
                             .external_id = of_profile(f, profile, "external_id")};
    if (of_profile(f, profile, "mfa_serial").n)
        return fail(err, AMPQL_UNSUPPORTED,
                    "profile %s has mfa_serial, which would ask for a code: use "
                    "credential_process, or keys of a session",
                    quote(profile).text);
    if (!read_number(of_profile(f, profile, "duration_seconds"), 900, 43200, &out->duration_s))
        return fail(err, AMPQL_BAD_DATA, "profile %s: duration_seconds: expected 900 to 43200",
                    quote(profile).text);
    return AMPQL_OK;
}

static enum ampql_code find_by_source(struct finder *f, struct str profile, struct str source,
                                      struct provider *p, struct ampql_error *err)
{
    if (str_equal(source, STR("Environment")))
        TRY(find_environment(f, p, err));
    else if (str_equal(source, STR("EcsContainer")))
        TRY(find_container(f, p, err));
    else if (str_equal(source, STR("Ec2InstanceMetadata")))
        TRY(find_instance(f, p, err));
    else
        return fail(err, AMPQL_UNAUTHORIZED,
                    "profile %s: credential_source %s: expected Environment, EcsContainer or "
                    "Ec2InstanceMetadata",
                    quote(profile).text, quote(source).text);
    if (!p->kind)
        return fail(err, AMPQL_UNAUTHORIZED,
                    "profile %s: credential_source %s, and there is nothing of the kind",
                    quote(profile).text, quote(source).text);
    return AMPQL_OK;
}

/* Follow source_profile to keys: each profile on the way adds a role, the last one gives the base.
 */
static enum ampql_code find_role(struct finder *f, struct ampql_error *err)
{
    struct str visited[MAX_ROLES], name = f->profile;
    struct aws_role roles[MAX_ROLES];
    struct provider *base = &f->chain->base;
    size_t n = 0;
    for (;;) {
        if (n == MAX_ROLES)
            return fail(err, AMPQL_UNAUTHORIZED, "profile %s: more than %d roles on each other",
                        quote(f->profile).text, MAX_ROLES);
        visited[n] = name;
        TRY(read_role(f, name, &roles[n++], err));
        struct str source = of_profile(f, name, "source_profile");
        struct str kind = of_profile(f, name, "credential_source");
        if ((source.n > 0) == (kind.n > 0))
            return fail(err, AMPQL_UNAUTHORIZED,
                        "profile %s has a role_arn and %s source_profile %s credential_source",
                        quote(name).text, source.n ? "both" : "neither", source.n ? "and" : "nor");
        if (kind.n) {
            TRY(find_by_source(f, name, kind, base, err));
            break;
        }
        if (!profiles_has(&f->profiles, source))
            return fail(err, AMPQL_UNAUTHORIZED, "profile %s: source_profile %s does not exist",
                        quote(name).text, quote(source).text);
        bool is_own = str_equal(source, name); /* its own keys, then */
        for (size_t i = 0; i < n && !is_own; i++)
            if (str_equal(visited[i], source))
                return fail(err, AMPQL_UNAUTHORIZED,
                            "profile %s: source_profile %s goes round in a circle",
                            quote(name).text, quote(source).text);
        if (is_own && !has_keys(f, name))
            return fail(err, AMPQL_UNAUTHORIZED,
                        "profile %s is its own source_profile and has no keys", quote(name).text);
        if (is_own || has_keys(f, source) || !has_role(f, source)) {
            TRY(find_in_profile(f, source, false, base, err));
            if (!base->kind)
                return fail(err, AMPQL_UNAUTHORIZED, "profile %s: source_profile %s has no keys",
                            quote(name).text, quote(source).text);
            break;
        }
        name = source;
    }
    for (size_t i = n; i-- > 0;)
        if (!array_push(&f->chain->roles, f->arena, roles[i]))
            return fail_nomem(err, "credentials");
    struct str why = say(f->arena, "profile %s has role_arn; its source: %.*s",
                         quote(f->profile).text, STR_ARGS(base->reason));
    base->reason = why;
    return why.p ? AMPQL_OK : fail_nomem(err, "credentials");
}

/* ---- the order */

static enum ampql_code nothing_found(const struct finder *f, struct ampql_error *err)
{
    return fail(err, AMPQL_UNAUTHORIZED,
                "no AWS credentials: no AWS_ACCESS_KEY_ID, no AWS_WEB_IDENTITY_TOKEN_FILE, no keys "
                "in profile %s (%s, %s), no AWS_CONTAINER_CREDENTIALS_FULL_URI, and "
                "AWS_EC2_METADATA_DISABLED is true",
                quote(f->profile).text, quote(f->profiles.credentials.path).text,
                quote(f->profiles.config.path).text);
}

static enum ampql_code find_first(struct finder *f, bool with_env, struct ampql_error *err)
{
    struct provider *base = &f->chain->base;
    if (with_env)
        TRY(find_environment(f, base, err));
    if (!base->kind && f->profile_reason && !profiles_has(&f->profiles, f->profile))
        return fail(err, AMPQL_UNAUTHORIZED, "profile %s (%s) is neither in %s nor in %s",
                    quote(f->profile).text, f->profile_reason,
                    quote(f->profiles.credentials.path).text, quote(f->profiles.config.path).text);
    if (!base->kind && has_role(f, f->profile))
        return find_role(f, err);
    if (!base->kind)
        TRY(find_in_profile(f, f->profile, with_env, base, err));
    if (!base->kind)
        TRY(find_container(f, base, err));
    if (!base->kind)
        TRY(find_instance(f, base, err));
    return base->kind ? AMPQL_OK : nothing_found(f, err);
}

/* What else is configured, and would be surprised not to be used. */
static enum ampql_code find_shadowed(struct finder *f, bool with_env, struct ampql_error *err)
{
    enum provider_kind chosen = f->chain->base.kind;
    bool is_role = f->chain->roles.n > 0, has_profile = false;
    static const char *const keys[] = {"aws_access_key_id", "role_arn", "credential_process",
                                       "web_identity_token_file"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        has_profile = has_profile || of_profile(f, f->profile, keys[i]).n > 0;
    bool of_profile_now = is_role || chosen == PROVIDER_KEYS || chosen == PROVIDER_PROCESS;
    bool is_irsa = chosen == PROVIDER_WEB_IDENTITY && !is_role &&
                   get(f, "AWS_WEB_IDENTITY_TOKEN_FILE").n > 0 && with_env;
    const struct {
        bool is_set;
        struct str text;
    } rows[] = {
        {get(f, "AWS_ACCESS_KEY_ID").n > 0 && chosen != PROVIDER_ENVIRONMENT,
         STR("environment: AWS_ACCESS_KEY_ID is set")},
        {get(f, "AWS_WEB_IDENTITY_TOKEN_FILE").n > 0 && !is_irsa,
         STR("web identity: AWS_WEB_IDENTITY_TOKEN_FILE is set (IRSA)")},
        {has_profile && !of_profile_now && (chosen != PROVIDER_WEB_IDENTITY || is_irsa),
         say(f->arena, "profile %s has credentials", quote(f->profile).text)},
        {(get(f, "AWS_CONTAINER_CREDENTIALS_FULL_URI").n > 0 ||
          get(f, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").n > 0) &&
             chosen != PROVIDER_CONTAINER,
         STR("container endpoint: AWS_CONTAINER_CREDENTIALS_*_URI is set (Pod Identity, ECS)")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].is_set &&
            (!rows[i].text.p || !array_push(&f->chain->shadowed, f->arena, rows[i].text)))
            return fail_nomem(err, "credentials");
    return AMPQL_OK;
}

/* ---- region and STS */

static void find_region(struct finder *f)
{
    struct chain *chain = f->chain;
    const struct {
        struct str value, reason;
    } rows[] = {
        {f->options->region, STR("asked for")},
        {get(f, "AWS_REGION"), STR("AWS_REGION")},
        {get(f, "AWS_DEFAULT_REGION"), STR("AWS_DEFAULT_REGION")},
        {of_profile(f, f->profile, "region"), STR("the profile's region")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows && chain->region.n == 0; i++) {
        chain->region = rows[i].value;
        chain->region_reason = rows[i].value.n ? rows[i].reason : STR("");
    }
}

/* A region becomes part of a host's name, so nothing else may be in it. */
static bool is_region(struct str region)
{
    for (size_t i = 0; i < region.n; i++) {
        char c = region.p[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return region.n > 0 && region.n <= 40;
}

static enum ampql_code find_sts(struct finder *f, struct ampql_error *err)
{
    struct aws_sts *sts = &f->chain->sts;
    struct str own = get(f, "AWS_ENDPOINT_URL_STS"), region = f->chain->region;
    struct str regional = get(f, "AWS_STS_REGIONAL_ENDPOINTS");
    bool is_fips = is_true(get(f, "AWS_USE_FIPS_ENDPOINT"));
    struct ampql_error why = {0};
    if (region.n && !is_region(region))
        return fail_quote(err, AMPQL_BAD_DATA, "not an AWS region", region);
    sts->region = region;
    if (own.n) {
        if (!may_hold_keys(own, &why))
            return fail(err, AMPQL_UNAUTHORIZED, "AWS_ENDPOINT_URL_STS: %s", why.message);
        sts->url = own;
        return AMPQL_OK;
    }
    if (region.n == 0)
        return AMPQL_OK;
    if (regional.n == 0)
        regional = of_profile(f, f->profile, "sts_regional_endpoints");
    bool is_china = str_has_prefix(region, STR("cn-"));
    if (str_equal(regional, STR("legacy")) && !is_fips && !is_china &&
        !str_has_prefix(region, STR("us-gov-"))) {
        *sts = (struct aws_sts){STR("https://sts.amazonaws.com/"), STR("us-east-1")};
        return AMPQL_OK;
    }
    sts->url = say(f->arena, "https://sts%s.%.*s.%s/", is_fips ? "-fips" : "", STR_ARGS(region),
                   is_china                                  ? "amazonaws.com.cn"
                   : str_has_prefix(region, STR("us-isob-")) ? "sc2s.sgov.gov"
                   : str_has_prefix(region, STR("us-iso-"))  ? "c2s.ic.gov"
                                                             : "amazonaws.com");
    return sts->url.p ? AMPQL_OK : fail_nomem(err, "credentials");
}

/* ---- all of it */

static enum ampql_code read_profiles(struct finder *f, struct ampql_error *err)
{
    struct str credentials = get(f, "AWS_SHARED_CREDENTIALS_FILE");
    struct str config = get(f, "AWS_CONFIG_FILE"), name = get(f, "AWS_PROFILE");
    f->profile = f->options->profile.n ? f->options->profile : name.n ? name : STR("default");
    f->profile_reason = f->options->profile.n ? "asked for" : name.n ? "AWS_PROFILE" : NULL;
    return profiles_read(credentials.n ? credentials : STR("~/.aws/credentials"),
                         config.n ? config : STR("~/.aws/config"), get(f, "HOME"), f->arena,
                         &f->profiles, err);
}

enum ampql_code chain_find(const struct credentials_options *options, struct arena *arena,
                           struct chain *out, struct ampql_error *err)
{
    struct finder f = {.options = options, .arena = arena, .chain = out};
    bool with_env = options->profile.n == 0;
    *out = (struct chain){.env = {options->env, options->env_payload}};
    TRY(read_profiles(&f, err));
    find_region(&f);
    TRY(find_sts(&f, err));
    TRY(find_first(&f, with_env, err));
    TRY(find_shadowed(&f, with_env, err));
    struct aws_role top = {options->role_arn, options->session_name, options->external_id, 0};
    if (top.arn.n && !array_push(&out->roles, arena, top))
        return fail_nomem(err, "credentials");
    bool needs_sts = out->roles.n || out->base.kind == PROVIDER_WEB_IDENTITY;
    if (needs_sts && (out->sts.url.n == 0 || out->sts.region.n == 0))
        return fail(err, AMPQL_UNAUTHORIZED,
                    "%s: a role is assumed at a region's STS, and no region is known: set "
                    "AWS_REGION",
                    out->base.name);
    return AMPQL_OK;
}
