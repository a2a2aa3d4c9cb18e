/* All records of a run as the HTTP API's vector. */
#include "rules/rules.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/number.h"

enum { PIECE = 32 << 10, MAX_RECORD = 64 << 20 };

/* Give what is there to the caller when it is enough, or when it is the last. */
static enum ampql_code flush(struct buf *out, ampql_write write, void *payload, bool is_last)
{
    if (out->failed != AMPQL_OK)
        return out->failed;
    if (out->n == 0 || (out->n < PIECE && !is_last))
        return AMPQL_OK;
    if (write(payload, out->p, out->n) != 0)
        return AMPQL_OUTPUT;
    out->n = 0;
    return AMPQL_OK;
}

static void put_record(struct buf *out, const struct ampql_record *record)
{
    char number[NUMBER_MAX];
    buf_text(out, "{\"metric\":{");
    for (size_t i = 0; i < record->nlabels; i++) {
        if (i)
            buf_byte(out, ',');
        json_quote(out, str_view(record->labels[i].name));
        buf_byte(out, ':');
        json_quote(out, str_view(record->labels[i].value));
    }
    buf_text(out, "},\"value\":[");
    buf_bytes(out, number, number_format_seconds(record->t_ms, number));
    buf_text(out, ",\"");
    buf_bytes(out, number, number_format(record->value, number));
    buf_text(out, "\"]}");
}

static enum ampql_code put_result(struct buf *out, const struct ampql_rules_result *result,
                                  ampql_write write, void *payload)
{
    bool is_first = true;
    buf_text(out, "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[");
    for (size_t i = 0; i < result->nrules; i++) {
        for (size_t k = 0; k < result->outcomes[i].nrecords; k++) {
            if (!is_first)
                buf_byte(out, ',');
            is_first = false;
            put_record(out, &result->outcomes[i].records[k]);
            TRY(flush(out, write, payload, false));
        }
    }
    buf_text(out, "]}");
    for (size_t i = 0; i < result->warnings.n; i++) {
        buf_text(out, i ? "," : ",\"warnings\":[");
        json_quote(out, str_view(result->warnings.at[i]));
    }
    buf_text(out, result->warnings.n ? "]}" : "}");
    return flush(out, write, payload, true);
}

enum ampql_code rules_result_json(const struct ampql_rules_result *result, ampql_write write,
                                  void *payload)
{
    struct buf out;
    buf_init(&out, &result->alc, MAX_RECORD);
    enum ampql_code code = put_result(&out, result, write, payload);
    buf_done(&out);
    return code;
}
