/*
 * What progress.c (events, the thread), progress_lines.c (a line for what is over) and progress_tree.c (what
 * moves) share; nobody else includes it.
 */
#pragma once

#include "base/lock.h"
#include "base/map.h"
#include "cmd/output/progress.h"
#include "cmd/output/progress_course.h"

enum {
    FRAME_MS = 100,
    SLOW_MS = 15 * 1000,       /* plain: from then on a line says that it still goes on … */
    REPEAT_MS = 30 * 1000,     /* … again after that, and each time after twice as long … */
    SELDOM_MS = 5 * 60 * 1000, /* … until it is so often: signs of life, not a flood */
    TREE_ROOM = 200,           /* lines of a tree, however high the window is */
};

/* One resource that is being worked on. */
struct flight {
    struct flight *next, **link; /* in order of their start */
    char *address;
    enum action action;
    uint32_t step;                      /* its place in the course; NO_STEP: none */
    int64_t since_ms, due_ms, pause_ms; /* due_ms: of the next line that it still goes on */
    char text[160];                     /* what it waits for */
};

/* Failures with one cause are told once, with all that met it. */
struct failure {
    struct err err;
    struct buf others; /* ", b, c" */
    size_t n;
    char *address;
    char *place; /* "weir.yaml:12:5"; NULL: none */
};

struct progress {
    struct progress_options options;
    struct term term;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool threaded, stop;

    struct flight *first, **last;
    struct map flights; /* address -> struct flight *; NULL once landed */
    size_t in_flight, done, failed, skipped;
    struct exec_graph_state exec_graph;
    int64_t began_ms;
    char status[160]; /* "reading 300 resources" while there is nothing in flight */
    bool stopping;
    struct buf lines; /* finished, not written yet */
    struct failure *causes;
    size_t cause_count, cause_cap;
    uint16_t drawn[TREE_ROOM + 2]; /* lines of the tree on the terminal now: how wide each is */
    size_t drawn_count;
};

struct flight *flight_find(struct progress *p, struct str address);

/* ---- progress_lines.c: added to p->lines ---- */

void line_done(struct progress *p, const struct event *e);
void line_failed(struct progress *p, const struct event *e);
void line_remark(struct progress *p, const struct event *e, enum style style, const char *word);
void line_stopping(struct progress *p);
/* What a build command prints: a line of its own where that was asked for, or what is being done just now. */
void line_printed(struct progress *p, const struct event *e);
/* Plain: what takes long still goes on. */
void lines_still(struct progress *p, int64_t now);
/* The report of all failures, which it frees. */
void failures_end(struct progress *p, struct buf *out);
/* As much of it as fits. */
void note_text(char *to, size_t size, const char *text);

/* ---- progress_tree.c ---- */

/* Replaces what is on the terminal by `lines` and, until the end, the tree below them. */
void tree_replace(struct progress *p, struct str lines, int64_t now, struct buf *out);
