/*
 * What the log tells about the past: who ran what, when and from where, what changed, and the stack's files
 * as they were then. Reads all that was ever kept, without a lock. What the state was at an earlier point:
 * state_open() with `at`.
 */
#pragma once

#include "plan/state/state.h"

struct history_change {
    uint64_t seq;
    int64_t at_ms;
    struct str address, action; /* action: create, update, delete, adopt; drop, move (then `to`) */
    struct str type, id, to;
    bool failed;
    struct str error; /* of a failed one */
};

struct history_run {
    struct str run; /* its number, as text */
    struct str command, owner, version, ci_url;
    struct str approved, reason; /* rules that somebody agreed to, and why; "" none */
    const struct value *checks;  /* what each that was asked reported: "kept" or "broken" */
    struct str status;           /* done, failed, interrupted; "" where the run was killed */
    struct str digest;           /* of the stack's files; "" where they were not kept */
    int64_t begin_ms, end_ms;    /* end_ms 0: it did not come to an end */
    uint64_t first_seq, last_seq;
    const struct history_change *changes;
    size_t change_count;
    size_t created, updated, deleted, failed, imported, moved, forgotten; /* of those */
    size_t kept;                                                          /* of the checks */
};

/* Everything lives in the arena; oldest first. */
int history_read(struct backend *backend, struct arena *arena, const struct history_run **runs, size_t *n,
    struct err *err);
/* NULL: there is no such run. */
const struct history_run *history_find(const struct history_run *runs, size_t n, struct str run);
/*
 * The stack's files (map of path to text) that a run worked with. config and dir as in struct state_options,
 * for the key they may be sealed with. ERR_ABSENT where they were not kept.
 */
int history_sources(struct backend *backend, const struct value *config, struct str dir, struct str run,
    struct arena *arena, const struct value **files, struct err *err);
