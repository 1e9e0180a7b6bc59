/*
 * Finds the folder of a module's source, of remote modules as weir.lock pins them; lists the remote modules
 * that a stack names.
 */
#include "base/file.h"
#include "base/tree_manifest.h"
#include "stacks/load/load.h"
#include "stacks/modules/modules.h"

#include <stdlib.h>
#include <sys/stat.h>

/* ---- remote modules that a stack names ---- */

struct using
{
    struct arena *arena;
    struct diags *diags;
    module_use_found *found;
    void *ctx;
    struct map seen; /* real paths: each file is read once, even under several names */
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

/* Rule sets have the same sources as modules. Of a folder only its rules are read. */
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

enum { NEIGHBOURS_MOST = 256 };

static bool same_folder(const char *a, const char *b)
{
    struct stat x, y;
    return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Joins the paths and removes "..": "a/../b" is "b", unless a symbolic link makes that another folder. */
static struct str join_folder(struct arena *arena, struct str dir, struct str source)
{
    struct str plain = path_join(arena, dir, source);
    for (;;) {
        if (str_starts(source, STR("./"))) {
            source = str_slice(source, 2, source.n);
        } else if (str_starts(source, STR("../")) && !str_ends(dir, STR("..")) && !str_eqz(dir, ".")) {
            source = str_slice(source, 3, source.n);
            dir = path_dir(dir);
        } else {
            break;
        }
    }
    struct str clean = path_join(arena, dir, source);
    return !path_exists(plain.p) || same_folder(plain.p, clean.p) ? clean : plain;
}

/* Returns the sibling folder with a module whose name is most similar, or "". */
static struct str nearest_module(struct arena *arena, struct str dir)
{
    struct str *names = ARENA_ARRAY(arena, struct str, NEIGHBOURS_MOST), parent = path_dir(dir), file;
    size_t n = 0;
    AUTO_DIR DIR *folder = opendir(arena_strz(arena, parent));
    const struct dirent *entry;
    while (folder && n < NEIGHBOURS_MOST && (entry = dir_next(folder)) != NULL) {
        struct str name = arena_str(arena, str_z(entry->d_name));
        if (find_stack_file(arena, path_join(arena, parent, name), &file))
            names[n++] = name;
    }
    return str_nearest(path_base(dir), names, n);
}

static void report_folder(struct unit *unit, const struct node *node, struct str source, struct str dir)
{
    struct loader *loader = unit->loader;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    bool is_file = path_exists(arena_strz(&scratch, dir)), slash = str_find_char(source, '/', 2) >= 0;
    struct str near = is_file ? STR_EMPTY : nearest_module(&scratch, dir), folder = path_dir(source);
    struct diag *d = diag_error(loader->diags, node_span(node),
        is_file ? "the source of a module is its folder, and %.*s is a file"
                : "the module's folder %.*s does not exist",
        STR_ARG(dir));
    if (is_file && slash)
        diag_label(loader->diags, d, "did you mean \"%.*s\"?", STR_ARG(folder));
    else if (near.n)
        diag_label(loader->diags, d, "did you mean \"%.*s/%.*s\"?", STR_ARG(folder), STR_ARG(near));
    diag_hint(loader->diags, d,
        "a module is a folder with a weir.yaml; the path to it is from the folder of the file that names it");
}

bool module_find_folder(struct unit *unit, const struct node *node, struct str source)
{
    struct loader *loader = unit->loader;
    if (unit->parent->builtin) {
        diag_error(loader->diags, node_span(node), "a built-in module uses only built-in modules");
        return false;
    }
    struct str dir = join_folder(loader->arena, unit->parent->module->dir, source);
    if (!path_is_dir(arena_strz(loader->arena, dir))) {
        report_folder(unit, node, source, dir);
        return false;
    }
    if (!remote_stays_inside(unit, node, dir))
        return false;
    unit->module->dir = dir;
    if (find_stack_file(loader->arena, dir, &unit->file))
        return true;
    struct diag *d =
        diag_error(loader->diags, node_span(node), "the folder %.*s has no weir.yaml", STR_ARG(dir));
    diag_hint(loader->diags, d, "a module is a stack file without `stack:`, with `inputs:` and `outputs:`");
    return false;
}

/* ---- Remote modules while loading: weir.lock pins them, and an earlier command fetched their files.
 * stacks/fetch/ fetches. */

static bool remote_wrong(struct loader *loader, const struct node *node, const struct err *err)
{
    struct diag *d = diag_error(loader->diags, node_span(node), "%s", err->message);
    if (err->hint[0])
        diag_hint(loader->diags, d, "%s", err->hint);
    return false;
}

/* Reads the stack's lock once. It has no pins if the file does not exist. Returns false if the file is
 * invalid. */
static bool remote_lock(struct loader *loader, const struct node *at)
{
    struct unit *root = loader->units[0];
    struct str path = module_lock_path(loader->arena, root->file);
    if (loader->lock)
        return loader->lock_good;
    loader->lock = ARENA_NEW(loader->arena, struct module_lock);
    loader->lock_good = true;
    if (!unit_has_file(root, path))
        return true;
    const struct node *node = unit_read_file(root, path, at);
    loader->lock_good = node && module_lock_of(loader->arena, node, loader->diags, loader->lock);
    return loader->lock_good;
}

static const struct module_pin *find_pin(struct loader *loader, const struct node *node, struct str source)
{
    if (!remote_lock(loader, node))
        return NULL;
    const struct module_pin *pin = module_lock_find(loader->lock, source);
    if (pin)
        return pin;
    struct str path = path_base(module_lock_path(loader->arena, loader->units[0]->file));
    struct diag *d = diag_error(loader->diags, node_span(node), "%s does not resolve this source", path.p);
    diag_hint(loader->diags, d, "`weir modules update` resolves it, fetches it and writes the lock");
    return NULL;
}

/* Compares the module's files with the lock, once for all modules in that folder. */
static bool check_tree(
    struct loader *loader, const struct node *node, struct str tree, const struct module_pin *pin)
{
    struct err err = ERR_INIT;
    if (map_get(&loader->trees, tree))
        return true;
    bool missing = !path_is_dir(arena_strz(loader->arena, tree));
    if (missing)
        err_set(&err, ERR_ABSENT, "the files of this module are not in %.*s", STR_ARG(tree));
    else if (!tree_manifest_check(arena_strz(loader->arena, tree), pin->tree, &err)) {
        map_set(&loader->trees, tree, loader);
        return true;
    }
    if (pin->vendored.n)
        err_hint(&err, "`weir modules vendor` copies it again; a copy to change is a folder of its own");
    else
        err_hint(&err, missing ? "`weir validate` fetches them" : "delete the folder: it is fetched again");
    return remote_wrong(loader, node, &err);
}

/* Lists modules in folders further down, since archives often have a top folder. */
static bool report_no_file(struct unit *unit, const struct node *node, const struct module_source *source)
{
    struct loader *loader = unit->loader;
    struct diag *d = diag_error(loader->diags, node_span(node), "there is no weir.yaml in %.*s of the source",
        source->dir.n ? (int)source->dir.n : (int)strlen("the folder"),
        source->dir.n ? source->dir.p : "the folder");
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str text, path = path_join(&scratch, unit->tree, STR(TREE_MANIFEST));
    if (file_read(&scratch, path.p, 0, &text, ERR_IGNORED))
        return false;
    for (struct str line; text.p && text.n;) {
        line = str_cut(text, '\n', &text);
        str_cut(line, ' ', &line);
        str_cut(line, ' ', &line);
        if (!line.p || !str_eqz(path_base(line), "weir.yaml"))
            continue;
        diag_hint(loader->diags, d, "there is one in %.*s: say //%.*s after the address",
            STR_ARG(path_dir(line)), STR_ARG(path_dir(line)));
        break;
    }
    return false;
}

bool find_remote(struct unit *unit, const struct node *node, struct str text)
{
    struct loader *loader = unit->loader;
    struct module_source source;
    struct err err = ERR_INIT;
    if (module_source_parse(loader->arena, text, &source, &err))
        return remote_wrong(loader, node, &err);
    const struct module_pin *pin = find_pin(loader, node, text);
    if (!pin)
        return false;
    struct str tree = module_pin_folder(loader->arena, loader->stack->dir, &source, pin);
    if (!check_tree(loader, node, tree, pin))
        return false;
    unit->tree = tree;
    unit->module->dir = path_join(loader->arena, tree, source.dir);
    return find_stack_file(loader->arena, unit->module->dir, &unit->file) ||
           report_no_file(unit, node, &source);
}

bool remote_stays_inside(struct unit *unit, const struct node *node, struct str path)
{
    char real[PATH_MAX], top[PATH_MAX];
    struct loader *loader = unit->loader;
    if (!unit->tree.n || !realpath(arena_strz(loader->arena, path), real))
        return true; /* absent files are reported elsewhere */
    bool inside = realpath(arena_strz(loader->arena, unit->tree), top) != NULL;
    inside = inside &&
             (str_eqz(str_z(top), real) || (str_starts(str_z(real), str_z(top)) && real[strlen(top)] == '/'));
    if (!inside)
        diag_error(
            loader->diags, node_span(node), "a remote module uses nothing outside of what it came with");
    return inside;
}
