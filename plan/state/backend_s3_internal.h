/* Shared by backend_s3.c and s3_read.c; nobody else includes it. */
#pragma once

#include "plan/state/s3_lock.h"

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
