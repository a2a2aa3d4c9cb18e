/* Signs requests for sigv4_random.py. Each comes on standard input as a line with two lengths, then
 * so many bytes in the form of context.txt and of request.txt (tests/data/sigv4); the answer is a
 * line with the URL to send and the authorization header, separated by a tab, or "refused" and why.
 */
#include "support/sigv4_case.h"

#include <stdio.h>
#include <stdlib.h>

static bool take(struct arena *arena, size_t n, struct str *out)
{
    char *p = arena_alloc(arena, n + 1, 1);
    if (!p || fread(p, 1, n, stdin) != n)
        return false;
    *out = str_make(p, n);
    return true;
}

int main(void)
{
    size_t ncontext, nrequest;
    struct arena arena;
    arena_init(&arena, &alloc_default);
    for (; scanf("%zu %zu", &ncontext, &nrequest) == 2 && getchar() == '\n'; arena_reset(&arena)) {
        struct str context, request;
        struct sigv4_case c;
        struct sigv4_signed out;
        struct ampql_error err = {0};
        if (!take(&arena, ncontext, &context) || !take(&arena, nrequest, &request))
            break;
        if (!sigv4_case_parse(context, request, &c))
            printf("malformed\n");
        else if (sigv4_sign(&c.sigv4, &c.request, &arena, &out, &err) != AMPQL_OK)
            printf("refused\t%s\n", err.message);
        else
            printf("%.*s\t%.*s\n", STR_ARGS(out.url),
                   STR_ARGS(out.headers[out.nheaders - 1].value));
        fflush(stdout);
    }
    arena_done(&arena);
    return !feof(stdin);
}
