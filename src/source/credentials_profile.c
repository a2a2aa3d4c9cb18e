/* Profile files. */
#include "source/credentials_profile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FILE = 1 << 20 };

/* ---- reading */

static enum ampql_code cannot_read(struct str path, const char *why, struct ampql_error *err)
{
    char quoted[320];
    return fail(err, AMPQL_BAD_DATA, "profile file %s: %s",
                quote_clipped(quoted, sizeof quoted, path), why);
}

static enum ampql_code read_descriptor(int fd, struct str path, struct arena *arena,
                                       struct str *out, struct ampql_error *err)
{
    struct stat stat;
    if (fstat(fd, &stat) != 0)
        return cannot_read(path, strerror(errno), err);
    if (S_ISDIR(stat.st_mode))
        return cannot_read(path, "is a folder", err);
    if (stat.st_size > MAX_FILE)
        return cannot_read(path, "is longer than 1 MiB", err);
    size_t size = S_ISREG(stat.st_mode) ? (size_t)stat.st_size + 1 : MAX_FILE + 1, n = 0;
    char *text = arena_alloc(arena, size, 1);
    if (!text)
        return fail_nomem(err, "a profile file");
    for (ssize_t got = 1; got != 0 && n < size;) {
        got = read(fd, text + n, size - n);
        if (got < 0 && errno != EINTR)
            return cannot_read(path, strerror(errno), err);
        n += got > 0 ? (size_t)got : 0;
    }
    if (n == size)
        return cannot_read(path, "changed while it was read, or is longer than 1 MiB", err);
    *out = str_make(text, n);
    return AMPQL_OK;
}

static enum ampql_code read_file(struct profile_file *file, struct arena *arena,
                                 struct ampql_error *err)
{
    struct str text;
    struct ampql_error why = {0};
    if (file->path.n == 0)
        return AMPQL_OK;
    if (memchr(file->path.p, '\0', file->path.n))
        return cannot_read(file->path, "a NUL byte in its name", err);
    int fd = open(file->path.p, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return AMPQL_OK;
    if (fd < 0)
        return cannot_read(file->path, strerror(errno), err);
    enum ampql_code code = read_descriptor(fd, file->path, arena, &text, err);
    close(fd);
    if (code != AMPQL_OK)
        return code;
    file->is_there = true;
    code = ini_parse(text, arena, &file->ini, &why);
    return code == AMPQL_BAD_DATA ? cannot_read(file->path, why.message, err)
           : code == AMPQL_OK     ? code
                                  : fail_nomem(err, "a profile file");
}

/* "~/x" in the home folder; NUL-terminated, in the arena */
static struct str expand(struct str path, struct str home, struct arena *arena)
{
    if (!str_has_prefix(path, STR("~/")))
        return arena_copy(arena, path);
    if (home.n == 0)
        return STR("");
    char *p = arena_alloc(arena, home.n + path.n, 1);
    if (!p)
        return (struct str){0};
    memcpy(p, home.p, home.n);
    memcpy(p + home.n, path.p + 1, path.n - 1);
    p[home.n + path.n - 1] = '\0';
    return str_make(p, home.n + path.n - 1);
}

enum ampql_code profiles_read(struct str credentials_path, struct str config_path, struct str home,
                              struct arena *arena, struct profiles *out, struct ampql_error *err)
{
    *out = (struct profiles){0};
    out->credentials.path = expand(credentials_path, home, arena);
    out->config.path = expand(config_path, home, arena);
    if (!out->credentials.path.p || !out->config.path.p)
        return fail_nomem(err, "a profile file");
    TRY(read_file(&out->credentials, arena, err));
    return read_file(&out->config, arena, err);
}

/* ---- looking up */

/* Is this section of the config file the profile? "default", or "profile" and the name, which may
 * be quoted. */
static bool is_profile(struct str section, struct str name)
{
    if (str_equal(name, STR("default")) && str_equal(section, name))
        return true;
    if (!str_has_prefix(section, STR("profile")))
        return false;
    section = str_from(section, 7);
    size_t blanks = 0;
    while (blanks < section.n && (section.p[blanks] == ' ' || section.p[blanks] == '\t'))
        blanks++;
    section = str_from(section, blanks);
    if (section.n >= 2 && (section.p[0] == '"' || section.p[0] == '\'') &&
        section.p[section.n - 1] == section.p[0])
        section = str_make(section.p + 1, section.n - 2);
    return blanks > 0 && str_equal(section, name);
}

static bool belongs(const struct profiles *profiles, const struct profile_file *file,
                    struct str section, struct str name)
{
    return file == &profiles->config ? is_profile(section, name) : str_equal(section, name);
}

bool profiles_has(const struct profiles *profiles, struct str name)
{
    const struct profile_file *const files[] = {&profiles->credentials, &profiles->config};
    for (size_t f = 0; f < 2; f++)
        for (size_t i = 0; i < files[f]->ini.n; i++)
            if (belongs(profiles, files[f], files[f]->ini.at[i].section, name))
                return true;
    return false;
}

struct str profile_file_get(const struct profiles *profiles, const struct profile_file *file,
                            struct str name, const char *key)
{
    for (size_t i = file->ini.n; i-- > 0;) {
        const struct ini_entry *e = &file->ini.at[i];
        if (str_equal(e->key, str_of(key)) && belongs(profiles, file, e->section, name))
            return e->value;
    }
    return STR("");
}

struct str profiles_get(const struct profiles *profiles, struct str name, const char *key)
{
    struct str value = profile_file_get(profiles, &profiles->credentials, name, key);
    return value.n ? value : profile_file_get(profiles, &profiles->config, name, key);
}
