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

bool interrupt_seen(void)
{
    return seen;
}
