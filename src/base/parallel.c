/* Jobs on several threads: each thread does the next one that is not begun, and the caller's,
 * before it does another, takes what is ready. */
#include "base/parallel.h"

#include <pthread.h>

enum { MAX_THREADS = 256, AHEAD = 2 };

/* A job that was begun and not taken yet. */
struct slot {
    bool is_ready;
    enum ampql_code code;
    struct ampql_error err;
    void *made;
};

struct team {
    const struct parallel *jobs;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    struct slot *slots; /* [nslots], of job i the one at i % nslots */
    size_t nslots;
    size_t nbegun, ntaken;
    bool is_over; /* no job is to be begun any more */
};

static bool can_begin(const struct team *team)
{
    return !team->is_over && team->nbegun < team->jobs->njobs &&
           team->nbegun - team->ntaken < team->nslots;
}

/* Do the next job; the mutex is held before and after. */
static void do_one(struct team *team)
{
    const struct parallel *jobs = team->jobs;
    size_t i = team->nbegun++;
    struct slot done = {.is_ready = true};
    pthread_mutex_unlock(&team->mutex);
    done.code = jobs->make(jobs->payload, i, &done.made, &done.err);
    pthread_mutex_lock(&team->mutex);
    team->slots[i % team->nslots] = done;
    pthread_cond_broadcast(&team->changed);
}

static void *help(void *payload)
{
    struct team *team = payload;
    pthread_mutex_lock(&team->mutex);
    while (!team->is_over && team->nbegun < team->jobs->njobs) {
        if (can_begin(team))
            do_one(team);
        else
            pthread_cond_wait(&team->changed, &team->mutex);
    }
    pthread_mutex_unlock(&team->mutex);
    return NULL;
}

/* Take the job whose turn it is; the mutex is held before and after. */
static enum ampql_code take_one(struct team *team, struct ampql_error *err)
{
    const struct parallel *jobs = team->jobs;
    size_t i = team->ntaken;
    struct slot *slot = &team->slots[i % team->nslots], done = *slot;
    *slot = (struct slot){0};
    pthread_mutex_unlock(&team->mutex);
    enum ampql_code code = done.code;
    if (code == AMPQL_OK)
        code = jobs->take(jobs->payload, i, done.made, err);
    else if (err)
        *err = done.err;
    pthread_mutex_lock(&team->mutex);
    team->ntaken++;
    pthread_cond_broadcast(&team->changed);
    return code;
}

static enum ampql_code lead(struct team *team, struct ampql_error *err)
{
    enum ampql_code code = AMPQL_OK;
    pthread_mutex_lock(&team->mutex);
    while (code == AMPQL_OK && team->ntaken < team->jobs->njobs) {
        if (team->slots[team->ntaken % team->nslots].is_ready)
            code = take_one(team, err);
        else if (can_begin(team))
            do_one(team);
        else
            pthread_cond_wait(&team->changed, &team->mutex);
    }
    team->is_over = true;
    pthread_cond_broadcast(&team->changed);
    pthread_mutex_unlock(&team->mutex);
    return code;
}

static void drop_rest(struct team *team)
{
    for (size_t i = 0; i < team->nslots; i++)
        if (team->slots[i].made)
            team->jobs->drop(team->jobs->payload, team->slots[i].made);
}

static enum ampql_code run_team(struct team *team, size_t nhelpers, struct ampql_error *err)
{
    pthread_t helpers[MAX_THREADS];
    size_t n = 0;
    pthread_mutex_init(&team->mutex, NULL);
    pthread_cond_init(&team->changed, NULL);
    while (n < nhelpers && pthread_create(&helpers[n], NULL, help, team) == 0)
        n++;
    enum ampql_code code = lead(team, err);
    for (size_t i = 0; i < n; i++)
        pthread_join(helpers[i], NULL);
    drop_rest(team);
    pthread_cond_destroy(&team->changed);
    pthread_mutex_destroy(&team->mutex);
    return code;
}

static enum ampql_code run_alone(const struct parallel *jobs, struct ampql_error *err)
{
    for (size_t i = 0; i < jobs->njobs; i++) {
        void *made = NULL;
        TRY(jobs->make(jobs->payload, i, &made, err));
        TRY(jobs->take(jobs->payload, i, made, err));
    }
    return AMPQL_OK;
}

enum ampql_code parallel_run(const struct parallel *jobs, const struct ampql_allocator *alc,
                             struct ampql_error *err)
{
    size_t n = jobs->nthreads < jobs->njobs ? jobs->nthreads : jobs->njobs;
    if (n > MAX_THREADS)
        n = MAX_THREADS;
    if (n <= 1)
        return run_alone(jobs, err);
    struct team team = {.jobs = jobs, .nslots = n * AHEAD};
    team.slots = alloc_get(alc, team.nslots, sizeof *team.slots);
    if (!team.slots)
        return fail_nomem(err, "threads");
    memset(team.slots, 0, team.nslots * sizeof *team.slots);
    enum ampql_code code = run_team(&team, n - 1, err);
    alloc_put(alc, team.slots, team.nslots, sizeof *team.slots);
    return code;
}
