/* The progress of a running job (jobs.h). The run continues if writing fails. */
#include "cmd/run/jobs.h"

#include "base/clock.h"
#include "base/json.h"

#include <unistd.h>

void run_watch_init(struct run_watch *w, struct invocation *inv, const struct job *job)
{
    *w = (struct run_watch){.inv = inv,
        .job = job,
        .live = inv->err.tty && !inv->settings->json && !inv->settings->verbose,
        .logs_aside = job->schema->job->has_result,
        .began_ms = clock_mono_ms()};
}

/* ---- the live line ---- */

void run_watch_clear(struct run_watch *w)
{
    if (w->drawn)
        term_print_error(STR("\r\033[K"));
    w->drawn = false;
}

void run_watch_tick(void *ctx)
{
    struct run_watch *w = ctx;
    int64_t now = clock_mono_ms();
    if (!w->live || (w->drawn && now - w->drawn_ms < FRAME_MS))
        return;
    AUTO_BUF struct buf line = BUF_INIT;
    AUTO_BUF struct buf out = BUF_INIT;
    text_addf(&line, "%s %.*s %s ", term_spinner(&w->inv->err, now), STR_ARG(w->job->record->subject.address),
        w->status_text[0] ? w->status_text : "starting");
    text_add_duration(&line, now - w->began_ms);
    term_measure(&w->inv->err);
    int width = w->inv->err.width;
    buf_addz(&out, "\r\033[K");
    buf_add(&out, line.p, cells_prefix(buf_str(&line), width > 1 ? (size_t)width - 1 : 0));
    term_print_error(buf_str(&out));
    w->drawn = true;
    w->drawn_ms = now;
}

/* ---- states ---- */

static void state_json(struct run_watch *w, const struct job_run *run)
{
    AUTO_BUF struct buf out = BUF_INIT;
    buf_addz(&out, "{\"event\":\"job_run\"");
    job_run_fields(&out, w->job, run);
    buf_addz(&out, "}\n");
    invocation_write(w->inv, buf_str(&out));
}

void run_watch_begin(struct run_watch *w, struct str id)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (w->inv->settings->json)
        return;
    run_watch_clear(w);
    text_addf(&out, "%.*s: run %.*s\n", STR_ARG(w->job->record->subject.address), STR_ARG(id));
    term_print_error(buf_str(&out));
}

void run_watch_state(void *ctx, const struct job_run *run)
{
    struct run_watch *w = ctx;
    AUTO_BUF struct buf safe = BUF_INIT;
    text_add_safe(&safe, job_run_status(run), false);
    if (run->state == JOB_RUNNING && run->step.n)
        text_addf(&safe, ", at %.*s", STR_ARG(run->step));
    bool news = run->status.n && !str_eqz(buf_str(&safe), w->status_text);
    snprintf(w->status_text, sizeof w->status_text, "%s", safe.n ? safe.p : "");
    if (w->inv->settings->json) {
        state_json(w, run);
        return;
    }
    AUTO_BUF struct buf out = BUF_INIT;
    run_watch_clear(w);
    if (run->state != JOB_RUNNING || (news && !w->live)) {
        buf_addf(&out, "%.*s: ", STR_ARG(w->job->record->subject.address));
        style_add_str(&out, w->inv->err.color, job_state_style(run->state), buf_str(&safe));
        if (run->state != JOB_RUNNING) {
            buf_addz(&out, " in ");
            text_add_duration(&out, run->started_ms && run->ended_ms ? run->ended_ms - run->started_ms
                                                                     : clock_mono_ms() - w->began_ms);
        }
        buf_add_char(&out, '\n');
    }
    term_print_error(buf_str(&out));
}

/* ---- log lines ---- */

/* Escapes control characters also in a pipe, since its reader may be a pager or a CI page. Tabs are kept.
 * Lambda's Python runtime ends the lines of a traceback with CR. */
static void add_message(struct buf *out, struct str message)
{
    for (size_t from = 0, i = 0; i <= message.n; i++) {
        bool end = i == message.n;
        if (!end && message.p[i] != '\t' && message.p[i] != '\r')
            continue;
        text_add_safe(out, str_slice(message, from, i), true);
        if (!end && message.p[i] == '\t')
            buf_add_char(out, '\t');
        else if (!end && i + 1 < message.n && message.p[i + 1] != '\n')
            buf_add_char(out, '\n');
        from = i + 1;
    }
}

void log_event_text(const struct log_event *event, struct log_format look, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    if (look.time)
        buf_addf(out, "%s  ", time_rfc3339(&arena, event->at_ms, true).p);
    if (look.stream)
        text_addf(out, "%.*s  ", STR_ARG(event->stream));
    if (look.raw)
        buf_add_str(out, event->message);
    else
        add_message(out, event->message);
    buf_add_char(out, '\n');
}

void log_event_json(const struct job *job, const struct log_event *event, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    buf_addz(out, "{\"event\":\"log\"");
    json_write_member(out, "job", job->record->subject.address);
    json_write_member(out, "time", time_rfc3339(&arena, event->at_ms, true));
    json_write_member(out, "stream", event->stream);
    json_write_member(out, "message", event->message);
    buf_addz(out, event->errors ? ",\"errors\":true}\n" : "}\n");
}

void run_watch_line(void *ctx, const struct log_event *event)
{
    struct run_watch *w = ctx;
    AUTO_BUF struct buf out = BUF_INIT;
    bool aside = (w->logs_aside || event->errors) && !w->inv->settings->json;
    if (w->inv->settings->json)
        log_event_json(w->job, event, &out);
    else
        log_event_text(event, (struct log_format){.raw = w->raw}, &out);
    run_watch_clear(w);
    if (aside)
        term_print_error(buf_str(&out));
    else if (!w->failed)
        w->failed = invocation_write(w->inv, buf_str(&out)) != EXIT_DONE;
}

void run_watch_log_failure(void *ctx, const struct err *err)
{
    struct run_watch *w = ctx;
    run_watch_clear(w);
    AUTO_BUF struct buf out = BUF_INIT;
    if (w->inv->settings->json) {
        buf_addz(&out, "{\"event\":\"warning\"");
        json_write_member(&out, "text", str_z(err->message));
        buf_addz(&out, "}\n");
        invocation_write(w->inv, buf_str(&out));
        return;
    }
    style_add(&out, w->inv->err.color, STYLE_YELLOW, "warning");
    text_addf(&out, ": the run continues, but its log cannot be read: %s\n", err->message);
    term_print_error(buf_str(&out));
}
