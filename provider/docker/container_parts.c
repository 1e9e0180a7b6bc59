/* Structures of a container: health check, ports, mounts, networks. */
#include "base/file.h"
#include "provider/docker/docker.h"

#include <stdlib.h>

#define LOOPBACK STR("127.0.0.1")

/* ---- health check ---- */

static const char *const health_times[][2] = {
    {"interval", "Interval"}, {"timeout", "Timeout"}, {"start_period", "StartPeriod"}};

const struct value *part_health_out(struct op_ctx *ctx, const struct value *v)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    for (size_t i = 0; i < sizeof health_times / sizeof *health_times; i++)
        if (!value_is_null(value_getz(v, health_times[i][0])))
            value_builder_set(
                &out, str_z(health_times[i][1]), spell_time_out(ctx, value_getz(v, health_times[i][0])));
    if (!value_is_null(value_getz(v, "retries")))
        value_builder_set(&out, STR("Retries"), value_getz(v, "retries"));
    if (!value_is_null(value_getz(v, "test")))
        value_builder_set(&out, STR("Test"), value_getz(v, "test"));
    return value_builder_map(&out);
}

const struct value *part_health_in(struct op_ctx *ctx, const struct value *v, const struct value *prior)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    for (size_t i = 0; i < sizeof health_times / sizeof *health_times; i++) {
        const struct value *live = value_getz(v, health_times[i][1]);
        live = live ? spell_time_in(ctx, live, value_getz(prior, health_times[i][0])) : NULL;
        if (live)
            value_builder_set(&out, str_z(health_times[i][0]), live);
    }
    if (value_geti(v, "Retries", 0))
        value_builder_set(&out, STR("retries"), value_getz(v, "Retries"));
    if (value_getz(v, "Test"))
        value_builder_set(&out, STR("test"), value_getz(v, "Test"));
    return value_builder_map(&out);
}

/* ---- ports ---- */

static struct str port_key(struct op_ctx *ctx, const struct value *port)
{
    struct str protocol = value_gets(port, "protocol");
    return arena_printf(ctx->arena, "%d/%.*s", (int)value_geti(port, "container", 0),
        STR_ARG(protocol.n ? protocol : STR("tcp")));
}

static const struct value *binding(struct op_ctx *ctx, const struct value *port)
{
    struct str address = value_gets(port, "address");
    int host = (int)value_geti(port, "host", 0);
    struct str number = host ? arena_printf(ctx->arena, "%d", host) : STR_EMPTY;
    return VALUE_MAP(ctx->arena, {STR("HostIp"), value_string(ctx->arena, address.n ? address : LOOPBACK)},
        {STR("HostPort"), value_string(ctx->arena, number)});
}

const struct value *part_ports_out(struct op_ctx *ctx, const struct value *v)
{
    const struct value *out = &value_empty_map;
    for (uint32_t i = 0; v && v->kind == VALUE_LIST && i < v->count; i++) {
        AUTO_BUILDER struct value_builder list = VALUE_BUILDER(ctx->arena);
        struct str key = port_key(ctx, v->items[i]);
        const struct value *before = value_get(out, key);
        for (uint32_t k = 0; before && k < before->count; k++)
            value_builder_add(&list, before->items[k]);
        value_builder_add(&list, binding(ctx, v->items[i]));
        out = value_with(ctx->arena, out, key, value_builder_list(&list));
    }
    return out;
}

const struct value *part_exposed(struct op_ctx *ctx, const struct value *ports)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    for (uint32_t i = 0; ports && ports->kind == VALUE_LIST && i < ports->count; i++)
        value_builder_set(&out, port_key(ctx, ports->items[i]), &value_empty_map);
    return value_builder_map(&out);
}

static const struct value *port_in(struct op_ctx *ctx, struct str key, const struct value *bound)
{
    struct str protocol, number = str_cut(key, '/', &protocol), address = value_gets(bound, "HostIp");
    int64_t inside = 0, host = 0;
    str_to_int(number, &inside);
    str_to_int(value_gets(bound, "HostPort"), &host);
    struct value_entry entries[] = {
        {STR("address"), value_string(ctx->arena, address.n ? address : STR("0.0.0.0"))},
        {STR("container"), value_int(ctx->arena, inside)},
        {STR("protocol"), value_string(ctx->arena, protocol)}, {STR("host"), value_int(ctx->arena, host)}};
    return value_map(ctx->arena, entries, host ? 4 : 3);
}

const struct value *part_ports_in(struct op_ctx *ctx, const struct value *v, const struct value *prior UNUSED)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    for (uint32_t i = 0; v && v->kind == VALUE_MAP && i < v->count; i++) {
        const struct value *list = v->entries[i].value;
        for (uint32_t k = 0; list->kind == VALUE_LIST && k < list->count; k++)
            value_builder_add(&out, port_in(ctx, v->entries[i].key, list->items[k]));
    }
    return value_builder_list(&out);
}

/* ---- mounts ---- */

/* "./data" is relative to the stack file. */
static struct str source_of(struct op_ctx *ctx, const struct value *mount)
{
    struct str source = value_gets(mount, "source");
    if (!str_eqz(value_gets(mount, "type"), "bind") || !str_starts(source, STR(".")))
        return source;
    char *real = realpath(path_join(ctx->arena, ctx->dir, source).p, NULL);
    if (!real)
        return path_join(ctx->arena, ctx->dir, source);
    source = arena_str(ctx->arena, str_z(real));
    free(real);
    return source;
}

static const struct value *mount_out(struct op_ctx *ctx, const struct value *mount)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    struct str type = value_gets(mount, "type"), source = source_of(ctx, mount);
    value_builder_set(&out, STR("Type"), value_string(ctx->arena, type.n ? type : STR("volume")));
    if (source.n)
        value_builder_set(&out, STR("Source"), value_string(ctx->arena, source));
    value_builder_set(&out, STR("Target"), value_getz(mount, "target"));
    if (value_getb(mount, "read_only"))
        value_builder_set(&out, STR("ReadOnly"), &value_true);
    if (!value_is_null(value_getz(mount, "size"))) {
        struct value_entry size = {STR("SizeBytes"), spell_size_out(ctx, value_getz(mount, "size"))};
        value_builder_set(&out, STR("TmpfsOptions"), value_map(ctx->arena, &size, 1));
    }
    return value_builder_map(&out);
}

const struct value *part_mounts_out(struct op_ctx *ctx, const struct value *v)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    for (uint32_t i = 0; v && v->kind == VALUE_LIST && i < v->count; i++)
        value_builder_add(&out, mount_out(ctx, v->items[i]));
    return value_builder_list(&out);
}

const struct value *part_mounts_in(
    struct op_ctx *ctx, const struct value *v, const struct value *prior UNUSED)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    for (uint32_t i = 0; v && v->kind == VALUE_LIST && i < v->count; i++) {
        const struct value *mount = v->items[i], *size = resource_at(mount, "TmpfsOptions.SizeBytes");
        AUTO_BUILDER struct value_builder one = VALUE_BUILDER(ctx->arena);
        value_builder_set(&one, STR("type"), value_getz(mount, "Type"));
        value_builder_set(&one, STR("target"), value_getz(mount, "Target"));
        if (value_gets(mount, "Source").n)
            value_builder_set(&one, STR("source"), value_getz(mount, "Source"));
        if (value_getb(mount, "ReadOnly"))
            value_builder_set(&one, STR("read_only"), &value_true);
        if (size && spell_size_in(ctx, size, NULL))
            value_builder_set(&one, STR("size"), spell_size_in(ctx, size, NULL));
        value_builder_add(&out, value_builder_map(&one));
    }
    return value_builder_list(&out);
}

/* ---- networks ---- */

const struct value *part_endpoint(struct op_ctx *ctx, const struct value *network)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena), addresses = VALUE_BUILDER(ctx->arena);
    static const char *const words[][2] = {{"ipv4_address", "IPv4Address"}, {"ipv6_address", "IPv6Address"}};
    for (size_t i = 0; i < 2; i++)
        if (value_gets(network, words[i][0]).n)
            value_builder_set(&addresses, str_z(words[i][1]), value_getz(network, words[i][0]));
    if (!value_is_null(value_getz(network, "aliases")))
        value_builder_set(&out, STR("Aliases"), value_getz(network, "aliases"));
    const struct value *fixed = value_builder_map(&addresses);
    if (fixed->count)
        value_builder_set(&out, STR("IPAMConfig"), fixed);
    return value_builder_map(&out);
}

/* Leaves out aliases that the Engine adds: the beginning of the id, the container's name. */
static const struct value *aliases_in(
    struct op_ctx *ctx, const struct value *document, const struct value *there, const struct value *prior)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    struct str id = value_gets(document, "Id"), name = value_gets(document, "Name");
    name = str_starts(name, STR("/")) ? str_slice(name, 1, name.n) : name;
    for (uint32_t i = 0; there && there->kind == VALUE_LIST && i < there->count; i++) {
        struct str alias = value_text(there->items[i], STR_EMPTY);
        bool own = str_eq(alias, name) || (alias.n == 12 && str_starts(id, alias));
        if (!own || value_list_has(prior, alias))
            value_builder_add(&out, there->items[i]);
    }
    return value_builder_list(&out);
}

static const struct value *network_in(struct op_ctx *ctx, const struct value *document,
    const struct value_entry *there, const struct value *prior)
{
    const struct value *aliases =
        aliases_in(ctx, document, value_getz(there->value, "Aliases"), value_getz(prior, "aliases"));
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    value_builder_set(&out, STR("name"), value_string(ctx->arena, there->key));
    if (aliases->count)
        value_builder_set(&out, STR("aliases"), aliases);
    if (resource_at(there->value, "IPAMConfig.IPv4Address"))
        value_builder_set(&out, STR("ipv4_address"), resource_at(there->value, "IPAMConfig.IPv4Address"));
    if (resource_at(there->value, "IPAMConfig.IPv6Address"))
        value_builder_set(&out, STR("ipv6_address"), resource_at(there->value, "IPAMConfig.IPv6Address"));
    return value_builder_map(&out);
}

static const struct value_entry *entry_named(const struct value *map, struct str name)
{
    for (uint32_t i = 0; map && map->kind == VALUE_MAP && i < map->count; i++)
        if (str_eq(map->entries[i].key, name))
            return &map->entries[i];
    return NULL;
}

/* Returns the recorded networks in their order, then the others. */
const struct value *part_networks_in(
    struct op_ctx *ctx, const struct value *document, const struct value *prior)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    const struct value *there = resource_at(document, "NetworkSettings.Networks"), *names = &value_empty_map;
    for (uint32_t i = 0; prior && prior->kind == VALUE_LIST && i < prior->count; i++) {
        const struct value_entry *entry = entry_named(there, value_gets(prior->items[i], "name"));
        if (!entry)
            continue;
        value_builder_add(&out, network_in(ctx, document, entry, prior->items[i]));
        names = value_with(ctx->arena, names, entry->key, &value_true);
    }
    for (uint32_t i = 0; there && there->kind == VALUE_MAP && i < there->count; i++)
        if (!value_get(names, there->entries[i].key))
            value_builder_add(&out, network_in(ctx, document, &there->entries[i], NULL));
    return value_builder_list(&out);
}

/* ---- The networks of a container, which may change while it runs ---- */

int container_connect(struct op_ctx *ctx, struct str id, const struct value *network, struct err *err)
{
    struct str name = value_gets(network, "name");
    struct value_entry body[] = {{STR("Container"), value_string(ctx->arena, id)},
        {STR("EndpointConfig"), part_endpoint(ctx, network)}};
    struct err failure = ERR_INIT;
    if (!engine_post(ctx, engine_path(ctx->arena, "/networks/%s/connect", name),
            value_map(ctx->arena, body, 2), &failure))
        return 0;
    if (strstr(
            failure.message, "already exists in network")) /* by an earlier request whose response was lost */
        return 0;
    *err = failure;
    if (err->class == ERR_ABSENT || err->class == ERR_EXISTS)
        err->class = ERR_SERVICE;
    return err_context(err, "connecting it with the network %.*s", STR_ARG(name));
}

static int disconnect(struct op_ctx *ctx, struct str id, struct str name, struct err *err)
{
    struct value_entry body[] = {
        {STR("Container"), value_string(ctx->arena, id)}, {STR("Force"), &value_true}};
    struct err failure = ERR_INIT;
    if (!engine_post(ctx, engine_path(ctx->arena, "/networks/%s/disconnect", name),
            value_map(ctx->arena, body, 2), &failure) ||
        failure.class == ERR_ABSENT || strstr(failure.message, "is not connected"))
        return 0;
    *err = failure;
    return err_context(err, "taking it out of the network %.*s", STR_ARG(name));
}

/* True if the live network has all configured values. */
static bool is_as(const struct value *there, const struct value *wanted)
{
    for (uint32_t i = 0; i < wanted->count; i++)
        if (!value_is_null(wanted->entries[i].value) &&
            !value_equal(wanted->entries[i].value, value_get(there, wanted->entries[i].key)))
            return false;
    return true;
}

int container_rewire(struct op_ctx *ctx, struct str id, const struct value *prior,
    const struct value *desired, struct err *err)
{
    for (uint32_t i = 0; prior && prior->kind == VALUE_LIST && i < prior->count; i++) {
        struct str name = value_gets(prior->items[i], "name");
        const struct value *wanted = value_list_find(desired, "name", name);
        if ((!wanted || !is_as(prior->items[i], wanted)) && disconnect(ctx, id, name, err))
            return -1;
    }
    for (uint32_t i = 0; desired && desired->kind == VALUE_LIST && i < desired->count; i++) {
        const struct value *there = value_list_find(prior, "name", value_gets(desired->items[i], "name"));
        if ((!there || !is_as(there, desired->items[i])) &&
            container_connect(ctx, id, desired->items[i], err))
            return -1;
    }
    return 0;
}
