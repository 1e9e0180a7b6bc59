/* Shared by lambda_instance.c and lambda_prepare.c; see lambda.h. */
#ifndef WEIR_PROVIDER_SANDBOX_JOBS_LAMBDA_INSTANCE_H
#define WEIR_PROVIDER_SANDBOX_JOBS_LAMBDA_INSTANCE_H

#include "provider/sandbox/jobs/lambda.h"

struct instance {
    struct functions *functions;
    struct arena arena;
    struct function function;
    struct str folder, group, stream;
    pthread_mutex_t sink_lock;
    struct log_sink sink;
    struct runtime *runtime;
    /* under functions->lock */
    struct process_switch stop; /* usable until it is dead */
    struct invocation *current;
    int references; /* its thread, and the one who invokes it */
    bool prepared, dying, dead, quiet;
    int64_t born_ms, ready_ms, idle_ms; /* monotonic */
    int64_t given_ms;                   /* when `current` was */
    struct err refusal;                 /* it could not be prepared */
    struct str error, error_type;       /* what it said of its failed start */
    struct process_end end;
};

struct program {
    const char *argv[4];
    const char *dir;
};

/* Unpacks, serves the Runtime API, fills env (which has its arena) and finds what to start. On the instance's
 * thread. */
int instance_prepare(
    struct instance *instance, struct environment *env, struct program *out, struct err *err);

#endif
