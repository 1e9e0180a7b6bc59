/* The provider type `aws`: one account and region, see provider/aws/client.h. */
#pragma once

#include "provider/cloud.h"
#include "provider/kind.h"

extern const struct provider_kind aws_kind;

/* Returns the client, for provider types that tests open in another way. */
struct aws_client *aws_kind_client(void *client);

/* ---- kind.c: AWS as the cloud of provider/cloud.h: S3, KMS, and the Service Quotas API. If quotas may not
 * be read, the default of new accounts is used. */
int aws_cloud_open(struct str name, const struct value *config, struct http_engine *http,
    struct cloud_client **out, struct err *err);
void aws_cloud_close(struct cloud_client *client);
int aws_cloud_send(struct cloud_client *client, struct wire_message *request, struct arena *arena,
    struct wire_message *answer, struct err *err);
int aws_cloud_ask_key(struct cloud_client *client, struct str operation, const struct value *input,
    struct arena *arena, const struct value **answer, struct err *err);

extern const struct quota aws_quotas[];
bool aws_ask_quota(const struct provider *provider, const struct quota *quota, struct arena *arena,
    int64_t *limit, bool *reported);

/* ---- kind.c: C code for `native:` steps of AWS specs. */
extern const struct native aws_natives[];
