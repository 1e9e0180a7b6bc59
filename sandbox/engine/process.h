/*
 * A child process and its descendants: in a process group of its own, with limits, its output read
 * continuously, all ended when it ends.
 *
 *   struct process_switch stop;             lets another thread end the process
 *   process_switch_init(&stop, err);
 *   process_run(&options, &stop, &end, err) blocks until the process is reaped and its pipes are empty
 *
 * A shell sets the limits and then executes the program. Each process has a mark in its environment, which
 * its descendants inherit: those that left the group with setsid() are found by it (base/system.h). A process
 * that also clears its environment is not found.
 */
#pragma once

#include "base/err.h"
#include "base/system.h"

#include <stdatomic.h>
#include <stddef.h>

struct process_switch {
    int fd; /* from system_wake_new() */
    atomic_int stop_requested, idle_requested;
};
int process_switch_init(struct process_switch *stop, struct err *err);
void process_switch_release(struct process_switch *stop);
/* Ends the process with the end signal and, after grace_ms, with SIGKILL. `now`: with SIGKILL at once. */
void process_stop(struct process_switch *stop, bool now);

/* Requests a call of `idle` after all output written so far has been passed to `output`. */
void process_request_idle(struct process_switch *stop);

enum process_stream { PROCESS_OUT, PROCESS_ERR };

struct process_options {
    const char *const *argv; /* the program is looked up in the PATH of `env` */
    const char *const *env;
    const char *dir;
    const char *family;       /* prefix of its mark, for process_end_family(); NULL: none */
    int64_t timeout_ms;       /* 0: none */
    int64_t grace_ms;         /* time between the end signal and SIGKILL */
    int end_signal;           /* 0: SIGTERM */
    int64_t memory;           /* bytes; 2 GiB more may be allocated but not used; 0: no limit */
    int64_t cpu_s;            /* CPU seconds; 0: no limit */
    int64_t file_size;        /* bytes per written file; 0: no limit */
    const char *folder;       /* folder whose disk usage is limited to `room`; checked periodically */
    int64_t max_folder_bytes; /* bytes; 0: no limit */
    int64_t max_output;       /* bytes passed to `output`, the rest is dropped; 0: all */
    void (*output)(void *ctx, enum process_stream stream, const char *bytes, size_t n);
    void (*idle)(void *ctx);               /* may be NULL; see process_request_idle() */
    void (*started)(void *ctx, pid_t pid); /* may be NULL */
    void *ctx;
};

struct process_end {
    int exit_code; /* -1: ended by a signal */
    int signal;
    bool timed_out, stopped, overfull, out_of_memory;
    int64_t dropped; /* bytes of output beyond max_output */
    int64_t max_rss_kib;
};

/* Runs a process to its end. Returns -1 if it could not be started; a missing program ends with exit code
 * 127. */
int process_run(const struct process_options *options, struct process_switch *stop, struct process_end *end,
    struct err *err);

/* As process_run(), without a switch. */
int process_run_alone(const struct process_options *options, struct process_end *end, struct err *err);
/* For options->output: append all output, or only standard output, to the struct buf in `ctx`. */
void process_take(void *ctx, enum process_stream stream, const char *bytes, size_t n);
void process_take_out(void *ctx, enum process_stream stream, const char *bytes, size_t n);

/* Returns the disk usage of a folder in bytes; counting stops above `most`. */
int64_t process_folder_bytes(const char *dir, int64_t most);

/* Ends all processes that a killed sandbox left running. */
void process_end_family(const char *family);
