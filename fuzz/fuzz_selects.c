/* Any bytes as a selects.json: refused with a message, or entries each of which is found again by a
 * select that asks for just what it says it holds, and whose parts lie in order without a hole. */
#include "support/collect.h"

#include "source/folder.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_parts(const struct ampql_select *select, const struct held_parts *parts)
{
    bool is_raw = select->kind == AMPQL_SELECT_RAW;
    int64_t at = is_raw ? select->mint_ms : select->start_ms;
    for (size_t i = 0; i < parts->n; i++) {
        if (parts->at[i].from_ms != at || parts->at[i].to_ms < at)
            abort();
        at = parts->at[i].to_ms + (is_raw ? 0 : select->step_ms);
    }
    if (is_raw ? at != select->maxt_ms : at <= select->end_ms)
        abort();
}

static void find_again(struct folder *folder, const struct held *e)
{
    struct arena arena;
    struct held_list list = {folder->entries.at, folder->entries.n, sizeof *folder->entries.at, "f",
                             &alloc_default};
    arena_init(&arena, &alloc_default);
    struct ampql_matcher *matchers = arena_alloc(&arena, e->matchers.n, sizeof *matchers);
    if (!matchers)
        abort();
    for (size_t i = 0; i < e->matchers.n; i++) {
        const struct matcher *m = &e->matchers.at[i];
        matchers[i] = (struct ampql_matcher){
            {m->name.p, m->name.n}, (enum ampql_match_op)m->op, {m->value.p, m->value.n}};
    }
    struct ampql_select select = {.size = sizeof select,
                                  .kind = e->kind,
                                  .matchers = matchers,
                                  .nmatchers = e->matchers.n,
                                  .mint_ms = e->after_ms,
                                  .maxt_ms = e->upto_ms,
                                  .start_ms = e->start_ms,
                                  .end_ms = e->end_ms,
                                  .step_ms = e->step_ms,
                                  .lookback_ms = e->lookback_ms,
                                  .dialect = e->dialect};
    struct held_parts parts = {0};
    if (held_plan(&list, &select, &arena, &parts, NULL) != AMPQL_OK)
        abort();
    check_parts(&select, &parts);

    /* beyond what it holds: found by others, or refused with a message */
    struct ampql_error err = {0};
    parts = (struct held_parts){0};
    select.maxt_ms += 1;
    select.end_ms += e->step_ms;
    enum ampql_code code = held_plan(&list, &select, &arena, &parts, &err);
    if (code == AMPQL_OK)
        check_parts(&select, &parts);
    else if (code != AMPQL_NOT_FOUND || err.message[0] == '\0')
        abort();
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ampql_file_options options = {0};
    struct ampql_error err = {0};
    struct bytes bytes = {(const char *)data, size, 0};
    struct folder *folder = NULL;
    struct input input;
    if (folder_new(&alloc_default, "f", &options, &folder, &err) != AMPQL_OK ||
        input_init(&input, &alloc_default, "s", bytes_read, &bytes, 0, &err) != AMPQL_OK)
        abort();
    enum ampql_code code = selects_read(&input, folder, &collect_parser, &err);
    if (code != AMPQL_OK && (err.code != code || err.message[0] == '\0'))
        abort();
    for (size_t i = 0; code == AMPQL_OK && i < folder->entries.n; i++)
        find_again(folder, &folder->entries.at[i].held);
    input_done(&input);
    folder_free(folder);
    return 0;
}
