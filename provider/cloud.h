/*
 * What plans and their states ask of a cloud by themselves, as one table: objects in a bucket and a key for
 * states, the quotas that types have. cmd/invocation/invocation.c says which cloud that is.
 */
#pragma once

#include "provider/schema.h"

struct aws_client;
struct cloud_client;
struct http_engine;
struct wire_message; /* provider/wire/wire.h */
struct provider;

/* How many of a type an account may have in a region. */
struct quota {
    struct str type;       /* "aws.ec2.vpc" */
    const char *resources; /* "VPCs" */
    const char *service, *code;
    int usual; /* what new accounts begin with */
    int zones; /* it counts for each availability zone, of which a region has at most so many; else 1 */
};

struct cloud {
    /* The settings of a state by backend; `states` has `state_count` of them. */
    const struct attr *states;
    size_t state_count;

    /* config: as under `providers:`, without what is null there. http NULL: an engine of its own. Calls
     * nothing. */
    int (*open)(struct str name, const struct value *config, struct http_engine *http,
        struct cloud_client **out, struct err *err);
    void (*close)(struct cloud_client *client); /* NULL is fine */
    /* To the store of objects; the path begins with the bucket. As aws_send(). */
    int (*send)(struct cloud_client *client, struct wire_message *request, struct arena *arena,
        struct wire_message *answer, struct err *err);
    /* An operation of the service for keys. What it answers is secret. */
    int (*ask_key)(struct cloud_client *client, struct str operation, const struct value *input,
        struct arena *arena, const struct value **answer, struct err *err);

    const struct quota *quotas; /* the last one has no type */
    /* *limit: 0 where nobody says: at an address of one's own that does not know quotas. *reported: the
     * service reported it. False: the provider is of another cloud. */
    bool (*ask_quota)(const struct provider *provider, const struct quota *quota, struct arena *arena,
        int64_t *limit, bool *reported);
};

extern const struct cloud plan_cloud;
