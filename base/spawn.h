/*
 * Starts programs that inherit only what is named: standard input is /dev/null unless given, output goes to
 * the given descriptors, no other descriptor is open, no signal is blocked or ignored. The caller watches the
 * child and waits for it.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

#include <sys/types.h>

/* In the parent's process group; in a process group of its own; in a session of its own, and so without a
 * terminal. */
enum spawn_apart { SPAWN_TOGETHER, SPAWN_GROUP, SPAWN_SESSION };

struct spawn {
    char *const *args; /* args[0] is searched on this process's PATH unless it has a slash */
    char *const *env;
    const char *dir; /* NULL: the current one */
    int in;          /* 0: nothing to read */
    bool asks;       /* instead of `in`: the child reads this process's standard input */
    int out, error;
    enum spawn_apart apart;
    int64_t max_file_bytes; /* writing a larger file ends the child with SIGXFSZ; 0: no limit */
};

/* Returns 0 or an error number, such as ENOENT. */
int spawn_program(const struct spawn *spawn, pid_t *child);

/* ---- spawn.c: core files. weir has secrets in memory, which a crash must not write to disk. Its own limit
 * for core files is 0 from the start, which the kernel and the collectors of systemd and Ubuntu respect.
 * Children get the limit that weir was started with. A limit can only be inherited, so weir's own is raised
 * for the moment of the start. A debugger can still attach. */
/* Called once, before other threads start. */
void core_limit_none(void);

/*
 * Runs a shell command of the user that prints credentials, with the whole environment except weir's own
 * variables, for at most a minute. Its prompts and errors go to stderr; `what` names it in messages. The
 * output, at most 256 KiB, is in the arena. ERR_AUTH if it fails.
 */
int spawn_credential_command(
    struct arena *arena, const char *what, struct str command, struct str *output, struct err *err);
