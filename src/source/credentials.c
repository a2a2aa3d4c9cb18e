/* Credentials over time: found once, fetched when asked for, renewed before they expire. */
#include "source/credentials.h"

#include "base/time.h"
#include "source/aws_secret.h"
#include "source/credentials_chain.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    NSETS = 9,                /* the current keys, and eight that someone may still hold */
    SOFT_MS = 600000,         /* before they expire: renew, but a failure is no matter yet */
    HARD_MS = 120000,         /* now it is */
    QUIET_MS = 15000,         /* between two tries that may fail */
    INSTANCE_MORE_MS = 900000 /* expired keys of an instance whose service is down are good for that
                                 long, as botocore has it */
};

struct set {
    struct arena arena;
    struct aws_credentials keys;
    int64_t obtained_ms;
};

struct credentials {
    const struct ampql_allocator *alc;
    struct aws_secret_allocator secret;
    struct arena arena; /* options and chain */
    struct credentials_options options;
    struct chain chain;
    struct http *http;
    pthread_mutex_t mutex; /* guards what follows; held while keys are renewed */
    struct set sets[NSETS];
    size_t current; /* of sets, from 0 */
    bool has_keys;
    int64_t tried_ms; /* the last renewal that failed */
    char note[AMPQL_MESSAGE_MAX];
};

/* ---- opening */

static const char *environment(void *payload, const char *name)
{
    (void)payload;
    return getenv(name);
}

static enum ampql_code copy_options(struct credentials *c,
                                    const struct credentials_options *options,
                                    struct ampql_error *err)
{
    c->options = *options;
    struct str *const texts[] = {&c->options.profile, &c->options.region, &c->options.role_arn,
                                 &c->options.external_id, &c->options.session_name};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        *texts[i] = arena_copy(&c->arena, *texts[i]);
        if (!texts[i]->p)
            return fail_nomem(err, "credentials");
    }
    if (!c->options.env)
        c->options.env = environment;
    return AMPQL_OK;
}

enum ampql_code credentials_open(const struct ampql_allocator *alc,
                                 const struct credentials_options *options, struct http *http,
                                 struct credentials **out, struct ampql_error *err)
{
    struct credentials *c = alloc_get(alc, 1, sizeof *c);
    *out = NULL;
    if (!c)
        return fail_nomem(err, "credentials");
    memset(c, 0, sizeof *c);
    c->alc = alc;
    c->http = http;
    aws_secret_init(&c->secret, alc);
    arena_init(&c->arena, &c->secret.alc);
    for (size_t i = 0; i < NSETS; i++)
        arena_init(&c->sets[i].arena, &c->secret.alc);
    pthread_mutex_init(&c->mutex, NULL);
    enum ampql_code code = copy_options(c, options, err);
    if (code == AMPQL_OK)
        code = chain_find(&c->options, &c->arena, &c->chain, err);
    if (code == AMPQL_OK)
        *out = c;
    else
        credentials_close(c);
    return code;
}

void credentials_close(struct credentials *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < NSETS; i++)
        arena_done(&c->sets[i].arena);
    arena_done(&c->arena);
    pthread_mutex_destroy(&c->mutex);
    alloc_put(c->alc, c, 1, sizeof *c);
}

/* ---- renewing; the mutex is held */

static enum ampql_code assume_roles(struct credentials *c, struct aws_call *call, int64_t now_ms,
                                    struct aws_credentials *keys, struct ampql_error *err)
{
    for (size_t i = 0; i < c->chain.roles.n; i++) {
        const struct aws_role *role = &c->chain.roles.at[i];
        char who[160], quoted[128];
        struct aws_credentials base = *keys;
        snprintf(who, sizeof who, "role %s", quote_clipped(quoted, sizeof quoted, role->arn));
        call->who = who;
        call->secrets[1] = base.secret_access_key;
        call->secrets[2] = base.session_token;
        call->tries = 3;
        call->wait_ms = 250;
        TRY(aws_sts_assume(call, &c->chain.sts, role, &base, STR(""), now_ms, keys, err));
    }
    return AMPQL_OK;
}

static enum ampql_code keep(struct credentials *c, const struct aws_credentials *keys,
                            int64_t now_ms, struct ampql_error *err)
{
    size_t place = c->has_keys ? (c->current + 1) % NSETS : 0;
    struct set *set = &c->sets[place];
    arena_done(&set->arena);
    set->keys =
        (struct aws_credentials){arena_copy(&set->arena, keys->access_key_id),
                                 arena_copy(&set->arena, keys->secret_access_key),
                                 arena_copy(&set->arena, keys->session_token), keys->expires_ms};
    set->obtained_ms = now_ms;
    if (!set->keys.access_key_id.p || !set->keys.secret_access_key.p || !set->keys.session_token.p)
        return fail_nomem(err, "credentials");
    c->current = place;
    c->has_keys = true;
    c->note[0] = '\0';
    return AMPQL_OK;
}

static enum ampql_code renew(struct credentials *c, int64_t now_ms, struct ampql_error *err)
{
    struct arena scratch;
    struct aws_credentials keys;
    arena_init(&scratch, &c->secret.alc);
    struct aws_call call = {.http = c->http, .arena = &scratch};
    enum ampql_code code = provider_load(&c->chain, &call, now_ms, &keys, err);
    if (code == AMPQL_OK)
        code = assume_roles(c, &call, now_ms, &keys, err);
    if (code == AMPQL_OK && keys.expires_ms && keys.expires_ms <= now_ms) {
        char when[TIME_TEXT_MAX];
        time_format(keys.expires_ms, when);
        code = fail(err, AMPQL_UNAUTHORIZED,
                    "%s: the credentials it gives expired at %s: get new ones, or look at this "
                    "machine's clock",
                    c->chain.base.name, when);
    }
    if (code == AMPQL_OK)
        code = keep(c, &keys, now_ms, err);
    arena_done(&scratch);
    return code;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* How good the current keys are. */
enum state { STATE_GOOD, STATE_SOFT, STATE_HARD };

static enum state state_at(const struct credentials *c, int64_t now_ms)
{
    const struct set *set = &c->sets[c->current];
    if (!c->has_keys)
        return STATE_HARD;
    if (set->keys.expires_ms == 0)
        return STATE_GOOD;
    /* keys with a short life are not renewed for all of it */
    int64_t left_ms = set->keys.expires_ms - now_ms;
    int64_t life_ms = set->keys.expires_ms - set->obtained_ms;
    if (left_ms <= least(HARD_MS, life_ms / 4))
        return STATE_HARD;
    return left_ms <= least(SOFT_MS, life_ms / 2) ? STATE_SOFT : STATE_GOOD;
}

/* May the keys that are there be used although they could not be renewed? */
static bool may_go_on(const struct credentials *c, enum ampql_code code, enum state state,
                      int64_t now_ms)
{
    if (!c->has_keys || code == AMPQL_CANCELED || code == AMPQL_NOMEM)
        return false;
    bool is_down = code == AMPQL_UNAVAILABLE || code == AMPQL_TIMEOUT || code == AMPQL_UNAUTHORIZED;
    if (c->chain.base.kind == PROVIDER_INSTANCE && c->chain.roles.n == 0 && is_down)
        return now_ms < c->sets[c->current].keys.expires_ms + INSTANCE_MORE_MS;
    return state == STATE_SOFT;
}

static enum ampql_code get(struct credentials *c, int64_t now_ms, struct ampql_error *err)
{
    struct ampql_error why = {0};
    enum state state = state_at(c, now_ms);
    if (state == STATE_GOOD)
        return AMPQL_OK;
    bool was_tried = c->note[0] && now_ms - c->tried_ms < QUIET_MS && now_ms >= c->tried_ms;
    if (was_tried && may_go_on(c, AMPQL_UNAVAILABLE, state, now_ms))
        return AMPQL_OK;
    enum ampql_code code = renew(c, now_ms, &why);
    if (code == AMPQL_OK)
        return code;
    if (may_go_on(c, code, state, now_ms)) {
        c->tried_ms = now_ms;
        snprintf(c->note, sizeof c->note, "%s", why.message);
        return AMPQL_OK;
    }
    if (err)
        *err = why;
    return code;
}

enum ampql_code credentials_get(struct credentials *c, int64_t now_ms,
                                const struct aws_credentials **out, struct ampql_error *err)
{
    pthread_mutex_lock(&c->mutex);
    enum ampql_code code = get(c, now_ms, err);
    *out = code == AMPQL_OK ? &c->sets[c->current].keys : NULL;
    pthread_mutex_unlock(&c->mutex);
    return code;
}

enum ampql_code credentials_refresh(struct credentials *c, int64_t now_ms,
                                    const struct aws_credentials *refused,
                                    const struct aws_credentials **out, struct ampql_error *err)
{
    pthread_mutex_lock(&c->mutex);
    bool is_current = c->has_keys && refused == &c->sets[c->current].keys;
    enum ampql_code code =
        !c->has_keys || is_current || !refused ? renew(c, now_ms, err) : get(c, now_ms, err);
    *out = code == AMPQL_OK ? &c->sets[c->current].keys : NULL;
    pthread_mutex_unlock(&c->mutex);
    return code;
}

/* ---- telling */

struct str credentials_region(const struct credentials *c)
{
    return c->chain.region;
}

static struct str mask(struct arena *arena, struct str id)
{
    struct str out = arena_copy(arena, id);
    if (out.p && id.n)
        memset((char *)out.p, '*', id.n > 8 ? id.n - 4 : id.n);
    return out;
}

enum ampql_code credentials_describe(struct credentials *c, struct arena *arena,
                                     struct credentials_description *out, struct ampql_error *err)
{
    const struct chain *chain = &c->chain;
    *out = (struct credentials_description){.provider = str_of(chain->base.name),
                                            .reason = chain->base.reason,
                                            .region = chain->region,
                                            .region_reason = chain->region_reason,
                                            .shadowed = chain->shadowed.at,
                                            .nshadowed = chain->shadowed.n};
    if (chain->roles.n)
        out->role_arn = chain->roles.at[chain->roles.n - 1].arn;
    else if (chain->base.kind == PROVIDER_WEB_IDENTITY)
        out->role_arn = chain->base.role.arn;
    pthread_mutex_lock(&c->mutex);
    const struct aws_credentials *keys = &c->sets[c->current].keys;
    out->access_key_id = mask(arena, c->has_keys ? keys->access_key_id : STR(""));
    out->expires_ms = c->has_keys ? keys->expires_ms : 0;
    out->note = arena_copy(arena, str_of(c->note));
    pthread_mutex_unlock(&c->mutex);
    return out->access_key_id.p && out->note.p ? AMPQL_OK : fail_nomem(err, "credentials");
}

static enum ampql_code identity(struct credentials *c, int64_t now_ms, struct arena *arena,
                                struct caller_identity *out, struct ampql_error *err)
{
    struct aws_identity who;
    struct aws_credentials *keys = &c->sets[c->current].keys;
    struct aws_call call = {.http = c->http,
                            .arena = arena,
                            .who = "sts GetCallerIdentity",
                            .secrets = {STR(""), keys->secret_access_key, keys->session_token},
                            .tries = 2,
                            .wait_ms = 250};
    if (c->chain.sts.url.n == 0 || c->chain.sts.region.n == 0)
        return fail(err, AMPQL_UNAUTHORIZED, "%s: no region is known: set AWS_REGION", call.who);
    TRY(aws_sts_identity(&call, &c->chain.sts, keys, now_ms, &who, err));
    *out = (struct caller_identity){who.account, who.arn, who.user_id};
    return AMPQL_OK;
}

enum ampql_code credentials_identity(struct credentials *c, int64_t now_ms, struct arena *arena,
                                     struct caller_identity *out, struct ampql_error *err)
{
    pthread_mutex_lock(&c->mutex);
    enum ampql_code code = get(c, now_ms, err);
    if (code == AMPQL_OK)
        code = identity(c, now_ms, arena, out, err);
    pthread_mutex_unlock(&c->mutex);
    return code;
}
