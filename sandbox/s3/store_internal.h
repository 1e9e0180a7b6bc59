/* Shared by store*.c only. */
#pragma once

#include "base/buf.h"
#include "sandbox/s3/store.h"

#include <pthread.h>
#include <stdatomic.h>

enum { KEY_LOCKS = 64, BUCKET_LOCKS = 16 };

struct s3_store {
    char *root, *tmp; /* DIR/s3, DIR/tmp */
    bool durable;
    atomic_uint_fast64_t counter;
    pthread_mutex_t keys[KEY_LOCKS];
    pthread_rwlock_t buckets[BUCKET_LOCKS];
};

/* ROOT/bucket/area/key, with a NUL after its end; "" parts are left out. Empty: too long for a path. */
struct str store_path(
    struct arena *arena, const struct s3_store *store, struct str bucket, const char *area, struct str key);
/* Content, then this; syncs the file. */
int store_write_tail(struct s3_store *store, struct pending *pending, const struct value *doc);
/* The metadata of an open object file. */
const struct value *store_read_tail(struct arena *arena, int fd);
/* Renames a pending file into place, making directories, and syncs them. */
int store_place(struct s3_store *store, struct pending *pending, const char *path);
int store_write_file(struct s3_store *store, const char *path, struct str text);
int store_sync_dir(const struct s3_store *store, struct str dir);
int store_make_dirs(const struct s3_store *store, const char *dir);
/* Removes empty directories upwards, up to but not including `stop`. */
void store_prune(const char *path, const char *stop);
/* Later is smaller. 32 hex digits and a NUL. */
void store_new_sort(struct s3_store *store, int64_t now_ms, char out[33]);
pthread_rwlock_t *store_bucket_lock(struct s3_store *store, struct str bucket);
pthread_mutex_t *store_key_lock(struct s3_store *store, struct str bucket, struct str key);
/* Does a failure to open something only mean that it is not there? Any other, such as too many open files,
 * must not look like that. */
bool store_is_absent(int error);
/* Names in a directory, sorted by bytes, as a list; none where there is no directory. NULL: it cannot be
 * read, and errno says why. */
const struct value *store_names(struct arena *arena, const char *dir);
