/* What is told of changes in a bucket: to functions, queues and topics, and to EventBridge's default bus. */
#pragma once

#include "sandbox/calls/services.h"

struct object_event {
    struct str name; /* ObjectCreated:Put, ObjectRemoved:DeleteMarkerCreated … */
    struct str region, bucket, key, etag, version;
    struct str request_id;
    int64_t size;
};

/* `configuration` as GetBucketNotificationConfiguration's XML says it. */
void object_event_tell(struct services *services, struct arena *arena, const struct value *configuration,
    const struct object_event *event);
