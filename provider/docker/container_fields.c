/* Maps each attribute of a container to the Engine's document, and converts values. */
#include "provider/docker/docker.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* ---- Formats of single values, as configured and in the Engine's API ---- */

static struct str text_of(struct op_ctx *ctx, const struct value *v)
{
    return value_scalar_text(ctx->arena, v);
}

/* ---- 512m, 1.5g; a number is bytes ---- */

static const struct unit {
    const char *name;
    double factor;
} sizes[] = {{"g", 1 << 30}, {"m", 1 << 20}, {"k", 1 << 10}, {"b", 1}},
  times[] = {{"h", 3600e9}, {"m", 60e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}};

static int64_t size_bytes(struct str text)
{
    char *end;
    double number = strtod(text.p ? text.p : "", &end);
    struct str unit = str_z(text.p ? end : "");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (unit.n && (unit.p[0] | 0x20) == sizes[i].name[0])
            number *= sizes[i].factor;
    return int_within(number);
}

const struct value *spell_size_out(struct op_ctx *ctx, const struct value *v)
{
    return value_int(ctx->arena, size_bytes(text_of(ctx, v)));
}

const struct value *spell_size_in(struct op_ctx *ctx, const struct value *v, const struct value *prior UNUSED)
{
    int64_t bytes = v->kind == VALUE_INT ? v->integer : 0;
    if (!bytes)
        return NULL;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int64_t factor = (int64_t)sizes[i].factor;
        if (bytes % factor == 0)
            return value_string(
                ctx->arena, arena_printf(ctx->arena, "%" PRId64 "%s", bytes / factor, sizes[i].name));
    }
    return value_int(ctx->arena, bytes);
}

/* ---- 30s, 1m30s, 500ms ---- */

static double unit_factor(struct str unit)
{
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (str_eqz(unit, times[i].name))
            return times[i].factor;
    return 1e9;
}

const struct value *spell_time_out(struct op_ctx *ctx, const struct value *v)
{
    double total = 0;
    const char *p = text_of(ctx, v).p;
    while (p && *p) {
        char *end;
        double number = strtod(p, &end);
        if (end == p)
            break;
        size_t n = strspn(end, "hmsun");
        total += number * unit_factor(str_n(end, n));
        p = end + n;
    }
    return value_int(ctx->arena, int_within(total));
}

const struct value *spell_time_in(struct op_ctx *ctx, const struct value *v, const struct value *prior)
{
    if (prior && value_equal(spell_time_out(ctx, prior), v))
        return prior;
    int64_t ns = v->kind == VALUE_INT ? v->integer : 0;
    for (size_t i = 0; ns && i < sizeof times / sizeof *times; i++) {
        int64_t factor = (int64_t)times[i].factor;
        if (ns % factor == 0)
            return value_string(
                ctx->arena, arena_printf(ctx->arena, "%" PRId64 "%s", ns / factor, times[i].name));
    }
    return NULL;
}

/* ---- 1.5 processors ---- */

const struct value *spell_cpus_out(struct op_ctx *ctx, const struct value *v)
{
    double cpus = v->kind == VALUE_FLOAT ? v->number : v->kind == VALUE_INT ? (double)v->integer : 0;
    return value_int(ctx->arena, int_within(round(cpus * 1e9)));
}

static const struct value *spell_cpus_in(
    struct op_ctx *ctx, const struct value *v, const struct value *prior UNUSED)
{
    return v->kind == VALUE_INT && v->integer ? value_float(ctx->arena, (double)v->integer / 1e9) : NULL;
}

/* ---- on-failure:5 ---- */

const struct value *spell_restart_out(struct op_ctx *ctx, const struct value *v)
{
    struct str count, name = str_cut(value_text(v, STR_EMPTY), ':', &count);
    int64_t tries = 0;
    str_to_int(count, &tries);
    struct value_entry entries[] = {{STR("Name"), value_string(ctx->arena, name)},
        {STR("MaximumRetryCount"), value_int(ctx->arena, tries)}};
    return value_map(ctx->arena, entries, tries ? 2 : 1);
}

const struct value *spell_restart_in(
    struct op_ctx *ctx, const struct value *v, const struct value *prior UNUSED)
{
    struct str name = value_gets(v, "Name");
    int64_t tries = value_geti(v, "MaximumRetryCount", 0);
    if (tries)
        return value_string(ctx->arena, arena_printf(ctx->arena, "%.*s:%" PRId64, STR_ARG(name), tries));
    return value_string(ctx->arena, name.n ? name : STR("no"));
}

/* ---- A=b ---- */

static const struct value *spell_env_out(struct op_ctx *ctx, const struct value *v)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    for (uint32_t i = 0; v && v->kind == VALUE_MAP && i < v->count; i++)
        if (!value_is_null(v->entries[i].value)) {
            struct str value = text_of(ctx, v->entries[i].value);
            value_builder_add(
                &out, value_string(ctx->arena,
                          arena_printf(ctx->arena, "%.*s=%.*s", STR_ARG(v->entries[i].key), STR_ARG(value))));
        }
    return value_builder_list(&out);
}

static const struct value *spell_env_in(struct op_ctx *ctx, const struct value *v, const struct value *prior)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    for (uint32_t i = 0; v && v->kind == VALUE_LIST && i < v->count; i++) {
        struct str value, key = str_cut(value_text(v->items[i], STR_EMPTY), '=', &value);
        if (value.p && (!prior || value_get(prior, key)))
            value_builder_set(&out, arena_str(ctx->arena, key), value_string(ctx->arena, value));
    }
    return value_builder_map(&out);
}

/* ---- net_admin is CAP_NET_ADMIN ---- */

const struct value *spell_caps_out(struct op_ctx *ctx, const struct value *v)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    for (uint32_t i = 0; v && v->kind == VALUE_LIST && i < v->count; i++) {
        char *name = arena_strz(ctx->arena, value_text(v->items[i], STR_EMPTY));
        for (char *p = name; *p; p++)
            *p = (char)toupper((unsigned char)*p);
        bool whole = !strncmp(name, "CAP_", 4) || !strcmp(name, "ALL");
        value_builder_add(
            &out, value_string(ctx->arena, arena_printf(ctx->arena, "%s%s", whole ? "" : "CAP_", name)));
    }
    return value_builder_list(&out);
}

/* ---- nofile: 1024, or 1024:2048 ---- */

static const struct value *spell_ulimits_out(struct op_ctx *ctx, const struct value *v)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    for (uint32_t i = 0; v && v->kind == VALUE_MAP && i < v->count; i++) {
        struct str hard, soft = str_cut(text_of(ctx, v->entries[i].value), ':', &hard);
        int64_t low = 0, high = 0;
        str_to_int(soft, &low);
        if (!hard.p || !str_to_int(hard, &high))
            high = low;
        value_builder_add(&out, VALUE_MAP(ctx->arena, {STR("Hard"), value_int(ctx->arena, high)},
                                    {STR("Name"), value_string(ctx->arena, v->entries[i].key)},
                                    {STR("Soft"), value_int(ctx->arena, low)}));
    }
    return value_builder_list(&out);
}

static const struct value *spell_ulimits_in(
    struct op_ctx *ctx, const struct value *v, const struct value *prior UNUSED)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    for (uint32_t i = 0; v && v->kind == VALUE_LIST && i < v->count; i++) {
        int64_t low = value_geti(v->items[i], "Soft", 0), high = value_geti(v->items[i], "Hard", 0);
        struct str text = low == high ? arena_printf(ctx->arena, "%" PRId64, low)
                                      : arena_printf(ctx->arena, "%" PRId64 ":%" PRId64, low, high);
        value_builder_set(&out, value_gets(v->items[i], "Name"), value_string(ctx->arena, text));
    }
    return value_builder_map(&out);
}

/* ---- /dev/kvm, or /dev/sda:/dev/xvda:r ---- */

static const struct value *spell_devices_out(struct op_ctx *ctx, const struct value *v)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    for (uint32_t i = 0; v && v->kind == VALUE_LIST && i < v->count; i++) {
        struct str inside, rights, here = str_cut(value_text(v->items[i], STR_EMPTY), ':', &inside);
        inside = str_cut(inside.p ? inside : here, ':', &rights);
        struct value_entry entries[] = {
            {STR("CgroupPermissions"), value_string(ctx->arena, rights.p ? rights : STR("rwm"))},
            {STR("PathInContainer"), value_string(ctx->arena, inside)},
            {STR("PathOnHost"), value_string(ctx->arena, here)}};
        value_builder_add(&out, value_map(ctx->arena, entries, 3));
    }
    return value_builder_list(&out);
}

static const struct value *spell_devices_in(
    struct op_ctx *ctx, const struct value *v, const struct value *prior UNUSED)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    for (uint32_t i = 0; v && v->kind == VALUE_LIST && i < v->count; i++)
        value_builder_add(&out,
            value_string(ctx->arena,
                arena_printf(ctx->arena, "%.*s:%.*s:%.*s", STR_ARG(value_gets(v->items[i], "PathOnHost")),
                    STR_ARG(value_gets(v->items[i], "PathInContainer")),
                    STR_ARG(value_gets(v->items[i], "CgroupPermissions")))));
    return value_builder_list(&out);
}

typedef const struct value *spell_out(struct op_ctx *ctx, const struct value *v);
typedef const struct value *spell_in(struct op_ctx *ctx, const struct value *v, const struct value *prior);

struct field {
    const char *attr;
    const char *path; /* in the document; the create request has Config's members at the top */
    spell_out *out;   /* NULL: unchanged */
    spell_in *in;
    bool changes; /* can be changed while the container exists */
};

static const struct field fields[] = {
    {"image", "Config.Image", NULL, NULL, false},
    {"command", "Config.Cmd", NULL, NULL, false},
    {"entrypoint", "Config.Entrypoint", NULL, NULL, false},
    {"environment", "Config.Env", spell_env_out, spell_env_in, false},
    {"user", "Config.User", NULL, NULL, false},
    {"working_dir", "Config.WorkingDir", NULL, NULL, false},
    {"hostname", "Config.Hostname", NULL, NULL, false},
    {"tty", "Config.Tty", NULL, NULL, false},
    {"stdin_open", "Config.OpenStdin", NULL, NULL, false},
    {"stop_signal", "Config.StopSignal", NULL, NULL, false},
    {"stop_timeout", "Config.StopTimeout", NULL, NULL, false},
    {"health_check", "Config.Healthcheck", part_health_out, part_health_in, false},
    {"ports", "HostConfig.PortBindings", part_ports_out, part_ports_in, false},
    {"mounts", "HostConfig.Mounts", part_mounts_out, part_mounts_in, false},
    {"tmpfs", "HostConfig.Tmpfs", NULL, NULL, false},
    {"network_mode", "HostConfig.NetworkMode", NULL, NULL, false},
    {"restart", "HostConfig.RestartPolicy", spell_restart_out, spell_restart_in, true},
    {"memory", "HostConfig.Memory", spell_size_out, spell_size_in, true},
    {"memory_reservation", "HostConfig.MemoryReservation", spell_size_out, spell_size_in, true},
    {"cpus", "HostConfig.NanoCpus", spell_cpus_out, spell_cpus_in, true},
    {"pids_limit", "HostConfig.PidsLimit", NULL, NULL, true},
    {"shm_size", "HostConfig.ShmSize", spell_size_out, spell_size_in, false},
    {"privileged", "HostConfig.Privileged", NULL, NULL, false},
    {"read_only", "HostConfig.ReadonlyRootfs", NULL, NULL, false},
    {"init", "HostConfig.Init", NULL, NULL, false},
    {"cap_add", "HostConfig.CapAdd", spell_caps_out, NULL, false},
    {"cap_drop", "HostConfig.CapDrop", spell_caps_out, NULL, false},
    {"security_opt", "HostConfig.SecurityOpt", NULL, NULL, false},
    {"group_add", "HostConfig.GroupAdd", NULL, NULL, false},
    {"dns", "HostConfig.Dns", NULL, NULL, false},
    {"extra_hosts", "HostConfig.ExtraHosts", NULL, NULL, false},
    {"devices", "HostConfig.Devices", spell_devices_out, spell_devices_in, false},
    {"ulimits", "HostConfig.Ulimits", spell_ulimits_out, spell_ulimits_in, false},
    {"sysctls", "HostConfig.Sysctls", NULL, NULL, false},
    {"pid_mode", "HostConfig.PidMode", NULL, NULL, false},
    {"ipc_mode", "HostConfig.IpcMode", NULL, NULL, false},
    {"runtime", "HostConfig.Runtime", NULL, NULL, false},
    {"log_driver", "HostConfig.LogConfig.Type", NULL, NULL, false},
    {"log_options", "HostConfig.LogConfig.Config", NULL, NULL, false},
};
enum { FIELDS = sizeof fields / sizeof *fields };

static const struct value *outward(struct op_ctx *ctx, const struct field *field, const struct value *v)
{
    return field->out ? field->out(ctx, v) : v;
}

/* ---- creation ---- */

static const struct value *put(
    struct arena *arena, const struct value *map, struct str path, const struct value *v)
{
    struct str rest, step = str_cut(path, '.', &rest);
    return value_with(arena, map, step, rest.p ? put(arena, value_get(map, step), rest, v) : v);
}

static struct str in_body(const struct field *field)
{
    struct str path = str_z(field->path), config = STR("Config.");
    return str_starts(path, config) ? str_slice(path, config.n, path.n) : path;
}

static const struct value *with_networks(
    struct op_ctx *ctx, const struct value *body, const struct value *desired)
{
    const struct value *list = value_getz(desired, "networks");
    if (!list || list->kind != VALUE_LIST || !list->count)
        return body;
    struct str name = value_gets(list->items[0], "name");
    struct value_entry first = {name, part_endpoint(ctx, list->items[0])};
    body = put(ctx->arena, body, STR("NetworkingConfig.EndpointsConfig"), value_map(ctx->arena, &first, 1));
    return put(ctx->arena, body, STR("HostConfig.NetworkMode"), value_string(ctx->arena, name));
}

const struct value *container_body(struct op_ctx *ctx, const struct value *desired)
{
    const struct value *body = &value_empty_map, *secret = value_getz(desired, "secret_environment");
    if (!value_is_null(secret))
        desired = value_with(ctx->arena, desired, STR("environment"),
            value_merge(ctx->arena, value_getz(desired, "environment"), secret));
    for (size_t i = 0; i < FIELDS; i++) {
        const struct value *v = value_getz(desired, fields[i].attr);
        if (!value_is_null(v))
            body = put(ctx->arena, body, in_body(&fields[i]), outward(ctx, &fields[i], v));
    }
    body = value_with(
        ctx->arena, body, STR("Labels"), labels_with_ownership(ctx, value_getz(desired, "labels")));
    body = value_with(ctx->arena, body, STR("ExposedPorts"), part_exposed(ctx, value_getz(desired, "ports")));
    return with_networks(ctx, body, desired);
}

/* ---- reading ---- */

static bool is_nothing(const struct value *v)
{
    if (value_is_null(v))
        return true;
    switch (v->kind) {
    case VALUE_BOOL: return !v->boolean;
    case VALUE_INT: return !v->integer;
    case VALUE_STRING: return !v->string.n;
    case VALUE_LIST:
    case VALUE_MAP: return !v->count;
    default: return false;
    }
}

/* True if the Engine treats the values as equal: empty members may be missing in one and filled in in the
 * other. */
static bool means_same(const struct value *a, const struct value *b)
{
    if (is_nothing(a) || is_nothing(b))
        return is_nothing(a) && is_nothing(b);
    if (a->kind != b->kind || (a->kind != VALUE_MAP && a->kind != VALUE_LIST))
        return value_equal(a, b);
    if (a->kind == VALUE_LIST) {
        for (uint32_t i = 0; i < a->count && i < b->count; i++)
            if (!means_same(a->items[i], b->items[i]))
                return false;
        return a->count == b->count;
    }
    for (uint32_t i = 0; i < a->count; i++)
        if (!means_same(a->entries[i].value, value_get(b, a->entries[i].key)))
            return false;
    for (uint32_t i = 0; i < b->count; i++)
        if (!means_same(value_get(a, b->entries[i].key), b->entries[i].value))
            return false;
    return true;
}

static const struct value *inward(
    struct op_ctx *ctx, const struct field *field, const struct value *document, const struct value *whole)
{
    const struct value *live = resource_at(document, field->path), *prior = value_getz(whole, field->attr);
    bool imported = !value_getz(whole, "image");
    /* Variables that are not configured are the image's, or secrets. */
    if (field->in == spell_env_in && !imported && value_is_null(prior))
        return NULL;
    if (!value_is_null(prior) && value_is_known(prior) && means_same(outward(ctx, field, prior), live))
        return prior; /* in the configured format */
    if (value_is_null(live))
        return NULL;
    return field->in ? field->in(ctx, live, prior) : live;
}

bool container_is_up(struct str status, int64_t exit_code, const struct value *object)
{
    if (str_eqz(value_gets(object, "wait"), "exited") && str_eqz(status, "exited"))
        return exit_code == 0;
    return str_eqz(status, "running");
}

/* Returns {"80/tcp": "127.0.0.1:32768"}, the published ports. */
static const struct value *published(struct op_ctx *ctx, const struct value *document)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    const struct value *ports = resource_at(document, "NetworkSettings.Ports");
    for (uint32_t i = 0; ports && ports->kind == VALUE_MAP && i < ports->count; i++) {
        const struct value *list = ports->entries[i].value;
        if (list->kind == VALUE_LIST && list->count)
            value_builder_set(&out, ports->entries[i].key,
                value_string(ctx->arena,
                    arena_printf(ctx->arena, "%.*s:%.*s", STR_ARG(value_gets(list->items[0], "HostIp")),
                        STR_ARG(value_gets(list->items[0], "HostPort")))));
    }
    return value_builder_map(&out);
}

static const struct value *addresses(struct op_ctx *ctx, const struct value *document)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    const struct value *there = resource_at(document, "NetworkSettings.Networks");
    for (uint32_t i = 0; there && there->kind == VALUE_MAP && i < there->count; i++)
        if (value_gets(there->entries[i].value, "IPAddress").n)
            value_builder_set(&out, there->entries[i].key, value_getz(there->entries[i].value, "IPAddress"));
    return value_builder_map(&out);
}

const struct value *container_decode(
    struct op_ctx *ctx, const struct value *document, const struct value *prior)
{
    struct str name = value_gets(document, "Name");
    const struct value *state = value_getz(document, "State");
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    for (size_t i = 0; i < FIELDS; i++) {
        const struct value *live = inward(ctx, &fields[i], document, prior);
        if (live)
            value_builder_set(&out, str_z(fields[i].attr), live);
    }
    bool up = container_is_up(value_gets(state, "Status"), value_geti(state, "ExitCode", -1), prior);
    value_builder_set(&out, STR("name"),
        value_string(ctx->arena, str_starts(name, STR("/")) ? str_slice(name, 1, name.n) : name));
    value_builder_set(&out, STR("id"), value_getz(document, "Id"));
    value_builder_set(&out, STR("image_id"), value_getz(document, "Image"));
    value_builder_set(&out, STR("running"), value_bool(up));
    value_builder_set(&out, STR("networks"), part_networks_in(ctx, document, value_getz(prior, "networks")));
    value_builder_set(&out, STR("published"), published(ctx, document));
    value_builder_set(&out, STR("addresses"), addresses(ctx, document));
    return value_builder_map(&out);
}

/* ---- updating ---- */

const struct value *container_changes(
    struct op_ctx *ctx, const struct value *desired, const struct value *changed, struct err *err)
{
    const struct value *body = &value_empty_map;
    struct str host = STR("HostConfig.");
    for (size_t i = 0; i < FIELDS; i++) {
        const struct value *v = value_getz(desired, fields[i].attr);
        if (!fields[i].changes || !value_list_has(changed, str_z(fields[i].attr)))
            continue;
        if (value_is_null(v) && !strcmp(fields[i].attr, "restart")) {
            v = value_stringz(ctx->arena, "no");
        } else if (value_is_null(v)) {
            err_set(err, ERR_SERVICE, "the Engine cannot take the limit `%s` away from a container",
                fields[i].attr);
            err_hint(err, "`weir apply --replace '%.*s'` makes it anew", STR_ARG(ctx->address));
            return NULL;
        }
        struct str path = str_z(fields[i].path);
        body = put(ctx->arena, body, str_slice(path, host.n, path.n), outward(ctx, &fields[i], v));
    }
    /* The Engine set the swap limit to twice the memory at creation, and requires it to be the larger one. */
    int64_t memory = value_geti(body, "Memory", 0);
    return memory ? value_with(ctx->arena, body, STR("MemorySwap"), value_int(ctx->arena, 2 * memory)) : body;
}
