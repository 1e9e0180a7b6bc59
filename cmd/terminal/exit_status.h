/* What a command's exit status means; docs/cli.md. */
#ifndef WEIR_CMD_TERMINAL_EXIT_STATUS_H
#define WEIR_CMD_TERMINAL_EXIT_STATUS_H

enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_CHANGES = 2,
    EXIT_USAGE = 3,
    EXIT_LOCKED = 4,
    EXIT_LEFTOVER = 5,
    EXIT_INTERRUPTED = 130,
};

#endif
