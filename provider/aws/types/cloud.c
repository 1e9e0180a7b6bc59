/* What plans and their states ask of AWS: calls to S3 and KMS, which types have a quota that a class of
 * attendees meets, and the call that asks for it. */
#include "provider/aws/types/cloud.h"

#include "base/mem.h"
#include "provider/aws/client_state.h"
#include "provider/aws/location.h"
#include "provider/aws/s3/s3.h"

#include <stdlib.h>

struct cloud_client {
    struct aws_client *aws;
    struct http_engine *own_http; /* NULL: somebody else's is used */
};

int aws_cloud_open(struct str name, const struct value *config, struct http_engine *http,
    struct cloud_client **out, struct err *err)
{
    struct cloud_client *client = mem_zalloc(sizeof *client);
    struct http_options http_options = {0};
    struct aws_options options = {.name = name, .config = config, .http = http};
    if (!http) {
        if (http_engine_new(&http_options, &client->own_http, err)) {
            free(client);
            return -1;
        }
        options.http = client->own_http;
    }
    if (aws_client_new(&options, &client->aws, err)) {
        aws_cloud_close(client);
        return -1;
    }
    *out = client;
    return 0;
}

void aws_cloud_close(struct cloud_client *client)
{
    if (!client)
        return;
    aws_client_free(client->aws);
    if (client->own_http)
        http_engine_free(client->own_http);
    free(client);
}

int aws_cloud_send(struct cloud_client *client, struct wire_message *request, struct arena *arena,
    struct wire_message *answer, struct err *err)
{
    static const struct wire_operation operation = {.name = STR_INIT("State"), .protocol = WIRE_REST_XML};
    struct aws_call call = {
        .service = &aws_s3_service, .op = &operation, .request = *request, .idempotent = true};
    return aws_send(client->aws, &call, arena, answer, err);
}

int aws_cloud_ask_key(struct cloud_client *client, struct str operation, const struct value *input,
    struct arena *arena, const struct value **answer, struct err *err)
{
    static const struct aws_service service = {
        .id = STR_INIT("kms"), .endpoint_prefix = STR_INIT("kms"), .signing_name = STR_INIT("kms")};
    struct wire_operation op = AWS_JSON_OPERATION("TrentService", "");
    op.name = operation;
    /* The plaintext of the key is in the answer: it stays out of traces. */
    struct aws_call call = {
        .service = &service, .op = &op, .idempotent = true, .body_fd = -1, .sensitive = true};
    return aws_ask_json(client->aws, &call, input, arena, "", answer, err);
}

/* ---- quotas ---- */

static const struct aws_service quotas_service = {.id = STR_INIT("service-quotas"),
    .endpoint_prefix = STR_INIT("servicequotas"),
    .signing_name = STR_INIT("servicequotas")};
static const struct wire_operation get_quota =
    AWS_JSON_OPERATION("ServiceQuotasV20190624", "GetServiceQuota");

enum { ZONES_MOST = 6 };

const struct quota aws_quotas[] = {
    {STR_INIT("aws.ec2.vpc"), "VPCs", "vpc", "L-F678F1CE", 5, 1},
    {STR_INIT("aws.ec2.internet_gateway"), "internet gateways", "vpc", "L-A4707A72", 5, 1},
    {STR_INIT("aws.ec2.nat_gateway"), "NAT gateways", "vpc", "L-FE5A380F", 5, ZONES_MOST},
    {STR_INIT("aws.ec2.elastic_ip"), "Elastic IP addresses", "ec2", "L-0263D0A3", 5, 1},
    {.type = STR_INIT("")},
};

static int64_t whole(const struct value *v)
{
    if (v && v->kind == VALUE_FLOAT)
        return (int64_t)v->number;
    return v && v->kind == VALUE_INT ? v->integer : 0;
}

bool aws_ask_quota(const struct provider *provider, const struct quota *quota, struct arena *arena,
    int64_t *limit, bool *reported)
{
    struct aws_client *client = provider_aws(provider);
    struct value_entry entries[] = {{STR("QuotaCode"), value_stringz(arena, quota->code)},
        {STR("ServiceCode"), value_stringz(arena, quota->service)}};
    const struct value *document = NULL;
    if (!client)
        return false;
    struct aws_call call = {.service = &quotas_service,
        .op = &get_quota,
        .idempotent = true,
        .cancel = client->cancel,
        .body_fd = -1};
    *reported =
        !aws_ask_json(client, &call, value_map(arena, entries, 2), arena, "Quota", &document, ERR_IGNORED);
    *limit = *reported ? whole(wire_path(arena, document, STR("Quota.Value"))) : 0;
    *reported = *limit > 0;
    if (!*reported && !aws_custom_endpoint(client, &quotas_service, arena).n)
        *limit = quota->usual;
    return true;
}
