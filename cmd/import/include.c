/* AWS::Include: what a file says stands where Fn::Transform names it. A path is read; what lies on S3 is told
 * of. */
#include "base/file.h"
#include "cmd/import/nodes.h"
#include "cmd/import/rewrite.h"

enum { INCLUDE_DEPTH_MAX = 8 };

static const struct node *include_location(const struct node *transform)
{
    bool is =
        transform->kind == NODE_MAP && str_eqz(nodes_literal(node_get(transform, "Name")), "AWS::Include");
    return is ? nodes_at(transform, STR("Parameters.Location")) : NULL;
}

static void tell_include(struct template *t, const struct node *at)
{
    struct diag *d = diag_warning(t->diags, node_span(at), "what AWS::Include puts here is not known");
    diag_hint(t->diags, d,
        "a path of a file is read; `--stack NAME` without a template takes the whole as CloudFormation has "
        "it");
}

/* The map in that file; NULL: it has been told why not. */
static const struct node *included_map(struct template *t, const struct node *location)
{
    struct source *source = ARENA_NEW(t->arena, struct source);
    struct err err = ERR_INIT;
    struct str path = nodes_literal(location);
    if (!path.n || str_find(path, STR("://"), 0) >= 0) {
        tell_include(t, location);
        return NULL;
    }
    source->path = path_join(t->arena, path_dir(location->source->path), path);
    if (file_read(t->arena, source->path.p, YAML_MAX_SIZE, &source->text, &err)) {
        diag_error(t->diags, node_span(location), "%s", err.message);
        return NULL;
    }
    template_without_tabs(t->arena, &source->text);
    const struct node *map = yaml_parse_tagged(t->arena, source, t->diags);
    if (map && map->kind != NODE_MAP)
        diag_error(t->diags, node_span(map), "what is included is a map");
    return map && map->kind == NODE_MAP ? map : NULL;
}

static const struct node *with_included(struct template *t, const struct node *node, int depth);

static const struct node *map_with_included(struct template *t, const struct node *node, int depth)
{
    struct node *made = nodes_new(t->arena, NODE_MAP, node);
    for (uint32_t i = 0; i < node->count; i++) {
        struct node_entry entry = node->entries[i];
        const struct node *location =
            str_eqz(entry.key, "Fn::Transform") ? include_location(entry.value) : NULL;
        if (!location) {
            entry.value = (struct node *)with_included(t, entry.value, depth);
            nodes_set_entry(t->arena, made, &entry);
            continue;
        }
        const struct node *map = depth < INCLUDE_DEPTH_MAX ? included_map(t, location) : NULL;
        if (depth == INCLUDE_DEPTH_MAX)
            diag_error(t->diags, node_span(location), "files that include files, too deep");
        map = map ? with_included(t, map, depth + 1) : NULL;
        for (uint32_t k = 0; map && k < map->count; k++)
            nodes_set_entry(t->arena, made, &map->entries[k]);
    }
    return made;
}

/* Is there any at all? Most templates are left as they are. */
static bool includes(const struct node *node)
{
    for (uint32_t i = 0; node->kind == NODE_MAP && i < node->count; i++)
        if (str_eqz(node->entries[i].key, "Fn::Transform") || includes(node->entries[i].value))
            return true;
    for (uint32_t i = 0; node->kind == NODE_LIST && i < node->count; i++)
        if (includes(node->items[i]))
            return true;
    return false;
}

static const struct node *with_included(struct template *t, const struct node *node, int depth)
{
    if (!includes(node))
        return node;
    if (node->kind == NODE_MAP)
        return map_with_included(t, node, depth);
    struct node *list = nodes_new(t->arena, NODE_LIST, node);
    for (uint32_t i = 0; i < node->count; i++)
        nodes_add(t->arena, list, with_included(t, node->items[i], depth));
    return list;
}

const struct node *template_include(struct template *t, const struct node *root)
{
    return with_included(t, root, 0);
}
