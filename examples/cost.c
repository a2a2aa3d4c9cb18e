/* The bill: what each namespace of a cluster cost in a day, and then each cluster, which reads
 * nothing again. */
#include <ampql.h>

#include <stdio.h>
#include <stdlib.h>

static void check(enum ampql_code code, const struct ampql_error *err)
{
    if (code == AMPQL_OK)
        return;
    fprintf(stderr, "%s: %s\n", ampql_code_name(code), err->message);
    exit(1);
}

static void print(const struct ampql_allocations *bill)
{
    for (size_t i = 0; i < ampql_allocations_count(bill); i++) {
        const struct ampql_allocation *line = ampql_allocations_at(bill, i);
        printf("%-16.*s %10.4f\n", (int)line->name.size, line->name.data, line->total_cost);
    }
    printf("%-16s %10.4f\n", "all", ampql_allocations_total(bill)->total_cost);
}

int main(void)
{
    struct ampql_cost_options day = {.size = sizeof day,
                                     .start_ms = INT64_C(1772323200000), /* 2026-03-01T00:00Z */
                                     .end_ms = INT64_C(1772409600000),
                                     .aggregate = "namespace"};
    struct ampql_error err = {0};
    struct ampql_engine *engine;
    struct ampql_source *source;
    struct ampql_aggregate_options by_cluster = {.size = sizeof by_cluster, .aggregate = "cluster"};
    struct ampql_allocations *bill, *clusters;

    check(ampql_engine_new(NULL, &engine, &err), &err);
    check(ampql_source_file(engine, "examples/data/cluster_day.aqc", NULL, &source, &err), &err);
    check(ampql_allocate(engine, source, &day, &bill, &err), &err);
    ampql_source_free(source);
    print(bill);
    check(ampql_allocations_aggregate(bill, &by_cluster, &clusters, &err), &err);
    print(clusters);
    for (size_t i = 0; i < ampql_allocations_warning_count(bill); i++) {
        struct ampql_string text = ampql_allocations_warning(bill, i);
        fprintf(stderr, "%.*s\n", (int)text.size, text.data);
    }

    ampql_allocations_free(clusters);
    ampql_allocations_free(bill);
    ampql_engine_free(engine);
    return 0;
}
