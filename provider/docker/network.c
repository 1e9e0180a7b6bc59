/* The provider type docker, and the types whose creation completes at once: docker.network and
 * docker.volume. */
#include "provider/docker/docker.h"

/* [{Subnet, Gateway, IPRange}] and back; the Engine's choice is shown if nothing is configured. */
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
    value_builder_set(&body, STR("Labels"), labels_with_ownership(ctx, value_getz(desired, "labels")));
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
    .ownership_tags = resource_ownership_tags,
    .list_owned = resource_list_owned};

/* ---- docker.volume: data that outlives containers. No attribute of a volume can be changed in place. */

static const struct value *volume_decode(
    struct op_ctx *ctx, const struct value *document, const struct value *prior UNUSED)
{
    return VALUE_MAP(ctx->arena, {STR("name"), value_getz(document, "Name")},
        {STR("driver"), value_getz(document, "Driver")}, {STR("options"), value_getz(document, "Options")},
        {STR("mountpoint"), value_getz(document, "Mountpoint")});
}

const struct resource docker_volume = {.what = "volume",
    .path = "/volumes/%s",
    .remove = "/volumes/%s",
    .listing = "/volumes",
    .items = "Volumes",
    .labels = "Labels",
    .decode = volume_decode};

/* The Engine responds to a second creation with the existing volume, whoever created it. */
static int volume_create(struct op_ctx *ctx, const struct attempt *attempt UNUSED,
    const struct value *desired, const struct value **live, struct err *err)
{
    const struct value *there;
    *live = NULL;
    if (resource_look(ctx, desired, &there, err))
        return -1;
    if (there && !labels_are_of_intent(ctx, value_getz(there, "Labels")))
        return err_set(
            err, ERR_EXISTS, "the volume \"%.*s\" exists already", STR_ARG(resource_name(desired)));
    struct value_entry body[] = {{STR("Driver"), value_getz(desired, "driver")},
        {STR("DriverOpts"), value_getz(desired, "options")},
        {STR("Labels"), labels_with_ownership(ctx, value_getz(desired, "labels"))},
        {STR("Name"), value_getz(desired, "name")}};
    for (size_t i = 0; i < sizeof body / sizeof *body; i++)
        if (!body[i].value)
            body[i].value = &value_null;
    if (resource_create(ctx, STR("/volumes/create"), value_map(ctx->arena, body, sizeof body / sizeof *body),
            resource_name(desired), err))
        return -1;
    return resource_read(ctx, desired, NULL, live, err);
}

static bool volume_stays(const struct value *object)
{
    return value_getb(object, "keep");
}

static int delete_volume(
    struct op_ctx *ctx, unsigned teardown UNUSED, const struct value *prior, struct err *err)
{
    return volume_stays(prior) ? 0 : resource_delete(ctx, 0, prior, err);
}

/* A volume is deleted with its data, without a confirmation by the Engine. */
static int data_loss(struct op_ctx *ctx, unsigned teardown UNUSED, const struct value *object,
    const struct value **out, struct err *err)
{
    const struct value *document;
    *out = &value_empty_list;
    if (volume_stays(object))
        return 0;
    if (resource_look(ctx, object, &document, err))
        return -1;
    if (!document)
        return 0;
    const struct value *item = VALUE_MAP(
        ctx->arena, {STR("message"), value_stringz(ctx->arena, "the volume with all that is in it")});
    *out = value_list(ctx->arena, &item, 1);
    return 0;
}

const struct resource_ops docker_volume_ops = {.create = volume_create,
    .read = resource_read,
    .list = resource_list_all,
    .update = resource_update,
    .delete = delete_volume,
    .survives_deletion = volume_stays,
    .find = resource_find,
    .ownership_tags = resource_ownership_tags,
    .list_owned = resource_list_owned,
    .data_loss = data_loss};

/* ---- The provider type `docker` ---- */

static const struct native natives[] = {
    {.name = "network", .ops = &docker_network_ops},
    {.name = "volume", .ops = &docker_volume_ops},
    {.name = "image", .ops = &docker_image_ops},
    {.name = "container", .ops = &docker_container_ops},
    {0},
};

static const struct attr tls[] = {
    SETTING_ATTR("ca", setting_text, "Path of the CA certificate of the Engine"),
    SETTING_ATTR("cert", setting_text, "Path of the client certificate"),
    SETTING_ATTR("key", setting_text, "Path of the client certificate's key"),
};

static const struct type tls_type = OBJECT_TYPE(tls);

static const struct attr login[] = {
    SETTING_ATTR("username", setting_text, "User name"),
    SETTING_ATTR("password", setting_text, "Password", .sensitive = true),
    SETTING_ATTR("token", setting_text,
        "Token instead of both: user:password in base64, as Amazon ECR returns it", .sensitive = true),
};

static const struct type login_type = OBJECT_TYPE(login);
static const struct type logins_type = {.kind = TYPE_MAP, .elem = &login_type};

static const struct attr settings[] = {
    SETTING_LOCATION("host", setting_text,
        "Address of the Engine: unix:///PATH or tcp://HOST:PORT; without it DOCKER_HOST, the docker "
        "client's context, or unix:///var/run/docker.sock"),
    SETTING_ATTR("tls", tls_type,
        "TLS certificates of server and client; without it DOCKER_TLS_VERIFY and DOCKER_CERT_PATH"),
    SETTING_ATTR("via", setting_text, "Name of the connection to the Engine"),
    SETTING_ATTR("insecure", setting_flag, "Allow tcp:// without TLS to other machines"),
    SETTING_ATTR(
        "registries", logins_type, "Registry logins by host name; without it those of `docker login`"),
};

static const struct type settings_type = OBJECT_TYPE(settings);

static const struct attr settings_attr = {
    .name = STR_INIT("docker"), .type = &settings_type, .settable = true};

const struct provider_kind docker_kind = {
    .name = "docker",
    .specs = "provider/docker/specs/",
    .natives = natives,
    .settings = &settings_attr,
    .http = true,
    .open = engine_open,
    .close = engine_close,
    .location = engine_location,
    .location_difference = engine_location_difference,
    .location_settings = engine_location_settings,
    .location_text = engine_location_text,
};
