/*
 * What is going on, shown while a plan is made or executed. Three ways, of which progress_mode_for()
 * picks:
 *
 * - live, on a terminal: finished resources as plain lines, below them a tree of what is in flight with
 *   elapsed times, what waits for it and how far all of it is, drawn again ten times a second by a thread of
 *   its own and taken away at the end;
 * - plain: a line for each finished resource, and one now and then for those that take long;
 * - json: an event a line (cmd/output/events.h).
 *
 * Order of calls: progress_new(), then its observer is handed to plan_make() and plan_apply(),
 * progress_free(). Events may come from any thread.
 */
#pragma once

#include "cmd/terminal/term.h"
#include "plan/plan.h"

enum progress_mode { PROGRESS_LIVE, PROGRESS_PLAIN, PROGRESS_JSON, PROGRESS_QUIET };

struct progress;

struct progress_options {
    enum progress_mode mode;
    const struct term *term; /* where it goes */
    size_t total;            /* resources that the plan changes; 0: not known */
    bool printed;            /* plain: with every line that build commands print */
};

/* The mode that fits: json if asked for, live on a terminal unless other lines would come between, or the
 * environment says CI or NO_COLOR. */
enum progress_mode progress_mode_for(const struct term *term, bool json, bool traced);

struct progress *progress_new(const struct progress_options *options);
struct observer progress_observer(struct progress *progress);
/* Takes the list away, writes what is left and frees. Failures, in the order they happened, are added to
 * `failures` (NULL: not wanted) for the report at the end. */
void progress_free(struct progress *progress, struct buf *failures);

/* ---- for tests: nothing is written and no thread runs; the text is what the next frame would be ---- */

struct progress *progress_new_idle(const struct progress_options *options);
void progress_frame(struct progress *progress, int64_t now_ms, struct buf *out);
void progress_resize(struct progress *progress, int width, int height);

/* ---- progress.c: the graph of a run (struct exec_graph in plan/plan.h) as it is executed: which steps
 * wait, are under way and are over, and what waits for what. Steps of nothing, which order others, are over
 * with what they wait for, and are looked through.
 *
 * The cost of a question does not grow with the graph. Until it is taken there are no steps, and NO_STEP is
 * none at any time. Addresses stay the graph's. */
#define NO_STEP UINT32_MAX

enum step_state { STEP_WAITING, STEP_RUNNING, STEP_OVER };

/* A module and how far it is; "": the stack itself. */
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
    uint32_t *open;         /* how many each waits for still */
    uint32_t *seen, *shown; /* by which question, and in which frame */
    uint32_t question, frame;
    struct exec_graph_edges after, before; /* who waits for it, and for whom it waits */
    uint32_t *module_of;
    struct exec_graph_module *modules;
    size_t module_count;
};

/*
 * The first steps that wait for this one, and those that it still waits for. Returns how many there are,
 * of which `max` are in `out`; where there are so many that nobody counts them, `*more` is set.
 */
size_t exec_graph_waiting(struct exec_graph_state *c, uint32_t step, uint32_t *out, size_t max, bool *more);
size_t exec_graph_blockers(struct exec_graph_state *c, uint32_t step, uint32_t *out, size_t max, bool *more);

/* ---- What progress.c (events, the thread), progress_lines.c (a line for what is over) and
 * progress_tree.c (what moves) share; nobody else includes it. */
enum {
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
    uint32_t step;                      /* its number in the graph; NO_STEP: none */
    int64_t since_ms, due_ms, pause_ms; /* due_ms: of the next line that it still goes on */
    char text[160];                     /* what it waits for */
};

/* Failures with one cause are reported once, with all that met it. */
struct failure {
    struct err err;
    struct buf others; /* ", b, c" */
    size_t n;
    char *address;
    char *where; /* "weir.yaml:12:5"; NULL: none */
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
    int64_t began_ms, due_ms, pause_ms; /* due_ms: as of a flight, while there is none */
    char status[160];                   /* "reading 300 resources" while there is nothing in flight */
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
