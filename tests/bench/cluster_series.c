/* What is exposed of the generated clusters: each object's series, with the labels that the
 * exporters give them. */
#include "bench/cluster_parts.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* A series but for its name and labels. */
struct fact {
    size_t target;
    enum model model;
    double a;
    double b;
    const struct span *lives; /* NULL: as long as the target */
    size_t nlives;
    const struct container *container;
    const struct pod *pod;
    const struct node *node;
    bool
        has_node_labels; /* the scrape configuration copies the node's labels, as cAdvisor's does */
};

struct sheet {
    struct cluster_label labels[MAX_LABELS];
    size_t n;
};

static bool is_wanted(const struct cluster *c, const char *metric)
{
    for (size_t i = 0; i < c->nwanted; i++)
        if (strcmp(c->wanted[i], metric) == 0)
            return true;
    return c->nwanted == 0;
}

/* Set a label, in the place of one of that name. An absent value sets nothing. */
static void put(struct sheet *s, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    size_t at = 0;
    while (at < s->n && strcmp(s->labels[at].name, name) < 0)
        at++;
    if (at == s->n || strcmp(s->labels[at].name, name) != 0) {
        assert(s->n < MAX_LABELS);
        memmove(&s->labels[at + 1], &s->labels[at], (s->n - at) * sizeof s->labels[0]);
        s->n++;
    }
    s->labels[at] = (struct cluster_label){name, value};
}

/* One series; its labels are name, value, ..., NULL, besides job, instance and cluster_id, which
 * come with the target. */
static void expose(struct cluster *c, const char *metric, const struct fact *f, ...)
{
    if (!is_wanted(c, metric))
        return;
    struct sheet sheet = {.n = 0};
    const struct target *target = &c->targets[f->target];
    put(&sheet, "__name__", metric);
    put(&sheet, "cluster_id", target->cluster_id);
    put(&sheet, "job", target->job);
    put(&sheet, "instance", target->instance);
    if (f->has_node_labels) {
        put(&sheet, "beta_kubernetes_io_arch", f->node->type->arch);
        put(&sheet, "beta_kubernetes_io_instance_type", f->node->type->name);
        put(&sheet, "beta_kubernetes_io_os", "linux");
        put(&sheet, "eks_amazonaws_com_capacityType", f->node->is_spot ? "SPOT" : "ON_DEMAND");
    }
    va_list pairs;
    va_start(pairs, f);
    for (const char *name; (name = va_arg(pairs, const char *)) != NULL;)
        put(&sheet, name, va_arg(pairs, const char *));
    va_end(pairs);

    c->series = cluster_grow(c->series, c->nseries, sizeof *c->series);
    struct series *s = &c->series[c->nseries++];
    struct cluster_label *labels = cluster_alloc(c, sheet.n * sizeof *labels);
    memcpy(labels, sheet.labels, sheet.n * sizeof *labels);
    *s = (struct series){
        .labels = labels,
        .nlabels = sheet.n,
        .target = f->target,
        .model = f->model,
        .a = f->a,
        .b = f->b,
        .lives = f->lives,
        .nlives = f->nlives,
        .container = f->container,
        .pod = f->pod,
        .node = f->node,
        .seed = cluster_mix(c->options.seed ^ (uint64_t)c->nseries * UINT64_C(0x51ED270B))};
}

/* ---- nodes */

static void add_node_cadvisor(struct cluster *c, const struct node *n)
{
    struct fact f = {.target = n->cadvisor,
                     .node = n,
                     .has_node_labels = true,
                     .model = MODEL_CPU_NODE,
                     .a = n->used_cores};
    expose(c, "container_cpu_usage_seconds_total", &f, "id", "/", NULL);
    f.model = MODEL_RAM_NODE;
    expose(c, "container_memory_working_set_bytes", &f, "id", "/", NULL);
    expose(c, "container_memory_usage_bytes", &f, "id", "/", NULL);
    f.model = MODEL_BYTES, f.a = 180000;
    expose(c, "container_network_receive_bytes_total", &f, "id", "/", "interface", "eth0", NULL);
    f.a = 95000;
    expose(c, "container_network_transmit_bytes_total", &f, "id", "/", "interface", "eth0", NULL);
    f.model = MODEL_CONST, f.a = 85886742528.0;
    expose(c, "container_fs_limit_bytes", &f, "id", "/", "device", "/dev/nvme0n1p1", NULL);
    f.model = MODEL_FILL, f.a = 21474836480.0, f.b = 1073741824.0;
    expose(c, "container_fs_usage_bytes", &f, "id", "/", "device", "/dev/nvme0n1p1", NULL);
    f.model = MODEL_CONST, f.a = 67108864;
    expose(c, "container_fs_limit_bytes", &f, "id", "/", "device", "tmpfs", NULL);
    f.a = 0;
    expose(c, "container_fs_usage_bytes", &f, "id", "/", "device", "tmpfs", NULL);
}

static void add_node_exporter(struct cluster *c, const struct node *n)
{
    static const char *const modes[] = {"idle",    "iowait", "irq",    "nice",
                                        "softirq", "steal",  "system", "user"};
    static const double shares[] = {0.71, 0.004, 0, 0.001, 0.005, 0.002, 0.068, 0.21};
    for (int cpu = 0; cpu < n->type->cores; cpu++)
        for (size_t m = 0; m < 8; m++) {
            struct fact f = {
                .target = n->exporter, .node = n, .model = MODEL_CPU_MODE, .a = shares[m]};
            expose(c, "node_cpu_seconds_total", &f, "cpu", cluster_text(c, "%d", cpu), "mode",
                   modes[m], "kubernetes_node", n->name, "kubernetes_name", "node-exporter",
                   "namespace", "monitoring", NULL);
        }
}

static void add_node_state(struct cluster *c, const struct node *n)
{
    bool is_v2 = n->cluster == 0;
    const char *region = cluster_regions[n->cluster], *uid = is_v2 ? n->uid : NULL;
    double allocatable = n->ram_bytes - 4096.0 * 180000;
    struct fact f = {.target = is_v2 ? c->ksm[0] : c->cost[1],
                     .node = n,
                     .lives = &n->life,
                     .nlives = 1,
                     .model = MODEL_CONST,
                     .a = 1};
    expose(c, "kube_node_info", &f, "node", n->name, "kernel_version",
           "5.10.205-195.804.amzn2.x86_64", "kubelet_version", "v1.27.9-eks-5e0fdde",
           "container_runtime_version", "containerd://1.7.2", "provider_id", n->provider_id, NULL);
    expose(c, "kube_node_labels", &f, "node", n->name, "uid", uid, "label_kubernetes_io_arch",
           n->type->arch, "label_node_kubernetes_io_instance_type", n->type->name,
           "label_topology_kubernetes_io_region", region, "label_topology_kubernetes_io_zone",
           n->zone, "label_eks_amazonaws_com_nodegroup", n->is_spot ? "spot" : "base",
           "label_kubernetes_io_hostname", n->name, NULL);
    f.a = n->type->cores;
    expose(c, "kube_node_status_capacity_cpu_cores", &f, "node", n->name, "uid", uid, NULL);
    if (is_v2)
        expose(c, "kube_node_status_capacity", &f, "node", n->name, "uid", uid, "resource", "cpu",
               "unit", "core", NULL);
    f.a = n->type->cores - 0.07;
    expose(c, "kube_node_status_allocatable_cpu_cores", &f, "node", n->name, "uid", uid, NULL);
    if (is_v2)
        expose(c, "kube_node_status_allocatable", &f, "node", n->name, "uid", uid, "resource",
               "cpu", "unit", "core", NULL);
    f.a = n->ram_bytes;
    expose(c, "kube_node_status_capacity_memory_bytes", &f, "node", n->name, "uid", uid, NULL);
    if (is_v2)
        expose(c, "kube_node_status_capacity", &f, "node", n->name, "uid", uid, "resource",
               "memory", "unit", "byte", NULL);
    f.a = allocatable;
    expose(c, "kube_node_status_allocatable_memory_bytes", &f, "node", n->name, "uid", uid, NULL);
    if (is_v2)
        expose(c, "kube_node_status_allocatable", &f, "node", n->name, "uid", uid, "resource",
               "memory", "unit", "byte", NULL);
}

static void add_node_cost(struct cluster *c, const struct node *n)
{
    static const char *const names[] = {"node_cpu_hourly_cost", "node_ram_hourly_cost",
                                        "node_gpu_hourly_cost", "node_total_hourly_cost",
                                        "node_gpu_count",       "kubecost_node_is_spot"};
    double gib = n->ram_bytes / 1073741824.0;
    double gpu = n->type->gpus ? 0.95 * 0.35 : 0;
    double cpu = cluster_price_cpu(n->type, gib), ram = cluster_price_ram(n->type, gib);
    double values[] = {cpu,           ram,
                       gpu,           cpu * n->type->cores + ram * gib + gpu * n->type->gpus,
                       n->type->gpus, n->is_spot};
    for (size_t i = 0; i < 6; i++) {
        struct fact f = {.target = c->cost[n->cluster],
                         .node = n,
                         .lives = &n->life,
                         .nlives = 1,
                         .model = i < 4 ? MODEL_PRICE : MODEL_CONST,
                         .a = values[i]};
        expose(c, names[i], &f, "instance", n->name, "node", n->name, "instance_type",
               n->type->name, "region", cluster_regions[n->cluster], "provider_id", n->provider_id,
               "arch", n->type->arch, NULL);
    }
}

/* ---- pods */

/* The lives of a container under one id: those of the pod, cut where the container restarts. */
static size_t cut_lives(const struct pod *p, const struct container *k,
                        struct span out[2 * MAX_LIVES])
{
    size_t n = 0;
    for (size_t i = 0; i < p->nlives; i++) {
        out[n++] = p->lives[i];
        if (p->lives[i].from_ms < k->restart_ms && k->restart_ms < p->lives[i].to_ms) {
            out[n - 1].to_ms = k->restart_ms;
            out[n++] = (struct span){k->restart_ms, p->lives[i].to_ms};
        }
    }
    return n;
}

/* cAdvisor's rows of one container, pause container (k NULL, name "POD") or pod (name NULL) under
 * one id. */
static void add_cgroup(struct cluster *c, const struct pod *p, const struct container *k,
                       const char *name, const char *id, const struct span *lives, size_t nlives)
{
    bool is_old = p->cluster == 1;
    struct fact f = {.target = p->node->cadvisor,
                     .node = p->node,
                     .has_node_labels = true,
                     .pod = p,
                     .container = k,
                     .lives = lives,
                     .nlives = nlives};
    const char *image = k ? k->image : name ? "registry.k8s.io/pause:3.5" : NULL;
    const char *old_pod = is_old ? p->name : NULL, *old_name = is_old ? name : NULL;
    enum model cpu = k ? MODEL_CPU_SECONDS : name ? MODEL_CPU_TRICKLE : MODEL_CPU_POD;
    enum model ram = k ? MODEL_RAM : name ? MODEL_CONST : MODEL_RAM_POD;
#define IDENTITY                                                                                   \
    "namespace", p->namespace, "pod", p->name, "pod_name", old_pod, "container", name,             \
        "container_name", old_name, "id", id, "image", image
    f.model = cpu;
    expose(c, "container_cpu_usage_seconds_total", &f, IDENTITY, NULL);
    f.model = ram, f.a = 53248;
    expose(c, "container_memory_working_set_bytes", &f, IDENTITY, NULL);
    if (!k)
        return;
    expose(c, "container_memory_usage_bytes", &f, IDENTITY, NULL);
    if (strcmp(k->name, "cost-model") != 0)
        return;
    f.model = MODEL_PERIODS, f.a = 10;
    expose(c, "container_cpu_cfs_periods_total", &f, IDENTITY, NULL);
    f.a = 2.6;
    expose(c, "container_cpu_cfs_throttled_periods_total", &f, IDENTITY, NULL);
#undef IDENTITY
}

/* The older cluster's scrape configuration drops the id, so there a restart is a counter that
 * begins again; elsewhere it is another series. */
static void add_pod_cadvisor(struct cluster *c, const struct pod *p)
{
    bool has_id = p->cluster == 0;
    for (size_t i = 0; i < p->ncontainers; i++) {
        const struct container *k = &p->containers[i];
        if (!has_id) {
            add_cgroup(c, p, k, k->name, NULL, p->lives, p->nlives);
            continue;
        }
        struct span cut[2 * MAX_LIVES];
        size_t n = cut_lives(p, k, cut);
        struct span *spans = cluster_alloc(c, n * sizeof *spans);
        memcpy(spans, cut, n * sizeof *spans);
        for (size_t s = 0; s < n; s++)
            add_cgroup(
                c, p, k, k->name,
                cluster_text(c, "/kubepods/burstable/pod%s/%s", p->uid[0], cluster_hex(c, 12)),
                &spans[s], 1);
    }
    for (size_t s = 0; s < (has_id ? p->nlives : 1); s++) {
        const char *id = has_id ? cluster_text(c, "/kubepods/burstable/pod%s", p->uid[s]) : NULL;
        const char *pause = has_id ? cluster_text(c, "%s/%s", id, cluster_hex(c, 12)) : NULL;
        size_t n = has_id ? 1 : p->nlives;
        add_cgroup(c, p, NULL, "POD", pause, &p->lives[s], n);
        add_cgroup(c, p, NULL, NULL, id, &p->lives[s], n);
        struct fact f = {.target = p->node->cadvisor,
                         .node = p->node,
                         .has_node_labels = true,
                         .pod = p,
                         .lives = &p->lives[s],
                         .nlives = n,
                         .model = MODEL_BYTES};
        const char *old = has_id ? NULL : p->name;
        f.a = 300 + (double)(p->seed % 9000), f.b = p->seed % 3 ? 0.9 : 0.5;
        expose(c, "container_network_receive_bytes_total", &f, "namespace", p->namespace, "pod",
               p->name, "pod_name", old, "interface", "eth0", "id", id, NULL);
        f.a = 200 + (double)(p->seed / 9000 % 7000);
        expose(c, "container_network_transmit_bytes_total", &f, "namespace", p->namespace, "pod",
               p->name, "pod_name", old, "interface", "eth0", "id", id, NULL);
    }
}

/* Where the orchestrator's own state is told: kube-state-metrics keeps a finished job's pod for an
 * hour, the cost exporter of the older cluster, which stands in for it there, does not. */
static void add_pod_state(struct cluster *c, const struct pod *p)
{
    bool is_v2 = p->cluster == 0;
    struct span *kept = cluster_alloc(c, p->nlives * sizeof *kept);
    memcpy(kept, p->lives, p->nlives * sizeof *kept);
    if (p->is_job && is_v2)
        kept[0].to_ms += HOUR_MS;
    struct fact f = {.target = is_v2 ? c->ksm[0] : c->cost[1],
                     .pod = p,
                     .node = p->node,
                     .model = MODEL_CONST,
                     .a = 1};
    bool is_bare = p->owner_kind[0] == '<';
    for (size_t s = 0; s < p->nlives; s++) {
        const char *uid = p->uid[s];
        f.lives = &kept[s], f.nlives = 1, f.model = MODEL_RUNNING;
        for (size_t i = 0; i < p->ncontainers; i++)
            expose(c, "kube_pod_container_status_running", &f, "namespace", p->namespace, "pod",
                   p->name, "container", p->containers[i].name, "uid", uid, NULL);
        f.model = MODEL_CONST;
        if (!is_v2) /* without uid it is one series for all lives */
            uid = NULL, f.lives = kept, f.nlives = p->nlives;
        expose(c, "kube_pod_owner", &f, "namespace", p->namespace, "pod", p->name, "uid", uid,
               "owner_kind", p->owner_kind, "owner_name", p->owner_name, "owner_is_controller",
               is_bare ? "<none>" : "true", NULL);
        expose(c, "kube_pod_labels", &f, "namespace", p->namespace, "pod", p->name, "uid", uid,
               "label_app", p->app, "label_team", p->team, "label_pod_template_hash",
               p->template_hash, NULL);
        expose(c, "kube_pod_annotations", &f, "namespace", p->namespace, "pod", p->name, "uid", uid,
               "annotation_prometheus_io_scrape", "true", "annotation_note",
               p->seed % 8 ? NULL : "size=\"L\" & caf\xC3\xA9 <b>\\d+</b>", NULL);
        if (!is_v2)
            break;
    }
    f.lives = kept, f.nlives = p->nlives;
    for (size_t i = 0; i < p->ncontainers; i++) {
        const struct container *k = &p->containers[i];
#define IDENTITY                                                                                   \
    "namespace", p->namespace, "pod", p->name, "container", k->name, "node", p->node->name
        f.container = k;
        if ((f.a = k->cpu_request) > 0)
            expose(c, "kube_pod_container_resource_requests", &f, IDENTITY, "resource", "cpu",
                   "unit", "core", NULL);
        if ((f.a = k->ram_request) > 0)
            expose(c, "kube_pod_container_resource_requests", &f, IDENTITY, "resource", "memory",
                   "unit", "byte", NULL);
        if ((f.a = k->gpus) > 0)
            expose(c, "kube_pod_container_resource_requests", &f, IDENTITY, "resource",
                   "nvidia_com_gpu", "unit", "integer", NULL);
        if ((f.a = k->cpu_request >= 0.25 ? 2 * k->cpu_request : 0) > 0)
            expose(c, "kube_pod_container_resource_limits", &f, IDENTITY, "resource", "cpu", "unit",
                   "core", NULL);
        if ((f.a = 2 * k->ram_request) > 0)
            expose(c, "kube_pod_container_resource_limits", &f, IDENTITY, "resource", "memory",
                   "unit", "byte", NULL);
    }
}

static void add_pod_cost(struct cluster *c, const struct pod *p)
{
    const char *node = p->node->name;
    struct fact f = {.target = c->cost[p->cluster],
                     .pod = p,
                     .node = p->node,
                     .lives = p->lives,
                     .nlives = p->nlives};
    for (size_t i = 0; i < p->ncontainers; i++) {
        const struct container *k = &p->containers[i];
        const char *provider_id = p->cluster == 0 ? p->node->provider_id : NULL;
        f.container = k, f.model = MODEL_CPU_ALLOCATION;
        expose(c, "container_cpu_allocation", &f, IDENTITY, "instance", node, NULL);
        f.model = MODEL_RAM_ALLOCATION;
        expose(c, "container_memory_allocation_bytes", &f, IDENTITY, "instance", node,
               "provider_id", provider_id, NULL);
        f.model = MODEL_CONST, f.a = k->gpus;
        expose(c, "container_gpu_allocation", &f, IDENTITY, "instance", node, NULL);
        if (k->gpus > 0) {
            struct fact g = {.target = p->node->dcgm,
                             .pod = p,
                             .lives = p->lives,
                             .nlives = p->nlives,
                             .model = MODEL_SHARE,
                             .a = 0.55,
                             .b = 0.4};
            expose(c, "DCGM_FI_PROF_GR_ENGINE_ACTIVE", &g, "namespace", p->namespace, "pod",
                   p->name, "container", k->name, "gpu", "0", NULL);
        }
    }
#undef IDENTITY
    static const char *const ways[][3] = {{"true", "false", "false"},
                                          {"false", "false", "true"},
                                          {"false", "false", "false"},
                                          {"false", "true", "true"}};
    static const double rates[] = {900, 400, 60, 3000};
    f.target = p->node->network, f.model = MODEL_BYTES, f.b = 0.9, f.container = NULL;
    for (size_t w = 0; p->owner_kind[0] != 'D' && w < 4; w++) {
        f.a = rates[w] * (0.2 + cluster_unit(cluster_mix(p->seed + w)));
        expose(c, "kubecost_pod_network_egress_bytes_total", &f, "pod_name", p->name, "namespace",
               p->namespace, "internet", ways[w][0], "same_zone", ways[w][1], "same_region",
               ways[w][2], "service", w == 0 ? "s3" : NULL, "sameZone",
               p->cluster ? ways[w][1] : NULL, "sameRegion", p->cluster ? ways[w][2] : NULL, NULL);
    }
}

/* ---- volumes */

static void add_volume(struct cluster *c, int cluster, const char *volume, const char *class,
                       double bytes)
{
    const char *disk = cluster_text(c, "vol-0%s", cluster_hex(c, 16));
    struct fact f = {.target = cluster ? c->cost[1] : c->ksm[0], .model = MODEL_CONST, .a = bytes};
    expose(c, "kube_persistentvolume_capacity_bytes", &f, "persistentvolume", volume, NULL);
    f.target = c->cost[cluster], f.a = 1;
    expose(c, "kubecost_pv_info", &f, "persistentvolume", volume, "storageclass", class,
           "provider_id", disk, NULL);
    f.a = 0.00010958904109589041;
    expose(c, "pv_hourly_cost", &f, "volumename", volume, "persistentvolume", volume, "provider_id",
           disk, NULL);
}

static void add_claim(struct cluster *c, int cluster, const char *namespace, const char *claim,
                      const char *volume, const char *class, double bytes)
{
    struct fact f = {.target = cluster ? c->cost[1] : c->ksm[0], .model = MODEL_CONST, .a = 1};
    expose(c, "kube_persistentvolumeclaim_info", &f, "persistentvolumeclaim", claim, "namespace",
           namespace, "volumename", volume, "storageclass", class, NULL);
    f.a = bytes;
    expose(c, "kube_persistentvolumeclaim_resource_requests_storage_bytes", &f,
           "persistentvolumeclaim", claim, "namespace", namespace, NULL);
}

static void add_pod_volume(struct cluster *c, const struct pod *p)
{
    add_volume(c, p->cluster, p->volume, "gp3", p->claim_bytes);
    add_claim(c, p->cluster, p->namespace, p->claim, p->volume, "gp3", p->claim_bytes);
    struct fact f = {.target = c->cost[p->cluster],
                     .pod = p,
                     .lives = p->lives,
                     .nlives = p->nlives,
                     .model = MODEL_CONST,
                     .a = p->claim_bytes};
    expose(c, "pod_pvc_allocation", &f, "namespace", p->namespace, "pod", p->name,
           "persistentvolumeclaim", p->claim, "persistentvolume", p->volume, NULL);
    f.target = p->node->cadvisor, f.model = MODEL_FILL, f.a = p->claim_bytes * 0.3,
    f.b = p->claim_bytes * 0.02;
    expose(c, "kubelet_volume_stats_used_bytes", &f, "namespace", p->namespace,
           "persistentvolumeclaim", p->claim, "job", "kubernetes-nodes", NULL);
}

/* ---- controllers, namespaces, clusters */

/* The first pod of its group says what there is to say about the group. */
static bool is_first(const struct cluster *c, size_t at,
                     bool (*same)(const struct pod *, const struct pod *))
{
    for (size_t i = at; i-- > 0;)
        if (c->pods[i]->cluster == c->pods[at]->cluster &&
            strcmp(c->pods[i]->namespace, c->pods[at]->namespace) == 0 &&
            same(c->pods[i], c->pods[at]))
            return false;
    return true;
}

static bool same_namespace(const struct pod *a, const struct pod *b)
{
    (void)a, (void)b;
    return true;
}

static bool same_app(const struct pod *a, const struct pod *b)
{
    return strcmp(a->app, b->app) == 0;
}

static bool same_owner(const struct pod *a, const struct pod *b)
{
    return strcmp(a->owner_name, b->owner_name) == 0;
}

static void add_groups(struct cluster *c, size_t at)
{
    const struct pod *p = c->pods[at];
    struct fact f = {.target = p->cluster ? c->cost[1] : c->ksm[0], .model = MODEL_CONST, .a = 1};
    if (is_first(c, at, same_namespace)) {
        expose(c, "kube_namespace_labels", &f, "namespace", p->namespace,
               "label_kubernetes_io_metadata_name", p->namespace, "label_team", p->team, NULL);
        expose(c, "kube_namespace_annotations", &f, "namespace", p->namespace, "annotation_owner",
               p->team ? cluster_text(c, "%s@example.com", p->team) : NULL, NULL);
    }
    if (p->owner_kind[0] == 'R' && is_first(c, at, same_owner)) {
        const char *kind = "Deployment", *name = p->app;
        if (p->template_hash[0] == '3') /* some belong to nobody, some to a Rollout */
            kind = name = "<none>";
        else if (p->template_hash[0] == '6' || p->template_hash[0] == '7')
            kind = "Rollout";
        expose(c, "kube_replicaset_owner", &f, "namespace", p->namespace, "replicaset",
               p->owner_name, "owner_kind", kind, "owner_name", name, "owner_is_controller",
               kind[0] == '<' ? "<none>" : "true", NULL);
    }
    if (!is_first(c, at, same_app))
        return;
    f.target = c->cost[p->cluster];
    if (p->owner_kind[0] == 'R' && p->template_hash[0] != '3' && p->template_hash[0] != '6' &&
        p->template_hash[0] != '7')
        expose(c, "deployment_match_labels", &f, "namespace", p->namespace, "deployment", p->app,
               "label_app", p->app, NULL);
    if (p->owner_kind[0] == 'S')
        expose(c, "statefulSet_match_labels", &f, "namespace", p->namespace, "statefulSet", p->app,
               "label_app", p->app, NULL);
    if (p->owner_kind[0] == 'D' || p->is_job)
        return;
    expose(c, "service_selector_labels", &f, "namespace", p->namespace, "service", p->app,
           "label_app", p->app, NULL);
    if (p->seed % 7 == 0) {
        f.a = 0.0225;
        expose(c, "kubecost_load_balancer_cost", &f, "namespace", p->namespace, "service_name",
               p->app, "ingress_ip",
               cluster_text(c, "a%s.elb.%s.amazonaws.com", cluster_hex(c, 12),
                            cluster_regions[p->cluster]),
               NULL);
        if (p->seed % 14 == 0)
            expose(c, "kubecost_load_balancer_cost", &f, "namespace", p->namespace, "service_name",
                   p->app, "ingress_ip",
                   cluster_text(c, "10.%d.77.%d", p->cluster, (int)(p->seed % 200)), NULL);
    }
}

static void add_cluster(struct cluster *c, int cluster)
{
    struct fact f = {.target = c->cost[cluster], .model = MODEL_CONST, .a = 1};
    expose(c, "kubecost_cluster_info", &f, "id", cluster_ids[cluster], "name", cluster_ids[cluster],
           "provider", "AWS", "account", "297945954695", "region", cluster_regions[cluster],
           "provisioner", "EKS", "clusterprofile", "production", NULL);
    f.a = 0.10;
    expose(c, "kubecost_cluster_management_cost", &f, "provisioner_name", "EKS", NULL);
    f.a = 0.01;
    expose(c, "kubecost_network_zone_egress_cost", &f, NULL);
    expose(c, "kubecost_network_region_egress_cost", &f, NULL);
    f.a = 0.143;
    expose(c, "kubecost_network_internet_egress_cost", &f, NULL);
    f.target = c->self[cluster], f.model = MODEL_SHARE, f.a = (double)c->options.interval_ms / 1000,
    f.b = 0.0004;
    expose(c, "prometheus_target_interval_length_seconds", &f, "interval", "1m0s", "quantile",
           "0.5", NULL);
    /* a volume that nothing claims, and a claim that nothing mounts */
    add_volume(c, cluster, cluster_text(c, "pvc-%s", cluster_uid(c)), "gp2", 107374182400.0);
    const char *unused = cluster_text(c, "pvc-%s", cluster_uid(c));
    add_volume(c, cluster, unused, "gp2", 21474836480.0);
    add_claim(c, cluster, "default", "scratch", unused, "gp2", 16106127360.0);
}

void cluster_add_series(struct cluster *c)
{
    for (size_t i = 0; i < c->ntargets; i++) {
        struct fact f = {.target = i, .model = MODEL_UP};
        expose(c, "up", &f, NULL);
    }
    for (int cluster = 0; cluster < 2; cluster++)
        add_cluster(c, cluster);
    for (size_t i = 0; i < c->nnodes; i++) {
        add_node_cadvisor(c, c->nodes[i]);
        add_node_exporter(c, c->nodes[i]);
        add_node_state(c, c->nodes[i]);
        add_node_cost(c, c->nodes[i]);
    }
    for (size_t i = 0; i < c->npods; i++) {
        add_pod_cadvisor(c, c->pods[i]);
        add_pod_state(c, c->pods[i]);
        add_pod_cost(c, c->pods[i]);
        add_groups(c, i);
        if (c->pods[i]->claim)
            add_pod_volume(c, c->pods[i]);
    }
}
