/* The state file of a job of remote write: three lines of text.
 *
 *   ampql remote write 1
 *   job SHA-256
 *   until UNIX_MS */
#include "tool/remote_write.h"

#include "base/buf.h"
#include "tool/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static const char head[] = "ampql remote write 1\njob ";
static const char middle[] = "\nuntil ";

static bool take(struct str *s, const char *text)
{
    struct str prefix = str_of(text);
    if (!str_has_prefix(*s, prefix))
        return false;
    *s = str_from(*s, prefix.n);
    return true;
}

/* until := ["-"] digits "\n", as it is written: no zeros before it */
static bool take_until(struct str s, int64_t *out)
{
    char text[32];
    bool is_negative = take(&s, "-");
    uint64_t v = 0;
    for (size_t i = 0; i + 1 < s.n && s.p[i] >= '0' && s.p[i] <= '9' && v < INT64_MAX / 10; i++)
        v = v * 10 + (uint64_t)(s.p[i] - '0');
    *out = is_negative ? -(int64_t)v : (int64_t)v;
    int n = snprintf(text, sizeof text, "%" PRIu64 "\n", v);
    return str_equal(s, str_make(text, (size_t)n)) && !(is_negative && v == 0);
}

const char *write_state_parse(struct str text, const char *job, int64_t *until_ms)
{
    if (!take(&text, head))
        return "not a state file of remote write";
    if (!take(&text, job))
        return "the state of another job: other rules, times or URL; remove it to begin anew";
    return take(&text, middle) && take_until(text, until_ms) ? NULL : "damaged";
}

size_t write_state_print(const char *job, int64_t until_ms, char *out, size_t size)
{
    return (size_t)snprintf(out, size, "%s%s%s%" PRId64 "\n", head, job, middle, until_ms);
}

enum ampql_code write_state_read(const struct ampql_allocator *alc, const char *path,
                                 const char *job, int64_t *until_ms, struct ampql_error *err)
{
    struct arena arena;
    struct ampql_error why = {0};
    struct str text;
    *until_ms = INT64_MIN;
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return AMPQL_OK;
    arena_init(&arena, alc);
    enum ampql_code code = text_file_read(&arena, path, &text, &why);
    const char *wrong = code == AMPQL_OK ? write_state_parse(text, job, until_ms) : why.message;
    if (wrong)
        code = fail(err, code == AMPQL_OK ? AMPQL_BAD_DATA : code, "%s: %s", path, wrong);
    arena_done(&arena);
    return code;
}

static bool write_whole(const char *path, const char *text, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return false;
    bool ok = write(fd, text, n) == (ssize_t)n && fsync(fd) == 0;
    int why = errno;
    ok = close(fd) == 0 && ok;
    errno = why;
    return ok;
}

enum ampql_code write_state_write(const struct ampql_allocator *alc, const char *path,
                                  const char *job, int64_t until_ms, struct ampql_error *err)
{
    char text[256];
    struct buf temp;
    enum ampql_code code = AMPQL_OK;
    size_t n = write_state_print(job, until_ms, text, sizeof text);
    buf_init(&temp, alc, 1 << 16);
    buf_format(&temp, "%s.%ld.tmp", path, (long)getpid());
    buf_byte(&temp, '\0');
    if (temp.failed) {
        code = fail_nomem(err, "the name of a file");
    } else if (!write_whole(temp.p, text, n) || rename(temp.p, path) != 0) {
        code = fail(err, AMPQL_BAD_DATA, "%s: %s", path, strerror(errno));
        unlink(temp.p);
    }
    buf_done(&temp);
    return code;
}
