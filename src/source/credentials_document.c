/* The small JSON documents that hold credentials. Every problem is told without quoting them. */
#include "source/credentials_chain.h"

#include "base/json.h"

static const struct {
    const char *name;
    size_t offset;
} members[] = {
    {"AccessKeyId", offsetof(struct credentials_document, access_key_id)},
    {"SecretAccessKey", offsetof(struct credentials_document, secret_access_key)},
    {"SessionToken", offsetof(struct credentials_document, session_token)},
    {"Token", offsetof(struct credentials_document, session_token)},
    {"Expiration", offsetof(struct credentials_document, expiration)},
    {"Code", offsetof(struct credentials_document, code)},
    {"code", offsetof(struct credentials_document, code)},
    {"Message", offsetof(struct credentials_document, message)},
    {"message", offsetof(struct credentials_document, message)},
    {"Version", offsetof(struct credentials_document, version)},
};

/* Where the member of that name goes; NULL: it is not wanted. */
static struct str *find_member(struct credentials_document *document, struct str name)
{
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (str_equal(name, str_of(members[i].name)))
            return (struct str *)((char *)document + members[i].offset);
    return NULL;
}

/* The members of the top object, one token after the other. */
static enum ampql_code read_members(struct json *json, struct arena *arena,
                                    struct credentials_document *out, bool *is_object)
{
    struct str *member = NULL;
    struct json_token token;
    for (size_t depth = 0;;) {
        TRY(json_next(json, &token, NULL));
        if (token.kind == JSON_END || token.kind == JSON_MORE)
            return AMPQL_OK;
        if (token.kind == JSON_OBJECT && depth == 0)
            *is_object = true;
        bool is_value = token.kind == JSON_STRING || token.kind == JSON_NUMBER;
        if (is_value && depth == 1 && member) {
            *member = arena_copy(arena, token.text);
            if (!member->p)
                return AMPQL_NOMEM;
        }
        member = token.kind == JSON_KEY && depth == 1 ? find_member(out, token.text) : NULL;
        depth += token.kind == JSON_OBJECT || token.kind == JSON_ARRAY;
        depth -= token.kind == JSON_OBJECT_END || token.kind == JSON_ARRAY_END;
    }
}

enum ampql_code credentials_document_read(struct str text, struct arena *arena,
                                          struct credentials_document *out, struct ampql_error *err)
{
    struct json json;
    bool is_object = false;
    *out = (struct credentials_document){0};
    TRY(json_init(&json, arena->alc, (struct json_limits){.max_string = 65536}, err));
    json_feed(&json, text.p, text.n, true);
    enum ampql_code code = read_members(&json, arena, out, &is_object);
    json_done(&json);
    if (code == AMPQL_NOMEM)
        return fail_nomem(err, "credentials");
    if (code != AMPQL_OK || !is_object)
        return fail(err, AMPQL_BAD_DATA, "not a JSON object");
    return AMPQL_OK;
}

enum ampql_code credentials_document_keys(const struct credentials_document *document,
                                          struct aws_credentials *out, struct ampql_error *err)
{
    *out = (struct aws_credentials){document->access_key_id, document->secret_access_key,
                                    document->session_token, 0};
    if (out->access_key_id.n == 0 || out->secret_access_key.n == 0)
        return fail(err, AMPQL_BAD_DATA, "no %s in the JSON",
                    out->access_key_id.n ? "SecretAccessKey" : "AccessKeyId");
    if (document->expiration.n && !aws_parse_time(document->expiration, &out->expires_ms))
        return fail(err, AMPQL_BAD_DATA, "Expiration in the JSON is no RFC 3339 time");
    return AMPQL_OK;
}
