/* Series handed over in memory, and one that ends: the stale marker says when. */
#include <ampql.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(enum ampql_code code, const struct ampql_error *err)
{
    if (code == AMPQL_OK)
        return;
    fprintf(stderr, "%s: %s\n", ampql_code_name(code), err->message);
    exit(1);
}

static struct ampql_string string(const char *text)
{
    return (struct ampql_string){text, strlen(text)};
}

/* Evaluate a scalar expression at one time. */
static double ask(struct ampql_engine *engine, struct ampql_source *source, const char *text,
                  int64_t t_ms)
{
    struct ampql_run_options at = {.size = sizeof at, .start_ms = t_ms};
    struct ampql_error err = {0};
    struct ampql_query *query;
    struct ampql_result *result;
    check(ampql_query_compile(engine, text, strlen(text), &query, &err), &err);
    check(ampql_query_run(query, source, &at, &result, &err), &err);
    double v = ampql_result_scalar(result);
    ampql_result_free(result);
    ampql_query_free(query);
    return v;
}

int main(void)
{
    enum { MINUTE = 60000 };
    static const char *const pods[] = {"a", "b"};
    int64_t t_ms[6];
    double v[6];
    struct ampql_error err = {0};
    struct ampql_engine *engine;
    struct ampql_source *source;

    check(ampql_engine_new(NULL, &engine, &err), &err);
    check(ampql_source_memory(engine, NULL, &source, &err), &err);
    for (size_t p = 0; p < 2; p++) {
        struct ampql_label labels[] = {{string("__name__"), string("requests_total")},
                                       {string("pod"), string(pods[p])}};
        for (size_t i = 0; i < 6; i++) {
            t_ms[i] = (int64_t)i * MINUTE;
            v[i] = (double)i * 60;
        }
        if (p == 1)
            v[5] = ampql_stale_marker(); /* pod b is gone in minute 5 */
        check(ampql_source_add(source, labels, 2, t_ms, v, 6, &err), &err);
    }

    printf("pods at 4m: %g\n", ask(engine, source, "scalar(count(requests_total))", 4 * MINUTE));
    printf("pods at 5m: %g\n", ask(engine, source, "scalar(count(requests_total))", 5 * MINUTE));
    printf("requests a second at 5m: %g\n",
           ask(engine, source, "scalar(sum(rate(requests_total[5m])))", 5 * MINUTE));

    ampql_source_free(source);
    ampql_engine_free(engine);
    return 0;
}
