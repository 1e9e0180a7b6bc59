/*
 * What is going on, shown while a plan is made or carried out. Three ways, picked by progress_init():
 *
 * - live, on a terminal: finished resources as plain lines, below them a tree of what is in flight with
 * elapsed times, what waits for it and how far all of it is, drawn again ten times a second by a thread of
 * its own and taken away at the end;
 * - plain: a line for each finished resource, and one now and then for those that take long;
 * - json: an event a line (cmd/output/events.h).
 *
 * Order of calls: progress_init(), then `observer` is handed to plan_make() and plan_apply(),
 * progress_finish(). Events may come from any thread.
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
