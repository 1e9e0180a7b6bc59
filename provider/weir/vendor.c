/*
 * What a requirements file names, installed by pip into a folder beside the packages: anew when that file has
 * changed, or a package that it takes from this machine.
 */
#include "provider/weir/build.h"

#include "base/file.h"
#include "provider/weir/requirements.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ARGS_MAX = 24 };

/* Traces of a build beside the sources of a package. */
static const char *const built[] = {"build", "dist", "*.egg-info"};

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
    command_output_init(&output);
    int status = build_start(ctx, &(struct build_start){.args = args, .what = what}, &output, err);
    command_output_release(&output);
    if (status && !err->hint[0] && err->class == ERR_FAILED)
        err_hint(err, "only pure Python packages (wheels for any platform) can be vendored; build others "
                      "with `build`");
    return status;
}

/* ---- what there is to install ---- */

/* The wheels in a folder, as --find-links has it: none of a folder below. */
static int add_wheels(struct package *local, struct str folder, struct err *err)
{
    AUTO_DIR DIR *wheels = opendir(folder.p);
    const struct dirent *entry;
    int status = 0;
    while (wheels && !status && (entry = readdir(wheels))) {
        struct str path = path_join(local->arena, folder, str_z(entry->d_name));
        if (str_ends(path, STR(".whl")) && path_exists(path.p))
            status = package_add_file(local, path.p, err);
    }
    return status;
}

/* The sources of a package, which pip builds. */
static int add_sources(struct package *local, struct str folder, struct err *err)
{
    struct arena *arena = local->arena;
    const struct value *patterns[sizeof built / sizeof *built];
    for (size_t i = 0; i < sizeof built / sizeof *built; i++)
        patterns[i] = value_stringz(arena, built[i]);
    struct package_filter filter = {
        .exclude = value_list(arena, patterns, sizeof built / sizeof *built), .watched = true};
    return package_scan(local, folder.p, &filter, err);
}
/* What cannot be looked at is pip's to complain of. */
static int digest_places(
    struct artifact_cache *cache, const struct requirements *said, struct str *digest, struct err *err)
{
    struct package local;
    package_init(&local, cache->arena);
    for (size_t i = 0; i < said->place_count; i++) {
        const struct requirement_place *place = &said->places[i];
        if (!path_is_dir(place->path.p))
            package_add_file(&local, place->path.p, ERR_IGNORED);
        else if (place->links)
            add_wheels(&local, place->path, ERR_IGNORED);
        else
            add_sources(&local, place->path, ERR_IGNORED);
    }
    package_finish_inputs(&local);
    int status = package_hash(&local, cache->digests, err);
    *digest = local.n ? package_digest(&local, PACKAGE_FILE, false) : STR_EMPTY;
    package_release(&local);
    return status;
}

int build_vendor(struct op_ctx *ctx, struct artifact_cache *cache, const struct vendor *vendor,
    struct str *folder, struct err *err)
{
    struct arena *arena = ctx->arena;
    struct requirements said;
    struct str places;
    if (requirements_read(arena, vendor->requirements, ctx->dir, &said, err)) {
        err->class = ERR_INVALID;
        return -1;
    }
    if (digest_places(cache, &said, &places, err))
        return -1;
    struct str digest =
        sha256_hex(arena, arena_printf(arena, "1 %.*s %.*s\n%.*s%.*s", STR_ARG(vendor->interpreter),
                              STR_ARG(vendor->version), STR_ARG(said.text), STR_ARG(places)));
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
