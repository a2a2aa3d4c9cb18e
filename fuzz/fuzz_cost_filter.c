/* A window, a list of aggregates, and a filter, separated by line feeds: each is refused with a
 * message whose place lies in the text, or a window is one, before now and not empty; what passes a
 * filter does not pass it when it is negated as a whole, element by element. */
#include "support/gen_bytes.h"

#include "base/arena.h"
#include "cost/aggregate.h"
#include "cost/window.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(const struct ampql_error *err, enum ampql_code code, struct str text)
{
    if (err->code != code || err->message[0] == '\0' || err->start > err->end || err->end > text.n)
        abort();
}

static void check_window(struct str text)
{
    struct ampql_error err = {0};
    const int64_t now_ms = 1772617230000;
    int64_t start_ms, end_ms;
    enum ampql_code code = cost_window_parse(text, now_ms, &start_ms, &end_ms, &err);
    if (code != AMPQL_OK)
        check_error(&err, code, text);
    else if (start_ms >= end_ms || start_ms > now_ms)
        abort();
}

/* Not all of them pass is one that does not, and the other way round. */
static bool fails(const struct filter *filter, const struct ampql_allocation *a)
{
    if (filter->kind == FILTER_TEST) {
        struct filter opposite = *filter;
        opposite.is_negated = !filter->is_negated;
        return filter_matches(&opposite, a);
    }
    bool is_or = filter->kind == FILTER_OR;
    for (const struct filter *f = filter->first; f; f = f->next)
        if (fails(f, a) != is_or)
            return !is_or;
    return is_or;
}

static struct ampql_string string_of(const char *text)
{
    return (struct ampql_string){text, strlen(text)};
}

static void check_lines(const char *aggregate, const char *filter)
{
    const struct ampql_string services[] = {string_of("r"), string_of("s")};
    const struct ampql_label labels[] = {{string_of("app"), string_of("web")},
                                         {string_of("team"), string_of("a")}};
    struct ampql_allocation a = {.services = services,
                                 .nservices = 2,
                                 .labels = labels,
                                 .nlabels = 2,
                                 .annotations = labels,
                                 .nannotations = 1,
                                 .controller = string_of("c"),
                                 .controller_kind = string_of("job"),
                                 .namespace_name = string_of("n"),
                                 .pod = string_of("p")};
    struct ampql_aggregate_options options = {
        .size = sizeof options, .aggregate = aggregate, .filter = filter};
    struct ampql_error err = {0};
    struct aggregate by;
    struct arena arena;
    struct buf name;
    arena_init(&arena, &alloc_default);
    buf_init(&name, &alloc_default, 1 << 20);
    enum ampql_code code = aggregate_read(&options, &arena, &by, &err);
    size_t longest = strlen(aggregate) > strlen(filter) ? strlen(aggregate) : strlen(filter);
    if (code != AMPQL_OK)
        check_error(&err, code, str_make(NULL, longest));
    else if (by.filter && filter_matches(by.filter, &a) == fails(by.filter, &a))
        abort();
    if (code == AMPQL_OK)
        aggregate_name(&name, &by, &a);
    if (name.failed)
        abort();
    buf_done(&name);
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    char *aggregate = strchr(text, '\n');
    char *filter = aggregate ? strchr(aggregate + 1, '\n') : NULL;
    if (aggregate)
        *aggregate++ = '\0';
    if (filter)
        *filter++ = '\0';
    check_window(str_of(text));
    check_lines(aggregate ? aggregate : "", filter ? filter : "");
    free(text);
    return 0;
}
