/*
 * A snapshot of the state: lines of the log that replace all lines before them.
 */
#pragma once

#include "plan/state/records.h"

/* Identity keys of recorded resources, in order. */
struct snapshot_names {
    struct arena arena;
    const struct value *types; /* see struct state_namer; NULL: not computed */
    struct snapshot_name *items;
    size_t n, cap;
};

void snapshot_names_find(
    struct records *records, const struct state_namer *namer, struct snapshot_names *out);
void snapshot_names_release(struct snapshot_names *names);

/* Number of lines of the snapshot. */
size_t snapshot_lines(const struct records *records, const struct snapshot_names *names);
struct snapshot {
    struct records *records;
    struct secrets *secrets;
    const struct snapshot_names *names;
    const char *run; /* number of the writing run */
};
/* Writes these lines, numbered from seq. ctx: struct snapshot *; for committer_snapshot(). */
void snapshot_write(void *ctx, struct buf *out, uint64_t seq);

/*
 * Reads a part of a state: from the newest snapshot only the records of some declarations, and all later
 * records. Records of a snapshot are ordered by address, so that a binary search finds them in the log
 * (backend.h: find_snapshot, read_lines).
 */

/* Addresses of declarations, for all their instances, and of single instances. */
struct state_part {
    const struct str *declared;
    size_t n;
    /* Addresses that must not exist, including their instances and modules of that name: otherwise the whole
     * state must be read. */
    const struct str *absent;
    size_t absent_count;
    /* Identity keys: also read resources with one of these, by the names in the snapshot (struct
     * state_namer), and all later records. If the snapshot has no names, the whole state must be read. */
    const struct str *named;
    size_t named_count;
};

/*
 * Fills empty `records`. False: the whole state must be read, after records_restart(): there is no large
 * enough snapshot, later records move addresses, or something cannot be read.
 */
bool part_read(struct backend *backend, const struct state_part *part, struct records *records, bool *torn);
