/* libcurl by its functions' names. */
#include "source/http_library.h"

#include "base/library.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>

static const char *const names[] = {
#define FUNCTION(name) "curl_" #name,
    HTTP_LIBRARY_FUNCTIONS(FUNCTION)
#undef FUNCTION
};
enum { NAMES = sizeof names / sizeof *names };

static enum ampql_code load(struct http_library *out, struct ampql_error *err)
{
    static const struct library_file file = {"libcurl.so.4", /* so called since 7.16, of 2006 */
                                             "HTTP", "libcurl4", names, NAMES};
    library_function found[NAMES], has_pending;
    void *handle;
    _Static_assert(offsetof(struct http_library, has_pending) == sizeof found,
                   "a row of functions and one more");
    TRY(library_load(&file, found, &handle, err));
    memcpy(out, found, sizeof found);
    has_pending = library_find(handle, "SSL_has_pending"); /* in what it links */
    memcpy(&out->has_pending, &has_pending, sizeof has_pending);
    return AMPQL_OK;
}

static enum ampql_code start(const struct http_library *curl, struct ampql_error *err)
{
    CURLcode code = curl->global_init(CURL_GLOBAL_DEFAULT);
    return code == CURLE_OK ? AMPQL_OK
                            : fail(err, AMPQL_UNAVAILABLE, "libcurl does not start: %s",
                                   curl->easy_strerror(code));
}

enum ampql_code http_library(const struct http_library **out, struct ampql_error *err)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static struct http_library library;
    static bool is_loaded, is_started;
    pthread_mutex_lock(&mutex);
    enum ampql_code code = is_loaded ? AMPQL_OK : load(&library, err);
    is_loaded = code == AMPQL_OK;
    if (is_loaded && !is_started) {
        code = start(&library, err);
        is_started = code == AMPQL_OK;
    }
    pthread_mutex_unlock(&mutex);
    *out = &library;
    return code;
}
