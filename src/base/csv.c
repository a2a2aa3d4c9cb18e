/* Writing CSV. */
#include "base/csv.h"

#include "base/json.h"
#include "base/number.h"

void csv_put_field(struct buf *out, struct str field)
{
    bool is_quoted = false;
    for (size_t i = 0; i < field.n; i++)
        is_quoted |=
            field.p[i] == '"' || field.p[i] == ',' || field.p[i] == '\n' || field.p[i] == '\r';
    if (!is_quoted) {
        buf_str(out, field);
        return;
    }
    buf_byte(out, '"');
    for (size_t i = 0; i < field.n; i++) {
        if (field.p[i] == '"')
            buf_byte(out, '"');
        buf_byte(out, field.p[i]);
    }
    buf_byte(out, '"');
}

void csv_put_series(struct buf *out, const struct ampql_label *labels, size_t nlabels)
{
    struct buf set;
    buf_init(&set, out->alc, out->max_bytes);
    for (size_t i = 0; i < nlabels; i++)
        if (str_equal(str_view(labels[i].name), STR("__name__")))
            csv_put_field(out, str_view(labels[i].value));
    buf_byte(out, ',');
    json_quote_labels(&set, labels, nlabels, false);
    csv_put_field(out, buf_view(&set));
    buf_byte(out, ',');
    if (set.failed != AMPQL_OK && out->failed == AMPQL_OK)
        out->failed = set.failed;
    buf_done(&set);
}

void csv_put_sample(struct buf *out, int64_t t_ms, struct str value)
{
    char *room = buf_room(out, NUMBER_MAX);
    if (!room)
        return;
    out->n += number_format_seconds(t_ms, room);
    buf_byte(out, ',');
    csv_put_field(out, value);
    buf_byte(out, '\n');
}
