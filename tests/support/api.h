/* A query API in memory, as a transport: it evaluates what is asked of the series it is given, as
 * Prometheus does (written for the tests alone), within limits and with faults of choice. Its clock
 * stands still but for waits. */
#ifndef AMPQL_TESTS_API_H
#define AMPQL_TESTS_API_H

#include "base/buf.h"
#include "source/server.h"
#include "tool/evaluator.h"

enum api_fault {
    API_OK,
    API_CONNECT, /* no answer, with this cause: */
    API_RESET,
    API_TIMEOUT,
    API_TLS,
    API_CUT,      /* after cut_at bytes of the body the connection breaks, */
    API_SHORT,    /* or just ends, as if the body were whole */
    API_TRAILING, /* `body` follows the proper one */
    API_ANSWER,   /* the answer is `status`, `body` and the header */
    API_DENY,     /* a 403 with `body`, until refresh or a right clock makes it good */
};

struct api_answer {
    int status;
    struct str body;
};

struct api {
    struct ampql_allocator alc;       /* of transfers */
    const struct test_series *series; /* [n] */
    size_t n;
    enum ampql_dialect dialect; /* PROM2: left-closed */
    bool floors, takes_lookback, shuffles /* series in another order every time */;
    size_t piece; /* bytes of one read; 0: all */

    /* limits; 0: none */
    size_t max_samples; /* 422 */
    size_t max_bytes;   /* 413 */
    size_t max_series;  /* 422 */

    /* what goes wrong: requests of the query paths with these numbers, from 0 */
    enum api_fault fault;
    size_t fault_from, fault_count;
    size_t cut_at;
    int status;
    const char *body;
    const char *header_name, *header_value;

    /* instead of all that: request i gets answer i, those after the last one the last */
    const struct api_answer *answers; /* [nanswers] */
    size_t nanswers;

    /* what was seen */
    size_t nqueries, nrequests, nopen, nrefreshed;
    uint64_t billed;
    int64_t now_ms, waited_ms;
    int64_t server_ahead_ms; /* the server's clock less ours */
    int64_t last_start_ms;   /* what the last request was signed with */
    char last[2048];         /* path and decoded parameters of the last query */
    size_t most_open;
    struct ampql_error poll_error; /* code set: poll stops with it, at the next wait or read */
    bool has_cut, has_offset;      /* a query was cut by labels, had an offset */
    http_poll *poll;
    void *poll_payload;
};

void api_transport(struct api *api, struct transport *out);

/* What a select of these series gives, in the form of collect_select. */
void api_expect(const struct api *api, const struct ampql_select *select, struct buf *out);

/* Do the matchers of a select match? */
bool api_matches(const struct test_series *series, const struct ampql_matcher *matchers, size_t n);

#endif
