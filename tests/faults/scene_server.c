/* A query API on loopback, in a process of its own, in which nothing fails: one child a connection.
 */
#include "faults/scene.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_MAX = 1 << 16, RUNS_MAX = 1 << 20 };

static struct ampql_engine *engine;
static struct ampql_source *source;
static atomic_uchar *seen; /* [RUNS_MAX] which runs have had their fault */

struct request {
    char bytes[REQUEST_MAX];
    size_t n;          /* read so far */
    size_t head, body; /* bytes of each */
    const char *method, *target, *type;
};

/* The value of a header, or "". */
static const char *header(char *head, const char *name)
{
    for (char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, strlen(name)) == 0)
            return line + 2 + strlen(name) + strspn(line + 2 + strlen(name), ": ");
    return "";
}

/* One whole request, whose parts then are texts; false when there is none. */
static bool read_request(int fd, struct request *request)
{
    char *end = NULL;
    request->n = 0;
    while (!end || request->n < request->head + request->body) {
        ssize_t n = request->n < REQUEST_MAX - 1
                        ? read(fd, request->bytes + request->n, REQUEST_MAX - 1 - request->n)
                        : 0;
        if (n <= 0)
            return false;
        request->n += (size_t)n;
        request->bytes[request->n] = '\0';
        if (!end && (end = strstr(request->bytes, "\r\n\r\n"))) {
            request->head = (size_t)(end + 4 - request->bytes);
            request->body = strtoul(header(request->bytes, "content-length"), NULL, 10);
        }
    }
    request->type = strtok(strdup(header(request->bytes, "content-type")), "\r\n");
    request->method = strtok(request->bytes, " ");
    request->target = strtok(NULL, " ");
    return request->target != NULL;
}

static void send_all(int fd, const char *p, size_t n)
{
    for (ssize_t done; n > 0 && (done = send(fd, p, n, MSG_NOSIGNAL)) > 0; p += done)
        n -= (size_t)done;
}

static void respond(int fd, int status, struct ampql_string body, size_t nsent)
{
    char head[256];
    int n =
        snprintf(head, sizeof head,
                 "HTTP/1.1 %d x\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                 status, body.size);
    send_all(fd, head, (size_t)n);
    send_all(fd, body.data, nsent);
}

/* The first request of run N under /KIND/N. */
static bool is_first(const char *run)
{
    unsigned long number = strtoul(run, NULL, 10);
    return number < RUNS_MAX && atomic_exchange(&seen[number], 1) == 0;
}

/* Takes /KIND/N off the target; false when the connection is to end. */
static bool answer(int fd, struct request *request)
{
    static const char busy[] = "{\"status\":\"error\",\"errorType\":\"x\",\"error\":\"busy\"}";
    const char *kind = request->target, *run = strchr(kind + 1, '/');
    const char *rest = run ? strchr(run + 1, '/') : NULL;
    bool is_amp = strncmp(kind, "/workspaces/", 12) == 0;
    struct ampql_http_request asked = {
        .size = sizeof asked,
        .method = {request->method, strlen(request->method)},
        .target = {is_amp || !rest ? kind : rest, strlen(is_amp || !rest ? kind : rest)},
        .content_type = {request->type, request->type ? strlen(request->type) : 0},
        .body = {request->bytes + request->head, request->body}};
    struct ampql_answer *answered = NULL;
    if (strncmp(kind, "/refuse/", 8) == 0 ||
        (strncmp(kind, "/flaky/", 7) == 0 && is_first(run + 1))) {
        respond(fd, kind[1] == 'r' ? 403 : 503, (struct ampql_string){busy, sizeof busy - 1},
                sizeof busy - 1);
        return true;
    }
    if (ampql_http_answer(engine, source, &asked, NULL, &answered, NULL) != AMPQL_OK)
        return false;
    struct ampql_string body = ampql_answer_body(answered);
    bool is_cut = strncmp(kind, "/cut/", 5) == 0 && is_first(run + 1);
    respond(fd, ampql_answer_status(answered), body, is_cut ? body.size / 2 : body.size);
    ampql_answer_free(answered);
    return !is_cut;
}

_Noreturn static void serve(int listening)
{
    static struct request request;
    signal(SIGCHLD, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        int fd = accept(listening, NULL, NULL);
        if (fd >= 0 && fork() == 0) {
            while (read_request(fd, &request) && answer(fd, &request))
                ;
            _exit(0);
        }
        close(fd);
    }
}

const char *scene_server_start(void)
{
    static char url[64];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct ampql_error err;
    seen = mmap(NULL, RUNS_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, size) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) != 0 ||
        ampql_engine_new(NULL, &engine, &err) != AMPQL_OK ||
        ampql_source_memory(engine, NULL, &source, &err) != AMPQL_OK ||
        scene_fill(source, &err) != AMPQL_OK)
        abort();
    if (fork() == 0)
        serve(fd);
    close(fd);
    ampql_source_free(source);
    ampql_engine_free(engine);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", ntohs(at.sin_port));
    return url;
}
