/* Which types have a quota that a class of attendees meets, and the call that asks for it. */
#include "provider/aws/quota.h"

#include "provider/aws/client_state.h"
#include "provider/aws/location.h"

static const struct aws_service quotas_service = {.id = STR_INIT("service-quotas"),
    .endpoint_prefix = STR_INIT("servicequotas"),
    .signing_name = STR_INIT("servicequotas")};
static const struct wire_operation get_quota =
    AWS_JSON_OPERATION("ServiceQuotasV20190624", "GetServiceQuota");

enum { ZONES_MOST = 6 };

const struct aws_quota aws_quotas[] = {
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

void aws_quota_ask(struct aws_client *client, const struct aws_quota *quota, struct arena *arena,
    int64_t *limit, bool *reported)
{
    struct value_entry entries[] = {{STR("QuotaCode"), value_stringz(arena, quota->code)},
        {STR("ServiceCode"), value_stringz(arena, quota->service)}};
    struct aws_call call = {.service = &quotas_service,
        .op = &get_quota,
        .idempotent = true,
        .cancel = client->cancel,
        .body_fd = -1};
    const struct value *document = NULL;
    struct err ignored = ERR_INIT;
    *reported =
        !aws_ask_json(client, &call, value_map(arena, entries, 2), arena, "Quota", &document, &ignored);
    *limit = *reported ? whole(wire_path(arena, document, STR("Quota.Value"))) : 0;
    *reported = *limit > 0;
    if (!*reported && !aws_custom_endpoint(client, &quotas_service, arena).n)
        *limit = quota->usual;
}
