/*
 * Objects for what runs inside the sandbox: read and written whole, without HTTP. `caller`: who has to be
 * allowed to use the key of KMS behind an object, NULL: the sandbox itself, which always is. Whether he may
 * read and write at all is asked before: by the gate of a call, or by object_may().
 */
#pragma once

#include "sandbox/calls/services.h"

struct object_text {
    struct str text, etag, content_type, version;
    int64_t modified_ms;
};

/* May he do this ("s3:GetObject") in the bucket? `key`: "" for the bucket itself. */
int object_may(struct services *services, const struct session *caller, struct arena *arena,
    const char *action, struct str bucket, struct str key, struct err *err);

/* ERR_SERVICE with S3's code (NoSuchBucket, NoSuchKey), ERR_LIMIT where it is longer than `max`. */
int object_read(struct services *services, const struct session *caller, struct arena *arena,
    struct str bucket, struct str key, size_t max, struct object_text *out, struct err *err);
/* As PutObject does: versions, and notifications of new objects. */
int object_write(struct services *services, const struct session *caller, struct arena *arena,
    struct str bucket, struct str key, struct str text, struct str content_type, struct str *etag,
    struct err *err);

int object_delete(
    struct services *services, struct arena *arena, struct str bucket, struct str key, struct err *err);

/* As services pack what they put into buckets. */
bool object_gzip(struct arena *arena, struct str text, struct str *out);

/* Keys that begin so, in order, after `after`; false stops. */
typedef bool object_found(void *ctx, struct str key, struct str etag, int64_t size, int64_t modified_ms);
int object_list(struct services *services, struct str bucket, struct str prefix, struct str after,
    object_found *found, void *ctx, struct err *err);

/* Tells whom the bucket's notification configuration names: "ObjectCreated:Put". */
struct object;
void object_notify(struct sandbox *sandbox, struct arena *arena, const char *name, struct str bucket,
    struct str key, const struct object *object, struct str request_id, struct str trace);

/* ---- Who is notified of changes in a bucket: to functions, queues and topics, and to
 * EventBridge's default bus. */
struct object_event {
    struct str name; /* ObjectCreated:Put, ObjectRemoved:DeleteMarkerCreated … */
    struct str region, bucket, key, etag, version;
    struct str request_id, trace;
    int64_t size;
};
