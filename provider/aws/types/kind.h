/* The kind `aws`: one account and region, by provider/aws/client.h. */
#ifndef WEIR_PROVIDER_AWS_TYPES_KIND_H
#define WEIR_PROVIDER_AWS_TYPES_KIND_H

#include "provider/kind.h"

extern const struct provider_kind aws_kind;

/* For kinds that differ from it by how their client is opened (tests, which have one that plays a script). */
void aws_kind_close(void *client);
struct aws_client *aws_kind_client(void *client);

#endif
