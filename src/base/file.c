/* Reading files. */
#include "base/file.h"

#include <errno.h>
#include <unistd.h>

enum ampql_code file_read_at(int fd, const char *name, uint64_t offset, void *out, size_t n,
                             struct ampql_error *err)
{
    char *to = out;
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(fd, to + done, n - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail(err, AMPQL_UNAVAILABLE, "%.400s: %s", name, strerror(errno));
        if (got == 0)
            return fail(err, AMPQL_BAD_DATA, "%.400s: the file became shorter while it was read",
                        name);
        done += (size_t)got;
    }
    return AMPQL_OK;
}
