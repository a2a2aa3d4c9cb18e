/* The pods of the generated day: what the controllers of each cluster would have started, ended and
 * replaced. */
#include "bench/cluster_parts.h"

#include <string.h>

static const char *const apps[] = {"checkout", "cart",    "search",  "ledger",  "gateway", "mailer",
                                   "catalog",  "auth",    "pricing", "reports", "ingest",  "scorer",
                                   "sessions", "billing", "media",   "notify"};
static const char *const teams[] = {"payments", "discovery", "platform", "growth", "data"};
static const char *const sidecars[] = {"main", "envoy", "log-shipper"};
enum { NAPPS = 16, NTEAMS = 5 };

/* What a controller makes pods of. */
struct workload {
    int cluster;
    const char *namespace;
    const char *name;
    const char *owner_kind;
    const char *team;
    size_t ncontainers;
    const char *const *containers; /* [ncontainers] names */
    double cpu_request;
    double ram_request;
    double gpus;
};

static double pick(struct cluster *c, const double *values, size_t n)
{
    return values[cluster_random(c) % n];
}

static void fill_containers(struct cluster *c, const struct workload *w, struct pod *p)
{
    p->ncontainers = w->ncontainers;
    for (size_t i = 0; i < w->ncontainers; i++) {
        struct container *k = &p->containers[i];
        double share = i == 0 ? 1 : 0.1;
        k->name = w->containers[i];
        k->image = cluster_text(c, "registry.example.com/%s/%s:1.%d", w->namespace, k->name,
                                (int)(w->name[0] % 9));
        k->cpu_request = i == 0 || w->cpu_request == 0 ? w->cpu_request : 0.02;
        k->ram_request = i == 0 || w->ram_request == 0 ? w->ram_request : 33554432;
        k->gpus = i == 0 ? w->gpus : 0;
        k->cpu_base = (w->cpu_request > 0 ? w->cpu_request : 0.05) * share *
                      (0.2 + 0.9 * cluster_unit(cluster_random(c)));
        k->ram_pages = (w->ram_request > 0 ? w->ram_request : 6.4e7) / 4096 * share *
                       (0.4 + 0.6 * cluster_unit(cluster_random(c)));
        k->seed = cluster_random(c);
        k->restart_ms = INT64_MAX;
        if (cluster_chance(c, 0.2))
            k->restart_ms = cluster_between(c, c->window.from_ms, c->window.to_ms);
    }
}

/* A node that is up at ms: any, or the one with a GPU. */
static const struct node *place(struct cluster *c, int cluster, int64_t ms, bool needs_gpu,
                                bool stable)
{
    const struct node *found = NULL;
    uint64_t seen = 0;
    for (size_t i = 0; i < c->nnodes; i++) {
        const struct node *n = c->nodes[i];
        if (n->cluster != cluster || n->life.from_ms > ms || n->life.to_ms <= ms ||
            (needs_gpu && !n->type->gpus) || (stable && n->life.to_ms != INT64_MAX))
            continue;
        if (cluster_random(c) % ++seen == 0)
            found = n;
    }
    return found;
}

static struct pod *add_pod(struct cluster *c, const struct workload *w, const char *name,
                           const char *owner_name, const struct node *node, struct span life)
{
    struct pod *p = cluster_alloc(c, sizeof *p);
    c->pods = cluster_grow(c->pods, c->npods, sizeof(struct pod *));
    p->cluster = w->cluster;
    p->namespace = w->namespace;
    p->name = name;
    p->uid[0] = cluster_uid(c);
    p->lives[0] = life;
    p->nlives = 1;
    p->node = node;
    p->owner_kind = w->owner_kind;
    p->owner_name = owner_name;
    p->app = w->name;
    p->team = w->team;
    p->seed = cluster_random(c);
    fill_containers(c, w, p);
    c->pods[c->npods++] = p;
    return p;
}

/* One replica: a pod, and after its end (a new version, an eviction, its node left) the next one,
 * until to_ms. */
static void run_replica(struct cluster *c, const struct workload *w, const char *const sets[2],
                        int64_t rollout_ms, struct span life)
{
    int64_t evicted_ms = cluster_chance(c, 0.15)
                             ? cluster_between(c, c->window.from_ms, c->window.to_ms)
                             : INT64_MAX;
    int64_t from = life.from_ms;
    while (from < life.to_ms && from < c->window.to_ms) {
        const struct node *node = place(c, w->cluster, from, w->gpus > 0, false);
        int64_t to = node->life.to_ms < life.to_ms ? node->life.to_ms : life.to_ms;
        if (from < rollout_ms && rollout_ms < to)
            to = rollout_ms;
        if (from < evicted_ms && evicted_ms < to)
            to = evicted_ms;
        const char *set = sets[from >= rollout_ms];
        char *name = cluster_text(c, "%s-%s", set, cluster_hex(c, 5));
        struct pod *p = add_pod(c, w, name, set, node, (struct span){from, to});
        p->template_hash = set + strlen(w->name) + 1;
        from = to == INT64_MAX ? to : to + cluster_between(c, 3000, 45000);
    }
}

static void add_deployment(struct cluster *c, const struct workload *w, size_t nreplicas)
{
    const char *sets[2];
    for (int i = 0; i < 2; i++)
        sets[i] = cluster_text(c, "%s-%s", w->name, cluster_hex(c, 9));
    int64_t from = c->window.from_ms, length = c->options.duration_ms;
    int64_t rollout =
        cluster_chance(c, 0.3) ? cluster_between(c, from, c->window.to_ms) : INT64_MAX;
    bool scales = nreplicas > 2 && cluster_chance(c, 0.5);
    for (size_t i = 0; i < nreplicas; i++) {
        struct span life = {INT64_MIN, INT64_MAX};
        if (scales && i >= nreplicas * 2 / 3)
            life = (struct span){from + length * 35 / 100 + (int64_t)i * 15000,
                                 from + length * 75 / 100};
        int64_t mine = rollout == INT64_MAX ? rollout : rollout + (int64_t)i * 25000;
        run_replica(c, w, sets, mine, life);
    }
}

static void add_daemonset(struct cluster *c, const struct workload *w)
{
    for (size_t i = 0; i < c->nnodes; i++) {
        const struct node *n = c->nodes[i];
        if (n->cluster == w->cluster)
            add_pod(c, w, cluster_text(c, "%s-%s", w->name, cluster_hex(c, 5)), w->name, n,
                    n->life);
    }
}

static void add_statefulset(struct cluster *c, const struct workload *w, size_t nreplicas,
                            double claim_bytes)
{
    for (size_t i = 0; i < nreplicas; i++) {
        struct span life = {INT64_MIN, INT64_MAX};
        const struct node *node = place(c, w->cluster, c->window.from_ms, false, true);
        struct pod *p = add_pod(c, w, cluster_text(c, "%s-%zu", w->name, i), w->name, node, life);
        if (cluster_chance(c, 0.4)) { /* away for a while, back with the same name */
            p->lives[0].to_ms = cluster_between(c, c->window.from_ms, c->window.to_ms);
            p->lives[1] =
                (struct span){p->lives[0].to_ms + cluster_between(c, 20000, 900000), INT64_MAX};
            p->uid[1] = cluster_uid(c);
            p->nlives = 2;
        }
        if (claim_bytes > 0) {
            p->claim = cluster_text(c, "data-%s", p->name);
            p->volume = cluster_text(c, "pvc-%s", cluster_uid(c));
            p->claim_bytes = claim_bytes;
        }
    }
}

/* Runs at whole multiples of the period; the pod stays listed as completed for a while. */
static void add_cronjob(struct cluster *c, const struct workload *w, int64_t period_ms)
{
    int64_t first = c->window.from_ms - c->window.from_ms % period_ms + period_ms;
    for (int64_t at = first; at < c->window.to_ms; at += period_ms) {
        const struct node *node = place(c, w->cluster, at, false, true);
        char *job = cluster_text(c, "%s-%lld", w->name, (long long)(at / MINUTE_MS));
        struct span life = {at + cluster_between(c, 1000, 9000),
                            at + cluster_between(c, 3, 40) * MINUTE_MS};
        struct pod *p =
            add_pod(c, w, cluster_text(c, "%s-%s", job, cluster_hex(c, 5)), job, node, life);
        p->is_job = true;
    }
}

static struct workload app(struct cluster *c, int cluster, const char *namespace, size_t i)
{
    static const double requests[] = {0, 0.05, 0.1, 0.1, 0.25, 0.25, 0.5, 1};
    static const double bytes[] = {0,         67108864,  134217728, 268435456,
                                   268435456, 536870912, 1073741824};
    size_t ncontainers = cluster_chance(c, 0.6) ? 1 : cluster_chance(c, 0.75) ? 2 : 3;
    const char *name = i < NAPPS ? apps[i] : cluster_text(c, "%s-%zu", apps[i % NAPPS], i / NAPPS);
    return (struct workload){.cluster = cluster,
                             .namespace = namespace,
                             .name = name,
                             .owner_kind = "ReplicaSet",
                             .team = teams[i % NTEAMS],
                             .ncontainers = ncontainers,
                             .containers = sidecars,
                             .cpu_request = pick(c, requests, 8),
                             .ram_request = pick(c, bytes, 7)};
}

/* What every cluster runs: returns the number of containers running at the start. */
static size_t add_system(struct cluster *c, int cluster)
{
    static const char *const cni[] = {"aws-node", "aws-eks-nodeagent"}, *const proxy[] = {
                                                                            "kube-proxy"};
    static const char *const dns[] = {"coredns"}, *const cost[] = {"cost-model",
                                                                   "cost-analyzer-frontend"};
    static const char *const exporter[] = {"node-exporter"}, *const server[] = {"prometheus-server",
                                                                                "config-reload"};
    static const char *const trainer[] = {"trainer"};
    struct workload w = {.cluster = cluster,
                         .namespace = "kube-system",
                         .name = "aws-node",
                         .owner_kind = "DaemonSet",
                         .ncontainers = 2,
                         .containers = cni,
                         .cpu_request = 0.05};
    add_daemonset(c, &w);
    w.name = "kube-proxy", w.ncontainers = 1, w.containers = proxy, w.cpu_request = 0.1;
    add_daemonset(c, &w);
    w.namespace = "monitoring", w.name = "node-exporter", w.containers = exporter,
    w.ram_request = 31457280, w.team = "platform";
    add_daemonset(c, &w);
    w.owner_kind = "ReplicaSet", w.namespace = "kube-system", w.name = "coredns",
    w.containers = dns, w.ram_request = 73400320, w.team = NULL;
    add_deployment(c, &w, 2);
    w.namespace = "kubecost", w.name = "kubecost-cost-analyzer", w.containers = cost,
    w.ncontainers = 2, w.cpu_request = 0.2, w.ram_request = 57671680;
    add_deployment(c, &w, 1);
    w.owner_kind = "StatefulSet", w.namespace = "monitoring", w.name = "prometheus",
    w.containers = server, w.cpu_request = 0.5, w.ram_request = 2147483648.0, w.team = "platform";
    add_statefulset(c, &w, 1, 34359738368.0);
    if (cluster == 0) {
        w.owner_kind = "ReplicaSet", w.namespace = "ml", w.name = "trainer", w.containers = trainer,
        w.ncontainers = 1, w.cpu_request = 1, w.gpus = 1, w.team = "data";
        add_deployment(c, &w, 1);
    }
    size_t running = 0;
    for (size_t i = 0; i < c->npods; i++)
        if (c->pods[i]->cluster == cluster && c->pods[i]->lives[0].from_ms == INT64_MIN)
            running += c->pods[i]->ncontainers;
    return running;
}

static void add_cluster(struct cluster *c, int cluster, size_t ncontainers)
{
    size_t running = add_system(c, cluster);
    size_t nnamespaces = ncontainers / 60 + 3;
    for (size_t i = 0; i < 5 || running < ncontainers; i++) {
        const char *namespace =
            i % nnamespaces == 0
                ? "default"
                : cluster_text(c, "%s-%s", teams[i % nnamespaces % NTEAMS],
                               i % nnamespaces < NTEAMS ? "apps"
                                                        : cluster_text(c, "%zu", i % nnamespaces));
        struct workload w = app(c, cluster, namespace, i);
        size_t nreplicas = (size_t)cluster_between(c, 1, 4);
        if (i % 10 == 1) { /* with a disk for each pod */
            w.owner_kind = "StatefulSet";
            nreplicas = 2;
            add_statefulset(c, &w, nreplicas, 10737418240.0 * (double)cluster_between(c, 1, 5));
        } else if (i % 10 == 2) {
            w.owner_kind = "Job";
            add_cronjob(c, &w, i % 20 == 2 ? 3 * HOUR_MS : HOUR_MS);
            continue;
        } else if (i % 40 == 4) {
            w.owner_kind = "<none>"; /* a pod that nobody controls */
            nreplicas = 1;
            add_pod(c, &w, w.name, "<none>", place(c, cluster, c->window.from_ms, false, true),
                    (struct span){INT64_MIN, INT64_MAX});
        } else {
            add_deployment(c, &w, nreplicas);
        }
        running += nreplicas * w.ncontainers;
    }
}

void cluster_add_pods(struct cluster *c)
{
    size_t second = c->options.ncontainers * 35 / 100;
    add_cluster(c, 0, c->options.ncontainers - second);
    add_cluster(c, 1, second);
}
