/* Credentials, looked at without showing them. */
#include "tool/whoami.h"

#if AMPQL_HTTP

#include "source/http.h"

/* Texts that the credentials own, so that they outlive them. */
static bool keep_texts(struct arena *arena, struct credentials_description *d)
{
    struct str *shadowed = arena_alloc(arena, d->nshadowed, sizeof *shadowed);
    struct str *const texts[] = {&d->provider, &d->reason, &d->role_arn, &d->region,
                                 &d->region_reason};
    if (!shadowed)
        return false;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        *texts[i] = arena_copy(arena, *texts[i]);
        if (!texts[i]->p)
            return false;
    }
    for (size_t i = 0; i < d->nshadowed; i++) {
        shadowed[i] = arena_copy(arena, d->shadowed[i]);
        if (!shadowed[i].p)
            return false;
    }
    d->shadowed = shadowed;
    return true;
}

static enum ampql_code look(struct credentials *credentials, const struct whoami_options *options,
                            struct arena *arena, struct whoami *out, struct ampql_error *err)
{
    const struct aws_credentials *keys;
    enum ampql_code code = credentials_get(credentials, options->now_ms, &keys, err);
    out->has_keys = code == AMPQL_OK;
    if (out->has_keys) {
        out->identity_code = credentials_identity(credentials, options->now_ms, arena,
                                                  &out->identity, &out->identity_error);
        out->has_identity = out->identity_code == AMPQL_OK;
    }
    enum ampql_code told = credentials_describe(credentials, arena, &out->description, err);
    if (told != AMPQL_OK)
        return told;
    if (!keep_texts(arena, &out->description))
        return fail_nomem(err, "credentials");
    out->has_description = true;
    return code;
}

enum ampql_code whoami(const struct whoami_options *options, struct arena *arena,
                       struct whoami *out, struct ampql_error *err)
{
    struct http *http = NULL;
    struct credentials *credentials = NULL;
    const struct credentials_options asked = {.profile = options->profile,
                                              .region = options->region,
                                              .role_arn = options->role_arn,
                                              .external_id = options->external_id,
                                              .session_name = options->session_name};
    *out = (struct whoami){0};
    enum ampql_code code = http_new(arena->alc, NULL, &http, err);
    if (code == AMPQL_OK)
        code = credentials_open(arena->alc, &asked, http, &credentials, err);
    if (code == AMPQL_OK)
        code = look(credentials, options, arena, out, err);
    credentials_close(credentials);
    http_free(http);
    return code;
}

#else

enum ampql_code whoami(const struct whoami_options *options, struct arena *arena,
                       struct whoami *out, struct ampql_error *err)
{
    (void)options;
    (void)arena;
    *out = (struct whoami){0};
    return fail(err, AMPQL_UNSUPPORTED, "built without HTTP: there is nobody to be known to");
}

#endif
