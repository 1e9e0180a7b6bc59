/*
 * A history as a web page: one file that needs no network. Runs on a time line, who, what, how long, and the
 * difference between any two of them.
 */
#pragma once

#include "base/buf.h"
#include "plan/state/history.h"
#include "plan/workspace.h"

/* -1: err, where a state as it was then cannot be read. */
int history_page_write(const struct workspace *workspace, const struct history_run *runs, size_t n,
    struct arena *arena, struct buf *out, struct err *err);
