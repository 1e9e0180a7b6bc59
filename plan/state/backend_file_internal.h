/* Shared by backend_file.c and file_lock.c; nobody else includes it. */
#pragma once

#include "plan/state/backend.h"

struct file_backend {
    struct backend base;
    struct arena arena;
    const struct file_io *io;
    const char *stack_dir, *dir;             /* the folder of the stack file, and .weir in it */
    const char *path, *new_path, *lock_path; /* current log, the next one while it is written, the lock */
    const char *turn_path;                   /* locked by whoever writes, of those who share the lock */
    const char *head_path;                   /* the number of the last record that was made durable */
    struct str name;                         /* film-lake.dev */
    int lock_fd, fd;                         /* -1 while not locked; fd -1 while there is no log yet */
    int head_fd;                             /* -1 until something is appended */
    int part_fd;                             /* -1 while the log is not read in parts */
    bool shared;                             /* the lock is held with others: writing is only in turn */
    int turn_fd, run_fd;                     /* -1 while it is not in turn; while no run of its own goes on */
    uint64_t run;                            /* that one */
    /* How far the current log has been read or written. */
    dev_t dev;
    ino_t ino;
    off_t offset;
    size_t lines;
    uint64_t first_seq, last_seq; /* 0: none */
    bool failed;                  /* an append failed: what is at the end of the file is not known */
};

static inline struct file_backend *file_backend_of(struct backend *b)
{
    return (struct file_backend *)b;
}

/* ---- file_lock.c ---- */

/* As in struct backend. */
int file_lock(struct backend *b, const struct lock_info *who, int64_t timeout_ms, struct err *err);
void file_unlock(struct backend *b);
int file_holder(struct backend *b, struct arena *arena, struct lock_info *who, bool *held, struct err *err);
int file_force_unlock(struct backend *b, struct err *err);
/* What was made or renamed in the state's folder outlasts a power cut from then on. */
int file_sync_folder(struct file_backend *f, struct err *err);

/* ---- file_lock.c ---- */

/* As in struct backend. */
int file_share(struct backend *b, const struct lock_info *who, int64_t timeout_ms, struct err *err);
int file_take_turn(struct backend *b, log_line *line, void *ctx, bool *torn, struct err *err);
void file_end_turn(struct backend *b);
int file_live(struct backend *b, uint64_t run, struct err *err);
int file_is_alive(struct backend *b, uint64_t run, struct str life, bool *alive, struct err *err);
bool file_lock_alone(struct backend *b);
