/* Versions of what is loaded, which need not be what was compiled against. */
#include "tool/libraries.h"

#if AMPQL_HTTP
#include "source/http_library.h"
#endif

#include <cjson/cJSON.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <xxhash.h>
#include <yaml.h>
#include <zlib.h>
#include <zstd.h>

static const char *http_version(void)
{
#if AMPQL_HTTP
    const struct http_library *curl;
    struct ampql_error err;
    return http_library(&curl, &err) == AMPQL_OK ? curl->version() : "libcurl does not load";
#else
    return "no";
#endif
}

void libraries_list(struct library *out)
{
    char xxhash[32];
    unsigned v = XXH_versionNumber();
    snprintf(xxhash, sizeof xxhash, "%u.%u.%u", v / 10000, v / 100 % 100, v % 100);
    const char *const all[LIBRARIES][2] = {
        {"http", http_version()},
        {"crypto", OpenSSL_version(OPENSSL_VERSION_STRING)},
        {"cjson", cJSON_Version()},
        {"xxhash", xxhash},
        {"yaml", yaml_get_version_string()},
        {"zlib", zlibVersion()},
        {"zstd", ZSTD_versionString()},
#ifdef __VERSION__
        {"compiler", __VERSION__},
#else
        {"compiler", "unknown"},
#endif
    };
    for (size_t i = 0; i < LIBRARIES; i++) {
        out[i].name = all[i][0];
        snprintf(out[i].version, sizeof out[i].version, "%s", all[i][1]);
    }
}
