/*
 * Modules from elsewhere, as far as loading knows them: what weir.lock pins and lies in a folder by then.
 * Fetching is stacks/fetch/'s.
 */
#include "stacks/load/load.h"

#include "base/file.h"
#include "base/tree_manifest.h"
#include "stacks/load/module_lock.h"

#include <limits.h>
#include <stdlib.h>

static bool remote_wrong(struct loader *loader, const struct node *node, const struct err *err)
{
    struct diag *d = diag_error(loader->diags, node_span(node), "%s", err->message);
    if (err->hint[0])
        diag_hint(loader->diags, d, "%s", err->hint);
    return false;
}

/* The stack's lock, read once; without pins where there is none. False: it cannot be used. */
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
    struct diag *d =
        diag_error(loader->diags, node_span(node), "%s does not say what this source stands for", path.p);
    diag_hint(loader->diags, d, "`weir modules update` finds out, fetches it and writes that down");
    return NULL;
}

/* Is what lies there what the lock says? Looked at once, however many modules it has. */
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
        err_hint(
            &err, missing ? "`weir validate` fetches them" : "take the folder away: it is fetched again");
    return remote_wrong(loader, node, &err);
}

/* There may be one in a folder further down: archives often begin with one. */
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
        return true; /* what is not there is reported as such */
    bool inside = realpath(arena_strz(loader->arena, unit->tree), top) != NULL;
    inside = inside &&
             (str_eqz(str_z(top), real) || (str_starts(str_z(real), str_z(top)) && real[strlen(top)] == '/'));
    if (!inside)
        diag_error(
            loader->diags, node_span(node), "a remote module uses nothing outside of what it came with");
    return inside;
}
