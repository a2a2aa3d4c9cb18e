/* The nodes of the two generated clusters and the targets that Prometheus scrapes there. */
#include "bench/cluster_parts.h"

#include <stdlib.h>

const char *const cluster_ids[2] = {"eks-prod", "eks-dev"};
const char *const cluster_regions[2] = {"us-east-2", "us-west-2"};

static const struct instance_type types[] = {
    {"m5.xlarge", "amd64", 4, 16, 0, 0.192},   {"m6a.xlarge", "amd64", 4, 16, 0, 0.1728},
    {"c5.2xlarge", "amd64", 8, 16, 0, 0.34},   {"r6g.xlarge", "arm64", 4, 32, 0, 0.2016},
    {"m5.2xlarge", "amd64", 8, 32, 0, 0.384},  {"t3.medium", "amd64", 2, 4, 0, 0.0416},
    {"g4dn.xlarge", "amd64", 4, 16, 1, 0.526},
};
enum { NORDINARY = 5, SMALL = 5, WITH_GPU = 6 };

static const struct span always = {INT64_MIN, INT64_MAX};

/* A gap of 1 to most scrapes somewhere inside the window. */
static void add_gap(struct cluster *c, struct target *t, bool failed, int64_t most)
{
    int64_t interval = c->options.interval_ms;
    int64_t scrapes = c->options.duration_ms / interval;
    int64_t first = cluster_between(c, scrapes / 10, scrapes - scrapes / 10);
    int64_t from = c->window.from_ms + first * interval;
    t->gaps[t->ngaps].span.from_ms = from;
    t->gaps[t->ngaps].span.to_ms = from + cluster_between(c, 1, most) * interval;
    t->gaps[t->ngaps++].failed = failed;
}

/* The offset is anything; every fourth target sits exactly on the minute, where the ends of windows
 * are. Random numbers are drawn for aligned targets, too, so that the rest is the same. */
static size_t add_target(struct cluster *c, int cluster, const char *job, const char *instance,
                         struct span life, int gaps)
{
    c->targets = cluster_grow(c->targets, c->ntargets, sizeof *c->targets);
    struct target *t = &c->targets[c->ntargets];
    *t = (struct target){.life = life,
                         .cluster_id = cluster_ids[cluster],
                         .job = job,
                         .instance = instance,
                         .seed = cluster_random(c)};
    if (c->ntargets % 4 != 1)
        t->offset_ms = cluster_between(c, 1, c->options.interval_ms - 21);
    t->has_jitter = c->ntargets % 4 == 3 && !c->options.is_aligned;
    if (c->options.is_aligned)
        t->offset_ms = 0;
    for (int i = 0; i < gaps; i++)
        add_gap(c, t, (c->ntargets + (size_t)i) % 2 == 0, i == 0 ? 3 : 9);
    return c->ntargets++;
}

static struct node *add_node(struct cluster *c, int cluster, const struct instance_type *type,
                             bool is_spot, struct span life)
{
    struct node *n = cluster_alloc(c, sizeof *n);
    c->nodes = cluster_grow(c->nodes, c->nnodes, sizeof(struct node *));
    int i = (int)c->nnodes;
    const char *region = cluster_regions[cluster];
    n->cluster = cluster;
    n->type = type;
    n->is_spot = is_spot;
    n->life = life;
    n->seed = cluster_random(c);
    n->name = cluster_text(c, "ip-10-%d-%d-%d.%s.compute.internal", cluster, 8 + i / 200,
                           11 + i % 200, region);
    n->zone = cluster_text(c, "%s%c", region, 'a' + i % 3);
    n->provider_id = cluster_text(c, "aws:///%s/i-0%s", n->zone, cluster_hex(c, 16));
    n->address = cluster_text(c, "10.%d.%d.%d:9100", cluster, 8 + i / 200, 11 + i % 200);
    n->uid = cluster_uid(c);
    /* the kernel keeps some of the memory that the price list promises */
    n->ram_bytes =
        (double)type->ram_gib * 1073741824.0 - 4096.0 * (double)cluster_between(c, 60000, 140000);
    n->used_cores = 0.03 * type->cores;
    /* half of the nodes have gaps: in the node's cAdvisor, and some in the other targets too */
    int gaps = i % 2 == 0 ? 1 + i % 3 / 2 : 0;
    n->cadvisor = add_target(c, cluster, "kubernetes-nodes-cadvisor", n->name, life, gaps);
    n->exporter = add_target(c, cluster, "kubernetes-service-endpoints", n->address, life, i % 2);
    n->network = add_target(c, cluster, "kubecost-networking",
                            cluster_text(c, "10.%d.%d.%d:3001", cluster, 8 + i / 200, 11 + i % 200),
                            life, i % 3 == 0);
    if (type->gpus > 0)
        n->dcgm = add_target(
            c, cluster, "dcgm-exporter",
            cluster_text(c, "10.%d.%d.%d:9400", cluster, 8 + i / 200, 11 + i % 200), life, 0);
    c->nodes[c->nnodes++] = n;
    return n;
}

static void add_cluster(struct cluster *c, int cluster, size_t ncontainers)
{
    size_t nstable = ncontainers / 24 + 2;
    size_t nchanges = nstable / 8 + 1; /* spot nodes that leave, each replaced by one that joins */
    add_node(c, cluster, &types[cluster ? SMALL : WITH_GPU], false, always);
    for (size_t i = 1; i < nstable; i++)
        add_node(c, cluster, &types[cluster_random(c) % NORDINARY], i % 4 == 3, always);
    for (size_t i = 0; i < nchanges; i++) {
        const struct instance_type *type = &types[cluster_random(c) % NORDINARY];
        int64_t tenth = c->options.duration_ms / 10;
        int64_t leaves = c->window.from_ms + cluster_between(c, 3 * tenth, 7 * tenth);
        int64_t joins = leaves + cluster_between(c, 20000, 400000);
        add_node(c, cluster, type, true, (struct span){INT64_MIN, leaves});
        add_node(c, cluster, type, true, (struct span){joins, INT64_MAX});
    }
    c->ksm[cluster] = add_target(c, cluster, "kube-state-metrics",
                                 cluster_text(c, "10.%d.9.4:8080", cluster), always, 1);
    c->cost[cluster] = add_target(c, cluster, cluster ? "kubecost-metrics" : "kubecost",
                                  cluster_text(c, "10.%d.9.5:9003", cluster), always, cluster);
    if (!c->options.is_aligned) { /* on the minute: the ends of windows */
        c->targets[c->ksm[cluster]].offset_ms = cluster ? 7000 : 0;
        c->targets[c->cost[cluster]].offset_ms = cluster ? 0 : 42000;
    }
    c->self[cluster] = add_target(c, cluster, "prometheus", "localhost:9090", always, 0);
}

void cluster_add_nodes(struct cluster *c)
{
    size_t second = c->options.ncontainers * 35 / 100;
    add_cluster(c, 0, c->options.ncontainers - second);
    add_cluster(c, 1, second);
}
