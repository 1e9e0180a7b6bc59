/* docker.network: what containers find each other by. Nothing of a network can be changed in place. */
#include "provider/docker/types.h"

/* [{Subnet, Gateway, IPRange}] and back; the Engine's own choice shows where the file makes none. */
static const char *const words[][2] = {{"subnet", "Subnet"}, {"gateway", "Gateway"}, {"ip_range", "IPRange"}};

static const struct value *network_renamed(struct arena *arena, const struct value *item, int from, int to)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (value_gets(item, words[i][from]).n)
            value_builder_set(&out, str_z(words[i][to]), value_getz(item, words[i][from]));
    return value_builder_map(&out);
}

static const struct value *network_subnets(struct arena *arena, const struct value *list, int from, int to)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    for (uint32_t i = 0; list && list->kind == VALUE_LIST && i < list->count; i++)
        value_builder_add(&out, network_renamed(arena, list->items[i], from, to));
    return value_builder_list(&out);
}

static const struct value *network_decode(
    struct op_ctx *ctx, const struct value *document, const struct value *prior UNUSED)
{
    return VALUE_MAP(ctx->arena, {STR("name"), value_getz(document, "Name")},
        {STR("id"), value_getz(document, "Id")}, {STR("driver"), value_getz(document, "Driver")},
        {STR("internal"), value_getz(document, "Internal")},
        {STR("attachable"), value_getz(document, "Attachable")},
        {STR("ipv6"), value_getz(document, "EnableIPv6")}, {STR("options"), value_getz(document, "Options")},
        {STR("subnets"), network_subnets(ctx->arena, resource_at(document, "IPAM.Config"), 1, 0)});
}

const struct resource docker_network = {.what = "network",
    .path = "/networks/%s",
    .remove = "/networks/%s",
    .listing = "/networks",
    .labels = "Labels",
    .decode = network_decode};

static const struct value *encode(const struct op_ctx *ctx, const struct value *desired)
{
    struct arena *arena = ctx->arena;
    AUTO_BUILDER struct value_builder body = VALUE_BUILDER(arena);
    static const char *const plain[][2] = {{"name", "Name"}, {"driver", "Driver"}, {"internal", "Internal"},
        {"attachable", "Attachable"}, {"ipv6", "EnableIPv6"}, {"options", "Options"}};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (!value_is_null(value_getz(desired, plain[i][0])))
            value_builder_set(&body, str_z(plain[i][1]), value_getz(desired, plain[i][0]));
    value_builder_set(&body, STR("CheckDuplicate"), &value_true);
    value_builder_set(&body, STR("Labels"), marks_added(ctx, value_getz(desired, "labels")));
    if (!value_is_null(value_getz(desired, "subnets"))) {
        value_builder_set(&body, STR("IPAM"),
            VALUE_MAP(arena, {STR("Config"), network_subnets(arena, value_getz(desired, "subnets"), 0, 1)}));
    }
    return value_builder_map(&body);
}

static int network_create(struct op_ctx *ctx, const struct attempt *attempt UNUSED,
    const struct value *desired, const struct value **live, struct err *err)
{
    *live = NULL;
    if (resource_create(ctx, STR("/networks/create"), encode(ctx, desired), resource_name(desired), err))
        return -1;
    return resource_read(ctx, desired, NULL, live, err);
}

const struct resource_ops docker_network_ops = {.create = network_create,
    .read = resource_read,
    .list = resource_list_all,
    .update = resource_update,
    .delete = resource_delete,
    .find = resource_find,
    .marks = resource_marks,
    .marked = resource_marked};
