/* The only globals of the command: a signal handler is given nothing else to find the run by. */
#include "cli/interrupt.h"

#include <signal.h>
#include <stdatomic.h>

static struct ampql_cancel *_Atomic current;
static volatile sig_atomic_t seen;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    struct ampql_cancel *cancel = atomic_load(&current);
    seen = 1;
    if (cancel)
        ampql_cancel_set(cancel);
}

void interrupt_cancels(struct ampql_cancel *cancel)
{
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND}, before;
    atomic_store(&current, cancel);
    if (sigaction(SIGINT, NULL, &before) != 0 || before.sa_handler == SIG_IGN)
        return; /* whoever started us does not want it to be noticed */
    if (!cancel)
        action = (struct sigaction){.sa_handler = SIG_DFL};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
}

static volatile sig_atomic_t stops;

static void on_stop(int signal_number)
{
    stops++;
    if (stops == 1)
        return;
    struct ampql_cancel *cancel = atomic_load(&current);
    seen = 1;
    if (cancel)
        ampql_cancel_set(cancel);
    signal(signal_number, SIG_DFL);
}

void interrupt_stops(struct ampql_cancel *cancel)
{
    static const int signals[] = {SIGINT, SIGTERM};
    atomic_store(&current, cancel);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct sigaction action = {.sa_handler = on_stop}, before;
        sigemptyset(&action.sa_mask); /* and no SA_RESTART: a signal ends a sleep */
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
    }
}

bool interrupt_stopped(void)
{
    return stops > 0;
}

bool interrupt_seen(void)
{
    return seen;
}
