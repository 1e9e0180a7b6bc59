/* Creates nodes as if they were in the template (see template.h), and handles AWS::Include. */
#include "cmd/import/template.h"

#include "base/file.h"

/* ---- references ---- */

static bool names_it(const struct node *argument, struct str id, bool within)
{
    if (argument->kind == NODE_LIST && argument->count)
        argument = argument->items[0];
    struct str text = nodes_literal(argument), rest;
    if (!text.p || !within)
        return text.p && str_eq(str_cut(text, '.', &rest), id);
    for (ptrdiff_t at = 0; (at = str_find(text, id, (size_t)at)) >= 0; at++) {
        size_t end = (size_t)at + id.n;
        bool opens = at >= 2 && text.p[at - 1] == '{' && text.p[at - 2] == '$';
        if (opens && end < text.n && (text.p[end] == '}' || text.p[end] == '.'))
            return true;
    }
    return false;
}

static bool is_reference(const struct node *node, const void *id)
{
    if (node->kind != NODE_MAP || node->count != 1)
        return false;
    bool sub = str_is_any(node->entries[0].key, "Fn::Sub !Sub");
    return (sub || str_is_any(node->entries[0].key, "Ref !Ref Fn::GetAtt !GetAtt")) &&
           names_it(node->entries[0].value, *(const struct str *)id, sub);
}

bool nodes_refer_to(const struct node *node, struct str id)
{
    return nodes_any(node, is_reference, &id);
}

bool nodes_is_function(const struct node *node)
{
    struct str key = node->kind == NODE_MAP && node->count == 1 ? node->entries[0].key : STR_EMPTY;
    return str_starts(key, STR("!")) || str_starts(key, STR("Fn::")) || str_eqz(key, "Ref");
}

struct str nodes_referred(const struct node *node)
{
    const struct node *name = node_get(node, "Ref");
    name = name ? name : node_get(node, "!Ref");
    return node->kind == NODE_MAP && node->count == 1 ? nodes_literal(name) : (struct str){NULL, 0};
}

bool nodes_is_type(const struct node *resource, const char *type)
{
    return str_eqz(nodes_literal(node_get(resource, "Type")), type);
}

const struct node *nodes_sub(const struct node *node, const struct node **values)
{
    const struct node *sub = node_get(node, "Fn::Sub");
    sub = sub ? sub : node_get(node, "!Sub");
    bool pair = sub && sub->kind == NODE_LIST && sub->count == 2;
    *values = pair ? sub->items[1] : NULL;
    return pair ? sub->items[0] : sub;
}

const struct node *nodes_part_metadata(struct arena *arena, const struct node *resource, struct str part)
{
    struct str path = nodes_literal(nodes_at(resource, STR("Metadata.aws:cdk:path")));
    struct str own = arena_printf(arena, "%.*s/%.*s", (int)path.n, path.p, STR_ARG(part));
    return path.p ? nodes_call(arena, "aws:cdk:path", own, resource) : NULL;
}

struct str nodes_joined(struct arena *arena, const struct node *node)
{
    const struct node *join = node ? node_get(node, "Fn::Join") : NULL;
    join = node && !join ? node_get(node, "!Join") : join;
    if (!join)
        return nodes_literal(node);
    const struct node *parts = join->kind == NODE_LIST && join->count == 2 ? join->items[1] : NULL;
    struct str between = parts ? nodes_literal(join->items[0]) : (struct str){NULL, 0};
    AUTO_BUF struct buf text = BUF_INIT;
    if (!between.p || parts->kind != NODE_LIST)
        return (struct str){NULL, 0};
    for (uint32_t i = 0; i < parts->count; i++) {
        struct str part = nodes_literal(parts->items[i]);
        if (!part.p)
            return part;
        buf_add_str(&text, i ? between : STR_EMPTY);
        buf_add_str(&text, part);
    }
    return arena_str(arena, buf_str(&text));
}

/* ---- AWS::Include: inserts the content of a file at Fn::Transform. Paths are read; S3 locations are
 * reported. */

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

/* Returns the map in that file; NULL after a diagnostic. */
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
        const struct node_entry *entry = &node->entries[i];
        const struct node *location =
            str_eqz(entry->key, "Fn::Transform") ? include_location(entry->value) : NULL;
        if (!location) {
            nodes_put(t->arena, made, entry, with_included(t, entry->value, depth));
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

static bool is_transform(const struct node *node, const void *unused UNUSED)
{
    return node_get(node, "Fn::Transform") != NULL;
}

static const struct node *with_included(struct template *t, const struct node *node, int depth)
{
    if (!nodes_any(node, is_transform, NULL)) /* most templates have none */
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
