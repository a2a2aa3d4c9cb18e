/* libcurl by its functions' names. */
#include "source/http_library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#define FILE_NAME "libcurl.so.4" /* so called since 7.16, of 2006 */

typedef void (*any_function)(void);

static const char *const names[] = {
#define FUNCTION(name) "curl_" #name,
    HTTP_LIBRARY_FUNCTIONS(FUNCTION)
#undef FUNCTION
};

/* POSIX lets a function's address pass through a void pointer, ISO C does not. */
static any_function find(void *file, const char *name)
{
    any_function function = NULL;
    void *address = dlsym(file, name);
    _Static_assert(sizeof function == sizeof address, "dlsym gives addresses of functions");
    memcpy(&function, &address, sizeof function);
    return function;
}

static enum ampql_code load(struct http_library *out, struct ampql_error *err)
{
    void *file = dlopen(FILE_NAME, RTLD_NOW | RTLD_LOCAL);
    if (!file)
        return fail(err, AMPQL_UNAVAILABLE,
                    "HTTP needs libcurl, which does not load: %s (Debian's package is libcurl4)",
                    dlerror());
    any_function found[sizeof names / sizeof *names];
    _Static_assert(offsetof(struct http_library, has_pending) == sizeof found,
                   "a row of functions and one more");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!(found[i] = find(file, names[i]))) {
            dlclose(file);
            return fail(err, AMPQL_UNSUPPORTED, FILE_NAME " has no %s", names[i]);
        }
    memcpy(out, found, sizeof found);
    any_function has_pending = find(file, "SSL_has_pending"); /* in what it links */
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
