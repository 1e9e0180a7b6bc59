/*
 * The Cloud Control API: its calls, the requests that it works on and how they end.
 *
 * What is created, changed or deleted is a request of its own, which is asked about until it has ended, no
 * sooner than it says (RetryAfter). A request is known by the client's token: sent again with the same one it
 * is the same request, so that lost answers do no harm. What a handler reports as throttled slows all calls
 * down like any other refusal, and is begun anew.
 */
#pragma once

#include "provider/aws/client.h"
#include "provider/cfn/compile.h"
#include "provider/provider.h"

extern const struct aws_service cfn_service;

/* One request as it was last told of. */
struct cfn_event {
    struct str token; /* of the request: the service's */
    struct str type, identifier, status, code, message;
    int64_t at_ms;          /* when that was so, by the service's clock; 0: not said */
    int64_t retry_after_ms; /* wall clock; 0: not said */
};

/* What is to be done. */
struct cfn_request {
    const char *operation;     /* "CreateResource" */
    const struct value *input; /* but for the type's name and the client's token */
    bool sensitive;            /* secrets are in it */
    bool repeats;              /* it does no harm to begin it anew where the service failed half-way */
};

/* Begins the request and follows it to its end. -1 where it failed; *event is then how it ended, if it began.
 */
int cfn_carry_out(
    struct op_ctx *ctx, const struct cfn_request *request, struct cfn_event *event, struct err *err);
/* Follows one that was begun by an earlier run. */
int cfn_follow(struct op_ctx *ctx, struct cfn_event *event, struct err *err);

/* Its properties as the service has them; NULL: there is none. */
int cfn_get(struct op_ctx *ctx, struct str identifier, const struct value **properties, struct err *err);

typedef int cfn_seen(void *ctx, struct str identifier, const struct value *properties, struct err *err);
/* All of the type; stops where `seen` returns -1. */
int cfn_list(struct op_ctx *ctx, cfn_seen *seen, void *seen_ctx, struct err *err);

typedef bool cfn_request_seen(void *ctx, const struct cfn_event *event);
/* The account's creations of the last days, until `seen` returns true. */
int cfn_list_creations(struct op_ctx *ctx, cfn_request_seen *seen, void *seen_ctx, struct err *err);

/* What the service's or a handler's code means: class and hint; the message stays. */
void cfn_explain(const struct op_ctx *ctx, struct err *err);
