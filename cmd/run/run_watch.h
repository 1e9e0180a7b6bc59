/*
 * What is shown while a job runs: state lines on standard error (on a terminal one live line), log lines
 * where they belong, or an event a line with --json. One thread.
 */
#pragma once

#include "cmd/run/jobs.h"
#include "provider/run_log.h"

struct run_watch {
    struct invocation *inv;
    const struct job *job;
    bool live;        /* a line on the terminal is drawn again and again */
    bool drawn;       /* it is there now */
    bool raw;         /* log lines byte by byte */
    bool logs_aside;  /* log lines go to standard error: standard output is for the result */
    int64_t began_ms; /* monotonic */
    int64_t drawn_ms;
    char status_text[128]; /* last said */
    bool failed;           /* nobody reads any more */
};

void run_watch_init(struct run_watch *watch, struct invocation *inv, const struct job *job);
/* The run has an id now. */
void run_watch_begin(struct run_watch *watch, struct str id);
/* Callbacks of job_follow, their ctx is the watch. */
void run_watch_state(void *watch, const struct job_run *run);
void run_watch_line(void *watch, const struct log_event *event);
void run_watch_tick(void *watch);
void run_watch_trouble(void *watch, const struct err *err);
/* Before anything else is written. */
void run_watch_clear(struct run_watch *watch);

/* A log line as the commands print it. */
struct log_look {
    bool time, stream; /* put before it */
    bool raw;          /* whatever bytes the job wrote, also those that control a terminal */
};
void log_event_text(const struct log_event *event, struct log_look look, struct buf *out);
void log_event_json(const struct job *job, const struct log_event *event, struct buf *out);
