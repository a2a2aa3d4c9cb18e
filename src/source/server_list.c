/* Documents that list: the values of a label, the series of a select. */
#include "source/server_state.h"

#include "source/document.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_FORM = 1 << 20 };

/* The window of a part as the label API takes it: closed, in times. */
static void put_window(struct buf *form, const struct ampql_select *select,
                       const struct wire_part *part)
{
    char text[WIRE_TIME_MAX];
    bool is_raw = select->kind == AMPQL_SELECT_RAW;
    int64_t lookback = select->lookback_ms ? select->lookback_ms : WIRE_DEFAULT_LOOKBACK_MS;
    int64_t start = is_raw ? part->from_ms : part->from_ms - lookback;
    if (wire_is_time(start)) /* else from the beginning of all time */
        wire_parameter(form, "start", str_make(text, wire_time(start, text)));
    if (wire_is_time(part->to_ms))
        wire_parameter(form, "end", str_make(text, wire_time(part->to_ms, text)));
}

static void put_match(struct buf *form, const struct ampql_select *select,
                      const struct wire_part *part)
{
    struct buf selector;
    buf_init(&selector, form->alc, form->max_bytes);
    wire_selector(&selector, select->matchers, select->nmatchers, part->cut);
    wire_parameter(form, "match[]", buf_view(&selector));
    if (selector.failed != AMPQL_OK)
        form->failed = selector.failed;
    buf_done(&selector);
    put_window(form, select, part);
}

static enum ampql_code check_form(const struct buf *form, struct ampql_error *err)
{
    return form->failed == AMPQL_OK ? AMPQL_OK
           : form->failed == AMPQL_NOMEM
               ? fail_nomem(err, "a request")
               : fail(err, AMPQL_LIMIT, "a selector of over %d bytes", MAX_FORM);
}

/* Reads {"status":"success","data":[...]}: item reads one element, whose first token is read. */
typedef enum ampql_code read_item(struct document *doc, void *payload, struct ampql_error *err);

static enum ampql_code read_data(struct document *doc, read_item *item, void *payload,
                                 struct ampql_error *err)
{
    TRY(document_next(doc, err));
    if (doc->token.kind == JSON_NULL)
        return AMPQL_OK;
    if (doc->token.kind != JSON_ARRAY)
        return document_fail(doc, AMPQL_BAD_DATA, err, "expected an array");
    for (;;) {
        TRY(document_next(doc, err));
        if (doc->token.kind == JSON_ARRAY_END)
            return AMPQL_OK;
        TRY(item(doc, payload, err));
    }
}

/* Any warning of such a list says that it is cut short, or that a part could not be asked. */
static enum ampql_code read_warning(struct document *doc, void *payload, struct ampql_error *err)
{
    char quoted[200];
    (void)payload;
    return document_fail(doc, AMPQL_BAD_DATA, err, "the list may not be whole: %s",
                         quote_clipped(quoted, sizeof quoted, doc->token.text));
}

static enum ampql_code read_list(struct document *doc, read_item *item, void *payload,
                                 struct ampql_error *err)
{
    bool has_data = false, is_success = false;
    TRY(document_expect(doc, JSON_OBJECT, "an object", err));
    for (;;) {
        TRY(document_next(doc, err));
        if (doc->token.kind == JSON_OBJECT_END)
            break;
        if (str_equal(doc->token.text, STR("data"))) {
            if (has_data)
                return document_fail(doc, AMPQL_BAD_DATA, err, "two \"data\"");
            has_data = true;
            TRY(read_data(doc, item, payload, err));
        } else if (str_equal(doc->token.text, STR("status"))) {
            TRY(document_expect(doc, JSON_STRING, "a status, as a string", err));
            is_success = str_equal(doc->token.text, STR("success"));
        } else if (str_equal(doc->token.text, STR("warnings"))) {
            TRY(read_data(doc, read_warning, NULL, err));
        } else {
            TRY(document_skip(doc, err));
        }
    }
    TRY(document_end(doc, err));
    return has_data && is_success
               ? AMPQL_OK
               : fail(err, AMPQL_BAD_DATA, "%s: not an answer of the label API", doc->input->name);
}

/* A list on its way. */
struct list {
    read_item *item;
    void *payload;
    struct server *server;
    void *transfer;
};

static enum ampql_code read_transfer(void *payload, char *buffer, size_t size, size_t *out,
                                     struct ampql_error *err)
{
    const struct list *list = payload;
    return list->server->transport.read(list->transfer, buffer, size, out, err);
}

static enum ampql_code read_document(struct list *list, struct ampql_error *err)
{
    struct input input;
    struct document doc;
    struct server *server = list->server;
    TRY(input_init(&input, &server->alc, server->origin.p, read_transfer, list, 0, err));
    enum ampql_code code = document_init(&doc, &input, err);
    if (code == AMPQL_OK) {
        code = read_list(&doc, list->item, list->payload, err);
        document_done(&doc);
    }
    input_done(&input);
    return code;
}

/* ---- values of a label */

struct value_list {
    struct list list;
    struct arena *arena;
    struct strs *out;
};

static enum ampql_code add_value(struct document *doc, void *payload, struct ampql_error *err)
{
    struct value_list *list = payload;
    if (doc->token.kind != JSON_STRING)
        return document_fail(doc, AMPQL_BAD_DATA, err, "expected a string");
    struct str copy = arena_copy(list->arena, doc->token.text);
    return copy.p && array_push(list->out, list->arena, copy) ? AMPQL_OK
                                                              : fail_nomem(err, "label values");
}

static enum ampql_code read_values(void *payload, struct server *server, void *transfer,
                                   struct ampql_error *err)
{
    struct value_list *list = payload;
    list->out->n = 0;
    list->list = (struct list){add_value, list, server, transfer};
    return read_document(&list->list, err);
}

static int by_text(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

/* Names that stand in a path as they are; others are not asked for. */
static bool is_path_name(struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (!((name.p[i] >= 'a' && name.p[i] <= 'z') || (name.p[i] >= 'A' && name.p[i] <= 'Z') ||
              (name.p[i] >= '0' && name.p[i] <= '9') || name.p[i] == '_'))
            return false;
    return true;
}

enum ampql_code server_values(struct server *server, const struct ampql_select *select,
                              const struct wire_part *part, struct str name, struct arena *arena,
                              struct strs *out, struct ampql_error *err)
{
    char path[300] = "/api/v1/labels";
    struct buf form;
    struct value_list list = {.arena = arena, .out = out};
    *out = (struct strs){0};
    if (!is_path_name(name) || name.n > 200)
        return AMPQL_OK;
    if (name.n)
        snprintf(path, sizeof path, "/api/v1/label/%.*s/values", STR_ARGS(name));
    buf_init(&form, &server->alc, MAX_FORM);
    put_match(&form, select, part);
    /* values are to be had by GET only */
    struct server_ask ask = {str_of(path), buf_view(&form), name.n > 0};
    enum ampql_code code = check_form(&form, err);
    if (code == AMPQL_OK)
        code = server_call(server, &ask, read_values, &list, NULL, err);
    buf_done(&form);
    if (code == AMPQL_OK && out->n)
        qsort(out->at, out->n, sizeof *out->at, by_text);
    return code;
}

/* ---- series */

struct series_list {
    struct list list;
    struct arena arena; /* of the series being read */
    server_take_labels *take;
    void *payload;
};

static enum ampql_code add_series(struct document *doc, void *payload, struct ampql_error *err)
{
    struct series_list *list = payload;
    static const struct ampql_label none;
    struct {
        ARRAY(struct ampql_label);
    } labels = {0};
    arena_reset(&list->arena);
    if (doc->token.kind != JSON_OBJECT)
        return document_fail(doc, AMPQL_BAD_DATA, err, "expected an object with the labels");
    for (;;) {
        TRY(document_next(doc, err));
        if (doc->token.kind == JSON_OBJECT_END)
            break;
        struct str name = arena_copy(&list->arena, doc->token.text);
        TRY(document_expect(doc, JSON_STRING, "the value of a label, as a string", err));
        struct str value = arena_copy(&list->arena, doc->token.text);
        struct ampql_label label = {{name.p, name.n}, {value.p, value.n}};
        if (labels.n == STORE_MAX_LABELS)
            return document_fail(doc, AMPQL_LIMIT, err, "a series has more than %d labels",
                                 STORE_MAX_LABELS);
        if (!name.p || !value.p || !array_push(&labels, &list->arena, label))
            return fail_nomem(err, "the labels of a series");
    }
    return list->take(list->payload, labels.n ? labels.at : &none, labels.n, err);
}

static enum ampql_code read_series(void *payload, struct server *server, void *transfer,
                                   struct ampql_error *err)
{
    struct series_list *list = payload;
    TRY(list->take(list->payload, NULL, 0, err));
    list->list = (struct list){add_series, list, server, transfer};
    return read_document(&list->list, err);
}

enum ampql_code server_list(struct server *server, const struct ampql_select *select,
                            server_take_labels *take, void *payload, struct ampql_error *err)
{
    struct buf form;
    bool is_raw = select->kind == AMPQL_SELECT_RAW;
    struct wire_part whole = {.from_ms = is_raw ? select->mint_ms : select->start_ms,
                              .to_ms = is_raw ? select->maxt_ms : select->end_ms};
    struct series_list list = {.take = take, .payload = payload};
    arena_init(&list.arena, &server->alc);
    buf_init(&form, &server->alc, MAX_FORM);
    put_match(&form, select, &whole);
    struct server_ask ask = {STR("/api/v1/series"), buf_view(&form), false};
    enum ampql_code code = check_form(&form, err);
    if (code == AMPQL_OK)
        code = server_call(server, &ask, read_series, &list, NULL, err);
    buf_done(&form);
    arena_done(&list.arena);
    return code;
}
