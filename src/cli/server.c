/* Opening a server as a source. */
#include "cli/server.h"

#include "base/error.h"

#include <sys/prctl.h>

bool is_server_source(struct str word)
{
    return str_has_prefix(word, STR("http://")) || str_has_prefix(word, STR("https://")) ||
           str_has_prefix(word, STR("amp:"));
}

static struct str trimmed(struct str s)
{
    while (s.n && (*s.p == ' ' || *s.p == '\t'))
        s = str_from(s, 1);
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* "NAME: VALUE"; the message names no value, which may be a secret. */
static enum ampql_code read_headers(struct option_list texts, struct arena *arena,
                                    struct ampql_http_options *out, struct ampql_error *err)
{
    struct ampql_http_header *headers = arena_alloc(arena, texts.n, sizeof *headers);
    if (!headers)
        return fail_nomem(err, "headers");
    for (size_t i = 0; i < texts.n; i++) {
        struct str text = str_of(texts.at[i]);
        const char *colon = memchr(text.p, ':', text.n);
        if (!colon || colon == text.p)
            return fail(err, AMPQL_BAD_DATA, "--header: expected NAME:VALUE");
        struct str name = trimmed(str_make(text.p, (size_t)(colon - text.p)));
        struct str value = trimmed(str_from(text, (size_t)(colon - text.p) + 1));
        headers[i] = (struct ampql_http_header){{name.p, name.n}, {value.p, value.n}};
    }
    out->headers = headers;
    out->nheaders = texts.n;
    return AMPQL_OK;
}

static enum ampql_code read_retries(const char *text, uint32_t *out, struct ampql_error *err)
{
    uint32_t n = 0;
    if (!text)
        return AMPQL_OK;
    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9' || n > 1000)
            return fail_quote(err, AMPQL_BAD_DATA, "--retries: expected a number up to 1000",
                              str_of(text));
        n = n * 10 + (uint32_t)(*p - '0');
    }
    *out = n ? n : UINT32_MAX;
    return AMPQL_OK;
}

enum ampql_code server_amp_parts(const char *word, const struct ampql_http_options *options,
                                 struct arena *arena, const char **workspace, const char **region,
                                 struct ampql_error *err)
{
    struct str text = str_from(str_of(word), 4);
    const char *at = text.n ? memchr(text.p, '@', text.n) : NULL;
    struct str id = at ? str_make(text.p, (size_t)(at - text.p)) : text;
    struct str where = at                ? str_from(text, id.n + 1)
                       : options->region ? str_of(options->region)
                                         : STR("");
    if (id.n == 0 || where.n == 0)
        return fail_quote(err, AMPQL_BAD_DATA, "expected amp:WORKSPACE@REGION", str_of(word));
    *workspace = arena_copy(arena, id).p;
    *region = arena_copy(arena, where).p;
    return *workspace && *region ? AMPQL_OK : fail_nomem(err, "a source");
}

void server_hold_secrets(void)
{
    prctl(PR_SET_DUMPABLE, 0); /* what libcurl and libcrypto copy cannot be told from the rest */
}

enum ampql_code server_options(const struct server_flags *flags,
                               const struct ampql_http_options *base, struct arena *arena,
                               struct ampql_http_options *out, struct ampql_error *err)
{
    struct ampql_http_options options = *base;
    server_hold_secrets();
    options.size = sizeof options;
    options.config_file = flags->config_file;
    options.sign = flags->sign;
    options.endpoint = flags->endpoint;
    options.region = flags->region;
    options.profile = flags->profile;
    options.role_arn = flags->role_arn;
    options.external_id = flags->external_id;
    options.session_name = flags->session_name;
    options.ca_file = flags->ca_file;
    options.cert_file = flags->cert_file;
    options.key_file = flags->key_file;
    options.insecure_http = flags->insecure_http;
    options.compress =
        flags->compress ? (enum ampql_http_compress)(flags->compress - 1) : AMPQL_COMPRESS_AUTO;
    options.concurrency = flags->concurrency > 64 ? 64 : (uint32_t)flags->concurrency;
    options.chunk_ms = flags->chunk.ms;
    options.request_timeout_ms = flags->request_timeout.ms;
    options.max_billed_samples = flags->max_billed_samples;
    if (flags->headers.n)
        TRY(read_headers(flags->headers, arena, &options, err));
    TRY(read_retries(flags->retries, &options.max_retries, err));
    *out = options;
    return AMPQL_OK;
}

enum ampql_code server_source_open(struct ampql_engine *engine, const char *word,
                                   const struct server_flags *flags,
                                   const struct ampql_http_options *base, struct arena *arena,
                                   struct ampql_source **out, struct ampql_error *err)
{
    struct ampql_http_options options;
    const char *workspace, *region;
    TRY(server_options(flags, base, arena, &options, err));
    if (!str_has_prefix(str_of(word), STR("amp:")))
        return ampql_source_http(engine, word, &options, out, err);
    TRY(server_amp_parts(word, &options, arena, &workspace, &region, err));
    return ampql_source_amp(engine, workspace, region, &options, out, err);
}
