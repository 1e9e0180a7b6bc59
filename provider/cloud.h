/*
 * What plans and states need from a cloud themselves, as one table: objects in a bucket and a key for states,
 * and quotas of types. cmd/invocation/invocation.c selects the cloud.
 */
#pragma once

#include "provider/schema.h"

struct aws_client;
struct cloud_client;
struct http_engine;
struct wire_message; /* provider/wire/wire.h */
struct provider;

/* The quota of a type: how many resources an account may have in a region. */
struct quota {
    struct str type;       /* "aws.ec2.vpc" */
    const char *resources; /* "VPCs" */
    const char *service, *code;
    int usual; /* default of new accounts */
    int zones; /* 1, or the number of availability zones in a region if the quota is per zone */
};

struct cloud {
    /* Attributes of a state's settings by backend; `states` has `state_count` of them. */
    const struct attr *states;
    size_t state_count;

    /* config: as under `providers:`; null settings count as not configured. http NULL: the client makes its
     * own engine. Makes no calls. */
    int (*open)(struct str name, const struct value *config, struct http_engine *http,
        struct cloud_client **out, struct err *err);
    void (*close)(struct cloud_client *client); /* NULL is allowed */
    /* Sends a request to the object store; the path begins with the bucket. See aws_send(). */
    int (*send)(struct cloud_client *client, struct wire_message *request, struct arena *arena,
        struct wire_message *answer, struct err *err);
    /* Calls an operation of the key service. The response is sensitive. */
    int (*ask_key)(struct cloud_client *client, struct str operation, const struct value *input,
        struct arena *arena, const struct value **answer, struct err *err);

    const struct quota *quotas; /* the last entry has no type */
    /* Reads a quota. *limit is 0 if it is not known, as at a custom endpoint without quotas. *reported: the
     * service reported it. Returns false if the provider is of another cloud. */
    bool (*ask_quota)(const struct provider *provider, const struct quota *quota, struct arena *arena,
        int64_t *limit, bool *reported);
};

extern const struct cloud plan_cloud;
