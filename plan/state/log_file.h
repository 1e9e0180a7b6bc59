/*
 * Reading a file of the state log: its lines, how far they are whole, and whether what stands behind them is
 * the torn end of a write that nobody relied on. Any thread; a file at a time.
 */
#pragma once

#include "plan/state/backend.h"

#include <sys/types.h>

struct log_file {
    const char *path;
    off_t offset; /* where to begin, and where the whole records end */
    size_t lines;
    uint64_t first_seq, last_seq; /* 0: none */
    bool torn;
};

/*
 * From at->offset to the end: `line` for each record with seq > after; *at is then how far that went.
 * ERR_DAMAGED names the record and the line.
 */
int log_file_read(int fd, struct log_file *at, uint64_t after, log_line *line, void *ctx, struct err *err);
/* The first record's number, 0 where there is none. */
int log_file_first(int fd, const char *path, uint64_t *seq, struct err *err);
