/*
 * A snapshot of the state: the lines of the log that alone have what all lines before them have.
 */
#pragma once

#include "plan/state/records.h"

/* What tells recorded resources apart, in order. */
struct snapshot_names {
    struct arena arena;
    const struct value *types; /* see struct state_namer; NULL: that was not asked */
    struct snapshot_name *items;
    size_t n, cap;
};

void snapshot_names_find(
    struct records *records, const struct state_namer *namer, struct snapshot_names *out);
void snapshot_names_release(struct snapshot_names *names);

/* How many lines it has. */
size_t snapshot_lines(const struct records *records, const struct snapshot_names *names);
struct snapshot {
    struct records *records;
    struct secrets *secrets;
    const struct snapshot_names *names;
    const char *run; /* the number of the run that writes */
};
/* These lines, with the numbers from seq on. ctx: struct snapshot *; for committer_snapshot(). */
void snapshot_write(void *ctx, struct buf *out, uint64_t seq);
