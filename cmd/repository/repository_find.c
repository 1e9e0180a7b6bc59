/* The stacks below a folder. */
#include "cmd/repository/repository.h"

#include "base/file.h"
#include "base/yaml.h"
#include "stacks/load/load.h"

#include <stdlib.h>
#include <sys/stat.h>

enum { FOLDERS_DEEP = 40 };

struct finding {
    struct arena *arena;
    const char *top;
    struct texts found;
    size_t cap;
};

/* NULL: there is none that can be read. */
static const struct node *stack_root(struct arena *arena, struct str folder, bool *there)
{
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    struct str file;
    *there = find_stack_file(arena, folder, &file);
    const struct node *root = *there ? yaml_load(arena, arena_strz(arena, file), file, &ignored) : NULL;
    return root && root->kind == NODE_MAP ? root : NULL;
}

/* One with mistakes is a stack, so that they are reported. */
static bool has_stack(struct arena *arena, struct str folder)
{
    bool there;
    const struct node *root = stack_root(arena, folder, &there);
    return there && (!root || node_get(root, "stack"));
}

bool repository_has_fleet(struct arena *arena, const char *folder)
{
    bool there;
    const struct node *root = stack_root(arena, str_z(folder), &there);
    return root && node_get(root, "fleet");
}

static void find_below(struct finding *f, struct str name, int depth);

static bool is_searched(struct finding *f, struct str path, const char *name)
{
    struct stat st;
    return name[0] != '.' && strcmp(name, "node_modules") != 0 && !lstat(arena_strz(f->arena, path), &st) &&
           S_ISDIR(st.st_mode);
}

static void look_into(struct finding *f, struct str folder, struct str name, int depth)
{
    AUTO_DIR DIR *dir = opendir(arena_strz(f->arena, folder));
    for (const struct dirent *entry; dir && depth < FOLDERS_DEEP && (entry = dir_next(dir));) {
        struct str own = arena_str(f->arena, str_z(entry->d_name));
        if (is_searched(f, path_join(f->arena, folder, own), entry->d_name))
            find_below(f, name.n ? path_join(f->arena, name, own) : own, depth + 1);
    }
}

/* `name` "": the top. */
static void find_below(struct finding *f, struct str name, int depth)
{
    struct str folder = name.n ? path_join(f->arena, str_z(f->top), name) : str_z(f->top);
    if (has_stack(f->arena, folder)) {
        ARENA_GROW(f->arena, f->found.items, f->found.n, f->cap);
        f->found.items[f->found.n++] = name.n ? name : STR(".");
    }
    look_into(f, folder, name, depth);
}

struct texts repository_find(struct arena *arena, const char *top)
{
    struct finding f = {.arena = arena, .top = top};
    find_below(&f, STR_EMPTY, 0);
    if (f.found.n)
        qsort(f.found.items, f.found.n, sizeof *f.found.items, str_order);
    return f.found;
}
