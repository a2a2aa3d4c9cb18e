/* Evaluation: pure functions of plan, series, grid and limits. It asks nothing of anyone.
 *
 * Push style: the engine feeds each series of each select to the leaves that want it; rows run up
 * through operators to a result. An operator keeps rows only where it must see them together. */
#ifndef AMPQL_SRC_EVAL_EVAL_H
#define AMPQL_SRC_EVAL_EVAL_H

#include "base/array.h"
#include "base/error.h"
#include "base/index.h"
#include "base/pool.h"
#include "eval/poll.h"
#include "plan/plan.h"
#include "series/labels.h"
#include "series/row.h"
#include "series/sample.h"

/* Rows of one length. */
struct row_pool {
    size_t nsteps;
    struct pool pool;
    struct row_pool *next;
};

struct stage;

/* The state that all queries of a run share. */
struct eval {
    const struct ampql_allocator *alc;
    struct arena work; /* freed when the run ends */
    struct arena temp; /* labels on their way up; reset after each series */
    struct symbols *symbols;
    const struct plan *plan;
    enum ampql_dialect dialect;
    bool delays_names;             /* names that are dropped go at the end */
    uint64_t samples, max_samples; /* read and held, against the limit */
    uint64_t window_room;          /* for a window's samples, of the select that is fed */
    uint64_t max_series;           /* of each list of series */
    struct poll poll;              /* whether long work may go on */
    struct row_pool *pools;
    struct stage *ops; /* all of them, to be released */
};

/* An output series that was kept: labels and row live in the work arena and the pools. */
struct kept {
    struct labels labels;
    struct row row;
};

/* Series kept, in order of arrival. */
struct kept_list {
    ARRAY(struct kept);
};

/* Samples kept: of range selectors and subqueries that are the whole query. */
struct kept_samples {
    struct labels labels;
    int64_t *t;
    double *v;
    size_t n;
};

/* Bucket counts that fell. */
struct falling {
    uint64_t n; /* how often */
    double from, to, difference;
    int64_t first_ms, last_ms;
};

/* An annotation. One about falling bucket counts gathers what it says until the query ends. */
struct note {
    struct str text; /* "PromQL warning: ...", up to the place */
    size_t start;    /* place in the query text; SIZE_MAX: none */
    unsigned node;   /* which said so: its place in the order of evaluation */
    bool is_falling;
    struct falling falling;
    struct {
        ARRAY(unsigned);
    } told;          /* of falling: nodes that have counted theirs */
    uint64_t *falls; /* [nsteps] of the node that is counting; NULL: none is */
};

/* Annotations, each text once, in order of first sight. */
struct notes {
    ARRAY(struct note);
    struct index index;
    const struct stage *last_stage; /* of the last remark on a counter's name, */
    symbol last_name;               /*    and the name */
};

/* One query of the run and what became of it. */
struct eval_query {
    struct eval *eval;
    const struct node *root;
    enum ampql_code code;
    struct ampql_error err;
    struct ampql_error failure; /* the earliest of evaluation; code AMPQL_OK: none, */
    unsigned failed_at;         /*    and its place in the order of Prometheus's evaluation */
    struct kept_list rows;      /* scalar: one; vector */
    struct {
        ARRAY(struct kept_samples);
    } samples; /* matrix of an instant query */
    struct {
        ARRAY(struct leaf);
    } leaves; /* those fed by selects */
    struct {
        ARRAY(struct stage *);
    } constants;     /* leaves that need no series, in tree order */
    struct str text; /* of the query, for the places of annotations; may be empty */
    struct notes notes;
    bool order_varies; /* of a node that watches it: no instant query would have had this order */
};

/* A series that is fed to a leaf: of the source, or of records. */
struct fed {
    struct labels labels;
    struct samples samples;
    bool is_points;          /* on the leaf's grid, lookback applied */
    const uint32_t *writers; /* [samples.n] of records: which wrote each; NULL: the source has it */
};

/* Series that wait. */
struct fed_list {
    ARRAY(struct fed);
};

/* A leaf operator, which the source feeds, or records, or both: then its series wait for each
 * other. */
struct leaf {
    struct stage *stage; /* NULL of what is evaluated tick by tick: then they wait for that */
    const struct node *node;
    struct fed_list *waiting; /* NULL: they go on as they come */
    unsigned nopen;           /* by how many it is still fed */
};

/* What a run may hold at once, and each of its lists of series. */
struct eval_limits {
    uint64_t max_samples, max_series;
};

void eval_init(struct eval *eval, const struct ampql_allocator *alc, struct symbols *symbols,
               const struct plan *plan, const struct eval_limits *limits);
void eval_done(struct eval *eval);

/* Build the operators of a query; its text must outlive it.
 *   err  AMPQL_EXECUTION (constant arguments that cannot be), AMPQL_UNSUPPORTED, AMPQL_NOMEM; also
 * kept in query */
enum ampql_code eval_query_init(struct eval_query *query, struct eval *eval,
                                const struct node *root, struct str text);

/* The same for an expression that is evaluated tick by tick: only its leaves, which hold what they
 * are fed. */
enum ampql_code eval_query_hold(struct eval_query *query, struct eval *eval,
                                const struct node *root, struct str text);

/* Feed: first the constants of a query, then each series of a select to its leaves, then the leaf's
 * end; eval_finish after all leaves. A query that failed takes nothing more; query->code and err
 * say why: in full only after eval_finish. */
void eval_start(struct eval_query *query);
void eval_series(struct eval_query *query, const struct leaf *leaf, const struct fed *fed);
void eval_end(struct eval_query *query, struct leaf *leaf);
void eval_finish(struct eval_query *query);

/* The same as eval_series in two steps, for leaves that need nothing but the series at hand: its
 * row, on any thread, each with a hand of its own, and then that row's way up, on the run's thread.
 *
 *   eval_is_apart   is it such a leaf, now?
 *   eval_hand_new   as long as the leaf; what fails for it fills err. NULL: no memory
 *   eval_compute    row  [its grid] the caller's, is cleared first;  returns  what evaluation
 * failed with, err is filled: eval_commit wants to know eval_commit     code, and err of a failure
 */
struct eval_hand;
bool eval_is_apart(const struct leaf *leaf);
struct eval_hand *eval_hand_new(const struct leaf *leaf, struct ampql_error *err);
void eval_hand_free(struct eval_hand *hand);
enum ampql_code eval_compute(const struct leaf *leaf, struct eval_hand *hand, const struct fed *fed,
                             struct row *row);
void eval_commit(struct eval_query *query, const struct leaf *leaf, struct labels labels,
                 struct row *row, enum ampql_code code, const struct ampql_error *err);

/* Another select is about to be fed: what is held now counts against the windows of its series. */
void eval_begin_select(struct eval *eval);

/* Can the leaf's series still change what becomes of the query? */
bool eval_wants(const struct eval_query *query, const struct leaf *leaf);

/* Let go of what a query holds outside of the arenas; also of a zeroed one. */
void eval_query_done(struct eval_query *query);

/* ---- for the operators */

/* A row of n steps from the pools, counted against the limit; give it back with eval_give.
 *   err  AMPQL_LIMIT, AMPQL_NOMEM */
enum ampql_code eval_take(struct eval *eval, size_t nsteps, struct row *out,
                          struct ampql_error *err);
void eval_give(struct eval *eval, struct row *row);

/* The pool of the rows of nsteps, for who keeps them for longer than the run; NULL when there are
 * none. */
struct pool *eval_pool(const struct eval *eval, size_t nsteps);

/* The rows of a list, which is empty afterwards. */
void eval_give_all(struct eval *eval, struct kept_list *list);

/* Copy labels and row and append them. Same errors. */
enum ampql_code eval_keep(struct eval *eval, struct kept_list *list, struct labels labels,
                          const struct row *row, struct ampql_error *err);

/* The same without a copy: the row becomes the list's, *row is empty afterwards. */
enum ampql_code eval_keep_own(struct eval *eval, struct kept_list *list, struct labels labels,
                              struct row *row, struct ampql_error *err);

/* Count values that are held or read.
 *   err  AMPQL_LIMIT, in Prometheus's words */
enum ampql_code eval_count(struct eval *eval, uint64_t n, struct ampql_error *err);

/* May a list that has n series get another?
 *   err  AMPQL_LIMIT */
enum ampql_code eval_fits(const struct eval *eval, size_t n, struct ampql_error *err);

/* May each window of a series' samples be held besides what was when its select began to be fed?
 * Same error. */
enum ampql_code eval_hold_windows(const struct eval *eval, const struct samples *samples,
                                  const struct windows *windows, struct ampql_error *err);

enum { LABELS_TEXT_MAX = 576 };

/* "{a="x", b="y"}" of a label set, clipped to size, for messages. Returns out. */
char *eval_labels_text(const struct eval *eval, struct labels labels, char *out, size_t size);

#endif
