#include "stacks/files.h"

#include "base/file.h"
#include "base/map.h"
#include "base/yaml.h"
#include "stacks/load.h"

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
static struct str join(struct walk *walk, struct str dir, struct str name)
{
    while (str_starts(name, STR("./")))
        name = str_slice(name, 2, name.n);
    return path_join(walk->arena, dir, name);
}

static void add_includes(struct walk *walk, struct str dir, const struct node *list)
{
    for (uint32_t i = 0; list && list->kind == NODE_LIST && i < list->count; i++)
        if (list->items[i]->kind == NODE_STRING)
            files_add_file(walk, dir, join(walk, dir, list->items[i]->string));
}

static void add_modules(struct walk *walk, struct str dir, const struct node *modules)
{
    for (uint32_t i = 0; modules && modules->kind == NODE_MAP && i < modules->count; i++) {
        const struct node *source = node_get(modules->entries[i].value, "source");
        struct str file;
        if (!source || source->kind != NODE_STRING || str_starts(source->string, STR("builtin/")))
            continue;
        struct str folder = join(walk, dir, source->string);
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

struct environments {
    struct arena *arena;
    void (*found)(void *ctx, struct str name);
    void *ctx;
};

static void add_environments(void *ctx, struct str path)
{
    const struct environments *e = ctx;
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    const struct node *root = yaml_load(e->arena, path.p, path, &ignored);
    const struct node *section = root && root->kind == NODE_MAP ? node_get(root, "environments") : NULL;
    for (uint32_t i = 0; section && section->kind == NODE_MAP && i < section->count; i++)
        e->found(e->ctx, section->entries[i].key);
    const struct node *fleet = root && root->kind == NODE_MAP ? node_get(root, "fleet") : NULL;
    const struct node *each = fleet && fleet->kind == NODE_MAP ? node_get(fleet, "each") : NULL;
    for (size_t i = 0; each && each->kind == NODE_LIST && i < each->count; i++)
        if (each->items[i]->kind == NODE_STRING)
            e->found(e->ctx, each->items[i]->string);
}

int stack_environments(struct arena *arena, const char *dir, struct diags *diags,
    void (*found)(void *ctx, struct str name), void *ctx)
{
    struct environments e = {arena, found, ctx};
    return stack_files(arena, dir, diags, add_environments, &e);
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
