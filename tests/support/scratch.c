/* The folder of a test program. */
#include "support/scratch.h"

#include "support/test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

char scratch_folder[64];

enum { NNAMES = 4, NAME_ROOM = 128 };

const char *scratch_path(const char *name)
{
    static char names[NNAMES][NAME_ROOM];
    static size_t next;
    char *out = names[next++ % NNAMES];
    snprintf(out, NAME_ROOM, "%s/%s", scratch_folder, name);
    return out;
}

static bool is_dots(const char *name)
{
    return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

void scratch_remove(const char *path)
{
    DIR *dir = opendir(path);
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        char name[NAME_ROOM + 300];
        if (is_dots(entry->d_name))
            continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (unlink(name) != 0)
            scratch_remove(name);
    }
    if (dir)
        closedir(dir);
    rmdir(path);
}

size_t scratch_count(const char *path)
{
    size_t n = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir));)
        n += !is_dots(entry->d_name);
    closedir(dir);
    return n;
}

int scratch_make(void **state)
{
    (void)state;
    static const char *const places[] = {"/dev/shm", "/tmp"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(scratch_folder, sizeof scratch_folder, "%s/ampql-test-XXXXXX", places[i]);
        if (mkdtemp(scratch_folder))
            return 0;
    }
    return -1;
}

int scratch_drop(void **state)
{
    (void)state;
    scratch_remove(scratch_folder);
    return 0;
}

char *scratch_read(const char *path)
{
    static char text[8192];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[n] = '\0';
    return text;
}
