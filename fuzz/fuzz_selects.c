/* Any bytes as a selects.json: refused with a message, or entries each of which is found again by a
 * select that asks for just what it says it holds; what a select finds and what it misses are
 * together its times, each once. */
#include "support/collect.h"

#include "source/folder.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Held and missing parts together are the select's times, each once, in order. */
static void check_cover(const struct ampql_select *select, const struct held_cover *cover)
{
    bool is_raw = select->kind == AMPQL_SELECT_RAW;
    int64_t at = is_raw ? select->mint_ms : select->start_ms;
    size_t i = 0, j = 0;
    while (i < cover->held.n || j < cover->missing.n) {
        const struct held_part *held = i < cover->held.n ? &cover->held.at[i] : NULL;
        bool is_held = held && held->from_ms == at;
        const struct held_part *part = is_held ? held : &cover->missing.at[j];
        if ((!is_held && j == cover->missing.n) || part->from_ms != at || part->to_ms < at)
            abort();
        at = part->to_ms + (is_raw ? 0 : select->step_ms);
        i += is_held;
        j += !is_held;
    }
    if (is_raw ? at != select->maxt_ms : at <= select->end_ms)
        abort();
}

static void find_again(struct folder *folder, const struct held *e)
{
    struct arena arena;
    struct held_list list = {.at = folder->entries.at,
                             .n = folder->entries.n,
                             .size = sizeof *folder->entries.at,
                             .name = "f",
                             .alc = &alloc_default};
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
    struct held_cover cover;
    if (held_plan(&list, &select, &arena, &cover, NULL) != AMPQL_OK || cover.missing.n)
        abort();
    check_cover(&select, &cover);

    /* beyond what it holds: found by others, or refused with a message */
    struct ampql_error err = {0};
    select.maxt_ms += 1;
    select.end_ms += e->step_ms;
    enum ampql_code code = held_plan(&list, &select, &arena, &cover, &err);
    if (code != AMPQL_OK && (code != AMPQL_NOT_FOUND || err.message[0] == '\0'))
        abort();
    if (code == AMPQL_OK ? cover.missing.n > 0 : cover.missing.n == 0)
        abort();
    check_cover(&select, &cover);
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
