/* The progress of a plan or apply: see progress.h. */
#include "cmd/output/progress.h"

#include "base/clock.h"
#include "base/mem.h"
#include "cmd/output/events.h"

#include <stdlib.h>

/* ---- the execution graph of a run ---- */

enum {
    LOOKED_AT = 1000, /* edges that a query visits */
    PASSED = 64,      /* empty steps that a query passes through */
};

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

/* Returns the same edges in the reverse direction. */
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
    AUTO_MAP struct map numbers = MAP_INIT; /* path -> its number, counted from 1 */
    size_t cap = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        if (!c->steps[i].address.n)
            continue;
        struct str path = module_of(c->steps[i].address);
        uintptr_t number = (uintptr_t)map_get(&numbers, path);
        if (!number) {
            MEM_GROW(c->modules, cap, c->module_count + 1);
            c->modules[c->module_count] = (struct exec_graph_module){.path = path};
            number = ++c->module_count;
            map_set(&numbers, path, (void *)number); /* NOLINT(performance-no-int-to-ptr) */
        }
        c->module_of[i] = (uint32_t)number - 1;
        c->modules[number - 1].total += !c->steps[i].of_replacement;
    }
}

/* Ends a step, and the empty steps that waited only for it. If it failed, all steps that waited for it
 * end. */
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

static void exec_graph_release(struct exec_graph_state *c)
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

static void exec_graph_take(struct exec_graph_state *c, const struct exec_graph *exec_graph)
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
            steps_end(c, i, true);
}

/* ---- events ---- */

static void exec_graph_started(struct exec_graph_state *c, uint32_t step)
{
    if (step < c->n)
        c->states[step] = STEP_RUNNING;
}

/* If not `ok`, the steps that wait for it end too. */
static void exec_graph_ended(struct exec_graph_state *c, uint32_t step, bool ok)
{
    if (step >= c->n || c->states[step] == STEP_OVER)
        return;
    c->modules[c->module_of[step]].done += ok && !c->steps[step].of_replacement;
    steps_end(c, step, ok);
}

/* ---- queries ---- */

struct walk {
    struct exec_graph_state *c;
    uint32_t pass[PASSED];
    size_t passing, edges;
    uint32_t *out;
    size_t max, found;
};

static void walk_to(struct walk *walk, uint32_t step)
{
    struct exec_graph_state *c = walk->c;
    if (c->states[step] == STEP_OVER || c->seen[step] == c->question)
        return;
    c->seen[step] = c->question;
    if (!c->steps[step].address.n) {
        if (walk->passing < PASSED)
            walk->pass[walk->passing++] = step;
        return;
    }
    if (walk->found < walk->max)
        walk->out[walk->found] = step;
    walk->found++;
}

static size_t walk_along(struct exec_graph_state *c, const struct exec_graph_edges *edges, uint32_t step,
    uint32_t *out, size_t max, bool *more)
{
    struct walk walk = {.c = c, .out = out, .max = max};
    *more = false;
    if (step >= c->n)
        return 0;
    c->seen[step] = ++c->question;
    walk.pass[walk.passing++] = step;
    while (walk.passing && !*more) {
        uint32_t at = walk.pass[--walk.passing];
        for (uint32_t e = edges->first[at]; e < edges->first[at + 1] && !*more; e++) {
            walk_to(&walk, edges->targets[e]);
            *more = ++walk.edges >= LOOKED_AT;
        }
    }
    return walk.found;
}

size_t exec_graph_waiting(struct exec_graph_state *c, uint32_t step, uint32_t *out, size_t max, bool *more)
{
    return walk_along(c, &c->after, step, out, max, more);
}

size_t exec_graph_blockers(struct exec_graph_state *c, uint32_t step, uint32_t *out, size_t max, bool *more)
{
    return walk_along(c, &c->before, step, out, max, more);
}

/* ---- modes ---- */

/* Returns whether the environment asks for plain lines: CI, or NO_COLOR. */
static bool wants_lines(void)
{
    const char *ci = getenv("CI"), *plain = getenv("NO_COLOR");
    return (ci && *ci && strcmp(ci, "false") != 0) || (plain && *plain);
}

enum progress_mode progress_mode_for(const struct term *term, bool json, bool traced)
{
    if (json)
        return PROGRESS_JSON;
    return term->tty && !traced && !wants_lines() ? PROGRESS_LIVE : PROGRESS_PLAIN;
}

/* ---- resources in progress ---- */

struct flight *flight_find(struct progress *p, struct str address)
{
    return map_get(&p->flights, address);
}

static void flight_start(struct progress *p, const struct event *e)
{
    struct flight *f = flight_find(p, e->address);
    if (f && f->link)
        return;
    if (!f) { /* otherwise it was in progress before: a replacement is a deletion and a creation */
        f = mem_zalloc(sizeof *f);
        f->address = mem_memdup0(e->address.p, e->address.n);
        map_set(&p->flights, str_n(f->address, e->address.n), f);
    }
    *f = (struct flight){.link = p->last, .address = f->address, .action = e->action, .step = e->step - 1};
    f->since_ms = clock_mono_ms();
    exec_graph_started(&p->exec_graph, f->step);
    f->due_ms = f->since_ms + SLOW_MS;
    f->pause_ms = REPEAT_MS;
    *p->last = f;
    p->last = &f->next;
    p->in_flight++;
}

/* Removes the resource from the list. The map refers to its key, so it is freed with the map. */
static void flight_land(struct progress *p, struct str address)
{
    struct flight *f = flight_find(p, address);
    if (!f || !f->link)
        return;
    *f->link = f->next;
    if (f->next)
        f->next->link = f->link;
    else
        p->last = f->link;
    f->link = NULL;
    p->in_flight--;
}

/* ---- events ---- */

static void take_event(struct progress *p, const struct event *e)
{
    struct flight *f;
    switch (e->kind) {
    case EVENT_SCHEDULED:
        if (p->options.mode == PROGRESS_LIVE)
            exec_graph_take(&p->exec_graph, e->exec_graph);
        break;
    case EVENT_REFRESH: note_text(p->status, sizeof p->status, e->text); break;
    case EVENT_REFRESH_DONE: p->status[0] = 0; break;
    case EVENT_START: flight_start(p, e); break;
    case EVENT_PROGRESS:
        if ((f = flight_find(p, e->address)))
            note_text(f->text, sizeof f->text, e->text);
        break;
    case EVENT_DONE:
        flight_land(p, e->address);
        exec_graph_ended(&p->exec_graph, e->step - 1, true);
        p->done += !e->of_replacement;
        line_done(p, e);
        break;
    case EVENT_FAILED:
        flight_land(p, e->address);
        exec_graph_ended(&p->exec_graph, e->step - 1, false);
        p->failed++;
        line_failed(p, e);
        break;
    case EVENT_SKIPPED:
        p->skipped++;
        if (!p->stopping) /* unstarted resources are only counted */
            line_note(p, e, STYLE_YELLOW, "skipped ");
        break;
    case EVENT_RECOVERED: line_note(p, e, STYLE_CYAN, "recovered "); break;
    case EVENT_STOPPING:
        p->stopping = true;
        line_stopping(p);
        break;
    case EVENT_WARNING: line_note(p, e, STYLE_YELLOW, "warning"); break;
    case EVENT_NOTE: line_note(p, e, STYLE_CYAN, "note"); break;
    case EVENT_PRINTED: line_printed(p, e); break;
    }
}

static void on_event(void *ctx, const struct event *e)
{
    struct progress *p = ctx;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&p->lock);
    if (p->options.mode == PROGRESS_JSON)
        event_progress(&p->lines, e);
    else
        take_event(p, e);
    bool at_once = e->kind == EVENT_FAILED && p->options.mode != PROGRESS_LIVE; /* live: the next frame */
    if (at_once || e->kind == EVENT_STOPPING)
        pthread_cond_signal(&p->wake);
}

void progress_frame(struct progress *p, int64_t now, struct buf *out)
{
    if (p->options.mode == PROGRESS_PLAIN)
        lines_add_slow(p, now);
    struct str lines = p->options.mode == PROGRESS_QUIET ? STR_EMPTY : buf_str(&p->lines);
    if (p->options.mode == PROGRESS_LIVE)
        tree_replace(p, lines, now, out);
    else
        buf_add_str(out, lines);
    buf_clear(&p->lines);
}

/* ---- the thread ---- */

/* Writes without the lock, so that a slow terminal does not block the worker threads. */
static void write_frame(struct progress *p)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (p->options.mode == PROGRESS_LIVE)
        term_measure(&p->term);
    progress_frame(p, clock_mono_ms(), &out);
    pthread_mutex_unlock(&p->lock);
    if (out.n) /* errors are ignored: the run continues even if its output cannot be written */
        (p->options.mode == PROGRESS_JSON ? term_print_json : term_print)(p->term.fd, buf_str(&out), NULL);
    pthread_mutex_lock(&p->lock);
}

static void *progress_draw(void *arg)
{
    struct progress *p = arg;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&p->lock);
    while (!p->stop) {
        clock_cond_wait(&p->wake, &p->lock, clock_mono_ms() + FRAME_MS);
        if (!p->stop)
            write_frame(p);
    }
    write_frame(p);
    return NULL;
}

struct progress *progress_new_idle(const struct progress_options *options)
{
    struct progress *p = mem_zalloc(sizeof *p);
    p->options = *options;
    p->term = *options->term;
    p->last = &p->first;
    p->began_ms = clock_mono_ms();
    p->due_ms = p->began_ms + SLOW_MS;
    p->pause_ms = REPEAT_MS;
    pthread_mutex_init(&p->lock, NULL);
    clock_cond_init(&p->wake);
    return p;
}

void progress_resize(struct progress *p, int width, int height)
{
    p->term.width = width;
    p->term.height = height;
}

struct progress *progress_new(const struct progress_options *options)
{
    struct progress *p = progress_new_idle(options);
    p->threaded = pthread_create(&p->thread, NULL, progress_draw, p) == 0;
    return p;
}

struct observer progress_observer(struct progress *p)
{
    return (struct observer){on_event, p};
}

void progress_free(struct progress *p, struct buf *failures)
{
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_signal(&p->wake);
    if (!p->threaded)
        write_frame(p);
    pthread_mutex_unlock(&p->lock);
    if (p->threaded)
        pthread_join(p->thread, NULL);
    failures_end(p, failures);
    exec_graph_release(&p->exec_graph);
    for (size_t i = 0; i < p->flights.n; i++) {
        struct flight *f = p->flights.items[i].ptr;
        free(f->address);
        free(f);
    }
    map_release(&p->flights);
    buf_release(&p->lines);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
