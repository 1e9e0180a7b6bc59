/*
 * What a requirements file names, installed by pip into a folder beside the packages.
 */
#include "provider/weir/build.h"

#include "base/file.h"
#include "provider/weir/command.h"
#include "provider/weir/requirements.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ARGS_MAX = 24 };

/*
 * Only wheels that run everywhere are taken: what has compiled parts would be this machine's, and differ from
 * another's.
 */
static int pip_install(struct op_ctx *ctx, const struct vendor *vendor, const char *target, struct err *err)
{
    struct arena *arena = ctx->arena;
    const char *fixed[] = {"-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
        "--no-compile", "--only-binary=:all:", "--implementation=py", "--abi=none", "--platform=any"};
    char *args[ARGS_MAX];
    size_t n = 0;
    args[n++] = arena_strz(arena, vendor->interpreter);
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        args[n++] = arena_strz(arena, str_z(fixed[i]));
    if (vendor->version.n)
        args[n++] = arena_strz(arena, arena_printf(arena, "--python-version=%.*s", STR_ARG(vendor->version)));
    args[n++] = arena_strz(arena, STR("--target"));
    args[n++] = realpath(target, arena_alloc(arena, PATH_MAX));
    args[n++] = arena_strz(arena, STR("-r"));
    args[n++] = realpath(vendor->requirements.p, arena_alloc(arena, PATH_MAX));
    args[n] = NULL;
    const char *what = arena_printf(arena, "installing %.*s with pip", STR_ARG(vendor->requirements)).p;
    struct command_output output;
    command_output_init(&output, ctx->inputs);
    int status = build_start(ctx, args, what, &output, err);
    command_output_release(&output);
    if (status && !err->hint[0] && err->class == ERR_FAILED)
        err_hint(err, "only pure Python packages (wheels for any platform) can be vendored; build others "
                      "with `build`");
    return status;
}

int build_vendor(struct op_ctx *ctx, struct artifact_cache *cache, const struct vendor *vendor,
    struct str *folder, struct err *err)
{
    struct arena *arena = ctx->arena;
    struct str said;
    if (requirements_read(arena, vendor->requirements, &said, err)) {
        err->class = ERR_INVALID;
        return -1;
    }
    struct str digest =
        sha256_hex(arena, arena_printf(arena, "1 %.*s %.*s\n%.*s", STR_ARG(vendor->interpreter),
                              STR_ARG(vendor->version), STR_ARG(said)));
    *folder = artifact_cache_vendored(cache, digest);
    if (path_is_dir(folder->p))
        return 0;
    char *unfinished = arena_strz(arena, arena_printf(arena, "%.*s.XXXXXX", STR_ARG(*folder)));
    if (artifact_cache_make(cache, err))
        return -1;
    if (!mkdtemp(unfinished))
        return err_errno(err, ERR_FAILED, "cannot make %s", unfinished);
    if (pip_install(ctx, vendor, unfinished, err)) {
        tree_remove(unfinished);
        return -1;
    }
    if (rename(unfinished, folder->p)) {
        int why = errno;
        tree_remove(unfinished);
        if (why != EEXIST && why != ENOTEMPTY) /* another process was first: the same packages */
            return err_set(err, ERR_FAILED, "cannot make %s: %s", folder->p, strerror(why));
    }
    if (cache->vendored.n && !str_eq(cache->vendored, digest))
        tree_remove(artifact_cache_vendored(cache, cache->vendored).p);
    cache->vendored = digest;
    artifact_cache_save(cache);
    return 0;
}
