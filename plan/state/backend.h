/*
 * Where a state log is kept. A backend does four things: lock, read from a sequence number, append a batch,
 * snapshot. Implementations: backend_file.c (flock, append, fdatasync); s3 and postgres follow.
 *
 * A backend is used by one thread at a time (state.c has the lock).
 */
#ifndef WEIR_PLAN_STATE_BACKEND_H
#define WEIR_PLAN_STATE_BACKEND_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct backend;

struct lock_info {
    struct str owner;   /* user@host */
    struct str command; /* "apply" */
    int64_t since_ms;
    int64_t pid;
    struct str run;
    struct str ci_url; /* from CI_JOB_URL, GITHUB_* …; may be empty */
};

struct backend_ops {
    /*
     * Takes the exclusive lock, waiting up to timeout_ms. ERR_LOCKED names the holder and since when.
     */
    int (*lock)(struct backend *b, const struct lock_info *who, int64_t timeout_ms, struct err *err);
    void (*unlock)(struct backend *b);
    /*
     * Calls `line` for every record with seq > after, in order, starting at the newest snapshot when after is
     * 0. A torn last record is dropped (reported through *torn); damage elsewhere is ERR_DAMAGED that names
     * the place (file:line or object).
     */
    int (*read)(struct backend *b, uint64_t after,
        int (*line)(void *ctx, struct str text, struct str place, struct err *err), void *ctx, bool *torn,
        struct err *err);
    /* Appends whole framed records (several lines), the first with number first_seq, and makes them durable.
     */
    int (*append)(struct backend *b, struct str lines, uint64_t first_seq, struct err *err);
    /* Writes a snapshot record; reads begin there from now on. The history before it is kept. */
    int (*snapshot)(struct backend *b, struct str line, uint64_t seq, struct err *err);
    void (*free)(struct backend *b);
};

struct backend {
    const struct backend_ops *ops;
    struct str description; /* ".weir/film-lake.log", "s3://bucket/prefix" for messages */
};

struct backend_options {
    const struct value *config; /* the stack's `state:` map; NULL: file in .weir/ */
    struct str dir;             /* stack folder */
    struct str stack, env;      /* names of the state: .weir/<stack>[.<env>].log */
};

int backend_new(const struct backend_options *options, struct backend **out, struct err *err);
void backend_free(struct backend *b);

#endif
