/*
 * What every stand-in for the AWS client has: one that is opened at once, on the moon, as account 42. The
 * test adds aws_send and aws_requests. For one file of a test program: what is defined here takes the
 * client's place.
 */
#ifndef WEIR_TESTS_FIXED_AWS_H
#define WEIR_TESTS_FIXED_AWS_H

#include "provider/aws/client.h"

static char fixed_client; /* has an address, and nothing in it */

int aws_client_new(const struct aws_options *options, struct aws_client **out, struct err *err)
{
    (void)options, (void)err;
    *out = (struct aws_client *)&fixed_client;
    return 0;
}

void aws_client_free(struct aws_client *client)
{
    (void)client;
}

struct str aws_region(const struct aws_client *client)
{
    (void)client;
    return STR("moon-1");
}

struct str aws_partition(const struct aws_client *client)
{
    (void)client;
    return STR("aws");
}

int aws_account(struct aws_client *client, struct arena *arena, struct str *account, struct err *err)
{
    (void)client, (void)arena, (void)err;
    *account = STR("42");
    return 0;
}

#endif
