#include "cmd/signals.h"

#include <signal.h>
#include <stddef.h>

static atomic_int signals;
static atomic_bool stop;

static void on_signal(int number)
{
    (void)number;
    atomic_fetch_add(&signals, 1);
    atomic_store(&stop, true);
}

static void handle(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

const atomic_int *signals_catch(void)
{
    handle(on_signal);
    signal(SIGPIPE, SIG_IGN);
    return &signals;
}

const atomic_bool *signals_stop(void)
{
    return &stop;
}

void signals_release(void)
{
    handle(SIG_DFL);
}
