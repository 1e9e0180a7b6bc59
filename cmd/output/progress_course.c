/* The course of a run as it is carried out: see progress_course.h. */
#include "cmd/output/progress_course.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum {
    LOOKED_AT = 1000, /* edges that a question follows */
    PASSED = 64,      /* steps of nothing that it passes */
};

/* ---- taking it ---- */

static struct exec_graph_edges edges_copy(const struct exec_graph *exec_graph)
{
    size_t n = exec_graph->first[exec_graph->n];
    struct exec_graph_edges copy = {mem_realloc_array(NULL, exec_graph->n + 1, sizeof *copy.first),
        mem_realloc_array(NULL, n + 1, sizeof *copy.targets)};
    memcpy(copy.first, exec_graph->first, (exec_graph->n + 1) * sizeof *copy.first);
    if (n)
        memcpy(copy.targets, exec_graph->targets, n * sizeof *copy.targets);
    return copy;
}

/* The same edges from their other end. */
static struct exec_graph_edges edges_turned(
    const struct exec_graph_edges *edges, const uint32_t *into, uint32_t n)
{
    struct exec_graph_edges turned = {mem_zalloc((n + 1) * sizeof *turned.first),
        mem_realloc_array(NULL, edges->first[n] + 1, sizeof *turned.targets)};
    uint32_t *at = mem_realloc_array(NULL, n + 1, sizeof *at);
    for (uint32_t i = 0; i < n; i++)
        turned.first[i + 1] = turned.first[i] + into[i];
    memcpy(at, turned.first, (n + 1) * sizeof *at);
    for (uint32_t from = 0; from < n; from++)
        for (uint32_t e = edges->first[from]; e < edges->first[from + 1]; e++)
            turned.targets[at[edges->targets[e]]++] = from;
    free(at);
    return turned;
}

static struct str module_of(struct str address)
{
    ptrdiff_t key = address_key_at(address);
    struct str name = key > 0 ? str_slice(address, 0, (size_t)key) : address;
    for (size_t i = name.n; i; i--)
        if (name.p[i - 1] == '/')
            return str_slice(name, 0, i - 1);
    return STR_EMPTY;
}

static void take_modules(struct exec_graph_state *c)
{
    AUTO_MAP struct map places = MAP_INIT; /* path -> its number from 1 */
    size_t cap = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        if (!c->steps[i].address.n)
            continue;
        struct str path = module_of(c->steps[i].address);
        uintptr_t place = (uintptr_t)map_get(&places, path);
        if (!place) {
            MEM_GROW(c->modules, cap, c->module_count + 1);
            c->modules[c->module_count] = (struct exec_graph_module){.path = path};
            place = ++c->module_count;
            map_set(&places, path, (void *)place); /* NOLINT(performance-no-int-to-ptr) */
        }
        c->module_of[i] = (uint32_t)place - 1;
        c->modules[place - 1].total += !c->steps[i].aside;
    }
}

static void step_end(struct exec_graph_state *c, uint32_t step);

void exec_graph_take(struct exec_graph_state *c, const struct exec_graph *exec_graph)
{
    uint32_t n = exec_graph->n;
    exec_graph_release(c);
    c->n = n;
    c->steps = mem_realloc_array(NULL, n + 1, sizeof *c->steps);
    if (n)
        memcpy(c->steps, exec_graph->steps, n * sizeof *c->steps);
    c->states = mem_zalloc(n + 1);
    c->open = mem_zalloc((n + 1) * sizeof *c->open);
    c->seen = mem_zalloc((n + 1) * sizeof *c->seen);
    c->shown = mem_zalloc((n + 1) * sizeof *c->shown);
    c->module_of = mem_zalloc((n + 1) * sizeof *c->module_of);
    c->after = edges_copy(exec_graph);
    for (uint32_t e = 0; e < c->after.first[n]; e++)
        c->open[c->after.targets[e]]++;
    c->before = edges_turned(&c->after, c->open, n);
    take_modules(c);
    for (uint32_t i = 0; i < n; i++)
        if (!c->open[i] && !c->steps[i].address.n && c->states[i] == STEP_WAITING)
            step_end(c, i);
}

void exec_graph_release(struct exec_graph_state *c)
{
    free(c->steps);
    free(c->states);
    free(c->open);
    free(c->seen);
    free(c->shown);
    free(c->module_of);
    free(c->modules);
    free(c->after.first);
    free(c->after.targets);
    free(c->before.first);
    free(c->before.targets);
    *c = (struct exec_graph_state){0};
}

/* ---- as events come ---- */

/* With it end the steps of nothing that waited for it alone; failed: all that waited. */
static void steps_end(struct exec_graph_state *c, uint32_t step, bool ok)
{
    uint32_t *todo = NULL;
    size_t n = 0, cap = 0;
    MEM_GROW(todo, cap, 1);
    todo[n++] = step;
    c->states[step] = STEP_OVER;
    while (n) {
        uint32_t at = todo[--n];
        for (uint32_t e = c->after.first[at]; e < c->after.first[at + 1]; e++) {
            uint32_t next = c->after.targets[e];
            bool free_now = --c->open[next] == 0 && !c->steps[next].address.n;
            if (c->states[next] != STEP_WAITING || (ok && !free_now))
                continue;
            c->states[next] = STEP_OVER;
            MEM_GROW(todo, cap, n + 1);
            todo[n++] = next;
        }
    }
    free(todo);
}

static void step_end(struct exec_graph_state *c, uint32_t step)
{
    steps_end(c, step, true);
}

void exec_graph_started(struct exec_graph_state *c, uint32_t step)
{
    if (step < c->n)
        c->states[step] = STEP_RUNNING;
}

void exec_graph_ended(struct exec_graph_state *c, uint32_t step, bool ok)
{
    if (step >= c->n || c->states[step] == STEP_OVER)
        return;
    c->modules[c->module_of[step]].done += ok && !c->steps[step].aside;
    steps_end(c, step, ok);
}

/* ---- questions ---- */

struct look {
    struct exec_graph_state *c;
    uint32_t pass[PASSED];
    size_t passing, edges;
    uint32_t *out;
    size_t max, found;
};

static void look_at(struct look *look, uint32_t step)
{
    struct exec_graph_state *c = look->c;
    if (c->states[step] == STEP_OVER || c->seen[step] == c->question)
        return;
    c->seen[step] = c->question;
    if (!c->steps[step].address.n) {
        if (look->passing < PASSED)
            look->pass[look->passing++] = step;
        return;
    }
    if (look->found < look->max)
        look->out[look->found] = step;
    look->found++;
}

static size_t look_along(struct exec_graph_state *c, const struct exec_graph_edges *edges, uint32_t step,
    uint32_t *out, size_t max, bool *more)
{
    struct look look = {.c = c, .out = out, .max = max};
    *more = false;
    if (step >= c->n)
        return 0;
    c->seen[step] = ++c->question;
    look.pass[look.passing++] = step;
    while (look.passing && !*more) {
        uint32_t at = look.pass[--look.passing];
        for (uint32_t e = edges->first[at]; e < edges->first[at + 1] && !*more; e++) {
            look_at(&look, edges->targets[e]);
            *more = ++look.edges >= LOOKED_AT;
        }
    }
    return look.found;
}

size_t exec_graph_waiting(struct exec_graph_state *c, uint32_t step, uint32_t *out, size_t max, bool *more)
{
    return look_along(c, &c->after, step, out, max, more);
}

size_t exec_graph_blockers(struct exec_graph_state *c, uint32_t step, uint32_t *out, size_t max, bool *more)
{
    return look_along(c, &c->before, step, out, max, more);
}
