/* Case files of bills: lines and words, cut in place. */
#include "support/bills.h"

#include "support/series.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bill_case {
    const char *path;
    struct ampql_cost_options options;
    struct ampql_aggregate_options lines;
    struct ampql_prices prices;
    struct ampql_engine *engine;
    struct ampql_source *source;
    int64_t step_ms, from_ms;       /* of the series that follow */
    struct ampql_allocations *bill; /* the last one, whose warnings follow */
    size_t nwarnings;               /* seen of them */
    bool may_lack;                  /* warnings of missing data are not looked at */
};

char *bills_read(const char *path)
{
    enum { MAX = 1 << 16 };
    FILE *f = fopen(path, "rb");
    char *text = malloc(MAX);
    if (!f || !text)
        fail_msg("%s cannot be read", path);
    size_t n = fread(text, 1, MAX - 1, f);
    fclose(f);
    text[n] = '\0';
    return text;
}

bool bills_near(double a, double b)
{
    return fabs(a - b) <= 1e-8 * fmax(fabs(a), fabs(b));
}

/* The next line of *at, cut off; NULL at the end. */
static char *next_line(char **at)
{
    char *line = *at;
    if (!line || !*line)
        return NULL;
    char *end = strchr(line, '\n');
    *at = end ? end + 1 : NULL;
    if (end)
        *end = '\0';
    return line;
}

/* What comes before the next `end`, cut off; what follows stays. */
static char *next_part(char **at, const char *end)
{
    char *part = *at;
    size_t n = strcspn(part, end);
    *at = part + n;
    if (part[n]) {
        part[n] = '\0';
        *at = part + n + 1;
    }
    return part;
}

static char *next_word(char **at)
{
    return next_part(at, " ");
}

/* ---- options */

enum kind { TEXT, FLAG, NUMBER, MS, CHOICE, PRICE };

static const struct option {
    const char *key;
    enum kind kind;
    size_t offset; /* in struct bill_case */
} options[] = {
#define OPTION(key, kind)                                                                          \
    {                                                                                              \
#key, kind, offsetof(struct bill_case, options.key)                                        \
    }
#define LINES(key, kind)                                                                           \
    {                                                                                              \
#key, kind, offsetof(struct bill_case, lines.key)                                          \
    }
    OPTION(cluster_id, TEXT),
    OPTION(cluster_label, TEXT),
    OPTION(node_labels, TEXT),
    OPTION(quirks, TEXT),
    OPTION(filter_cluster, FLAG),
    OPTION(custom_prices, FLAG),
    OPTION(pod_uids, FLAG),
    OPTION(no_node_labels, FLAG),
    OPTION(idle, FLAG),
    OPTION(strict, FLAG),
    OPTION(discount, NUMBER),
    OPTION(negotiated_discount, NUMBER),
    OPTION(resolution_ms, MS),
    OPTION(max_duration_ms, MS),
    OPTION(now_ms, MS),
    OPTION(step_ms, MS),
    OPTION(dialect, CHOICE),
    OPTION(queries, CHOICE),
    OPTION(provider, CHOICE),
    LINES(filter, TEXT),
    LINES(share_namespaces, TEXT),
    LINES(share_labels, TEXT),
    LINES(team_labels, TEXT),
    LINES(split_idle, FLAG),
    LINES(share_idle, FLAG),
    LINES(idle_by_node, FLAG),
    LINES(share_evenly, FLAG),
    LINES(share_breakdown, FLAG),
    LINES(aggregated_metadata, FLAG),
    LINES(proportional_assets, FLAG),
    LINES(share_balancers, FLAG),
    LINES(share_monthly_cost, NUMBER),
    LINES(accumulate, CHOICE),
#undef LINES
#undef OPTION
#define PRICED(name)                                                                               \
    {                                                                                              \
        "price_" #name, PRICE, offsetof(struct bill_case, prices.name)                             \
    }
    PRICED(cpu),
    PRICED(ram),
    PRICED(gpu),
    PRICED(spot_cpu),
    PRICED(spot_ram),
    PRICED(spot_gpu),
    PRICED(storage),
#undef PRICED
};

static int choice(const char *value)
{
    static const struct {
        const char *word;
        int value;
    } words[] = {{"prom2", AMPQL_PROM2},      {"prom3", AMPQL_PROM3},
                 {"2026", AMPQL_COST_2026},   {"gcp", AMPQL_COST_GCP},
                 {"steps", AMPQL_COST_STEPS}, {"all", AMPQL_COST_ALL},
                 {"hours", AMPQL_COST_HOURS}, {"days", AMPQL_COST_DAYS},
                 {"weeks", AMPQL_COST_WEEKS}, {"months", AMPQL_COST_MONTHS}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(value, words[i].word) == 0)
            return words[i].value;
    fail_msg("%s is no choice", value);
    return 0;
}

static void set_option(struct bill_case *c, const char *key, const char *value)
{
    size_t i = 0;
    while (i < sizeof options / sizeof *options && strcmp(key, options[i].key) != 0)
        i++;
    if (i == sizeof options / sizeof *options)
        fail_msg("%s: no option %s", c->path, key);
    char *at = (char *)c + options[i].offset;
    switch (options[i].kind) {
    case TEXT:
        *(const char **)at = value;
        break;
    case FLAG:
        *(bool *)at = value[0] == '1';
        break;
    case NUMBER:
        *(double *)at = strtod(value, NULL);
        break;
    case MS:
        *(int64_t *)at = strtoll(value, NULL, 10);
        break;
    case CHOICE:
        *(int *)at = choice(value);
        break;
    case PRICE:
        *(double *)at = strtod(value, NULL);
        c->options.prices = &c->prices;
        break;
    }
}

/* ---- fields */

static const struct field {
    const char *key;
    size_t offset;
} numbers[] =
    {
#define NUMBER(field)                                                                              \
    {                                                                                              \
#field, offsetof(struct ampql_allocation, field)                                           \
    }
        NUMBER(minutes),
        NUMBER(cpu_core_hours),
        NUMBER(cpu_cores),
        NUMBER(cpu_core_request_average),
        NUMBER(cpu_core_usage_average),
        NUMBER(cpu_core_limit_average),
        NUMBER(cpu_core_usage_max),
        NUMBER(ram_byte_hours),
        NUMBER(ram_bytes),
        NUMBER(ram_byte_request_average),
        NUMBER(ram_byte_usage_average),
        NUMBER(ram_byte_limit_average),
        NUMBER(ram_byte_usage_max),
        NUMBER(gpu_hours),
        NUMBER(gpu_count),
        NUMBER(gpu_request_average),
        NUMBER(gpu_usage_average),
        NUMBER(network_transfer_bytes),
        NUMBER(network_receive_bytes),
        NUMBER(network_cost),
        NUMBER(network_cross_zone_cost),
        NUMBER(network_cross_region_cost),
        NUMBER(network_internet_cost),
        NUMBER(load_balancer_cost),
        NUMBER(pv_byte_hours),
        NUMBER(pv_bytes),
        NUMBER(pv_cost),
        NUMBER(cpu_cost),
        NUMBER(cpu_cost_idle),
        NUMBER(ram_cost_idle),
        NUMBER(gpu_cost_idle),
        NUMBER(shared_cost),
        NUMBER(ram_cost),
        NUMBER(gpu_cost),
        NUMBER(total_cost),
        NUMBER(cpu_efficiency),
        NUMBER(ram_efficiency),
        NUMBER(gpu_efficiency),
        NUMBER(total_efficiency),
#undef NUMBER
},
  texts[] = {
      {"cluster", offsetof(struct ampql_allocation, cluster)},
      {"node", offsetof(struct ampql_allocation, node)},
      {"namespace", offsetof(struct ampql_allocation, namespace_name)},
      {"pod", offsetof(struct ampql_allocation, pod)},
      {"container", offsetof(struct ampql_allocation, container)},
      {"controller", offsetof(struct ampql_allocation, controller)},
      {"controller_kind", offsetof(struct ampql_allocation, controller_kind)},
      {"provider_id", offsetof(struct ampql_allocation, provider_id)},
};

static const void *find_field(const struct field *fields, size_t n, const char *key,
                              const struct ampql_allocation *a)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(key, fields[i].key) == 0)
            return (const char *)a + fields[i].offset;
    return NULL;
}

static void check_number(double got, const char *value, const char *key, const char *where)
{
    double want = strtod(value, NULL);
    if (strcmp(value, "nan") == 0 ? !isnan(got) : !bills_near(got, want))
        fail_msg("%s: %s is %.15g, want %s", where, key, got, value);
}

/* "NAME:VALUE,NAME:VALUE", in order */
static void check_labels(const struct ampql_label *labels, size_t n, char *value, const char *where)
{
    for (size_t i = 0; i < n; i++) {
        char *pair = next_part(&value, ",");
        char *name = next_part(&pair, ":");
        if (!test_is(labels[i].name, name) || !test_is(labels[i].value, pair))
            fail_msg("%s: label %zu is %.*s:%.*s, want %s:%s", where, i, (int)labels[i].name.size,
                     labels[i].name.data, (int)labels[i].value.size, labels[i].value.data, name,
                     pair);
    }
    if (*value)
        fail_msg("%s: there is no label %s", where, value);
}

static void check_services(const struct ampql_allocation *a, char *value, const char *where)
{
    for (size_t i = 0; i < a->nservices; i++) {
        char *name = next_part(&value, ",");
        if (!test_is(a->services[i], name))
            fail_msg("%s: service %zu is %.*s, want %s", where, i, (int)a->services[i].size,
                     a->services[i].data, name);
    }
    if (*value)
        fail_msg("%s: there is no service %s", where, value);
}

/* "CLUSTER/NAME:BYTEHOURS:COST:PROVIDERID,..." */
static void check_volumes(const struct ampql_allocation *a, char *value, const char *where)
{
    for (size_t i = 0; i < a->nvolumes; i++) {
        const struct ampql_allocation_volume *v = &a->volumes[i];
        char *part = next_part(&value, ",");
        char *cluster = next_part(&part, "/"), *name = next_part(&part, ":");
        if (!test_is(v->cluster, cluster) || !test_is(v->name, name))
            fail_msg("%s: volume %zu is %.*s, want %s", where, i, (int)v->name.size, v->name.data,
                     name);
        check_number(v->byte_hours, next_part(&part, ":"), name, where);
        check_number(v->cost, next_part(&part, ":"), name, where);
        if (!test_is(v->provider_id, part))
            fail_msg("%s: volume %s has provider id %.*s, want %s", where, name,
                     (int)v->provider_id.size, v->provider_id.data, part);
    }
    if (*value)
        fail_msg("%s: there is no volume %s", where, value);
}

/* "KEY;HOURS;COST;IP;PRIVATE,...", where PRIVATE is 0 or 1 */
static void check_balancers(const struct ampql_allocation *a, char *value, const char *where)
{
    for (size_t i = 0; i < a->nbalancers; i++) {
        const struct ampql_allocation_balancer *b = &a->balancers[i];
        char *part = next_part(&value, ",");
        char *key = next_part(&part, ";");
        if (!test_is(b->key, key))
            fail_msg("%s: load balancer %zu is %.*s, want %s", where, i, (int)b->key.size,
                     b->key.data, key);
        check_number(b->hours, next_part(&part, ";"), key, where);
        check_number(b->cost, next_part(&part, ";"), key, where);
        char *ip = next_part(&part, ";");
        if (!test_is(b->ip, ip) || b->is_private != (part[0] == '1'))
            fail_msg("%s: %s has address %.*s (%d), want %s (%s)", where, key, (int)b->ip.size,
                     b->ip.data, b->is_private, ip, part);
    }
    if (*value)
        fail_msg("%s: there is no load balancer %s", where, value);
}

/* "NAME:TOTAL:CPU:RAM:PV,..." */
static void check_shared(const struct ampql_allocation *a, char *value, const char *where)
{
    for (size_t i = 0; i < a->nshared; i++) {
        const struct ampql_allocation_shared *s = &a->shared[i];
        char *part = next_part(&value, ",");
        char *name = next_part(&part, ":");
        if (!test_is(s->name, name))
            fail_msg("%s: shared cost %zu is of %.*s, want %s", where, i, (int)s->name.size,
                     s->name.data, name);
        check_number(s->total_cost, next_part(&part, ":"), name, where);
        check_number(s->cpu_cost, next_part(&part, ":"), name, where);
        check_number(s->ram_cost, next_part(&part, ":"), name, where);
        check_number(s->volume_cost, part, name, where);
    }
    if (*value)
        fail_msg("%s: there is no shared cost of %s", where, value);
}

/* "CLUSTER,NAME:CPU:RAM:GPU:PV:LB:NODE;...": parts, of 1; "CLUSTER:..." of all of it */
static void check_assets(const struct ampql_allocation *a, char *value, const char *where)
{
    for (size_t i = 0; i < a->nassets; i++) {
        const struct ampql_allocation_asset *p = &a->assets[i];
        const double parts[] = {p->part.cpu,    p->part.ram,      p->part.gpu,
                                p->part.volume, p->part.balancer, p->node_part};
        char *part = next_part(&value, ";");
        char *key = next_part(&part, ":"), got[256];
        snprintf(got, sizeof got, "%.*s%s%.*s", (int)p->cluster.size, p->cluster.data,
                 p->is_cluster ? "" : ",", (int)p->name.size, p->name.data);
        if (strcmp(got, key) != 0)
            fail_msg("%s: asset %zu is %s, want %s", where, i, got, key);
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
            check_number(parts[k], next_part(&part, ":"), key, where);
    }
    if (*value)
        fail_msg("%s: there is no part of %s", where, value);
}

static void check_time(int64_t ms, const char *value, const char *key, const char *where)
{
    if (ms != strtoll(value, NULL, 10) * 1000)
        fail_msg("%s: %s is %lld ms, want %s s", where, key, (long long)ms, value);
}

static void check_field(const struct ampql_allocation *a, const char *key, char *value,
                        const char *where)
{
    const double *number = find_field(numbers, sizeof numbers / sizeof *numbers, key, a);
    const struct ampql_string *text = find_field(texts, sizeof texts / sizeof *texts, key, a);
    if (number)
        check_number(*number, value, key, where);
    else if (text && !test_is(*text, value))
        fail_msg("%s: %s is %.*s, want %s", where, key, (int)text->size, text->data, value);
    else if (strcmp(key, "start") == 0)
        check_time(a->start_ms, value, key, where);
    else if (strcmp(key, "end") == 0)
        check_time(a->end_ms, value, key, where);
    else if (strcmp(key, "labels") == 0)
        check_labels(a->labels, a->nlabels, value, where);
    else if (strcmp(key, "annotations") == 0)
        check_labels(a->annotations, a->nannotations, value, where);
    else if (strcmp(key, "namespace_labels") == 0)
        check_labels(a->namespace_labels, a->nnamespace_labels, value, where);
    else if (strcmp(key, "namespace_annotations") == 0)
        check_labels(a->namespace_annotations, a->nnamespace_annotations, value, where);
    else if (strcmp(key, "services") == 0)
        check_services(a, value, where);
    else if (strcmp(key, "volumes") == 0)
        check_volumes(a, value, where);
    else if (strcmp(key, "balancers") == 0)
        check_balancers(a, value, where);
    else if (strcmp(key, "shared") == 0)
        check_shared(a, value, where);
    else if (strcmp(key, "assets") == 0)
        check_assets(a, value, where);
    else if (!text)
        fail_msg("%s: no field %s", where, key);
}

/* ---- bills */

/* "  NAME FIELD=VALUE ..." */
static void check_line(const struct ampql_allocation *a, char *line, const char *path)
{
    char where[1024];
    char *name = next_word(&line);
    snprintf(where, sizeof where, "%s: %s", path, name);
    if (!a)
        fail_msg("%s: the bill has no more lines", where);
    if (!test_is(a->name, name))
        fail_msg("%s: the line is %.*s", where, (int)a->name.size, a->name.data);
    while (*line) {
        char *value = next_word(&line);
        char *key = next_part(&value, "=");
        check_field(a, key, value, where);
    }
}

/* The total is the sum of the lines, whatever they are aggregated by. */
static void check_total(const struct ampql_allocations *bill, const char *path)
{
    const struct ampql_allocation *total = ampql_allocations_total(bill);
    double cost = 0, hours = 0;
    for (size_t i = 0; i < ampql_allocations_count(bill); i++) {
        cost += ampql_allocations_at(bill, i)->total_cost;
        hours += ampql_allocations_at(bill, i)->cpu_core_hours;
    }
    if (!bills_near(cost, total->total_cost) || !bills_near(hours, total->cpu_core_hours))
        fail_msg("%s: the total is %.15g, the lines add up to %.15g", path, total->total_cost,
                 cost);
}

static bool is_of_lack(struct ampql_string warning)
{
    char text[2048];
    snprintf(text, sizeof text, "%.*s", (int)warning.size, warning.data);
    return strstr(text, ": no series of ") || strstr(text, ": no samples of ");
}

/* The next warning of the bill that is looked at; data is NULL when there is none. */
static struct ampql_string next_warning(struct bill_case *c)
{
    struct ampql_string warning;
    do {
        warning = ampql_allocations_warning(c->bill, c->nwarnings++);
    } while (warning.data && c->may_lack && is_of_lack(warning));
    return warning;
}

/* Nothing more was said than the file has. */
static void end_bill(struct bill_case *c)
{
    if (!c->bill)
        return;
    struct ampql_string warning = next_warning(c);
    if (warning.data)
        fail_msg("%s: a warning too many: %.*s", c->path, (int)warning.size, warning.data);
    ampql_allocations_free(c->bill);
    c->bill = NULL;
}

/* "bill AGGREGATE" and the lines under it. */
static void check_bill(struct bill_case *c, const char *aggregate, char **at)
{
    struct ampql_error err = {0};
    size_t n = 0;
    ampql_allocations_free(c->bill); /* warnings are looked at once, after the last of a case */
    c->lines.aggregate = aggregate;
    c->nwarnings = 0;
    if (ampql_allocate(c->engine, c->source, &c->options, &c->bill, &err) != AMPQL_OK)
        fail_msg("%s: %s", c->path, err.message);
    for (; *at && strncmp(*at, "  ", 2) == 0; n++)
        check_line(ampql_allocations_at(c->bill, n), next_line(at) + 2, c->path);
    if (n != ampql_allocations_count(c->bill))
        fail_msg("%s: bill %s has %zu lines, want %zu: the next is %.*s", c->path, aggregate,
                 ampql_allocations_count(c->bill), n,
                 (int)ampql_allocations_at(c->bill, n)->name.size,
                 ampql_allocations_at(c->bill, n)->name.data);
    check_total(c->bill, c->path);
}

/* "step NUMBER START END" and the lines of that window of the last bill under it. */
static void check_step(struct bill_case *c, char *line, char **at)
{
    struct ampql_cost_window window;
    size_t n = 0, number = strtoul(next_word(&line), NULL, 10);
    if (!ampql_allocations_window(c->bill, number, &window))
        fail_msg("%s: there is no step %zu", c->path, number);
    check_time(window.start_ms, next_word(&line), "the step's start", c->path);
    check_time(window.end_ms, line, "the step's end", c->path);
    for (; *at && strncmp(*at, "  ", 2) == 0; n++)
        check_line(n < window.n ? &window.items[n] : NULL, next_line(at) + 2, c->path);
    if (n != window.n)
        fail_msg("%s: step %zu has %zu lines, want %zu", c->path, number, window.n, n);
}

/* "covered QUERY CLUSTER STEPS COVERED START END", the times of the longest gap in seconds */
static void check_covered(struct bill_case *c, char *line)
{
    struct ampql_cost_coverage got;
    char *query = next_word(&line), *cluster = next_word(&line);
    size_t i = 0;
    while (ampql_allocations_coverage(c->bill, i, &got) &&
           (strcmp(got.query, query) != 0 || !test_is(got.cluster, cluster)))
        i++;
    if (!ampql_allocations_coverage(c->bill, i, &got))
        fail_msg("%s: nothing is said of %s in %s", c->path, query, cluster);
    unsigned long long steps = strtoull(next_word(&line), NULL, 10);
    unsigned long long covered = strtoull(next_word(&line), NULL, 10);
    if (got.nneeded != steps || got.ncovered != covered)
        fail_msg("%s: %s has %llu of %llu steps in %s, want %llu of %llu", c->path, query,
                 (unsigned long long)got.ncovered, (unsigned long long)got.nneeded, cluster,
                 covered, steps);
    check_time(got.gap_start_ms, next_word(&line), "the gap's start", query);
    check_time(got.gap_end_ms, line, "the gap's end", query);
}

/* "refused MESSAGE" */
static void check_refused(struct bill_case *c, const char *want)
{
    struct ampql_error err = {0};
    struct ampql_allocations *bill;
    enum ampql_code code = ampql_allocate(c->engine, c->source, &c->options, &bill, &err);
    if (code != AMPQL_BAD_DATA || bill || strcmp(err.message, want) != 0)
        fail_msg("%s: %d \"%s\", want \"%s\"", c->path, code, err.message, want);
}

static void check_warning(struct bill_case *c, const char *want)
{
    assert_non_null(c->bill);
    struct ampql_string warning = next_warning(c);
    if (!warning.data || !test_is(warning, want))
        fail_msg("%s: warning %zu is %.*s, want %s", c->path, c->nwarnings, (int)warning.size,
                 warning.data ? warning.data : "", want);
}

static void add_series(struct bill_case *c, char *line)
{
    char *name = next_word(&line), *labels = next_word(&line);
    if (!test_add(c->source, name, labels, c->from_ms, c->step_ms, line))
        fail_msg("%s: %s %s is not added", c->path, name, labels);
}

static void read_line(struct bill_case *c, char *line, char **at)
{
    if (line[0] == '#' || line[0] == '\0')
        return;
    if (strncmp(line, "? ", 2) == 0) {
        check_warning(c, line + 2);
        return;
    }
    if (strncmp(line, "  ", 2) == 0) {
        add_series(c, line + 2);
        return;
    }
    char *word = next_word(&line);
    if (strcmp(word, "window") == 0) {
        c->options.start_ms = strtoll(next_word(&line), NULL, 10) * 1000;
        c->options.end_ms = strtoll(line, NULL, 10) * 1000;
    } else if (strcmp(word, "set") == 0) {
        char *key = next_word(&line);
        set_option(c, key, line);
    } else if (strcmp(word, "load") == 0) {
        c->step_ms = strtoll(next_word(&line), NULL, 10) * 1000;
        next_word(&line); /* from */
        c->from_ms = strtoll(line, NULL, 10) * 1000;
    } else if (strcmp(word, "bill") == 0) {
        check_bill(c, line, at);
    } else if (strcmp(word, "step") == 0) {
        check_step(c, line, at);
    } else if (strcmp(word, "covered") == 0) {
        check_covered(c, line);
    } else if (strcmp(word, "refused") == 0) {
        check_refused(c, line);
    } else if (strcmp(word, "lacking") == 0) {
        c->may_lack = true;
    } else {
        fail_msg("%s: what is %s?", c->path, word);
    }
}

void bills_check(struct ampql_engine *engine, const char *path)
{
    char *text = bills_read(path);
    struct bill_case c = {.path = path,
                          .prices = ampql_default_prices(),
                          .engine = engine,
                          .options.size = sizeof c.options,
                          .lines.size = sizeof c.lines};
    assert_int_equal(ampql_source_memory(engine, NULL, &c.source, NULL), AMPQL_OK);
    c.options.lines = &c.lines;
    for (char *at = text, *line; (line = next_line(&at));)
        read_line(&c, line, &at);
    assert_non_null(c.bill);
    end_bill(&c);
    ampql_source_free(c.source);
    free(text);
}
