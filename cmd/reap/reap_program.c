/*
 * weir as it runs elsewhere: this very program with every library that it has loaded, and their loader. By
 * the time an installation is planned that is all it needs, libcurl included, for states were read by then.
 */
#include "cmd/reap/reap_install.h"

#include "base/embed.h"
#include "base/file.h"
#include "base/system.h"

struct gathering {
    struct arena *arena;
    struct str folder;
    struct err *err;
};

static int copy(struct gathering *g, const char *from, struct str to)
{
    struct str text;
    return file_read(g->arena, from, 0, &text, g->err) ||
           file_write_atomic(path_join(g->arena, g->folder, to).p, text, 0755, g->err);
}

static int take_file(void *ctx, const char *path)
{
    struct gathering *g = ctx;
    struct str name = arena_printf(g->arena, "with/%.*s", STR_ARG(path_base(str_z(path))));
    return copy(g, path, strcmp(path, system_program()) ? name : STR("weir"));
}

static int write_bootstrap(struct gathering *g)
{
    const struct embedded_file *file = embedded_find(STR("cmd/reap/installed/bootstrap"));
    return file_write_atomic(
        path_join(g->arena, g->folder, STR("bootstrap")).p, embedded_text(file), 0755, g->err);
}

int reap_program_gather(struct arena *arena, struct str folder, struct err *err)
{
    struct gathering g = {arena, folder, err};
    tree_remove(folder.p);
    if (dir_make(path_join(arena, folder, STR("with")).p, err) || write_bootstrap(&g))
        return -1;
    return system_program_files(take_file, &g) ? -1 : 0;
}
