/*
 * What the Engine says while it builds, pulls or pushes: a line of JSON for each step. The network thread
 * takes the bytes in, the worker that waits shows them, and what the end of it said is part of the error.
 */
#pragma once

#include "provider/docker/engine.h"
#include "provider/weir/command_output.h"

struct stream {
    struct op_ctx *ctx;
    pthread_mutex_t lock; /* guards `arrived` */
    struct buf arrived;
    struct command_output output;
    struct str step;   /* "Step 3/7 : RUN make" */
    struct str failed; /* what the Engine says went wrong; "" nothing */
    struct str image;  /* id of what was built */
    struct str digest; /* of what was pushed */
    struct str status; /* last shown */
};

void stream_init(struct stream *stream, struct op_ctx *ctx);
void stream_release(struct stream *stream);
/* Sends the call and follows what it says. ERR_SERVICE where that ends with a failure. */
int stream_ask(struct stream *stream, struct engine_call *call, struct err *err);
