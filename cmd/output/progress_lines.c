/* Lines for resources that are finished, have failed or take long, and the report of failures: see
 * progress.h. */
#include "cmd/output/progress.h"

#include "base/mask.h"
#include "base/mem.h"
#include "cmd/output/render.h"
#include "provider/aws/client.h"

#include <stdlib.h>

enum { OTHERS_SHOWN = 20 };

static void line_start(struct progress *p, enum style style, const char *sign, struct buf *out)
{
    style_add(out, p->term.color, style, sign);
    buf_add_char(out, ' ');
}

/* Above a tree, the id is omitted if the line would exceed one row. */
static bool id_fits(const struct progress *p, const struct event *e)
{
    size_t words = sizeof "* replaced  in 59.9 s  ";
    return p->options.mode != PROGRESS_LIVE ||
           words + cells_width(e->address) + cells_width(e->id) < (size_t)p->term.width;
}

void line_done(struct progress *p, const struct event *e)
{
    line_start(p, STYLE_GREEN, p->term.utf8 && p->options.mode == PROGRESS_LIVE ? "✓" : "*", &p->lines);
    text_addf(&p->lines, "%s %.*s", action_past(e->action), STR_ARG(e->address));
    style_on(&p->lines, p->term.color, STYLE_DIM);
    buf_addz(&p->lines, " in ");
    text_add_duration(&p->lines, e->ms);
    if (e->id.n && e->action == ACTION_CREATE && id_fits(p, e))
        text_addf(&p->lines, "  %.*s", STR_ARG(e->id));
    style_off(&p->lines, p->term.color, STYLE_DIM);
    buf_add_char(&p->lines, '\n');
}

static bool same_cause(const struct failure *f, const struct err *err)
{
    return f->err.class == err->class && !strcmp(err_root(&f->err), err_root(err)) &&
           !strcmp(f->err.hint, err->hint);
}

static char *where_text(struct span span)
{
    AUTO_BUF struct buf text = BUF_INIT;
    span = span_complete(span);
    if (!span.source || !span.line)
        return NULL;
    buf_addf(&text, "%.*s:%u:%u", STR_ARG(span.source->path), span.line, span.column);
    return mem_memdup0(text.p, text.n);
}

/* Adds a failure to the report. Returns NULL if it is the first with this cause. */
static const struct failure *keep_failure(
    struct progress *p, struct str address, struct span span, const struct err *err)
{
    for (size_t i = 0; i < p->cause_count; i++) {
        struct failure *f = &p->causes[i];
        if (!same_cause(f, err))
            continue;
        if (f->n++ <= OTHERS_SHOWN)
            text_addf(&f->others, "%s%.*s", f->n > 2 ? ", " : "",
                STR_ARG(f->n <= OTHERS_SHOWN + 1 ? address : STR("...")));
        return f;
    }
    MEM_GROW(p->causes, p->cause_cap, p->cause_count + 1);
    p->causes[p->cause_count++] = (struct failure){
        .err = *err, .n = 1, .address = mem_memdup0(address.p, address.n), .where = where_text(span)};
    return NULL;
}

void line_failed(struct progress *p, const struct event *e)
{
    struct err unreported = {.class = ERR_FAILED, .message = "failed"};
    const struct failure *before = keep_failure(p, e->address, e->span, e->err ? e->err : &unreported);
    line_start(p, STYLE_RED, "!", &p->lines);
    text_addf(&p->lines, "%s %.*s failed", action_present(e->action), STR_ARG(e->address));
    if (before && e->err) {
        text_addf(&p->lines, " as %s did", before->address);
    } else if (e->err) {
        buf_addz(&p->lines, ": ");
        text_add_lines(&p->lines, str_z(e->err->message), " / ");
    }
    buf_add_char(&p->lines, '\n');
}

static void add_failure(const struct failure *f, struct buf *out)
{
    text_addf(out, "  %s: ", f->address);
    text_add_lines(out, str_z(f->err.message), "\n    ");
    buf_add_char(out, '\n');
    if (f->where)
        text_addf(out, "    --> %s\n", f->where);
    if (f->err.hint[0])
        text_addf(out, "    hint: %s\n", f->err.hint);
    if (f->err.request_id[0])
        text_addf(out, "    request id: %s\n", f->err.request_id);
    if (f->n > 1)
        buf_addf(out, "    the same for %zu other%s: %s\n", f->n - 1, f->n > 2 ? "s" : "", f->others.p);
}

void line_note(struct progress *p, const struct event *e, enum style style, const char *word)
{
    bool is_text = e->kind == EVENT_WARNING || e->kind == EVENT_NOTE; /* "-" would look like a deletion */
    if (!is_text)
        line_start(p, style, "-", &p->lines);
    style_add(&p->lines, p->term.color && is_text, style, word);
    text_addf(&p->lines, "%s%.*s%s%s\n", is_text ? ": " : "", STR_ARG(e->address),
        e->address.n && e->text ? ": " : "", e->text);
}

void note_text(char *to, size_t size, const char *text)
{
    AUTO_BUF struct buf masked = BUF_INIT; /* masks secrets before the text is cut */
    mask_text(&masked, str_z(text ? text : ""));
    snprintf(to, size, "%s", masked.n ? masked.p : "");
    to[str_utf8_prefix(str_z(to))] = 0;
}

static void note_status(struct progress *p, struct str address, const char *text)
{
    AUTO_BUF struct buf status = BUF_INIT;
    buf_addf(&status, "%.*s: %s", STR_ARG(address), text);
    note_text(p->status, sizeof p->status, status.p);
}

void line_printed(struct progress *p, const struct event *e)
{
    struct flight *f = flight_find(p, e->address);
    if (p->options.mode == PROGRESS_PLAIN && p->options.printed) {
        line_start(p, STYLE_DIM, "|", &p->lines);
        text_addf(&p->lines, "%.*s: %s\n", STR_ARG(e->address), e->text);
    }
    if (f && f->link)
        note_text(f->text, sizeof f->text, e->text);
    else
        note_status(p, e->address, e->text);
}

static bool is_due(int64_t *due_ms, int64_t *pause_ms, int64_t now)
{
    if (now < *due_ms)
        return false;
    *due_ms = now + *pause_ms;
    *pause_ms = *pause_ms * 2 < SELDOM_MS ? *pause_ms * 2 : SELDOM_MS;
    return true;
}

/* Adds a line while no resource is in progress yet, as during the refresh of a slow service. */
static void status_still(struct progress *p, int64_t now)
{
    unsigned again = retry_counts().failures;
    if (p->first || p->done || p->failed || p->skipped || !is_due(&p->due_ms, &p->pause_ms, now))
        return;
    line_start(p, STYLE_DIM, ".", &p->lines);
    text_addf(&p->lines, "still %s, ", p->status[0] ? p->status : "working");
    text_add_duration(&p->lines, now - p->began_ms);
    if (again)
        buf_addf(&p->lines, ", %u call%s sent again", again, again == 1 ? "" : "s");
    buf_add_char(&p->lines, '\n');
}

void lines_add_slow(struct progress *p, int64_t now)
{
    status_still(p, now);
    for (struct flight *f = p->first; f; f = f->next) {
        if (!is_due(&f->due_ms, &f->pause_ms, now))
            continue;
        line_start(p, STYLE_DIM, ".", &p->lines);
        text_addf(&p->lines, "still %s %s, ", action_present(f->action), f->address);
        text_add_duration(&p->lines, now - f->since_ms);
        if (f->text[0])
            text_addf(&p->lines, ": %s", f->text);
        buf_add_char(&p->lines, '\n');
    }
}

void line_stopping(struct progress *p)
{
    line_start(p, STYLE_YELLOW, "-", &p->lines);
    buf_addz(&p->lines, "stopping: nothing new is started, what is in flight is finished and recorded "
                        "(once more to stop waiting)\n");
}

void failures_end(struct progress *p, struct buf *out)
{
    for (size_t i = 0; i < p->cause_count; i++) {
        if (out)
            add_failure(&p->causes[i], out);
        buf_release(&p->causes[i].others);
        free(p->causes[i].address);
        free(p->causes[i].where);
    }
    free(p->causes);
}
