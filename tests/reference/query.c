/* start end step range max_of min_of in the reference evaluator: scalars that read no series. */
#include "reference/table.h"

static struct ref_table *constant(struct ref_run *run, double value, struct ref_grid grid)
{
    struct ref_table *out = ref_table_new(run, VALUE_SCALAR, grid.n);
    for (size_t s = 0; s < grid.n; s++)
        out->scalar[s] = value;
    return out;
}

struct ref_table *ref_query_call(struct ref_run *run, const struct ast *ast, struct ref_grid grid)
{
    const struct ast_call *call = &ast->u.call;
    struct str name = str_of(call->function->name);
    int64_t span = run->query_end - run->query_start;
    if (str_equal(name, STR("start")))
        return constant(run, (double)run->query_start / 1000, grid);
    if (str_equal(name, STR("end")))
        return constant(run, (double)run->query_end / 1000, grid);
    if (str_equal(name, STR("range")))
        return constant(run, ref_seconds(span), grid);
    if (str_equal(name, STR("step")))
        return constant(run, span == 0 ? 0 : ref_seconds(run->options.step_ms), grid);
    bool is_max = str_equal(name, STR("max_of"));
    if (!is_max && !str_equal(name, STR("min_of")))
        return NULL;
    struct ref_table *a = ref_eval(run, call->args[0], grid),
                     *b = ref_eval(run, call->args[1], grid);
    for (size_t s = 0; s < grid.n; s++)
        a->scalar[s] =
            is_max ? ref_max(a->scalar[s], b->scalar[s]) : ref_min(a->scalar[s], b->scalar[s]);
    return a;
}
