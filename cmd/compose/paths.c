/* Paths of files that another compose file takes in: written from that one's folder on. */
#include "base/file.h"
#include "cmd/compose/parts.h"

typedef struct node *rebase_fn(struct compose *c, struct node *node, struct str from);

struct node *compose_copy(struct compose *c, const struct node *node)
{
    struct node *copy = ARENA_NEW(c->arena, struct node);
    *copy = *node;
    return copy;
}

struct str compose_path(struct compose *c, struct str from, struct str path)
{
    bool stays = !path.n || path.p[0] == '~' || path.p[0] == '$' || str_find(path, STR("://"), 0) >= 0 ||
                 str_starts(path, STR("git@"));
    while (!stays && str_starts(path, STR("./")))
        path = str_slice(path, 2, path.n);
    if (stays || !from.n || str_eqz(from, "."))
        return arena_str(c->arena, path);
    return str_eqz(path, ".") ? arena_str(c->arena, from) : path_join(c->arena, from, path);
}

/* What a file or a folder is called. */
static struct node *rebase_text(struct compose *c, struct node *node, struct str from)
{
    if (node->kind != NODE_STRING)
        return node;
    node = compose_copy(c, node);
    node->string = compose_path(c, from, node->string);
    return node;
}

/* SOURCE:TARGET, where the source is a path and no name. */
static struct node *rebase_volume(struct compose *c, struct node *node, struct str from)
{
    struct str rest;
    if (node->kind != NODE_STRING || !str_starts(node->string, STR(".")))
        return node;
    struct str path = compose_path(c, from, str_cut(node->string, ':', &rest));
    bool is_path = path.p[0] == '/' || path.p[0] == '.';
    node = compose_copy(c, node);
    node->string = arena_printf(
        c->arena, "%s%.*s%s%.*s", is_path ? "" : "./", STR_ARG(path), rest.p ? ":" : "", STR_ARG(rest));
    return node;
}

static struct node *rebase_entry(
    struct compose *c, struct node *map, const char *key, rebase_fn *rebase, struct str from)
{
    if (map->kind != NODE_MAP || !node_get(map, key))
        return map;
    map = compose_copy(c, map);
    struct node_entry *entries = ARENA_ARRAY(c->arena, struct node_entry, map->count);
    for (uint32_t i = 0; i < map->count; i++) {
        entries[i] = map->entries[i];
        if (str_eqz(entries[i].key, key))
            entries[i].value = rebase(c, entries[i].value, from);
    }
    map->entries = entries;
    return map;
}

/* Each of a list; what is none is one. */
static struct node *rebase_each(struct compose *c, struct node *list, rebase_fn *rebase, struct str from)
{
    if (list->kind != NODE_LIST)
        return rebase(c, list, from);
    list = compose_copy(c, list);
    struct node **items = ARENA_ARRAY(c->arena, struct node *, list->count + 1);
    for (uint32_t i = 0; i < list->count; i++)
        items[i] = rebase(c, list->items[i], from);
    list->items = items;
    return list;
}

static struct node *rebase_env_file(struct compose *c, struct node *node, struct str from)
{
    return node->kind == NODE_MAP ? rebase_entry(c, node, "path", rebase_text, from)
                                  : rebase_text(c, node, from);
}

static struct node *rebase_env_files(struct compose *c, struct node *node, struct str from)
{
    return rebase_each(c, node, rebase_env_file, from);
}

static struct node *rebase_mount(struct compose *c, struct node *node, struct str from)
{
    struct str source =
        node->kind == NODE_MAP && node_get(node, "source") ? node_get(node, "source")->string : STR_EMPTY;
    bool is_path = node->kind == NODE_MAP && node_get(node, "source") &&
                   node_get(node, "source")->kind == NODE_STRING && str_starts(source, STR("."));
    return is_path ? rebase_entry(c, node, "source", rebase_volume, from) : rebase_volume(c, node, from);
}

static struct node *rebase_mounts(struct compose *c, struct node *node, struct str from)
{
    return rebase_each(c, node, rebase_mount, from);
}

static struct node *rebase_build(struct compose *c, struct node *node, struct str from)
{
    return node->kind == NODE_MAP ? rebase_entry(c, node, "context", rebase_text, from)
                                  : rebase_text(c, node, from);
}

static struct node *rebase_extends(struct compose *c, struct node *node, struct str from)
{
    return rebase_entry(c, node, "file", rebase_text, from);
}

static struct node *rebase_service(struct compose *c, struct node *service, struct str from)
{
    static const struct {
        const char *key;
        rebase_fn *rebase;
    } parts[] = {{"build", rebase_build}, {"env_file", rebase_env_files}, {"extends", rebase_extends},
        {"volumes", rebase_mounts}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        service = rebase_entry(c, service, parts[i].key, parts[i].rebase, from);
    return service;
}

static struct node *rebase_file(struct compose *c, struct node *node, struct str from)
{
    return rebase_entry(c, node, "file", rebase_text, from);
}

struct node *compose_rebase(struct compose *c, struct node *root, struct str from)
{
    static const struct {
        const char *kind;
        rebase_fn *rebase;
    } kinds[] = {{"services", rebase_service}, {"secrets", rebase_file}, {"configs", rebase_file}};
    if (root->kind != NODE_MAP)
        return root;
    root = compose_copy(c, root);
    struct node_entry *entries = ARENA_ARRAY(c->arena, struct node_entry, root->count + 1);
    for (uint32_t i = 0; i < root->count; i++) {
        entries[i] = root->entries[i];
        struct node *all = entries[i].value;
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
            for (uint32_t m = 0;
                 str_eqz(entries[i].key, kinds[k].kind) && all->kind == NODE_MAP && m < all->count; m++)
                entries[i].value = rebase_entry(
                    c, entries[i].value, arena_strz(c->arena, all->entries[m].key), kinds[k].rebase, from);
    }
    root->entries = entries;
    return root;
}
