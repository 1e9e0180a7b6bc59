/*
 * `include:` of a compose file: the services, networks, volumes, secrets and configs of others, with paths
 * from their own folders on and the variables of their own .env. What two files call by one name is an error,
 * as it is to the docker client.
 */
#include "base/file.h"
#include "cmd/compose/parts.h"

enum { DEEP = 16 };

static const char *const kinds[] = {"services", "networks", "volumes", "secrets", "configs"};

static struct node *include_root(struct compose *c, struct node *root, struct str dir, int depth);

/* What has been said of a variable already stands. */
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

/* One file, or several of which the later ones say more of the same things. */
static struct node *include_files(
    struct compose *c, const struct node *paths, struct str dir, struct str project)
{
    uint32_t n = paths->kind == NODE_LIST ? paths->count : 1;
    struct node *all = NULL;
    for (uint32_t i = 0; i < n; i++) {
        const struct node *said = paths->kind == NODE_LIST ? paths->items[i] : paths;
        struct str path = path_join(c->arena, c->dir, compose_path(c, dir, node_text(said)));
        struct node *root = yaml_load(c->arena, arena_strz(c->arena, path), path, c->diags);
        if (!root)
            return NULL;
        root = compose_rebase(c, root, project);
        all = all && root->kind == NODE_MAP ? compose_merge(c, all, root) : root;
    }
    return all;
}

/* Does it say the same? One file may be included by several. */
static bool include_same(const struct node *a, const struct node *b)
{
    bool same = a->kind == b->kind;
    if (!same || (a->kind != NODE_MAP && a->kind != NODE_LIST))
        return same &&
               (a->kind == NODE_STRING ? str_eq(a->string, b->string) : str_eq(node_raw(a), node_raw(b)));
    same = a->count == b->count;
    for (uint32_t i = 0; same && i < a->count; i++) {
        const struct node_entry *other = a->kind == NODE_MAP ? node_find(b, a->entries[i].key) : NULL;
        same = a->kind == NODE_LIST ? include_same(a->items[i], b->items[i])
                                    : other && include_same(a->entries[i].value, other->value);
    }
    return same;
}

/* The other file's services, networks and so on beside one's own. */
static struct node *include_beside(
    struct compose *c, struct node *own, const struct node *others, const char *kind)
{
    struct node *map = compose_copy(c, own);
    map->entries = ARENA_ARRAY(c->arena, struct node_entry, own->count + others->count + 1);
    memcpy(map->entries, own->entries, own->count * sizeof *own->entries);
    for (uint32_t i = 0; i < others->count; i++) {
        const struct node_entry *other = &others->entries[i], *there = node_find(map, other->key);
        if (!there)
            map->entries[map->count++] = *other;
        else if (!include_same(there->value, other->value))
            diag_error(c->diags, node_key_span(other),
                "`%.*s` of %s is in the file that includes this one, too", STR_ARG(other->key), kind);
    }
    return map;
}

static struct node *include_kind(struct compose *c, struct node *root, struct node *other, const char *kind)
{
    struct node *own = node_get(root, kind), *others = node_get(other, kind);
    if (!others || others->kind != NODE_MAP)
        return root;
    if (own && own->kind == NODE_MAP)
        others = include_beside(c, own, others, kind);
    root = compose_copy(c, root);
    struct node_entry *entries = ARENA_ARRAY(c->arena, struct node_entry, root->count + 1);
    bool found = false;
    for (uint32_t i = 0; i < root->count; i++) {
        entries[i] = root->entries[i];
        if (str_eqz(entries[i].key, kind)) {
            entries[i].value = others;
            found = true;
        }
    }
    if (!found)
        entries[root->count++] = *node_find(other, str_z(kind));
    root->entries = entries;
    return root;
}

static struct node *include_one(
    struct compose *c, struct node *root, const struct node *said, struct str dir, int depth)
{
    const struct node *paths = said->kind == NODE_MAP ? node_get(said, "path") : said;
    const struct node *first = paths && paths->kind == NODE_LIST && paths->count ? paths->items[0] : paths;
    if (!node_text(first).n || depth == DEEP) {
        diag_error(c->diags, node_span(said),
            depth == DEEP ? "`include` goes round in a circle"
                          : "`include` names the path of a compose file");
        return root;
    }
    struct str folder = path_dir(compose_path(c, dir, node_text(first))), project = folder;
    if (said->kind == NODE_MAP && node_get(said, "project_directory"))
        project = compose_path(c, dir, node_text(node_get(said, "project_directory")));
    include_env(c, said->kind == NODE_MAP ? node_get(said, "env_file") : NULL, dir, project);
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
