/* The folder that a module's source leads to, and what was meant where there is none. */
#include "stacks/load/load.h"

#include "base/file.h"

#include <dirent.h>
#include <sys/stat.h>

enum { NEIGHBOURS_MOST = 256 };

static bool same_folder(const char *a, const char *b)
{
    struct stat x, y;
    return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* dir/source as people would write it: "a/../b" is "b", unless a link makes that another folder. */
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

/* The module beside it whose folder's name is nearest; "" none is near. */
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
                : "the module's folder %.*s is not there",
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
