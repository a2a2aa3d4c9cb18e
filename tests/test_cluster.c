/* The generated cluster day keeps its promises: it is what the comparisons with a real server stand
 * on. */
#include "bench/cluster.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR INT64_C(3600000)

static const struct cluster_options demo = {.seed = 7,
                                            .ncontainers = CLUSTER_DEMO,
                                            .start_ms = 1772316000000,
                                            .duration_ms = 27 * HOUR,
                                            .interval_ms = 60000};

static uint64_t mix(uint64_t h, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++)
        h = (h ^ bytes[i]) * UINT64_C(0x100000001B3);
    return h;
}

static bool is_stale(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits == CLUSTER_STALE_BITS;
}

static const char *label(const struct cluster *c, size_t i, const char *name)
{
    size_t n;
    const struct cluster_label *labels = cluster_labels(c, i, &n);
    for (size_t k = 0; k < n; k++)
        if (strcmp(labels[k].name, name) == 0)
            return labels[k].value;
    return "";
}

/* One number for everything: labels, times, bits of values. Reads in pieces of piece_ms. */
static uint64_t digest(const struct cluster_options *options, int64_t piece_ms)
{
    struct cluster *c = cluster_new(options);
    uint64_t whole = 0;
    for (size_t i = 0; i < cluster_nseries(c); i++) {
        uint64_t h = UINT64_C(0xCBF29CE484222325);
        size_t n;
        const struct cluster_label *labels = cluster_labels(c, i, &n);
        for (size_t k = 0; k < n; k++) {
            h = mix(h, labels[k].name, strlen(labels[k].name) + 1);
            h = mix(h, labels[k].value, strlen(labels[k].value) + 1);
        }
        int64_t end = options->start_ms + options->duration_ms;
        for (int64_t until = options->start_ms + piece_ms; until < end + piece_ms;
             until += piece_ms) {
            const int64_t *t;
            const double *v;
            size_t nsamples = cluster_read(c, i, until, &t, &v);
            for (size_t k = 0; k < nsamples; k++) {
                h = mix(h, &t[k], sizeof t[k]);
                h = mix(h, &v[k], sizeof v[k]);
            }
        }
        whole = mix(whole, &h, sizeof h);
    }
    cluster_free(c);
    return whole;
}

static void same_options_same_bytes(void **state)
{
    (void)state;
    uint64_t first = digest(&demo, demo.duration_ms);
    assert_true(first == digest(&demo, demo.duration_ms));
    assert_true(first == digest(&demo, 7 * 60000 + 1)); /* however it is read */
    struct cluster_options other = demo;
    other.seed = 8;
    assert_true(first != digest(&other, other.duration_ms));
}

static int by_labels(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void labels_are_sorted_and_unique(void **state)
{
    (void)state;
    struct cluster *c = cluster_new(&demo);
    size_t nseries = cluster_nseries(c);
    char **texts = calloc(nseries, sizeof *texts);
    assert_non_null(texts);
    for (size_t i = 0; i < nseries; i++) {
        size_t n, at = 0;
        const struct cluster_label *labels = cluster_labels(c, i, &n);
        texts[i] = calloc(1, 4096);
        assert_non_null(texts[i]);
        for (size_t k = 0; k < n; k++) {
            assert_true(labels[k].value[0] != '\0');
            assert_true(k == 0 || strcmp(labels[k - 1].name, labels[k].name) < 0);
            at += (size_t)snprintf(texts[i] + at, 4096 - at, "%s=%s\n", labels[k].name,
                                   labels[k].value);
        }
        assert_true(at < 4096);
    }
    qsort(texts, nseries, sizeof *texts, by_labels);
    for (size_t i = 0; i < nseries; i++) {
        if (i > 0 && strcmp(texts[i - 1], texts[i]) == 0)
            fail_msg("two series with the labels\n%s", texts[i]);
    }
    for (size_t i = 0; i < nseries; i++)
        free(texts[i]);
    free(texts);
    cluster_free(c);
}

static void samples_are_like_scrapes(void **state)
{
    (void)state;
    struct cluster *c = cluster_new(&demo);
    size_t full = 0, gappy = 0, ended = 0, failed = 0, resets = 0, on_minute = 0, scalings = 0;
    for (size_t i = 0; i < cluster_nseries(c); i++) {
        const int64_t *t;
        const double *v;
        size_t n = cluster_read(c, i, INT64_MAX, &t, &v);
        bool is_counter = strcmp(label(c, i, "__name__"), "container_cpu_usage_seconds_total") == 0;
        bool has_gap = false;
        for (size_t k = 0; k < n; k++) {
            assert_true(t[k] >= demo.start_ms && t[k] < demo.start_ms + demo.duration_ms);
            assert_true(k == 0 || t[k] > t[k - 1]);
            assert_true(k == 0 || !is_stale(v[k]) || !is_stale(v[k - 1])); /* one marker an end */
            assert_true(k > 0 || !is_stale(v[k]));                         /* none without a life */
            has_gap |= k > 0 && t[k] - t[k - 1] > 90000;
            failed += is_stale(v[k]) && k + 1 < n;
            resets += is_counter && k > 0 && v[k] < v[k - 1];
        }
        if (n == 0)
            continue;
        on_minute += t[0] % 60000 == 0;
        ended += is_stale(v[n - 1]);
        scalings += t[0] > demo.start_ms + 3 * HOUR;
        if (t[n - 1] - t[0] > demo.duration_ms - 2 * HOUR && !is_stale(v[n - 1])) {
            full++;
            gappy += has_gap;
        }
    }
    assert_true(gappy * 10 >= full * 3 &&
                gappy * 10 <= full * 7); /* about half of the full-day series */
    assert_true(ended > 100 && failed > 100 && resets > 2 && on_minute > 100 && scalings > 100);
    cluster_free(c);
}

static void sizes_are_what_they_say(void **state)
{
    (void)state;
    static const size_t sizes[] = {CLUSTER_DEMO, CLUSTER_S};
    for (size_t s = 0; s < 2; s++) {
        struct cluster_options options = demo;
        options.ncontainers = sizes[s];
        options.only = "container_cpu_allocation";
        options.duration_ms = 24 * HOUR;
        struct cluster *c = cluster_new(&options);
        size_t running = 0;
        for (size_t i = 0; i < cluster_nseries(c); i++) {
            const int64_t *t;
            const double *v;
            assert_string_equal(label(c, i, "__name__"), "container_cpu_allocation");
            running += cluster_read(c, i, options.start_ms + 60000, &t, &v) > 0;
        }
        assert_true(running * 10 >= sizes[s] * 8 && running * 10 <= sizes[s] * 13);
        cluster_free(c);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(same_options_same_bytes),
    cmocka_unit_test(labels_are_sorted_and_unique),
    cmocka_unit_test(samples_are_like_scrapes),
    cmocka_unit_test(sizes_are_what_they_say),
};
TEST_MAIN(tests)
