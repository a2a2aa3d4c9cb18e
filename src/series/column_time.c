/* The times of a block: runs of equal spacing; where scrapes jitter, such runs and how far each
 * time is off. */
#include "series/column_parts.h"

#include <stdlib.h>

enum {
    TIME_REGULAR,  /* first, step */
    TIME_RUNS,     /* first, runs of (how many, step) */
    TIME_JITTERED, /* first, step, runs of (how many, steps at once), how far each time is off */
    TIME_NMODES
};

struct run {
    uint64_t step;
    size_t n;
};

struct runs {
    struct run at[BLOCK_MAX_SAMPLES];
    size_t n;
    size_t nbytes;
};

static void add_step(struct runs *runs, uint64_t step)
{
    if (runs->n && runs->at[runs->n - 1].step == step)
        runs->at[runs->n - 1].n++;
    else
        runs->at[runs->n++] = (struct run){step, 1};
}

static void measure_runs(struct runs *runs)
{
    runs->nbytes = varint_bytes(runs->n);
    for (size_t i = 0; i < runs->n; i++)
        runs->nbytes += varint_bytes(runs->at[i].n) + varint_bytes(runs->at[i].step);
}

static void pack_runs(const struct runs *runs, struct packer *out)
{
    pack_varint(out, runs->n);
    for (size_t i = 0; i < runs->n; i++) {
        pack_varint(out, runs->at[i].n);
        pack_varint(out, runs->at[i].step);
    }
}

/* ---- times that are off a grid */

struct jitter {
    uint64_t step;
    struct runs runs; /* in steps */
    uint64_t off[BLOCK_MAX_SAMPLES];
    struct ints plan;
    size_t nbytes;
};

/* Lay a grid of step, from the first time on, under the times; step 0 is no grid at all. */
static void lay_grid(const int64_t *t, size_t n, uint64_t step, struct jitter *out)
{
    uint64_t place = 0;
    out->step = step;
    out->runs.n = 0;
    out->off[0] = 0;
    for (size_t i = 1; i < n; i++) {
        uint64_t since = (uint64_t)t[i] - (uint64_t)t[0];
        uint64_t next = step ? since / step + (since % step > step / 2) : 0;
        add_step(&out->runs, next - place);
        place = next;
        out->off[i] = since - place * step;
    }
    measure_runs(&out->runs);
    ints_plan(out->off, n, &out->plan);
    out->nbytes = varint_bytes(step) + out->runs.nbytes + out->plan.nbytes;
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* A step in the middle of the first ones. */
static uint64_t usual_step(const int64_t *t, size_t n)
{
    uint64_t steps[33];
    size_t m = n - 1 < 33 ? n - 1 : 33;
    for (size_t i = 0; i < m; i++)
        steps[i] = (uint64_t)t[i + 1] - (uint64_t)t[i];
    qsort(steps, m, sizeof *steps, by_size);
    return steps[m / 2];
}

/* Pack with the shortest of the grids, when it is shorter than the runs. */
static bool pack_jitter(const int64_t *t, size_t n, size_t nbytes, struct packer *out)
{
    enum { WHOLE_MS = 1000 };
    struct jitter jitter;
    uint64_t step = usual_step(t, n), whole = (step + WHOLE_MS / 2) / WHOLE_MS * WHOLE_MS;
    uint64_t steps[] = {0, step, whole}, best = 0;
    bool is_shorter = false;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        lay_grid(t, n, steps[i], &jitter);
        if (jitter.nbytes < nbytes) {
            nbytes = jitter.nbytes;
            best = steps[i];
            is_shorter = true;
        }
    }
    if (!is_shorter)
        return false;
    lay_grid(t, n, best, &jitter);
    pack_varint(out, zigzag((uint64_t)t[0]));
    pack_varint(out, jitter.step);
    pack_runs(&jitter.runs, out);
    ints_pack(&jitter.plan, jitter.off, n, out);
    return true;
}

unsigned time_pack(const int64_t *t, size_t n, struct packer *out)
{
    struct runs runs = {.n = 0};
    for (size_t i = 1; i < n; i++)
        add_step(&runs, (uint64_t)t[i] - (uint64_t)t[i - 1]);
    measure_runs(&runs);
    if (runs.n > 2 && pack_jitter(t, n, runs.nbytes, out))
        return TIME_JITTERED;
    pack_varint(out, zigzag((uint64_t)t[0]));
    if (runs.n > 1) {
        pack_runs(&runs, out);
        return TIME_RUNS;
    }
    if (n > 1)
        pack_varint(out, runs.at[0].step);
    return TIME_REGULAR;
}

/* ---- unpacking */

/* n times after `first`, each `step` after the one before; false when they do not ascend. */
static bool fill_run(const struct unpacker *in, int64_t first, uint64_t step, int64_t *t, size_t n)
{
    uint64_t room = (uint64_t)INT64_MAX - (uint64_t)first;
    if (step == 0 || step > room / n)
        return false;
    in->kernels->steps((uint64_t)first + step, step, t, n);
    return true;
}

/* The length of a run of which `left` samples are still to come. */
static size_t run_length(struct unpacker *in, size_t left)
{
    uint64_t n = unpack_varint(in);
    if (n == 0 || n > left)
        in->failed = true;
    return (size_t)n;
}

static void unpack_runs(struct unpacker *in, int64_t *t, size_t n)
{
    uint64_t nruns = unpack_varint(in);
    size_t done = 1;
    for (uint64_t i = 0; i < nruns && !in->failed; i++) {
        size_t m = run_length(in, n - done);
        uint64_t step = unpack_varint(in);
        if (in->failed || !fill_run(in, t[done - 1], step, t + done, m))
            in->failed = true;
        else
            done += m;
    }
    in->failed |= done != n;
}

/* Differences of times that are not extreme cannot wrap, and then a step that is not positive shows
 * in a sign: quicker than to compare. */
static bool times_ascend(const int64_t *t, size_t n)
{
    uint64_t high = 0, sign = 0;
    for (size_t i = 0; i < n; i++)
        high |= (uint64_t)t[i] + (UINT64_C(1) << 61);
    for (size_t i = 1; i < n; i++)
        sign |= (uint64_t)t[i] - (uint64_t)t[i - 1] - 1;
    if (high >> 62 == 0)
        return sign >> 63 == 0;
    for (size_t i = 1; i < n; i++)
        if (t[i - 1] >= t[i])
            return false;
    return true;
}

static void unpack_jittered(struct unpacker *in, int64_t *t, size_t n)
{
    uint64_t off[BLOCK_MAX_SAMPLES], at = (uint64_t)t[0], step = unpack_varint(in);
    uint64_t nruns = unpack_varint(in);
    size_t done = 1;
    for (uint64_t i = 0; i < nruns && !in->failed; i++) {
        size_t m = run_length(in, n - done);
        uint64_t by = unpack_varint(in) * step;
        if (in->failed)
            return;
        in->kernels->steps(at + by, by, t + done, m);
        at += by * m;
        done += m;
    }
    ints_unpack(in, off, n);
    if (in->failed || done != n) {
        in->failed = true;
        return;
    }
    for (size_t i = 0; i < n; i++)
        t[i] = (int64_t)((uint64_t)t[i] + off[i]);
    in->failed |= !times_ascend(t, n);
}

void time_unpack(struct unpacker *in, unsigned mode, int64_t *t, size_t n)
{
    t[0] = (int64_t)unzigzag(unpack_varint(in));
    if (mode == TIME_RUNS)
        unpack_runs(in, t, n);
    else if (mode == TIME_JITTERED)
        unpack_jittered(in, t, n);
    else if (mode == TIME_REGULAR)
        in->failed |= n > 1 && !fill_run(in, t[0], unpack_varint(in), t + 1, n - 1);
    else
        in->failed = true;
}
