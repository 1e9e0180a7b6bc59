/*
 * `extends:` of services: what another one says, of this file or another, and over it what the service says
 * itself. Afterwards no service extends another.
 */
#include "base/file.h"
#include "cmd/compose/compose.h"

enum { DEEP = 16 };

/* Lists of which both count; of all others the service's own does. */
static bool is_joined(struct str key)
{
    return str_is_any(key, "cap_add cap_drop configs devices dns env_file environment expose extra_hosts "
                           "group_add labels ports secrets security_opt tmpfs volumes");
}

/* As it stands there. */
static struct str text_of(const struct node *node)
{
    return !node ? STR_EMPTY : node->kind == NODE_STRING ? node->string : node_raw(node);
}

/* [A=1, B] as {A: 1, B: }; a map as it is. */
static struct node *as_map(struct compose *c, struct node *node)
{
    if (node->kind != NODE_LIST)
        return node;
    struct node *map = compose_copy(c, node);
    map->kind = NODE_MAP;
    map->entries = ARENA_ARRAY(c->arena, struct node_entry, node->count + 1);
    for (uint32_t i = 0; i < node->count; i++) {
        struct str rest, key = str_cut(text_of(node->items[i]), '=', &rest);
        struct node *value = compose_copy(c, node->items[i]);
        value->kind = rest.p ? NODE_STRING : NODE_NULL;
        value->string = arena_str(c->arena, rest.p ? rest : STR_EMPTY);
        map->entries[i] = (struct node_entry){.key = arena_str(c->arena, key),
            .key_offset = value->offset,
            .key_length = value->length,
            .value = value};
    }
    return map;
}

/* Where in the container a volume lies. */
static struct str target_of(const struct node *volume)
{
    struct str parts[3];
    if (volume->kind == NODE_MAP)
        return text_of(node_get(volume, "target"));
    size_t n = compose_split(text_of(volume), parts, 3);
    return parts[n > 1 ? 1 : 0];
}

static bool is_hidden(const struct node *volume, const struct node *by)
{
    for (uint32_t i = 0; i < by->count; i++)
        if (str_eq(target_of(volume), target_of(by->items[i])))
            return true;
    return false;
}

static struct node *extend_join(
    struct compose *c, struct str key, const struct node *base, const struct node *own)
{
    struct node *list = compose_copy(c, own);
    list->items = ARENA_ARRAY(c->arena, struct node *, base->count + own->count + 1);
    list->count = 0;
    for (uint32_t i = 0; i < base->count; i++)
        if (!str_eqz(key, "volumes") || !is_hidden(base->items[i], own))
            list->items[list->count++] = base->items[i];
    for (uint32_t i = 0; i < own->count; i++)
        list->items[list->count++] = own->items[i];
    return list;
}

static struct node *extend_merge_value(struct compose *c, struct str key, struct node *base, struct node *own)
{
    bool differ = base->kind != own->kind && is_joined(key);
    if (differ && (base->kind == NODE_MAP || own->kind == NODE_MAP)) {
        base = as_map(c, base);
        own = as_map(c, own);
    }
    if (base->kind == NODE_MAP && own->kind == NODE_MAP)
        return compose_merge(c, base, own);
    return base->kind == NODE_LIST && own->kind == NODE_LIST && is_joined(key)
               ? extend_join(c, key, base, own)
               : own;
}

struct node *compose_merge(struct compose *c, struct node *base, struct node *own)
{
    struct node *map = compose_copy(c, own);
    map->entries = ARENA_ARRAY(c->arena, struct node_entry, base->count + own->count + 1);
    map->count = 0;
    for (uint32_t i = 0; i < base->count; i++) {
        const struct node_entry *entry = &base->entries[i], *over = node_find(own, entry->key);
        struct node_entry *to = &map->entries[map->count++];
        *to = over ? *over : *entry;
        if (over)
            to->value = extend_merge_value(c, entry->key, entry->value, over->value);
    }
    for (uint32_t i = 0; i < own->count; i++)
        if (!node_find(base, own->entries[i].key))
            map->entries[map->count++] = own->entries[i];
    return map;
}

static struct node *without_extends(struct compose *c, const struct node *service)
{
    struct node *map = compose_copy(c, service);
    map->entries = ARENA_ARRAY(c->arena, struct node_entry, service->count + 1);
    map->count = 0;
    for (uint32_t i = 0; i < service->count; i++)
        if (!str_eqz(service->entries[i].key, "extends"))
            map->entries[map->count++] = service->entries[i];
    return map;
}

/* The services that one of another file is among; NULL: a diagnostic says why there are none. */
static const struct node *services_of(struct compose *c, const struct node *extends, const struct node *here)
{
    struct str file = text_of(node_get(extends, "file"));
    if (!file.n)
        return here;
    struct str path = path_join(c->arena, c->dir, compose_path(c, STR_EMPTY, file));
    struct node *root = yaml_load(c->arena, arena_strz(c->arena, path), path, c->diags);
    return root ? node_get(compose_rebase(c, root, path_dir(file)), "services") : NULL;
}

static struct node *extend_service(
    struct compose *c, struct node *service, const struct node *services, int depth)
{
    const struct node *extends = service->kind == NODE_MAP ? node_get(service, "extends") : NULL;
    if (!extends)
        return service;
    struct node *own = without_extends(c, service);
    struct str name = text_of(extends->kind == NODE_MAP ? node_get(extends, "service") : extends);
    const struct node *others = services_of(c, extends, services);
    const struct node_entry *base = others && others->kind == NODE_MAP ? node_find(others, name) : NULL;
    if (!base || base->value->kind != NODE_MAP || depth == DEEP) {
        compose_tell(c, extends,
            depth == DEEP ? "`extends` goes round in a circle, and is left out"
                          : "there is no service of that name to extend");
        return own;
    }
    return compose_merge(c, extend_service(c, base->value, others, depth + 1), own);
}

void compose_extend(struct compose *c, struct node *services)
{
    for (uint32_t i = 0; i < services->count; i++)
        services->entries[i].value = extend_service(c, services->entries[i].value, services, 0);
}
