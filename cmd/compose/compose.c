/* Converts a whole compose file: its name, networks, volumes, services, and the inputs that result, formatted
 * as a hand-written stack. */
#include "cmd/compose/compose.h"

#include "base/file.h"

#include <ctype.h>
#include <stdlib.h>

/* ---- attributes of resources ---- */

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

static struct tree *as_tree(struct arena *arena, const struct value *v)
{
    struct tree *out = tree_of(arena, v);
    if (v->kind == VALUE_LIST)
        for (uint32_t i = 0; i < v->count; i++)
            out->items[i] = as_tree(arena, v->items[i]);
    out->is_source = v->kind == VALUE_STRING;
    if (v->kind != VALUE_MAP)
        return out;
    out = tree_new(arena, TREE_MAP, NULL);
    for (size_t turn = 0; turn <= FIRST; turn++)
        for (uint32_t i = 0; i < v->count; i++)
            if (rank(v->entries[i].key) == turn)
                tree_set(arena, out, tree_source_key(arena, v->entries[i].key),
                    as_tree(arena, v->entries[i].value));
    return out;
}

void attr_add(struct compose *c, struct tree *attrs, const char *key, const struct value *v)
{
    if (!value_is_empty(v))
        tree_set(c->arena, attrs, str_z(key), as_tree(c->arena, v));
}

void attr_add_text(struct compose *c, struct tree *attrs, const char *key, struct str text)
{
    attr_add(c, attrs, key, value_string(c->arena, text));
}

void compose_resource(struct compose *c, struct str name, const char *type, struct tree *attrs)
{
    struct draft_resource *made = draft_resource(&c->draft);
    made->name = name;
    made->type = str_z(type);
    made->attrs = attrs;
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
    struct tree *attrs = tree_new(c->arena, TREE_MAP, NULL);
    static const char *const same[][2] = {{"driver", "driver"}, {"internal", "internal"},
        {"attachable", "attachable"}, {"enable_ipv6", "ipv6"}};
    if (is_external(node))
        return;
    attr_add_text(c, attrs, "name", real_name(c, node, name));
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (node_get(node, same[i][0]))
            attr_add(c, attrs, same[i][1], compose_scalar(c, node_get(node, same[i][0])));
    attr_add(c, attrs, "options", compose_map(c, node_get(node, "driver_opts")));
    attr_add(c, attrs, "subnets", subnets(c, node_get(node_get(node, "ipam"), "config")));
    attr_add(c, attrs, "labels", compose_map(c, node_get(node, "labels")));
    compose_resource(c, compose_name(c, "network", name), "docker.network", attrs);
}

static void write_volume(struct compose *c, struct str name, const struct node *node)
{
    struct tree *attrs = tree_new(c->arena, TREE_MAP, NULL);
    if (is_external(node))
        return;
    attr_add_text(c, attrs, "name", real_name(c, node, name));
    attr_add_text(c, attrs, "driver", compose_text(c, node_get(node, "driver")));
    attr_add(c, attrs, "options", compose_map(c, node_get(node, "driver_opts")));
    attr_add(c, attrs, "labels", compose_map(c, node_get(node, "labels")));
    compose_resource(c, compose_name(c, "volume", name), "docker.volume", attrs);
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

static void add_inputs(struct compose *c)
{
    for (size_t i = 0; i < c->inputs.n; i++) {
        const struct compose_input *input = c->inputs.items[i].ptr;
        struct tree *made = tree_new(c->arena, TREE_MAP, NULL);
        tree_set(c->arena, made, STR("type"), tree_string(c->arena, str_z(input->type), NULL));
        if (input->sensitive)
            tree_set(c->arena, made, STR("sensitive"), tree_value(c->arena, &value_true, NULL));
        else if (input->fallback)
            tree_set(c->arena, made, STR("default"), as_tree(c->arena, input->fallback));
        tree_set(c->arena, c->draft.inputs, input->name, made);
    }
}

/* Moves the resource that was added last before the one at the index. */
static void move_last(struct draft *d, size_t at)
{
    struct draft_resource *last = d->resources[d->n - 1];
    memmove(&d->resources[at + 1], &d->resources[at], (d->n - 1 - at) * sizeof *d->resources);
    d->resources[at] = last;
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
    size_t before_services = c->draft.n;
    for (uint32_t i = 0; i < services->count; i++)
        if (!str_starts(services->entries[i].key, STR("x-")))
            compose_service(c, &services->entries[i]);
    if (c->default_network) {
        write_network(c, STR("default"), defined(c, "networks", STR("default")));
        move_last(&c->draft, before_services);
    }
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

int compose_read(struct arena *arena, const struct compose_options *options, struct diags *diags,
    struct buf *out, struct err *err)
{
    struct compose c = {.arena = arena, .diags = diags, .dir = arena_str(arena, path_dir(options->file))};
    int status = -1;
    draft_init(&c.draft, arena, NULL, diags);
    c.root = read_files(&c, options);
    if (c.root) {
        name_project(&c, options);
        c.draft.stack = c.project;
        compose_convert(&c);
        add_inputs(&c);
        status = draft_write(&c.draft, out, err);
    }
    draft_release(&c.draft);
    map_release(&c.inputs);
    map_release(&c.defaults);
    map_release(&c.names);
    map_release(&c.taken);
    return status;
}
