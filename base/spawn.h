/*
 * Starting a program that has nothing of this process but what is named: it reads nothing (standard input is
 * /dev/null) unless it is given something, writes where it is told to, and has no other descriptor, nor a
 * signal that is blocked or ignored. Watching it and waiting for its end is its starter's.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* With its parent; in a process group of its own; in a session of its own, and so without a terminal. */
enum spawn_apart { SPAWN_TOGETHER, SPAWN_GROUP, SPAWN_SESSION };

struct spawn {
    char *const *args; /* args[0] is looked for on the PATH, this process's own, unless it has a slash */
    char *const *env;
    const char *dir; /* NULL: here */
    int in;          /* 0: nothing to read */
    int out, error;
    enum spawn_apart apart;
    int64_t max_file_bytes; /* it is ended by SIGXFSZ where it writes a larger file; 0: none is too large */
};

/* 0 or an error number, such as ENOENT. */
int spawn_program(const struct spawn *spawn, pid_t *child);
