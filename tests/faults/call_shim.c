/* System calls that fail on purpose, for programs that know nothing of it. Loaded by LD_PRELOAD, it
 * stands before the C library's functions for the program and for every library. Standard error is
 * left alone: what went wrong can be said.
 *
 *   CALL_SHIM_FAIL="NAME K ERROR KEEPS"   the K-th call of NAME fails, from 1
 *       ERROR   an errno; 0: only a part is read or written; -1: it says that there is no more
 *       KEEPS   1: and all after it
 *   CALL_SHIM_COUNT=F   a line "NAME N" a function is written into the file F when the program ends
 *
 * What the C library does inside of itself is not seen: therefore its streams, too, have a row. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALLS(X)                                                                                   \
    X(open)                                                                                        \
    X(read)                                                                                        \
    X(pread)                                                                                       \
    X(write)                                                                                       \
    X(pwrite)                                                                                      \
    X(fsync)                                                                                       \
    X(fdatasync)                                                                                   \
    X(rename)                                                                                      \
    X(close)                                                                                       \
    X(mmap)                                                                                        \
    X(ftruncate)                                                                                   \
    X(flock)                                                                                       \
    X(mkdir)                                                                                       \
    X(fstat)                                                                                       \
    X(readdir)                                                                                     \
    X(fopen)                                                                                       \
    X(fread)                                                                                       \
    X(fwrite)                                                                                      \
    X(fflush)                                                                                      \
    X(fclose)                                                                                      \
    X(socket)                                                                                      \
    X(bind)                                                                                        \
    X(listen)                                                                                      \
    X(accept)                                                                                      \
    X(connect)                                                                                     \
    X(send)                                                                                        \
    X(recv)                                                                                        \
    X(poll)                                                                                        \
    X(pthread_create)

enum call {
#define CALL(name) CALL_##name,
    CALLS(CALL)
#undef CALL
        CALL_COUNT
};
static const char *const names[CALL_COUNT] = {
#define CALL(name) #name,
    CALLS(CALL)
#undef CALL
};

enum { PART = 0, END = -1, GO_ON = -2 }; /* else an errno */

static struct {
    enum call call;
    uint64_t at; /* 0: nothing fails */
    int error;
    bool keeps;
    uint64_t ncalls[CALL_COUNT];
} state;

/* Those of event counters and their like cannot fail so. */
static bool is_anonymous(int fd)
{
    struct stat st;
    return fd >= 0 && syscall(SYS_fstat, fd, &st) == 0 && (st.st_mode & S_IFMT) == 0;
}

/* What is to happen to this call: GO_ON, PART, END, or an errno, which is set. */
static int fault(enum call call, int fd)
{
    if (fd == STDERR_FILENO || is_anonymous(fd))
        return GO_ON;
    uint64_t n = __atomic_add_fetch(&state.ncalls[call], 1, __ATOMIC_RELAXED);
    if (!state.at || call != state.call || (state.keeps ? n < state.at : n != state.at))
        return GO_ON;
    if (state.error > 0)
        errno = state.error;
    return state.error;
}

static size_t part_of(size_t n)
{
    return n > 1 ? (n + 1) / 2 : n;
}

/* The function that stands behind ours. */
static void find(void *function, const char *name)
{
    void *address = dlsym(RTLD_NEXT, name);
    if (!address)
        abort();
    memcpy(function, &address, sizeof address);
}

#define REAL(type, name, ...)                                                                      \
    static type (*real)(__VA_ARGS__);                                                              \
    if (!real)                                                                                     \
    find(&real, name)

#pragma GCC visibility push(default)
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wpedantic" /* addresses of sockets are a union in glibc */

/* ---- files */

static mode_t mode_of(int flags, va_list args)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

#define OPEN(...)                                                                                  \
    va_list args;                                                                                  \
    va_start(args, flags);                                                                         \
    mode_t mode = mode_of(flags, args);                                                            \
    va_end(args);                                                                                  \
    return fault(CALL_open, -1) == GO_ON ? (int)syscall(SYS_openat, __VA_ARGS__, flags, mode) : -1

int open(const char *path, int flags, ...)
{
    OPEN(AT_FDCWD, path);
}

int open64(const char *path, int flags, ...)
{
    OPEN(AT_FDCWD, path);
}

int openat(int fd, const char *path, int flags, ...)
{
    OPEN(fd, path);
}

int __openat_2(int fd, const char *path, int flags)
{
    return fault(CALL_open, -1) == GO_ON ? (int)syscall(SYS_openat, fd, path, flags, 0) : -1;
}

int __open_2(const char *path, int flags)
{
    return __openat_2(AT_FDCWD, path, flags);
}

ssize_t read(int fd, void *to, size_t n)
{
    REAL(ssize_t, "read", int, void *, size_t);
    int f = fault(CALL_read, fd);
    return f > 0 ? -1 : f == END ? 0 : real(fd, to, f == PART ? part_of(n) : n);
}

ssize_t pread(int fd, void *to, size_t n, off_t offset)
{
    REAL(ssize_t, "pread", int, void *, size_t, off_t);
    int f = fault(CALL_pread, fd);
    return f > 0 ? -1 : f == END ? 0 : real(fd, to, f == PART ? part_of(n) : n, offset);
}

ssize_t pread64(int fd, void *to, size_t n, off_t offset)
{
    return pread(fd, to, n, offset);
}

ssize_t write(int fd, const void *from, size_t n)
{
    REAL(ssize_t, "write", int, const void *, size_t);
    int f = fault(CALL_write, fd);
    return f > 0 ? -1 : real(fd, from, f == PART ? part_of(n) : n);
}

ssize_t pwrite(int fd, const void *from, size_t n, off_t offset)
{
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
    int f = fault(CALL_pwrite, fd);
    return f > 0 ? -1 : real(fd, from, f == PART ? part_of(n) : n, offset);
}

ssize_t pwrite64(int fd, const void *from, size_t n, off_t offset)
{
    return pwrite(fd, from, n, offset);
}

int fsync(int fd)
{
    REAL(int, "fsync", int);
    return fault(CALL_fsync, fd) > 0 ? -1 : real(fd);
}

int fdatasync(int fd)
{
    REAL(int, "fdatasync", int);
    return fault(CALL_fdatasync, fd) > 0 ? -1 : real(fd);
}

int rename(const char *from, const char *to)
{
    REAL(int, "rename", const char *, const char *);
    return fault(CALL_rename, -1) > 0 ? -1 : real(from, to);
}

/* Closed it is, as by Linux. */
int close(int fd)
{
    REAL(int, "close", int);
    int f = fault(CALL_close, fd), result = real(fd);
    if (f <= 0)
        return result;
    errno = f;
    return -1;
}

void *mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
    REAL(void *, "mmap", void *, size_t, int, int, int, off_t);
    return fault(CALL_mmap, -1) > 0 ? MAP_FAILED : real(at, n, protection, flags, fd, offset);
}

int ftruncate(int fd, off_t size)
{
    REAL(int, "ftruncate", int, off_t);
    return fault(CALL_ftruncate, fd) > 0 ? -1 : real(fd, size);
}

int flock(int fd, int how)
{
    REAL(int, "flock", int, int);
    return fault(CALL_flock, fd) > 0 ? -1 : real(fd, how);
}

int mkdir(const char *path, mode_t mode)
{
    REAL(int, "mkdir", const char *, mode_t);
    return fault(CALL_mkdir, -1) > 0 ? -1 : real(path, mode);
}

int fstat(int fd, struct stat *out)
{
    REAL(int, "fstat", int, struct stat *);
    return fault(CALL_fstat, fd) > 0 ? -1 : real(fd, out);
}

struct dirent *readdir(DIR *dir)
{
    REAL(struct dirent *, "readdir", DIR *);
    return fault(CALL_readdir, -1) > 0 ? NULL : real(dir);
}

/* ---- streams */

FILE *fopen(const char *path, const char *mode)
{
    REAL(FILE *, "fopen", const char *, const char *);
    return fault(CALL_fopen, -1) > 0 ? NULL : real(path, mode);
}

static void break_stream(FILE *stream)
{
    stream->_flags |= _IO_ERR_SEEN;
}

size_t fread(void *to, size_t size, size_t n, FILE *stream)
{
    REAL(size_t, "fread", void *, size_t, size_t, FILE *);
    if (fault(CALL_fread, -1) <= 0)
        return real(to, size, n, stream);
    break_stream(stream);
    return 0;
}

size_t fwrite(const void *from, size_t size, size_t n, FILE *stream)
{
    REAL(size_t, "fwrite", const void *, size_t, size_t, FILE *);
    if (fault(CALL_fwrite, fileno(stream)) <= 0)
        return real(from, size, n, stream);
    break_stream(stream);
    return 0;
}

int fflush(FILE *stream)
{
    REAL(int, "fflush", FILE *);
    if (fault(CALL_fflush, stream ? fileno(stream) : -1) <= 0)
        return real(stream);
    return EOF;
}

int fclose(FILE *stream)
{
    REAL(int, "fclose", FILE *);
    int f = fault(CALL_fclose, fileno(stream)), result = real(stream);
    if (f <= 0)
        return result;
    errno = f;
    return EOF;
}

/* ---- sockets */

int socket(int domain, int type, int protocol)
{
    REAL(int, "socket", int, int, int);
    return fault(CALL_socket, -1) > 0 ? -1 : real(domain, type, protocol);
}

int bind(int fd, const struct sockaddr *at, socklen_t n)
{
    REAL(int, "bind", int, const struct sockaddr *, socklen_t);
    return fault(CALL_bind, fd) > 0 ? -1 : real(fd, at, n);
}

int listen(int fd, int backlog)
{
    REAL(int, "listen", int, int);
    return fault(CALL_listen, fd) > 0 ? -1 : real(fd, backlog);
}

int accept4(int fd, struct sockaddr *from, socklen_t *n, int flags)
{
    REAL(int, "accept4", int, struct sockaddr *, socklen_t *, int);
    return fault(CALL_accept, fd) > 0 ? -1 : real(fd, from, n, flags);
}

int accept(int fd, struct sockaddr *from, socklen_t *n)
{
    return accept4(fd, from, n, 0);
}

int connect(int fd, const struct sockaddr *to, socklen_t n)
{
    REAL(int, "connect", int, const struct sockaddr *, socklen_t);
    return fault(CALL_connect, fd) > 0 ? -1 : real(fd, to, n);
}

ssize_t send(int fd, const void *from, size_t n, int flags)
{
    REAL(ssize_t, "send", int, const void *, size_t, int);
    int f = fault(CALL_send, fd);
    return f > 0 ? -1 : real(fd, from, f == PART ? part_of(n) : n, flags);
}

ssize_t sendto(int fd, const void *from, size_t n, int flags, const struct sockaddr *to,
               socklen_t nto)
{
    REAL(ssize_t, "sendto", int, const void *, size_t, int, const struct sockaddr *, socklen_t);
    return fault(CALL_send, fd) > 0 ? -1 : real(fd, from, n, flags, to, nto);
}

/* A part: of the first piece. */
ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    REAL(ssize_t, "sendmsg", int, const struct msghdr *, int);
    int f = fault(CALL_send, fd);
    struct msghdr less = *message;
    if (f == PART && less.msg_iovlen) {
        struct iovec first = less.msg_iov[0];
        first.iov_len = part_of(first.iov_len);
        less.msg_iov = &first;
        less.msg_iovlen = 1;
        return real(fd, &less, flags);
    }
    return f > 0 ? -1 : real(fd, message, flags);
}

ssize_t recv(int fd, void *to, size_t n, int flags)
{
    REAL(ssize_t, "recv", int, void *, size_t, int);
    int f = fault(CALL_recv, fd);
    return f > 0 ? -1 : f == END ? 0 : real(fd, to, f == PART ? part_of(n) : n, flags);
}

int poll(struct pollfd *fds, nfds_t n, int ms)
{
    REAL(int, "poll", struct pollfd *, nfds_t, int);
    return fault(CALL_poll, -1) > 0 ? -1 : real(fds, n, ms);
}

int pthread_create(pthread_t *out, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *payload)
{
    REAL(int, "pthread_create", pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    int f = fault(CALL_pthread_create, -1);
    return f > 0 ? f : real(out, attributes, run, payload);
}

#pragma GCC visibility pop

/* ---- from start to end */

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("CALL_SHIM_FAIL");
    char name[32];
    unsigned long long at;
    int error, keeps;
    memset(state.ncalls, 0, sizeof state.ncalls);
    if (!text)
        return;
    if (sscanf(text, "%31s %llu %d %d", name, &at, &error, &keeps) != 4)
        _exit(111);
    for (int i = 0; i < CALL_COUNT; i++)
        if (strcmp(names[i], name) == 0)
            state.call = (enum call)i;
    state.error = error;
    state.keeps = keeps;
    state.at = at;
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("CALL_SHIM_COUNT");
    char text[CALL_COUNT * 48];
    size_t n = 0;
    if (!path)
        return;
    state.at = 0;
    for (int i = 0; i < CALL_COUNT; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s %llu\n", names[i],
                              (unsigned long long)state.ncalls[i]);
    long fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || syscall(SYS_write, fd, text, n) != (long)n)
        _exit(111);
}
