/* credential_process: a command that prints keys. No shell sees it, its standard error goes nowhere
 * (it may hold anything), and it ends when its time does. */
#include "source/credentials_chain.h"

#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_MS = 60000, MAX_OUTPUT = 65536 };

extern char **environ;

/* ---- words */

struct words {
    ARRAY(char *);
};

/* One word into `word`, which has room for all of the command; false: a quote stays open. */
static bool take_word(struct str *rest, char *word, size_t *n)
{
    char quote = 0;
    size_t i = 0;
    *n = 0;
    for (; i < rest->n; i++) {
        char c = rest->p[i];
        if (!quote && (c == ' ' || c == '\t' || c == '\n'))
            break;
        if (c == quote) {
            quote = 0;
        } else if (!quote && (c == '"' || c == '\'')) {
            quote = c;
        } else if (c == '\\' && quote != '\'' && i + 1 < rest->n &&
                   (!quote || rest->p[i + 1] == '"' || rest->p[i + 1] == '\\')) {
            word[(*n)++] = rest->p[++i];
        } else {
            word[(*n)++] = c;
        }
    }
    *rest = str_from(*rest, i);
    return !quote;
}

enum ampql_code command_split(struct str command, struct arena *arena, char ***out, size_t *n,
                              struct ampql_error *err)
{
    struct words words = {0};
    if (command.n && memchr(command.p, '\0', command.n))
        return fail(err, AMPQL_BAD_DATA, "a NUL byte in the command");
    for (;;) {
        size_t length;
        while (command.n && (command.p[0] == ' ' || command.p[0] == '\t' || command.p[0] == '\n'))
            command = str_from(command, 1);
        if (command.n == 0)
            break;
        char *word = arena_alloc(arena, command.n + 1, 1);
        if (!word || !array_push(&words, arena, word))
            return fail_nomem(err, "a command");
        if (!take_word(&command, word, &length))
            return fail(err, AMPQL_BAD_DATA, "a quote in the command is not closed");
        word[length] = '\0';
    }
    *n = words.n;
    if (!array_push(&words, arena, NULL))
        return fail_nomem(err, "a command");
    *out = words.at;
    return *n && words.at[0][0] ? AMPQL_OK : fail(err, AMPQL_BAD_DATA, "an empty command");
}

/* ---- running */

/* In a process group of its own, so that what it starts ends with it. */
static int start(char **argv, int output, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int number = posix_spawn_file_actions_init(&files);
    if (number)
        return number;
    number = posix_spawnattr_init(&attributes);
    if (number) {
        posix_spawn_file_actions_destroy(&files);
        return number;
    }
    number = posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    if (!number)
        number = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!number)
        number = posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (!number)
        number = posix_spawnattr_setflags(
            &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    if (!number)
        number = posix_spawnp(pid, argv[0], &files, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return number;
}

static enum ampql_code keep_waiting(const struct aws_call *call, int64_t deadline_ms,
                                    struct ampql_error *err)
{
    if (time_monotonic() >= deadline_ms)
        return fail(err, AMPQL_UNAUTHORIZED, "%s: the command did not end within %d s", call->who,
                    MAX_MS / 1000);
    return call->http ? http_wait_ms(call->http, 0, err) : AMPQL_OK;
}

static enum ampql_code read_output(const struct aws_call *call, int fd, int64_t deadline_ms,
                                   char *text, size_t *n, struct ampql_error *err)
{
    *n = 0;
    for (;;) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        TRY(keep_waiting(call, deadline_ms, err));
        if (poll(&wait, 1, 20) <= 0)
            continue;
        ssize_t got = read(fd, text + *n, MAX_OUTPUT + 1 - *n);
        if (got == 0)
            return AMPQL_OK;
        if (got < 0 && errno != EINTR && errno != EAGAIN)
            return fail(err, AMPQL_UNAUTHORIZED, "%s: reading the command's output: %s", call->who,
                        strerror(errno));
        *n += got > 0 ? (size_t)got : 0;
        if (*n > MAX_OUTPUT)
            return fail(err, AMPQL_UNAUTHORIZED, "%s: the command printed more than %d bytes",
                        call->who, MAX_OUTPUT);
    }
}

/* Its output is at its end; it has to end too, in peace. */
static enum ampql_code wait_for(const struct aws_call *call, pid_t pid, int64_t deadline_ms,
                                bool *is_gone, struct ampql_error *err)
{
    for (;;) {
        int status = 0;
        pid_t ended = waitpid(pid, &status, WNOHANG);
        if (ended < 0 && errno == EINTR)
            continue;
        *is_gone = ended != 0;
        if (ended < 0) /* a host that ignores SIGCHLD: what was printed has to do */
            return AMPQL_OK;
        if (ended == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
            return AMPQL_OK;
        if (ended == pid && WIFEXITED(status))
            return fail(err, AMPQL_UNAUTHORIZED,
                        "%s: the command failed with status %d: run it by hand to see why",
                        call->who, WEXITSTATUS(status));
        if (ended == pid)
            return fail(err, AMPQL_UNAUTHORIZED, "%s: the command was ended by signal %d",
                        call->who, WTERMSIG(status));
        TRY(keep_waiting(call, deadline_ms, err));
        poll(NULL, 0, 5);
    }
}

static void end(pid_t pid)
{
    kill(-pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static enum ampql_code run(const struct aws_call *call, char **argv, char *text, size_t *n,
                           struct ampql_error *err)
{
    char quoted[320];
    int64_t deadline_ms = time_monotonic() + MAX_MS;
    int fds[2];
    pid_t pid = 0;
    bool is_gone = false;
    if (pipe2(fds, O_CLOEXEC) != 0)
        return fail(err, AMPQL_UNAVAILABLE, "%s: %s", call->who, strerror(errno));
    int number = start(argv, fds[1], &pid);
    close(fds[1]);
    enum ampql_code code = AMPQL_OK;
    if (number)
        code = fail(err, AMPQL_UNAUTHORIZED, "%s: cannot start %s: %s", call->who,
                    quote_clipped(quoted, sizeof quoted, str_of(argv[0])), strerror(number));
    if (code == AMPQL_OK)
        code = read_output(call, fds[0], deadline_ms, text, n, err);
    if (code == AMPQL_OK)
        code = wait_for(call, pid, deadline_ms, &is_gone, err);
    if (!number && !is_gone)
        end(pid);
    close(fds[0]);
    return code;
}

enum ampql_code process_load(const struct aws_call *call, struct str command,
                             struct aws_credentials *out, struct ampql_error *err)
{
    char **argv;
    size_t n;
    struct credentials_document document;
    struct ampql_error why = {0};
    enum ampql_code code = command_split(command, call->arena, &argv, &n, err);
    if (code != AMPQL_OK)
        return aws_call_name(call->who, code == AMPQL_BAD_DATA ? AMPQL_UNAUTHORIZED : code, err);
    char *text = arena_alloc(call->arena, MAX_OUTPUT + 1, 1);
    if (!text)
        return fail_nomem(err, "credentials");
    TRY(run(call, argv, text, &n, err));
    code = credentials_document_read(str_make(text, n), call->arena, &document, &why);
    if (code == AMPQL_OK && !str_equal(document.version, STR("1")))
        return fail(err, AMPQL_UNSUPPORTED, "%s: the command's JSON is not of Version 1",
                    call->who);
    if (code == AMPQL_OK)
        code = credentials_document_keys(&document, out, &why);
    if (code == AMPQL_NOMEM)
        return fail_nomem(err, "credentials");
    return code == AMPQL_OK ? code
                            : fail(err, AMPQL_UNAUTHORIZED, "%s: the command printed %s", call->who,
                                   why.message);
}
