/*
 * weir as it runs elsewhere: this very program with every library that it has loaded, and their loader. By
 * the time an installation is planned that is all it needs, libcurl included, for states were read by then.
 */
#include "cmd/reap/reap_install.h"

#include "base/embed.h"
#include "base/file.h"

#include <link.h>

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

/* Not 0 ends the walk. What has no path is the program itself, or the kernel's. */
static int take_library(struct dl_phdr_info *info, size_t size UNUSED, void *ctx)
{
    struct gathering *g = ctx;
    struct str path = str_z(info->dlpi_name);
    if (!path.n || path.p[0] != '/')
        return 0;
    return copy(g, path.p, arena_printf(g->arena, "with/%.*s", STR_ARG(path_base(path))));
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
    if (dir_make(path_join(arena, folder, STR("with")).p, err) || copy(&g, "/proc/self/exe", STR("weir")) ||
        write_bootstrap(&g))
        return -1;
    return dl_iterate_phdr(take_library, &g) ? -1 : 0;
}

const char *reap_program_architecture(void)
{
#if defined __x86_64__
    return "x86_64";
#elif defined __aarch64__
    return "arm64";
#else
    return NULL;
#endif
}
