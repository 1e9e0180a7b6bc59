/*
 * Where a configured provider makes resources: account, region, partition and address, as they are recorded
 * with each resource, so that it is looked for, changed and deleted there and nowhere else.
 *
 * A place is a map {region, partition, endpoint, account, profile, assume_role}. `endpoint` is there where
 * the service is not at AWS's own address, `account` where it is known; the last two are how its credentials
 * were found, which is nothing to compare but opens the place again when the stack does not configure it any
 * more.
 */
#pragma once

#include "provider/aws/client.h"

/*
 * Where `service` makes resources. With `ask` STS is asked whose account it is (once for a client), unless a
 * store that knows S3 only would be asked: then, and where a service of one's own does not say, there is no
 * account in it.
 */
int aws_place(struct aws_client *client, const struct aws_service *service, bool ask, struct arena *arena,
    const struct value **place, struct err *err);
/* The address of the service where it is not AWS's own; "" otherwise. */
struct str aws_custom_endpoint(
    struct aws_client *client, const struct aws_service *service, struct arena *arena);
/*
 * What of two places of the service cannot be the same: "region", "account", "partition", "endpoint"; NULL:
 * nothing. Where a global service, or a bucket, was made from does not matter; addresses of this machine are
 * all the same, because servers for trying things out take another port each time.
 */
const char *aws_place_difference(
    const struct aws_service *service, const struct value *then, const struct value *now);
/* The settings that open a place: those of `config` (which may be NULL), but there. */
const struct value *aws_place_settings(
    const struct value *place, const struct value *config, struct arena *arena);
/* "eu-west-1", "account 123456789012, eu-west-1", "https://minio.example:9000" for people. */
struct str aws_place_text(const struct value *place, struct arena *arena);
