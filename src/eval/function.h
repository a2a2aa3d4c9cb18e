/* A PromQL function: its signature and its kernel. One row of a table, one table a file in
 * eval/function. */
#ifndef AMPQL_SRC_EVAL_FUNCTION_H
#define AMPQL_SRC_EVAL_FUNCTION_H

#include "base/error.h"
#include "eval/poll.h"
#include "lang/ast.h"
#include "series/grid.h"
#include "series/labels.h"
#include "series/row.h"
#include "series/sample.h"

struct kept_list;
struct stage;

/* Scalar parameters of a call in the order of its arguments, each a row over the steps. */
struct params {
    const struct row *at; /* [n] */
    size_t n;
    enum ampql_dialect dialect;
    const struct grid *grid;
};

static inline double param(const struct params *params, size_t number, size_t step)
{
    return params->at[number].v[step];
}

/* Room that range kernels may use and that lasts from series to series. */
struct scratch {
    const struct ampql_allocator *alc;
    struct poll *poll;
    const struct params *params;
    double *v; /* [nv] */
    size_t nv;
    struct ampql_error *err;
    enum ampql_code failed; /* a kernel cannot go on, err says why: its row means nothing */
};

/* Room for n doubles, or NULL with failed set. */
double *scratch_room(struct scratch *scratch, size_t n);

/* So many more samples are about to be looked at. *work is the kernel's own count, from 0: asking
 * costs next to nothing. True: the kernel must not go on, failed is set. */
static inline bool scratch_stops(struct scratch *scratch, uint64_t *work, uint64_t more)
{
    enum { SOME = 4096 };
    *work += more;
    if (*work < SOME)
        return false;
    enum ampql_code code = poll_work(scratch->poll, *work, scratch->err);
    *work = 0;
    if (code != AMPQL_OK)
        scratch->failed = code;
    return code != AMPQL_OK;
}

/* One window's samples, never none, without stale markers. */
struct window {
    const int64_t *t;
    const double *v;
    size_t n;
    int64_t start_ms, end_ms; /* of the window: the range (start, end] */
    int64_t eval_ms;          /* the evaluation time of the step */
    size_t step;
    const struct params *params;
    struct scratch *scratch;
};

struct call;

enum kernel_form { FORM_EACH, FORM_MAP, FORM_WINDOW, FORM_RANGE, FORM_CALL };

/* What to remark on a series of a range function that has a row of results; see eval/note.h. */
typedef enum ampql_code function_note(struct stage *stage, struct labels labels,
                                      const struct row *out, const struct params *params);

struct function {
    struct signature sig; /* first, so a signature found by the parser is also the function */
    enum kernel_form form;
    union {
        double (*each)(double value);                              /* one value, all steps alike */
        void (*map)(struct row *row, const struct params *params); /* in place, all steps */
        bool (*window)(const struct window *w, double *out); /* false: no value at this step */
        void (*range)(const struct samples *samples, const struct windows *windows, struct row *out,
                      struct scratch *scratch); /* one call a series, fills a row */
        enum ampql_code (*call)(struct call *call,
                                struct ampql_error *err); /* whole values in and out */
    } u;
    function_note *note; /* of range functions; may be NULL */
    /* Of FORM_CALL: constant arguments that Prometheus refuses before it evaluates the others; may
     * be NULL.  err  AMPQL_EXECUTION, AMPQL_NOMEM */
    enum ampql_code (*check)(const struct ast_call *ast, enum ampql_dialect dialect,
                             const struct ampql_allocator *alc, struct ampql_error *err);
};

struct function_table {
    const struct function *rows;
    size_t n;
};

/* Rows of the tables: instant functions on V, range functions on M. */
#define EACH(NAME, F, HELP)                                                                        \
    {                                                                                              \
        .sig = {.name = NAME,                                                                      \
                .help = HELP,                                                                      \
                .args = {VALUE_VECTOR},                                                            \
                .nargs = 1,                                                                        \
                .result = VALUE_VECTOR,                                                            \
                .kernel = KERNEL_MAP},                                                             \
        .form = FORM_EACH, .u.each = F                                                             \
    }
#define WINDOW(NAME, F, HELP) WINDOW_WITH(NAME, F, HELP, .args = {VALUE_MATRIX}, .nargs = 1)
#define RANGE(NAME, F, HELP) RANGE_WITH(NAME, F, HELP, .args = {VALUE_MATRIX}, .nargs = 1)

/* A range function that has something to say of its result. */
#define RANGE_NOTED(NAME, F, NOTE, HELP, ...)                                                      \
    {                                                                                              \
        .sig = {.name = NAME,                                                                      \
                .help = HELP,                                                                      \
                .result = VALUE_VECTOR,                                                            \
                .kernel = KERNEL_RANGE,                                                            \
                __VA_ARGS__},                                                                      \
        .form = FORM_RANGE, .u.range = F, .note = NOTE                                             \
    }

/* The same with scalar arguments beside V or M: args, nargs, optional ... as members of the
 * signature. */
#define MAP(NAME, F, HELP, ...)                                                                    \
    {                                                                                              \
        .sig = {.name = NAME,                                                                      \
                .help = HELP,                                                                      \
                .result = VALUE_VECTOR,                                                            \
                .kernel = KERNEL_MAP,                                                              \
                __VA_ARGS__},                                                                      \
        .form = FORM_MAP, .u.map = F                                                               \
    }
#define WINDOW_WITH(NAME, F, HELP, ...)                                                            \
    {                                                                                              \
        .sig = {.name = NAME,                                                                      \
                .help = HELP,                                                                      \
                .result = VALUE_VECTOR,                                                            \
                .kernel = KERNEL_RANGE,                                                            \
                __VA_ARGS__},                                                                      \
        .form = FORM_WINDOW, .u.window = F                                                         \
    }
#define RANGE_WITH(NAME, F, HELP, ...) RANGE_NOTED(NAME, F, NULL, HELP, __VA_ARGS__)
/* Functions over whole values; the result is among the members, too. */
#define CALL(NAME, F, HELP, ...)                                                                   \
    {                                                                                              \
        .sig = {.name = NAME, .help = HELP, .kernel = KERNEL_CALL, __VA_ARGS__},                   \
        .form = FORM_CALL, .u.call = F                                                             \
    }

/* A call over whole values. */
struct call {
    struct stage *stage;
    const struct ast *ast;        /* its string arguments are there */
    const struct kept_list *args; /* [nargs] the rows of each argument that is no string */
    size_t nargs;
    const struct grid *grid;
    struct symbols *symbols;
    enum ampql_dialect dialect;
};

/* A cleared row over the call's grid, the call's own until it emits it or ends.
 *   err  AMPQL_LIMIT, AMPQL_NOMEM */
enum ampql_code call_row(struct call *call, struct row **out, struct ampql_error *err);

/* A scalar argument [steps]: number `arg` of those that are no string. */
const double *call_scalar(const struct call *call, size_t arg);

/* Emit a series of the result. Functions that can make two series equal go through
 * call_emit_unique: equal labels merge where their steps do not overlap, otherwise the query fails.
 */
enum ampql_code call_emit_unique(struct call *call, struct labels labels, struct row *row);
/* The same for a series that loses its name here; its labels may be equal over time in either
 * dialect. */
enum ampql_code call_emit_nameless(struct call *call, struct labels labels, struct row *row);
enum ampql_code call_emit(struct call *call, struct labels labels, struct row *row);

/* The run's allocator, and its arena for labels of the result. */
const struct ampql_allocator *call_alc(const struct call *call);
struct arena *call_arena(const struct call *call);

/* The function of that name, or NULL. */
const struct signature *function_find(struct str name);

/* Function i in order of tables, NULL past the last. */
const struct function *function_at(size_t i);

/* Run a range function's kernel over a series: windows that hold no sample give no value. */
void function_run_range(const struct function *function, const struct samples *samples,
                        const struct windows *windows, struct row *out, struct scratch *scratch);

/* The first of samples [from, n) after time t, found by doubling steps: near ones cost little, far
 * ones log n. */
size_t window_seek(const struct samples *s, size_t from, int64_t t);

/* The same, and perhaps it is `guess`. Samples before `from` are not after t. */
static inline size_t window_guess(const struct samples *s, size_t from, size_t guess, int64_t t)
{
    bool is_it = guess >= from && guess <= s->n && s->t[guess - 1] <= t &&
                 (guess == s->n || s->t[guess] > t);
    return is_it ? guess : window_seek(s, from, t);
}

/* Only windows [*from, *to) can hold a sample. The others' values in out are cleared. */
void windows_reach(const struct samples *s, const struct windows *w, struct row *out, size_t *from,
                   size_t *to);

/* Samples [*lo, *hi) of window i; both cursors only move forward, from 0. */
static inline void window_advance(const struct samples *s, const struct windows *w, size_t i,
                                  size_t *lo, size_t *hi)
{
    int64_t after = window_after(w, i), end = window_end(w, i);
    size_t h = *hi, l = *lo;
    /* mostly by one sample, or not at all; or each window begins where the last one ended, and all
     * hold the same number */
    size_t behind = h, number = h - l;
    if (h < s->n && s->t[h] <= end && ++h < s->n && s->t[h] <= end)
        h = window_guess(s, h + 1, behind + number, end);
    if (l < h && s->t[l] <= after && ++l < h && s->t[l] <= after)
        l = window_guess(s, l + 1, behind, after);
    *lo = l;
    *hi = h;
}

#endif
