/* The kind `aws`: one account and region, by provider/aws/client.h. */
#pragma once

#include "provider/kind.h"

extern const struct provider_kind aws_kind;

/* For a kind that is opened otherwise (tests). */
struct aws_client *aws_kind_client(void *client);
