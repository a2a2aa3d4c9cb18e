/* Selects, numbers and origins of captures as text. */
#include "tool/capture_print.h"

#include "base/json.h"

void capture_put_number(struct buf *out, const char *before, uint64_t n)
{
    buf_format(out, "%s%llu", before, (unsigned long long)n);
}

void capture_put_held(struct buf *out, const struct held *held, bool as_json)
{
    struct buf text;
    buf_init(&text, out->alc, AMPQL_MESSAGE_MAX);
    held_print(&text, held);
    if (text.failed == AMPQL_NOMEM && out->failed == AMPQL_OK)
        out->failed = AMPQL_NOMEM;
    else if (as_json)
        json_quote(out, buf_view(&text));
    else
        buf_str(out, buf_view(&text));
    buf_done(&text);
}

void capture_put_redaction(struct buf *out, const struct redaction *redaction)
{
    if (!redaction->is_redacted) {
        buf_text(out, "no");
        return;
    }
    buf_text(out, "all label values but of ");
    for (size_t i = 0; i < redaction->nlabels; i++)
        buf_format(out, "%.*s, ", STR_ARGS(redaction->labels[i]));
    buf_text(out, "and");
    for (size_t i = 0; i < redaction->nvalues; i++) {
        buf_text(out, i ? ", " : " ");
        json_quote(out, redaction->values[i]);
    }
    buf_text(out, redaction->keeps_order ? "; tokens sort as the values did" : "");
}

const char *capture_dialect_text(enum ampql_dialect dialect)
{
    return dialect == AMPQL_PROM2 ? "prom2" : dialect == AMPQL_PROM3 ? "prom3" : "unknown";
}

const char *capture_caps_text(uint32_t caps)
{
    return caps & AMPQL_SOURCE_ANSWERS   ? "answers of a server"
           : caps & AMPQL_SOURCE_ENDLESS ? "samples without stale markers"
                                         : "samples with stale markers";
}
