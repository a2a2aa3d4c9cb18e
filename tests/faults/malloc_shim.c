/* malloc and its relatives, failing on purpose. Loaded by LD_PRELOAD, it stands before glibc's for
 * the program and for every library, C++'s operator new among them.
 *
 * The program arms it through struct malloc_shim. A program that knows nothing of it is armed from
 * its start by the environment:
 *
 *   MALLOC_SHIM_AT=K      the K-th call fails; 0: none
 *   MALLOC_SHIM_KEEPS=1   and all after it
 *   MALLOC_SHIM_COUNT=F   the number of calls is written into the file F when the program ends
 *
 * Blocks that are taken while armed are remembered with the place that took them, so that it can be
 * said what is never given back. */
#include "faults/malloc_shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* glibc's own, under the names that stay when malloc is replaced */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *ptr, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *ptr);

enum { SLOTS = 1 << 16 }; /* of blocks held at once; more are not remembered */

struct block {
    void *ptr; /* NULL: never used; GONE: given back */
    void *caller;
};
#define GONE ((void *)1)

static struct {
    pthread_mutex_t mutex;
    uintptr_t from, to; /* where the program itself lies */
    unsigned whose;     /* 0: not armed */
    uint64_t at, calls, live;
    bool keeps, is_from_start;
    struct block blocks[SLOTS];
} state = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static __thread unsigned npaused __attribute__((tls_model("initial-exec")));
static __thread enum { EVERY, FIRST, NONE } which __attribute__((tls_model("initial-exec")));

/* ---- what is held */

static size_t slot_of(const void *ptr)
{
    return ((uintptr_t)ptr >> 4) * 0x9E3779B97F4A7C15u >> 48;
}

static void remember(void *ptr, void *caller)
{
    size_t slot = slot_of(ptr);
    for (size_t i = 0; i < SLOTS; i++, slot = (slot + 1) % SLOTS)
        if (!state.blocks[slot].ptr || state.blocks[slot].ptr == GONE) {
            state.blocks[slot] = (struct block){ptr, caller};
            state.live++;
            return;
        }
}

static void forget(const void *ptr)
{
    size_t slot = slot_of(ptr);
    for (size_t i = 0; state.live && i < SLOTS && state.blocks[slot].ptr;
         i++, slot = (slot + 1) % SLOTS)
        if (state.blocks[slot].ptr == ptr) {
            state.blocks[slot].ptr = GONE;
            state.live--;
            return;
        }
}

/* ---- calls */

/* Counts a call; true: it is to fail. */
static bool fails(const void *caller)
{
    uintptr_t at = (uintptr_t)caller;
    unsigned who = at >= state.from && at < state.to ? MALLOC_SHIM_PROGRAM : MALLOC_SHIM_LIBRARIES;
    if (npaused || which == NONE || !(state.whose & who))
        return false;
    which = which == FIRST ? NONE : which;
    uint64_t call = __atomic_add_fetch(&state.calls, 1, __ATOMIC_RELAXED);
    if (!state.at || (state.keeps ? call < state.at : call != state.at))
        return false;
    errno = ENOMEM;
    return true;
}

static void *taken(void *ptr, void *caller)
{
    uintptr_t at = (uintptr_t)caller;
    unsigned who = at >= state.from && at < state.to ? MALLOC_SHIM_PROGRAM : MALLOC_SHIM_LIBRARIES;
    if (ptr && (state.whose & who) && !npaused && !state.is_from_start) {
        pthread_mutex_lock(&state.mutex);
        remember(ptr, caller);
        pthread_mutex_unlock(&state.mutex);
    }
    return ptr;
}

static void given_back(const void *ptr)
{
    if (!ptr || !__atomic_load_n(&state.live, __ATOMIC_RELAXED))
        return;
    pthread_mutex_lock(&state.mutex);
    forget(ptr);
    pthread_mutex_unlock(&state.mutex);
}

#define CALLER __builtin_return_address(0)

#pragma GCC visibility push(default)

void *malloc(size_t size)
{
    return fails(CALLER) ? NULL : taken(__libc_malloc(size), CALLER);
}

void *calloc(size_t n, size_t size)
{
    return fails(CALLER) ? NULL : taken(__libc_calloc(n, size), CALLER);
}

void *realloc(void *ptr, size_t size)
{
    if (ptr && size == 0) {
        given_back(ptr);
        return __libc_realloc(ptr, 0);
    }
    if (fails(CALLER))
        return NULL;
    void *fresh = __libc_realloc(ptr, size);
    if (fresh)
        given_back(ptr);
    return taken(fresh, CALLER);
}

void *reallocarray(void *ptr, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(ptr, bytes);
}

void *memalign(size_t alignment, size_t size)
{
    return fails(CALLER) ? NULL : taken(__libc_memalign(alignment, size), CALLER);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return fails(CALLER) ? NULL : taken(__libc_memalign(alignment, size), CALLER);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *ptr = fails(CALLER) ? NULL : taken(__libc_memalign(alignment, size), CALLER);
    if (!ptr)
        return ENOMEM;
    *out = ptr;
    return 0;
}

void free(void *ptr)
{
    given_back(ptr);
    __libc_free(ptr);
}

#pragma GCC visibility pop

/* ---- for programs that know of it */

static void shim_arm(unsigned whose, uint64_t at, bool keeps)
{
    memset(state.blocks, 0, sizeof state.blocks);
    state.live = 0;
    state.calls = 0;
    state.at = at;
    state.keeps = keeps;
    __atomic_store_n(&state.whose, whose, __ATOMIC_SEQ_CST);
}

static uint64_t shim_disarm(void)
{
    __atomic_store_n(&state.whose, 0, __ATOMIC_SEQ_CST);
    return state.calls;
}

static void shim_pause(bool is_paused)
{
    npaused += is_paused ? 1 : (unsigned)-1;
}

static void shim_first_only(bool is_on)
{
    which = is_on ? FIRST : EVERY;
}

static uint64_t shim_live(void)
{
    return state.live;
}

static void shim_print_live(FILE *out)
{
    for (size_t i = 0; i < SLOTS; i++) {
        Dl_info info = {0};
        if (!state.blocks[i].ptr || state.blocks[i].ptr == GONE)
            continue;
        dladdr(state.blocks[i].caller, &info);
        fprintf(out, "    held: taken in %s by %s\n", info.dli_fname ? info.dli_fname : "?",
                info.dli_sname ? info.dli_sname : "a function without a name");
    }
}

__attribute__((visibility("default"))) const struct malloc_shim malloc_shim = {
    shim_arm, shim_disarm, shim_pause, shim_first_only, shim_live, shim_print_live};

/* ---- for programs that do not */

/* The first object is the program. */
static int find_program(struct dl_phdr_info *info, size_t size, void *payload)
{
    (void)size, (void)payload;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        uintptr_t to = from + info->dlpi_phdr[i].p_memsz;
        if (info->dlpi_phdr[i].p_type != PT_LOAD)
            continue;
        state.from = state.from && state.from < from ? state.from : from;
        state.to = state.to > to ? state.to : to;
    }
    return 1;
}

__attribute__((constructor)) static void begin(void)
{
    const char *at = getenv("MALLOC_SHIM_AT"), *keeps = getenv("MALLOC_SHIM_KEEPS");
    dl_iterate_phdr(find_program, NULL);
    if (!at)
        return;
    state.is_from_start = true;
    shim_arm(MALLOC_SHIM_PROGRAM | MALLOC_SHIM_LIBRARIES, strtoull(at, NULL, 10), keeps != NULL);
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("MALLOC_SHIM_COUNT");
    if (!state.is_from_start || !path)
        return;
    char text[32];
    int n = snprintf(text, sizeof text, "%llu\n", (unsigned long long)shim_disarm());
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, text, (size_t)n) != n)
        _exit(111);
    close(fd);
}
