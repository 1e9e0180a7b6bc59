/*
 * The history in the log: who ran what, when and from where, what changed, and the stack's files at that
 * time. Reads all records ever kept, without a lock. For an earlier state use state_open() with `at`.
 */
#pragma once

#include "plan/state/state.h"

struct history_change {
    uint64_t seq;
    int64_t at_ms;
    struct str address, action; /* action: create, update, delete, adopt; drop, move (with `to`) */
    struct str type, id, to;
    bool failed;
    struct str error; /* if failed */
};

struct history_run {
    struct str run; /* its number, as text */
    struct str command, owner, version, ci_url;
    struct str approved, reason; /* approved rules, and the reason; "": none */
    const struct value *checks;  /* result of each evaluated check: "kept" or "broken" */
    struct str status;           /* done, failed, interrupted; "": the run was killed or is running */
    struct str life;             /* its sign of life, of a run with a shared lock */
    bool shared;
    struct str digest;        /* of the stack's files; "": they were not kept */
    int64_t begin_ms, end_ms; /* end_ms 0: the run has no end */
    uint64_t first_seq, last_seq;
    const struct history_change *changes;
    size_t change_count;
    size_t created, updated, deleted, failed, imported, moved, forgotten; /* number of changes by kind */
    size_t met;                                                           /* number of kept checks */
};

/* Returns the runs, oldest first, in the arena. */
int history_read(struct backend *backend, struct arena *arena, const struct history_run **runs, size_t *n,
    struct err *err);
/* Returns a copy in which runs without an end have the status "running" or "killed". Asks the store for each.
 */
const struct history_run *history_with_running(
    struct backend *backend, struct arena *arena, const struct history_run *runs, size_t n);
/* NULL: no such run. */
const struct history_run *history_find(const struct history_run *runs, size_t n, struct str run);
/*
 * Returns the stack's files (map of path to text) of a run. config and dir as in struct state_options, for
 * the key that may have encrypted them. ERR_ABSENT if they were not kept.
 */
int history_sources(struct backend *backend, const struct value *config, struct str dir, struct str run,
    struct arena *arena, const struct value **files, struct err *err);
