/*
 * Where the sandbox keeps buckets and objects: files below one directory.
 *
 *   s3/BUCKET/bucket.json           when and where it was made
 *   s3/BUCKET/settings/NAME         versioning, policy, lifecycle, … as they were put
 *   s3/BUCKET/objects/KEY           the current version of each key (store.h)
 *   s3/BUCKET/versions/KEY/SORT     older versions and delete markers; a later version's SORT is smaller
 *   s3/BUCKET/tags/KEY/SORT         tags that were put after the object
 *   s3/BUCKET/uploads/ID/           upload.json and the parts, which stay there when the upload becomes an
 * object tmp/                            what is being written
 *
 * An object's file is its content, then its metadata as JSON, then 16 bytes that say how long that is: one
 * file, one sync, one rename, so a change is there as a whole or not at all. An object made of parts has no
 * content of its own but names them.
 *
 * Safe from every thread. A key has a lock while it is changed; a bucket one while it is deleted.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/value.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

struct s3_store;

int store_open(const char *dir, bool durable, struct s3_store **out, struct err *err);
void store_close(struct s3_store *store);

enum store_result {
    STORE_OK,
    STORE_FAILED, /* errno says why */
    STORE_NO_BUCKET,
    STORE_NO_KEY,
    STORE_NO_VERSION,
    STORE_EXISTS,
    STORE_NOT_EMPTY,
    STORE_TOO_LONG,
    STORE_REFUSED, /* by the caller's own check */
};

/* ---- buckets ---- */

bool store_bucket_name_ok(struct str name);
bool store_bucket_exists(struct s3_store *store, struct str bucket);
enum store_result store_bucket_create(struct s3_store *store, struct str bucket, const struct value *doc);
/* bucket.json: {created: ms, region} */
const struct value *store_bucket_doc(struct arena *arena, struct s3_store *store, struct str bucket);
enum store_result store_bucket_delete(struct s3_store *store, struct str bucket);
/* Sorted list of names. NULL, here and with the lists below: they cannot be read, and errno says why. */
const struct value *store_bucket_names(struct arena *arena, struct s3_store *store);

/* Settings are kept by name, as text; a name may have parts, as a key does. */
bool store_setting(
    struct arena *arena, struct s3_store *store, struct str bucket, struct str name, struct str *text);
enum store_result store_setting_put(
    struct s3_store *store, struct str bucket, struct str name, struct str text);
enum store_result store_setting_delete(struct s3_store *store, struct str bucket, struct str name);

/* The ids of settings of which there are many ("metrics/ID"), sorted. */
const struct value *store_setting_ids(
    struct arena *arena, struct s3_store *store, struct str bucket, struct str name);

enum versioning { VERSIONING_OFF, VERSIONING_ENABLED, VERSIONING_SUSPENDED };

/* ---- objects ---- */

/*
 * An object as read. doc: {key, size, etag, modified, sort, version, deleted, headers, meta, sums, sums_type,
 * tags, upload, parts: [{number, size, etag, sums}]}, absent where it is not so.
 */
struct object {
    const struct value *doc;
    struct str etag, version, sort; /* etag without quotes */
    int64_t size, modified_ms;
    bool deleted; /* a delete marker */
    int fd;       /* its file; -1 unless asked for */
};

/* version "" is the current one. The caller closes object->fd. */
enum store_result store_object_read(struct arena *arena, struct s3_store *store, struct str bucket,
    struct str key, struct str version, bool keep_fd, struct object *out);

/* A file being written, which becomes an object or a part. */
struct pending {
    int fd; /* -1: none */
    char path[512];
};
int store_write_begin(struct s3_store *store, struct pending *out);
void store_write_cancel(struct pending *pending); /* nothing happens after a commit */

/* Asked with the key locked: may what is there (NULL: nothing, or a delete marker) be replaced or deleted? */
typedef bool store_check(void *ctx, const struct object *current);

struct store_change {
    struct str bucket, key;
    enum versioning versioning;
    store_check *check; /* may be NULL */
    void *check_ctx;
};
/* Content is in pending->fd; doc lacks sort, version and modified. Always ends `pending`. */
enum store_result store_object_put(struct arena *arena, struct s3_store *store,
    const struct store_change *change, struct pending *pending, const struct value *doc, struct object *out);
/*
 * version "": as S3 does by the bucket's versioning. *out is the delete marker that was made or removed, or
 * the version removed; its version is "" where there is nothing to tell.
 */
enum store_result store_object_delete(struct arena *arena, struct s3_store *store,
    const struct store_change *change, struct str version, struct object *out);
enum store_result store_tags_put(struct s3_store *store, struct str bucket, struct str key,
    const struct object *object, const struct value *tags);
/* Tags put later count before those that came with the object. */
const struct value *store_tags(struct arena *arena, struct s3_store *store, struct str bucket, struct str key,
    const struct object *object);

/* Of what store_object_read() gave: a failure to read at all. A damaged file, with which nothing can be done,
 * is left out of listings; they fail where files cannot be read. */
bool store_cannot_read(enum store_result result);

/* Older versions of a key, newest first; each read. */
typedef bool version_fn(void *ctx, const struct object *object); /* false: stop */
enum store_result store_versions(struct arena *arena, struct s3_store *store, struct str bucket,
    struct str key, struct str current_sort, version_fn *fn, void *ctx);

/* ---- walking ---- */

struct walk {
    struct str prefix, after; /* keys up to `after` are left out */
    struct str skip;          /* the callback sets it: keys that begin so are passed over */
    /* false: stop */
    bool (*found)(void *ctx, struct walk *walk, struct str key);
    void *ctx;
    bool failed; /* the callback sets it, too: what was found is not all, and errno says why */
};
/* Calls found for each key in byte order; nothing is read but directories. */
enum store_result store_walk(struct s3_store *store, struct str bucket, struct walk *walk);

/* ---- parts ---- */

enum store_result store_upload_create(
    struct s3_store *store, struct str bucket, struct str id, const struct value *doc);
/* Held by who puts a part (for reading), and by who completes or aborts the upload (for writing). */
pthread_rwlock_t *store_upload_lock(struct s3_store *store, struct str id);
/* NULL: no such upload (or it is finished). */
const struct value *store_upload_doc(
    struct arena *arena, struct s3_store *store, struct str bucket, struct str id);
enum store_result store_part_put(struct arena *arena, struct s3_store *store, struct str bucket,
    struct str id, int number, struct pending *pending, const struct value *doc);
/* The part's doc: {number, size, etag, modified, sums}; with fd its content begins at 0. */
enum store_result store_part_read(struct arena *arena, struct s3_store *store, struct str bucket,
    struct str id, int number, const struct value **doc, int *fd);
/* Sorted list of part numbers (integers) or of upload ids. */
const struct value *store_part_numbers(
    struct arena *arena, struct s3_store *store, struct str bucket, struct str id);
const struct value *store_upload_ids(struct arena *arena, struct s3_store *store, struct str bucket);
/* The upload has become an object: its parts stay, itself is no longer listed; parts not in `keep` go. */
void store_upload_finish(struct s3_store *store, struct str bucket, struct str id, const struct value *keep);
void store_upload_remove(struct s3_store *store, struct str bucket, struct str id);

/* ---- content ---- */

/* Up to n bytes of an object's content, which may be in parts; opens these as needed. Heap, not arena. */
struct content;
struct content *content_open(struct s3_store *store, struct str bucket, const struct object *object, int fd);
ssize_t content_read(struct content *content, uint64_t position, void *out, size_t n);
void content_close(struct content *content); /* and the fd it was given */

/* ---- Shared by store*.c only. */
enum { KEY_LOCKS = 64, BUCKET_LOCKS = 16, UPLOAD_LOCKS = 16 };

struct s3_store {
    char *root, *tmp; /* DIR/s3, DIR/tmp */
    bool durable;
    atomic_uint_fast64_t counter;
    pthread_mutex_t keys[KEY_LOCKS];
    pthread_rwlock_t buckets[BUCKET_LOCKS], uploads[UPLOAD_LOCKS];
};

/* ROOT/bucket/area/key, with a NUL after its end; "" parts are left out. Empty: too long for a path. */
struct str store_path(
    struct arena *arena, const struct s3_store *store, struct str bucket, const char *area, struct str key);
/* Content, then this; syncs the file. */
int store_write_tail(struct s3_store *store, struct pending *pending, const struct value *doc);
/* The metadata of an open object file. */
const struct value *store_read_tail(struct arena *arena, int fd);
/* Renames a pending file into place, making directories, and syncs them. */
int store_rename(struct s3_store *store, struct pending *pending, const char *path);
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

/* ---- store_bucket.c: Object keys as paths. A key is any text of up to 1024 bytes; on disk it becomes nested
 * directories, readable where the key is, and never anything outside them:
 *
 *   RAW/Local/films.csv   ->  RAW%/Local%/films.csv
 *   a//b, a/../b, .x      ->  a%/%/b    a%/%2E.%/b    %2Ex
 *
 * A directory's name ends in '%' (so the keys "a" and "a/b" live side by side), an empty name is "%_" as a
 * file and "%" as a directory; '%', control characters and a leading dot are written %XX. Segments of 80
 * bytes and more go on in a directory that ends in "%+", because names on disk are limited to 255 bytes. */
enum keypath_kind { KEYPATH_FILE, KEYPATH_DIR, KEYPATH_MORE };

void keypath_add(struct buf *path, struct str key);
/* What a name in such a directory adds to the key: "films.csv", "RAW/", or the first part of a long segment.
 */
bool keypath_decode(const char *name, struct buf *part, enum keypath_kind *kind);
