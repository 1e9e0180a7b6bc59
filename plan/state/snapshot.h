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

/*
 * Reading a part of a state: of the newest snapshot only the records of some declarations, and everything
 * after it. A snapshot has its records in the order of their addresses, so the log is its own index: what is
 * looked for is found by halving it (backend.h: find_snapshot, read_lines).
 */

/* Declarations by their addresses, for all of their instances, and single instances by theirs. */
struct state_part {
    const struct str *declared;
    size_t n;
    /* Of which nothing is to be there, nor of their instances, nor in modules of that name: else the state
     * has to be read as a whole. */
    const struct str *absent;
    size_t absent_count;
    /* Keys: also all resources that have one of these, by the names of the snapshot (struct state_namer), and
     * all that was written since. Where the snapshot has no names, it has to be read as a whole. */
    const struct str *named;
    size_t named_count;
};

/*
 * Fills `records`, which are empty. False: the state has to be read as a whole, by records that begin anew.
 * There is no snapshot that is worth it, what was written after it moves addresses, or something cannot be
 * read.
 */
bool part_read(struct backend *backend, const struct state_part *part, struct records *records, bool *torn);
