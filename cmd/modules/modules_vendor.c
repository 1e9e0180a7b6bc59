/* weir modules vendor: the files of modules from elsewhere as part of the stack's own repository. */
#include "cmd/modules/modules_vendor.h"

#include "base/file.h"
#include "base/tree_manifest.h"

#include <stdio.h>
#include <unistd.h>

#define VENDOR_DIR "modules/vendor"

/* Is it another content's, of this stack or of another one beside it? */
static bool is_taken(const struct modules *m, struct str folder, struct str tree)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str path = path_join(&scratch, m->fetching.dir, folder);
    if (path_exists(path_join(&scratch, path, STR(TREE_MANIFEST)).p) &&
        tree_manifest_check(path.p, tree, ERR_IGNORED))
        return true;
    for (size_t i = 0; i < m->n; i++)
        if (str_eq(m->items[i]->pin.vendored, folder) && !str_eq(m->items[i]->pin.tree, tree))
            return true;
    return false;
}

/* modules/vendor/lake, or lake-2 where another one is called so; the same files have one folder. */
static struct str choose_folder(const struct modules *m, const struct module_used *used)
{
    struct arena *arena = &m->inv->arena;
    for (size_t i = 0; i < m->n; i++)
        if (m->items[i]->pin.vendored.n && str_eq(m->items[i]->pin.tree, used->pin.tree))
            return m->items[i]->pin.vendored;
    struct str folder = arena_printf(arena, VENDOR_DIR "/%.*s", STR_ARG(used->source.name));
    for (int k = 2; is_taken(m, folder, used->pin.tree); k++)
        folder = arena_printf(arena, VENDOR_DIR "/%.*s-%d", STR_ARG(used->source.name), k);
    return folder;
}

/* Whole or not at all; what was copied there before goes. */
static int replace_copy(struct arena *arena, const char *from, struct str to, struct err *err)
{
    const char *next = arena_printf(arena, "%.*s.new", STR_ARG(to)).p;
    tree_remove(next);
    int status = dir_make(next, err) || tree_manifest_copy(from, next, err);
    if (!status) {
        tree_remove(to.p);
        status = rename(next, to.p) ? err_errno(err, ERR_IO, "cannot make %s", to.p) : 0;
    }
    if (status)
        tree_remove(next);
    return status ? -1 : 0;
}

int modules_copy(struct modules *m, struct module_used *used)
{
    struct arena *arena = &m->inv->arena;
    struct err err = ERR_INIT, why = ERR_INIT;
    struct module_pin fetched = used->pin;
    struct str to = modules_folder(m, used, &used->pin);
    fetched.vendored = STR_EMPTY;
    if (path_is_dir(to.p)) {
        if (!tree_manifest_check(to.p, used->pin.tree, &why))
            return 0;
        if (!path_exists(path_join(arena, to, STR(TREE_MANIFEST)).p)) {
            err_set(&err, ERR_EXISTS, "%s is there already, and is nothing that was vendored", to.p);
            err_hint(&err, "move it to another place");
            return modules_wrong(m, used, &err);
        }
    }
    if (fetch_pinned(m->fetch, &used->source, &used->pin, &err) ||
        replace_copy(arena, modules_folder(m, used, &fetched).p, to, &err))
        return modules_wrong(m, used, &err);
    return 0;
}

static int vendor_one(struct modules *m, struct module_used *used)
{
    struct err err = ERR_INIT;
    if (!used->pin.tree.n) {
        err_set(&err, ERR_INVALID, "the lock does not say what this source stands for");
        err_hint(&err, "`weir modules update` first");
        return modules_wrong(m, used, &err);
    }
    if (!used->chosen)
        return 0;
    if (!used->pin.vendored.n)
        used->pin.vendored = choose_folder(m, used);
    return modules_copy(m, used);
}

/* What lies in .weir counts again. */
static int unvendor_one(struct modules *m, struct module_used *used)
{
    struct err err = ERR_INIT;
    if (!used->pin.tree.n || !used->chosen)
        return 0;
    used->pin.vendored = STR_EMPTY;
    return fetch_pinned(m->fetch, &used->source, &used->pin, &err) ? modules_wrong(m, used, &err) : 0;
}

static void remove_copies(struct modules *m)
{
    for (size_t i = 0; i < m->n; i++) {
        const struct module_pin *was = m->items[i]->was;
        bool kept = !was || !was->vendored.n;
        for (size_t k = 0; k < m->n && !kept; k++)
            kept = str_eq(m->items[k]->pin.vendored, was->vendored);
        if (!kept)
            tree_remove(modules_folder(m, m->items[i], was).p);
    }
    rmdir(path_join(&m->inv->arena, m->fetching.dir, STR(VENDOR_DIR)).p); /* if nothing is left in it */
}

static void vendor_report(struct modules *m)
{
    for (size_t i = 0; i < m->n; i++) {
        const struct module_pin *pin = &m->items[i]->pin;
        if (pin->vendored.n)
            invocation_note(m->inv, "%.*s  %.*s", STR_ARG(pin->vendored), STR_ARG(pin->source));
    }
    if (!m->n)
        invocation_note(m->inv, "The stack uses no remote modules.");
}

int modules_vendor_run(struct invocation *inv)
{
    const struct vendor_settings *own = inv->own;
    struct modules m;
    int status = modules_open(inv, true, &m);
    m.visit = own->remove ? unvendor_one : vendor_one;
    if (status == EXIT_DONE)
        status = modules_find(&m);
    if (status == EXIT_DONE)
        status = modules_write_lock(&m);
    if (status == EXIT_DONE) {
        remove_copies(&m);
        vendor_report(&m);
    }
    modules_close(&m);
    return status;
}
