/* Annotations: what Prometheus 3.x remarks on a query that it answered. Prometheus 2.42 remarks
 * nothing. Each kind has one function here that knows its words; each text is kept once, at one
 * place.
 *
 * `where` is the expression that a remark is about; parentheses around it do not count. All of
 * them: err  AMPQL_NOMEM */
#ifndef AMPQL_SRC_EVAL_NOTE_H
#define AMPQL_SRC_EVAL_NOTE_H

#include "base/buf.h"
#include "eval/stage.h"

/* A quantile that is not in [0, 1]; any other is none. */
enum ampql_code note_quantile(struct stage *stage, const struct ast *where, double q);

/* A strategy of integral() that is none of 0, 1 and 2. */
enum ampql_code note_strategy(struct stage *stage, const struct ast *where, double strategy);

/* The most or least ratio of limit_ratio, when it lies outside of [-1, 1]. */
enum ampql_code note_ratio(struct stage *stage, const struct ast *where, double ratio, double cap);

/* rate or increase of a series that does not have a counter's name. */
enum ampql_code note_not_counter(struct stage *stage, const struct ast *where,
                                 struct labels labels);

/* A bucket whose le is no number. */
enum ampql_code note_bad_bucket(struct stage *stage, const struct ast *where, struct labels labels);

/* Bucket counts at a step that fell and were raised, in a histogram of those labels. After the
 * last: note_falls_end. */
enum ampql_code note_falling(struct stage *stage, const struct ast *where, struct labels labels,
                             const struct falling *falling, size_t step);
enum ampql_code note_falls_end(struct stage *stage);

/* Sorting in a range query. */
enum ampql_code note_sort(struct stage *stage);

/* A remark about the whole query that comes from elsewhere; text is kept as it is. */
enum ampql_code note_plain(struct eval_query *query, struct str text, struct ampql_error *err);

/* Write annotation i in full, with its place ` (line:column)`. */
void note_write(const struct eval_query *query, size_t i, struct buf *out);

#endif
