/* sort sort_desc sort_by_label sort_by_label_desc: the order of an instant vector. A range query
 * orders its series by labels, so there they change nothing. */
#include "base/ascii.h"
#include "eval/eval.h"
#include "eval/function.h"
#include "eval/note.h"

#include <math.h>
#include <stdlib.h>

struct item {
    struct kept *kept;
    size_t number; /* the order so far, which equal ones keep */
    double value;
};

static int by_number(const struct item *a, const struct item *b)
{
    return (a->number > b->number) - (a->number < b->number);
}

/* NaN last in either direction, and the later of two first: so Go's sort leaves up to 12 series
 * with a comparison that says of two NaN that either comes first. */
static int by_value(const void *a, const void *b, void *is_descending)
{
    const struct item *x = a, *y = b;
    if (isnan(x->value) || isnan(y->value)) {
        int order = (isnan(x->value) != 0) - (isnan(y->value) != 0);
        return order ? order : by_number(y, x);
    }
    int order = (x->value > y->value) - (x->value < y->value);
    if (*(bool *)is_descending)
        order = -order;
    return order ? order : by_number(x, y);
}

/* Go's sort inserts one after the other when there are few, and some of its comparisons are none:
 * what comes out of those depends on that. */
static void sort_items(struct item *items, size_t n,
                       int (*compare)(const void *, const void *, void *), void *payload)
{
    enum { FEW = 12 };
    if (n > FEW) {
        qsort_r(items, n, sizeof *items, compare, payload);
        return;
    }
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && compare(&items[k], &items[k - 1], payload) < 0; k--) {
            struct item moved = items[k];
            items[k] = items[k - 1];
            items[k - 1] = moved;
        }
}

static enum ampql_code emit_sorted(struct call *call,
                                   int (*compare)(const void *, const void *, void *),
                                   void *payload, struct ampql_error *err)
{
    const struct kept_list *list = &call->args[0];
    TRY(note_sort(call->stage));
    struct item *items = arena_alloc(call_arena(call), list->n, sizeof *items);
    if (!items)
        return fail_nomem(err, "a list of series");
    for (size_t i = 0; i < list->n; i++)
        items[i] = (struct item){&list->at[i], i, list->at[i].row.v[0]};
    if (call->grid->n == 1 && list->n > 1)
        sort_items(items, list->n, compare, payload);
    for (size_t i = 0; i < list->n; i++)
        TRY(call_emit(call, items[i].kept->labels, &items[i].kept->row));
    return AMPQL_OK;
}

static enum ampql_code sort(struct call *call, struct ampql_error *err)
{
    bool is_descending = false;
    return emit_sorted(call, by_value, &is_descending, err);
}

static enum ampql_code sort_desc(struct call *call, struct ampql_error *err)
{
    bool is_descending = true;
    return emit_sorted(call, by_value, &is_descending, err);
}

/* ---- by labels */

/* The run of digits, or of anything else, that s begins with. */
static struct str first_run(struct str s)
{
    size_t n = s.n > 0;
    while (n < s.n && is_digit(s.p[n]) == is_digit(s.p[0]))
        n++;
    return str_make(s.p, n);
}

static struct str without_zeros(struct str digits)
{
    while (digits.n > 1 && digits.p[0] == '0')
        digits = str_from(digits, 1);
    return digits;
}

/* A run of digits as a number, unless it is too large for one. */
static bool is_number(struct str run)
{
    const struct str most = STR("9223372036854775807");
    if (!is_digit(run.p[0]))
        return false;
    run = without_zeros(run);
    return run.n < most.n || (run.n == most.n && str_compare(run, most) <= 0);
}

static int compare_numbers(struct str a, struct str b)
{
    a = without_zeros(a);
    b = without_zeros(b);
    return a.n != b.n ? (a.n > b.n) - (a.n < b.n) : str_compare(a, b);
}

/* Does a come before b, where numbers count as numbers: "node9" before "node10"? As in Prometheus's
 * library an empty text comes before none and none before it, and of "07" and "7" each before the
 * other. */
static bool precedes(struct str a, struct str b)
{
    while (a.n && b.n) {
        struct str x = first_run(a), y = first_run(b);
        bool are_numbers = is_number(x) && is_number(y);
        int order = are_numbers ? compare_numbers(x, y) : str_compare(x, y);
        if (order)
            return order < 0;
        a = str_from(a, x.n);
        b = str_from(b, y.n);
        if (a.n == 0)
            return true;
    }
    return false;
}

struct label_order {
    const struct symbols *symbols;
    symbol *names; /* [n] */
    size_t n;
    bool is_descending;
};

static int by_labels(const void *a, const void *b, void *payload)
{
    const struct item *x = a, *y = b;
    const struct label_order *by = payload;
    int order = 0;
    for (size_t i = 0; i < by->n && order == 0; i++) {
        symbol p = labels_get(x->kept->labels, by->names[i]),
               q = labels_get(y->kept->labels, by->names[i]);
        if (p != q)
            order = precedes(symbols_text(by->symbols, p), symbols_text(by->symbols, q)) ? -1 : 1;
        if (by->is_descending) /* of two that come before each other, too, the first is the later */
            order = -order;
    }
    if (order)
        return order;
    order = labels_compare(by->symbols, x->kept->labels, y->kept->labels);
    return by->is_descending ? -order : order;
}

static enum ampql_code sort_labels(struct call *call, bool is_descending, struct ampql_error *err)
{
    size_t nargs = call->ast->u.call.nargs;
    struct label_order by = {.symbols = call->symbols, .is_descending = is_descending};
    by.names = arena_alloc(call_arena(call), nargs, sizeof *by.names);
    if (!by.names)
        return fail_nomem(err, "label names");
    for (size_t i = 1; i < nargs; i++) {
        by.names[by.n] =
            symbols_intern(call->symbols, ast_unwrap(call->ast->u.call.args[i])->u.string);
        if (by.names[by.n++] == SYMBOL_NONE)
            return fail_nomem(err, "a label name");
    }
    return emit_sorted(call, by_labels, &by, err);
}

static enum ampql_code sort_by_label(struct call *call, struct ampql_error *err)
{
    return sort_labels(call, false, err);
}

static enum ampql_code sort_by_label_desc(struct call *call, struct ampql_error *err)
{
    return sort_labels(call, true, err);
}

#define SORT(NAME, HELP)                                                                           \
    CALL(#NAME, NAME, HELP, .args = {VALUE_VECTOR}, .nargs = 1, .result = VALUE_VECTOR,            \
         .keeps_name = true)
#define SORT_BY_LABEL(NAME, HELP)                                                                  \
    CALL(#NAME, NAME, HELP, .args = {VALUE_VECTOR, VALUE_STRING}, .nargs = 2,                      \
         .optional = SIGNATURE_ANY, .result = VALUE_VECTOR, .keeps_name = true,                    \
         .experimental = true)

static const struct function rows[] = {
    SORT(sort, "Ordered by value, smallest first."),
    SORT_BY_LABEL(sort_by_label, "Ordered by labels, numbers in them as numbers."),
    SORT_BY_LABEL(sort_by_label_desc, "Ordered by labels, last first."),
    SORT(sort_desc, "Ordered by value, largest first."),
};
const struct function_table functions_sort = {rows, sizeof rows / sizeof *rows};
