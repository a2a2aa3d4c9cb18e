/* Each block remembers its size in front of it, and always moves when it is resized, so that wrong
 * sizes and old pointers show. */
#include "faults/ledger.h"

#include "base/cxx.h"
#include "faults/malloc_shim.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FRONT = 16 };

static struct {
    pthread_mutex_t mutex;
    enum ledger_whose whose;
    uint64_t at, calls, live, trace;
    bool is_armed, keeps;
} ledger = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static const struct malloc_shim *shim(void)
{
    static const struct malloc_shim *found;
    if (!found)
        found = dlsym(RTLD_DEFAULT, MALLOC_SHIM);
    return found;
}

void ledger_pause(bool is_paused)
{
    if (shim())
        shim()->pause(is_paused);
}

/* The linker puts this before the product's: see README.md on RE2. */
enum ampql_code __real_cxx_regex_new(const char *pattern, size_t n, bool dot_is_all,
                                     struct cxx_regex **out, struct cxx_refusal *why);
enum ampql_code __wrap_cxx_regex_new(const char *pattern, size_t n, bool dot_is_all,
                                     struct cxx_regex **out, struct cxx_refusal *why);

enum ampql_code __wrap_cxx_regex_new(const char *pattern, size_t n, bool dot_is_all,
                                     struct cxx_regex **out, struct cxx_refusal *why)
{
    if (shim())
        shim()->first_only(true);
    enum ampql_code code = __real_cxx_regex_new(pattern, n, dot_is_all, out, why);
    if (shim())
        shim()->first_only(false);
    return code;
}

/* Under the mutex. */
static bool fails(void)
{
    if (!ledger.is_armed || ledger.whose != LEDGER_HOOK)
        return false;
    ledger.calls++;
    if (ledger.trace && ledger.at == ledger.trace && ledger.calls == ledger.at) {
        void *stack[24];
        backtrace_symbols_fd(stack, backtrace(stack, 24), STDERR_FILENO);
    }
    return ledger.at && (ledger.keeps ? ledger.calls >= ledger.at : ledger.calls == ledger.at);
}

static void *take(size_t size)
{
    ledger_pause(true);
    char *base = malloc(FRONT + size);
    ledger_pause(false);
    if (!base)
        abort();
    memset(base + FRONT, 0xa5, size);
    memcpy(base, &size, sizeof size);
    ledger.live++;
    return base + FRONT;
}

static void give_back(void *ptr, size_t size)
{
    char *base = (char *)ptr - FRONT;
    memset(base, 0xdb, FRONT + size);
    free(base);
    ledger.live--;
}

static size_t size_of(const void *ptr)
{
    size_t size = 0;
    if (ptr)
        memcpy(&size, (const char *)ptr - FRONT, sizeof size);
    return size;
}

static void *resize(void *payload, void *ptr, size_t old_size, size_t new_size)
{
    void *fresh = NULL;
    (void)payload;
    if (size_of(ptr) != old_size) {
        fprintf(stderr, "a block of %zu bytes is given back as %zu\n", size_of(ptr), old_size);
        abort();
    }
    pthread_mutex_lock(&ledger.mutex);
    if (new_size && !fails()) {
        fresh = take(new_size);
        if (ptr)
            memcpy(fresh, ptr, old_size < new_size ? old_size : new_size);
    }
    if (ptr && (fresh || !new_size))
        give_back(ptr, old_size);
    pthread_mutex_unlock(&ledger.mutex);
    return fresh;
}

const struct ampql_allocator ledger_allocator = {resize, NULL};

void ledger_trace(uint64_t at)
{
    ledger.trace = at;
}

bool ledger_has_shim(void)
{
    return shim() != NULL;
}

void ledger_arm(enum ledger_whose whose, uint64_t at, bool keeps)
{
    ledger.whose = whose;
    ledger.at = at;
    ledger.keeps = keeps;
    ledger.calls = 0;
    ledger.is_armed = true;
    if (whose != LEDGER_HOOK)
        shim()->arm(whose == LEDGER_OWN ? MALLOC_SHIM_PROGRAM : MALLOC_SHIM_LIBRARIES, at, keeps);
}

uint64_t ledger_disarm(void)
{
    ledger.is_armed = false;
    return ledger.whose == LEDGER_HOOK ? ledger.calls : shim()->disarm();
}

uint64_t ledger_live(enum ledger_whose whose)
{
    return whose == LEDGER_HOOK ? ledger.live : shim()->live();
}

void ledger_print_live(enum ledger_whose whose, FILE *out)
{
    if (whose != LEDGER_HOOK)
        shim()->print_live(out);
}
