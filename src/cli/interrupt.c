/* The one global of the command: a signal handler is given nothing else to find the run by. */
#include "cli/interrupt.h"

#include <signal.h>
#include <stdatomic.h>

static struct ampql_cancel *_Atomic current;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    struct ampql_cancel *cancel = atomic_load(&current);
    if (cancel)
        ampql_cancel_set(cancel);
}

void interrupt_cancels(struct ampql_cancel *cancel)
{
    struct sigaction action = {.sa_handler = cancel ? on_interrupt : SIG_DFL,
                               .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    atomic_store(&current, cancel);
    sigaction(SIGINT, &action, NULL);
}
