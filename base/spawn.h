/*
 * Starting a program that has nothing of this process but what is named: it reads nothing (standard input is
 * /dev/null) unless it is given something, writes where it is told to, and has no other descriptor, nor a
 * signal that is blocked or ignored. Watching it and waiting for its end is its starter's.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

#include <sys/types.h>

/* With its parent; in a process group of its own; in a session of its own, and so without a terminal. */
enum spawn_apart { SPAWN_TOGETHER, SPAWN_GROUP, SPAWN_SESSION };

struct spawn {
    char *const *args; /* args[0] is looked for on the PATH, this process's own, unless it has a slash */
    char *const *env;
    const char *dir; /* NULL: here */
    int in;          /* 0: nothing to read */
    bool asks;       /* instead: it reads what this process would */
    int out, error;
    enum spawn_apart apart;
    int64_t max_file_bytes; /* it is ended by SIGXFSZ where it writes a larger file; 0: none is too large */
};

/* 0 or an error number, such as ENOENT. */
int spawn_program(const struct spawn *spawn, pid_t *child);

/* ---- spawn.c: Core files: weir has secrets in memory, which are not to be on a disk because it crashed.
 * Its own limit for core files is 0 from the start on, which the kernel respects, and so do the collectors
 * of systemd and Ubuntu. What it starts has the limit that weir was started with: nobody can be given one
 * but by inheritance, or too late, so ours is lifted for the moment of starting something. It can still be
 * looked at by a debugger. */
/* Once, before there are other threads. */
void core_limit_none(void);

/*
 * Runs a shell command of the user's that prints credentials: with all of their environment that is not
 * weir's, for at most a minute. Its questions and errors go to stderr; `what` names it in messages. The
 * output, of at most 256 KiB, is in the arena. ERR_AUTH where it fails.
 */
int spawn_credential_command(
    struct arena *arena, const char *what, struct str command, struct str *output, struct err *err);
