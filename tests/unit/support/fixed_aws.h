/*
 * A kind of provider `aws` whose client is opened at once, on the moon, as account 42, and gives every call
 * to fixed_answer(), which the test defines. For one file of a test program.
 */
#pragma once

#include "cmd/invocation/kinds.h"
#include "provider/aws/client.h"
#include "provider/aws/client_state.h"
#include "provider/aws/types/kind.h"

static int fixed_answer(
    const struct aws_call *call, struct arena *arena, struct wire_message *response, struct err *err);

static struct aws_client fixed_client = {.settings = {.name = STR_INIT("aws"),
                                             .account_id = STR_INIT("42"),
                                             .endpoints = {.region = STR_INIT("moon-1")}},
    .answer = fixed_answer,
    .created_ms = INT64_MAX, /* something was made just now */
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .account_lock = PTHREAD_MUTEX_INITIALIZER};

static int fixed_open(
    const struct provider_options *options, struct arena *arena, void **self, struct err *err)
{
    (void)options, (void)arena, (void)err;
    *self = &fixed_client;
    return 0;
}

static const struct provider_kind fixed_aws = {.name = "aws",
    .specs = "provider/aws/specs/",
    .open = fixed_open,
    .logs = &aws_log_ops,
    .aws = aws_kind_client};
static const struct provider_kind *const fixed_items[] = {&fixed_aws, NULL};
static struct provider_kinds fixed_kinds = {.items = fixed_items};

static int fixed_provider(struct provider **out, struct err *err)
{
    struct provider_options options = {
        .kinds = &fixed_kinds, .name = STR("aws"), .config = &value_empty_map, .stack = STR("s")};
    fixed_kinds.reader = cmd_kinds.reader;
    return provider_new(&options, out, err);
}

/* What the client keeps for its calls. */
static void fixed_release(void)
{
    for (size_t i = 0; i < fixed_client.services.n; i++)
        throttle_release(&((struct service_state *)fixed_client.services.items[i].ptr)->throttle);
    map_release(&fixed_client.services);
    map_release(&fixed_client.bucket_regions);
    arena_release(&fixed_client.store);
}
