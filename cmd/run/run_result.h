/* What a run gave, on standard output or in a file: the last step of `weir run`. */
#pragma once

#include "cmd/run/jobs.h"

struct run_result {
    struct invocation *inv;
    struct op_ctx *ctx;
    const struct job *job;
    const struct job_run *run; /* has ended */
    const char *format;        /* of rows: table, csv, json; NULL: what suits the output */
    bool raw;                  /* of CSV: control characters stay */
    const char *out;           /* the file that it goes to; NULL: it is printed */
    const atomic_int *signals; /* one ends it */
};

/* An exit status; how the run went does not count. */
int run_result_give(const struct run_result *r);
