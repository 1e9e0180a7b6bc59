/* Which modules from elsewhere a stack names: see module_uses.h. */
#include "stacks/modules/module_uses.h"

#include "base/file.h"
#include "base/map.h"
#include "stacks/load/load.h"
#include "stacks/stack_yaml.h"

#include <limits.h>
#include <stdlib.h>

struct using
{
    struct arena *arena;
    struct diags *diags;
    module_use_found *found;
    void *ctx;
    struct map seen; /* real paths; each file is looked at once, whatever it is called there */
};

static void uses_add_file(struct using *u, struct str dir, struct str file, struct str module);

static void add_module(struct using *u, struct str dir, const struct node_entry *entry, struct str module)
{
    const struct node *source = node_get(entry->value, "source");
    struct str file, name = module.n ? path_join(u->arena, module, entry->key) : entry->key;
    if (!source || source->kind != NODE_STRING || str_find(source->string, STR("${"), 0) >= 0)
        return;
    if (module_source_is_remote(source->string)) {
        u->found(u->ctx, &(struct module_use){name, source->string, node_span(source)});
    } else if (!str_starts(source->string, STR("builtin/"))) {
        struct str folder = path_join(u->arena, dir, source->string);
        if (find_stack_file(u->arena, folder, &file))
            uses_add_file(u, folder, file, name);
    }
}

/* Sets of rules are found as modules are; of a folder nothing but its rules counts. */
static void add_rule_set(struct using *u, const struct node *set, struct str module)
{
    if (set->kind == NODE_STRING && module_source_is_remote(set->string))
        u->found(u->ctx, &(struct module_use){module.n ? module : STR("rules"), set->string, node_span(set)});
}

static void uses_add_file(struct using *u, struct str dir, struct str file, struct str module)
{
    char real[PATH_MAX];
    if (!realpath(file.p, real) || map_set(&u->seen, arena_str(u->arena, str_z(real)), u))
        return;
    const struct node *root = stack_yaml_load(u->arena, file.p, file, u->diags);
    const struct node *list = root ? node_get(root, "include") : NULL;
    const struct node *modules = root ? node_get(root, "modules") : NULL;
    for (uint32_t i = 0; list && list->kind == NODE_LIST && i < list->count; i++)
        if (list->items[i]->kind == NODE_STRING)
            uses_add_file(u, dir, path_join(u->arena, dir, list->items[i]->string), module);
    const struct node *rules = root ? node_get(root, "rules") : NULL,
                      *sets = rules ? node_get(rules, "use") : NULL;
    for (uint32_t i = 0; sets && sets->kind == NODE_LIST && i < sets->count; i++)
        add_rule_set(u, sets->items[i], module);
    for (uint32_t i = 0; modules && modules->kind == NODE_MAP && i < modules->count; i++)
        add_module(u, dir, &modules->entries[i], module);
}

int module_uses_of_stack(
    struct arena *arena, const char *dir, struct diags *diags, module_use_found *found, void *ctx)
{
    struct using u = {.arena = arena, .diags = diags, .found = found, .ctx = ctx};
    struct str folder, file;
    if (!find_stack(arena, dir, &folder, &file, diags))
        return -1;
    uses_add_file(&u, folder, file, STR_EMPTY);
    map_release(&u.seen);
    return 0;
}

void module_uses_of_folder(struct arena *arena, struct str folder, struct str module, struct diags *diags,
    module_use_found *found, void *ctx)
{
    struct using u = {.arena = arena, .diags = diags, .found = found, .ctx = ctx};
    struct str file;
    if (find_stack_file(arena, folder, &file))
        uses_add_file(&u, folder, file, module);
    map_release(&u.seen);
}
