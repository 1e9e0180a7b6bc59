/* Finds the remote modules that a stack uses, and copies them into its folder: see modules.h. */
#include "cmd/modules/modules.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/tree_manifest.h"
#include "stacks/modules/modules.h"

#include <stdlib.h>
#include <unistd.h>

enum { SOURCES_MAX = 1000, SHORT_DIGITS = 12 };

int modules_open(struct invocation *inv, bool fetches, struct modules *out)
{
    struct err err = ERR_INIT;
    const char *given = inv->settings->dir ? inv->settings->dir : ".";
    *out = (struct modules){.inv = inv};
    int status = stack_exists(&inv->arena, given) ? invocation_prepare(inv) : EXIT_DONE;
    if (status != EXIT_DONE)
        return status;
    struct catalog_options catalog = {
        .kinds = inv->workspace_options.kinds, .specs_dir = inv->settings->specs};
    if (stack_exists(&inv->arena, given) && catalog_new(&catalog, &out->catalog, &err))
        return invocation_fail(inv, &err);
    out->fetching = (struct module_fetching){.options = &inv->workspace_options,
        .catalog = out->catalog,
        .diags = &inv->diags,
        .dir = arena_str(&inv->arena, path_is_dir(given) ? str_z(given) : path_dir(str_z(given)))};
    struct fetch_options options;
    module_files_options(&out->fetching, &options);
    if (fetches && out->catalog && fetch_open(&options, &out->fetch, &err))
        return invocation_fail(inv, &err);
    out->lock_path = module_lock_path(&inv->arena, str_z(given));
    if (module_lock_read(&inv->arena, out->lock_path, &inv->diags, &out->lock))
        return EXIT_DONE;
    return invocation_diags(inv);
}

void modules_close(struct modules *m)
{
    fetch_close(m->fetch);
    catalog_free(m->catalog);
    map_release(&m->known);
    free(m->items);
    *m = (struct modules){0};
}

int modules_report(struct modules *m, const struct module_used *used, const struct err *err)
{
    if (err->class == ERR_NONE) /* reported already */
        return -1;
    struct diag *d = diag_error(&m->inv->diags, used->span, "%s", err->message);
    if (err->hint[0])
        diag_hint(&m->inv->diags, d, "%s", err->hint);
    return -1;
}

struct str modules_folder(
    const struct modules *m, const struct module_used *used, const struct module_pin *pin)
{
    return module_pin_folder(&m->inv->arena, m->fetching.dir, &used->source, pin);
}

struct str modules_short(const struct module_pin *pin)
{
    return str_slice(pin->commit.n ? pin->commit : pin->archive, 0, SHORT_DIGITS);
}

static bool is_within(struct str module, struct str name)
{
    return str_eq(module, name) || (str_starts(module, name) && module.p[name.n] == '/');
}

/* Returns whether the module or an enclosing one is named on the command line; without names all are. */
static bool is_chosen(const struct modules *m, struct str module)
{
    const struct texts *names = &m->inv->args;
    for (size_t i = 0; i < names->n; i++)
        if (is_within(module, names->items[i]))
            return true;
    return !names->n;
}

static struct module_used *use_known(struct modules *m, const struct module_use *use)
{
    struct module_used *used = map_get(&m->known, use->source);
    struct err err = ERR_INIT;
    if (used)
        return used;
    used = ARENA_MAKE(&m->inv->arena, struct module_used, .module = use->module, .span = use->span);
    map_set(&m->known, use->source, used);
    used->was = module_lock_find(&m->lock, use->source);
    if (used->was)
        used->pin = *used->was;
    if (module_source_parse(&m->inv->arena, use->source, &used->source, &err)) {
        modules_report(m, used, &err);
        return NULL;
    }
    if (m->n >= SOURCES_MAX) {
        diag_error(&m->inv->diags, use->span, "there are more than %d sources", SOURCES_MAX);
        return NULL;
    }
    MEM_GROW(m->items, m->cap, m->n + 1);
    m->items[m->n++] = used;
    return used;
}

static void found(void *ctx, const struct module_use *use)
{
    struct modules *m = ctx;
    bool first = !map_get(&m->known, use->source), chosen = is_chosen(m, use->module);
    struct module_used *used = use_known(m, use);
    if (!used || (!first && (used->chosen || !chosen)))
        return;
    used->chosen = chosen;
    if (m->visit(m, used) || !used->pin.tree.n)
        return;
    struct str folder = path_join(&m->inv->arena, modules_folder(m, used, &used->pin), used->source.dir);
    module_uses_of_folder(&m->inv->arena, folder, use->module, &m->inv->diags, found, m);
}

/* Reports names that are not remote modules of the stack. */
static int check_names(struct modules *m)
{
    struct texts *names = &m->inv->args;
    for (size_t i = 0; i < names->n; i++) {
        bool known = false;
        struct str *all = ARENA_ARRAY(&m->inv->arena, struct str, m->n + 1);
        for (size_t k = 0; k < m->n; k++) {
            all[k] = m->items[k]->module;
            known = known || is_within(all[k], names->items[i]);
        }
        struct str near = str_nearest(names->items[i], all, m->n);
        if (!known)
            return invocation_usage(m->inv,
                near.n ? arena_printf(&m->inv->arena, "did you mean \"%.*s\"?", STR_ARG(near)).p
                       : "`weir modules list` shows those there are",
                "no remote module is called \"%.*s\"", STR_ARG(names->items[i]));
    }
    return EXIT_DONE;
}

int modules_find(struct modules *m)
{
    int failed = module_uses_of_stack(&m->inv->arena, m->inv->settings->dir, &m->inv->diags, found, m);
    int status = invocation_diags(m->inv);
    return status != EXIT_DONE ? status : failed ? EXIT_FAILED : check_names(m);
}

int modules_write_lock(struct modules *m)
{
    struct module_lock lock = {.pins = ARENA_ARRAY(&m->inv->arena, struct module_pin, m->n + 1)};
    struct err err = ERR_INIT;
    for (size_t i = 0; i < m->n; i++)
        if (m->items[i]->pin.tree.n)
            lock.pins[lock.n++] = m->items[i]->pin;
    return module_lock_write(m->lock_path.p, &lock, &err) ? invocation_fail(m->inv, &err) : EXIT_DONE;
}

/* ---- weir modules vendor: copies of remote modules in the stack's repository ---- */

#define VENDOR_DIR "modules/vendor"

/* Returns whether the folder contains, or is assigned to, other files than those of the tree. */
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

/* Returns modules/vendor/lake, or lake-2 if that folder is taken. Modules with the same files share a
 * folder. */
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

/* Replaces the copy completely, or not at all after an error. */
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
            err_set(&err, ERR_EXISTS, "%s exists already, and was not made by `weir modules vendor`", to.p);
            err_hint(&err, "move it to another place");
            return modules_report(m, used, &err);
        }
    }
    if (fetch_pinned(m->fetch, &used->source, &used->pin, &err) ||
        replace_copy(arena, modules_folder(m, used, &fetched).p, to, &err))
        return modules_report(m, used, &err);
    return 0;
}

static int vendor_one(struct modules *m, struct module_used *used)
{
    struct err err = ERR_INIT;
    if (!used->pin.tree.n) {
        err_set(&err, ERR_INVALID, "the lock does not resolve this source");
        err_hint(&err, "`weir modules update` first");
        return modules_report(m, used, &err);
    }
    if (!used->chosen)
        return 0;
    if (!used->pin.vendored.n)
        used->pin.vendored = choose_folder(m, used);
    return modules_copy(m, used);
}

/* The files in .weir are used again. */
static int unvendor_one(struct modules *m, struct module_used *used)
{
    struct err err = ERR_INIT;
    if (!used->pin.tree.n || !used->chosen)
        return 0;
    used->pin.vendored = STR_EMPTY;
    return fetch_pinned(m->fetch, &used->source, &used->pin, &err) ? modules_report(m, used, &err) : 0;
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
    rmdir(path_join(&m->inv->arena, m->fetching.dir, STR(VENDOR_DIR)).p); /* fails if it is not empty */
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
