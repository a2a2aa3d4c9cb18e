/* The files that scenarios read: the series in memory in each format, what a server answered about
 * them, a damaged capture, tests. */
#include "faults/scene.h"

#include "base/alloc.h"
#include "tool/convert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void must(enum ampql_code code, const struct ampql_error *err)
{
    if (code == AMPQL_OK)
        return;
    fprintf(stderr, "alloc_failures: %s\n", err->message);
    exit(1);
}

static void put(const struct scene *scene, const char *name, const char *text, size_t n)
{
    FILE *file = fopen(scene_data(scene, name), "wb");
    if (!file || fwrite(text, 1, n, file) != n || fclose(file) != 0)
        abort();
}

/* What queries read of a source, as a capture. Takes the source over. */
static void capture(struct scene *scene, struct ampql_source *inner, const char *name,
                    const char *const *texts, const struct ampql_run_options *options)
{
    struct ampql_record_options record = {.size = sizeof record, .name = "x", .now_ms = 3600000};
    struct ampql_source *source;
    struct ampql_error err;
    must(ampql_source_record(scene->engine, inner, scene_data(scene, name), &record, &source, &err),
         &err);
    for (; *texts; texts++) {
        scene->out.n = 0;
        must(scene_ask(scene, source, *texts, options, &err), &err);
    }
    must(ampql_record_finish(source, NULL, &err), &err);
    ampql_source_free(source);
}

static void convert_to(struct scene *scene, const char *from, const char *name,
                       enum convert_format format)
{
    struct ampql_error err;
    char to[256];
    strcpy(to, scene_data(scene, name));
    struct convert job = {.engine = scene->engine,
                          .alc = scene->alc,
                          .from = scene_data(scene, from),
                          .to = to,
                          .format = format,
                          .drops = ~0u};
    must(convert_run(&job, &err), &err);
}

/* One byte in the middle is another. */
static void damage(const struct scene *scene)
{
    static char bytes[1 << 16];
    FILE *file = fopen(scene_data(scene, "answers.aqc"), "rb");
    size_t n = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    if (!n)
        abort();
    fclose(file);
    bytes[n / 3] ^= 0x55;
    put(scene, "damaged.aqc", bytes, n);
}

static const char unit[] =
    "rule_files: [rules.yml]\n"
    "evaluation_interval: 1m\n"
    "tests:\n"
    "- interval: 1m\n"
    "  input_series:\n"
    "  - {series: 'c{job=\"a\"}', values: '0+60x10'}\n"
    "  promql_expr_test:\n"
    "  - expr: r\n"
    "    eval_time: 4m\n"
    "    exp_samples: [{labels: 'r{job=\"a\"}', value: 1}]\n"
    "  alert_rule_test:\n"
    "  - {eval_time: 4m, alertname: Low, exp_alerts: [{exp_labels: {job: a}, "
    "exp_annotations: {s: 'a is 240'}}]}\n";
static const char rules[] = "groups:\n"
                            "- name: g\n"
                            "  rules:\n"
                            "  - {record: r, expr: 'rate(c[2m])'}\n"
                            "  - {alert: Low, expr: 'c < 300', annotations: {s: '{{ $labels.job }} "
                            "is {{ $value }}'}}\n";
static const char script[] = "load 1m\n"
                             "  c{job=\"a\"} 0+60x10\n"
                             "  c{job=\"b\"} 0+30x10\n"
                             "eval instant at 5m sum by (job) (rate(c[2m]))\n"
                             "  {job=\"a\"} 1\n"
                             "  {job=\"b\"} 0.5\n"
                             "eval range from 0 to 2m step 1m c{job=\"a\"}\n"
                             "  c{job=\"a\"} 0 60 120\n";

void scene_files(struct scene *scene)
{
    static const char *const all[] = {"{__name__!=\"\"}[1h]", "{uid!=\"\"}", NULL};
    static const char *const asked[] = {"sum(rate(c[5m]))", "c", "g", "rate(up[5m])", "up", NULL};
    static char text[1 << 20];
    struct ampql_run_options at = {.size = sizeof at, .start_ms = SCENE_END_MS};
    struct ampql_run_options grid = {
        .size = sizeof grid, .start_ms = 300000, .end_ms = SCENE_END_MS, .step_ms = 60000};
    struct ampql_http_options http = {.size = sizeof http, .dialect = AMPQL_PROM3};
    struct ampql_source *source;
    struct ampql_error err;
    char url[128];
    scene->out = (struct scene_text){text, 0, sizeof text};
    if (mkdir(scene->data, 0700) != 0)
        abort();
    scene->alc = &alloc_default;
    must(ampql_engine_new(NULL, &scene->engine, &err), &err);
    must(ampql_source_memory(scene->engine, NULL, &source, &err), &err);
    must(scene_fill(source, &err), &err);
    capture(scene, source, "x.aqc", all, &at);
    snprintf(url, sizeof url, "%s/plain/0", scene->server);
    must(ampql_source_http(scene->engine, url, &http, &source, &err), &err);
    capture(scene, source, "answers.aqc", asked, &grid);
    convert_to(scene, "x.aqc", "x.om", CONVERT_OPENMETRICS);
    convert_to(scene, "x.aqc", "x.csv", CONVERT_CSV);
    convert_to(scene, "x.aqc", "x.dump", CONVERT_DUMP);
    convert_to(scene, "answers.aqc", "json", CONVERT_JSON);
    damage(scene);
    put(scene, "key", "0123456789abcdef", 16);
    put(scene, "unit.yml", unit, sizeof unit - 1);
    put(scene, "rules.yml", rules, sizeof rules - 1);
    put(scene, "script.test", script, sizeof script - 1);
    ampql_engine_free(scene->engine);
}
