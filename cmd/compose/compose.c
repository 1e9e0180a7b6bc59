/* Converts a whole compose file: its name, networks, volumes, services, and the inputs that result, formatted
 * as a hand-written stack. */
#include "cmd/compose/compose.h"

#include "base/file.h"
#include "base/json.h"
#include "stacks/format/format.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>

/* ---- formatting of resources: short lists and maps on one line, long ones on several ---- */

enum { LINE_MAX_BYTES = 120 };

void attr_add(struct attr_list *list, const char *key, const struct value *v)
{
    if (value_is_empty(v))
        return;
    assert(list->n < sizeof list->items / sizeof *list->items);
    list->items[list->n].key = key;
    list->items[list->n++].value = v;
}

void attr_add_text(struct attr_list *list, const char *key, struct str text)
{
    attr_add(list, key, value_string(list->arena, text));
}

/* ---- scalars ---- */

void write_scalar(struct buf *out, const struct value *v, bool flow)
{
    if (v->kind != VALUE_STRING)
        json_write(out, v, JSON_PLAIN);
    else
        yaml_write_text(out, v->string, flow);
}

/* ---- collections ---- */

/* Keys that come first; the others follow in their order. */
static const char *const first[] = {
    "type", "name", "test", "subnet", "source", "target", "container", "host"};
enum { FIRST = sizeof first / sizeof *first };

static size_t rank(struct str key)
{
    size_t i = 0;
    while (i < FIRST && !str_eqz(key, first[i]))
        i++;
    return i;
}

static void write_flow(struct buf *out, const struct value *v);

static void write_flow_map(struct buf *out, const struct value *v)
{
    bool any = false;
    buf_add_char(out, '{');
    for (size_t turn = 0; turn <= FIRST; turn++)
        for (uint32_t i = 0; i < v->count; i++) {
            if (rank(v->entries[i].key) != turn)
                continue;
            buf_addz(out, any ? ", " : "");
            any = true;
            yaml_write_text(out, v->entries[i].key, true);
            buf_addz(out, ": ");
            write_flow(out, v->entries[i].value);
        }
    buf_add_char(out, '}');
}

static void write_flow(struct buf *out, const struct value *v)
{
    if (v->kind == VALUE_MAP) {
        write_flow_map(out, v);
        return;
    }
    if (v->kind != VALUE_LIST) {
        write_scalar(out, v, true);
        return;
    }
    buf_add_char(out, '[');
    for (uint32_t i = 0; i < v->count; i++) {
        buf_addz(out, i ? ", " : "");
        write_flow(out, v->items[i]);
    }
    buf_add_char(out, ']');
}

static void write_value(struct buf *out, const struct value *v, int indent)
{
    AUTO_BUF struct buf line = BUF_INIT;
    if (v->kind != VALUE_LIST && v->kind != VALUE_MAP) {
        buf_add_char(out, ' ');
        write_scalar(out, v, false);
        buf_add_char(out, '\n');
        return;
    }
    write_flow(&line, v);
    if (line.n + (size_t)indent <= LINE_MAX_BYTES) {
        buf_addf(out, " %s\n", line.p);
        return;
    }
    buf_add_char(out, '\n');
    for (uint32_t i = 0; i < v->count; i++) {
        buf_addf(out, "%*s", indent, "");
        if (v->kind == VALUE_LIST) {
            buf_addz(out, "- ");
            write_flow(out, v->items[i]);
            buf_add_char(out, '\n');
        } else {
            yaml_write_text(out, v->entries[i].key, true);
            buf_add_char(out, ':');
            write_value(out, v->entries[i].value, indent + 2);
        }
    }
}

void write_resource(struct buf *out, struct str name, const char *type, const struct attr_list *attrs)
{
    buf_addf(out, "  %.*s:\n    type: %s\n", STR_ARG(name), type);
    for (size_t i = 0; i < attrs->n; i++) {
        buf_addf(out, "    %s:", attrs->items[i].key);
        write_value(out, attrs->items[i].value, 6);
    }
    buf_add_char(out, '\n');
}

/* ---- names in Docker Engine ---- */

static const struct node *defined(const struct compose *c, const char *kind, struct str name)
{
    const struct node *all = node_get(c->root, kind);
    const struct node_entry *entry = all ? node_find(all, name) : NULL;
    return entry ? entry->value : NULL;
}

static bool is_external(const struct node *node)
{
    const struct node *external = node_get(node, "external");
    return external && external->kind == NODE_BOOL && external->boolean;
}

static struct str real_name(struct compose *c, const struct node *node, struct str name)
{
    struct str given = compose_text(c, node_get(node, "name"));
    if (given.n || is_external(node))
        return given.n ? given : name;
    return arena_printf(c->arena, "%.*s_%.*s", STR_ARG(c->project), STR_ARG(name));
}

struct str compose_network(struct compose *c, struct str name)
{
    const struct node *node = defined(c, "networks", name);
    c->default_network = c->default_network || str_eqz(name, "default");
    return is_external(node) ? real_name(c, node, name) : compose_reference(c, "network", name, "name");
}

struct str compose_volume(struct compose *c, struct str name)
{
    const struct node *node = defined(c, "volumes", name);
    if (str_find(name, STR("${"), 0) >= 0)
        return name;
    return is_external(node) ? real_name(c, node, name) : compose_reference(c, "volume", name, "name");
}

/* ---- networks and volumes ---- */

static const struct value *subnets(struct compose *c, const struct node *list)
{
    static const char *const words[] = {"subnet", "gateway", "ip_range"};
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(c->arena);
    for (uint32_t i = 0; list && list->kind == NODE_LIST && i < list->count; i++) {
        AUTO_BUILDER struct value_builder one = VALUE_BUILDER(c->arena);
        for (size_t k = 0; k < sizeof words / sizeof *words; k++)
            if (node_get(list->items[i], words[k]))
                value_builder_set(
                    &one, str_z(words[k]), compose_scalar(c, node_get(list->items[i], words[k])));
        value_builder_add(&out, value_builder_map(&one));
    }
    return value_builder_list(&out);
}

static void write_network(struct compose *c, struct str name, const struct node *node)
{
    struct attr_list attrs = {.arena = c->arena};
    static const char *const same[][2] = {{"driver", "driver"}, {"internal", "internal"},
        {"attachable", "attachable"}, {"enable_ipv6", "ipv6"}};
    if (is_external(node))
        return;
    attr_add_text(&attrs, "name", real_name(c, node, name));
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (node_get(node, same[i][0]))
            attr_add(&attrs, same[i][1], compose_scalar(c, node_get(node, same[i][0])));
    attr_add(&attrs, "options", compose_map(c, node_get(node, "driver_opts")));
    attr_add(&attrs, "subnets", subnets(c, node_get(node_get(node, "ipam"), "config")));
    attr_add(&attrs, "labels", compose_map(c, node_get(node, "labels")));
    write_resource(&c->resources, compose_name(c, "network", name), "docker.network", &attrs);
}

static void write_volume(struct compose *c, struct str name, const struct node *node)
{
    struct attr_list attrs = {.arena = c->arena};
    if (is_external(node))
        return;
    attr_add_text(&attrs, "name", real_name(c, node, name));
    attr_add_text(&attrs, "driver", compose_text(c, node_get(node, "driver")));
    attr_add(&attrs, "options", compose_map(c, node_get(node, "driver_opts")));
    attr_add(&attrs, "labels", compose_map(c, node_get(node, "labels")));
    write_resource(&c->resources, compose_name(c, "volume", name), "docker.volume", &attrs);
}

static void write_each(struct compose *c, const char *kind,
    void (*write)(struct compose *c, struct str name, const struct node *node))
{
    const struct node *all = node_get(c->root, kind);
    for (uint32_t i = 0; all && all->kind == NODE_MAP && i < all->count; i++)
        if (!str_eqz(all->entries[i].key, "default"))
            write(c, all->entries[i].key, all->entries[i].value);
}

/* ---- the stack file ---- */

static struct str stack_name(struct compose *c, struct str text)
{
    char *name = arena_strz(c->arena, text);
    for (char *p = name; *p; p++)
        *p = isalnum((unsigned char)*p) ? (char)tolower((unsigned char)*p) : '-';
    while (*name && !isalpha((unsigned char)*name))
        name++;
    return *name ? str_z(name) : STR("compose");
}

static void name_project(struct compose *c, const struct compose_options *o)
{
    struct str name = compose_text(c, node_get(c->root, "name"));
    if (!name.n) {
        char *real = realpath(c->dir.n ? c->dir.p : ".", NULL);
        name = real ? arena_str(c->arena, path_base(str_z(real))) : STR("compose");
        free(real);
    }
    c->project = o->stack.n ? o->stack : stack_name(c, name);
}

static void tell_top(struct compose *c)
{
    static const char *const known[] = {
        "version", "name", "include", "services", "networks", "volumes", "secrets", "configs"};
    for (uint32_t i = 0; i < c->root->count; i++) {
        if (!str_starts(c->root->entries[i].key, STR("x-")) && !STR_IS_ONE_OF(c->root->entries[i].key, known))
            diag_warning(c->diags, node_key_span(&c->root->entries[i]),
                "`%.*s:` has no equivalent in a stack", STR_ARG(c->root->entries[i].key));
    }
}

static void write_inputs(struct compose *c, struct buf *out)
{
    if (c->inputs.n)
        buf_addz(out, "inputs:\n");
    for (size_t i = 0; i < c->inputs.n; i++) {
        const struct compose_input *input = c->inputs.items[i].ptr;
        buf_addf(out, "  %.*s: {type: %s", STR_ARG(input->name), input->type);
        if (input->sensitive)
            buf_addz(out, ", sensitive: true");
        if (input->fallback && !input->sensitive) {
            buf_addz(out, ", default: ");
            if (input->fallback->kind == VALUE_STRING && !input->fallback->string.n)
                buf_addz(out, "\"\"");
            else
                write_scalar(out, input->fallback, true);
        }
        buf_addz(out, "}\n");
    }
    if (c->inputs.n)
        buf_add_char(out, '\n');
}

static void compose_convert(struct compose *c)
{
    const struct node *services = node_get(c->root, "services");
    tell_top(c);
    /* Names of services are assigned before those of networks and volumes. */
    for (uint32_t i = 0; i < services->count; i++)
        compose_name(c, "service", services->entries[i].key);
    write_each(c, "networks", write_network);
    write_each(c, "volumes", write_volume);
    struct buf before = c->resources;
    c->resources = (struct buf)BUF_INIT;
    for (uint32_t i = 0; i < services->count; i++)
        if (!str_starts(services->entries[i].key, STR("x-")))
            compose_service(c, &services->entries[i]);
    struct buf made = c->resources;
    c->resources = before;
    if (c->default_network)
        write_network(c, STR("default"), defined(c, "networks", STR("default")));
    buf_add_str(&c->resources, buf_str(&made));
    buf_release(&made);
}

/* Returns all files merged, with `extends` resolved. */
static const struct node *read_files(struct compose *c, const struct compose_options *options)
{
    struct node *root = yaml_load(c->arena, arena_strz(c->arena, options->file), options->file, c->diags);
    if (!root)
        return NULL;
    compose_read_env(c);
    root = compose_include(c, root);
    if (c->diags->errors)
        return NULL;
    struct node *services = node_get(root, "services");
    if (!services || services->kind != NODE_MAP) {
        diag_error(c->diags, node_span(root), "a compose file has `services:`");
        return NULL;
    }
    compose_extend(c, services);
    return root;
}

static int format(struct compose *c, struct str text, struct diags *diags, struct buf *out, struct err *err)
{
    struct source *source = ARENA_NEW(c->arena, struct source);
    *source = (struct source){.path = STR("the stack"), .text = arena_str(c->arena, text)};
    return format_text(source, diags, out, err);
}

int compose_read(struct arena *arena, const struct compose_options *options, struct diags *diags,
    struct buf *out, struct err *err)
{
    struct compose c = {.arena = arena, .diags = diags, .dir = arena_str(arena, path_dir(options->file))};
    AUTO_BUF struct buf text = BUF_INIT;
    int status = -1;
    c.root = read_files(&c, options);
    if (c.root) {
        name_project(&c, options);
        compose_convert(&c);
        buf_addf(&text, "stack: %.*s\n\n", STR_ARG(c.project));
        write_inputs(&c, &text);
        buf_addz(&text, "resources:\n");
        buf_add_str(&text, buf_str(&c.resources));
        status = format(&c, buf_str(&text), diags, out, err);
    }
    buf_release(&c.resources);
    map_release(&c.inputs);
    map_release(&c.defaults);
    map_release(&c.names);
    map_release(&c.taken);
    return status;
}
