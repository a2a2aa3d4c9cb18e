/* Memory that runs out, everywhere: each scenario is run with its first, second, ... allocation
 * failing, alone and with all after it.
 *
 *   alloc_failures [--stride N] [--offset N] [--jobs N] [--only TEXT] [--held] [--trace N]
 *
 *   --stride  of scenarios with many allocations only every N-th fails; --offset: which
 *   --only    scenarios whose names have this text in them
 *   --held    print what libraries hold that took it while something failed
 *   --trace   print the stack at which allocation N fails (of the hook)
 *
 * With malloc_shim.so loaded, also malloc fails: of our own code, and of libraries. Each scenario
 * is a process of its own. A line each, and a sum. */
#include "faults/points.h"
#include "support/scratch.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct scenario_table *const tables[] = {
    &scenarios_query, &scenarios_source, &scenarios_capture,
    &scenarios_rules, &scenarios_api,    &scenarios_http,
};
static const char *const whose_names[LEDGER_WHOSE] = {"hook", "own", "library"};

enum { JOBS_MAX = 16 };

struct job {
    pid_t pid; /* 0: free */
    const struct scenario *scenario;
};

static struct {
    struct points_options points;
    const char *only;
    long jobs;
} options;
static struct job jobs[JOBS_MAX];
static struct points *shared; /* [JOBS_MAX] */
static struct {
    uint64_t points, nomem, other, same, held, scenarios;
} sums[LEDGER_WHOSE];
static uint64_t nfailed;

/* ---- one scenario, in a process of its own */

static void run_here(const struct scenario *scenario, struct points *points)
{
    static char folder[256];
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    snprintf(folder, sizeof folder, "%s/%d", scratch_folder, (int)getpid());
    options.points.folder = folder;
    points_run(scenario, &options.points, points);
    scratch_remove(folder);
}

static void report(const struct job *job, const struct points *p, int status)
{
    const char *whose = whose_names[p->whose];
    char why[128] = "";
    if (WIFSIGNALED(status))
        snprintf(why, sizeof why, "%s",
                 WTERMSIG(status) == SIGALRM ? "hangs" : strsignal(WTERMSIG(status)));
    else if (status)
        snprintf(why, sizeof why, "exit status %d", WEXITSTATUS(status));
    if (why[0] || p->why[0]) {
        nfailed++;
        printf("  FAIL %-7s %s: allocation %llu%s: %s\n", whose, job->scenario->name,
               (unsigned long long)p->at, p->keeps ? " and all after it" : "",
               p->why[0] ? p->why : why);
    } else if (p->calls || p->whose == LEDGER_HOOK) {
        sums[p->whose].scenarios++;
        printf("  OK   %-7s %s: %llu allocations, %llu points\n", whose, job->scenario->name,
               (unsigned long long)p->calls, (unsigned long long)p->n);
    }
    fflush(stdout);
    sums[p->whose].points += p->n;
    sums[p->whose].nomem += p->nomem;
    sums[p->whose].other += p->other;
    sums[p->whose].same += p->same;
    sums[p->whose].held += p->nheld;
}

static void wait_for_one(void)
{
    int status;
    pid_t pid = wait(&status);
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (pid > 0 && jobs[i].pid == pid) {
            char folder[256];
            report(&jobs[i], &shared[i], status);
            snprintf(folder, sizeof folder, "%s/%d", scratch_folder, (int)pid);
            scratch_remove(folder); /* of one that crashed */
            jobs[i].pid = 0;
        }
}

static bool is_idle(void)
{
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (jobs[i].pid)
            return false;
    return true;
}

#ifdef AMPQL_COVERAGE
void __gcov_dump(void); /* counts that _exit would lose */
#else
#define __gcov_dump() ((void)0)
#endif

static void begin(const struct scenario *scenario, enum ledger_whose whose)
{
    long i = 0;
    for (;;) {
        for (i = 0; i < options.jobs && jobs[i].pid; i++)
            ;
        if (i < options.jobs)
            break;
        wait_for_one();
    }
    shared[i] = (struct points){.whose = whose};
    jobs[i].scenario = scenario;
    jobs[i].pid = fork();
    if (jobs[i].pid < 0)
        exit(1);
    if (jobs[i].pid == 0) {
        run_here(scenario, &shared[i]);
        __gcov_dump();
        _exit(0);
    }
}

/* ---- all */

static size_t run_all(void)
{
    size_t n = 0;
    int nwhose = ledger_has_shim() ? LEDGER_WHOSE : LEDGER_OWN;
    for (int whose = 0; whose < nwhose; whose++)
        for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
            for (size_t i = 0; i < tables[t]->n; i++)
                if (!options.only || strstr(tables[t]->rows[i].name, options.only)) {
                    n += whose == LEDGER_HOOK;
                    begin(&tables[t]->rows[i], (enum ledger_whose)whose);
                }
    while (!is_idle())
        wait_for_one();
    return n;
}

static void read_arguments(int argc, char **argv)
{
    static const struct option known[] = {{"stride", required_argument, NULL, 's'},
                                          {"offset", required_argument, NULL, 'f'},
                                          {"jobs", required_argument, NULL, 'j'},
                                          {"only", required_argument, NULL, 'o'},
                                          {"held", no_argument, NULL, 'h'},
                                          {"trace", required_argument, NULL, 't'},
                                          {0}};
    options.points.stride = 1;
    options.jobs = sysconf(_SC_NPROCESSORS_ONLN);
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;)
        switch (c) {
        case 's':
            options.points.stride = strtoull(optarg, NULL, 10);
            break;
        case 'f':
            options.points.offset = strtoull(optarg, NULL, 10);
            break;
        case 'j':
            options.jobs = strtol(optarg, NULL, 10);
            break;
        case 'o':
            options.only = optarg;
            break;
        case 'h':
            options.points.shows_held = true;
            break;
        case 't':
            ledger_trace(strtoull(optarg, NULL, 10));
            break;
        default:
            exit(2);
        }
    if (options.points.stride == 0 || options.jobs < 1 || options.jobs > JOBS_MAX) {
        fprintf(stderr, "alloc_failures: --stride is at least 1, --jobs 1 to %d\n", JOBS_MAX);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    static char data[128];
    struct scene scene = {.data = data};
    read_arguments(argc, argv);
    if (scratch_make(NULL) != 0)
        return 1;
    shared = mmap(NULL, JOBS_MAX * sizeof *shared, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    snprintf(data, sizeof data, "%s/data", scratch_folder);
    scene.server = options.points.server = scene_server_start();
    options.points.data = data;
    scene_files(&scene);
    size_t n = run_all();
    scratch_drop(NULL);
    for (int whose = 0; whose < LEDGER_WHOSE; whose++)
        if (sums[whose].points)
            printf(
                "%s: %llu scenarios, %llu points: %llu AMPQL_NOMEM, %llu other errors, %llu as if "
                "nothing had failed; after %llu a library holds memory\n",
                whose_names[whose], (unsigned long long)sums[whose].scenarios,
                (unsigned long long)sums[whose].points, (unsigned long long)sums[whose].nomem,
                (unsigned long long)sums[whose].other, (unsigned long long)sums[whose].same,
                (unsigned long long)sums[whose].held);
    printf("alloc-failures: %zu scenarios, %llu points, %llu failed\n", n,
           (unsigned long long)(sums[0].points + sums[1].points + sums[2].points),
           (unsigned long long)nfailed);
    return nfailed || !n;
}
