/*
 * -v and -vv: what went over the wire, one line a request, or with headers and bodies. Called by the worker
 * when its request is over, so the lines of one request stay together.
 */
#pragma once

#include "provider/http/http.h"

struct trace {
    int level;
    void (*line)(void *ctx, const char *line);
    void *ctx;
};

/* failure is NULL where there is a response. */
void trace_request(const struct trace *trace, const struct http_request *request,
    const struct http_response *response, const struct err *failure, int64_t elapsed_ms);
