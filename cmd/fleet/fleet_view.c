/*
 * The progress of a fleet: on a terminal a table of the members, which a thread redraws ten times a second;
 * otherwise a line for each finished member, and from time to time one about the progress.
 */
#include "cmd/fleet/fleet.h"

#include "base/clock.h"
#include "base/mem.h"
#include "cmd/output/progress.h"

#include <stdlib.h>

enum { TELL_MS = 500, NAME_MAX_WIDTH = 24, NAME_LEAST = 4, ROOM_LEAST = 4 };

struct fleet_view {
    struct term term;
    bool live, quiet, stop;
    bool watched;             /* the thread is running */
    int64_t due_ms, pause_ms; /* without a terminal: the time of the next progress line */
    pthread_t thread;
    pthread_cond_t wake;
    size_t drawn, name_width;
};

static size_t count_phase(const struct fleet *fleet, enum member_phase phase)
{
    size_t n = 0;
    for (size_t i = 0; i < fleet->n; i++)
        n += fleet->members[i].phase == phase;
    return n;
}

static void add_padded(struct buf *out, struct str text, size_t width)
{
    bool fits = cells_width(text) <= width;
    struct str shown = fits ? text : str_slice(text, 0, cells_prefix(text, width - 1));
    text_addf(out, "%.*s%s", STR_ARG(shown), fits ? "" : "…");
    for (size_t n = cells_width(shown) + !fits; n < width; n++)
        buf_add_char(out, ' ');
}

/* In a narrow window names are shortened, since each row that is redrawn must be one line. */
static size_t name_width(const struct fleet_view *view, size_t beside)
{
    size_t all = (size_t)view->term.width, room = all > beside + NAME_LEAST ? all - beside : NAME_LEAST;
    return view->name_width < room ? view->name_width : room;
}

/* Writes anna [#######---] 14 of 20, 1 failed creating db 12 s */
static void add_member_row(
    const struct fleet_view *view, const struct member *m, int64_t now, struct buf *out)
{
    static const enum style styles[] = {STYLE_DIM, STYLE_PLAIN, STYLE_GREEN, STYLE_RED, STYLE_DIM};
    bool over = m->phase == MEMBER_IS_DONE || m->phase == MEMBER_HAS_FAILED;
    AUTO_BUF struct buf rest = BUF_INIT;
    buf_addf(&rest, "  %4zu of %-4zu", m->done, m->wanted);
    if (m->failed)
        buf_addf(&rest, "  %zu failed", m->failed);
    if (m->phase == MEMBER_HAS_FAILED && !m->failed)
        buf_addz(&rest, "  failed");
    if (m->started_ms) {
        buf_addz(&rest, "  ");
        text_add_duration(&rest, (over ? m->ended_ms : now) - m->started_ms);
    }
    style_on(out, view->term.color, styles[m->phase]);
    add_padded(out, m->name, name_width(view, cells_width(buf_str(&rest))));
    buf_add_str(out, buf_str(&rest));
    style_off(out, view->term.color, styles[m->phase]);
}

/* ---- on a terminal ---- */

static void erase(struct fleet_view *view, struct buf *out)
{
    if (view->drawn)
        buf_addf(out, "\x1b[%zuA\x1b[J", view->drawn);
    view->drawn = 0;
}

static void draw_row(struct fleet_view *view, const struct member *m, int64_t now, struct buf *out)
{
    AUTO_BUF struct buf row = BUF_INIT;
    add_member_row(view, m, now, &row);
    size_t width = cells_width(buf_str(&row)), room = (size_t)view->term.width;
    if (m->current_step[0] && m->phase == MEMBER_WORKS && width + 4 < room) {
        struct str doing = str_z(m->current_step);
        text_addf(&row, "  %.*s", STR_ARG(str_slice(doing, 0, cells_prefix(doing, room - width - 3))));
    }
    buf_add_str(out, buf_str(&row));
    buf_add_char(out, '\n');
    view->drawn++;
}

/* Draws the members in progress that fit, then the numbers of waiting and finished ones. */
static void draw(struct fleet *fleet)
{
    struct fleet_view *view = fleet->view;
    AUTO_BUF struct buf out = BUF_INIT;
    int64_t now = clock_mono_ms();
    term_measure(&view->term);
    size_t room = view->term.height > 8 ? (size_t)view->term.height - 4 : ROOM_LEAST, works = 0;
    erase(view, &out);
    for (size_t i = 0; i < fleet->n; i++) {
        const struct member *m = &fleet->members[i];
        works += m->phase == MEMBER_WORKS;
        if (m->phase == MEMBER_WORKS && view->drawn < room)
            draw_row(view, m, now, &out);
    }
    buf_addf(&out, "%zu done, %zu running, %zu failed of %zu\n", count_phase(fleet, MEMBER_IS_DONE), works,
        count_phase(fleet, MEMBER_HAS_FAILED), fleet->n);
    view->drawn++;
    term_print(view->term.fd, buf_str(&out), NULL);
}

/* ---- without a terminal ---- */

/* Writes a line from time to time, since CI systems end jobs without output: 1 done, 2 running, 0 failed of
 * 3; longest: ada 45 of 47 … */
static void write_progress_line(struct fleet *fleet)
{
    struct fleet_view *view = fleet->view;
    const struct member *longest = NULL;
    int64_t now = clock_mono_ms();
    if (now < view->due_ms)
        return;
    for (size_t i = 0; i < fleet->n; i++) {
        const struct member *m = &fleet->members[i];
        if (m->phase == MEMBER_WORKS && (!longest || m->started_ms < longest->started_ms))
            longest = m;
    }
    if (longest) {
        AUTO_BUF struct buf line = BUF_INIT;
        text_addf(&line, "%zu done, %zu running, %zu failed of %zu; longest: %.*s",
            count_phase(fleet, MEMBER_IS_DONE), count_phase(fleet, MEMBER_WORKS),
            count_phase(fleet, MEMBER_HAS_FAILED), fleet->n, STR_ARG(longest->name));
        text_addf(&line, " %zu of %zu, %s%s", longest->done, longest->wanted, longest->current_step,
            longest->current_step[0] ? ", " : "");
        text_add_duration(&line, now - longest->started_ms);
        buf_add_char(&line, '\n');
        term_print(view->term.fd, buf_str(&line), NULL);
    }
    view->due_ms = now + view->pause_ms;
    view->pause_ms = view->pause_ms * 2 < SELDOM_MS ? view->pause_ms * 2 : SELDOM_MS;
}

/* ---- both ---- */

static void *view_draw(void *arg)
{
    struct fleet *fleet = arg;
    struct fleet_view *view = fleet->view;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&fleet->lock);
    while (!view->stop) {
        clock_cond_wait(&view->wake, &fleet->lock, clock_mono_ms() + (view->live ? FRAME_MS : TELL_MS));
        if (!view->stop && view->live)
            draw(fleet);
        else if (!view->stop)
            write_progress_line(fleet);
    }
    return NULL;
}

/* ---- changes ---- */

static void say_over(struct fleet_view *view, const struct member *m)
{
    AUTO_BUF struct buf line = BUF_INIT;
    erase(view, &line);
    add_member_row(view, m, m->ended_ms, &line);
    buf_add_char(&line, '\n');
    term_print(view->term.fd, buf_str(&line), NULL);
}

void fleet_view_print(struct fleet *fleet, struct str line)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (fleet->view)
        erase(fleet->view, &out);
    buf_add_str(&out, line);
    if (fleet->view)
        term_print(fleet->view->term.fd, buf_str(&out), NULL);
    else
        term_print_error(line);
}

void fleet_view_changed(struct member *m)
{
    struct fleet_view *view = m->fleet->view;
    if (!view || view->quiet)
        return;
    if (m->ended_ms && m->started_ms && (m->phase == MEMBER_IS_DONE || m->phase == MEMBER_HAS_FAILED))
        say_over(view, m);
}

void fleet_view_begin(struct fleet *fleet)
{
    struct invocation *inv = fleet->inv;
    struct fleet_view *view = mem_zalloc(sizeof *view);
    view->term = inv->out;
    view->quiet = inv->settings->json;
    view->live = inv->out.tty && !view->quiet && !inv->settings->verbose;
    clock_cond_init(&view->wake);
    for (size_t i = 0; i < fleet->n; i++) {
        size_t width = cells_width(fleet->members[i].name);
        view->name_width = width > view->name_width ? width : view->name_width;
    }
    if (view->name_width > NAME_MAX_WIDTH)
        view->name_width = NAME_MAX_WIDTH;
    fleet->view = view;
    view->pause_ms = REPEAT_MS;
    view->due_ms = clock_mono_ms() + SLOW_MS;
    pthread_mutex_lock(&fleet->lock); /* the thread checks `live` with the lock held */
    view->watched = !view->quiet && !pthread_create(&view->thread, NULL, view_draw, fleet);
    view->live &= view->watched;
    pthread_mutex_unlock(&fleet->lock);
}

void fleet_view_end(struct fleet *fleet)
{
    struct fleet_view *view = fleet->view;
    AUTO_BUF struct buf out = BUF_INIT;
    pthread_mutex_lock(&fleet->lock);
    view->stop = true;
    pthread_cond_signal(&view->wake);
    pthread_mutex_unlock(&fleet->lock);
    if (view->watched)
        pthread_join(view->thread, NULL);
    erase(view, &out);
    term_print(view->term.fd, buf_str(&out), NULL);
    pthread_cond_destroy(&view->wake);
    fleet->view = NULL;
    free(view);
}
