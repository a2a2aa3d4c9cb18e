/* The profiles of ~/.aws/credentials and ~/.aws/config: one set of keys and values a name, in which
 * the credentials file wins. */
#ifndef AMPQL_SRC_SOURCE_CREDENTIALS_PROFILE_H
#define AMPQL_SRC_SOURCE_CREDENTIALS_PROFILE_H

#include "source/ini.h"

struct profile_file {
    struct str path; /* empty: no home folder to look in */
    bool is_there;
    struct ini ini;
};

struct profiles {
    struct profile_file credentials; /* sections are names */
    struct profile_file config;      /* sections are "default" and "profile NAME" */
};

/* Read both files. One that does not exist is empty.
 *   credentials_path, config_path  "~/" at the beginning is the home folder
 *   home  may be empty
 *   err   AMPQL_BAD_DATA: cannot be read, or parsed: "PATH: line N: ..."; AMPQL_NOMEM */
enum ampql_code profiles_read(struct str credentials_path, struct str config_path, struct str home,
                              struct arena *arena, struct profiles *out, struct ampql_error *err);

bool profiles_has(const struct profiles *profiles, struct str name);

/* A value of a profile, empty when it is not there. */
struct str profiles_get(const struct profiles *profiles, struct str name, const char *key);

/* The same of one file. */
struct str profile_file_get(const struct profiles *profiles, const struct profile_file *file,
                            struct str name, const char *key);

#endif
