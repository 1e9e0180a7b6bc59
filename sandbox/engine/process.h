/*
 * A child process and everything it starts: in a process group of its own, with limits, its output read as it
 * comes, gone for good at the end.
 *
 *     struct process_switch stop;             another thread may turn it: the process is asked to end, then
 *     process_switch_init(&stop);             killed
 *     process_run(&options, &stop, &end)      blocks until the process is reaped and its pipes are empty
 *
 * Limits are set before the program starts (a shell does that, then becomes the program). Each process has
 * a mark in its environment, which its children inherit: what has left the group with setsid() is found by it
 * (base/system.h). Only what also sheds its environment is out of reach.
 */
#pragma once

#include "base/err.h"
#include "base/system.h"

#include <stdatomic.h>
#include <stddef.h>

struct process_switch {
    int fd; /* of system_wake_new() */
    atomic_int turned, asked_for_quiet;
};
int process_switch_init(struct process_switch *stop, struct err *err);
void process_switch_release(struct process_switch *stop);
/* now: killed at once, without being asked. */
void process_stop(struct process_switch *stop, bool now);

/* `quiet` will be called once all has been handed on that the process has written so far. */
void process_await_quiet(struct process_switch *stop);

enum process_stream { PROCESS_OUT, PROCESS_ERR };

struct process_options {
    const char *const *argv; /* the program is looked for on the PATH of `env` */
    const char *const *env;
    const char *dir;
    const char *family; /* what its mark begins with, for process_end_family(); NULL: nothing */
    int64_t timeout_ms; /* 0: none */
    int64_t grace_ms;   /* between asking and killing */
    int end_signal;     /* by which it is asked; 0: SIGTERM */
    int64_t memory;     /* bytes; 2 GiB more may be set aside without being used; 0: no limit */
    int64_t cpu_s;      /* likewise */
    int64_t file_size;  /* bytes of each file that it writes; likewise */
    const char *folder; /* what it may write into, `room` bytes of the disk: it is looked at now and then */
    int64_t room;       /* 0: no limit */
    int64_t max_output; /* bytes that are handed on; what comes after is dropped; 0: all */
    void (*output)(void *ctx, enum process_stream stream, const char *bytes, size_t n);
    void (*quiet)(void *ctx);              /* may be NULL; see process_await_quiet() */
    void (*started)(void *ctx, pid_t pid); /* may be NULL */
    void *ctx;
};

struct process_end {
    int exit_code; /* -1: a signal ended it */
    int signal;
    bool timed_out, stopped, overfull, out_of_memory;
    int64_t dropped; /* bytes of output */
    int64_t max_rss_kib;
};

/* -1: it could not be started. A program that is not there ends with exit code 127. */
int process_run(const struct process_options *options, struct process_switch *stop, struct process_end *end,
    struct err *err);

/* The same for one that nobody stops. */
int process_run_alone(const struct process_options *options, struct process_end *end, struct err *err);
/* For options->output: all that it writes, or its standard output alone, added to the struct buf in `ctx`. */
void process_take(void *ctx, enum process_stream stream, const char *bytes, size_t n);
void process_take_out(void *ctx, enum process_stream stream, const char *bytes, size_t n);

/* Bytes of the disk; it stops to count once there are more than `most`. */
int64_t process_room(const char *dir, int64_t most);

/* All that a sandbox which was killed itself has left running. */
void process_end_family(const char *family);
