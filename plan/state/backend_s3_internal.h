/* Shared by backend_s3.c, s3_read.c, s3_lock.c and s3_client.c; nobody else includes it. */
#pragma once

#include "base/err.h"
#include "base/value.h"
#include "plan/state/backend.h"

struct s3_backend {
    struct backend base;
    struct arena arena;
    struct s3_store *store;
    struct s3_lock *lock;
    struct str prefix;     /* with the slash */
    struct str place;      /* what all prefixes there begin with */
    size_t objects;        /* read or written since the newest snapshot */
    bool locked, hinted;   /* the hint was read just now */
    bool shared;           /* the lock is held with others */
    uint64_t snapshot;     /* where the newest one that is known begins; 0: there is none */
    uint64_t last, head;   /* last record that was written, and that the hint says; 0: none */
    int64_t head_ms;       /* when the hint was written, monotonic */
    struct s3_cell *cells; /* of the snapshot, while it is read in parts */
};

static inline struct s3_backend *s3_backend_of(struct backend *b)
{
    return (struct s3_backend *)b;
}

/* ---- s3_read.c ---- */

struct str s3_batch_key(struct arena *arena, const struct s3_backend *s, uint64_t seq);
struct str s3_hint_key(struct arena *arena, const struct s3_backend *s);
int s3_head(struct backend *b, struct backend_head *head, struct err *err);
int s3_read(struct backend *b, uint64_t after, log_line *line, void *ctx, bool *torn, struct err *err);
int s3_find_snapshot(struct backend *b, uint64_t *size, struct err *err);
int s3_read_lines(
    struct backend *b, struct arena *arena, uint64_t at, struct log_piece *out, struct err *err);
void s3_pass_snapshot(struct backend *b, uint64_t end, uint64_t first_seq, uint64_t last_seq);
void s3_forget_cells(struct s3_backend *s);
int s3_read_all(struct backend *b, log_line *line, void *ctx, struct err *err);

/* ---- The few object operations that a state in an S3-compatible store needs. The one that everything rests
 * on is the put that succeeds only where nothing is there yet (If-None-Match: *). */
struct http_engine;
struct s3_store;

/* config: the stack's `state:` map: bucket, and what provider/aws/client.h understands. http NULL: an engine
 * of its own. Calls nothing. */
int s3_store_new(
    const struct value *config, struct http_engine *http, struct s3_store **out, struct err *err);
void s3_store_free(struct s3_store *store);
struct str s3_store_bucket(const struct s3_store *store);

/*
 * *exists: something else was there already, and nothing was written. A put whose answer was lost is not
 * taken for somebody else's: what is there is compared.
 */
int s3_put_new(struct s3_store *store, struct str key, struct str body, bool *exists, struct err *err);
/* The raw conditional put: what the store answers to a second one decides whether it can be trusted. */
int s3_put_probe(struct s3_store *store, struct str key, struct str body, bool *exists, struct err *err);
int s3_put(struct s3_store *store, struct str key, struct str body, struct err *err);

struct s3_object {
    struct str body;
    int64_t age_ms;   /* since it was last written, by the store's own clock */
    int64_t clock_ms; /* the store's clock; 0: it does not tell */
};
/* *found false: it is not there. */
int s3_get(struct s3_store *store, struct arena *arena, struct str key, struct s3_object *out, bool *found,
    struct err *err);
/* So many of its bytes from there on, or those that there are; *size: of all of it. ERR_PROTOCOL: the store
 * knows no ranges. */
int s3_get_part(struct s3_store *store, struct arena *arena, struct str key, int64_t from, int64_t n,
    struct str *bytes, int64_t *size, struct err *err);
int s3_delete(struct s3_store *store, struct str key, struct err *err);
/* Keys with the prefix that come after `after`, in byte order. */
int s3_list(struct s3_store *store, struct arena *arena, struct str prefix, struct str after,
    struct str **keys, size_t *n, struct err *err);
/* The folders below the prefix, without it and without their slash; *clock_ms: the store's clock, 0 where it
 * does not tell. */
int s3_folders(struct s3_store *store, struct arena *arena, struct str prefix, struct str **names, size_t *n,
    int64_t *clock_ms, struct err *err);
/* "Enabled", "Suspended" or "" . */
int s3_versioning(struct s3_store *store, struct arena *arena, struct str *status, struct err *err);

/* ---- The lock of a state in an object store: a lease that its holder renews. Every time the lock changes
 * hands it gets the next number, as an object of its own: <base>lock/<20-digit number>.json, put only where
 * nothing is there yet. The highest number is the holder; he renews his lease by writing his object again. A
 * lease counts as expired when the store's own clock says that the object has not been written for that long,
 * so nobody's local clock matters. The holder stops by himself before that: a renewal counts only if it was
 * answered within the old lease. Those who share the lock have objects of their own there:
 * <base>lock/shared-<life>.json, with leases of the same kind. An earlier weir refuses to take the lock while
 * there is one. */
struct s3_lock;

struct s3_lock *s3_lock_new(
    struct s3_store *store, struct str base, struct str description, int64_t lease_ms);
void s3_lock_free(struct s3_lock *lock);
/* As in backend.h. *first: nobody ever had this lock. */
int s3_lock_take(
    struct s3_lock *lock, const struct lock_info *who, int64_t timeout_ms, bool *first, struct err *err);
/* *never: nobody ever had the lock, and this one does not: take it alone first. */
int s3_lock_share(
    struct s3_lock *lock, const struct lock_info *who, int64_t timeout_ms, bool *never, struct err *err);
/* Names the one who shares it; "": nobody. */
const char *s3_lock_life(const struct s3_lock *lock);
int s3_lock_is_alive(struct s3_lock *lock, struct str life, bool *alive, struct err *err);
/* Of one who shares it; *alone false: then it runs out. */
int s3_lock_take_alone(struct s3_lock *lock, bool *alone, struct err *err);
void s3_lock_release(struct s3_lock *lock);
int s3_lock_check(struct s3_lock *lock, struct err *err);
int s3_lock_holder(
    struct s3_lock *lock, struct arena *arena, struct lock_info *who, bool *held, struct err *err);
int s3_lock_force(struct s3_lock *lock, struct err *err);
