/* Feeding the JSON reader in pieces. Each piece is a block of exactly its size, freed when the
 * reader asks for more, so that a view kept too long or a byte read too far shows under a
 * sanitizer. */
#include "support/json_tokens.h"

#include <stdlib.h>

static const char *const kind_names[] = {
    [JSON_MORE] = "more",     [JSON_OBJECT] = "{",      [JSON_OBJECT_END] = "}",
    [JSON_ARRAY] = "[",       [JSON_ARRAY_END] = "]",   [JSON_KEY] = "key",
    [JSON_STRING] = "string", [JSON_NUMBER] = "number", [JSON_TRUE] = "true",
    [JSON_FALSE] = "false",   [JSON_NULL] = "null",     [JSON_END] = "end",
};

struct feeder {
    struct str rest;
    const uint8_t *sizes;
    size_t nsizes, at;
    bool was_empty;
    char *piece;
};

static void feed(struct feeder *feeder, struct json *json)
{
    size_t n = feeder->nsizes ? feeder->sizes[feeder->at++ % feeder->nsizes] : feeder->rest.n;
    if (n == 0 && feeder->was_empty) /* sizes of nothing but 0 would never end */
        n = 1;
    feeder->was_empty = n == 0;
    if (n > feeder->rest.n)
        n = feeder->rest.n;
    free(feeder->piece);
    feeder->piece = malloc(n ? n : 1);
    if (!feeder->piece)
        abort();
    if (n)
        memcpy(feeder->piece, feeder->rest.p, n);
    feeder->rest.n -= n;
    feeder->rest.p += n;
    /* sometimes with the last bytes, sometimes by an empty piece */
    bool is_last = feeder->rest.n == 0 && (feeder->nsizes == 0 || feeder->at % 2);
    json_feed(json, feeder->piece, n, is_last);
}

static void write_token(const struct json_token *token, struct buf *out)
{
    buf_format(out, "%llu %s ", (unsigned long long)token->offset, kind_names[token->kind]);
    if (token->kind == JSON_KEY || token->kind == JSON_STRING || token->kind == JSON_NUMBER)
        buf_str(out, token->text);
    buf_byte(out, '\n');
}

enum ampql_code json_tokens(const struct ampql_allocator *alc, struct json_limits limits,
                            struct str doc, const uint8_t *sizes, size_t nsizes, struct buf *out)
{
    struct json json;
    struct json_token token = {.kind = JSON_MORE};
    struct ampql_error err = {0};
    struct feeder feeder = {.rest = doc, .sizes = sizes, .nsizes = nsizes};
    enum ampql_code code = json_init(&json, alc, limits, &err);
    while (code == AMPQL_OK && token.kind != JSON_END) {
        if (token.kind == JSON_MORE)
            feed(&feeder, &json);
        else
            write_token(&token, out);
        code = json_next(&json, &token, &err);
    }
    if (code == AMPQL_OK)
        buf_text(out, "end\n");
    else
        buf_format(out, "error %d %.400s\n", (int)code, err.message);
    json_done(&json);
    free(feeder.piece);
    return code;
}

static void write_value(const struct json_token *token, struct buf *out)
{
    if (token->kind == JSON_KEY || token->kind == JSON_STRING)
        json_quote(out, token->text);
    else if (token->kind == JSON_NUMBER)
        buf_str(out, token->text);
    else
        buf_text(out, kind_names[token->kind]);
}

enum ampql_code json_rewrite(const struct ampql_allocator *alc, struct str doc, struct buf *out)
{
    struct json json;
    struct json_token token = {.kind = JSON_MORE};
    struct ampql_error err;
    bool needs_comma = false;
    enum ampql_code code = json_init(&json, alc, (struct json_limits){0}, &err);
    if (code == AMPQL_OK)
        json_feed(&json, doc.p, doc.n, true);
    while (code == AMPQL_OK && (code = json_next(&json, &token, &err)) == AMPQL_OK &&
           token.kind != JSON_END) {
        bool closes = token.kind == JSON_OBJECT_END || token.kind == JSON_ARRAY_END;
        if (needs_comma && !closes)
            buf_byte(out, ',');
        write_value(&token, out);
        if (token.kind == JSON_KEY)
            buf_byte(out, ':');
        needs_comma =
            token.kind != JSON_KEY && token.kind != JSON_OBJECT && token.kind != JSON_ARRAY;
    }
    json_done(&json);
    return code;
}
