/* -v and -vv: what a server was asked, as provider/http/trace.h tells it of requests. Secrets are masked. */
#pragma once

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

struct sql_trace {
    int level; /* 0: nothing; 1: a line for each message; 2: the statements as well */
    void (*line)(void *ctx, const char *line);
    void *ctx;
};

/* One message to the server, and what came of it. */
struct sql_reported {
    struct str database, sql;
    const struct err *failure; /* NULL: none */
    int64_t elapsed_ms;
    bool sensitive; /* its statements may hold secrets that nobody knows by value */
};

void sql_trace_tell(const struct sql_trace *trace, const struct sql_reported *reported);
