/* What is going on, shown while a plan is made or carried out: see progress.h. */
#include "cmd/progress.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/terminal_cells.h"
#include "cmd/events.h"
#include "cmd/render.h"
#include "cmd/say.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum {
    FRAME_MS = 100,
    SLOW_MS = 15 * 1000,      /* plain: from then on a line says that it still goes on … */
    REPEAT_MS = 30 * 1000,    /* … again after that, and each time after twice as long … */
    SELDOM_MS = 5 * 60 * 1000 /* … until it is so often: signs of life, not a flood */
};

/* One resource that is being worked on. */
struct flight {
    struct flight *next, **link; /* in order of their start */
    char *address;
    enum action action;
    int64_t since_ms, due_ms, pause_ms; /* due_ms: of the next line that it still goes on */
    char text[160];                     /* what it waits for */
};

/* Failures with one cause are told once, with all that met it. */
struct failure {
    struct err err;
    struct buf others; /* ", b, c" */
    size_t n;
    char *address;
};

enum { OTHERS_SHOWN = 20 };

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
    int64_t began_ms;
    char status[160]; /* "reading 300 resources" while there is nothing in flight */
    bool stopping;
    struct buf lines; /* finished, not written yet */
    struct failure *causes;
    size_t cause_count, cause_cap;
    size_t drawn; /* lines of the live list on the terminal now */
};

enum progress_mode progress_mode_for(const struct term *term, bool json, bool traced)
{
    if (json)
        return PROGRESS_JSON;
    return term->tty && !traced ? PROGRESS_LIVE : PROGRESS_PLAIN;
}

/* ---- what is in flight ---- */

static struct flight *flight_find(struct progress *p, struct str address)
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
    *f = (struct flight){
        .link = p->last, .address = f->address, .action = e->action, .since_ms = clock_mono_ms()};
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

/* ---- lines ---- */

static void line_start(struct progress *p, enum style style, const char *sign, struct buf *out)
{
    style_add(out, p->term.color, style, sign);
    buf_add_char(out, ' ');
}

static void done_line(struct progress *p, const struct event *e)
{
    line_start(p, STYLE_GREEN, p->term.utf8 && p->options.mode == PROGRESS_LIVE ? "✓" : "*", &p->lines);
    buf_addf(&p->lines, "%s ", action_past(e->action));
    text_add_safe(&p->lines, e->address, false);
    style_on(&p->lines, p->term.color, STYLE_DIM);
    buf_addz(&p->lines, " in ");
    text_add_duration(&p->lines, e->ms);
    if (e->id.n && e->action == ACTION_CREATE) {
        buf_addz(&p->lines, "  ");
        text_add_safe(&p->lines, e->id, false);
    }
    style_off(&p->lines, p->term.color, STYLE_DIM);
    buf_add_char(&p->lines, '\n');
}

static bool same_cause(const struct failure *f, const struct err *err)
{
    return f->err.class == err->class && !strcmp(err_root(&f->err), err_root(err)) &&
           !strcmp(f->err.hint, err->hint);
}

/* Keeps it for the report; NULL: nothing like it was met before. */
static const struct failure *keep_failure(struct progress *p, struct str address, const struct err *err)
{
    for (size_t i = 0; i < p->cause_count; i++) {
        struct failure *f = &p->causes[i];
        if (!same_cause(f, err))
            continue;
        if (f->n++ <= OTHERS_SHOWN) {
            buf_addz(&f->others, f->n > 2 ? ", " : "");
            text_add_safe(&f->others, f->n <= OTHERS_SHOWN + 1 ? address : STR("..."), false);
        }
        return f;
    }
    MEM_GROW(p->causes, p->cause_cap, p->cause_count + 1);
    p->causes[p->cause_count++] =
        (struct failure){.err = *err, .n = 1, .address = mem_memdup0(address.p, address.n)};
    return NULL;
}

static void failed_lines(struct progress *p, const struct event *e)
{
    struct err unsaid = {.class = ERR_FAILED, .message = "failed"};
    const struct failure *before = keep_failure(p, e->address, e->err ? e->err : &unsaid);
    line_start(p, STYLE_RED, "!", &p->lines);
    buf_addf(&p->lines, "%s ", action_present(e->action));
    text_add_safe(&p->lines, e->address, false);
    buf_addz(&p->lines, " failed");
    if (before && e->err) {
        buf_addz(&p->lines, " as ");
        text_add_safe(&p->lines, str_z(before->address), false);
        buf_addz(&p->lines, " did");
    } else if (e->err) {
        buf_addz(&p->lines, ": ");
        text_add_safe(&p->lines, str_z(e->err->message), false);
    }
    buf_add_char(&p->lines, '\n');
}

static void add_failure(const struct failure *f, struct buf *out)
{
    buf_addz(out, "  ");
    text_add_safe(out, str_z(f->address), false);
    buf_addz(out, ": ");
    text_add_safe(out, str_z(f->err.message), false);
    buf_add_char(out, '\n');
    if (f->err.hint[0]) {
        buf_addz(out, "    hint: ");
        text_add_safe(out, str_z(f->err.hint), false);
        buf_add_char(out, '\n');
    }
    if (f->err.request_id[0]) {
        buf_addz(out, "    request id: ");
        text_add_safe(out, str_z(f->err.request_id), false);
        buf_add_char(out, '\n');
    }
    if (f->n > 1)
        buf_addf(out, "    the same for %zu other%s: %s\n", f->n - 1, f->n > 2 ? "s" : "", f->others.p);
}

static void remark_line(struct progress *p, const struct event *e, enum style style, const char *word)
{
    bool said = e->kind == EVENT_WARNING || e->kind == EVENT_NOTE; /* "-" would read like a deletion */
    if (!said)
        line_start(p, style, "-", &p->lines);
    style_add(&p->lines, p->term.color && said, style, word);
    buf_addz(&p->lines, said ? ": " : "");
    text_add_safe(&p->lines, e->address, false);
    buf_addz(&p->lines, e->address.n && e->text ? ": " : "");
    text_add_safe(&p->lines, str_z(e->text), false);
    buf_add_char(&p->lines, '\n');
}

static void note_text(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text ? text : "");
    to[str_utf8_prefix(str_z(to))] = 0;
}

static void note_status(struct progress *p, struct str address, const char *text)
{
    snprintf(p->status, sizeof p->status, "%.*s: %s", STR_ARG(address), text);
    p->status[str_utf8_prefix(str_z(p->status))] = 0;
}

/* What a build command prints: a line of its own where that was asked for, or what is being done just now. */
static void printed_line(struct progress *p, const struct event *e)
{
    struct flight *f = flight_find(p, e->address);
    if (p->options.mode == PROGRESS_PLAIN && p->options.printed) {
        line_start(p, STYLE_DIM, "|", &p->lines);
        text_add_safe(&p->lines, e->address, false);
        buf_addz(&p->lines, ": ");
        text_add_safe(&p->lines, str_z(e->text), false);
        buf_add_char(&p->lines, '\n');
    }
    if (f && f->link)
        note_text(f->text, sizeof f->text, e->text);
    else
        note_status(p, e->address, e->text);
}

static void still_lines(struct progress *p, int64_t now)
{
    for (struct flight *f = p->first; f; f = f->next) {
        if (now < f->due_ms)
            continue;
        f->due_ms = now + f->pause_ms;
        f->pause_ms = f->pause_ms * 2 < SELDOM_MS ? f->pause_ms * 2 : SELDOM_MS;
        line_start(p, STYLE_DIM, ".", &p->lines);
        buf_addf(&p->lines, "still %s ", action_present(f->action));
        text_add_safe(&p->lines, str_z(f->address), false);
        buf_addz(&p->lines, ", ");
        text_add_duration(&p->lines, now - f->since_ms);
        if (f->text[0]) {
            buf_addz(&p->lines, ": ");
            text_add_safe(&p->lines, str_z(f->text), false);
        }
        buf_add_char(&p->lines, '\n');
    }
}

/* ---- events ---- */

static void take_event(struct progress *p, const struct event *e)
{
    struct flight *f;
    switch (e->kind) {
    case EVENT_REFRESH: note_text(p->status, sizeof p->status, e->text); break;
    case EVENT_REFRESH_DONE: p->status[0] = 0; break;
    case EVENT_START: flight_start(p, e); break;
    case EVENT_PROGRESS:
        if ((f = flight_find(p, e->address)))
            note_text(f->text, sizeof f->text, e->text);
        break;
    case EVENT_DONE:
        flight_land(p, e->address);
        p->done += !e->aside;
        done_line(p, e);
        break;
    case EVENT_FAILED:
        flight_land(p, e->address);
        p->failed++;
        failed_lines(p, e);
        break;
    case EVENT_SKIPPED:
        p->skipped++;
        if (!p->stopping) /* all that was not begun: their number is enough */
            remark_line(p, e, STYLE_YELLOW, "skipped ");
        break;
    case EVENT_RECOVERED: remark_line(p, e, STYLE_CYAN, "recovered "); break;
    case EVENT_STOPPING:
        p->stopping = true;
        line_start(p, STYLE_YELLOW, "-", &p->lines);
        buf_addz(&p->lines, "stopping: nothing new is started, what is in flight is finished and recorded "
                            "(once more to stop waiting)\n");
        break;
    case EVENT_WARNING: remark_line(p, e, STYLE_YELLOW, "warning"); break;
    case EVENT_NOTE: remark_line(p, e, STYLE_CYAN, "note"); break;
    case EVENT_PRINTED: printed_line(p, e); break;
    }
}

static void on_event(void *ctx, const struct event *e)
{
    struct progress *p = ctx;
    pthread_mutex_lock(&p->lock);
    if (p->options.mode == PROGRESS_JSON)
        event_progress(&p->lines, e);
    else
        take_event(p, e);
    if (e->kind == EVENT_STOPPING || e->kind == EVENT_FAILED)
        pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->lock);
}

/* ---- the live list ---- */

/* A line cut to the terminal's width, so that the list's height is known. */
static void add_cut(struct buf *out, struct str line, int width)
{
    buf_add(out, line.p, cells_prefix(line, width > 4 ? (size_t)width - 1 : 3));
    buf_add_char(out, '\n');
}

static void flight_line(struct progress *p, const struct flight *f, int64_t now, struct buf *out)
{
    AUTO_BUF struct buf line = BUF_INIT;
    buf_addf(&line, "  %s ", action_present(f->action));
    text_add_safe(&line, str_z(f->address), false);
    buf_add_char(&line, ' ');
    text_add_duration(&line, now - f->since_ms);
    if (f->text[0]) {
        buf_addz(&line, "  ");
        text_add_safe(&line, str_z(f->text), false);
    }
    add_cut(out, buf_str(&line), p->term.width);
}

static void status_line(struct progress *p, int64_t now, struct buf *out)
{
    static const char *const spin[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
    static const char *const ascii[] = {"|", "/", "-", "\\"};
    size_t tick = (size_t)(now / FRAME_MS);
    AUTO_BUF struct buf line = BUF_INIT;
    buf_addf(&line, "%s ", p->term.utf8 ? spin[tick % 10] : ascii[tick % 4]);
    if (p->in_flight || p->done || p->failed || p->skipped) {
        buf_addf(&line, "%zu", p->done);
        if (p->options.total)
            buf_addf(&line, " of %zu", p->options.total);
        buf_addf(&line, " done, %zu in flight", p->in_flight);
        if (p->failed)
            buf_addf(&line, ", %zu failed", p->failed);
        if (p->skipped)
            buf_addf(&line, ", %zu skipped", p->skipped);
        if (p->stopping)
            buf_addz(&line, ", stopping");
    } else {
        text_add_safe(&line, str_z(p->status[0] ? p->status : "working"), false);
    }
    buf_addz(&line, "  ");
    text_add_duration(&line, now - p->began_ms);
    add_cut(out, buf_str(&line), p->term.width);
}

static void erase_list(struct progress *p, struct buf *out)
{
    if (p->drawn)
        buf_addf(out, "\033[%zuA\r\033[J", p->drawn);
    p->drawn = 0;
}

static void draw_list(struct progress *p, int64_t now, struct buf *out)
{
    size_t room = p->term.height > 6 ? (size_t)p->term.height - 4 : 2, shown = 0;
    for (struct flight *f = p->first; f && shown < room; f = f->next, shown++)
        flight_line(p, f, now, out);
    p->drawn = shown + 1;
    if (shown < p->in_flight) {
        buf_addf(out, "  and %zu more\n", p->in_flight - shown);
        p->drawn++;
    }
    status_line(p, now, out);
}

void progress_frame(struct progress *p, int64_t now, struct buf *out)
{
    if (p->options.mode == PROGRESS_LIVE)
        erase_list(p, out);
    if (p->options.mode == PROGRESS_PLAIN)
        still_lines(p, now);
    if (p->options.mode != PROGRESS_QUIET)
        buf_add_str(out, buf_str(&p->lines));
    buf_clear(&p->lines);
    if (p->options.mode == PROGRESS_LIVE && !p->stop)
        draw_list(p, now, out);
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
    pthread_mutex_lock(&p->lock);
    while (!p->stop) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += FRAME_MS * 1000000L;
        if (until.tv_nsec >= 1000000000L) {
            until.tv_nsec -= 1000000000L;
            until.tv_sec++;
        }
        pthread_cond_clockwait(&p->wake, &p->lock, CLOCK_MONOTONIC, &until);
        if (!p->stop)
            write_frame(p);
    }
    write_frame(p);
    pthread_mutex_unlock(&p->lock);
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
    pthread_cond_init(&p->wake, NULL);
    return p;
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
    for (size_t i = 0; i < p->cause_count; i++) {
        if (failures)
            add_failure(&p->causes[i], failures);
        buf_release(&p->causes[i].others);
        free(p->causes[i].address);
    }
    free(p->causes);
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
