/* A request to sign, and what should come out, from a folder of tests/data/sigv4. */
#ifndef AMPQL_TESTS_SIGV4_CASE_H
#define AMPQL_TESTS_SIGV4_CASE_H

#include "base/arena.h"
#include "source/http.h"
#include "source/sigv4.h"

enum { SIGV4_CASE_HEADERS = 32 };

struct sigv4_case {
    struct sigv4 sigv4;
    struct aws_credentials credentials;
    struct http_request request;
    struct http_header headers[SIGV4_CASE_HEADERS];
    struct str canonical_request, string_to_sign, authorization;
};

/* The parts of context.txt and request.txt into out, as views of them. False when they have another
 * form. */
bool sigv4_case_parse(struct str context, struct str request, struct sigv4_case *out);

/* All files of folder. False when one is missing or malformed. */
bool sigv4_case_load(const char *folder, struct arena *arena, struct sigv4_case *out);

#endif
