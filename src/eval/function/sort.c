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
        qsort_r(items, list->n, sizeof *items, compare, payload);
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

/* Order of text in which numbers count as numbers: "node9" before "node10". */
static int natural_compare(struct str a, struct str b)
{
    while (a.n && b.n) {
        struct str x = first_run(a), y = first_run(b);
        int order;
        if (is_digit(x.p[0]) && is_digit(y.p[0])) {
            struct str number_x = without_zeros(x), number_y = without_zeros(y);
            order = (number_x.n > number_y.n) - (number_x.n < number_y.n);
            if (!order)
                order = str_compare(number_x, number_y);
        } else {
            order = str_compare(x, y);
        }
        if (order)
            return order;
        a = str_from(a, x.n);
        b = str_from(b, y.n);
    }
    return (a.n > 0) - (b.n > 0);
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
    for (size_t i = 0; i < by->n && order == 0; i++)
        order =
            natural_compare(symbols_text(by->symbols, labels_get(x->kept->labels, by->names[i])),
                            symbols_text(by->symbols, labels_get(y->kept->labels, by->names[i])));
    if (order == 0)
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
