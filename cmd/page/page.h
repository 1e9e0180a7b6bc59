/*
 * A plan, or a stack, as a web page: one file that needs no network. Left what changes, module by module,
 * each with its attributes; right the picture, which can be moved, enlarged and searched. page/ has its
 * styles and its script; the page allows nothing else to run or to be loaded.
 */
#pragma once

#include "cmd/cost/estimate.h"
#include "cmd/graph/picture.h"
#include "plan/state/history.h"

/* `picture` is laid out here; `plan` NULL: only the picture; `cost` NULL: without what it costs. */
void page_write(
    struct picture *picture, const struct plan *plan, const struct cost_change *cost, struct buf *out);

/*
 * For other pages: all up to the heading, and the end with the script of that name in the
 * program, which is the only one that may run.
 */
void page_begin(const struct stack *stack, const char *what, const char *script, struct buf *out);
void page_end(const char *script, struct buf *out);

/* ---- history_page.c: a history as a web page: one file that needs no network. Runs on a time line, who,
 * what, how long, and the difference between any two of them. */
/* -1: err, where a state as it was then cannot be read. */
int history_page_write(const struct workspace *workspace, const struct history_run *runs, size_t n,
    struct arena *arena, struct buf *out, struct err *err);
