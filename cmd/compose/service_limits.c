/* Networks, health checks, limits, ports and mounts of a service. */
#include "cmd/compose/compose.h"

#include <stdlib.h>

/* ---- ports and mounts, in short and long form ---- */

size_t compose_split(struct str text, struct str *parts, size_t max)
{
    size_t n = 0, from = 0;
    int depth = 0;
    for (size_t i = 0; i < text.n; i++) {
        depth += text.p[i] == '{' || text.p[i] == '[';
        depth -= text.p[i] == '}' || text.p[i] == ']';
        if (text.p[i] != ':' || depth || n + 1 == max)
            continue;
        parts[n++] = str_slice(text, from, i);
        from = i + 1;
    }
    parts[n++] = str_slice(text, from, text.n);
    return n;
}

/* Returns a number, or an expression that gives one. */
static const struct value *ports_number(struct compose *c, struct str text)
{
    int64_t n;
    return str_to_int(text, &n) ? value_int(c->arena, n) : value_string(c->arena, text);
}

struct port {
    struct str address, host, container, protocol;
};

static void add_port(struct compose *c, struct value_builder *out, const struct port *port)
{
    struct value_entry entries[4];
    size_t n = 0;
    /* Compose binds to all addresses by default. */
    entries[n++] = (struct value_entry){
        STR("address"), value_string(c->arena, port->address.n ? port->address : STR("0.0.0.0"))};
    entries[n++] = (struct value_entry){STR("container"), ports_number(c, port->container)};
    if (port->host.n)
        entries[n++] = (struct value_entry){STR("host"), ports_number(c, port->host)};
    if (port->protocol.n && !str_eqz(port->protocol, "tcp"))
        entries[n++] = (struct value_entry){STR("protocol"), value_string(c->arena, port->protocol)};
    value_builder_add(out, value_map(c->arena, entries, n));
}

/* Parses "8000-8002". */
static bool range(struct str text, int64_t *from, int64_t *to)
{
    struct str rest, first = str_cut(text, '-', &rest);
    if (!rest.p || !str_to_int(first, from) || !str_to_int(rest, to))
        return false;
    return *from <= *to && *to - *from < 1000;
}

static void add_ports(
    struct compose *c, const struct node *node, struct value_builder *out, const struct port *port)
{
    int64_t from, to, host_from = 0, host_to = 0;
    if (!range(port->container, &from, &to)) {
        struct port one = *port;
        if (str_find_char(port->host, '-', 0) > 0) {
            compose_warn(c, node,
                "a range of ports of this machine has no equivalent: without `host` the Engine selects a "
                "free port");
            one.host = STR_EMPTY;
        }
        add_port(c, out, &one);
        return;
    }
    bool both = range(port->host, &host_from, &host_to) && host_to - host_from == to - from;
    for (int64_t i = from; i <= to; i++) {
        struct port one = *port;
        one.container = arena_printf(c->arena, "%d", (int)i);
        one.host = both ? arena_printf(c->arena, "%d", (int)(host_from + i - from)) : STR_EMPTY;
        add_port(c, out, &one);
    }
}

static struct port short_port(struct compose *c, const struct node *node)
{
    struct str parts[3], protocol, text = compose_text(c, node);
    size_t n = compose_split(text, parts, 3);
    struct port port = {STR_EMPTY, STR_EMPTY, str_cut(parts[n - 1], '/', &protocol), protocol};
    if (n > 1)
        port.host = parts[n - 2];
    if (n > 2)
        port.address = parts[0];
    return port;
}

const struct value *compose_ports(struct compose *c, const struct node *list)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(c->arena);
    for (uint32_t i = 0; list && list->kind == NODE_LIST && i < list->count; i++) {
        const struct node *node = list->items[i];
        struct port port;
        if (node->kind == NODE_MAP)
            port = (struct port){compose_text(c, node_get(node, "host_ip")),
                compose_text(c, node_get(node, "published")), compose_text(c, node_get(node, "target")),
                compose_text(c, node_get(node, "protocol"))};
        else
            port = short_port(c, node);
        add_ports(c, node, &out, &port);
    }
    return value_builder_list(&out);
}

/* ---- mounts ---- */

static bool is_path(struct str source)
{
    return str_starts(source, STR(".")) || str_starts(source, STR("/")) || str_starts(source, STR("~"));
}

static const struct value *mount(
    struct compose *c, struct str type, struct str source, struct str target, bool read_only, struct str size)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(c->arena);
    if (!str_eqz(type, "volume"))
        value_builder_set(&out, STR("type"), value_string(c->arena, type));
    else if (source.n)
        source = compose_volume(c, source);
    if (source.n)
        value_builder_set(&out, STR("source"), value_string(c->arena, source));
    value_builder_set(&out, STR("target"), value_string(c->arena, target));
    if (read_only)
        value_builder_set(&out, STR("read_only"), &value_true);
    if (size.n)
        value_builder_set(&out, STR("size"), value_string(c->arena, size));
    return value_builder_map(&out);
}

static const struct value *short_mount(struct compose *c, const struct node *node)
{
    struct str parts[3];
    size_t n = compose_split(compose_text(c, node), parts, 3);
    struct str source = n > 1 ? parts[0] : STR_EMPTY, target = n > 1 ? parts[1] : parts[0];
    struct str options = n > 2 ? parts[2] : STR_EMPTY;
    if (options.n && !str_eqz(options, "ro") && !str_eqz(options, "rw"))
        compose_warn(c, node, "of the options `%.*s` only ro and rw are supported", STR_ARG(options));
    if (str_starts(source, STR("~")))
        compose_warn(c, node, "`~` is not expanded here: write the path");
    return mount(c, is_path(source) ? STR("bind") : STR("volume"), source, target,
        str_starts(options, STR("ro")), STR_EMPTY);
}

const struct value *compose_mounts(struct compose *c, const struct node *list)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(c->arena);
    for (uint32_t i = 0; list && list->kind == NODE_LIST && i < list->count; i++) {
        const struct node *node = list->items[i], *read_only = node_get(node, "read_only");
        if (node->kind != NODE_MAP) {
            value_builder_add(&out, short_mount(c, node));
            continue;
        }
        value_builder_add(
            &out, mount(c, compose_text(c, node_get(node, "type")), compose_text(c, node_get(node, "source")),
                      compose_text(c, node_get(node, "target")),
                      read_only && read_only->kind == NODE_BOOL && read_only->boolean,
                      compose_text(c, node_get(node_get(node, "tmpfs"), "size"))));
    }
    return value_builder_list(&out);
}

/* ---- networks ---- */

static const struct value *joined(struct service *s, struct str network, const struct node *how)
{
    struct compose *c = s->c;
    AUTO_BUILDER struct value_builder aliases = VALUE_BUILDER(c->arena), out = VALUE_BUILDER(c->arena);
    const struct node *more = node_get(how, "aliases");
    struct str address = compose_text(c, node_get(how, "ipv4_address"));
    value_builder_add(&aliases, value_string(c->arena, s->name));
    for (uint32_t i = 0; more && more->kind == NODE_LIST && i < more->count; i++)
        value_builder_add(&aliases, value_string_ref(c->arena, compose_text(c, more->items[i])));
    value_builder_set(&out, STR("name"), value_string_ref(c->arena, compose_network(c, network)));
    value_builder_set(&out, STR("aliases"), value_builder_list(&aliases));
    if (address.n)
        value_builder_set(&out, STR("ipv4_address"), value_string_ref(c->arena, address));
    return value_builder_map(&out);
}

/* If the service has several containers, the first one's network. */
static struct str network_of_service(struct compose *c, struct str name)
{
    const struct node_entry *service = node_find(node_get(c->root, "services"), name);
    bool many = service && compose_replicas(service->value) > 1;
    return arena_printf(c->arena, "container:${%.*s%s.name}", STR_ARG(compose_name(c, "service", name)),
        many ? "[\"1\"]" : "");
}

void service_networks(struct service *s, struct tree *attrs)
{
    struct compose *c = s->c;
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(c->arena);
    const struct node *list = node_get(s->node, "networks");
    struct str mode = compose_text(c, node_get(s->node, "network_mode"));
    if (str_starts(mode, STR("service:")))
        mode = network_of_service(c, str_slice(mode, 8, mode.n));
    if (mode.n) {
        attr_add_text(c, attrs, "network_mode", mode);
        return;
    }
    for (uint32_t i = 0; list && i < list->count && (list->kind == NODE_LIST || list->kind == NODE_MAP); i++)
        value_builder_add(&out, list->kind == NODE_LIST
                                    ? joined(s, compose_text(c, list->items[i]), NULL)
                                    : joined(s, list->entries[i].key, list->entries[i].value));
    if (!out.n)
        value_builder_add(&out, joined(s, STR("default"), NULL));
    attr_add(c, attrs, "networks", value_builder_list(&out));
}

/* ---- health, limits, other keys ---- */

void service_health(struct service *s, struct tree *attrs)
{
    struct compose *c = s->c;
    const struct node *node = node_get(s->node, "healthcheck"), *test = node_get(node, "test"),
                      *off = node_get(node, "disable");
    static const char *const times[] = {"interval", "timeout", "start_period"};
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(c->arena), words = VALUE_BUILDER(c->arena);
    if (!node || node->kind != NODE_MAP)
        return;
    if (off && off->kind == NODE_BOOL && off->boolean) {
        value_builder_add(&words, value_stringz(c->arena, "NONE"));
        value_builder_set(&out, STR("test"), value_builder_list(&words));
    } else if (test && test->kind == NODE_LIST) {
        value_builder_set(&out, STR("test"), compose_list(c, test));
    } else if (test) {
        value_builder_add(&words, value_stringz(c->arena, "CMD-SHELL"));
        value_builder_add(&words, value_string_ref(c->arena, compose_text(c, test)));
        value_builder_set(&out, STR("test"), value_builder_list(&words));
    } else {
        compose_warn(
            c, node, "a health check that only changes the image's times has no equivalent: give its `test`");
        return;
    }
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (node_get(node, times[i]))
            value_builder_set(&out, str_z(times[i]), compose_scalar(c, node_get(node, times[i])));
    if (node_get(node, "retries"))
        value_builder_set(&out, STR("retries"), compose_scalar(c, node_get(node, "retries")));
    if (node_get(node, "start_interval"))
        compose_warn(c, node_get(node, "start_interval"), "`start_interval` has no equivalent in a stack");
    attr_add(c, attrs, "health_check", value_builder_map(&out));
}

static const struct value *as_number(struct compose *c, const struct node *node)
{
    double number;
    struct str text = compose_text(c, node);
    return str_to_double(text, &number) ? value_float(c->arena, number) : value_string_ref(c->arena, text);
}

int64_t compose_replicas(const struct node *service)
{
    const struct node *count = node_get(node_get(service, "deploy"), "replicas");
    count = count ? count : node_get(service, "scale");
    return count && count->kind == NODE_INT && count->integer > 1 ? count->integer : 1;
}

void service_deploy(struct service *s, struct tree *attrs)
{
    struct compose *c = s->c;
    const struct node *deploy = node_get(s->node, "deploy"), *resources = node_get(deploy, "resources");
    const struct node *limits = node_get(resources, "limits"),
                      *reservations = node_get(resources, "reservations");
    const struct node *again = node_get(deploy, "restart_policy"), *count = node_get(deploy, "replicas");
    struct str when = compose_text(c, node_get(again, "condition")),
               tries = compose_text(c, node_get(again, "max_attempts"));
    if (node_get(limits, "memory"))
        attr_add_text(c, attrs, "memory", compose_text(c, node_get(limits, "memory")));
    if (node_get(limits, "cpus"))
        attr_add(c, attrs, "cpus", as_number(c, node_get(limits, "cpus")));
    if (node_get(limits, "pids"))
        attr_add(c, attrs, "pids_limit", compose_scalar(c, node_get(limits, "pids")));
    if (node_get(reservations, "memory"))
        attr_add_text(c, attrs, "memory_reservation", compose_text(c, node_get(reservations, "memory")));
    if (again && !node_get(s->node, "restart"))
        attr_add_text(c, attrs, "restart",
            str_eqz(when, "none") ? STR("no")
            : str_eqz(when, "on-failure") && tries.n
                ? arena_printf(c->arena, "on-failure:%.*s", STR_ARG(tries))
            : str_eqz(when, "on-failure") ? STR("on-failure")
                                          : STR("always"));
    if (!count)
        count = node_get(s->node, "scale");
    if (count && !(count->kind == NODE_INT && count->integer > 0))
        compose_warn(
            c, count, "one container is written: `for_each` in its resource makes several, with a name each");
}

const struct value *service_seconds(struct compose *c, const struct node *node)
{
    struct str text = compose_text(c, node);
    char *end;
    double total = 0;
    for (const char *p = text.p; p && *p; p = *end ? end + 1 : end) {
        double number = strtod(p, &end);
        if (end == p)
            break;
        total += *end == 'm' && end[1] != 's' ? number * 60
                 : *end == 'h'                ? number * 3600
                 : *end == 'm'                ? 0
                                              : number;
    }
    return total >= 1 ? value_int(c->arena, int_within(total)) : NULL;
}

const struct value *service_ulimits(struct compose *c, const struct node *node)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(c->arena);
    for (uint32_t i = 0; node && node->kind == NODE_MAP && i < node->count; i++) {
        const struct node *limit = node->entries[i].value;
        struct str text = compose_text(c, limit->kind == NODE_MAP ? node_get(limit, "soft") : limit);
        if (limit->kind == NODE_MAP)
            text = arena_printf(
                c->arena, "%.*s:%.*s", STR_ARG(text), STR_ARG(compose_text(c, node_get(limit, "hard"))));
        value_builder_set(&out, node->entries[i].key, value_string_ref(c->arena, text));
    }
    return value_builder_map(&out);
}

const struct value *service_hosts(struct compose *c, const struct node *node)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(c->arena);
    if (node && node->kind == NODE_LIST)
        return compose_list(c, node);
    for (uint32_t i = 0; node && node->kind == NODE_MAP && i < node->count; i++)
        value_builder_add(
            &out, value_string(c->arena, arena_printf(c->arena, "%.*s:%.*s", STR_ARG(node->entries[i].key),
                                             STR_ARG(compose_text(c, node->entries[i].value)))));
    return value_builder_list(&out);
}

const struct value *service_tmpfs(struct compose *c, const struct node *node)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(c->arena);
    const struct value *list = node ? compose_list(c, node) : &value_empty_list;
    for (uint32_t i = 0; i < list->count; i++) {
        struct str options, path = str_cut(list->items[i]->string, ':', &options);
        value_builder_set(&out, path, value_string(c->arena, options.p ? options : STR_EMPTY));
    }
    return value_builder_map(&out);
}
