/* A query here and in a server, compared in bits, and the one excuse for a difference.
 *
 * Prometheus builds what a binary operator, set operator, aggregation or instant function gives
 * over several steps - in a range query or a subquery - from a hash map. What then depends on the
 * order of series (sum, avg, stddev, stdvar, ties of topk) changes from request to request. So a
 * point may differ
 *   when the server contradicts itself on that very point: asked again, or asked for this step
 *   alone;
 *   and, when its own answers are within rounding of each other, ours is as near to them;
 *   or, when something is added up in a subquery or range query, by rounding only;
 *   and, for a range query without subquery, all of its steps, asked one by one, are equal in bits,
 *   or contradicted again. */
#ifndef AMPQL_TESTS_ORDER_H
#define AMPQL_TESTS_ORDER_H

#include "support/expr_gen.h"

struct order;

/* One connection to the server at url, and an engine; for one thread. Ends the program without
 * memory or HTTP client. */
struct order *order_new(const char *url);
void order_free(struct order *order);

/* From now on the engine evaluates over these series, which the server has too. */
void order_load(struct order *order, const struct expr_case *data);

enum order_verdict {
    ORDER_VALUES,    /* the same values */
    ORDER_EMPTY,     /* nothing, both */
    ORDER_FAILED,    /* both failed when they ran */
    ORDER_REFUSED,   /* both refused the text */
    ORDER_EXCUSED,   /* the server contradicts itself where they differ */
    ORDER_KNOWN,     /* they differ, and known.h says why they may */
    ORDER_DIFFERENT, /* `why` says how */
    ORDER_VERDICTS
};
extern const char *const order_verdict_text[ORDER_VERDICTS];

/* What the server says, its series in order of labels; the outcome lives in the arena. Ends the
 * program when the server does not answer, as order_judge does. */
enum ampql_code order_answer(struct order *order, const struct expr_case *c, struct arena *arena,
                             struct outcome *out);

enum order_verdict order_judge(struct order *order, const struct expr_case *c, struct buf *why);

#endif
