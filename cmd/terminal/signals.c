/* Handling of interruptions: see signals.h. */
#include "cmd/terminal/signals.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

enum { PATIENCE_S = 15 }; /* a stack's own command has three seconds to end by itself */

static atomic_int signals;
static atomic_bool stop, other, works, has_alarm, runs;

static void set_alarm(unsigned seconds)
{
    if (atomic_exchange(&runs, seconds > 0) && seconds) /* a running alarm is not postponed */
        return;
    if (atomic_load(&has_alarm))
        alarm(seconds);
}

static void on_signal(int number)
{
    if (number != SIGINT)
        atomic_store(&other, true);
    bool again = atomic_fetch_add(&signals, 1) > 0;
    atomic_store(&stop, true);
    if (again || !atomic_load(&works))
        set_alarm(PATIENCE_S);
}

static void on_late(int number)
{
    static const char text[] = "error: interrupted; weir did not wait for the operation to end\n";
    (void)number;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit(EXIT_INTERRUPTED);
    _exit(EXIT_INTERRUPTED);
}

static void prepare_alarm(void)
{
    struct sigaction action = {.sa_handler = on_late};
    static atomic_flag once = ATOMIC_FLAG_INIT;
    if (!atomic_flag_test_and_set(&once))
        atomic_store(&has_alarm, !sigaction(SIGALRM, &action, NULL));
}

static void signals_handle(void (*handler)(int), int more_flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART | more_flags};
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction now;
    prepare_alarm();
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!sigaction(numbers[i], NULL, &now) && now.sa_handler != SIG_IGN) /* started with nohup */
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

void signals_work(bool begins)
{
    atomic_store(&works, begins);
    set_alarm(!begins && atomic_load(&stop) ? PATIENCE_S : 0);
}

const atomic_bool *signals_stop(void)
{
    return &stop;
}

bool signals_all_sigint(void)
{
    return atomic_load(&signals) > 0 && !atomic_load(&other);
}
