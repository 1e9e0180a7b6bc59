/* A question on the terminal that somebody has to say "yes" to: see ask.h. */
#include "cmd/invocation/ask.h"

#include "cmd/terminal/say.h"
#include "cmd/terminal/signals.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOOK_MS = 100 };

/* Is there something to read, before a signal beyond those that the question is asked after? */
static bool wait_for_answer(const atomic_int *signals, int before)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    while (atomic_load(signals) == before)
        if (poll(&in, 1, LOOK_MS) > 0)
            return true;
    return false;
}

static void end_line(void)
{
    say_aside(STR("\n"));
}

bool ask_yes(struct invocation *inv, const char *question)
{
    AUTO_BUF struct buf text = BUF_INIT;
    const atomic_int *signals = signals_catch();
    int before = atomic_load(signals); /* one may come as soon as the question is seen */
    buf_add_char(&text, '\n');
    style_add(&text, inv->err.color, STYLE_BOLD, question);
    buf_addz(&text, " Only \"yes\" is taken for yes: ");
    if (say(STDERR_FILENO, buf_str(&text), NULL))
        return false;
    if (!wait_for_answer(signals, before)) {
        end_line();
        return false;
    }
    char *line = NULL;
    size_t cap = 0;
    ssize_t n = getline(&line, &cap, stdin);
    if (n <= 0 || line[n - 1] != '\n') /* Ctrl-D */
        end_line();
    bool yes = n > 0 && str_eqz(str_trim(str_n(line, (size_t)n)), "yes");
    free(line);
    return yes;
}

int ask_consent(struct invocation *inv, const char *question)
{
    if (inv->settings->json || !isatty(STDIN_FILENO))
        return invocation_usage(inv, "--yes goes ahead without a question", "nothing was done: %s",
            inv->settings->json ? "--json does not ask" : "there is no terminal to ask on");
    if (!atomic_load(signals_stop()) && ask_yes(inv, question))
        return EXIT_DONE;
    invocation_note(inv, "Nothing was done.");
    return atomic_load(signals_stop()) ? EXIT_INTERRUPTED : EXIT_FAILED;
}
