/* Any bytes as what AWS's services and credential commands send, the first byte says which: STS's
 * XML, JSON, a command line. Refused with a message that repeats nothing of it, or read into keys
 * that are not empty; and text that was written as XML is read back as it was. */
#include "base/buf.h"
#include "source/aws_sts.h"
#include "source/aws_xml.h"
#include "source/credentials_chain.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(enum ampql_code code, const struct ampql_error *err,
                  const struct aws_credentials *keys)
{
    if (code == AMPQL_OK ? keys->access_key_id.n == 0 || keys->secret_access_key.n == 0
                         : err->code != code || err->message[0] == '\0' ||
                               (code != AMPQL_BAD_DATA && code != AMPQL_NOT_FOUND))
        abort();
}

/* <a>text</a>, with what must be escaped as an entity and some of the rest as a number */
static void round_trip(struct str text, struct arena *arena)
{
    struct buf xml;
    struct str back;
    if (text.n == 0 || (unsigned char)text.p[0] <= ' ' || (unsigned char)text.p[text.n - 1] <= ' ')
        return;
    buf_init(&xml, &alloc_default, SIZE_MAX / 2);
    buf_text(&xml, "<r><b c='>'/><a>");
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c == '<' || c == '&' || (c && c < 0x80 && c % 7 == 0))
            buf_format(&xml, c % 2 ? "&#%u;" : "&#x%x;", (unsigned)c);
        else
            buf_byte(&xml, (char)c);
    }
    buf_text(&xml, "</a></r>");
    if (xml.failed || aws_xml_text(buf_view(&xml), STR("a"), arena, &back, NULL) != AMPQL_OK ||
        !str_equal(back, text))
        abort();
    buf_done(&xml);
}

static void split(struct str text, struct arena *arena)
{
    char **argv;
    size_t n;
    struct ampql_error err = {0};
    enum ampql_code code = command_split(text, arena, &argv, &n, &err);
    if (code == AMPQL_OK ? n == 0 || argv[n] || !argv[0][0]
                         : code != AMPQL_BAD_DATA || !err.message[0])
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct str text = {(const char *)data + 1, size - 1};
    struct arena arena;
    struct aws_credentials keys = {0};
    struct credentials_document document;
    struct ampql_error err = {0};
    arena_init(&arena, &alloc_default);
    switch (data[0]) {
    case 'x':
        check(aws_sts_read_credentials(text, &arena, &keys, &err), &err, &keys);
        round_trip(text, &arena);
        break;
    case 'j': {
        enum ampql_code code = credentials_document_read(text, &arena, &document, &err);
        if (code == AMPQL_OK)
            code = credentials_document_keys(&document, &keys, &err);
        check(code, &err, &keys);
        break;
    }
    default:
        split(text, &arena);
    }
    arena_done(&arena);
    return 0;
}
