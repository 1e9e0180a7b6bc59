/* Which files a stack is made of, found without evaluating anything: see files.h. */
#include "stacks/load/files.h"

#include "base/file.h"
#include "base/map.h"
#include "base/yaml.h"
#include "stacks/load/load.h"

#include <glob.h>
#include <limits.h>
#include <stdlib.h>

struct walk {
    struct arena *arena;
    struct map seen; /* real paths */
    void (*found)(void *ctx, struct str path);
    void *ctx;
};

static void files_add_file(struct walk *walk, struct str dir, struct str file);

/* "./net" of "stack" is "stack/net". */
static struct str files_join(struct walk *walk, struct str dir, struct str name)
{
    while (str_starts(name, STR("./")))
        name = str_slice(name, 2, name.n);
    return path_join(walk->arena, dir, name);
}

static void add_includes(struct walk *walk, struct str dir, const struct node *list)
{
    for (uint32_t i = 0; list && list->kind == NODE_LIST && i < list->count; i++)
        if (list->items[i]->kind == NODE_STRING)
            files_add_file(walk, dir, files_join(walk, dir, list->items[i]->string));
}

static void add_modules(struct walk *walk, struct str dir, const struct node *modules)
{
    for (uint32_t i = 0; modules && modules->kind == NODE_MAP && i < modules->count; i++) {
        const struct node *source = node_get(modules->entries[i].value, "source");
        struct str file;
        if (!source || source->kind != NODE_STRING || str_starts(source->string, STR("builtin/")))
            continue;
        struct str folder = files_join(walk, dir, source->string);
        if (find_stack_file(walk->arena, folder, &file))
            files_add_file(walk, folder, file);
    }
}

/* Paths in a file are relative to its module's folder, `dir`. */
static void files_add_file(struct walk *walk, struct str dir, struct str file)
{
    char real[PATH_MAX];
    if (!realpath(file.p, real) || map_set(&walk->seen, arena_str(walk->arena, str_z(real)), walk))
        return;
    walk->found(walk->ctx, file);
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    const struct node *root = yaml_load(walk->arena, file.p, file, &ignored);
    if (!root || root->kind != NODE_MAP)
        return;
    add_includes(walk, dir, node_get(root, "include"));
    add_modules(walk, dir, node_get(root, "modules"));
}

int stack_files(struct arena *arena, const char *dir, struct diags *diags,
    void (*found)(void *ctx, struct str path), void *ctx)
{
    struct str folder, file;
    if (!find_stack(arena, dir, &folder, &file, diags))
        return -1;
    struct walk walk = {.arena = arena, .found = found, .ctx = ctx};
    files_add_file(&walk, folder, file);
    map_release(&walk.seen);
    return 0;
}

/* Looking for names in all files of the stack. */
struct naming {
    struct arena *arena;
    void (*found)(void *ctx, struct str name);
    void *ctx;
};

static const struct node *naming_read(const struct naming *naming, struct str path)
{
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    const struct node *root = yaml_load(naming->arena, path.p, path, &ignored);
    return root && root->kind == NODE_MAP ? root : NULL;
}

static void name_keys(const struct naming *naming, const struct node *root, const char *section)
{
    const struct node *map = root ? node_get(root, section) : NULL;
    for (size_t i = 0; map && map->kind == NODE_MAP && i < map->count; i++)
        naming->found(naming->ctx, map->entries[i].key);
}

/* Members of a fleet are environments, as far as the file names them. */
static void name_environments(void *ctx, struct str path)
{
    const struct naming *naming = ctx;
    const struct node *root = naming_read(naming, path);
    const struct node *fleet = root ? node_get(root, "fleet") : NULL;
    const struct node *each = fleet && fleet->kind == NODE_MAP ? node_get(fleet, "each") : NULL;
    name_keys(naming, root, "environments");
    for (size_t i = 0; each && each->kind == NODE_LIST && i < each->count; i++)
        if (each->items[i]->kind == NODE_STRING)
            naming->found(naming->ctx, each->items[i]->string);
}

static void name_connections(void *ctx, struct str path)
{
    const struct naming *naming = ctx;
    name_keys(naming, naming_read(naming, path), "connections");
}

int stack_environments(struct arena *arena, const char *dir, struct diags *diags,
    void (*found)(void *ctx, struct str name), void *ctx)
{
    struct naming naming = {arena, found, ctx};
    return stack_files(arena, dir, diags, name_environments, &naming);
}

int stack_connections(struct arena *arena, const char *dir, struct diags *diags,
    void (*found)(void *ctx, struct str name), void *ctx)
{
    struct naming naming = {arena, found, ctx};
    return stack_files(arena, dir, diags, name_connections, &naming);
}

/* As a pattern that only its own name matches. */
static struct str escape_pattern(struct arena *arena, struct str path)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < path.n; i++) {
        if (strchr("*?[\\", path.p[i]))
            buf_add_char(&out, '\\');
        buf_add_char(&out, path.p[i]);
    }
    return arena_str(arena, buf_str(&out));
}

void stack_test_files(
    struct arena *arena, const char *dir, void (*found)(void *ctx, struct str path), void *ctx)
{
    struct str given = str_z(dir ? dir : "."), root = path_is_dir(given.p) ? given : path_dir(given);
    struct str pattern = path_join(arena, escape_pattern(arena, root), STR("tests/*.yaml"));
    glob_t tests;
    if (glob(pattern.p, 0, NULL, &tests) == 0)
        for (size_t i = 0; i < tests.gl_pathc; i++)
            found(ctx, arena_str(arena, str_z(tests.gl_pathv[i])));
    globfree(&tests);
}
