/* Interruption as something to be dealt with: see signals.h. */
#include "cmd/signals.h"

#include <signal.h>
#include <stddef.h>

static atomic_int signals;
static atomic_bool stop, other;

static void on_signal(int number)
{
    if (number != SIGINT)
        atomic_store(&other, true);
    atomic_fetch_add(&signals, 1);
    atomic_store(&stop, true);
}

static void signals_handle(void (*handler)(int), int more_flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART | more_flags};
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction now;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!sigaction(numbers[i], NULL, &now) && now.sa_handler != SIG_IGN) /* as nohup wants it */
            sigaction(numbers[i], &action, NULL);
}

const atomic_int *signals_catch(void)
{
    signals_handle(on_signal, 0);
    signal(SIGPIPE, SIG_IGN);
    return &signals;
}

void signals_catch_first(void)
{
    struct sigaction now;
    if (!sigaction(SIGINT, NULL, &now) && now.sa_handler != on_signal)
        signals_handle(on_signal, SA_RESETHAND);
}

const atomic_bool *signals_stop(void)
{
    return &stop;
}

bool signals_by_hand(void)
{
    return atomic_load(&signals) > 0 && !atomic_load(&other);
}
