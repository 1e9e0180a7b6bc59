/*
 * The S3 store: buckets and objects as files below one directory.
 *
 *   s3/BUCKET/bucket.json           creation time and region
 *   s3/BUCKET/settings/NAME         versioning, policy, lifecycle, …, as they were put
 *   s3/BUCKET/objects/KEY           the current version of each key (keypath_add() encodes KEY)
 *   s3/BUCKET/versions/KEY/SORT     older versions and delete markers; a later version has a smaller SORT
 *   s3/BUCKET/tags/KEY/SORT         tags that were put after the object
 *   s3/BUCKET/uploads/ID/           upload.json and the parts, which stay there when the upload is completed
 *   tmp/                            files being written
 *
 * An object's file has the content, then the metadata as JSON, then 16 bytes with the length of the JSON: one
 * file, one sync and one rename make each change atomic. An object from a multipart upload has no content of
 * its own but refers to its parts.
 *
 * Safe from every thread. A key is locked while it is changed; a bucket is locked exclusively while it is
 * created or deleted.
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
    STORE_FAILED, /* errno is set */
    STORE_NO_BUCKET,
    STORE_NO_KEY,
    STORE_NO_VERSION,
    STORE_EXISTS,
    STORE_NOT_EMPTY,
    STORE_TOO_LONG,
    STORE_REFUSED, /* by the caller's check */
};

/* ---- buckets ---- */

bool store_bucket_name_ok(struct str name);
bool store_bucket_exists(struct s3_store *store, struct str bucket);
enum store_result store_bucket_create(struct s3_store *store, struct str bucket, const struct value *doc);
/* Returns bucket.json: {created: ms, region} */
const struct value *store_bucket_doc(struct arena *arena, struct s3_store *store, struct str bucket);
enum store_result store_bucket_delete(struct s3_store *store, struct str bucket);
/* Returns a sorted list of names. This and the lists below: NULL with errno if they cannot be read. */
const struct value *store_bucket_names(struct arena *arena, struct s3_store *store);

/* Settings are stored as text by name; a name may contain slashes. */
bool store_setting(
    struct arena *arena, struct s3_store *store, struct str bucket, struct str name, struct str *text);
enum store_result store_setting_put(
    struct s3_store *store, struct str bucket, struct str name, struct str text);
enum store_result store_setting_delete(struct s3_store *store, struct str bucket, struct str name);

/* Returns the sorted ids of a setting with several configurations ("metrics/ID"). */
const struct value *store_setting_ids(
    struct arena *arena, struct s3_store *store, struct str bucket, struct str name);

enum versioning { VERSIONING_OFF, VERSIONING_ENABLED, VERSIONING_SUSPENDED };

/* ---- objects ---- */

/*
 * A stored object. doc: {key, size, etag, modified, sort, version, deleted, headers, meta, sums, sums_type,
 * tags, upload, parts: [{number, size, etag, sums}]}; members that do not apply are absent.
 */
struct object {
    const struct value *doc;
    struct str etag, version, sort; /* etag without quotes */
    int64_t size, modified_ms;
    bool deleted; /* a delete marker */
    int fd;       /* its file; -1 unless requested */
};

/* Reads an object; version "" is the current one. The caller closes object->fd. */
enum store_result store_object_read(struct arena *arena, struct s3_store *store, struct str bucket,
    struct str key, struct str version, bool keep_fd, struct object *out);

/* A file being written, to become an object or a part. */
struct pending {
    int fd; /* -1: none */
    char path[512];
};
int store_write_begin(struct s3_store *store, struct pending *out);
void store_write_cancel(struct pending *pending); /* no effect after a commit */

/* Called with the key locked: whether the current object (NULL: none, or a delete marker) may be replaced or
 * deleted. */
typedef bool store_check(void *ctx, const struct object *current);

struct store_change {
    struct str bucket, key;
    enum versioning versioning;
    store_check *check; /* may be NULL */
    void *check_ctx;
};
/* Stores an object from pending->fd; doc lacks sort, version and modified. Always ends `pending`. */
enum store_result store_object_put(struct arena *arena, struct s3_store *store,
    const struct store_change *change, struct pending *pending, const struct value *doc, struct object *out);
/*
 * Deletes an object. version "": by the bucket's versioning, as S3 does. *out is the delete marker that was
 * created or removed, or the removed version; its version is "" if the response has no version id.
 */
enum store_result store_object_delete(struct arena *arena, struct s3_store *store,
    const struct store_change *change, struct str version, struct object *out);
enum store_result store_tags_put(struct s3_store *store, struct str bucket, struct str key,
    const struct object *object, const struct value *tags);
/* Returns an object's tags; tags put later replace those stored with the object. */
const struct value *store_tags(struct arena *arena, struct s3_store *store, struct str bucket, struct str key,
    const struct object *object);

/* True if a result of store_object_read() means a read error: listings fail then. A damaged file is omitted
 * from listings. */
bool store_cannot_read(enum store_result result);

/* Calls fn with each older version of a key, newest first. */
typedef bool version_fn(void *ctx, const struct object *object); /* false: stop */
enum store_result store_versions(struct arena *arena, struct s3_store *store, struct str bucket,
    struct str key, struct str current_sort, version_fn *fn, void *ctx);

/* ---- listing of keys ---- */

struct walk {
    struct str prefix, after; /* keys up to `after` are omitted */
    struct str skip;          /* set by the callback: omit keys with this prefix */
    /* false: stop */
    bool (*found)(void *ctx, struct walk *walk, struct str key);
    void *ctx;
    bool failed; /* also set by the callback: the listing is incomplete, errno says why */
};
/* Calls found for each key in byte order; only directories are read. */
enum store_result store_walk(struct s3_store *store, struct str bucket, struct walk *walk);

/* ---- multipart uploads ---- */

enum store_result store_upload_create(
    struct s3_store *store, struct str bucket, struct str id, const struct value *doc);
/* Held for reading while a part is put, for writing while the upload is completed or aborted. */
pthread_rwlock_t *store_upload_lock(struct s3_store *store, struct str id);
/* Returns the upload's metadata, or NULL if it does not exist or is completed. */
const struct value *store_upload_doc(
    struct arena *arena, struct s3_store *store, struct str bucket, struct str id);
enum store_result store_part_put(struct arena *arena, struct s3_store *store, struct str bucket,
    struct str id, int number, struct pending *pending, const struct value *doc);
/* Reads a part's metadata: {number, size, etag, modified, sums}; with fd its content begins at 0. */
enum store_result store_part_read(struct arena *arena, struct s3_store *store, struct str bucket,
    struct str id, int number, const struct value **doc, int *fd);
/* Return a sorted list of part numbers (integers), and of upload ids. */
const struct value *store_part_numbers(
    struct arena *arena, struct s3_store *store, struct str bucket, struct str id);
const struct value *store_upload_ids(struct arena *arena, struct s3_store *store, struct str bucket);
/* Ends an upload that became an object: it is no longer listed, and parts not in `keep` are removed. */
void store_upload_finish(struct s3_store *store, struct str bucket, struct str id, const struct value *keep);
void store_upload_remove(struct s3_store *store, struct str bucket, struct str id);

/* ---- content ---- */

/* Reads an object's content, opening its parts as needed. content_read() returns up to n bytes.
 * Heap-allocated. */
struct content;
struct content *content_open(struct s3_store *store, struct str bucket, const struct object *object, int fd);
ssize_t content_read(struct content *content, uint64_t position, void *out, size_t n);
void content_close(struct content *content); /* also closes the descriptor */

/* ---- internal: shared by store*.c only ---- */
enum { KEY_LOCKS = 64, BUCKET_LOCKS = 16, UPLOAD_LOCKS = 16 };

struct s3_store {
    char *root, *tmp; /* DIR/s3, DIR/tmp */
    bool durable;
    atomic_uint_fast64_t counter;
    pthread_mutex_t keys[KEY_LOCKS];
    pthread_rwlock_t buckets[BUCKET_LOCKS], uploads[UPLOAD_LOCKS];
};

/* Returns the null-terminated path ROOT/bucket/area/key; empty parts are omitted. "": too long for a path. */
struct str store_path(
    struct arena *arena, const struct s3_store *store, struct str bucket, const char *area, struct str key);
/* Appends the metadata to the content and syncs the file. */
int store_write_tail(struct s3_store *store, struct pending *pending, const struct value *doc);
/* Reads the metadata of an open object file. */
const struct value *store_read_tail(struct arena *arena, int fd);
/* Renames a pending file to `path`, creating directories, and syncs them. */
int store_rename(struct s3_store *store, struct pending *pending, const char *path);
int store_write_file(struct s3_store *store, const char *path, struct str text);
int store_sync_dir(const struct s3_store *store, struct str dir);
int store_make_dirs(const struct s3_store *store, const char *dir);
/* Removes empty directories upwards, excluding `stop`. */
void store_prune(const char *path, const char *stop);
/* Returns a sort key, smaller for later times: 32 hexadecimal digits, null-terminated. */
void store_new_sort(struct s3_store *store, int64_t now_ms, char out[33]);
pthread_rwlock_t *store_bucket_lock(struct s3_store *store, struct str bucket);
pthread_mutex_t *store_key_lock(struct s3_store *store, struct str bucket, struct str key);
/* True if an errno of open() means that the file does not exist. Other errors, such as too many open files,
 * must not be mistaken for this. */
bool store_is_absent(int error);
/* Returns the names in a directory, sorted by bytes; an empty list if it does not exist. NULL with errno: it
 * cannot be read. */
const struct value *store_names(struct arena *arena, const char *dir);

/* ---- store_bucket.c: object keys as paths ----
 *
 * A key is any string of up to 1024 bytes. On disk it becomes nested directories, readable if the key is, and
 * never outside their root:
 *
 *   RAW/Local/films.csv   ->  RAW%/Local%/films.csv
 *   a//b, a/../b, .x      ->  a%/%/b    a%/%2E.%/b    %2Ex
 *
 * A directory's name ends in '%' (so the keys "a" and "a/b" can coexist); an empty name is "%_" as a file and
 * "%" as a directory; '%', control characters and a leading dot are encoded as %XX. Segments of 80 bytes or
 * more continue in a directory that ends in "%+", since file names are limited to 255 bytes. */
enum keypath_kind { KEYPATH_FILE, KEYPATH_DIR, KEYPATH_MORE };

void keypath_add(struct buf *path, struct str key);
/* Decodes a name in such a directory to a part of the key: "films.csv", "RAW/", or the first part of a long
 * segment. */
bool keypath_decode(const char *name, struct buf *part, enum keypath_kind *kind);
