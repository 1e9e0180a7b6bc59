/* Shared by backend_file.c and file_lock.c only. */
#pragma once

#include "plan/state/backend.h"

struct file_backend {
    struct backend base;
    struct arena arena;
    const struct file_io *io;
    const char *stack_dir, *dir;             /* the folder of the stack file, and .weir in it */
    const char *path, *new_path, *lock_path; /* current log, the next one while it is written, the lock */
    const char *turn_path;                   /* locked by the writer among runs with a shared lock */
    const char *head_path;                   /* has the number of the last durable record */
    struct str name;                         /* film-lake.dev */
    int lock_fd, fd;                         /* -1 while not locked; fd -1 while there is no log */
    int head_fd;                             /* -1 until something is appended */
    int part_fd;                             /* -1 unless the log is read in parts */
    bool shared;                             /* shared lock: writing needs a turn */
    int turn_fd, run_fd;                     /* -1 without a turn; -1 without an active run */
    uint64_t run;                            /* number of the active run */
    /* How far the current log has been read or written. */
    dev_t dev;
    ino_t ino;
    off_t offset;
    size_t lines;
    uint64_t first_seq, last_seq; /* 0: none */
    bool failed;                  /* an append failed: the end of the file is undefined */
};

static inline struct file_backend *file_backend_of(struct backend *b)
{
    return (struct file_backend *)b;
}

/* ---- file_lock.c ---- */

/* As in struct backend_ops. */
int file_lock(struct backend *b, const struct lock_info *who, int64_t timeout_ms, struct err *err);
void file_unlock(struct backend *b);
int file_holder(struct backend *b, struct arena *arena, struct lock_info *who, bool *held, struct err *err);
int file_force_unlock(struct backend *b, struct err *err);
/* Makes created and renamed files in the state's folder durable. */
int file_sync_folder(struct file_backend *f, struct err *err);

/* ---- file_lock.c ---- */

/* As in struct backend_ops. */
int file_share(struct backend *b, const struct lock_info *who, int64_t timeout_ms, struct err *err);
int file_take_turn(struct backend *b, log_line *line, void *ctx, bool *torn, struct err *err);
void file_end_turn(struct backend *b);
int file_keep_alive(struct backend *b, uint64_t run, struct err *err);
int file_is_alive(struct backend *b, uint64_t run, struct str life, bool *alive, struct err *err);
bool file_upgrade_lock(struct backend *b);
