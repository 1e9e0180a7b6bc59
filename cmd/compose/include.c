/* `include:` and `extends:` of a compose file: merges services, networks, volumes, secrets and configs of
 * other files, with paths relative to their folders and variables from their own .env. */
#include "base/file.h"
#include "cmd/compose/compose.h"
#include "stacks/stack.h"

#include <ctype.h>

/* ---- paths in included files: rewritten relative to the first file's folder ---- */

typedef struct node *rebase_fn(struct compose *c, struct node *node, struct str from);

/* Returns the path relative to the first file's folder; `from` leads there to the folder of the file that
 * contains the path. */
static struct str compose_path(struct compose *c, struct str from, struct str path)
{
    bool stays = !path.n || path.p[0] == '~' || path.p[0] == '$' || str_find(path, STR("://"), 0) >= 0 ||
                 str_starts(path, STR("git@"));
    while (!stays && str_starts(path, STR("./")))
        path = str_slice(path, 2, path.n);
    if (stays || !from.n || str_eqz(from, "."))
        return arena_str(c->arena, path);
    return str_eqz(path, ".") ? arena_str(c->arena, from) : path_join(c->arena, from, path);
}

/* Rewrites a path of a file or folder. */
static struct node *rebase_text(struct compose *c, struct node *node, struct str from)
{
    if (node->kind != NODE_STRING)
        return node;
    node = nodes_copy(c->arena, node);
    node->string = compose_path(c, from, node->string);
    return node;
}

/* Rewrites SOURCE:TARGET, if the source is a path and not a name. */
static struct node *rebase_volume(struct compose *c, struct node *node, struct str from)
{
    struct str rest;
    if (node->kind != NODE_STRING || !str_starts(node->string, STR(".")))
        return node;
    struct str path = compose_path(c, from, str_cut(node->string, ':', &rest));
    bool is_path = path.p[0] == '/' || path.p[0] == '.';
    node = nodes_copy(c->arena, node);
    node->string = arena_printf(
        c->arena, "%s%.*s%s%.*s", is_path ? "" : "./", STR_ARG(path), rest.p ? ":" : "", STR_ARG(rest));
    return node;
}

/* Rewrites an entry of a map, if it has the key. */
static struct node *rebase_entry(
    struct compose *c, struct node *map, const char *key, rebase_fn *rebase, struct str from)
{
    struct node *value = node_get(map, key);
    return value ? nodes_with(c->arena, map, key, rebase(c, value, from)) : map;
}

/* Rewrites each item of a list, or a single item. */
static struct node *rebase_each(struct compose *c, struct node *list, rebase_fn *rebase, struct str from)
{
    if (list->kind != NODE_LIST)
        return rebase(c, list, from);
    struct node *made = nodes_new(c->arena, NODE_LIST, list);
    for (uint32_t i = 0; i < list->count; i++)
        nodes_add(c->arena, made, rebase(c, list->items[i], from));
    return made;
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
    bool is_path = str_starts(node_text(node_get(node, "source")), STR("."));
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

static struct node *rebase_file(struct compose *c, struct node *node, struct str from)
{
    return rebase_entry(c, node, "file", rebase_text, from);
}

static struct node *rebase_service(struct compose *c, struct node *service, struct str from)
{
    static const struct {
        const char *key;
        rebase_fn *rebase;
    } parts[] = {{"build", rebase_build}, {"env_file", rebase_env_files}, {"extends", rebase_file},
        {"volumes", rebase_mounts}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        service = rebase_entry(c, service, parts[i].key, parts[i].rebase, from);
    return service;
}

/* Returns a copy of a file of that folder with all paths rewritten. */
static struct node *compose_rebase(struct compose *c, struct node *root, struct str from)
{
    static const struct {
        const char *kind;
        rebase_fn *rebase;
    } kinds[] = {{"services", rebase_service}, {"secrets", rebase_file}, {"configs", rebase_file}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        const struct node *all = node_get(root, kinds[k].kind);
        struct node *made = all && all->kind == NODE_MAP ? nodes_new(c->arena, NODE_MAP, all) : NULL;
        for (uint32_t i = 0; made && i < all->count; i++)
            nodes_put(c->arena, made, &all->entries[i], kinds[k].rebase(c, all->entries[i].value, from));
        root = made ? nodes_with(c->arena, root, kinds[k].kind, made) : root;
    }
    return root;
}

/* ---- names of resources ---- */

static bool is_free(struct compose *c, struct str name)
{
    return !stack_is_reserved(name) && !map_get(&c->taken, name);
}

struct str compose_name(struct compose *c, const char *kind, struct str name)
{
    struct str key = arena_printf(c->arena, "%s %.*s", kind, STR_ARG(name));
    const struct str *known = map_get(&c->names, key);
    if (known)
        return *known;
    char *word = arena_strz(c->arena, str_eqz(name, "default") ? str_z(kind) : name);
    for (char *p = word; *p; p++)
        *p = isalnum((unsigned char)*p) ? *p : '_';
    struct str wanted =
        isalpha((unsigned char)*word) ? str_z(word) : arena_printf(c->arena, "%s_%s", kind, word);
    if (!is_free(c, wanted))
        wanted = arena_printf(c->arena, "%.*s_%s", STR_ARG(wanted), kind);
    while (!is_free(c, wanted))
        wanted = arena_printf(c->arena, "%.*s_", STR_ARG(wanted));
    struct str *boxed = arena_boxed(c->arena, wanted);
    map_set(&c->names, key, boxed);
    map_set(&c->taken, wanted, boxed);
    return wanted;
}

struct str compose_reference(struct compose *c, const char *kind, struct str name, const char *attr)
{
    return arena_printf(c->arena, "${%.*s.%s}", STR_ARG(compose_name(c, kind, name)), attr);
}

enum { DEEP = 16 };
static const char *const kinds[] = {"services", "networks", "volumes", "secrets", "configs"};

static struct node *include_root(struct compose *c, struct node *root, struct str dir, int depth);

/* A variable that is already set keeps its value. */
static void take_missing(struct compose *c, struct str key, struct str text, void *ctx UNUSED)
{
    if (!map_get(&c->defaults, key))
        map_set(&c->defaults, key, arena_strz(c->arena, text));
}

static void include_env(struct compose *c, const struct node *files, struct str dir, struct str project)
{
    uint32_t n = files && files->kind == NODE_LIST ? files->count : 1;
    for (uint32_t i = 0; i < n; i++) {
        const struct node *file = files && files->kind == NODE_LIST ? files->items[i] : files;
        struct str path =
            file ? compose_path(c, dir, node_text(file)) : path_join(c->arena, project, STR(".env"));
        compose_env_file(c, path_join(c->arena, c->dir, path), take_missing, NULL);
    }
}

static struct node *compose_merge(struct compose *c, struct node *base, struct node *own);

/* Reads one file, or several, of which later ones extend the earlier ones. */
static struct node *include_files(
    struct compose *c, const struct node *paths, struct str dir, struct str project)
{
    uint32_t n = paths->kind == NODE_LIST ? paths->count : 1;
    struct node *all = NULL;
    for (uint32_t i = 0; i < n; i++) {
        const struct node *entry = paths->kind == NODE_LIST ? paths->items[i] : paths;
        struct str path = path_join(c->arena, c->dir, compose_path(c, dir, node_text(entry)));
        struct node *root = yaml_load(c->arena, arena_strz(c->arena, path), path, c->diags);
        if (!root)
            return NULL;
        root = compose_rebase(c, root, project);
        all = all && root->kind == NODE_MAP ? compose_merge(c, all, root) : root;
    }
    return all;
}

/* Merges the other file's services, networks and so on into the file's own. */
static struct node *include_beside(
    struct compose *c, const struct node *own, const struct node *others, const char *kind)
{
    struct node *map = nodes_copy(c->arena, own);
    for (uint32_t i = 0; i < others->count; i++) {
        const struct node_entry *other = &others->entries[i], *existing = node_find(map, other->key);
        if (!existing)
            nodes_set_entry(c->arena, map, other);
        else if (!nodes_same(existing->value, other->value)) /* several files may include the same one */
            diag_error(c->diags, node_key_span(other),
                "`%.*s` of %s is in the file that includes this one, too", STR_ARG(other->key), kind);
    }
    return map;
}

static struct node *include_kind(struct compose *c, struct node *root, struct node *other, const char *kind)
{
    const struct node *own = node_get(root, kind), *others = node_get(other, kind);
    if (!others || others->kind != NODE_MAP)
        return root;
    if (own && own->kind == NODE_MAP)
        others = include_beside(c, own, others, kind);
    struct node *made = nodes_copy(c->arena, root);
    nodes_put(c->arena, made, node_find(other, str_z(kind)), others);
    return made;
}

static struct node *include_one(
    struct compose *c, struct node *root, const struct node *entry, struct str dir, int depth)
{
    const struct node *paths = entry->kind == NODE_MAP ? node_get(entry, "path") : entry;
    const struct node *first = paths && paths->kind == NODE_LIST && paths->count ? paths->items[0] : paths;
    if (!node_text(first).n || depth == DEEP) {
        diag_error(c->diags, node_span(entry),
            depth == DEEP ? "`include` is a cycle" : "`include` names the path of a compose file");
        return root;
    }
    struct str folder = path_dir(compose_path(c, dir, node_text(first))), project = folder;
    if (entry->kind == NODE_MAP && node_get(entry, "project_directory"))
        project = compose_path(c, dir, node_text(node_get(entry, "project_directory")));
    include_env(c, entry->kind == NODE_MAP ? node_get(entry, "env_file") : NULL, dir, project);
    struct node *other = include_files(c, paths, dir, project);
    if (!other || other->kind != NODE_MAP)
        return root;
    other = include_root(c, other, folder, depth + 1);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        root = include_kind(c, root, other, kinds[i]);
    return root;
}

static struct node *include_root(struct compose *c, struct node *root, struct str dir, int depth)
{
    const struct node *list = node_get(root, "include");
    if (list && list->kind != NODE_LIST)
        diag_error(c->diags, node_span(list), "`include` is a list of compose files");
    for (uint32_t i = 0; list && list->kind == NODE_LIST && i < list->count; i++)
        root = include_one(c, root, list->items[i], dir, depth);
    return root;
}

struct node *compose_include(struct compose *c, struct node *root)
{
    return include_root(c, root, STR_EMPTY, 0);
}

/* ---- `extends:` of services: merges the other service, of this file or another, with the service's own
 * keys, which have precedence ---- */

/* Returns whether both lists of this key are concatenated; for other keys the service's own value applies. */
static bool is_joined(struct str key)
{
    return str_is_any(key, "cap_add cap_drop configs devices dns env_file environment expose extra_hosts "
                           "group_add labels ports secrets security_opt tmpfs volumes");
}

/* Returns the source text. */
static struct str text_of(const struct node *node)
{
    return !node ? STR_EMPTY : node->kind == NODE_STRING ? node->string : node_raw(node);
}

/* Returns [A=1, B] as {A: 1, B: }; a map is unchanged. */
static struct node *as_map(struct compose *c, struct node *node)
{
    if (node->kind != NODE_LIST)
        return node;
    struct node *map = nodes_new(c->arena, NODE_MAP, node);
    for (uint32_t i = 0; i < node->count; i++) {
        const struct node *item = node->items[i];
        struct str rest, key = str_cut(text_of(item), '=', &rest);
        nodes_set(c->arena, map, key,
            rest.p ? nodes_text(c->arena, rest, item) : nodes_new(c->arena, NODE_NULL, item));
    }
    return map;
}

/* Returns the path of a volume in the container. */
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
    struct node *list = nodes_new(c->arena, NODE_LIST, own);
    for (uint32_t i = 0; i < base->count; i++)
        if (!str_eqz(key, "volumes") || !is_hidden(base->items[i], own))
            nodes_add(c->arena, list, base->items[i]);
    for (uint32_t i = 0; i < own->count; i++)
        nodes_add(c->arena, list, own->items[i]);
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

/* Merges `own` over `base`. */
static struct node *compose_merge(struct compose *c, struct node *base, struct node *own)
{
    struct node *map = nodes_new(c->arena, NODE_MAP, own);
    for (uint32_t i = 0; i < base->count; i++) {
        const struct node_entry *entry = &base->entries[i], *over = node_find(own, entry->key);
        if (over)
            nodes_put(c->arena, map, over, extend_merge_value(c, entry->key, entry->value, over->value));
        else
            nodes_set_entry(c->arena, map, entry);
    }
    for (uint32_t i = 0; i < own->count; i++)
        if (!node_find(base, own->entries[i].key))
            nodes_set_entry(c->arena, map, &own->entries[i]);
    return map;
}

/* Returns the services among which the extended one is, of another file or this one. NULL after a
 * diagnostic. */
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
    struct node *own = nodes_without(c->arena, service, "extends");
    struct str name = text_of(extends->kind == NODE_MAP ? node_get(extends, "service") : extends);
    const struct node *others = services_of(c, extends, services);
    const struct node_entry *base = others && others->kind == NODE_MAP ? node_find(others, name) : NULL;
    if (!base || base->value->kind != NODE_MAP || depth == DEEP) {
        compose_warn(c, extends,
            depth == DEEP ? "`extends` is a cycle, and is left out"
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
