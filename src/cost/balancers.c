/* Services, and what their load balancers cost: shared by the pods of the service by the time in
 * which both were there; without any, paid by what stands for the cluster. */
#include "cost/model.h"

#include <arpa/inet.h>
#include <stdlib.h>

struct balancer {
    struct str cluster, namespace_name, service;
    struct str key_ip; /* empty where addresses do not tell load balancers apart */
    struct str ip;
    int64_t start_ms, end_ms;
    double cost; /* $ for its time */
    bool is_private;
};

struct balancers {
    struct {
        ARRAY(struct balancer);
    } items;
    struct index index;
};

/* ---- what there is */

/* Load balancers are told apart by service; in the newer model by address, too. */
static size_t find(const struct balancers *all, const struct str key[4])
{
    uint64_t hash = key_hash(key, 4);
    size_t at;
    for (size_t i = index_first(&all->index, hash, &at); i != INDEX_NONE;
         i = index_next(&all->index, hash, &at)) {
        const struct balancer *b = &all->items.at[i];
        const struct str have[] = {b->cluster, b->namespace_name, b->service, b->key_ip};
        bool is_same = true;
        for (size_t k = 0; k < 4; k++)
            is_same = is_same && str_equal(have[k], key[k]);
        if (is_same)
            return i;
    }
    return INDEX_NONE;
}

/* Fill the key of a row; false when it has none. */
static bool key_of(const struct model *model, const struct cost_row *row, struct str key[4])
{
    key[0] = row_cluster(row, model->params);
    key[1] = row_label(row, "namespace");
    key[2] = row_label(row, "service_name");
    key[3] = model->params->queries == AMPQL_COST_2024 ? STR("") : row_label(row, "ingress_ip");
    return key[1].p && key[2].p && key[3].p;
}

static enum ampql_code fold_times(struct model *model, struct balancers *all,
                                  struct ampql_error *err)
{
    const struct answer *answer = &model->answers[COST_LB_MINUTES];
    for (size_t i = 0; i < answer->n; i++) {
        struct str key[4];
        if (!key_of(model, &answer->rows[i], key))
            continue;
        size_t known = find(all, key);
        struct balancer fresh = {.cluster = model_text(model, key[0]),
                                 .namespace_name = model_text(model, key[1]),
                                 .service = model_text(model, key[2]),
                                 .key_ip = model_text(model, key[3]),
                                 .ip = STR("")};
        row_span(model->params, &answer->rows[i], &fresh.start_ms, &fresh.end_ms);
        if (known != INDEX_NONE) {
            all->items.at[known] = fresh;
            continue;
        }
        if (!fresh.cluster.p || !fresh.namespace_name.p || !fresh.service.p || !fresh.key_ip.p ||
            !array_push(&all->items, model->arena, fresh) ||
            !index_add(&all->index, key_hash(key, 4), all->items.n - 1))
            return fail_nomem(err, "load balancers");
    }
    return AMPQL_OK;
}

/* An address of RFC 1918 or RFC 4193; a host name is none. */
bool address_is_private(struct str ip)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char a[16];
    if (ip.n >= sizeof text)
        return false;
    memcpy(text, ip.n ? ip.p : "", ip.n);
    text[ip.n] = '\0';
    if (inet_pton(AF_INET, text, a) == 1)
        return a[0] == 10 || (a[0] == 172 && (a[1] & 0xf0) == 16) || (a[0] == 192 && a[1] == 168);
    return inet_pton(AF_INET6, text, a) == 1 && (a[0] & 0xfe) == 0xfc;
}

/* Price times hours. In 2024 each address adds one resolution to the hours, and to the end. */
static void add_price(const struct model *model, struct balancer *b, double price)
{
    double hours = hours_between(b->start_ms, b->end_ms);
    bool is_newer = model->params->queries != AMPQL_COST_2024;
    if (is_newer || !has_quirk(model, QUIRK_BALANCER_RESOLUTION) || hours <= 0) {
        b->cost += price * hours;
        return;
    }
    double scale = (hours_between(0, model->params->resolution_ms) + hours) / hours;
    b->end_ms += model->params->resolution_ms;
    b->cost += price * hours * scale;
}

static enum ampql_code fold_prices(struct model *model, struct balancers *all,
                                   struct ampql_error *err)
{
    const struct answer *answer = &model->answers[COST_LB_PRICE];
    for (size_t i = 0; i < answer->n; i++) {
        const struct cost_row *row = &answer->rows[i];
        struct str key[4], ip = row_label(row, "ingress_ip");
        size_t known = ip.p && key_of(model, row, key) ? find(all, key) : INDEX_NONE;
        if (known == INDEX_NONE)
            continue; /* not provisioned yet, or not any more */
        struct balancer *b = &all->items.at[known];
        add_price(model, b, row->value);
        b->ip = model_text(model, ip);
        b->is_private = address_is_private(ip);
        if (!b->ip.p)
            return fail_nomem(err, "load balancers");
    }
    return AMPQL_OK;
}

static int compare(const void *a, const void *b)
{
    const struct balancer *x = a, *y = b;
    const struct str mine[] = {x->cluster, x->namespace_name, x->service, x->key_ip};
    const struct str its[] = {y->cluster, y->namespace_name, y->service, y->key_ip};
    int order = 0;
    for (size_t i = 0; i < 4 && order == 0; i++)
        order = str_compare(mine[i], its[i]);
    return order;
}

/* ---- services */

static enum ampql_code fold_services(struct model *model, const struct selectors *services,
                                     struct ampql_error *err)
{
    for (size_t i = 0; i < services->items.n; i++) {
        const struct selector *s = &services->items.at[i];
        size_t ns;
        TRY(namespace_of(model, s->cluster, s->namespace_name, &ns, err));
        for (size_t p = model->namespaces.at[ns].first_pod; p != INDEX_NONE;
             p = model->pods.at[p].next) {
            const struct pod *pod = &model->pods.at[p];
            if (!selector_matches(model, s, pod))
                continue;
            for (struct container *c = pod_first(model, pod); c; c = pod_next(model, c))
                if (!array_push(&c->services, model->arena, cost_string(s->name)))
                    return fail_nomem(err, "services");
        }
    }
    return AMPQL_OK;
}

/* The containers of a service's pods, by number. */
struct users {
    struct {
        ARRAY(size_t);
    } at;
};

static enum ampql_code list_users(struct model *model, const struct selectors *services,
                                  const struct balancer *b, struct users *out,
                                  struct ampql_error *err)
{
    const struct selector *s = NULL;
    size_t ns;
    for (size_t i = 0; i < services->items.n && !s; i++) {
        const struct selector *item = &services->items.at[i];
        if (str_equal(item->name, b->service) && str_equal(item->cluster, b->cluster) &&
            str_equal(item->namespace_name, b->namespace_name))
            s = item;
    }
    *out = (struct users){0};
    if (!s)
        return AMPQL_OK;
    TRY(namespace_of(model, s->cluster, s->namespace_name, &ns, err));
    for (size_t p = model->namespaces.at[ns].first_pod; p != INDEX_NONE;
         p = model->pods.at[p].next) {
        const struct pod *pod = &model->pods.at[p];
        if (!selector_matches(model, s, pod))
            continue;
        for (struct container *c = pod_first(model, pod); c; c = pod_next(model, c))
            if (!array_push(&out->at, model->arena, (size_t)(c - model->containers.at)))
                return fail_nomem(err, "load balancers");
    }
    return AMPQL_OK;
}

/* ---- who pays */

/* Hours in which both were there; at most 0 when they never were. */
static double overlap(const struct balancer *b, const struct ampql_allocation *a)
{
    int64_t start_ms = b->start_ms > a->start_ms ? b->start_ms : a->start_ms;
    int64_t end_ms = b->end_ms < a->end_ms ? b->end_ms : a->end_ms;
    return hours_between(start_ms, end_ms);
}

/* "CLUSTER/NAMESPACE/SERVICE", with "/IP" where addresses tell load balancers apart, and
 * "NAMESPACE/SERVICE". */
static enum ampql_code name_parts(struct model *model, const struct balancer *b,
                                  struct ampql_string *key, struct ampql_string *service,
                                  struct ampql_error *err)
{
    struct str name = join_names(model->arena, b->namespace_name, b->service);
    struct str full = name.p ? join_names(model->arena, b->cluster, name) : name;
    if (full.p && b->key_ip.n)
        full = join_names(model->arena, full, b->key_ip);
    if (!full.p)
        return fail_nomem(err, "load balancers");
    *key = set_text(model->set, full);
    *service = set_text(model->set, name);
    return key->data && service->data ? AMPQL_OK : fail_nomem(err, "load balancers");
}

static enum ampql_code charge_users(struct model *model, const struct balancer *b,
                                    const struct users *users, bool *has_payers,
                                    struct ampql_error *err)
{
    struct ampql_string key = {0}, service = {0};
    double total = 0;
    TRY(name_parts(model, b, &key, &service, err));
    for (size_t i = 0; i < users->at.n; i++) {
        double hours = overlap(b, &model->containers.at[users->at.at[i]].a);
        total += hours > 0 ? hours : 0;
    }
    *has_payers = total > 0;
    for (size_t i = 0; i < users->at.n; i++) {
        struct container *c = &model->containers.at[users->at.at[i]];
        double hours = overlap(b, &c->a), cost = 0;
        hours = hours > 0 ? hours : 0;
        if (hours > 0)
            cost = b->cost * hours / total;
        c->a.load_balancer_cost += cost;
        if (has_quirk(model, QUIRK_BALANCER_RUNNING))
            cost = c->a.load_balancer_cost;
        struct ampql_allocation_balancer part = {.key = key,
                                                 .service = service,
                                                 .ip = cost_string(b->ip),
                                                 .is_private = b->is_private,
                                                 .hours = hours,
                                                 .cost = cost};
        if (!array_push(&c->balancers, model->arena, part))
            return fail_nomem(err, "load balancers");
    }
    return AMPQL_OK;
}

static enum ampql_code charge_cluster(struct model *model, const struct balancer *b, size_t times,
                                      struct ampql_error *err)
{
    struct container *c;
    size_t pod;
    TRY(pod_unmounted(model, b->cluster, (struct str){NULL, 0}, &pod, err));
    TRY(container_of(model, pod, STR(NAME_UNMOUNTED), &c, err));
    for (size_t i = 0; i < times; i++) {
        c->a.load_balancer_cost += b->cost;
        if (!array_push(&c->services, model->arena, cost_string(b->service)))
            return fail_nomem(err, "load balancers");
    }
    return AMPQL_OK;
}

static enum ampql_code charge(struct model *model, const struct selectors *services,
                              const struct balancers *all, struct ampql_error *err)
{
    bool is_twice = has_quirk(model, QUIRK_BALANCER_TWICE);
    struct tally unused = {0};
    for (size_t i = 0; i < all->items.n; i++) {
        const struct balancer *b = &all->items.at[i];
        struct users users;
        bool has_payers = false;
        TRY(list_users(model, services, b, &users, err));
        TRY(charge_users(model, b, &users, &has_payers, err));
        if (has_payers)
            continue;
        TRY(charge_cluster(model, b, users.at.n == 0 && is_twice ? 2 : 1, err));
        if (users.at.n == 0 && b->cost != 0)
            tally_add(&unused, b->service, b->namespace_name);
    }
    return set_warn_tally(model->set, &unused, query_info[COST_LB_PRICE].name,
                          is_twice ? "load balancers have no pods and are billed twice"
                                   : "load balancers have no pods and are billed as unmounted",
                          "service", "of namespace", err);
}

enum ampql_code balancers_fold(struct model *model, struct ampql_error *err)
{
    struct balancers all = {0};
    struct selectors services;
    TRY(selectors_read(model, COST_SERVICE_LABELS, "service", &services, err));
    TRY(fold_services(model, &services, err));
    index_init(&all.index, &model->set->alc);
    enum ampql_code code = fold_times(model, &all, err);
    if (code == AMPQL_OK)
        code = fold_prices(model, &all, err);
    index_done(&all.index);
    if (code != AMPQL_OK)
        return code;
    if (all.items.n)
        qsort(all.items.at, all.items.n, sizeof *all.items.at, compare);
    return charge(model, &services, &all, err);
}
