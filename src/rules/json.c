/* All records of a run as the HTTP API's vector. */
#include "rules/rules.h"

#include "base/json.h"
#include "base/number.h"
#include "base/writer.h"

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

static void put_result(struct writer *w, const struct ampql_rules_result *result)
{
    struct buf *out = &w->buf;
    bool is_first = true;
    buf_text(out, "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[");
    for (size_t i = 0; i < result->nrules && w->code == AMPQL_OK; i++) {
        for (size_t k = 0; result->outcomes[i].records && k < result->outcomes[i].nrecords; k++) {
            if (!is_first)
                buf_byte(out, ',');
            is_first = false;
            put_record(out, &result->outcomes[i].records[k]);
            writer_flush(w);
        }
    }
    buf_text(out, "]}");
    for (size_t i = 0; i < result->warnings.n; i++) {
        buf_text(out, i ? "," : ",\"warnings\":[");
        json_quote(out, str_view(result->warnings.at[i]));
    }
    buf_text(out, result->warnings.n ? "]}" : "}");
}

enum ampql_code rules_result_json(const struct ampql_rules_result *result, ampql_write write,
                                  void *payload)
{
    struct writer w;
    writer_init(&w, &result->alc, write, payload);
    put_result(&w, result);
    return writer_end(&w);
}
