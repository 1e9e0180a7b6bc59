/*
 * The progress of a plan or apply. progress_mode_for() selects one of three modes:
 * - live, on a terminal: a line for each finished resource; below them a tree of the resources in progress
 *   with elapsed times, the steps that wait for them, and the overall progress. A thread redraws it ten times
 *   a second and removes it at the end;
 * - plain: a line for each finished resource, and from time to time one for those that take long;
 * - json: one event per line (cmd/output/events.h).
 *
 * Order of calls: progress_new(); its observer is passed to plan_make() and plan_apply(); progress_free().
 * Events may come from any thread.
 */
#pragma once

#include "cmd/terminal/term.h"
#include "plan/plan.h"

enum progress_mode { PROGRESS_LIVE, PROGRESS_PLAIN, PROGRESS_JSON, PROGRESS_QUIET };

struct progress;

struct progress_options {
    enum progress_mode mode;
    const struct term *term; /* the terminal or file to write to */
    size_t total;            /* number of resources that the plan changes; 0: not known */
    bool printed;            /* plain: also every line that build commands print */
};

/* Returns the mode: json if requested; live on a terminal, unless trace lines would be mixed in or the
 * environment has CI or NO_COLOR; otherwise plain. */
enum progress_mode progress_mode_for(const struct term *term, bool json, bool traced);

struct progress *progress_new(const struct progress_options *options);
struct observer progress_observer(struct progress *progress);
/* Removes the tree, writes the remaining lines and frees the progress. Failures are appended to `failures`
 * (may be NULL) in the order they occurred, for the final report. */
void progress_free(struct progress *progress, struct buf *failures);

/* ---- for tests: no thread runs and nothing is written; progress_frame() returns the text of the next frame
 * ---- */

struct progress *progress_new_idle(const struct progress_options *options);
void progress_frame(struct progress *progress, int64_t now_ms, struct buf *out);
void progress_resize(struct progress *progress, int width, int height);

/* ---- progress.c: the execution graph of a run (struct exec_graph in plan/plan.h): which steps wait, run or
 * have ended, and which steps wait for which. Empty steps, which only order others, end with the steps they
 * wait for, and queries look through them.
 *
 * The cost of a query does not grow with the graph. Before the graph is known there are no steps; NO_STEP is
 * never a step. Addresses belong to the graph. */
#define NO_STEP UINT32_MAX

enum step_state { STEP_WAITING, STEP_RUNNING, STEP_OVER };

/* A module and its progress; "": the stack itself. */
struct exec_graph_module {
    struct str path;
    size_t total, done;
};

struct exec_graph_edges {
    uint32_t *first, *targets;
};

struct exec_graph_state {
    uint32_t n;
    struct exec_graph_step *steps;
    unsigned char *states;  /* enum step_state */
    uint32_t *open;         /* number of steps that each step still waits for */
    uint32_t *seen, *shown; /* the last query that visited the step, and the last frame that showed it */
    uint32_t question, frame;
    struct exec_graph_edges after, before; /* the steps that wait for a step, and the steps it waits for */
    uint32_t *module_of;
    struct exec_graph_module *modules;
    size_t module_count;
};

/*
 * Find the first steps that wait for this step, and those it still waits for. They return their number and
 * write at most `max` to `out`. `*more` is set if there are too many to count.
 */
size_t exec_graph_waiting(struct exec_graph_state *c, uint32_t step, uint32_t *out, size_t max, bool *more);
size_t exec_graph_blockers(struct exec_graph_state *c, uint32_t step, uint32_t *out, size_t max, bool *more);

/* ---- Shared by progress.c (events, the thread), progress_lines.c (lines of finished resources) and
 * progress_tree.c (the tree) only. */
enum {
    SLOW_MS = 15 * 1000,       /* plain: time until the first line that a resource is still in progress … */
    REPEAT_MS = 30 * 1000,     /* … the pause until the second line, doubled after each … */
    SELDOM_MS = 5 * 60 * 1000, /* … up to this maximum */
    TREE_ROOM = 200,           /* maximum number of tree lines, regardless of the window's height */
};

/* A resource in progress. */
struct flight {
    struct flight *next, **link; /* in the order of their start */
    char *address;
    enum action action;
    uint32_t step;                      /* its step in the graph, or NO_STEP */
    int64_t since_ms, due_ms, pause_ms; /* due_ms: time of the next line that it is still in progress */
    char text[160];                     /* what it waits for, from the last EVENT_PROGRESS */
};

/* Failures with the same cause are reported once, with all their resources. */
struct failure {
    struct err err;
    struct buf others; /* ", b, c" */
    size_t n;
    char *address;
    char *where; /* "weir.yaml:12:5"; NULL: no source location */
};

struct progress {
    struct progress_options options;
    struct term term;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool threaded, stop;

    struct flight *first, **last;
    struct map flights; /* address -> struct flight *; link is NULL after the resource has ended */
    size_t in_flight, done, failed, skipped;
    struct exec_graph_state exec_graph;
    int64_t began_ms, due_ms, pause_ms; /* due_ms: as in struct flight, while no resource is in progress */
    char status[160];                   /* "reading 300 resources", while no resource is in progress */
    bool stopping;
    struct buf lines; /* of finished resources, not written yet */
    struct failure *causes;
    size_t cause_count, cause_cap;
    uint16_t drawn[TREE_ROOM + 2]; /* the width of each tree line that is on the terminal now */
    size_t drawn_count;
};

struct flight *flight_find(struct progress *p, struct str address);

/* ---- progress_lines.c: lines appended to p->lines ---- */

void line_done(struct progress *p, const struct event *e);
void line_failed(struct progress *p, const struct event *e);
void line_note(struct progress *p, const struct event *e, enum style style, const char *word);
void line_stopping(struct progress *p);
/* Adds the output of a build command: as a line if requested, otherwise as the status of the resource. */
void line_printed(struct progress *p, const struct event *e);
/* Plain mode: adds lines for resources that take long. */
void lines_add_slow(struct progress *p, int64_t now);
/* Appends the report of all failures and frees them. */
void failures_end(struct progress *p, struct buf *out);
/* Copies as much of the text as fits, with secrets masked. */
void note_text(char *to, size_t size, const char *text);

/* ---- progress_tree.c ---- */

/* Replaces the tree on the terminal by `lines` and, except at the end, the new tree below them. */
void tree_replace(struct progress *p, struct str lines, int64_t now, struct buf *out);
