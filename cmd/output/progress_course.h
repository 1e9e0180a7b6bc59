/*
 * The course of a run (struct course in plan/plan.h) as it is carried out: which steps wait, are under way
 * and are over, and what waits for what. Steps of nothing, which order others, are over with what they wait
 * for, and are looked through.
 *
 * course_take() once, then course_started() and course_ended() as events come, and questions in between; the
 * cost of a question does not grow with the course. Until it is taken there are no steps, and NO_STEP is
 * none at any time. Addresses stay the course's.
 */
#pragma once

#include "plan/plan.h"

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

void exec_graph_take(struct exec_graph_state *c, const struct exec_graph *exec_graph);
void exec_graph_release(struct exec_graph_state *c);
void exec_graph_started(struct exec_graph_state *c, uint32_t step);
/* Not `ok`: what waits for it is over, too. */
void exec_graph_ended(struct exec_graph_state *c, uint32_t step, bool ok);

/*
 * The first steps that wait for this one, and those that it still waits for. Returns how many there are,
 * of which `max` are in `out`; where there are so many that nobody counts them, `*more` is set.
 */
size_t exec_graph_waiting(struct exec_graph_state *c, uint32_t step, uint32_t *out, size_t max, bool *more);
size_t exec_graph_blockers(struct exec_graph_state *c, uint32_t step, uint32_t *out, size_t max, bool *more);
