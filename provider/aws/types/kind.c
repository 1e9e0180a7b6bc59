/* The kind `aws`: see kind.h. */
#include "provider/aws/types/kind.h"

#include "provider/aws/client.h"
#include "provider/aws/location.h"
#include "provider/aws/logs.h"
#include "provider/aws/s3/s3.h"
#include "provider/aws/s3/s3_directory.h"
#include "provider/aws/s3/s3_object.h"
#include "provider/aws/setting_attrs.h"
#include "provider/aws/tagging.h"
#include "provider/aws/types/native.h"
#include "provider/aws/unsupported.h"
#include "provider/ssh/connections.h"

/* The connection that services are reached by: private endpoints, a store behind a bastion. */
struct way {
    struct reach *reach;
    struct str via;
};

static int aws_way(void *ctx, struct str host, int port, int *local_port, struct err *err)
{
    const struct way *way = ctx;
    return reach_forward(way->reach, way->via, host, port, local_port, err);
}

static int aws_open(const struct provider_options *options, struct arena *arena, void **self, struct err *err)
{
    struct aws_options aws = {
        .name = options->name, .config = options->config, .http = options->http, .cancel = options->cancel};
    struct aws_client *client;
    if (options->via.n && !options->reach)
        return err_set(err, ERR_INVALID, "%.*s: there are no connections here", STR_ARG(options->name));
    if (options->via.n) {
        struct way *way = ARENA_NEW(arena, struct way);
        *way = (struct way){options->reach, options->via};
        aws.way = aws_way;
        aws.way_ctx = way;
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

static int place_now(void *client, const struct schema *schema, bool ask, struct arena *arena,
    const struct value **place, struct err *err)
{
    return schema->service ? aws_place(client, schema->service, ask, arena, place, err) : 0;
}

static const char *place_difference(
    const struct schema *schema, const struct value *then, const struct value *now)
{
    return schema->service ? aws_place_difference(schema->service, then, now) : NULL;
}

static void add_marked(void *ctx, struct str arn, const struct value *tags)
{
    struct value_builder *all = ctx;
    struct value_entry entries[] = {{STR("arn"), value_string_ref(all->arena, arn)}, {STR("tags"), tags}};
    value_builder_add(all, value_map(all->arena, entries, 2));
}

static int list_marked(
    void *client, struct arena *arena, struct str stack, const struct value **list, struct err *err)
{
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(arena);
    const struct aws_tagged wanted = {.filters = aws_tag_filter(arena, "weir:stack", stack)};
    if (aws_tagged(client, arena, &wanted, add_marked, &all, err))
        return -1;
    *list = value_builder_list(&all);
    return 0;
}

/* An address for S3 alone says so; where all services have one, its answer does. */
static bool is_store(void *client, const struct err *why)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str store = aws_custom_endpoint(client, &aws_s3_service, &scratch),
               tagging = aws_custom_endpoint(client, &aws_tagging_service, &scratch);
    if (!store.n || str_find(store, STR(".amazonaws.com"), 0) >= 0)
        return false;
    if (!tagging.n)
        return true;
    /* S3's codes never end so, those of the tagging API do: it is there and refuses. */
    bool refused = why && str_ends(str_z(why->code), STR("Exception"));
    bool answered = why && why->http_status >= 400 && why->class != ERR_THROTTLED && !refused;
    return answered && str_eq(store, tagging) && (why->http_status < 500 || unsupported_says(why));
}

/* A store of one's own need not have an STS to ask. */
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
    .place = place_now,
    .place_difference = place_difference,
    .place_settings = aws_place_settings,
    .place_text = aws_place_text,
    .marked = list_marked,
    .is_store = is_store,
    .clock = tell_clock,
    .logs = &aws_log_ops,
    .aws = aws_kind_client,
};
