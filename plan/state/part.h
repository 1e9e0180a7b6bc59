/*
 * Reading a part of a state: of the newest snapshot only the records of some declarations, and everything
 * after it. A snapshot has its records in the order of their addresses, so the log is its own index: what is
 * looked for is found by halving it (backend.h: find_snapshot, read_lines).
 */
#pragma once

#include "plan/state/records.h"

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
