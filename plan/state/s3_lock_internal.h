/* Shared by s3_lock.c and s3_share.c; nobody else includes it. */
#pragma once

#include "plan/state/s3_lease.h"
#include "plan/state/s3_lock.h"

enum { S3_LOCK_POLL_MS = 1000 };

struct s3_lock {
    struct s3_store *store;
    struct arena arena;
    struct str base, description;
    struct s3_lease lease;
    uint64_t number;      /* 0: not held alone */
    char life[LIFE_SIZE]; /* of one who shares it; "" otherwise */
    struct arena held;    /* of `who` */
    struct lock_info who;
};

/* ---- s3_lock.c ---- */

struct standing {
    uint64_t number; /* 0: there was never a lock */
    bool held;
    struct lock_info who;
    struct str damaged; /* the key of one that cannot be read; "" it can */
    size_t size;        /* its bytes */
    struct str *sharers;
    size_t sharer_count; /* keys of those who share it, or did until they died */
};

/* Who has it alone, and the names of those who share it. */
int s3_lock_look(struct s3_lock *lock, struct arena *arena, struct standing *out, struct err *err);
struct str s3_lock_text(
    struct arena *arena, const struct s3_lock *lock, const struct lock_info *who, bool released);
/* What is reported of an object: who wrote it, and is his lease over by the store's clock? */
bool s3_lock_read(const struct s3_lock *lock, struct arena *arena, const struct s3_object *object,
    struct lock_info *who, bool *held);
/* The next number. 1: taken; 0: somebody else was quicker, or shares the lock; -1: err. */
int s3_lock_take_number(struct s3_lock *lock, uint64_t number, struct err *err);
void s3_lock_note_who(struct s3_lock *lock, const struct lock_info *who);
int s3_lock_refuse(const struct s3_lock *lock, const struct standing *now, struct err *err);

/* ---- s3_share.c ---- */

struct str s3_lock_life_key(struct arena *arena, const struct s3_lock *lock, struct str life);
bool s3_lock_is_life(const struct s3_lock *lock, struct str key);
/* Does one of them live, other than this one? Then he is `who`. */
int s3_lock_any_lives(struct s3_lock *lock, struct arena *arena, struct str *sharers, size_t n,
    struct lock_info *who, bool *any, struct err *err);
