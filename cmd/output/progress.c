/* What is going on, shown while a plan is made or carried out: see progress.h. */
#include "cmd/output/progress_internal.h"

#include "base/clock.h"
#include "base/lock.h"
#include "base/mem.h"
#include "cmd/output/events.h"
#include "cmd/terminal/say.h"

#include <stdlib.h>
#include <time.h>

/* Terminals that nobody sits at, or where somebody wants lines, are told lines. */
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

/* ---- what is in flight ---- */

struct flight *flight_find(struct progress *p, struct str address)
{
    return map_get(&p->flights, address);
}

static void flight_start(struct progress *p, const struct event *e)
{
    struct flight *f = flight_find(p, e->address);
    if (f && f->link)
        return;
    if (!f) { /* otherwise it took off before: a replacement is a deletion and a creation */
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

/* Takes it off the list. The map keeps its key, so it is freed with the map. */
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
        p->done += !e->aside;
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
        if (!p->stopping) /* all that was not begun: their number is enough */
            line_remark(p, e, STYLE_YELLOW, "skipped ");
        break;
    case EVENT_RECOVERED: line_remark(p, e, STYLE_CYAN, "recovered "); break;
    case EVENT_STOPPING:
        p->stopping = true;
        line_stopping(p);
        break;
    case EVENT_WARNING: line_remark(p, e, STYLE_YELLOW, "warning"); break;
    case EVENT_NOTE: line_remark(p, e, STYLE_CYAN, "note"); break;
    case EVENT_PRINTED: line_printed(p, e); break;
    }
}

static void on_event(void *ctx, const struct event *e)
{
    struct progress *p = ctx;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&p->lock);
    if (p->options.mode == PROGRESS_JSON)
        event_progress(&p->lines, e);
    else if (p->options.mode != PROGRESS_JSON)
        take_event(p, e);
    bool at_once = e->kind == EVENT_FAILED && p->options.mode != PROGRESS_LIVE; /* frames have their time */
    if (at_once || e->kind == EVENT_STOPPING)
        pthread_cond_signal(&p->wake);
}

void progress_frame(struct progress *p, int64_t now, struct buf *out)
{
    if (p->options.mode == PROGRESS_PLAIN)
        lines_still(p, now);
    struct str lines = p->options.mode == PROGRESS_QUIET ? STR_EMPTY : buf_str(&p->lines);
    if (p->options.mode == PROGRESS_LIVE)
        tree_replace(p, lines, now, out);
    else
        buf_add_str(out, lines);
    buf_clear(&p->lines);
}

/* ---- the thread ---- */

/* Writes without the lock, so that a slow terminal does not hold up the work. */
static void write_frame(struct progress *p)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (p->options.mode == PROGRESS_LIVE)
        term_measure(&p->term);
    progress_frame(p, clock_mono_ms(), &out);
    pthread_mutex_unlock(&p->lock);
    if (out.n) /* work must go on when nobody can read what is said about it */
        (p->options.mode == PROGRESS_JSON ? say_json : say)(p->term.fd, buf_str(&out), NULL);
    pthread_mutex_lock(&p->lock);
}

static void *progress_draw(void *arg)
{
    struct progress *p = arg;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&p->lock);
    while (!p->stop) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += FRAME_MS * 1000000L;
        if (until.tv_nsec >= 1000000000L) {
            until.tv_nsec -= 1000000000L;
            until.tv_sec++;
        }
        pthread_cond_timedwait(&p->wake, &p->lock, &until);
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
