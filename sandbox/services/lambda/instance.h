/* Shared by instance.c, event.c and instance.c; see lambda.h. */
#pragma once

#include "sandbox/engine/logs.h"
#include "sandbox/services/lambda/lambda.h"

struct lambda_instance {
    struct functions *functions;
    struct arena arena;
    struct lambda_function function;
    struct str folder, group, stream;
    pthread_mutex_t sink_lock;
    struct log_sink sink;
    struct runtime *runtime;
    /* under functions->lock */
    struct process_switch stop; /* usable until it is dead */
    struct lambda_invocation *current;
    int references; /* its thread, and the one who invokes it */
    bool prepared, dying, dead, quiet;
    pid_t pid;                    /* 0: it does not run */
    _Atomic int64_t written;      /* bytes of output */
    int64_t born_ms, idle_ms;     /* monotonic */
    int64_t born_us, ready_us;    /* likewise */
    int64_t given_ms;             /* when `current` was */
    struct err refusal;           /* it could not be prepared */
    struct str error, error_type; /* what it said of its failed start */
    struct process_end end;
};

struct program {
    const char *argv[4];
    const char *dir;
};

/* ---- instance.c; with the lock held, but for its thread ---- */

void instance_kill(struct lambda_instance *instance);
void instance_forget(struct lambda_instance *instance);
/* Takes the lock of its log. */
void instance_log(struct lambda_instance *instance, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- event.c ---- */

int64_t instance_now_us(void); /* monotonic */

/* ---- instance.c ---- */

/* With the lock: one that has this invocation to do. A fresh one is to be started without the lock. */
struct lambda_instance *instance_take(struct functions *functions, const struct lambda_function *function,
    struct lambda_invocation *invocation, bool *fresh, struct err *err);
int instance_start(struct functions *functions, struct lambda_instance *instance, struct err *err);
/* With the lock: it is free for the next event, or gone. */
void instance_give_back(struct lambda_instance *instance);
