/*
 * A plan, or a stack, as a web page in one file that needs no network. On the left are the changes by module,
 * each with its attributes; on the right the picture, which can be moved, zoomed and searched. The folder
 * page/ has its styles and script; the page does not allow other scripts or content.
 */
#pragma once

#include "cmd/cost/estimate.h"
#include "cmd/graph/picture.h"
#include "plan/state/history.h"

/* Lays out `picture`. `plan` NULL: only the picture; `cost` NULL: without costs. */
void page_write(
    struct picture *picture, const struct plan *plan, const struct cost_change *cost, struct buf *out);

/*
 * For other pages: write everything up to the heading, and the end with the embedded script of that name, the
 * only one that may run.
 */
void page_begin(const struct stack *stack, const char *title, const char *script, struct buf *out);
void page_end(const char *script, struct buf *out);

/* ---- history_page.c: a history as a web page in one file that needs no network. It shows the runs on a time
 * line with user, command and duration, and the differences between any two of them. */
/* Returns -1 with err if an earlier state cannot be read. */
int history_page_write(const struct workspace *workspace, const struct history_run *runs, size_t n,
    struct arena *arena, struct buf *out, struct err *err);
