/*
 * Objects for the sandbox's own use: read and written whole, without HTTP. `caller` must be allowed to use
 * the object's KMS key; NULL: the sandbox itself, which always is. Permission to read or write the object is
 * checked before, by the gate or by object_may().
 */
#pragma once

#include "sandbox/calls/services.h"

struct object_text {
    struct str text, etag, content_type, version;
    int64_t modified_ms;
};

/* Checks an action ("s3:GetObject") of the caller. `key`: "" for the bucket itself. -1 with AccessDenied. */
int object_may(struct services *services, const struct session *caller, struct arena *arena,
    const char *action, struct str bucket, struct str key, struct err *err);

/* Reads an object into out->text, allocated in `arena`. ERR_SERVICE with S3's code (NoSuchBucket, NoSuchKey);
 * ERR_INVALID if it is longer than `max`. */
int object_read(struct services *services, const struct session *caller, struct arena *arena,
    struct str bucket, struct str key, size_t max, struct object_text *out, struct err *err);
/* Writes an object as PutObject does, with versioning and notifications. */
int object_write(struct services *services, const struct session *caller, struct arena *arena,
    struct str bucket, struct str key, struct str text, struct str content_type, struct str *etag,
    struct err *err);

int object_delete(
    struct services *services, struct arena *arena, struct str bucket, struct str key, struct err *err);

/* Compresses with gzip, as services do before they put logs into buckets. */
bool object_gzip(struct arena *arena, struct str text, struct str *out);

/* Calls `found` for the keys with this prefix, in order, after the key `after`. `found` returns false to
 * stop. */
typedef bool object_found(void *ctx, struct str key, struct str etag, int64_t size, int64_t modified_ms);
int object_list(struct services *services, struct str bucket, struct str prefix, struct str after,
    object_found *found, void *ctx, struct err *err);

/* Notifies the targets of the bucket's notification configuration of an event such as "ObjectCreated:Put". */
struct object;
void object_notify(struct sandbox *sandbox, struct arena *arena, const char *name, struct str bucket,
    struct str key, const struct object *object, struct str request_id, struct str trace);

/* ---- a change in a bucket, for functions, queues, topics and EventBridge's default bus */
struct object_event {
    struct str name; /* ObjectCreated:Put, ObjectRemoved:DeleteMarkerCreated … */
    struct str region, bucket, key, etag, version;
    struct str request_id, trace;
    int64_t size;
};
