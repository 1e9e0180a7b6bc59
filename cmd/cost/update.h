/*
 * Fetching prices: every price of the table that says under `of` where the service has it is asked for
 * (pricing:GetProducts, AWS Price List; https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/)
 * for one region.
 */
#pragma once

#include "cmd/cost/prices.h"
#include "provider/aws/client.h"

/*
 * The table to keep, as JSON, with the prices of `region` where the service has them. `found` of `asked`
 * prices were there. -1: err.
 */
int prices_update(const struct prices *prices, struct aws_client *client, struct str region,
    struct arena *arena, struct buf *out, size_t *found, size_t *asked, struct err *err);
