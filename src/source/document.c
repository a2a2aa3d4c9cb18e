/* The JSON pull reader fed from an input. */
#include "source/document.h"

#include <stdio.h>

enum ampql_code document_init(struct document *doc, struct input *input, struct ampql_error *err)
{
    *doc = (struct document){.input = input};
    return json_init(&doc->json, input->alc, (struct json_limits){0}, err);
}

void document_done(struct document *doc)
{
    json_done(&doc->json);
}

enum ampql_code document_name(const struct document *doc, enum ampql_code code,
                              struct ampql_error *err)
{
    if (!err)
        return code;
    struct ampql_error inner = *err;
    snprintf(err->message, sizeof err->message, "offset %llu: %.*s",
             (unsigned long long)doc->token.offset, (int)sizeof err->message - 32, inner.message);
    return input_name(doc->input, code, err);
}

enum ampql_code document_fail(const struct document *doc, enum ampql_code code,
                              struct ampql_error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail_args(err, code, format, args);
    va_end(args);
    return document_name(doc, code, err);
}

static enum ampql_code feed(struct document *doc, struct ampql_error *err)
{
    struct str piece;
    TRY(input_next(doc->input, &piece, err));
    json_feed(&doc->json, piece.p, piece.n, piece.n == 0);
    return AMPQL_OK;
}

enum ampql_code document_next(struct document *doc, struct ampql_error *err)
{
    for (;;) {
        enum ampql_code code = json_next(&doc->json, &doc->token, err);
        if (code != AMPQL_OK) {
            doc->is_broken = code == AMPQL_BAD_DATA;
            return input_name(doc->input, code, err);
        }
        if (doc->token.kind != JSON_MORE)
            return AMPQL_OK;
        TRY(feed(doc, err));
    }
}

enum ampql_code document_expect(struct document *doc, enum json_kind kind, const char *what,
                                struct ampql_error *err)
{
    TRY(document_next(doc, err));
    if (doc->token.kind != kind)
        return document_fail(doc, AMPQL_BAD_DATA, err, "expected %s", what);
    return AMPQL_OK;
}

enum ampql_code document_skip(struct document *doc, struct ampql_error *err)
{
    size_t depth = 0;
    do {
        TRY(document_next(doc, err));
        if (doc->token.kind == JSON_OBJECT || doc->token.kind == JSON_ARRAY)
            depth++;
        else if (doc->token.kind == JSON_OBJECT_END || doc->token.kind == JSON_ARRAY_END)
            depth--;
    } while (depth);
    return AMPQL_OK;
}

enum ampql_code document_end(struct document *doc, struct ampql_error *err)
{
    return document_expect(doc, JSON_END, "nothing after the document", err);
}
