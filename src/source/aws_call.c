/* Small documents from AWS's services. */
#include "source/aws_call.h"

#include "base/quote.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { MAX_DOCUMENT = 65536 };

enum ampql_code aws_call_name(const char *who, enum ampql_code code, struct ampql_error *err)
{
    char message[AMPQL_MESSAGE_MAX + 64];
    if (!err)
        return code;
    snprintf(message, sizeof message, "%.60s: %s", who, err->message);
    return fail(err, code, "%s", message);
}

static bool is_transient(int status)
{
    return status == 429 || status >= 500;
}

enum ampql_code aws_call_send(const struct aws_call *call, const struct http_request *request,
                              struct http_response *out, struct ampql_error *err)
{
    int64_t wait_ms = call->wait_ms;
    enum ampql_code code = AMPQL_OK;
    for (unsigned i = 0; i < call->tries; i++, wait_ms *= 2) {
        if (i > 0)
            TRY(http_wait_ms(call->http, wait_ms, err));
        code = http_call(call->http, request, MAX_DOCUMENT, call->arena, out, err);
        if (code == AMPQL_OK && !is_transient(out->status))
            return AMPQL_OK;
        if (code != AMPQL_OK && out->cause == HTTP_CAUSE_NONE)
            return code; /* canceled, the deadline, no memory */
        if (code == AMPQL_BAD_DATA || out->cause == HTTP_CAUSE_TLS ||
            out->cause == HTTP_CAUSE_LIMIT)
            break;
    }
    return code == AMPQL_OK ? code : aws_call_name(call->who, code, err);
}

static bool repeats(struct str text, struct str secret)
{
    for (size_t i = 0; secret.n && i + secret.n <= text.n; i++)
        if (memcmp(text.p + i, secret.p, secret.n) == 0)
            return true;
    return false;
}

/* Also a part of a secret is one: half a token in a message is too much. */
bool aws_call_repeats(const struct aws_call *call, struct str text)
{
    enum { PART = 12 };
    for (size_t i = 0; i < sizeof call->secrets / sizeof *call->secrets; i++) {
        struct str secret = call->secrets[i];
        if (secret.n <= PART) {
            if (repeats(text, secret))
                return true;
            continue;
        }
        for (size_t k = 0; k + PART <= secret.n; k++)
            if (repeats(text, str_make(secret.p + k, PART)))
                return true;
    }
    return false;
}

enum ampql_code aws_call_refused(const struct aws_call *call, const struct aws_refusal *refusal,
                                 enum ampql_code code, struct ampql_error *err)
{
    char kind[80] = "", said[220] = "", request_id[96] = "";
    size_t n = 0;
    for (size_t i = 0; i < refusal->code.n && n + 2 < sizeof kind; i++) {
        char c = refusal->code.p[i];
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
            c == '.' || c == '_')
            kind[n++] = c;
    }
    kind[n] = '\0';
    if (aws_call_repeats(call, refusal->code))
        kind[0] = '\0';
    if (refusal->message.n && aws_call_repeats(call, refusal->message))
        snprintf(said, sizeof said, "(its message repeats a secret)");
    else if (refusal->message.n)
        quote_text(said, sizeof said, refusal->message);
    if (refusal->request_id.n && !aws_call_repeats(call, refusal->request_id)) {
        char quoted[80];
        quote_clipped(quoted, sizeof quoted, refusal->request_id);
        snprintf(request_id, sizeof request_id, " (request id %s)", quoted);
    }
    return fail(err, code, "%s: HTTP %d%s%s%s%s%s%s%s", call->who, refusal->status,
                kind[0] ? " " : "", kind, said[0] ? ": " : "", said, request_id,
                refusal->advice ? ": " : "", refusal->advice ? refusal->advice : "");
}

enum ampql_code aws_token_file(struct arena *arena, const char *who, struct str path,
                               struct str *out, struct ampql_error *err)
{
    char quoted[320];
    struct str name = arena_copy(arena, path);
    char *text = arena_alloc(arena, MAX_DOCUMENT + 1, 1);
    if (!name.p || !text)
        return fail_nomem(err, "a token");
    quote_clipped(quoted, sizeof quoted, path);
    int fd = memchr(path.p, '\0', path.n) ? -1 : open(name.p, O_RDONLY | O_CLOEXEC);
    size_t n = 0;
    ssize_t got = fd < 0 ? -1 : 1;
    while (got > 0 && n <= MAX_DOCUMENT) {
        got = read(fd, text + n, MAX_DOCUMENT + 1 - n);
        if (got < 0 && errno == EINTR)
            got = 1;
        else
            n += got > 0 ? (size_t)got : 0;
    }
    int number = errno;
    if (fd >= 0)
        close(fd);
    if (got < 0)
        return fail(err, AMPQL_UNAUTHORIZED,
                    "%s: token file %s: %s; is the token mounted, and readable by this user?", who,
                    quoted, strerror(number));
    while (n && (text[n - 1] == '\n' || text[n - 1] == '\r' || text[n - 1] == ' '))
        n--;
    if (n == 0 || n > MAX_DOCUMENT)
        return fail(err, AMPQL_UNAUTHORIZED, "%s: token file %s %s", who, quoted,
                    n ? "is too long for a token" : "is empty");
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] <= 0x20 || (unsigned char)text[i] >= 0x7f)
            return fail(err, AMPQL_UNAUTHORIZED,
                        "%s: token file %s holds a blank, line break or control byte inside the "
                        "token",
                        who, quoted);
    *out = str_make(text, n);
    return AMPQL_OK;
}

bool aws_parse_time(struct str text, int64_t *out)
{
    return text.n >= 20 && text.p[4] == '-' && time_parse(text, 0, out, NULL) == AMPQL_OK;
}
