/* From typed trees to what a run does: nodes with their grids and windows, and the selects that
 * feed them.
 *
 * A plan is made for one run (its grid, dialect and kind of source), for all queries of a batch
 * together, so that equal selectors share one select. It is read-only afterwards; all state of
 * evaluation lies beside it. */
#ifndef AMPQL_SRC_PLAN_PLAN_H
#define AMPQL_SRC_PLAN_PLAN_H

#include "base/array.h"
#include "base/error.h"
#include "lang/ast.h"
#include "plan/record.h"
#include "series/grid.h"

/* Times that a plan may hold are clamped to this, so that adding ranges and offsets cannot
 * overflow. */
#define PLAN_TIME_LIMIT (INT64_C(1) << 60)

#define PLAN_NONE SIZE_MAX

enum node_kind {
    NODE_NUMBER,  /* scalar literal */
    NODE_STRING,  /* string literal */
    NODE_INSTANT, /* leaf: a select's series looked up on the grid */
    NODE_RANGE, /* leaf: a range function over a select's samples; children are scalar parameters */
    NODE_SAMPLES,          /* leaf: a range selector as the whole query */
    NODE_SUBQUERY,         /* a range function over child 0 on a grid of its own; others are scalar
                              parameters */
    NODE_SUBQUERY_SAMPLES, /* a subquery as the whole query */
    NODE_MAP,           /* a function row by row: one vector child, others are scalar parameters */
    NODE_CALL,          /* a function over whole values */
    NODE_TIME_VECTOR,   /* one series without labels: the evaluation time in seconds */
    NODE_ABSENT,        /* 1 where child 0 has nothing, with the labels of a selector */
    NODE_NEGATE,        /* unary minus */
    NODE_SCALARS,       /* scalar op scalar */
    NODE_VECTOR_SCALAR, /* vector op scalar or scalar op vector */
    NODE_JOIN,          /* vector op vector */
    NODE_SET,           /* and, or, unless */
    NODE_AGGREGATE,     /* children: the vector, then the parameter if any */
    NODE_BROADCAST      /* a child of one step, copied to all steps */
};

/* Which __name__ labels the series of a node can have. Dropping the name can make two series equal
 * only from NAME_ANY. */
enum name_state { NAME_NONE, NAME_SINGLE, NAME_ANY };

/* One operation. Children feed it rows over their grid. */
struct node {
    enum node_kind kind;
    enum value_type type;
    const struct ast *ast;   /* what it comes from: operator, names, literal */
    const struct grid *grid; /* of its output; n may be 0 in a subquery that has no points */
    int64_t end_ms; /* of the query or subquery around it, which the last step need not reach */
    struct node **child; /* [nchild] */
    size_t nchild;
    size_t stream;     /* the child whose rows stream; the other scalar children are parameters */
    struct node *next; /* of an operator in a chain: the one whose child 0 this is; NULL: none */
    bool drops_name;
    bool may_collide;     /* dropping the name may make two series equal: must be checked */
    enum name_state name; /* of the output */
    bool watches_order;   /* it must be said when the order of its rows is not that of each step */
    unsigned entered, left; /* numbers in the order of Prometheus's evaluation: before its children
                               and after them */
    const struct signature *function;

    /* leaves */
    const struct ast_selector *selector;
    size_t select;   /* number in plan.selects; PLAN_NONE: the source is not asked */
    size_t recorded; /* number in plan.recorded; PLAN_NONE: no records */
    unsigned level;  /* leaves of level n are fed only when all of the levels below are finished */
    bool takes_points; /* what the source gives are points on the grid, lookback applied */
    bool is_timestamp; /* NODE_INSTANT: the sample's time in seconds instead of its value */
    struct windows
        windows; /* NODE_RANGE, NODE_SAMPLES, NODE_SUBQUERY*; NODE_INSTANT: range is the lookback */
};

/* Does a chain of operators go on in child 0? `a + b - c`, a child of the next, may be as long as
 * the text, so walks go along it in loops: down by child[0] while this holds, and back up by next.
 */
static inline bool node_is_chained(const struct node *node)
{
    return node->nchild && node->child[0]->next == node;
}

enum select_kind { SELECT_RAW, SELECT_GRID, SELECT_GRID_TIMESTAMP };

/* What is asked of the source: see struct ampql_select. */
struct select {
    enum select_kind kind;
    struct matchers matchers;
    int64_t mint_ms, maxt_ms; /* RAW: (mint, maxt] */
    struct grid grid;         /* GRID */
};

/* What earlier attempts at a run have shown of a record. */
struct record_state {
    bool by_tick;  /* its evaluations cannot be made at once: one failed, or order matters */
    bool has_gaps; /* an evaluation failed: what it wrote before counts */
};

/* Does the source hold series of this name that match, with samples in (mint, maxt]?
 *   err  what the source says; of callers that do not allow it, AMPQL_BAD_DATA */
typedef enum ampql_code plan_is_stored(void *payload, struct matchers matchers, int64_t mint_ms,
                                       int64_t maxt_ms, bool *out, struct ampql_error *err);

struct plan_options {
    struct grid grid;
    int64_t
        end_ms; /* of the query, which its last step need not reach: what end() and range() mean */
    bool is_range_query; /* otherwise an instant query, whose grid has one step */
    enum ampql_dialect dialect;
    int64_t lookback_ms, default_interval_ms;
    bool has_markers; /* the source is a SAMPLES one */
    bool delayed_name_removal;
    uint64_t max_points; /* steps of all subqueries' grids, and ticks of records, together */

    const struct records *records; /* NULL: none */
    struct record_state *states;   /* [records->n] kept by the caller */
    plan_is_stored *is_stored;     /* NULL: records are computed whatever the source holds */
    void *is_stored_payload;
};

/* What a selector reads of records: the series that match of `records`. All that it names take the
 * place of the source's series of their names. */
struct recorded {
    struct matchers matchers;
    struct record_list records, named;
};

/* Evaluations of a record, one for each time of a grid. */
struct recording {
    size_t record;
    struct grid grid;  /* the times of the instant queries, which the samples have */
    bool by_tick;      /* each on its own; then root says only what they select */
    struct node *root; /* NULL: every evaluation fails, with err */
    struct ampql_error err;
};

struct want;
struct demand;

/* A selector of the record being planned, and what its readers ask of it beyond its own matchers.
 */
struct push {
    const struct ast_selector *selector;
    struct matchers matchers;
};

struct plan {
    struct arena *arena;
    struct plan_options options;
    struct {
        ARRAY(struct select);
    } selects;
    struct {
        ARRAY(struct want);
    } wants;
    struct {
        ARRAY(struct node *);
    } roots; /* of the queries */
    struct {
        ARRAY(struct recorded);
    } recorded;
    struct {
        ARRAY(struct recording);
    } recordings;           /* each after those that read it */
    struct demand *demands; /* [records->n] what is asked of each */
    uint64_t points;
    unsigned nlevels, nnumbers;
    int64_t end_ms; /* of what is being planned */

    /* Of the record being planned. */
    size_t record; /* PLAN_NONE: a query is */
    bool is_trial; /* it is only looked at: nothing is wanted */
    bool by_tick;
    bool sees_later;  /* it reads what is not yet written when it is evaluated */
    int64_t reach_ms; /* how far past the evaluation time its innermost points lie, at most */
    struct {
        ARRAY(struct push);
    } pushes;
};

/* Start a plan in the run's arena. */
void plan_init(struct plan *plan, struct arena *arena, const struct plan_options *options);

/* Add a query; ast must outlive the plan.
 *   err  AMPQL_EXECUTION, AMPQL_BAD_DATA (durations), AMPQL_LIMIT (points), AMPQL_NOMEM */
enum ampql_code plan_add(struct plan *plan, const struct ast *ast, struct node **root,
                         struct ampql_error *err);

/*   err  AMPQL_UNSUPPORTED: the record is endless; AMPQL_NOMEM */
enum ampql_code plan_add_record(struct plan *plan, const struct record_want *want,
                                struct ampql_error *err);

/* Plan the records that are read, merge the wants into selects and number them, and give leaves
 * their levels. Call once, after the last plan_add.
 *   err  AMPQL_LIMIT (points), AMPQL_NOMEM, what is_stored says */
enum ampql_code plan_finish(struct plan *plan, struct ampql_error *err);

/* ---- between the files of this layer */

/* What one leaf needs. */
struct want {
    struct node *leaf;
    struct select select;
    size_t number; /* in the order of the queries */
};

/* Note what a leaf needs: its windows and matchers are known. */
enum ampql_code plan_want(struct plan *plan, struct node *leaf, const struct ast_selector *selector,
                          struct ampql_error *err);

/* Build the nodes of an expression over a grid.  err  as plan_add */
enum ampql_code plan_build(struct plan *plan, const struct ast *ast, const struct grid *grid,
                           struct node **out, struct ampql_error *err);

/* Merge the wants into selects. */
enum ampql_code plan_merge(struct plan *plan, struct ampql_error *err);

/* Note which records a leaf reads, and what it asks of them; *reads_source when the source has to
 * be asked, too. */
enum ampql_code plan_want_records(struct plan *plan, struct node *leaf, struct matchers matchers,
                                  bool *reads_source, struct ampql_error *err);

/* Plan the recordings of all records that are read.  err  as plan_finish */
enum ampql_code plan_records(struct plan *plan, struct ampql_error *err);

/* How far past the evaluation time the windows of a leaf or subquery reach. */
int64_t plan_reach(const struct plan *plan, const struct grid *grid, const struct windows *windows);

/* Does an instant query give the same for the expression at each step, to the last bit, as long as
 * no evaluation fails and no node says that its order varies? Marks the nodes that must watch it.
 */
bool plan_is_exact(const struct plan *plan, struct node *root);

/* Carry matchers on the labels of a record's series to the selectors of its expression, into
 * plan.pushes, as far as that changes none of the series that match. root  of a trial */
enum ampql_code plan_push(struct plan *plan, const struct record *record, const struct node *root,
                          struct matchers matchers, struct ampql_error *err);

/* Give leaves their levels: a leaf whose rows meet scalar parameters is fed after the leaves that
 * those depend on, one that reads records after all that they read. */
enum ampql_code plan_assign_levels(struct plan *plan, struct ampql_error *err);

/* Number the nodes from *next on in the order in which Prometheus evaluates them: an aggregation's
 * parameter before what it aggregates, otherwise from left to right, operands first. */
void plan_number(struct node *node, unsigned *next);

#endif
