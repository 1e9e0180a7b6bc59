/* Ports and mounts, in their short and long forms. */
#include "cmd/compose/compose.h"

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

/* A number, or an expression that gives one. */
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
    /* Compose publishes for everybody unless it is told otherwise. */
    entries[n++] = (struct value_entry){
        STR("address"), value_string(c->arena, port->address.n ? port->address : STR("0.0.0.0"))};
    entries[n++] = (struct value_entry){STR("container"), ports_number(c, port->container)};
    if (port->host.n)
        entries[n++] = (struct value_entry){STR("host"), ports_number(c, port->host)};
    if (port->protocol.n && !str_eqz(port->protocol, "tcp"))
        entries[n++] = (struct value_entry){STR("protocol"), value_string(c->arena, port->protocol)};
    value_builder_add(out, value_map(c->arena, entries, n));
}

/* "8000-8002" */
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
        if (str_find_char(port->host, '-', 0) > 0)
            compose_tell(c, node, "one of a range of ports has no equivalent: give the port");
        add_port(c, out, port);
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
        compose_tell(c, node, "of the options `%.*s` only ro and rw can be said", STR_ARG(options));
    if (str_starts(source, STR("~")))
        compose_tell(c, node, "`~` is nobody's home here: write the path");
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
