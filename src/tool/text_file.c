/* Reading a whole file. */
#include "tool/text_file.h"

#include "base/buf.h"

#include <errno.h>
#include <stdio.h>

enum ampql_code text_file_read(struct arena *arena, const char *path, struct str *out,
                               struct ampql_error *err)
{
    bool is_stdin = str_equal(str_of(path), STR("-"));
    FILE *file = is_stdin ? stdin : fopen(path, "rb");
    struct buf buf;
    if (!file)
        return fail(err, AMPQL_BAD_DATA, "%s", strerror(errno));
    buf_init(&buf, arena->alc, TEXT_FILE_MAX);
    for (size_t n = 1; n > 0 && !buf.failed;) {
        enum { PIECE = 1 << 16 };
        char *room = buf_room(&buf, PIECE);
        n = room ? fread(room, 1, PIECE, file) : 0;
        buf.n += n;
    }
    enum ampql_code code = AMPQL_OK;
    if (ferror(file))
        code = fail(err, AMPQL_BAD_DATA, "%s", strerror(errno));
    else if (buf.failed == AMPQL_LIMIT)
        code = fail(err, AMPQL_LIMIT, "over %d MiB", TEXT_FILE_MAX >> 20);
    else if (buf.failed)
        code = fail_nomem(err, "the file");
    if (code == AMPQL_OK) {
        *out = buf.n ? arena_copy(arena, buf_view(&buf)) : (struct str){"", 0};
        if (!out->p)
            code = fail_nomem(err, "the file");
    }
    buf_done(&buf);
    if (!is_stdin)
        fclose(file);
    return code;
}
