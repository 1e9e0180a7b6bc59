/* Shared by backend_s3.c, s3_read.c, s3_lock.c and s3_client.c only. */
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
    struct str place;      /* common prefix of all states in the store */
    size_t objects;        /* read or written since the newest snapshot */
    bool locked, hinted;   /* hinted: the hint was just read */
    bool shared;           /* shared lock */
    uint64_t snapshot;     /* first record of the newest known snapshot; 0: none */
    uint64_t last, head;   /* last written record, and last record in the hint; 0: none */
    int64_t head_ms;       /* when the hint was written, monotonic */
    struct s3_cell *cells; /* parts of the snapshot that were read */
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

/* ---- The object operations that a state in an S3-compatible store needs. All depends on a put that succeeds
 * only if the object does not exist (If-None-Match: *). ---- */
struct http_engine;
struct s3_store;

/* config: the stack's `state:` map, with bucket and the settings of provider/aws/client.h. http NULL: creates
 * its own engine. Makes no calls. */
int s3_store_new(
    const struct value *config, struct http_engine *http, struct s3_store **out, struct err *err);
void s3_store_free(struct s3_store *store);
struct str s3_store_bucket(const struct s3_store *store);

/*
 * *exists: another object was there, and nothing was written. After a lost response the existing object is
 * compared with `body`, so that a successful put is recognised.
 */
int s3_put_new(struct s3_store *store, struct str key, struct str body, bool *exists, struct err *err);
/* The plain conditional put: the result of a second one tells whether the store can be used. */
int s3_put_probe(struct s3_store *store, struct str key, struct str body, bool *exists, struct err *err);
int s3_put(struct s3_store *store, struct str key, struct str body, struct err *err);

struct s3_object {
    struct str body;
    int64_t age_ms;   /* time since the last write, by the store's clock */
    int64_t clock_ms; /* the store's clock; 0: unknown */
};
/* *found false: it does not exist. */
int s3_get(struct s3_store *store, struct arena *arena, struct str key, struct s3_object *out, bool *found,
    struct err *err);
/* Reads n bytes from `from`, or those that exist; *size: of the whole object. ERR_PROTOCOL: the store does
 * not support ranges. */
int s3_get_part(struct s3_store *store, struct arena *arena, struct str key, int64_t from, int64_t n,
    struct str *bytes, int64_t *size, struct err *err);
int s3_delete(struct s3_store *store, struct str key, struct err *err);
/* Lists keys with the prefix after `after`, in byte order. */
int s3_list(struct s3_store *store, struct arena *arena, struct str prefix, struct str after,
    struct str **keys, size_t *n, struct err *err);
/* Lists folders below the prefix, without prefix and slash; *clock_ms: the store's clock, 0 if unknown. */
int s3_folders(struct s3_store *store, struct arena *arena, struct str prefix, struct str **names, size_t *n,
    int64_t *clock_ms, struct err *err);
/* "Enabled", "Suspended" or "" . */
int s3_versioning(struct s3_store *store, struct arena *arena, struct str *status, struct err *err);

/* ---- The lock of a state in an object store: a lease that its holder renews. Each exclusive lock is an
 * object with the next number: <base>lock/<20-digit number>.json, put only if it does not exist. The highest
 * number is the present lock; the holder renews the lease by writing the object again. A lease has expired if
 * the object was not written for that long by the store's clock, so that local clocks do not matter. The
 * holder stops before that: a renewal counts only if its response arrives within the old lease. Each run with
 * a shared lock has an object <base>lock/shared-<life>.json with a lease of the same kind. Older versions of
 * weir do not take the lock while one exists. */
struct s3_lock;

struct s3_lock *s3_lock_new(
    struct s3_store *store, struct str base, struct str description, int64_t lease_ms);
void s3_lock_free(struct s3_lock *lock);
/* As in backend.h. *first: there was never a lock before. */
int s3_lock_take(
    struct s3_lock *lock, const struct lock_info *who, int64_t timeout_ms, bool *first, struct err *err);
/* *never: there was never an exclusive lock, and no lock was taken: take an exclusive one first. */
int s3_lock_share(
    struct s3_lock *lock, const struct lock_info *who, int64_t timeout_ms, bool *never, struct err *err);
/* Identifies this run's shared lock; "": none. */
const char *s3_lock_life(const struct s3_lock *lock);
/* Turns a shared lock into an exclusive one; *alone false: not possible, and the shared lock expires. */
int s3_lock_upgrade(struct s3_lock *lock, bool *upgraded, struct err *err);
void s3_lock_release(struct s3_lock *lock);
/* As in struct backend_ops. */
int s3_check_lock(struct backend *b, struct err *err);
int s3_holder(struct backend *b, struct arena *arena, struct lock_info *who, bool *held, struct err *err);
int s3_force_unlock(struct backend *b, struct err *err);
int s3_is_alive(struct backend *b, uint64_t run, struct str life, bool *alive, struct err *err);
