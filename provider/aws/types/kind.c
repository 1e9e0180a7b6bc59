/* The provider type aws, its types in C, and its cloud table for the planner. */
#include "provider/aws/types/kind.h"

#include "base/mem.h"
#include "base/random.h"
#include "provider/aws/client_state.h"
#include "provider/aws/s3/s3.h"
#include "provider/ssh/connections.h"

#include <stdlib.h>

/* ---- C code for `native:` steps of AWS specs ---- */

/* Generates a password on this machine, so that it does not depend on a service's response. */
static int generate_password(
    struct op_ctx *ctx, const struct value *object, const struct value **result, struct err *err)
{
    const struct value *how = value_getz(object, "generate"), *exclude = value_getz(how, "exclude");
    int64_t length = value_geti(how, "length", PASSWORD_LENGTH);
    struct str password;
    if (random_password(ctx->arena, value_text(exclude, PASSWORD_USUALLY_EXCLUDED),
            length < 0 ? 0 : (size_t)length, &password, err))
        return err_context(err, "generate");
    *result = value_with(ctx->arena, NULL, STR("Password"), value_string_ref(ctx->arena, password));
    return 0;
}

const struct native aws_natives[] = {
    {.name = "empty_bucket", .step = s3_empty_bucket},
    {.name = "count_bucket", .step = s3_count_bucket},
    {.name = "generate_password", .step = generate_password},
    {0},
};

/* ---- What plans and states need of AWS: calls to S3 and KMS, and the quotas of types that a class of
 * attendees may exceed. */

struct cloud_client {
    struct aws_client *aws;
    struct http_engine *own_http; /* NULL: the caller's HTTP engine is used */
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
    /* The response contains the key in plain text: it is not traced. */
    struct aws_call call = {
        .service = &service, .op = &op, .idempotent = true, .body_fd = -1, .sensitive = true};
    return aws_send_json(client->aws, &call, input, arena, "", answer, err);
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
        !aws_send_json(client, &call, value_map(arena, entries, 2), arena, "Quota", &document, ERR_IGNORED);
    *limit = *reported ? whole(wire_path(arena, document, STR("Quota.Value"))) : 0;
    *reported = *limit > 0;
    if (!*reported && !aws_custom_endpoint(client, &quotas_service, arena).n)
        *limit = quota->usual;
    return true;
}

/* The connection through which services are reached: private endpoints, a store behind a bastion. */
struct way {
    struct ssh_pool *ssh_pool;
    struct str via;
};

static int aws_way(void *ctx, struct str host, int port, int *local_port, struct err *err)
{
    const struct way *way = ctx;
    return ssh_pool_forward(way->ssh_pool, way->via, host, port, local_port, err);
}

static int aws_open(const struct provider_options *options, struct arena *arena, void **self, struct err *err)
{
    struct aws_options aws = {
        .name = options->name, .config = options->config, .http = options->http, .cancel = options->cancel};
    struct aws_client *client;
    if (options->via.n && !options->ssh_pool)
        return err_set(err, ERR_INVALID, "%.*s: there are no connections here", STR_ARG(options->name));
    if (options->via.n) {
        struct way *way = ARENA_NEW(arena, struct way);
        *way = (struct way){options->ssh_pool, options->via};
        aws.route = aws_way;
        aws.route_ctx = way;
    }
    if (aws_client_new(&aws, &client, err))
        return -1;
    *self = client;
    return 0;
}

static void aws_kind_close(void *client)
{
    aws_client_free(client);
}

struct aws_client *aws_kind_client(void *client)
{
    return client;
}

static int location_now(void *client, const struct schema *schema, bool ask, struct arena *arena,
    const struct value **location, struct err *err)
{
    return schema->service ? aws_location(client, schema->service, ask, arena, location, err) : 0;
}

static const char *location_difference(
    const struct schema *schema, const struct value *then, const struct value *now)
{
    return schema->service ? aws_location_difference(schema->service, then, now) : NULL;
}

static void add_marked(void *ctx, struct str arn, const struct value *tags)
{
    struct value_builder *all = ctx;
    struct value_entry entries[] = {{STR("arn"), value_string_ref(all->arena, arn)}, {STR("tags"), tags}};
    value_builder_add(all, value_map(all->arena, entries, 2));
}

static int list_owned(
    void *client, struct arena *arena, struct str stack, const struct value **list, struct err *err)
{
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(arena);
    const struct aws_tagged wanted = {.filters = aws_tag_filter(arena, "weir:stack", stack)};
    if (aws_tagged(client, arena, &wanted, add_marked, &all, err))
        return -1;
    *list = value_builder_list(&all);
    return 0;
}

/* True if only S3 has a custom endpoint, or if all services have one and its response shows that it is an
 * S3-compatible store. */
static bool is_store(void *client, const struct err *why)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str store = aws_custom_endpoint(client, &aws_s3_service, &scratch),
               tagging = aws_custom_endpoint(client, &aws_tagging_service, &scratch);
    if (!store.n || str_find(store, STR(".amazonaws.com"), 0) >= 0)
        return false;
    if (!tagging.n)
        return true;
    /* An error code that ends so is not S3's but the tagging API's, which exists and refuses. */
    bool refused = why && str_ends(str_z(why->code), STR("Exception"));
    bool answered = why && why->http_status >= 400 && why->class != ERR_THROTTLED && !refused;
    return answered && str_eq(store, tagging) && (why->http_status < 500 || unsupported_says(why));
}

/* An S3-compatible store may have no STS. */
static bool tell_clock(void *client, int64_t *ahead_ms)
{
    return aws_clock_reported(client, !is_store(client, NULL), ahead_ms);
}

static const struct schema *const types[] = {&aws_s3_object_schema, &aws_s3_directory_schema, NULL};

static const struct attr settings[] = {
    AWS_SETTING_ATTRS, SETTING_ATTR("via", setting_text, "Name of the connection to the services")};

static const struct type settings_type = OBJECT_TYPE(settings);
static const struct attr settings_attr = {.name = STR_INIT("aws"), .type = &settings_type, .settable = true};

const struct provider_kind aws_kind = {
    .name = "aws",
    .specs = "provider/aws/specs/",
    .types = types,
    .natives = aws_natives,
    .settings = &settings_attr,
    .http = true,
    .open = aws_open,
    .close = aws_kind_close,
    .location = location_now,
    .location_difference = location_difference,
    .location_settings = aws_location_settings,
    .location_text = aws_location_text,
    .list_owned = list_owned,
    .is_store = is_store,
    .clock = tell_clock,
    .logs = &aws_log_ops,
    .aws = aws_kind_client,
};
