/* Any bytes as a profile file: refused with the number of a line, or entries whose sections and
 * keys have names; and what is written out from them is read as the same entries. */
#include "base/buf.h"
#include "source/ini.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write(struct buf *out, const struct ini *ini)
{
    for (size_t i = 0; i < ini->n; i++) {
        const struct ini_entry *e = &ini->at[i];
        if (e->key.n == 0) {
            buf_byte(out, '[');
            buf_str(out, e->section);
            buf_text(out, "]\n");
            continue;
        }
        buf_str(out, e->key);
        buf_text(out, " = ");
        for (size_t k = 0; k < e->value.n; k++) {
            buf_byte(out, e->value.p[k]);
            if (e->value.p[k] == '\n')
                buf_text(out, "  ");
        }
        buf_byte(out, '\n');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct ini ini, again;
    struct buf text;
    struct ampql_error err = {0};
    arena_init(&arena, &alloc_default);
    buf_init(&text, &alloc_default, SIZE_MAX / 2);
    if (ini_parse(str_make((const char *)data, size), &arena, &ini, &err) == AMPQL_OK) {
        write(&text, &ini);
        if (text.failed || ini_parse(buf_view(&text), &arena, &again, &err) != AMPQL_OK ||
            ini.n != again.n)
            abort();
        for (size_t i = 0; i < ini.n; i++)
            if (!str_equal(ini.at[i].section, again.at[i].section) || ini.at[i].section.n == 0 ||
                !str_equal(ini.at[i].key, again.at[i].key) ||
                !str_equal(ini.at[i].value, again.at[i].value))
                abort();
    } else if (err.code != AMPQL_BAD_DATA || strncmp(err.message, "line ", 5) != 0) {
        abort();
    }
    buf_done(&text);
    arena_done(&arena);
    return 0;
}
