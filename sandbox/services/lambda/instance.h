/* Shared by instance.c and event.c; see lambda.h. */
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
    /* guarded by functions->lock: */
    struct process_switch stop; /* valid until `dead` */
    struct lambda_invocation *current;
    int references; /* its thread, and the invoking thread */
    bool prepared, dying, dead, quiet;
    pid_t pid;                    /* 0: not running */
    _Atomic int64_t written;      /* bytes written to the log */
    int64_t born_ms, idle_ms;     /* monotonic clock */
    int64_t born_us, ready_us;    /* monotonic clock */
    int64_t given_ms;             /* when `current` was set */
    struct err refusal;           /* error of the preparation */
    struct str error, error_type; /* reported to init/error */
    struct process_end end;
};

struct program {
    const char *argv[4];
    const char *dir;
};

/* ---- instance.c; call with the lock held, except for the instance's thread ---- */

void instance_kill(struct lambda_instance *instance);
void instance_forget(struct lambda_instance *instance);
/* Writes a log line. Takes the lock of the log. */
void instance_log(struct lambda_instance *instance, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- event.c ---- */

int64_t instance_now_us(void); /* monotonic clock */

/* ---- instance.c ---- */

/* Returns an instance for this invocation, or NULL with err. If *fresh, call instance_start() without the
 * lock. The lock must be held. */
struct lambda_instance *instance_take(struct functions *functions, const struct lambda_function *function,
    struct lambda_invocation *invocation, bool *fresh, struct err *err);
int instance_start(struct functions *functions, struct lambda_instance *instance, struct err *err);
/* Releases the instance for the next event. The lock must be held. */
void instance_give_back(struct lambda_instance *instance);
