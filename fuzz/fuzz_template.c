/* Any text as an alert's template: expanded, or refused with a message that names the action; one
 * without actions comes out as it went in. */
#include "tool/template.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ampql_label labels[] = {{{"a", 1}, {"1", 1}}, {{"pod", 3}, {"x-1", 3}}};
    static const struct template_data values = {labels, 2, labels, 1, {"http://a", 8}, 12345.678};
    struct arena work;
    struct buf out;
    struct ampql_error err = {0};
    struct str text = str_make((const char *)data, size);
    arena_init(&work, &alloc_default);
    buf_init(&out, &alloc_default, 1 << 24);
    enum ampql_code code = template_expand(text, &values, &work, &out, &err);
    if (code != AMPQL_OK &&
        (err.code != code || code == AMPQL_NOMEM || strncmp(err.message, "template", 8) != 0))
        abort();
    if (!memmem(data, size, "{{", 2) &&
        (code != AMPQL_OK || out.n != size || (size && memcmp(out.p, data, size) != 0)))
        abort();
    buf_done(&out);
    arena_done(&work);
    return 0;
}
