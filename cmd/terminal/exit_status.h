/* What a command's exit status means; docs/cli.md. */
#pragma once

enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_CHANGES = 2,
    EXIT_USAGE = 3,
    EXIT_LOCKED = 4,
    EXIT_LEFTOVER = 5,
    EXIT_INTERRUPTED = 130,
};
