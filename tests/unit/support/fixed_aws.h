/*
 * What every stand-in for the AWS client has: one that is opened at once, on the moon, as account 42. The
 * test adds aws_send and aws_requests. For one file of a test program: what is defined here takes the
 * client's place.
 */
#ifndef WEIR_TESTS_FIXED_AWS_H
#define WEIR_TESTS_FIXED_AWS_H

#include "provider/aws/client_state.h"

#include <assert.h>

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

int aws_account_known(
    struct aws_client *client, bool ask, struct arena *arena, struct str *account, struct err *err)
{
    (void)ask;
    return aws_account(client, arena, account, err);
}

struct service_state *client_service(
    struct aws_client *client, const struct aws_service *service, struct err *err)
{
    (void)client, (void)service, (void)err;
    return NULL;
}

static int64_t fixed_clock_ahead_ms; /* for tests to set */

int64_t aws_clock_ahead_ms(const struct aws_client *client)
{
    (void)client;
    return fixed_clock_ahead_ms;
}

void aws_made(struct aws_client *client)
{
    (void)client;
}

bool aws_made_within(const struct aws_client *client, int64_t ms)
{
    (void)client, (void)ms;
    return true;
}

/* Nothing here is so large that it goes out in parts. */
struct aws_flight *aws_flight_new(struct aws_client *client)
{
    (void)client;
    assert(false && "no stand-in sends many calls at once");
    return NULL;
}

void aws_flight_free(struct aws_flight *flight)
{
    (void)flight;
}

size_t aws_flight_count(const struct aws_flight *flight)
{
    (void)flight;
    return 0;
}

void aws_flight_add(struct aws_flight *flight, struct aws_sending *sending)
{
    (void)flight, (void)sending;
}

struct aws_sending *aws_flight_next(struct aws_flight *flight, int64_t timeout_ms)
{
    (void)flight, (void)timeout_ms;
    return NULL;
}

#endif
